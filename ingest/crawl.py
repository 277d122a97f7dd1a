"""A site taken page by page into the corpus: by its sitemaps or its links, as it asks, and no more than is asked for.

What is known of the site is kept in a file (`crawl_state.py`): a crawl that stops goes on where it was, and the next
one only brings what changed.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ingest.addresses import check_host
from ingest.assemble import document_id
from ingest.crawl_report import CrawlLimits, CrawlReport, crawl_report
from ingest.crawl_state import CrawlState, Outcome, Row
from ingest.entries import check_given, described, read_sections, write_sections
from ingest.errors import CrawlRefused, FetchError, ForbiddenAddress, NotADocument, NotWritten, UnreadableSource
from ingest.fetch import Fetched, Fetcher
from ingest.frontier import HELD_DOCUMENT, Frontier
from ingest.holdings import corpus_lock, remove_document
from ingest.near_duplicates import NearDuplicates
from ingest.page_reader import PageReader
from ingest.plain_words import database_reason
from ingest.robots import Robots, Visitor
from ingest.sitemaps import sitemap_addresses
from ingest.web_documents import WebDocument, document_path, read_fetched
from ingest.web_page import PageLinks, Scope, canonical_address, is_document, is_page, short_hash
from ingest.write_file import not_written, write_file

__all__ = ["crawl"]

_BATCH = 20
"""Documents between two changes of `sources.toml`."""
_MOST_FAILURES = 10

_ROBOTS = "le site demande de ne pas la prendre (robots.txt)"
_OTHER_SITE = "elle est hors du site demandé"


def crawl(
    corpus: Path,
    url: str,
    states: Path,
    fetcher: Fetcher,
    limits: CrawlLimits,
    entry: Mapping[str, str] = {},
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    pages: PageReader | None = None,
) -> CrawlReport:
    """Bring the pages under an address, or what changed of them since the last time, into the corpus.

    Each goes to `web/<host>/` with its section in `sources.toml`, where `entry` (theme, publisher, licence) is said of
    all. `pages` is a reader that goes on being used; without it one is started for this crawl. Ctrl-C ends it like a
    limit does; the same call then goes on.

    Raises:
        ForbiddenAddress: the address may not be fetched.
        CrawlRefused: the site's rules forbid it or cannot be had, or it is being crawled already.
        InvalidEntry: `sources.toml` or `entry` is wrong.
        NotWritten: a file cannot be written.
    """
    check_host(url)
    start = canonical_address(url)
    check_given(corpus, {start: entry})
    read_sections(corpus)
    name = f"{urlsplit(start).netloc.replace(':', '-')}-{short_hash(start)}"
    file = states / f"{name}.sqlite"
    try:
        with (
            _alone(states / f"{name}.lock", start),
            CrawlState(file) as state,
            nullcontext(pages) if pages else PageReader() as reader,
        ):
            return _Crawl(corpus, start, state, fetcher, limits, entry, progress, reader).run()
    except sqlite3.OperationalError as error:
        raise NotWritten(
            f"{file} : ne s’écrit pas ({database_reason(error)}). Vérifiez la place sur le disque et les droits."
        ) from error
    except sqlite3.DatabaseError as error:
        raise NotWritten(
            f"{file} : ce que le programme sait du site est abîmé ({database_reason(error)}). Effacez ce fichier : le "
            "site sera redemandé, et les documents déjà pris resteront."
        ) from error


@dataclass(slots=True)
class _Crawl:
    corpus: Path
    start: str
    state: CrawlState
    fetcher: Fetcher
    limits: CrawlLimits
    entry: Mapping[str, str]
    progress: Callable[[str, int, int], None]
    pages: PageReader
    scope: Scope = field(init=False)
    robots: Robots = field(init=False)
    visitor: Visitor = field(init=False)
    frontier: Frontier = field(init=False)
    known: NearDuplicates = field(default_factory=NearDuplicates)
    elsewhere: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    requests: int = 0

    def run(self) -> CrawlReport:
        began = time.monotonic()
        self.scope = Scope.of(self.start)
        self.robots = Robots.read(self.scope.origin, self.fetcher)
        self.scope = self.scope.at(self.robots.origin)
        self.start = self.scope.spelled(self.start)
        if not self.robots.allows(self.start):
            raise CrawlRefused(f"{self.start} : {_ROBOTS}. Demandez les documents au site, ou ajoutez-les à la main.")
        self.visitor = Visitor(self.fetcher, self.robots.pause_s(self.limits.pause_s))
        self._recall()
        stopped, interrupted = "", False
        try:
            self._seed()
            stopped = self._loop(began)
        except KeyboardInterrupt:
            stopped, interrupted = "interrompu", True
        finally:
            self._describe()
        if not stopped:
            self.state.set("finished", "yes")
        return crawl_report(
            self.state,
            self.corpus,
            site=self.start,
            stopped=stopped,
            interrupted=interrupted,
            requests=self.requests,
            seconds=time.monotonic() - began,
        )

    def _recall(self) -> None:
        """What earlier crawls and other hands brought."""
        self._describe()
        for path, said in read_sections(self.corpus).items():
            if (address := canonical_address(said.get("url", ""))) and (self.corpus / path).is_file():
                self.elsewhere[self.scope.spelled(address)] = path
        self.taken = {document_id(path): address for address, path in self.elsewhere.items()}
        for row in self.state.brought():
            self.known.add(row.url, row.shingles, row.numbers)
            self.taken[document_id(row.path)] = row.url
        self.frontier = Frontier(self.state, self.limits)

    def _seed(self) -> None:
        state = self.state
        if not state.round or state.setting("finished"):
            state.begin_round()
        if state.setting("seeded") != str(state.round):
            state.find(self.start, 0, listed=False)
            listed = sitemap_addresses(self.robots.sitemaps(), self.scope, self.visitor)
            for url in listed:
                self.frontier.found(self.scope.spelled(url), 1, listed=True)
            state.set("listed", str(len(listed)))
            state.set("seeded", str(state.round))
        state.release(self.limits.depth, self.limits.documents)

    def _loop(self, began: float) -> str:
        limits, failures, since = self.limits, 0, 0
        while True:
            row = self.state.next_waiting()
            if row is None:
                if self._wrong_aliases():
                    continue
                return ""
            if self.requests >= limits.pages:
                return f"la limite de {limits.pages} pages est atteinte (--max-pages)"
            if time.monotonic() - began > limits.minutes * 60:
                return f"la limite de {limits.minutes:g} minutes est atteinte (--max-minutes)"
            if self.visitor.received > limits.megabytes * 1_000_000:
                return f"la limite de {limits.megabytes:g} Mo est atteinte (--max-megabytes)"
            outcome = self._visit(row)
            failures = failures + 1 if outcome is Outcome.FAILED else 0
            if failures >= _MOST_FAILURES:
                return f"le site ne répond plus ({failures} échecs à la suite)"
            since += outcome in (Outcome.NEW, Outcome.CHANGED)
            if since >= _BATCH:
                self._describe()
                since = 0
            self.progress("pages", self.requests, self.requests + self.state.count(Outcome.WAITING))

    def _visit(self, row: Row) -> Outcome:
        """Take one address; what became of it."""
        url = row.url
        if reason := self._refusal(url) or self._by_hand(row):
            return self._settle(url, Outcome.LEFT_OUT, reason)
        self.requests += 1
        try:
            fetched = self.visitor.fetch(url, **_version(row), allowed=self._refusal)
        except (ForbiddenAddress, NotADocument) as error:
            return self._settle(url, Outcome.LEFT_OUT, _without(url, error))
        except FetchError as error:
            gone, refused = error.status in (404, 410), error.status in (401, 403)
            outcome = Outcome.GONE if gone else Outcome.LEFT_OUT if refused else Outcome.FAILED
            return self._settle(url, outcome, _without(url, error))
        if fetched.unchanged:
            return self._settle(url, Outcome.UNCHANGED)
        final = self.scope.spelled(canonical_address(fetched.url))
        moved = row if final == url else self._moved(row, final)
        return self._take(moved, fetched) if moved else Outcome.ALIAS

    def _moved(self, row: Row, final: str) -> Row | None:
        """The address that one is redirected to, with its document; nothing if it had its turn."""
        self.state.find(final, row.depth, row.listed)
        target = self.state.row(final)
        waits = target is not None and target.outcome is Outcome.WAITING
        if waits and target and not target.path:
            self._settle(final, Outcome.WAITING, path=row.path, digest=row.digest)
        self._settle(row.url, Outcome.ALIAS, final, **({"path": ""} if waits else {}))
        return self.state.row(final) if waits else None

    def _take(self, row: Row, fetched: Fetched) -> Outcome:
        url = row.url
        path = self._path(row, fetched.suffix)
        try:
            if fetched.suffix == ".html":
                page = self.pages.read(fetched, path)
                if outcome := self._look(row, page.links):
                    return outcome
                if page.document is None:
                    raise UnreadableSource(page.problem)
                document = page.document
            elif not self.limits.documents:
                return self._settle(url, Outcome.HELD, HELD_DOCUMENT)
            else:
                document = read_fetched(fetched, path)
        except UnreadableSource as error:
            return self._settle(url, Outcome.LEFT_OUT, str(error).removeprefix(f"{path} : "))
        version = {"etag": fetched.etag, "modified": fetched.last_modified, "digest": document.digest}
        if row.path == path and row.digest == document.digest:
            return self._settle(url, Outcome.UNCHANGED, **version)
        return self._bring(row, path, fetched, document, version)

    def _bring(
        self, row: Row, path: str, fetched: Fetched, document: WebDocument, version: Mapping[str, str]
    ) -> Outcome:
        twin, print_of, numbers = self.known.of(document.text, row.url)
        if twin and not row.path:
            return self._settle(row.url, Outcome.DUPLICATE, twin)
        write_file(self.corpus / path, fetched.data, path)
        is_moved = row.path and row.path != path and (self.corpus / row.path).is_file()
        if is_moved:
            remove_document(self.corpus, row.path)  # the same address is of another format now
        self.known.add(row.url, print_of, numbers)
        self.taken[document_id(path)] = row.url
        outcome = self._settle(
            row.url,
            Outcome.CHANGED if row.path else Outcome.NEW,
            path=path,
            numbers=numbers,
            shingles=print_of,
            title=document.title,
            publisher=document.publisher,
            published=document.published,
            described=0,
            **version,
        )
        if is_moved:
            self.state.save()  # or a crawl that goes on would take it for removed by hand
        return outcome

    def _look(self, row: Row, page: PageLinks) -> Outcome | None:
        """Note where a page leads; what became of it if it is not to be taken itself."""
        by_links = not self.state.setting("listed", "0").strip("0")
        for link in page.links:
            if self.scope.holds(link) and (is_document(link) or (by_links and is_page(link))):
                self.frontier.found(self.scope.spelled(link), row.depth + 1)
        if page.noindex:
            return self._settle(row.url, Outcome.LEFT_OUT, "la page demande à ne pas être reprise (noindex)")
        own = self.scope.spelled(page.canonical)
        if own and own != row.url and self.scope.holds(own) and not row.alone and not _is_home(own):
            self.state.find(own, row.depth, row.listed)
            return self._settle(row.url, Outcome.ALIAS, own)
        return None

    def _refusal(self, url: str) -> str:
        """Why an address of the site, or one that it redirects to, is not asked for, in French; empty if it is."""
        if not self.scope.holds(url):
            return _OTHER_SITE
        return "" if self.robots.allows(url) else _ROBOTS

    def _by_hand(self, row: Row) -> str:
        if row.path and not (self.corpus / row.path).is_file():
            return f"vous l’avez retirée du corpus ({row.path})"
        path = self.elsewhere.get(row.url, "")
        if path and not row.path and not path.startswith("web/"):
            return f"elle est déjà dans le corpus : {path}"
        return ""

    def _path(self, row: Row, suffix: str) -> str:
        """Where the document of an address goes: where it was, else a name that no other document has."""
        if row.path and PurePosixPath(row.path).suffix == suffix:
            return row.path
        path = document_path(row.url, suffix)
        known = self.elsewhere.get(row.url, "")
        if known and PurePosixPath(known).suffix == suffix:
            return known
        if self.taken.get(document_id(path), row.url) == row.url:
            return path
        return f"{path.removesuffix(suffix)}-{short_hash(row.url)}{suffix}"

    def _wrong_aliases(self) -> bool:
        """Let the pages wait again whose canonical address turned out to lead to nothing; whether there are any."""
        sound = (Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.DUPLICATE)
        wrong = [
            row
            for row in self.state.rows(Outcome.ALIAS)
            if not row.alone and ((target := self.state.row(row.reason)) is None or target.outcome not in sound)
        ]
        for row in wrong:
            self.state.settle(row.url, Outcome.WAITING, alone=1)
        return bool(wrong)

    def _settle(self, url: str, outcome: Outcome, reason: str = "", **values: str | bytes | int) -> Outcome:
        self.state.settle(url, outcome, reason, **values)
        return outcome

    def _describe(self) -> None:
        """Name in `sources.toml` what was brought. What its keeper wrote there stays."""
        rows = self.state.undescribed()
        if not rows:
            return
        self.state.save()
        today = date.today().isoformat()
        with corpus_lock(self.corpus):
            sections = read_sections(self.corpus)
            entries = {}
            for row in rows:
                said = {"title": row.title, "publisher": row.publisher, "published": row.published, **self.entry}
                kept = sections.get(row.path, {})
                new = {key: value for key, value in said.items() if value and not kept.get(key)}
                if (self.corpus / row.path).is_file():
                    entries[row.path] = {**new, "url": row.url, "retrieved": today}
            write_sections(self.corpus, described(self.corpus, entries))
        self.state.mark_described(rows)


@contextmanager
def _alone(lock: Path, site: str) -> Iterator[None]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise not_written(str(lock), error) from error
    try:
        _take_lock(descriptor, site)
        yield
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, site: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CrawlRefused(
            f"{site} est déjà en train d’être relevé. Attendez la fin, ou arrêtez l’autre commande."
        ) from error


def _version(row: Row) -> dict[str, str]:
    return {"etag": row.etag, "last_modified": row.modified} if row.path else {}


def _is_home(url: str) -> bool:
    return urlsplit(url).path in ("", "/") and not urlsplit(url).query


def _without(url: str, error: Exception) -> str:
    """A refusal's reason without the address that it opens with."""
    return str(error).removeprefix(f"{url} : ")
