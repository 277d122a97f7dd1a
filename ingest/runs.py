"""Runs of words, by which texts that say much the same are known."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["RUN_WORDS", "Runs", "runs_of"]

RUN_WORDS = 5

Runs = NDArray[np.uint64]
"""Runs of words as checksums in order, each once: `(n,)`."""


def runs_of(words: Sequence[str]) -> Runs:
    """The runs of `RUN_WORDS` words; fewer words are one run."""
    runs = {" ".join(words[at : at + RUN_WORDS]) for at in range(max(1, len(words) - RUN_WORDS + 1))}
    numbers = [int.from_bytes(hashlib.blake2b(run.encode("utf-8"), digest_size=8).digest(), "big") for run in runs]
    return np.sort(np.array(numbers, dtype=np.uint64))
