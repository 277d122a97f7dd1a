"""Passages into an index, a question into ranked passages.

`build_index(corpus, store, ...)` makes, checks and publishes a build; `Store.load()` reads the live one;
`Searcher.search(question, vector)` gives `Hit`s, best first.
"""

from index.build import BuildReport, build_index
from index.encoder import Encoder, load_encoder
from index.errors import IndexStoreError
from index.search import Hit, Searcher
from index.store import Build, Store

__all__ = [
    "Build",
    "BuildReport",
    "Encoder",
    "Hit",
    "IndexStoreError",
    "Searcher",
    "Store",
    "build_index",
    "load_encoder",
]
