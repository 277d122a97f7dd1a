"""One page or file of the web put into the corpus."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ingest.errors import UnreadableSource
from ingest.fetch import Fetcher
from ingest.holdings import add_document
from ingest.page_reader import PageReader
from ingest.web_documents import document_path, read_fetched
from ingest.web_page import canonical_address

__all__ = ["add_url"]


def add_url(corpus: Path, url: str, fetcher: Fetcher, entry: Mapping[str, str] = {}, *, replace: bool = False) -> str:
    """Fetch one page or file and put it into the corpus, with what it says of itself where `entry` says nothing.

    Returns its path in the corpus.

    Raises:
        FetchError: it cannot be had, or is none that is read.
        IngestError: as `add_document`.
    """
    fetched = fetcher.fetch(url)
    path = document_path(canonical_address(fetched.url), fetched.suffix)
    if fetched.suffix == ".html":
        with PageReader() as pages:
            page = pages.read(fetched, path)
        if page.document is None:
            raise UnreadableSource(f"{path} : {page.problem}")
        found = page.document
    else:
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
