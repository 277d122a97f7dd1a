"""Which of the addresses that a site names are worth a request: within limits, and none of an endless kind."""

import re
from collections import Counter
from urllib.parse import urlsplit

from ingest.crawl_report import CrawlLimits
from ingest.crawl_state import CrawlState, Outcome
from ingest.web_page import is_document

__all__ = ["HELD_DEEPER", "HELD_DOCUMENT", "Frontier"]

HELD_DOCUMENT = "document"
HELD_DEEPER = "profondeur"
_MOST_ALIKE = 40
"""Addresses of one calendar, or of one page with other parameters, that are followed."""
_LONGEST = 400
_DEEPEST = 12
_CALENDAR = re.compile(
    r"(?:19|20)\d\d[/-](?:0?[1-9]|1[0-2])(?:[/-]\d{1,2})?(?:/?$|[?&])"
    r"|[?&](?:date|jour|day|mois|month|annee|year|semaine|week|cal\w*|tribe[\w-]*)=[\d-]+",
    re.IGNORECASE,
)


class Frontier:
    """Where a crawl may still go. What a sitemap names is no trap: someone listed it."""

    def __init__(self, state: CrawlState, limits: CrawlLimits) -> None:
        self.state, self.limits = state, limits
        self._alike: Counter[str] = Counter()
        for url in state.urls():
            self._count(url)

    def found(self, url: str, depth: int, listed: bool = False) -> None:
        """Let an address wait for its turn, or say why it will not have one."""
        if self.state.row(url) is None and not listed:
            if reason := _trap(url) or self._endless(url):
                self.state.find(url, depth, listed, Outcome.TRAP, reason)
                return
            self._count(url)
        if is_document(url) and not self.limits.documents:
            self.state.find(url, depth, listed, Outcome.HELD, HELD_DOCUMENT)
        elif depth > self.limits.depth:
            self.state.find(url, depth, listed, Outcome.HELD, HELD_DEEPER)
        else:
            self.state.find(url, depth, listed)

    def _count(self, url: str) -> None:
        self._alike[_shape(url)] += 1
        if "?" in url:
            self._alike[url.partition("?")[0]] += 1

    def _endless(self, url: str) -> str:
        if _CALENDAR.search(url) and self._alike[_shape(url)] >= _MOST_ALIKE:
            return "calendrier sans fin"
        if "?" in url and self._alike[url.partition("?")[0]] >= _MOST_ALIKE:
            return "trop d’adresses qui ne diffèrent que par ce qui suit le « ? »"
        return ""


def _shape(url: str) -> str:
    """An address without its numbers: pages of one calendar or list have one shape."""
    return re.sub(r"\d+", "0", url)


def _trap(url: str) -> str:
    """Why an address leads nowhere, in French; empty if nothing tells."""
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    if len(url) > _LONGEST:
        return "adresse trop longue"
    if len(segments) > _DEEPEST or any(segments.count(segment) > 2 for segment in segments):
        return "adresse qui se répète sans fin"
    half = len(segments) // 2
    if any(segments[-2 * n : -n] == segments[-n:] for n in range(2, half + 1)):
        return "adresse qui se répète sans fin"
    return ""
