"""A corpus folder into a live build: only what changed is encoded, and only what is as good as before is published."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import ingest
from index.encoder import Encoder
from index.errors import CorruptIndex, ForeignIndex, IndexStoreError, RefusedBuild
from index.gold import GoldQuestion, gold_problems, holds_quote, quote_places, read_gold
from index.late import HEAD_FILE, PassageTokens, TokenHead, load_head, quantised, sentence_rows
from index.lexical import LexicalIndex
from index.question import Question
from index.search import Searcher, embedded_sentences, embedded_text
from index.store import SCHEMA, Build, Calibration, Manifest, Store
from index.vectors import VectorIndex
from ingest import Corpus, Passage, corpus_sha256, fold_for_search, read_corpus, split
from ingest.check import Problem, check_documents
from ingest.files import QUESTIONS_FILE

__all__ = ["BuildReport", "Calibrator", "Progress", "build_index", "is_stale", "make_build"]

_LISTED = 5
_READ_AT_ONCE = 256
_LIBRARIES = ("bm25s", "lxml", "markdown-it-py", "mdit-py-plugins", "PyStemmer", "trafilatura", "yasbd-lib")

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]


class Progress(Protocol):
    """Called as work goes on: what is being counted, how much is done, and of how much."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Called with, for instance, ("vectors", 64, 200)."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    `problems` are what to mend in the corpus, in French. `recall` and `live_recall` are the share of gold quotes found,
    None where not measured.
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


