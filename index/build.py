"""A corpus folder into a live build: only what changed is encoded, and only what is as good as before is published."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from index.diff import diff_builds
from index.duplicates import duplicates, repeated_passages
from index.encoder import Encoder
from index.errors import BusyIndex, CorruptIndex, ForeignIndex, IndexStoreError, RefusedBuild, UnknownBuild
from index.gate import kept_back, overtaken, refusals
from index.gold import GoldQuestion, GoldResult, gold_problems, holds_quote, quote_places, read_gold
from index.kept_questions import KeptQuestions
from index.late import HEAD_FILE
from index.make import Progress, make_build
from index.report import BuildReport, Timing, prune_reports, read_report, write_report
from index.search import Searcher
from index.store import SCHEMA, Build, Calibration, Manifest, Store
from ingest import Corpus, corpus_sha256, read_corpus
from ingest.check import Problem, check_documents
from ingest.files import QUESTIONS_FILE
from ingest.kept import KeptFiles, code_sha256, discard
from ingest.write_file import sweep_drafts

__all__ = ["BuildReport", "Calibrator", "Judge", "Progress", "build_index", "is_stale", "make_build"]

_LIBRARIES = ("bm25s", "faiss-cpu", "PyStemmer", "tokenizers")
"""Those that `ingest` calls are in `code_sha256`."""
_KEPT, _QUESTIONS = "documents.sqlite", "questions.sqlite"
_JOURNALS = ("vectors.sqlite", "vectors-full.sqlite")
"""Where vectors are kept until a build is stored; of a full build, which takes up only what full builds made."""

log = logging.getLogger(__name__)


class Calibrator(Protocol):
    """Decides on a new build when the service may answer."""

    @property
    def version(self) -> str:
        """Changes whenever the same build would be calibrated in another way."""

    def __call__(self, searcher: Searcher) -> tuple[Calibration, ...]:
        """The calibrations of a build that is not stored yet."""


class Judge(Protocol):
    """Asks a build gold questions as people would ask the service."""

    def __call__(self, searcher: Searcher, gold: Sequence[GoldQuestion]) -> tuple[GoldResult, ...]:
        """What became of each, in order."""


def fingerprint(corpus_sha256: str, *, model: str, revision: str, max_passage_tokens: int, calibrator: str = "") -> str:
    """The build id of a corpus under these settings: 16 hexadecimal digits, from all that decides a build's content.

    The code that reads, splits and indexes counts by its bytes, the libraries that it calls by their versions, and so
    does the calibrator's.
    """
    decides = {
        "schema": SCHEMA,
        "code": _code_sha256(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "corpus": corpus_sha256,
        "model": model,
        "revision": revision,
        "max_passage_tokens": max_passage_tokens,
        "calibrator": calibrator,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def is_stale(store: Store, build_id: str) -> bool:
    """Whether the live build is another one than `build_id`, or is damaged."""
    try:
        return store.current_id() != build_id or bool(store.problems(build_id))
    except IndexStoreError:
        return True


def build_index(
    corpus: Path,
    store: Store,
    load_encoder: Callable[[], Encoder],
    *,
    model: str,
    revision: str,
    max_passage_tokens: int,
    keep_builds: int = 5,
    full: bool = False,
    publish: bool = True,
    publish_anyway: bool = False,
    progress: Progress | None = None,
    calibrator: Calibrator | None = None,
    judge: Judge | None = None,
) -> BuildReport:
    """Build the index of a corpus and publish it. If nothing changed, nothing is loaded, written or encoded.

    The build of the corpus as it is becomes the newest of the store, also where it was made before.

    Vectors are reused from the live build for every text that it already holds, unless `full`. The new build is read
    back from disk, compared with the build that was live at the beginning, and published only if `index.gate.refusals`
    finds nothing against it, or `publish_anyway`; never without `publish`, nor over another build than that, as after a
    rollback meanwhile. `calibrator` decides when the service may answer, `judge` asks the gold questions.

    Raises:
        IngestError: the corpus is missing, empty or wrongly described.
        RefusedBuild: the new build is stored but not published; the live one still serves. It carries the report.
        BusyIndex: another process is building into the same folder.
        IndexStoreError: the model cannot be loaded or the index folder cannot be used.
    """
    identify = partial(
        fingerprint,
        model=model,
        revision=revision,
        max_passage_tokens=max_passage_tokens,
        calibrator=calibrator.version if calibrator else "",
    )
    if not full and not is_stale(store, build_id := identify(_sha256(corpus, store))):
        return _unchanged(store, build_id)
    clock = _Clock()
    with store.lock(), _kept_files(store, full) as kept:
        begun_with = _live_id(store)
        sweep_drafts(corpus)
        with clock.part("documents"):
            read, gold = read_corpus(corpus, kept, progress), read_gold(corpus / QUESTIONS_FILE)
        build_id = identify(read.sha256)  # of the very bytes that were read
        judged_by = identify("judged" if judge else "")
        asking = cache(lambda: KeptQuestions(load_encoder(), store.folder / _QUESTIONS))
        made = None if full else _made_before(store, build_id, judged_by)
        if made is None:
            with clock.part("model"):
                encoder = asking()
            with clock.part("live"):
                live = _live_build(store, begun_with, encoder.name, encoder.revision)
            journals = [store.folder / name for name in _JOURNALS]
            with clock.part("vectors"):
                build, encoded, reused = make_build(
                    *(read, gold, encoder, build_id, max_passage_tokens, None if full else live, progress),
                    kept=kept,
                    journal=journals[full],
                )
                kept.save(prune=False)
            with clock.part("calibration"):
                build = _calibrated(build, encoder, calibrator)
            with clock.part("writing"):
                store.write(build)
                for journal in journals:
                    discard(journal)
                build = store.load(build_id)
            with clock.part("questions"):
                made = _Made(build, _results(Searcher(build, encoder), gold, judge), encoded, reused)
        else:
            manifest = made.build.manifest
            live = _live_build(store, begun_with, manifest.model, manifest.revision)
        with clock.part("check"):
            pairs = repeated_passages(made.build.passages, kept)
            problems = check_documents(corpus, read, made.build.passages, kept, pairs)
            kept.save(prune=True)
        with clock.part("questions of the live build"):
            live_gold = _live_results(live, gold, partial(_told_before, store, judged_by), asking, judge)
        if asking.cache_info().currsize:
            asking().save()
        report = _compared(store, made, live, live_gold, _sources(store, begun_with), read, problems, pairs)
        report = replace(report, judged_by=judged_by, timings=clock.timings())
        write_report(store, report)  # whatever comes next, what was made is not made again
        report = _decided(store, report, begun_with, publish=publish, anyway=publish_anyway)
        write_report(store, report)
        _prune(store, keep_builds, build_id)
    if publish and not report.published:
        raise RefusedBuild(kept_back(build_id, report.refusals), report)
    return report


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A stored build, read back, with what became of its gold questions, and how many texts were encoded for it."""

    build: Build
    gold: tuple[GoldResult, ...]
    encoded: int
    reused: int


