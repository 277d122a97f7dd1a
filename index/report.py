"""What a build did, for the person who runs it: kept beside the builds, as data and as a page."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from index.diff import BuildDiff
from index.gold import GoldResult
from index.store import Store
from ingest.disk import write_whole

__all__ = [
    "BuildReport",
    "Duplicate",
    "Timing",
    "prune_reports",
    "read_report",
    "report_html",
    "report_path",
    "write_report",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A document that says what an earlier one says: their paths, and the share of its text that is the other's."""

    path: str
    other: str
    share: float

    @property
    def text(self) -> str:
        """The same in a French sentence."""
        how = "dit la même chose que" if self.share >= 1 else f"répète à {self.share:.0%} ce que dit".replace("%", " %")
        return f"{self.path} {how} {self.other}. Retirez l’un des deux."


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a part of the work took, in seconds; `what` is a name of `Progress`, or `total`."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. Texts are in French, for the operator.

    `made` is when, ISO 8601 with the time zone. `skipped` are the files that could not be read and why, `notices` what
    of others could not, `problems` what to mend in the corpus, `duplicates` documents that repeat another. `read` files
    were read anew, the others were known from before; so were the vectors of `reused` texts, and not of `encoded` ones.
    `recall` and `live_recall` are the share of gold quotes found, None where not measured. `gold` says what became of
    each gold question, `live_gold` the same of the build `live_id` that was live, and `diff` how both differ; None
    where there was none. `refusals` say why it should not be published, `published` whether it was.
    """

    build_id: str
    documents: int
    passages: int
    sentences: int
    skipped: tuple[str, ...]
    unchanged: bool = False
    encoded: int = 0
    reused: int = 0
    problems: tuple[str, ...] = ()
    recall: float | None = None
    live_recall: float | None = None
    made: str = ""
    published: bool = False
    refusals: tuple[str, ...] = ()
    read: int = 0
    notices: tuple[str, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    live_id: str | None = None
    diff: BuildDiff | None = None
    gold: tuple[GoldResult, ...] = ()
    live_gold: tuple[GoldResult, ...] = ()
    timings: tuple[Timing, ...] = ()
    judged_by: str = ""


_REPORT = TypeAdapter(BuildReport)


def report_path(store: Store, build_id: str, suffix: str = ".html") -> Path:
    """Where the report of a build is kept: `.html` for people, `.json` for programs."""
    return store.folder / "reports" / f"{build_id}{suffix}"


def read_report(store: Store, build_id: str) -> BuildReport | None:
    """The report of a build; None where there is none, or it is damaged or of another version."""
    try:
        report = _REPORT.validate_json(report_path(store, build_id, ".json").read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("report of %s: %s", build_id, error)
        return None
    return report if report.build_id == build_id else None


def write_report(store: Store, report: BuildReport) -> None:
    """Keep a report, as data and as a page; each of the two appears whole. What cannot be written is logged."""
    try:
        report_path(store, report.build_id).parent.mkdir(parents=True, exist_ok=True)
        write_whole(report_path(store, report.build_id, ".json"), _REPORT.dump_json(report, indent=1))
        write_whole(report_path(store, report.build_id), report_html(report).encode("utf-8"))
    except OSError as error:
        log.warning("report of %s: %s", report.build_id, error)


def prune_reports(store: Store) -> None:
    """Delete the reports of builds that are no longer kept, and what killed builds left of reports."""
    kept = set(store.build_ids())
    for path in report_path(store, "x").parent.glob("*"):
        if path.name.partition(".")[0] not in kept:
            with suppress(OSError):  # to be tried again with the next build
                path.unlink()


def report_html(report: BuildReport) -> str:
    """The report as one page of French HTML that needs no other file."""
    from index.report_page import page

    return page(report)
