"""What a site asks of programs (robots.txt, RFC 9309), and the pause between two requests."""

import time
from dataclasses import dataclass, field
from urllib.parse import urljoin

from protego import Protego

from ingest.errors import CrawlRefused, FetchError, ForbiddenAddress
from ingest.fetch import Fetched, Fetcher

__all__ = ["Robots", "Visitor"]

_MAX_ROBOTS_BYTES = 512_000
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Robots:
    """A site's rules for us, and the sitemaps that it names. `origin` is where they were at last: where the site is."""

    rules: Protego
    agent: str
    origin: str

    @classmethod
    def read(cls, origin: str, fetcher: Fetcher) -> "Robots":
        """The rules of a site (`https://ville.fr`). One without a robots.txt asks for nothing.

        Raises:
            CrawlRefused: they cannot be had for now, so that nothing may be taken (RFC 9309, 2.3.1.4).
            ForbiddenAddress: the site may not be fetched from.
        """
        url = f"{origin}/robots.txt"
        try:
            fetched = fetcher.fetch(url, any_type=True, max_bytes=_MAX_ROBOTS_BYTES)
        except ForbiddenAddress:
            raise
        except FetchError as error:
            if error.status is None or error.status == 429 or error.status >= 500:
                raise CrawlRefused(
                    f"{error}\nLe site ne donne pas ses règles (robots.txt) pour l’instant : par prudence, rien n’est "
                    "pris. Réessayez plus tard."
                ) from error
            return cls(Protego.parse(""), fetcher.user_agent, origin)
        text = fetched.data.decode("utf-8-sig", "replace")
        return cls(Protego.parse(text), fetcher.user_agent, urljoin(fetched.url, "/").rstrip("/"))

    def allows(self, url: str) -> bool:
        """Whether the site lets us have an address."""
        return bool(self.rules.can_fetch(url, self.agent))

    def pause_s(self, wanted: float) -> float:
        """The pause between two requests: ours, or the site's if it is longer, up to a minute."""
        asked = float(self.rules.crawl_delay(self.agent) or 0)
        return max(wanted, min(asked, _LONGEST_PAUSE_S))

    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps that the file names."""
        return list(self.rules.sitemaps)


@dataclass(slots=True)
class Visitor:
    """Fetches from one site with a pause between two requests, and counts the bytes."""

    fetcher: Fetcher
    pause_s: float
    received: int = 0
    _last: float = field(default=float("-inf"))

    def fetch(self, url: str, **options: object) -> Fetched:
        """As `Fetcher.fetch`, when it is time."""
        wait = self._last + self.pause_s - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        try:
            fetched = self.fetcher.fetch(url, **options)  # type: ignore[arg-type]  # passed on as they come
        finally:
            self._last = time.monotonic()
        self.received += len(fetched.data)
        return fetched
