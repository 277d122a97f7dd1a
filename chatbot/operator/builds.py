"""The pages of the builds: made, compared with what is in service, put into service, taken back."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from chatbot.operator.adding import in_our_words
from chatbot.operator.command import State as Progress
from chatbot.operator.command import Step
from chatbot.operator.desk import Desk
from chatbot.operator.documents import Holding, State
from chatbot.operator.page import Page, Visit, page, then
from chatbot.operator.view import duration
from chatbot.terminal import LABELS
from index import IndexStoreError
from index.diff import BuildDiff, diff_builds
from index.gold import GoldResult
from index.model import model_revision
from index.report import BuildReport
from index.store import Manifest
from ingest.files import SOURCES_FILE

__all__ = ["build_pages"]

_NAMES = LABELS | {"vectors": "Calcul du sens des passages"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored build in the list of them. `problem` says in French why it cannot be used, empty where it can."""

    id: str
    made_at: float
    manifest: Manifest | None
    problem: str
    is_live: bool
    is_candidate: bool
    is_set_aside: bool


def build_pages(desk: Desk) -> list[tuple[str, str, Page]]:
    """Each with its method and path."""
    pages = _Builds(desk)
    return [
        ("GET", "/", pages.home),
        ("GET", "/construire", pages.making),
        ("POST", "/construire", pages.make),
        ("POST", "/construire/arreter", pages.cancel),
        ("GET", "/construire/etat", pages.progress),
        ("GET", "/constructions", pages.index),
        ("GET", "/constructions/{build_id}", pages.report),
        ("POST", "/constructions/publier", pages.publish),
        ("POST", "/constructions/precedente", pages.roll_back),
        ("POST", "/constructions/relire", pages.read_again),
    ]