class Calibrator(Protocol):
    """Decides on a new build when the service may answer."""

    @property
    def version(self) -> str:
        """Changes whenever the same build would be calibrated in another way."""

    def __call__(self, searcher: Searcher) -> tuple[Calibration, ...]:
        """The calibrations of a build that is not stored yet."""


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
    publish_anyway: bool = False,
    progress: Progress | None = None,
    calibrator: Calibrator | None = None,
) -> BuildReport:
    """Build the index of a corpus and publish it. If nothing changed, nothing is loaded, written or encoded.

    Vectors are reused from the live build for every text that it already holds, unless `full`. The new build is read
    back from disk, and is published only if it loses no document to an unreadable file and finds at least as many of
    the gold quotes as the live one, unless `publish_anyway`. `calibrator` decides when the service may answer.

    Raises:
        IngestError: the corpus is missing, empty or wrongly described.
        RefusedBuild: the new build is stored but not published; the live one still serves.
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
        return _report(store.manifest(build_id), unchanged=True)
    with store.lock():
        read = read_corpus(corpus)
        build_id = identify(read.sha256)  # of the very bytes that were read
        encoder = load_encoder()
        live = _live_build(store, encoder)
        gold = read_gold(corpus / QUESTIONS_FILE)
        reusable = None if full else live
        build, encoded, reused = make_build(read, gold, encoder, build_id, max_passage_tokens, reusable, progress)
        if calibrator:
            calibrations = calibrator(Searcher(build, encoder))
            build = replace(build, manifest=replace(build.manifest, calibrations=calibrations))
        store.write(build)
        build = store.load(build_id)
        problems = check_documents(corpus, read, build.passages)
        searcher = Searcher(build, encoder)
        answerable = [question for question in gold if question.answerable]
        asked = searcher.encode([question.question for question in answerable])
        recall = _recall(searcher, answerable, asked)
        live_recall = _recall(Searcher(live, encoder), answerable, asked) if live else None
        try:
            if not publish_anyway:
                _refuse_loss(build, live, _live_sources(store), read)
                _refuse_grave(build, problems)
                _refuse_worse(build, recall, live_recall)
            store.publish(build_id)
        finally:
            store.prune(keep_builds, build_id)
    return _report(
        build.manifest,
        encoded=encoded,
        reused=reused,
        problems=(*map(str, problems), *(f"{QUESTIONS_FILE}, {text}" for text in gold_problems(gold, build.documents))),
        recall=recall,
        live_recall=live_recall,
    )


def _report(manifest: Manifest, **done: Any) -> BuildReport:
    return BuildReport(
        build_id=manifest.build_id,
        documents=manifest.documents,
        passages=manifest.passages,
        sentences=manifest.sentences,
        skipped=manifest.skipped,
        **done,
    )


def _code_sha256() -> str:
    """Over the source of this package and of `ingest`: a change there may change what is built."""
    total = hashlib.sha256()
    for package in (Path(ingest.__file__).parent, Path(__file__).parent):
        for path in sorted(package.glob("*.py")):
            total.update(path.read_bytes())
    total.update(HEAD_FILE.read_bytes() if HEAD_FILE.is_file() else b"")
    return total.hexdigest()


def make_build(
    corpus: Corpus,
    gold: Sequence[GoldQuestion],
    encoder: Encoder,
    build_id: str,
    max_passage_tokens: int,
    live: Build | None = None,
    progress: Progress | None = None,
    head: TokenHead | None = None,
) -> tuple[Build, int, int]:
    """A build in memory, with how many texts were encoded and how many had their vectors in `live`.

    `head` is by default the one that was trained for the encoder.
    """
    head = head or load_head(encoder.revision)
    passages: list[Passage] = []
    for done, document in enumerate(corpus.documents, start=1):
        passages += split(document, encoder.count_tokens, max_passage_tokens)
        if progress:
            progress("documents", done, len(corpus.documents))
    texts = {document.id: document.text for document in corpus.documents}
    passage_texts = [embedded_text(passage) for passage in passages]
    sentence_texts = [
        fold_for_search(texts[passage.document_id][start:end])
        for passage in passages
        for start, end in passage.sentences
    ]
    read_passages = _live_passages(live, encoder, head)
    read_sentences = _live_sentences(live, encoder)
    keys = [_passage_key(passage) for passage in passages]
    unread = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in read_passages}
    missing = [text for text in dict.fromkeys(sentence_texts) if text not in read_sentences]
    encoded = len(unread) + len(missing)
    reused = len(set(keys)) + len(set(sentence_texts)) - encoded
    log.info("encoding %d texts, reusing %d", encoded, reused)

    def count(before: int) -> Callable[[int, int], None] | None:
        return (lambda done, _: progress("vectors", before + done, encoded)) if progress else None

    for start in range(0, len(unread), _READ_AT_ONCE):  # all tokens of a large corpus would fill the memory
        some = list(unread.items())[start : start + _READ_AT_ONCE]
        for (key, passage), read in zip(
            some, encoder.read_passages([embedded_text(p) for _, p in some], count(start)), strict=True
        ):
            rows = sentence_rows(read, embedded_sentences(passage))
            read_passages[key] = (read.vector, quantised(head.project(read.tokens)), rows)
    read_sentences.update(zip(missing, encoder.encode_passages(missing, count(len(unread))), strict=True))
    vectors_of, tokens_of, rows_of = zip(*(read_passages[key] for key in keys), strict=True)
    passage_vectors = np.stack(vectors_of)
    sentence_vectors = np.stack([read_sentences[text] for text in sentence_texts])
    manifest = Manifest(
        schema=SCHEMA,
        build_id=build_id,
        model=encoder.name,
        revision=encoder.revision,
        dimension=encoder.dimension,
        prompts=dict(encoder.prompts),
        token_head=head.name,
        max_passage_tokens=max_passage_tokens,
        corpus_sha256=corpus.sha256,
        sources=tuple(document.source.path for document in corpus.documents),
        documents=len(corpus.documents),
        passages=len(passages),
        sentences=len(sentence_texts),
        skipped=tuple(item.reason for item in corpus.skipped),
    )
    try:
        lexical = LexicalIndex.build(passage_texts)
    except ValueError as error:
        raise IndexStoreError(str(error)) from error
    build = Build(
        manifest=manifest,
        documents={document.id: document for document in corpus.documents},
        passages=tuple(passages),
        passage_vectors=passage_vectors,
        sentence_vectors=sentence_vectors,
        questions=tuple(gold),
        question_vectors=encoder.encode_queries([fold_for_search(question.question) for question in gold]),
        tokens=PassageTokens.build(tokens_of, rows_of),
        vectors=VectorIndex(passage_vectors),
        lexical=lexical,
    )
    return build, encoded, reused


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


_ReadPassage = tuple[FloatArray, NDArray[np.int8], NDArray[np.int32]]
"""A passage's vector, its tokens' vectors, and the rows of these that are its sentences'."""


