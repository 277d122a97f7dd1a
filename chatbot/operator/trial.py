"""One question to two builds: what is in service beside what could be. One encoder for both."""

import gc
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from chatbot.answer import Reply
from chatbot.conversation import check_question, reply_to
from chatbot.service import reader_for
from chatbot.settings import Settings
from index import Build, Encoder, IndexStoreError, Searcher, load_encoder
from index.reader import PassageReader

__all__ = ["Trial"]

log = logging.getLogger(__name__)

_KEPT_S = 600.0
"""After so many seconds without a question the encoder's memory is given back: the public page has its own."""


class Trial:
    """Answers questions as the public page would, from the builds given. Threads may share it: one asks at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: tuple[Encoder, PassageReader | None] | None = None
        self._lock = threading.Lock()
        self._used_at = 0.0

    @property
    def is_loaded(self) -> bool:
        """Whether the next question is answered at once."""
        return self._loaded is not None

    def ask(self, question: str, builds: Sequence[Build]) -> list[Reply]:
        """The reply of each build. Loads the encoder first where it is not there, which takes seconds.

        Raises:
            InvalidQuestion: empty or too long.
            IndexStoreError: the model cannot be loaded.
        """
        check_question(question, "fr", self._settings)
        with self._lock:
            encoder, reader = self._load()
            replies = [
                reply_to(
                    question,
                    Searcher(build, encoder, reader=reader, reading_s=self._settings.reading_ms / 1000),
                    self._settings,
                    "fr",
                )
                for build in builds
            ]
            self._used_at = time.monotonic()
            return replies

    def prepare(self) -> None:
        """Begin to load the encoder, since a question is likely to come. What is wrong with it, the question tells."""

        def load() -> None:
            with self._lock, suppress(IndexStoreError):
                self._load()

        if self._loaded is None:
            threading.Thread(target=load, name="loos-trial", daemon=True).start()

    def _load(self) -> tuple[Encoder, PassageReader | None]:
        """The encoder and its reader. To be called with the lock held."""
        if self._loaded is None:
            started = time.perf_counter()
            encoder: Encoder = load_encoder(
                self._settings.model, self._settings.models, threads=self._settings.threads or None
            )
            self._loaded = encoder, reader_for(encoder, self._settings)
            self._used_at = time.monotonic()
            log.info("the encoder is loaded after %.1f s", time.perf_counter() - started)
        return self._loaded

    def let_go(self) -> None:
        """Give the encoder's memory back if nothing was asked for a while. To be called from time to time."""
        with self._lock:
            if self._loaded and time.monotonic() - self._used_at > _KEPT_S:
                self._loaded = None
                gc.collect()
