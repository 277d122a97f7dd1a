"""Documents into a build in memory: split, encoded where nothing is known of a text yet, and indexed."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.encoder import Encoder
from index.errors import IndexStoreError
from index.gold import GoldQuestion
from index.kept_vectors import KeptVectors
from index.late import PassageTokens, TokenHead, load_head, quantised, sentence_rows
from index.lexical import LexicalIndex, lexical_code, terms
from index.search import embedded_sentences, embedded_text
from index.store import SCHEMA, Build, Manifest
from index.vectors import VectorIndex
from ingest import Corpus, Passage, fold_for_search, split
from ingest.kept import KeptFiles, key_of
from ingest.passages import heading_text

__all__ = ["Progress", "make_build"]

_PASSAGES_AT_ONCE = 64
_SENTENCES_AT_ONCE = 512
"""All tokens of a large corpus would fill the memory, and what is done is to be kept every few seconds."""
_PASSAGE_TYPES = ("<f4", "i1", "<i4")
_SENTENCE_TYPES = ("<f4",)

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]


class Progress(Protocol):
    """Called as work goes on: what is being counted, how much is done, and of how much."""

    def __call__(self, what: str, done: int, total: int, /) -> None:
        """Called with, for instance, ("vectors", 64, 200)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What is known of texts before anything is encoded.

    `passages` gives, by `_passage_key`, a passage's vector, its tokens' vectors, and the rows of these that are its
    sentences'; `sentences` a sentence's vector by its text.
    """

    passages: dict[str, tuple[FloatArray, NDArray[np.int8], NDArray[np.int32]]]
    sentences: dict[str, FloatArray]


def make_build(
    corpus: Corpus,
    gold: Sequence[GoldQuestion],
    encoder: Encoder,
    build_id: str,
    max_passage_tokens: int,
    live: Build | None = None,
    progress: Progress | None = None,
    head: TokenHead | None = None,
    *,
    kept: KeptFiles | None = None,
    journal: Path | None = None,
) -> tuple[Build, int, int]:
    """A build in memory, with how many texts were encoded and how many had their vectors in `live` or the journal.

    `head` is by default the one that was trained for the encoder. Documents that `kept` knows are not split again.
    `journal` is where vectors are kept while the others are made; it stays, for the caller to delete.
    """
    head = head or load_head(encoder.revision)
    passages = _split(corpus, encoder, max_passage_tokens, progress, kept)
    texts = {document.id: document.text for document in corpus.documents}
    sentence_texts = _sentence_texts(passages, texts)
    keys = [_passage_key(passage) for passage in passages]
    known = _of_live(live, encoder, head)
    unread = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in known.passages}
    missing = [text for text in dict.fromkeys(sentence_texts) if text not in known.sentences]
    needed = len(set(keys)) + len(set(sentence_texts))
    encoded = _encode(known, unread, missing, encoder, head, progress, journal)
    vectors_of, tokens_of, rows_of = zip(*(known.passages[key] for key in keys), strict=True)
    passage_vectors = np.stack(vectors_of)
    sentence_vectors = np.stack([known.sentences[text] for text in sentence_texts])
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
        lexical = LexicalIndex.of_terms(_terms(passages, kept))
    except ValueError as error:
        raise IndexStoreError(str(error)) from error
    build = Build(
        manifest=manifest,
        documents={document.id: document for document in corpus.documents},
        passages=tuple(passages),
        passage_vectors=passage_vectors,
        sentence_vectors=sentence_vectors,
        questions=tuple(gold),
        question_vectors=_question_vectors(gold, live, encoder),
        tokens=PassageTokens(tokens_of, np.concatenate(rows_of)),
        vectors=VectorIndex(passage_vectors),
        lexical=lexical,
    )
    return build, encoded, needed - encoded


def _split(
    corpus: Corpus, encoder: Encoder, max_passage_tokens: int, progress: Progress | None, kept: KeptFiles | None
) -> list[Passage]:
    passages: list[Passage] = []
    tokenizer = f"{encoder.name} {encoder.revision}"
    for done, document in enumerate(corpus.documents, start=1):
        if kept:
            passages += kept.split(document, encoder.count_tokens, max_passage_tokens, tokenizer)
        else:
            passages += split(document, encoder.count_tokens, max_passage_tokens)
        if progress:
            progress("passages", done, len(corpus.documents))
    return passages


def _terms(passages: Sequence[Passage], kept: KeptFiles | None) -> list[list[str]]:
    """What of each passage is searched for by words: not found anew for the passages of a document that is the same."""
    if kept is None:
        return [terms(embedded_text(passage)) for passage in passages]
    found: list[list[str]] = []
    for _, group in groupby(passages, key=lambda passage: passage.document_id):
        texts = [f"{heading_text(passage.heading_path)}\n{passage.text}" for passage in group]
        key = key_of(b"terms", lexical_code(), "\0".join(texts).encode("utf-8"))
        known = kept.get(key)
        if known is None:
            known = json.dumps([terms(fold_for_search(text)) for text in texts]).encode("utf-8")
            kept.put(key, known)
        found += json.loads(known)
    return found


def _encode(
    known: _Known,
    unread: Mapping[str, Passage],
    missing: Sequence[str],
    encoder: Encoder,
    head: TokenHead,
    progress: Progress | None,
    journal: Path | None,
) -> int:
    """Add to what is `known` all that is not, and give how many texts were encoded for that."""
    if not unread and not missing:
        return 0
    made_by = "\n".join((encoder.name, encoder.revision, *sorted(map(str, encoder.prompts.items())), head.name))
    notes = KeptVectors(journal, made_by) if journal else None
    try:
        if notes:
            known.passages.update(notes.find(unread, _PASSAGE_TYPES))  # type: ignore[arg-type]  # of these types
            known.sentences.update((text, vector) for text, (vector,) in notes.find(missing, _SENTENCE_TYPES).items())
        # Texts of about one length go together: little is padded, and groups are small, so that what is done is kept.
        todo = sorted((item for item in unread.items() if item[0] not in known.passages), key=_length, reverse=True)
        texts = sorted((text for text in missing if text not in known.sentences), key=len, reverse=True)
        total = len(todo) + len(texts)
        log.info("encoding %d texts", total)

        def count(before: int) -> Callable[[int, int], None] | None:
            return (lambda done, _: progress("vectors", before + done, total)) if progress else None

        for start in range(0, len(todo), _PASSAGES_AT_ONCE):
            some = todo[start : start + _PASSAGES_AT_ONCE]
            read = encoder.read_passages([embedded_text(passage) for _, passage in some], count(start))
            new = {
                key: (one.vector, quantised(head.project(one.tokens)), sentence_rows(one, embedded_sentences(passage)))
                for (key, passage), one in zip(some, read, strict=True)
            }
            known.passages.update(new)
            if notes:
                notes.add(new.keys(), new.values())
        for start in range(0, len(texts), _SENTENCES_AT_ONCE):
            group = texts[start : start + _SENTENCES_AT_ONCE]
            vectors = encoder.encode_passages([fold_for_search(text) for text in group], count(len(todo) + start))
            known.sentences.update(zip(group, vectors, strict=True))
            if notes:
                notes.add(group, ((vector,) for vector in vectors))
        return total
    finally:
        if notes:
            notes.close()


def _length(item: tuple[str, Passage]) -> int:
    return len(item[1].text)


def _question_vectors(gold: Sequence[GoldQuestion], live: Build | None, encoder: Encoder) -> FloatArray:
    known = {}
    if live and live.manifest.prompts == dict(encoder.prompts):
        known = {q.question: vector for q, vector in zip(live.questions, live.question_vectors, strict=True)}
    new = [question.question for question in gold if question.question not in known]
    known |= zip(new, encoder.encode_queries([fold_for_search(text) for text in new]), strict=True)
    if not gold:
        return encoder.encode_queries([])
    return np.stack([known[question.question] for question in gold])


def _of_live(live: Build | None, encoder: Encoder, head: TokenHead) -> _Known:
    """What the live build knows of passages and of sentences."""
    if live is None or live.manifest.prompts != dict(encoder.prompts):
        return _Known({}, {})
    texts = {document.id: document.text for document in live.documents.values()}
    sentences = dict(zip(_sentence_texts(live.passages, texts), live.sentence_vectors, strict=True))
    if live.manifest.token_head != head.name:
        return _Known({}, sentences)
    passages, first = {}, 0
    for row, passage in enumerate(live.passages):
        last = first + len(passage.sentences)
        rows = live.tokens.sentences[first:last]
        passages[_passage_key(passage)] = (live.passage_vectors[row], live.tokens.passages[row], rows)
        first = last
    return _Known(passages, sentences)


def _sentence_texts(passages: Sequence[Passage], texts: Mapping[str, str]) -> list[str]:
    """The text of each sentence of the passages, in order."""
    return [texts[passage.document_id][start:end] for passage in passages for start, end in passage.sentences]


def _passage_key(passage: Passage) -> str:
    """What decides how a passage is encoded: its headings, its text and where its sentences begin and end in it."""
    sentences = [(start - passage.start, end - passage.start) for start, end in passage.sentences]
    return f"{sentences} {heading_text(passage.heading_path)}\n{passage.text}"