def _live_passages(live: Build | None, encoder: Encoder, head: TokenHead) -> dict[str, _ReadPassage]:
    """What the live build knows of passages, by their keys."""
    if live is None or live.manifest.prompts != dict(encoder.prompts) or live.manifest.token_head != head.name:
        return {}
    sentences = iter(live.tokens.sentences)
    return {
        _passage_key(passage): (
            live.passage_vectors[row],
            live.tokens.rows[live.tokens.starts[row] : live.tokens.starts[row + 1]],
            np.array([next(sentences) for _ in passage.sentences]),
        )
        for row, passage in enumerate(live.passages)
    }


def _live_sentences(live: Build | None, encoder: Encoder) -> dict[str, FloatArray]:
    """The vectors of the live build's sentences, by their folded texts."""
    if live is None or live.manifest.prompts != dict(encoder.prompts):
        return {}
    spans = ((passage.document_id, span) for passage in live.passages for span in passage.sentences)
    return {
        fold_for_search(live.documents[document_id].text[start:end]): vector
        for (document_id, (start, end)), vector in zip(spans, live.sentence_vectors, strict=True)
    }


def _passage_key(passage: Passage) -> str:
    """What decides how a passage is encoded: its text and where its sentences begin and end in it."""
    return f"{embedded_sentences(passage)} {embedded_text(passage)}"


_ANYWAY = "Pour la mettre en service quand même : « loos build --publish-anyway »."


def _kept_back(build: Build) -> str:
    return f"La nouvelle construction {build.manifest.build_id} est gardée mais pas mise en service"


def _refuse_loss(build: Build, live: Build | None, live_sources: Sequence[str], corpus: Corpus) -> None:
    """Refuse a build that would lose, by a mistake in the corpus, a document or what is known of one."""
    # What was passed over may be a whole folder.
    lost = [item for item in corpus.skipped if any(f"{path}/".startswith(f"{item.path}/") for path in live_sources)]
    if lost:
        reasons = "\n".join(f"- {item.reason}" for item in lost)
        raise RefusedBuild(
            f"{_kept_back(build)} : elle perdrait des documents qui ne se lisent plus.\n{reasons}\n{_ANYWAY}"
        )
    unnamed = [
        document.source.path
        for document in (live.documents.values() if live else ())
        if document.source.publisher and document.id in build.documents
        if not build.documents[document.id].source.publisher
    ]
    if unnamed:
        raise RefusedBuild(
            f"{_kept_back(build)} : ses réponses ne diraient plus de qui viennent {', '.join(unnamed)}. "
            f"Remettez leur paragraphe dans sources.toml. {_ANYWAY}"
        )


def _refuse_grave(build: Build, problems: Sequence[Problem]) -> None:
    """Refuse a build that would quote words without the source that they promise, or that are not their publisher's."""
    if grave := [f"- {problem}" for problem in problems if problem.grave]:
        if len(grave) > _LISTED:
            grave[_LISTED:] = [f"- … et {len(grave) - _LISTED} autres, que nomme « loos corpus check »."]
        listed = "\n".join(grave)
        raise RefusedBuild(f"{_kept_back(build)} : elle citerait des phrases sans leur source.\n{listed}\n{_ANYWAY}")


def _refuse_worse(build: Build, recall: float | None, live_recall: float | None) -> None:
    """Refuse a build that finds fewer of the gold quotes than the live one."""
    if recall is not None and live_recall is not None and recall < live_recall:
        wanted = {span.document for question in build.questions for span in question.spans}
        gone = sorted(wanted - build.documents.keys())
        why = (
            f" Ces questions citent des documents qui ne sont plus là : {', '.join(gone)}. Si c’est voulu, corrigez ou "
            f"retirez-les dans {QUESTIONS_FILE}."
            if gone
            else ""
        )
        raise RefusedBuild(
            f"{_kept_back(build)} : elle retrouve {recall:.0%} des passages des questions de contrôle, "
            f"contre {live_recall:.0%} pour celle en service.{why} {_ANYWAY}"
        )


def _recall(
    searcher: Searcher, gold: Sequence[GoldQuestion], asked: Sequence[Question], count: int = 5
) -> float | None:
    """The share of gold questions with a gold quote in the `count` best passages; None where there is no question."""
    places = [quote_places(question, searcher.build.documents) for question in gold]
    found = [
        any(holds_quote(hit.passage, of_question) for hit in searcher.search(encoded, count))
        for of_question, encoded in zip(places, asked, strict=True)
    ]
    return sum(found) / len(found) if found else None
