"""A corpus folder into a live build: only what changed is encoded, and only what is as good as before is published."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import ingest
from index.diff import diff_builds
from index.encoder import Encoder
from index.errors import CorruptIndex, ForeignIndex, IndexStoreError, RefusedBuild
from index.gate import kept_back, refusals
from index.gold import GoldQuestion, GoldResult, gold_problems, holds_quote, quote_places, read_gold
from index.late import HEAD_FILE
from index.make import Progress, make_build
from index.report import BuildReport, Timing, prune_reports, write_report
from index.search import Searcher
from index.store import SCHEMA, Build, Calibration, Manifest, Store
from ingest import corpus_sha256, read_corpus
from ingest.check import check_documents
from ingest.files import QUESTIONS_FILE

__all__ = ["BuildReport", "Calibrator", "Judge", "Progress", "build_index", "is_stale", "make_build"]

_LIBRARIES = ("bm25s", "lxml", "markdown-it-py", "mdit-py-plugins", "PyStemmer", "trafilatura", "yasbd-lib")

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

    Vectors are reused from the live build for every text that it already holds, unless `full`. The new build is read
    back from disk, and is published only if `index.gate.refusals` finds nothing against it, or `publish_anyway`; never
    without `publish`. `calibrator` decides when the service may answer, `judge` asks the gold questions.

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
    build_id = identify(corpus_sha256(corpus))
    if not full and not is_stale(store, build_id):
        return replace(_report(store.manifest(build_id)), unchanged=True, published=True)
    clock = _Clock(progress)
    with store.lock():
        with clock.part("documents"):
            read = read_corpus(corpus)
            gold = read_gold(corpus / QUESTIONS_FILE)
        build_id = identify(read.sha256)  # of the very bytes that were read
        with clock.part("model"):
            encoder = load_encoder()
        with clock.part("live"):
            live_id = _live_id(store)
            live = _live_build(store, encoder)
        with clock.part("vectors"):
            build, encoded, reused = make_build(
                read, gold, encoder, build_id, max_passage_tokens, None if full else live, clock.progress
            )
        with clock.part("calibration"):
            if calibrator:
                calibrations = calibrator(Searcher(build, encoder))
                build = replace(build, manifest=replace(build.manifest, calibrations=calibrations))
        with clock.part("writing"):
            store.write(build)
            build = store.load(build_id)
        with clock.part("check"):
            problems = check_documents(corpus, read, build.passages)
        with clock.part("questions"):
            results = _results(Searcher(build, encoder), gold, judge)
            live_results = _results(Searcher(live, encoder), gold, judge) if live else ()
        diff = diff_builds(live, build, live_results, results) if live else None
        asked_of_both = {question.id for question in gold if live and _may_compare(question, live)}
        reasons = refusals(
            build,
            live,
            live_sources=_live_sources(store),
            corpus=read,
            problems=problems,
            gold=[result for result in results if result.id in asked_of_both],
            live_gold=[result for result in live_results if result.id in asked_of_both],
            diff=diff,
        )
        is_published = publish and (publish_anyway or not reasons)
        try:
            if is_published:
                store.publish(build_id, is_checked=True)
            report = replace(
                _report(build.manifest),
                encoded=encoded,
                reused=reused,
                problems=(
                    *map(str, problems),
                    *(f"{QUESTIONS_FILE}, {text}" for text in gold_problems(gold, build.documents)),
                ),
                recall=_recall(results),
                live_recall=_recall(live_results),
                made=datetime.now().astimezone().isoformat(timespec="seconds"),
                published=is_published,
                refusals=reasons,
                read=len(read.documents),
                notices=tuple(item.reason for item in read.notices),
                live_id=live_id,
                diff=diff,
                gold=results,
                live_gold=live_results,
                timings=clock.timings(),
            )
            write_report(store, report)
        finally:
            store.prune(keep_builds, build_id)
            prune_reports(store)
    if publish and not is_published:
        raise RefusedBuild(kept_back(build_id, reasons), report)
    return report


class _Clock:
    """How long each part of the work takes."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
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


def _report(manifest: Manifest) -> BuildReport:
    return BuildReport(
        build_id=manifest.build_id,
        documents=manifest.documents,
        passages=manifest.passages,
        sentences=manifest.sentences,
        skipped=manifest.skipped,
    )


def _code_sha256() -> str:
    """Over the source of this package and of `ingest`: a change there may change what is built."""
    total = hashlib.sha256()
    for package in (Path(ingest.__file__).parent, Path(__file__).parent):
        for path in sorted(package.glob("*.py")):
            total.update(path.read_bytes())
    total.update(HEAD_FILE.read_bytes() if HEAD_FILE.is_file() else b"")
    return total.hexdigest()


def _live_id(store: Store) -> str | None:
    try:
        return store.current_id()
    except CorruptIndex:
        return None


def _live_build(store: Store, encoder: Encoder) -> Build | None:
    """The live build if it can be compared with and reused; a damaged or foreign one is only worth replacing."""
    try:
        if store.current_id() is None:
            return None
        return store.load(model=encoder.name, revision=encoder.revision)
    except (CorruptIndex, ForeignIndex) as error:
        log.warning("%s", error)
        return None


def _live_sources(store: Store) -> tuple[str, ...]:
    """The files that the live build was made of, whatever its model and the state of its other files."""
    try:
        current = store.current_id()
        return store.manifest(current).sources if current else ()
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
        found = any(holds_quote(hit.passage, places) for hit in searcher.search(encoded, count)) if places else False
        results.append(GoldResult(question.id, question.question, question.answerable, found))
    return tuple(results)


def _recall(results: Sequence[GoldResult]) -> float | None:
    """The share of answerable gold questions with a gold quote in the best passages; None where there is none."""
    found = [result.found for result in results if result.answerable]
    return sum(found) / len(found) if found else None