def _unchanged(store: Store, build_id: str) -> BuildReport:
    """The report of the live build, where the corpus is what it was made of."""
    if store.build_ids()[:1] != (build_id,):  # the newest is of a state of the folder that was undone
        store.touch(build_id)
    return replace(_report(store.manifest(build_id)), unchanged=True, published=True)


def _made_before(store: Store, build_id: str, judged_by: str) -> _Made | None:
    """The build of this id, now the newest, if it was made before and kept, and is sound."""
    report = read_report(store, build_id)
    if report is None or report.judged_by != judged_by:
        return None
    try:
        made = _Made(store.load(build_id), report.gold, 0, report.encoded + report.reused)
    except IndexStoreError:
        return None
    store.touch(build_id)
    return made


def _calibrated(build: Build, encoder: Encoder, calibrator: Calibrator | None) -> Build:
    if calibrator is None:
        return build
    calibrations = calibrator(Searcher(build, encoder))
    return replace(build, manifest=replace(build.manifest, calibrations=calibrations))


def _compared(
    store: Store,
    made: _Made,
    live: Build | None,
    live_gold: tuple[GoldResult, ...],
    live_sources: tuple[str, ...],
    corpus: Corpus,
    problems: Sequence[Problem],
    pairs: Sequence[tuple[int, int]],
) -> BuildReport:
    """The report of a build that is not published yet, beside the live one."""
    build = made.build
    diff = diff_builds(live, build, live_gold, made.gold) if live else None
    both = {question.id for question in build.questions if live and _may_compare(question, live)}
    reasons = refusals(
        build,
        live,
        live_sources=live_sources,
        corpus=corpus,
        problems=problems,
        gold=[result for result in made.gold if result.id in both],
        live_gold=[result for result in live_gold if result.id in both],
        diff=diff,
    )
    of_questions = (f"{QUESTIONS_FILE}, {text}" for text in gold_problems(build.questions, build.documents))
    return replace(
        _report(build.manifest),
        encoded=made.encoded,
        reused=made.reused,
        problems=(*map(str, problems), *of_questions),
        recall=_recall(made.gold),
        live_recall=_recall(live_gold),
        made=store.made(build.manifest.build_id).isoformat(timespec="seconds"),
        refusals=reasons,
        read=corpus.read,
        notices=tuple(item.reason for item in corpus.notices),
        duplicates=duplicates(build, pairs),
        live_id=live.manifest.build_id if live else None,
        diff=diff,
        gold=made.gold,
        live_gold=live_gold,
    )


def _decided(store: Store, report: BuildReport, begun_with: str | None, *, publish: bool, anyway: bool) -> BuildReport:
    """The report of a build, which is live from now on if it may be; `begun_with` is what it was compared with."""
    with store.live_lock():
        live = _live_id(store)
        is_overtaken = live not in (begun_with, report.build_id)
        if publish and is_overtaken:
            report = replace(report, refusals=(*report.refusals, overtaken(begun_with, live)))
        is_published = publish and not is_overtaken and (anyway or not report.refusals)
        if is_published:
            store.publish(report.build_id, is_checked=True)
    return replace(report, published=is_published)


