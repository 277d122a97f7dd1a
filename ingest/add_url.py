"""One page or file of the web put into the corpus."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ingest.assemble import document_id
from ingest.entries import read_sections
from ingest.errors import DuplicateDocument, FetchError, UnreadableSource
from ingest.fetch import Fetched, Fetcher
from ingest.holdings import add_document
from ingest.page_reader import PageReader, ReadPage
from ingest.web_documents import document_path, read_fetched
from ingest.web_page import Scope, canonical_address, short_hash

__all__ = ["add_url"]


def add_url(corpus: Path, url: str, fetcher: Fetcher, entry: Mapping[str, str] = {}, *, replace: bool = False) -> str:
    """Fetch one page or file and put it into the corpus, with what it says of itself where `entry` says nothing.

    A page that names another of its site as its own address is taken there, as a crawl does. Where `sources.toml` knows
    the address, its document is meant; with `replace`, what it says of it (title, theme, publisher, …) stays.

    Returns its path in the corpus.

    Raises:
        FetchError: it cannot be had, or is none that is read.
        IngestError: as `add_document`.
    """
    fetched = fetcher.fetch(url)
    if fetched.suffix == ".html":
        with PageReader() as pages:
            fetched, page = _at_home(fetched, fetcher, pages)
        if page.document is None:
            raise UnreadableSource(f"{_shown(fetched)} : {page.problem}")
        found = page.document
    else:
        found = read_fetched(fetched, _shown(fetched))
    address = canonical_address(fetched.url)
    sections = read_sections(corpus)
    path = _path(corpus, address, fetched.suffix, sections)
    said = {"title": found.title, "publisher": found.publisher, "published": found.published}
    kept = next((kept for name, kept in sections.items() if document_id(name) == document_id(path)), {})
    new = {key: value for key, value in said.items() if not kept.get(key)}
    given = {key: value for key, value in entry.items() if value}
    today = date.today().isoformat()
    return add_document(
        corpus, path, fetched.data, {**new, "url": address, "retrieved": today, **given}, replace=replace
    )


def _at_home(fetched: Fetched, fetcher: Fetcher, pages: PageReader) -> tuple[Fetched, ReadPage]:
    """A page, from the address that it calls its own if that is another of its site and leads to a page that reads."""
    page = pages.read(fetched, _shown(fetched))
    scope = Scope.of(fetched.url)
    address, own = canonical_address(fetched.url), scope.spelled(page.links.canonical)
    if own and own != address and scope.same_site(own) and urlsplit(own).path not in ("", "/"):
        try:
            other = fetcher.fetch(own)
            if other.suffix == ".html" and canonical_address(other.url) == own:
                read = pages.read(other, _shown(other))
                if read.document:
                    return other, read
        except (FetchError, UnreadableSource):
            pass  # a canonical address that leads nowhere is not believed
    return fetched, page


def _path(corpus: Path, address: str, suffix: str, sections: Mapping[str, Mapping[str, str]]) -> str:
    """Where the document of an address goes: where it is, else a name that the document of no other address has."""
    scope = Scope.of(address)
    known = {
        scope.spelled(canonical_address(said["url"])): name
        for name, said in sections.items()
        if said.get("url") and (corpus / name).is_file()
    }
    path = document_path(address, suffix)
    if here := known.get(address):
        if PurePosixPath(here).suffix == suffix:
            return here
        if document_id(here) != document_id(path):
            raise DuplicateDocument(
                f"{address} : cette adresse est déjà dans le corpus : {here}. Retirez d’abord ce document si vous "
                "voulez la page elle-même."
            )
    taken = {document_id(name): other for other, name in known.items()}
    if taken.get(document_id(path), address) == address:
        return path
    return f"{path.removesuffix(suffix)}-{short_hash(address)}{suffix}"


def _shown(fetched: Fetched) -> str:
    return document_path(canonical_address(fetched.url), fetched.suffix)
