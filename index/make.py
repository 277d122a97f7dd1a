"""Documents into a build in memory: split, encoded where nothing is known of a text yet, and indexed."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.encoder import Encoder
from index.errors import IndexStoreError
from index.gold import GoldQuestion
from index.late import PassageTokens, TokenHead, load_head, quantised, sentence_rows
from index.lexical import LexicalIndex
from index.search import embedded_sentences, embedded_text
from index.store import SCHEMA, Build, Manifest
from index.vectors import VectorIndex
from ingest import Corpus, Passage, fold_for_search, split

__all__ = ["Progress", "make_build"]

_PASSAGES_AT_ONCE = 64
_SENTENCES_AT_ONCE = 512
"""All tokens of a large corpus would fill the memory, and what is done is to be kept every few seconds."""

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]


class Progress(Protocol):
    """Called as work goes on: what is being counted, how much is done, and of how much."""

    def __call__(self, what: str, done: int, total: int, /) -> None:
        """Called with, for instance, ("vectors", 64, 200)."""


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
            progress("passages", done, len(corpus.documents))
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

    for start in range(0, len(unread), _PASSAGES_AT_ONCE):
        some = list(unread.items())[start : start + _PASSAGES_AT_ONCE]
        for (key, passage), read in zip(
            some, encoder.read_passages([embedded_text(p) for _, p in some], count(start)), strict=True
        ):
            rows = sentence_rows(read, embedded_sentences(passage))
            read_passages[key] = (read.vector, quantised(head.project(read.tokens)), rows)
    for start in range(0, len(missing), _SENTENCES_AT_ONCE):
        some_texts = missing[start : start + _SENTENCES_AT_ONCE]
        vectors = encoder.encode_passages(some_texts, count(len(unread) + start))
        read_sentences.update(zip(some_texts, vectors, strict=True))
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
