"""How much a crawl takes, and what it did, for the person who asked for it."""

from dataclasses import dataclass
from pathlib import Path

from ingest.crawl_state import CrawlState, Outcome

__all__ = ["CrawlLimits", "CrawlReport", "Found", "crawl_report"]


@dataclass(frozen=True, slots=True)
class CrawlLimits:
    """How much one crawl takes at most, how long it waits between two requests, and whether PDF and the like come too.

    `pages` counts what is asked of the site, also what turns out to be nothing; a site may ask for longer pauses.
    """

    pages: int = 500
    depth: int = 10
    minutes: float = 60
    megabytes: float = 500
    pause_s: float = 1.0
    documents: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An address in a report: its document's path if it has one, or why it has none, in French."""

    url: str
    path: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """What a crawl did, all its interrupted parts together.

    `gone` are documents of the corpus that the site has no more; `documents` linked files that were not asked for;
    `deeper` and `waiting` count addresses left. `stopped` says in French why it is not finished, empty if it is.
    """

    site: str
    new: tuple[Found, ...]
    changed: tuple[Found, ...]
    unchanged: int
    gone: tuple[Found, ...]
    left_out: tuple[Found, ...]
    failed: tuple[Found, ...]
    documents: int
    deeper: int
    waiting: int
    stopped: str
    by_sitemap: bool
    requests: int
    seconds: float
    interrupted: bool = False


def crawl_report(
    state: CrawlState, corpus: Path, *, site: str, stopped: str, interrupted: bool, requests: int, seconds: float
) -> CrawlReport:
    """What the state says of the crawl at work."""

    def found(*outcomes: Outcome) -> tuple[Found, ...]:
        return tuple(Found(row.url, row.path, row.reason) for row in state.rows(*outcomes))

    twins = (Found(f.url, f.path, f"presque le même texte que {f.reason}") for f in found(Outcome.DUPLICATE))
    held = state.held()
    return CrawlReport(
        site=site,
        new=found(Outcome.NEW),
        changed=found(Outcome.CHANGED),
        unchanged=state.count(Outcome.UNCHANGED),
        gone=tuple(
            Found(row.url, row.path, row.reason)
            for row in state.brought()
            if row.outcome is Outcome.GONE and (corpus / row.path).is_file()
        ),
        left_out=(*found(Outcome.LEFT_OUT, Outcome.TRAP), *twins, *(f for f in found(Outcome.GONE) if not f.path)),
        failed=found(Outcome.FAILED),
        documents=held["document"],
        deeper=held["profondeur"],
        waiting=state.count(Outcome.WAITING),
        stopped=stopped,
        by_sitemap=state.setting("listed", "0") != "0",
        requests=requests,
        seconds=round(seconds, 1),
        interrupted=interrupted,
    )
