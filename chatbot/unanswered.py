"""Questions that went unanswered, where the operator chose to keep them: counted by day, gone after so many days."""

import logging
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from chatbot.answer import Abstention, Reason, Reply
from chatbot.settings import Settings
from ingest import fold_for_search

__all__ = ["Question", "Unanswered", "without_personal_data"]

log = logging.getLogger(__name__)

_REASONS = (Reason.NOT_IN_CORPUS, Reason.NOT_SAID, Reason.TOWN_SERVICE)
_FILE = "questions.sqlite"
_MOST_A_DAY = 5000
"""How many different questions a day keeps: a flood must not fill the disk."""
_MOST_WAITING = 1000
"""How many questions may wait to be written down; more are not counted. A slow disk must not fill the memory."""
_LONGEST = 300
_PERSONAL = re.compile(
    r"\S+@\S+|(?:https?://|www\.)\S+|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}(?: ?\d{1,3})?\b|\+?\d(?:[\s.\-/]?\d){8,}",
    re.IGNORECASE,
)
_LEFT_OUT = "[…]"
_TABLE = (
    "create table if not exists questions (day text, folded text, question text, reason text, count integer, "
    "primary key (day, folded)) without rowid"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that went unanswered, with how often over the days that are kept, and the last of these."""

    question: str
    reason: str
    count: int
    last_day: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that waits to be written down, as it was put."""

    day: str
    text: str
    reason: str


def without_personal_data(question: str) -> str:
    """A question without what looks like an electronic address, an address of the web, or a number of a person's:
    telephone, account, social security. Names of people cannot be told from others."""
    return " ".join(_PERSONAL.sub(_LEFT_OUT, question).split())[:_LONGEST]


class Unanswered:
    """Counts questions by their text and the day. Of a person nothing is kept: no address, no time, no conversation.

    They are written down by a thread of their own, which ends when none waits. Threads and processes may share the
    folder.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = settings.unanswered / _FILE
        self.days = settings.unanswered_days
        self._lock = threading.Lock()
        self._waiting: list[_Asked] = []
        self._changed = threading.Condition()
        self._is_writing = self._is_full = False

    def keep(self, reply: Reply) -> bool:
        """Have a question counted if its reply says that the documents do not answer it. Whether it will be tried.

        Waits for no disk, and raises nothing: nobody is to go without a reply for it. What fails is logged.
        """
        if not self.days or not isinstance(reply, Abstention) or reply.reason not in _REASONS:
            return False
        asked = _Asked(date.today().isoformat(), reply.understood or reply.question, reply.reason.value)
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING:
                if not self._is_full:
                    log.error("questions without answer are not counted: %d wait to be written", _MOST_WAITING)
                self._is_full = True
                return False
            self._waiting.append(asked)
            if not self._is_writing:
                try:
                    threading.Thread(target=self._write, name="loos-unanswered", daemon=True).start()
                except RuntimeError as error:  # the next question tries again
                    log.error("questions without answer wait to be counted: %s", error)
                else:
                    self._is_writing = True
        return True

    def flush(self, wait_s: float = 5.0) -> bool:
        """Wait until what was kept is written down, for so many seconds at most. Whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_writing, wait_s)

    def _write(self) -> None:
        while True:
            with self._changed:
                some = tuple(self._waiting)
                if not some:
                    self._is_writing = self._is_full = False
                    self._changed.notify_all()
                    return
            try:
                self._count(some)
            except Exception as error:  # the outermost layer of this thread: what comes next is to be counted
                log.error("%d questions without answer could not be counted: %s", len(some), error)
            with self._changed:
                del self._waiting[: len(some)]

    def _count(self, some: Sequence[_Asked]) -> None:
        with self._lock, self._open() as kept:
            for asked in some:
                question = without_personal_data(asked.text.encode("utf-8", "replace").decode("utf-8"))
                folded = " ".join(re.findall(r"\w+", fold_for_search(question).lower()))
                day = asked.day
                kept.execute(
                    "insert into questions select ?, ?, ?, ?, 1 "
                    "where (select count(*) from questions where day = ?) < ? "
                    "or exists (select 1 from questions where day = ? and folded = ?) "
                    "on conflict (day, folded) do update set count = count + 1",
                    (day, folded, question, asked.reason, day, _MOST_A_DAY, day, folded),
                )

    def questions(self, most: int = 500) -> list[Question]:
        """Those asked most often first."""
        if not self._file.is_file():
            return []
        since = (date.today() - timedelta(days=max(self.days, 1) - 1)).isoformat()
        try:
            with self._lock, self._open() as kept:
                rows = kept.execute(
                    "select question, reason, sum(count), max(day) from questions where day >= ? group by folded "
                    "order by sum(count) desc, max(day) desc, question limit ?",
                    (since, most),
                ).fetchall()
        except (sqlite3.Error, OSError) as error:
            log.error("the questions without answer could not be read: %s", error)
            return []
        return [Question(*row) for row in rows]

    def drop_old(self) -> None:
        """Delete the days that are over. Where nothing is kept any more, what is there is the operator's to delete."""
        if not self.days or not self._file.is_file():
            return
        oldest = (date.today() - timedelta(days=self.days - 1)).isoformat()
        try:
            with self._lock, self._open() as kept:
                kept.execute("delete from questions where day < ?", (oldest,))
        except (sqlite3.Error, OSError) as error:
            log.error("questions that are too old could not be deleted: %s", error)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=5)) as kept, kept:
            kept.execute("pragma secure_delete = on")  # what is deleted is overwritten
            kept.execute(_TABLE)
            yield kept