class _Builds:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def home(self, visit: Visit) -> Response:
        """Where everything stands, and what to do next."""
        desk = self._desk
        holdings = desk.documents()
        candidate_id = desk.candidate_id()
        report = desk.report(candidate_id) if candidate_id else None
        return page(
            "home",
            visit,
            live=desk.live(),
            live_id=desk.live_id() or "",
            live_at=desk.built_at(desk.live_id()),
            candidate=desk.candidate(),
            candidate_at=desk.built_at(candidate_id),
            is_set_aside=desk.is_set_aside(candidate_id),
            broken=self._broken(),
            refusals=report.refusals if report else (),
            waiting=_of(holdings, State.WAITING),
            skipped=_of(holdings, State.SKIPPED),
            gone=_of(holdings, State.GONE),
            is_up_to_date=desk.is_up_to_date(),
            fault=desk.fault(),
            progress=desk.construction.state,
        )

    def making(self, visit: Visit) -> Response:
        """The rebuild: how far it is, how the last one ended, a button to begin."""
        desk = self._desk
        candidate_id = desk.candidate_id()
        return page(
            "making",
            visit,
            progress=desk.construction.state,
            steps=_told(desk.construction.state),
            is_checking=_is_checking(desk.construction.state),
            waiting=_of(desk.documents(), State.WAITING),
            is_up_to_date=desk.is_up_to_date(),
            candidate_id=None if desk.is_set_aside(candidate_id) else candidate_id,
        )

    def make(self, visit: Visit) -> Response:
        """Begin a rebuild, unless one is going on."""
        is_full = visit.sent("full") == "yes"
        if not self._desk.construction.start(*(["--full"] if is_full else [])):
            visit.say("Une construction est déjà en cours : la voici.")
        return then("/construire")

    def cancel(self, visit: Visit) -> Response:
        """Ask the rebuild to stop."""
        self._desk.construction.cancel()
        return then("/construire")

    def progress(self, visit: Visit) -> Response:
        """The rebuild for the script that shows it live."""
        state = self._desk.construction.state
        return JSONResponse(
            {
                "is_running": state.is_running,
                "is_checking": _is_checking(state),
                "seconds": round(state.seconds),
                "steps": _told(state),
            }
        )

    def index(self, visit: Visit) -> Response:
        """The builds that are kept, newest first."""
        kept, previous = self._kept(), self._previous()
        problem = next((build.problem for build in kept if build.id == previous), "")
        live_id = self._desk.live_id() or ""
        return page("builds", visit, kept=kept, live_id=live_id, previous=previous, problem=problem)

    def report(self, visit: Visit) -> Response:
        """What a build holds, how it differs from what is in service, and how both answer."""
        desk, build_id = self._desk, visit.request.path_params["build_id"]
        build = desk.build(build_id) if build_id in desk.store.build_ids() else None
        kept = next((kept for kept in self._kept() if kept.id == build_id), None)
        if kept is None:
            raise HTTPException(404, "Cette version n’est plus gardée.")
        report = desk.report(build_id)
        diff: BuildDiff | None = None
        live = desk.live()
        if live and build and not kept.is_live:
            live_report = desk.report(live.manifest.build_id)
            live_gold = live_report.gold if live_report else ()
            if report and report.live_id == live.manifest.build_id:
                live_gold = report.live_gold
            diff = diff_builds(live, build, live_gold, report.gold if report else ())
        return page(
            "report",
            visit,
            kept=kept,
            report=report,
            diff=diff,
            live_id=desk.live_id() or "",
            refusals=[in_our_words(why) for why in report.refusals] if report and not kept.is_live else (),
            problems=self._to_mend(report) if report else (),
            gold=_tallied(report.gold if report else ()),
            live_gold=_tallied(report.live_gold if report else ()),
        )

    def publish(self, visit: Visit) -> Response:
        """Put a build into service, unless another one was meanwhile."""
        desk, build_id = self._desk, visit.sent("build")
        self._check(build_id)
        with desk.store.live_lock():
            if self._is_stale(visit):
                return then("/constructions")
            report = desk.report(build_id)
            if report and report.refusals and visit.sent("anyway") != "yes":
                visit.say("Cochez d’abord la case qui dit que vous mettez en service malgré tout.", is_problem=True)
                return then(f"/constructions/{build_id}")
            desk.store.publish(build_id, is_checked=True)
        visit.say(f"La version {build_id[:8]} est en service. La page publique y passe seule, en quelques secondes.")
        return then("/")

    def roll_back(self, visit: Visit) -> Response:
        """Put the build into service that was there before, unless another one was meanwhile."""
        store = self._desk.store
        if previous := store.previous_id():
            self._check(previous)
        with store.live_lock():
            if not self._is_stale(visit):
                build_id = store.rollback(**self._model(), checked=previous)
                visit.say(f"La version {build_id[:8]}, d’avant, est de nouveau en service.")
        return then("/constructions")

    def read_again(self, visit: Visit) -> Response:
        """Try a build once more that could not be read."""
        build_id = visit.sent("build")
        if build_id not in self._desk.store.build_ids():
            raise HTTPException(404, "Cette version n’est plus gardée.")
        self._desk.again(build_id)
        if self._desk.build(build_id):
            visit.say(f"La version {build_id[:8]} se lit de nouveau.")
        else:
            visit.say(f"La version {build_id[:8]} ne se lit toujours pas.", is_problem=True)
        return then(f"/constructions/{build_id}")

    def _to_mend(self, report: BuildReport) -> list[tuple[str, str]]:
        """What to mend in the documents, each with the path of the one whose form does it, empty where none does.

        Without what is told already of the files that were not read, or not wholly.
        """
        told = {*report.skipped, *report.notices}
        paths = {holding.path for holding in self._desk.documents() if holding.state is not State.GONE}
        found = []
        for problem in report.problems:
            path = problem.partition(" : ")[0]
            has_form = SOURCES_FILE in problem and path in paths
            if problem not in told:
                found.append((in_our_words(problem), path if has_form else ""))
        return found

    def _check(self, build_id: str) -> None:
        """Refuse a build that cannot be put into service; before the lock, as it takes as long as files are large."""
        self._desk.store.check(build_id, **self._model())

    def _model(self) -> dict[str, str | None]:
        model = self._desk.settings.model
        return {"model": model, "revision": model_revision(model)}

    def _broken(self) -> list[tuple[str, str, bool]]:
        """The builds that matter and cannot be used: id, why, whether it is the one in service."""
        desk = self._desk
        live_id, newest_id = desk.live_id(), desk.newest_id()
        tried = dict.fromkeys(build_id for build_id in (live_id, newest_id) if build_id and not desk.build(build_id))
        return [(build_id, in_our_words(desk.problem(build_id)), build_id == live_id) for build_id in tried]

    def _is_stale(self, visit: Visit) -> bool:
        """Whether another build went live since the form was opened; it is said then."""
        if visit.sent("live") == (self._desk.live_id() or ""):
            return False
        visit.say(
            "Quelqu’un d’autre a changé la version en service entre-temps. Regardez ce qui est en service, puis "
            "recommencez si c’est toujours voulu.",
            is_problem=True,
        )
        return True

    def _previous(self) -> str:
        """The build that a roll back would put into service, empty where there is none."""
        previous = self._desk.store.previous_id()
        return previous if previous in self._desk.store.build_ids() else ""

    def _kept(self) -> list[Kept]:
        desk, rows = self._desk, []
        live, candidate = desk.live_id(), desk.candidate_id()
        for build_id in desk.store.build_ids():
            problem = in_our_words(desk.problem(build_id))
            manifest = None
            with suppress(IndexStoreError):
                manifest = desk.store.manifest(build_id)
            rows.append(
                Kept(
                    build_id,
                    desk.built_at(build_id),
                    manifest,
                    problem,
                    is_live=build_id == live,
                    is_candidate=build_id == candidate,
                    is_set_aside=desk.is_set_aside(build_id),
                )
            )
        return rows


def _of(holdings: tuple[Holding, ...], state: State) -> list[Holding]:
    return [holding for holding in holdings if holding.state is state]


def _told(progress: Progress) -> list[dict[str, str | int]]:
    """How far each part of a rebuild is, in words."""

    def told(step: Step) -> str:
        is_timed = step.remaining_s is not None and step.done < step.total
        left = f", encore {duration(step.remaining_s or 0)}" if is_timed else ""
        return f"{step.done} sur {step.total}{left}"

    return [
        {"name": _NAMES.get(step.what, step.what), "done": step.done, "total": step.total, "told": told(step)}
        for step in progress.steps
    ]


def _is_checking(progress: Progress) -> bool:
    """Whether everything that is counted is done, and what is not goes on."""
    return any(step.what == "vectors" for step in progress.steps) and all(s.done >= s.total for s in progress.steps)


def _tallied(results: Iterable[GoldResult]) -> dict[str, int]:
    """How many gold questions fare how: by outcome, and of those with an answer, how many whose passage is found."""
    results = list(results)
    counts = Counter(result.outcome or "unknown" for result in results)
    answerable = [result for result in results if result.answerable]
    return {
        **{name: counts[name] for name in ("right", "declined", "wrong")},
        "questions": len(results),
        "answerable": len(answerable),
        "found": sum(result.found for result in answerable),
    }
