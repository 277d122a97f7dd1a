"""A fetched page or file as a document of the corpus: where it goes, and what it says of itself."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from ingest.corpus import read_document
from ingest.decode import decode
from ingest.fetch import Fetched, Fetcher
from ingest.files import ARCHIVE_SUFFIX
from ingest.holdings import add_document, check_readable
from ingest.read_html import page_facts
from ingest.web_page import canonical_address, slug

__all__ = ["WebDocument", "add_url", "document_path", "read_fetched"]


@dataclass(frozen=True, slots=True)
class WebDocument:
    """What a document of the web says: its text (empty for an archive), and a digest that changes with it."""

    text: str
    title: str
    publisher: str
    published: str
    digest: str


def document_path(url: str, suffix: str) -> str:
    """Where in the corpus the document of an address goes: `web/ville.fr/vie-ecoles.html`."""
    return f"web/{urlsplit(url).netloc.lower().removeprefix('www.').replace(':', '-')}/{slug(url, suffix)}"


def read_fetched(fetched: Fetched, path: str) -> WebDocument:
    """What a fetched document says, read as a build will.

    Raises:
        UnreadableSource: it does not read.
    """
    host = urlsplit(fetched.url).hostname or ""
    if fetched.suffix == ARCHIVE_SUFFIX:
        check_readable(fetched.data, path)
        return WebDocument("", "", host, "", hashlib.sha256(fetched.data).hexdigest())
    document = read_document(fetched.data, path, {})
    site, published = "", ""
    if fetched.suffix == ".html":
        site, published = page_facts(decode(fetched.data, path), fetched.url)
    digest = hashlib.sha256(f"{document.title}\n{document.text}".encode()).hexdigest()
    title = document.title if fetched.suffix == ".html" else ""
    return WebDocument(document.text, title, site or host, published, digest)


def add_url(corpus: Path, url: str, fetcher: Fetcher, entry: Mapping[str, str] = {}, *, replace: bool = False) -> str:
    """Fetch one page or file and put it into the corpus, with what it says of itself where `entry` says nothing.

    Returns its path in the corpus.

    Raises:
        FetchError: it cannot be had, or is none that is read.
        IngestError: as `add_document`.
    """
    fetched = fetcher.fetch(url)
    path = document_path(canonical_address(fetched.url), fetched.suffix)
    found = read_fetched(fetched, path)
    said = {
        "title": found.title,
        "url": canonical_address(fetched.url),
        "publisher": found.publisher,
        "published": found.published,
        "retrieved": date.today().isoformat(),
    }
    given = {key: value for key, value in entry.items() if value}
    return add_document(corpus, path, fetched.data, {**said, **given}, replace=replace)
