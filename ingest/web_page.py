"""A page of a site: its address in one spelling, the addresses in it, and addresses that lead nowhere (traps)."""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from ingest.addresses import check_host
from ingest.assemble import document_id
from ingest.decode import decode
from ingest.errors import ForbiddenAddress
from ingest.files import SUFFIXES, advice

__all__ = [
    "PageLinks",
    "Scope",
    "canonical_address",
    "is_document",
    "is_page",
    "page_links",
    "short_hash",
    "slug",
]

_SESSIONS = re.compile(
    r"(?:phpsessid|jsessionid|sessionid|session_id|sid|cfid|cftoken|aspsessionid\w*|zenid|oscsid)", re.I
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?]*|/\([SA]\([^)]*\)\)", re.IGNORECASE)
_PAGE_SUFFIXES = (
    "",
    ".html",
    ".htm",
    ".xhtml",
    ".shtml",
    ".php",
    ".php5",
    ".asp",
    ".aspx",
    ".jsp",
    ".jspx",
    ".do",
    ".cfm",
)
_NO_PAGE = re.compile(
    r"\.(?:jpe?g|png|gif|svg|webp|avif|ico|bmp|tiff?|css|js|mjs|json|xml|rss|atom|ics|vcf|woff2?|ttf|eot|otf|mp[34]|m4[av]"
    r"|ogg|ogv|wav|webm|avi|mov|wmv|flv|exe|dmg|apk|msi|iso|bin|swf|map|webmanifest|kml|gpx|eps|psd|ai)$",
    re.IGNORECASE,
)
_MOST_LINKS = 5_000
_SAFE = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Scope:
    """What belongs to a site: its host, with or without « www. », and what is under the folder that was given."""

    host: str
    folder: str
    origin: str

    @classmethod
    def of(cls, url: str) -> "Scope":
        """The scope that a first address opens: `https://ville.fr/vie/ecoles` holds what is under `/vie/`."""
        parts = urlsplit(url)
        return cls(_bare(parts.netloc), parts.path.rsplit("/", 1)[0] + "/", f"{parts.scheme}://{parts.netloc}")

    def at(self, origin: str) -> "Scope":
        """The same scope, if the site says that it is at home there: by https, with « www. » or without."""
        return replace(self, origin=origin) if self.same_site(origin) else self

    def spelled(self, url: str) -> str:
        """An address of the site as one of its home: others are the same page."""
        parts = urlsplit(url)
        return url.replace(f"{parts.scheme}://{parts.netloc}", self.origin, 1) if self.same_site(url) else url

    def same_site(self, url: str) -> bool:
        """Whether an address is of the same host."""
        return _bare(urlsplit(url).netloc) == self.host

    def holds(self, url: str) -> bool:
        """Whether an address is of the same host and under the folder."""
        return self.same_site(url) and f"{urlsplit(url).path}/".startswith(self.folder)


@dataclass(frozen=True, slots=True)
class PageLinks:
    """What a page points to: its own canonical address (empty if it names none), others, and what it asks of robots."""

    canonical: str
    links: tuple[str, ...]
    noindex: bool


def canonical_address(url: str) -> str:
    """An address in one spelling, without fragment, tracking and session parameters; empty if it is none of the web."""
    from courlan import normalize_url

    try:
        parts = urlsplit(url.strip())
        path = "/" + quote(_SESSION_IN_PATH.sub("", parts.path).lstrip("/"), safe=_SAFE)
        kept = [(key, value) for key, value in parse_qsl(parts.query) if not _SESSIONS.fullmatch(key)]
        netloc = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
        whole = urljoin(urlunsplit((parts.scheme, netloc, "", "", "")), path)  # takes « .. » out
        check_host(whole)
        return str(normalize_url(f"{whole}?{urlencode(kept)}" if kept else whole))
    except (ForbiddenAddress, ValueError):
        return ""


def page_links(data: bytes, url: str) -> PageLinks:
    """The addresses in a page, in their order, each once and in one spelling; the first `_MOST_LINKS` of them.

    Raises:
        UnreadableSource: its charset is wrong.
    """
    from lxml import etree
    from lxml import html as reader

    try:
        parser = reader.HTMLParser(no_network=True, encoding="utf-8")
        root = reader.document_fromstring(decode(data, url).encode(), parser=parser, base_url=url)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return PageLinks("", (), False)
    base = url
    canonical = ""
    links: dict[str, None] = {}
    noindex = nofollow = False
    for element in root.iter("base", "link", "a", "area", "iframe", "meta"):
        href = element.get("src" if element.tag == "iframe" else "href", "").strip()
        rel = element.get("rel", "").lower().split()
        if element.tag == "base" and href:
            base = _joined(url, href) or base
        elif element.tag == "meta":
            if element.get("name", "").lower() in ("robots", "loos"):
                said = element.get("content", "").lower()
                noindex |= "noindex" in said or "none" in said
                nofollow |= "nofollow" in said or "none" in said
        elif element.tag == "link":
            canonical = canonical or (_joined(base, href) if "canonical" in rel and href else "")
        elif href and "nofollow" not in rel and len(links) < _MOST_LINKS and (found := _joined(base, href)):
            links[found] = None
    return PageLinks(canonical, () if nofollow else tuple(links), noindex)


def is_page(url: str) -> bool:
    """Whether an address may be a page, by its ending."""
    path = urlsplit(url).path
    suffix = PurePosixPath(path).suffix.lower()
    return suffix in _PAGE_SUFFIXES or not (_NO_PAGE.search(path) or is_document(url))


def is_document(url: str) -> bool:
    """Whether an address is that of a document other than a page (PDF, DOCX, …), by its ending."""
    name = unquote(PurePosixPath(urlsplit(url).path).name)
    return (PurePosixPath(name).suffix.lower() in SUFFIXES and not name.lower().endswith((".html", ".htm"))) or bool(
        advice(name)
    )


def slug(url: str, suffix: str) -> str:
    """A file name for an address: readable, always the same, and for `/a.b` another than for `/a-b` and `/a`."""
    parts = urlsplit(url)
    ending = PurePosixPath(parts.path).suffix
    path = parts.path.removesuffix(ending) if ending.lower() in (*_PAGE_SUFFIXES, *SUFFIXES) else parts.path
    name = document_id(unquote(f"{path} {parts.query}").replace(".", "-").strip("/ ") or "accueil")
    if len(name) > 80 or "." in path:
        name = f"{name[:70].rstrip('-')}-{short_hash(url)}"
    return f"{name}{suffix}"


def short_hash(url: str) -> str:
    """Eight letters that stand for an address."""
    return hashlib.sha256(url.encode()).hexdigest()[:8]


def _joined(base: str, href: str) -> str:
    try:
        return canonical_address(urljoin(base, href))
    except ValueError:
        return ""


def _bare(netloc: str) -> str:
    return netloc.lower().removeprefix("www.")
