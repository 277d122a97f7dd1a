"""Texts that are nearly the same as one already there: a page's print version, a second address of it."""

import hashlib
import re

import numpy as np

from ingest.normalise import fold_for_search
from ingest.runs import Runs, runs_of

__all__ = ["NearDuplicates"]

_SAME = 0.9
"""Texts that share this part of their runs of words are one (Jaccard), if their numbers are the same."""
_SKETCH = 32
"""The smallest runs, of which two texts so much alike share at least one but for a chance of 1 in 10^31."""


class NearDuplicates:
    """The texts of a crawl, by their addresses. Exact: sketches only choose what is compared."""

    def __init__(self) -> None:
        self._runs: dict[str, Runs] = {}
        self._numbers: dict[str, str] = {}
        self._holders: dict[int, set[str]] = {}

    def add(self, url: str, runs: bytes, numbers: str) -> None:
        """Keep a text, as `of` gave it. Archives, which have none, are not kept."""
        if not runs:
            return
        found = np.frombuffer(runs, dtype=np.uint64)
        self._runs[url], self._numbers[url] = found, numbers
        for run in found[:_SKETCH].tolist():
            self._holders.setdefault(run, set()).add(url)

    def of(self, text: str, url: str) -> tuple[str, bytes, str]:
        """The other address with nearly this text (empty if there is none), and what is to be kept of the text.

        Texts with other numbers are never the same: the pages of two council meetings differ in little else.
        """
        if not text:
            return "", b"", ""
        runs = runs_of(re.findall(r"\w+", fold_for_search(text).lower()))
        numbers = hashlib.sha256(" ".join(re.findall(r"\d+", text)).encode()).hexdigest()[:16]
        candidates = {other for run in runs[:_SKETCH].tolist() for other in self._holders.get(run, ())} - {url}
        for other in sorted(candidates):
            theirs = self._runs[other]
            shared = len(np.intersect1d(runs, theirs, assume_unique=True))
            if self._numbers[other] == numbers and shared >= _SAME * (len(runs) + len(theirs) - shared):
                return other, runs.tobytes(), numbers
        return "", runs.tobytes(), numbers
