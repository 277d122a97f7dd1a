"""An encoder whose vectors can be computed by hand: one dimension a word, for tests that need no meaning."""

import re
from collections.abc import Callable, Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from index.encoder import Encoded

DIMENSION = 384  # that of the embedded model, whose name one test gives it


class WordEncoder:
    """A text's vector counts its words, each in the dimension of its checksum, and has length one."""

    name = "words"
    revision = "1"
    dimension = DIMENSION
    prompts: Mapping[str, str] = {"query": "", "passage": ""}

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts)

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        self.encoded += texts
        if progress:
            progress(len(texts), len(texts))
        return self._encode(texts)

    def read_queries(self, texts: Sequence[str]) -> tuple[Encoded, ...]:
        return tuple(map(self._read, texts))

    def read_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> tuple[Encoded, ...]:
        self.encoded += texts
        if progress:
            progress(len(texts), len(texts))
        return tuple(map(self._read, texts))

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def _read(self, text: str) -> Encoded:
        spans = [match.span() for match in re.finditer(r"\w+", text)]
        tokens = self._encode([text[start:end] for start, end in spans])
        return Encoded(self._encode([text])[0], tokens, np.array(spans, dtype=np.int32).reshape(-1, 2))

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row, DIMENSION - 1] = 0.01  # no text without a direction
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, crc32(word.encode()) % (DIMENSION - 1)] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if len(texts) else vectors
