"""What the pages work on: the settings, the corpus, the builds and who is signed in."""

import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from chatbot.operator.command import Command
from chatbot.operator.documents import Holding, Holdings
from chatbot.operator.password import Password
from chatbot.operator.sessions import Attempts, Sessions
from chatbot.operator.trial import Trial
from chatbot.settings import Settings
from index import Build, IndexStoreError, Store
from index.report import BuildReport, read_report
from ingest.entries import read_sections
from ingest.errors import IngestError

__all__ = ["Desk"]

log = logging.getLogger(__name__)

_LOADED = 2
_LOOS = (sys.executable, "-m", "chatbot.cli")
_INTERRUPTED = 130

Made = TypeVar("Made")


class Desk:
    """One for the whole application. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.index)
        self.password = Password(settings.operator)
        self.sessions = Sessions()
        self.attempts = Attempts()
        self.holdings = Holdings(settings.corpus)
        corpus = ("--corpus", str(settings.corpus))
        told = ("--progress", "json", "--json")
        self.construction = Command(
            [*_LOOS, "build", "--no-publish", *told, *corpus, "--index", str(settings.index)],
        )
        # It has a result after an interruption, and where nothing was brought too.
        self.crawl = Command([*_LOOS, "crawl", *told, *corpus], good=(0, 1, _INTERRUPTED))
        self.trial = Trial(settings)
        self._builds: dict[str, Build] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._made: dict[str, dict[str, Any]] = {}
        self._loading = threading.Lock()

    def live_id(self) -> str | None:
        """The build in service; None where there is none, or it cannot be told."""
        try:
            return self.store.current_id()
        except IndexStoreError as error:
            log.warning("%s", error)
            return None

    def newest_id(self) -> str | None:
        """The build made last; None where there is none."""
        return next(iter(self.store.build_ids()), None)

    def candidate_id(self) -> str | None:
        """The build that could be put into service: the newest, unless it is in service already or cannot be read."""
        newest = self.newest_id()
        return newest if newest != self.live_id() and self.build(newest) else None

    def is_set_aside(self, build_id: str | None) -> bool:
        """Whether a build was in service since it was last made, and someone put another one into its place."""
        if build_id is None or build_id == self.live_id():
            return False
        made_at = int(self.built_at(build_id))  # the history counts whole seconds
        for was in self.store.history():
            with suppress(ValueError):  # it is not known since when
                if was.build_id == build_id and datetime.fromisoformat(was.since).timestamp() >= made_at:
                    return True
        return False

    def build(self, build_id: str | None) -> Build | None:
        """A build, kept in memory with the one asked for before; None without an id or where it cannot be read.

        That it cannot is remembered, and told by `problem`, until it is made again or tried `again`.
        """
        if build_id is None:
            return None
        with self._loading:
            made_at = self.built_at(build_id)
            if self._failed.get(build_id, (None,))[0] == made_at:
                return None
            if build_id not in self._builds:
                try:
                    loaded = self.store.load(build_id)
                except IndexStoreError as error:
                    log.warning("%s", error)
                    self._failed[build_id] = (made_at, str(error))
                    return None
                self._failed.pop(build_id, None)
                self._builds[build_id] = loaded
                for old in list(self._builds)[:-_LOADED]:
                    del self._builds[old]
                    self._made.pop(old, None)
            return self._builds[build_id]

    def problem(self, build_id: str) -> str:
        """Why a build cannot be used, in French; empty where it can, as far as was tried."""
        made_at, problem = self._failed.get(build_id, (None, ""))
        if made_at == self.built_at(build_id):
            return problem
        try:
            self.store.manifest(build_id)
        except IndexStoreError as error:
            return str(error)
        return ""

    def again(self, build_id: str) -> None:
        """Have a build read anew that could not be: its files may have been put back."""
        with self._loading:
            self._failed.pop(build_id, None)
            self._builds.pop(build_id, None)
            self._made.pop(build_id, None)

    def live(self) -> Build | None:
        """The build in service."""
        return self.build(self.live_id())

    def candidate(self) -> Build | None:
        """The build of `candidate_id`."""
        return self.build(self.candidate_id())

    def report(self, build_id: str) -> BuildReport | None:
        """What was told of a build when it was made, None where that is not known."""
        try:
            return read_report(self.store, build_id)
        except (IndexStoreError, OSError, ValueError) as error:
            log.warning("the report of %s: %s", build_id, error)
            return None

    def built_at(self, build_id: str | None) -> float:
        """When a build was written or last made again, 0 where it is not there."""
        try:
            return self.store.made(build_id).timestamp() if build_id else 0.0
        except (IndexStoreError, OSError):
            return 0.0

    def documents(self) -> tuple[Holding, ...]:
        """Every document with its state, after the newest build."""
        newest_id = self.candidate_id() or self.live_id()
        newest = self.build(newest_id)
        told: tuple[str, ...] = newest.manifest.skipped if newest else ()
        report = self.report(newest_id) if newest_id else None
        if report:
            told = (*told, *report.notices)
        return self.holdings.all(self.live(), newest, told, self.built_at(newest_id))

    def fault(self) -> str:
        """Why what is said of the documents cannot be read, in French; empty where it can."""
        try:
            read_sections(self.settings.corpus)
        except IngestError as error:
            return str(error)
        return ""

    def is_up_to_date(self) -> bool:
        """Whether the newest build was made of the folder as it is."""
        newest = self.build(self.candidate_id() or self.live_id())
        return newest is not None and self.holdings.sha256() == newest.manifest.corpus_sha256

    def of_build(self, build: Build, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives for a build, made once while it is in memory."""
        made = self._made.setdefault(build.manifest.build_id, {})
        if name not in made:
            made[name] = make()
        return made[name]  # type: ignore[no-any-return]