def _prune(store: Store, keep_builds: int, made: str) -> None:
    """Delete old builds; where someone changes what is live, the next build does, and this one is done all the same."""
    try:
        store.prune(keep_builds, made)
    except BusyIndex as error:
        log.warning("no old build was deleted: %s", error)
    prune_reports(store)


class _Clock:
    """How long each part of the work takes."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._parts: list[Timing] = []

    @contextmanager
    def part(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._parts.append(Timing(what, round(time.monotonic() - started, 2)))
        log.info("%s: %.2f s", what, self._parts[-1].seconds)

    def timings(self) -> tuple[Timing, ...]:
        return (*self._parts, Timing("total", round(time.monotonic() - self._started, 2)))


def _sha256(corpus: Path, store: Store) -> str:
    """The corpus's checksum, files that did not change not being read."""
    if not store.folder.is_dir():
        return corpus_sha256(corpus)
    kept = KeptFiles(store.folder / _KEPT)
    try:
        return corpus_sha256(corpus, kept)
    finally:
        kept.close()


@contextmanager
def _kept_files(store: Store, full: bool) -> Iterator[KeptFiles]:
    if full:
        for name in (_KEPT, _QUESTIONS):
            discard(store.folder / name)
    kept = KeptFiles(store.folder / _KEPT)
    try:
        yield kept
    finally:
        kept.close()


def _report(manifest: Manifest) -> BuildReport:
    return BuildReport(
        build_id=manifest.build_id,
        documents=manifest.documents,
        passages=manifest.passages,
        sentences=manifest.sentences,
        skipped=manifest.skipped,
    )


def _code_sha256() -> str:
    """Over this package's source, and that of `ingest` with its libraries: a change there may change what is built."""
    total = hashlib.sha256(code_sha256())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    total.update(HEAD_FILE.read_bytes() if HEAD_FILE.is_file() else b"")
    return total.hexdigest()


def _live_build(store: Store, live_id: str | None, model: str, revision: str) -> Build | None:
    """The build that was live when this began, whatever is by now, if it can be compared with and reused.

    A damaged or foreign one is only worth replacing.
    """
    if live_id is None:
        return None
    try:
        return store.load(live_id, model=model, revision=revision)
    except (UnknownBuild, CorruptIndex, ForeignIndex) as error:
        log.warning("%s", error)
        return None


def _live_id(store: Store) -> str | None:
    """The live build; None where there is none, or it cannot be told."""
    try:
        return store.current_id()
    except CorruptIndex:
        return None


def _sources(store: Store, build_id: str | None) -> tuple[str, ...]:
    """The files that a build was made of, whatever its model and the state of its other files."""
    try:
        return store.manifest(build_id).sources if build_id else ()
    except IndexStoreError:
        return ()


def _may_compare(question: GoldQuestion, live: Build) -> bool:
    """Whether the live build can be blamed for its answer: it holds the quote, or there is none to hold."""
    return not question.answerable or bool(quote_places(question, live.documents))


def _results(
    searcher: Searcher, gold: Sequence[GoldQuestion], judge: Judge | None, count: int = 5
) -> tuple[GoldResult, ...]:
    """What becomes of gold questions on a build; without a judge, only whether a quote is in the best passages."""
    if judge:
        return judge(searcher, gold)
    results = []
    for question, encoded in zip(gold, searcher.encode([question.question for question in gold]), strict=True):
        places = quote_places(question, searcher.build.documents)
        best = [hit.passage for hit in searcher.search(encoded, count)]
        found = any(holds_quote(passage, places) for passage in best)
        ids = tuple(passage.id for passage in best)
        results.append(GoldResult(question.id, question.question, question.answerable, found, best=ids))
    return tuple(results)


def _live_results(
    live: Build | None,
    gold: Sequence[GoldQuestion],
    told: Callable[[Build], Mapping[str, GoldResult]],
    asking: Callable[[], Encoder],
    judge: Judge | None,
) -> tuple[GoldResult, ...]:
    """What becomes of gold questions on the live build: as was told before of those that are the same, else anew."""
    if live is None:
        return ()
    before = told(live)
    same = {question for question in live.questions if question.id in before}
    known = {question.id: before[question.id] for question in gold if question in same}
    if new := [question for question in gold if question.id not in known]:
        known |= {result.id: result for result in _results(Searcher(live, asking()), new, judge)}
    return tuple(known[question.id] for question in gold)


def _told_before(store: Store, judged_by: str, build: Build) -> dict[str, GoldResult]:
    """What the report of a build tells of its gold questions, if they were asked as they would be now."""
    report = read_report(store, build.manifest.build_id)
    if report is None or report.judged_by != judged_by:
        return {}
    return {result.id: result for result in report.gold}


def _recall(results: Sequence[GoldResult]) -> float | None:
    """The share of answerable gold questions with a gold quote in the best passages; None where there is none."""
    found = [result.found for result in results if result.answerable]
    return sum(found) / len(found) if found else None
