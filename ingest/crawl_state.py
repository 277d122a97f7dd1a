"""What a crawl knows of a site, in one SQLite file: what it has seen, what it brought, what waits.

A few pages are committed together: a crawl that is killed asks for those again, and goes on where it was.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = ["CrawlState", "Outcome", "Row"]

_SCHEMA = """
create table if not exists setting (name text primary key, value text not null);
create table if not exists page (
    number integer primary key,
    url text not null unique,
    depth integer not null,
    listed integer not null,
    round integer not null,
    outcome text not null,
    reason text not null default '',
    path text not null default '',
    etag text not null default '',
    modified text not null default '',
    digest text not null default '',
    numbers text not null default '',
    shingles blob not null default x'',
    title text not null default '',
    publisher text not null default '',
    published text not null default '',
    alone integer not null default 0,
    described integer not null default 1
);
create index if not exists waiting on page (outcome, depth, number);
"""

_COMMIT_PAGES = 5
_COMMIT_S = 2.0
"""What is known is committed after so many pages or seconds, whichever comes first: each waits for the disk."""


class Outcome(StrEnum):
    """What became of an address in the last round that it was in."""

    WAITING = "waiting"
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    ALIAS = "alias"
    """Another address of a page: `reason` is the page's."""
    LEFT_OUT = "left_out"
    TRAP = "trap"
    """An address of an endless kind."""
    HELD = "held"
    """Beyond what was asked for: deeper, or a document where only pages are wanted."""
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """An address. `listed` if a sitemap names it; `alone` if the canonical address in it was found to be wrong."""

    number: int
    url: str
    depth: int
    listed: bool
    outcome: Outcome
    reason: str
    path: str
    etag: str
    modified: str
    digest: str
    numbers: str
    shingles: bytes
    title: str
    publisher: str
    published: str
    alone: bool


_COLUMNS = (
    "number, url, depth, listed, outcome, reason, path, etag, modified, digest, numbers, shingles, title, publisher, "
    "published, alone"
)


class CrawlState:
    """The state of one site's crawl. Use it as a context manager; it is saved and closed at the end."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._data = sqlite3.connect(file, isolation_level=None)
        self._data.execute("pragma journal_mode=wal")
        self._data.execute("pragma synchronous=full")
        self._data.executescript(_SCHEMA)
        self._settled, self._began = 0, 0.0

    def __enter__(self) -> "CrawlState":
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.save()
        finally:
            self._data.close()

    def save(self) -> None:
        """Have everything on the disk that was noted."""
        if self._data.in_transaction:
            self._data.execute("commit")

    def _note(self, change: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if not self._data.in_transaction:
            self._data.execute("begin immediate")
            self._settled, self._began = 0, time.monotonic()
        return self._data.execute(change, values)

    def setting(self, name: str, default: str = "") -> str:
        """A word kept with the crawl."""
        found = self._data.execute("select value from setting where name = ?", (name,)).fetchone()
        return str(found[0]) if found else default

    def set(self, name: str, value: str) -> None:
        """Keep a word with the crawl."""
        self._note("insert or replace into setting values (?, ?)", (name, value))

    @property
    def round(self) -> int:
        """The number of the crawl at work, or of the last one."""
        return int(self.setting("round", "0"))

    def begin_round(self) -> None:
        """Start a new crawl: every address that is known waits again, but for what was gone, is a trap or is held."""
        self.set("round", str(self.round + 1))
        self.set("finished", "")
        self._note(
            "update page set outcome = 'waiting', reason = '', alone = 0, round = ?"
            " where outcome not in ('gone', 'held', 'trap')",
            (self.round,),
        )
        self.save()

    def find(self, url: str, depth: int, listed: bool, outcome: Outcome = Outcome.WAITING, reason: str = "") -> bool:
        """Note an address; whether it was unknown. One that was gone and is linked again waits again."""
        done = self._note(
            "insert into page (url, depth, listed, round, outcome, reason) values (?, ?, ?, ?, ?, ?)"
            " on conflict (url) do update set outcome = 'waiting', round = excluded.round"
            " where page.outcome = 'gone' and page.round < excluded.round",
            (url, depth, listed, self.round, outcome, reason),
        )
        return done.rowcount > 0

    def release(self, max_depth: int, documents: bool) -> None:
        """Let wait what was held and is wanted now."""
        self._note(
            "update page set outcome = 'waiting', reason = '' where outcome = 'held' and depth <= ?"
            " and (reason != 'document' or ?)",
            (max_depth, documents),
        )

    def next_waiting(self) -> Row | None:
        """The nearest address that waits."""
        return self._one("outcome = 'waiting' order by depth, number limit 1")

    def row(self, url: str) -> Row | None:
        """What is known of an address."""
        return self._one("url = ?", url)

    def owner(self, path: str) -> Row | None:
        """The address whose document has a path in the corpus."""
        return self._one("path = ?", path)

    def urls(self) -> list[str]:
        """Every address that was ever found."""
        return [url for (url,) in self._data.execute("select url from page order by number")]

    def rows(self, *outcomes: Outcome) -> Iterator[Row]:
        """The addresses of the crawl at work, or last one, with these outcomes, in the order in which they came."""
        marks = ", ".join("?" * len(outcomes))
        query = f"select {_COLUMNS} from page where outcome in ({marks}) and round = ? order by number"
        yield from map(_row, self._data.execute(query, (*outcomes, self.round)).fetchall())

    def brought(self) -> Iterator[Row]:
        """The addresses whose document is in the corpus."""
        yield from map(
            _row, self._data.execute(f"select {_COLUMNS} from page where path != '' order by number").fetchall()
        )

    def count(self, *outcomes: Outcome) -> int:
        """How many addresses have these outcomes."""
        marks = ", ".join("?" * len(outcomes))
        found = self._data.execute(f"select count(*) from page where outcome in ({marks})", outcomes).fetchone()
        return int(found[0])

    def held(self) -> Counter[str]:
        """How many addresses are held, by the reason why."""
        return Counter(
            dict(self._data.execute("select reason, count(*) from page where outcome = 'held' group by reason"))
        )

    def settle(self, url: str, outcome: Outcome, reason: str = "", **values: str | bytes | int) -> None:
        """Say what became of an address, with what is to be kept of it."""
        changes = {"outcome": outcome, "reason": reason, "round": self.round, **values}
        names = ", ".join(f"{name} = ?" for name in changes)
        self._note(f"update page set {names} where url = ?", (*changes.values(), url))
        self._settled += 1
        if self._settled >= _COMMIT_PAGES or time.monotonic() - self._began >= _COMMIT_S:
            self.save()

    def undescribed(self) -> list[Row]:
        """The documents that `sources.toml` does not name yet."""
        return list(map(_row, self._data.execute(f"select {_COLUMNS} from page where described = 0 order by number")))

    def mark_described(self, rows: list[Row]) -> None:
        """Say that `sources.toml` names these documents."""
        for row in rows:
            self._note("update page set described = 1 where number = ?", (row.number,))
        self.save()

    def _one(self, where: str, *values: str) -> Row | None:
        found = self._data.execute(f"select {_COLUMNS} from page where {where}", values).fetchone()
        return _row(found) if found else None


def _row(values: tuple[Any, ...]) -> Row:
    fields = list(values)
    fields[3], fields[4], fields[-1] = bool(fields[3]), Outcome(fields[4]), bool(fields[-1])
    return Row(*fields)
