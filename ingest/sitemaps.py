"""The pages that a site's sitemaps name."""

import logging
from collections import deque
from collections.abc import Iterable

from lxml import etree

from ingest.errors import FetchError
from ingest.robots import Visitor
from ingest.web_content import gunzip
from ingest.web_page import Scope, canonical_address

__all__ = ["sitemap_addresses"]

_MAX_BYTES = 52_428_800
"""Of one sitemap, unpacked: what the protocol (sitemaps.org) allows."""
_MAX_FILES = 100
_MAX_ADDRESSES = 50_000

log = logging.getLogger(__name__)


def sitemap_addresses(named: Iterable[str], scope: Scope, visitor: Visitor) -> list[str]:
    """The pages of a site that its sitemaps name, indexes followed, in order and each once.

    `named` are those of robots.txt; without any the usual place is looked at. What cannot be had or read is passed
    over.
    """
    waiting = deque(named) or deque([f"{scope.origin}/sitemap.xml"])
    seen: set[str] = set()
    pages: dict[str, None] = {}
    while waiting and len(seen) < _MAX_FILES and len(pages) < _MAX_ADDRESSES:
        url = canonical_address(waiting.popleft())
        if not url or url in seen or not scope.same_site(url):
            continue
        seen.add(url)
        try:
            data = visitor.fetch(
                url, any_type=True, max_bytes=_MAX_BYTES, allowed=lambda to: "" if scope.same_site(to) else "autre site"
            ).data
            inner, found = _read(gunzip(data, _MAX_BYTES) if data.startswith(b"\x1f\x8b") else data)
        except (FetchError, ValueError, OverflowError, EOFError, etree.XMLSyntaxError) as error:
            log.info("sitemap %s: %s", url, error)
            continue
        waiting.extend(inner)
        for page in map(canonical_address, found):
            if page and scope.holds(page) and len(pages) < _MAX_ADDRESSES:
                pages[page] = None
    return list(pages)


def _read(data: bytes) -> tuple[list[str], list[str]]:
    """The sitemaps and the pages that a sitemap names: XML, or text with an address a line."""
    if not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        lines = data.decode("utf-8-sig", "replace").split()
        return [], [line for line in lines if line.startswith(("https://", "http://"))]
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    root = etree.fromstring(data.lstrip(), parser=parser)
    if root is None:
        return [], []
    named: dict[str, list[str]] = {"sitemap": [], "url": []}
    for element in root.iter("{*}loc"):
        parent = element.getparent()
        if parent is not None and (kind := etree.QName(parent).localname) in named and element.text:
            named[kind].append(element.text.strip())
    return named["sitemap"], named["url"]
