"""An encoder that knows the questions that it was asked before, so that gold questions are encoded once and not with
each build."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.encoder import Encoded, Encoder
from index.kept_vectors import Arrays, KeptVectors

__all__ = ["KeptQuestions"]

FloatArray = NDArray[np.float32]

_READ = ("<f4", "<f4", "<i4")
_ENCODED = ("<f4",)


class KeptQuestions:
    """As the encoder that it asks, but for questions that the file `path` holds: an `Encoder`. For one thread."""

    def __init__(self, encoder: Encoder, path: Path) -> None:
        self._encoder = encoder
        self._kept = KeptVectors(path, "\n".join((encoder.name, encoder.revision, encoder.prompts["query"])))
        self._known: dict[str, Arrays] = {}

    @property
    def name(self) -> str:
        """As the encoder's."""
        return self._encoder.name

    @property
    def revision(self) -> str:
        """As the encoder's."""
        return self._encoder.revision

    @property
    def dimension(self) -> int:
        """As the encoder's."""
        return self._encoder.dimension

    @property
    def prompts(self) -> Mapping[str, str]:
        """As the encoder's."""
        return self._encoder.prompts

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """As `Encoder.encode_queries`."""
        if not texts:
            return self._encoder.encode_queries(texts)
        return np.stack([vector for (vector,) in self._find("encoded", texts, _ENCODED, self._encode)])

    def encode_passages(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> FloatArray:
        """As `Encoder.encode_passages`: nothing of it is kept here."""
        return self._encoder.encode_passages(texts, progress)

    def read_queries(self, texts: Sequence[str]) -> tuple[Encoded, ...]:
        """As `Encoder.read_queries`."""
        return tuple(Encoded(*arrays) for arrays in self._find("read", texts, _READ, self._read))

    def read_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> tuple[Encoded, ...]:
        """As `Encoder.read_passages`: nothing of it is kept here."""
        return self._encoder.read_passages(texts, progress)

    def count_tokens(self, text: str) -> int:
        """As `Encoder.count_tokens`."""
        return self._encoder.count_tokens(text)

    def save(self) -> None:
        """Keep what was asked since this was made, and only that, and let go of the file."""
        self._kept.keep_only(self._known)
        self._kept.close()

    def _encode(self, texts: Sequence[str]) -> list[Arrays]:
        return [(vector,) for vector in self._encoder.encode_queries(texts)]

    def _read(self, texts: Sequence[str]) -> list[Arrays]:
        return [(read.vector, read.tokens, read.spans) for read in self._encoder.read_queries(texts)]

    def _find(
        self, how: str, texts: Sequence[str], types: tuple[str, ...], make: Callable[[Sequence[str]], list[Arrays]]
    ) -> list[Arrays]:
        keys = [f"{how} {text}" for text in texts]
        self._known |= self._kept.find([key for key in keys if key not in self._known], types)
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        made = make([key.removeprefix(f"{how} ") for key in new]) if new else []
        self._kept.add(new, made)
        self._known |= zip(new, made, strict=True)
        return [self._known[key] for key in keys]
