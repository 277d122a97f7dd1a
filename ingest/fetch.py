"""One document of the web, fetched within limits and from no machine that is not the web's."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import urljoin

import anyio
import httpx

from ingest.addresses import check_address, check_host
from ingest.errors import FetchError, ForbiddenAddress
from ingest.files import limit_bytes
from ingest.web_content import Gunzip, document_suffix, in_utf_8

__all__ = ["Fetched", "Fetcher", "Limits"]

_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (429, 503)
_CHUNK_BYTES = 1 << 16
_MOST_ADDRESSES = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much one fetch may take.

    `step_s` is for a connection or the next bytes, `total_s` for one try with its redirects. After 429, 503 or a
    broken connection it is tried `tries` times in all; the server may ask for a wait of up to `max_wait_s`.
    """

    step_s: float = 20
    total_s: float = 120
    redirects: int = 5
    tries: int = 3
    backoff_s: float = 2
    max_wait_s: float = 120


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came. `url` is where it was at last; `data` is empty and `unchanged` true if it is as it was (304).

    `suffix` is that of a document's format, empty where any type was asked for. Text that the server said the charset
    of is in UTF-8.
    """

    url: str
    data: bytes
    suffix: str = ""
    etag: str = ""
    last_modified: str = ""
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How to fetch: in whose name (`contact`, an address of a person), from where, within which limits."""

    contact: str
    allow_private: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def user_agent(self) -> str:
        """The name that this program goes by, and whom to write to about it."""
        contact = self.contact.encode("ascii", "ignore").decode("ascii").replace("\n", " ")
        return f"loos/1.0 (+{contact})" if contact else "loos/1.0"

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        any_type: bool = False,
        max_bytes: int | None = None,
        allowed: Callable[[str], str] = lambda url: "",
    ) -> Fetched:
        """The document at an address; with what it said of its version last time, only if it changed.

        `allowed` says of each redirect's target why not to follow it, in French, or nothing.

        Raises:
            ForbiddenAddress: the address, or one that it leads to, may not be fetched.
            NotADocument: it is of a type that is not read.
            FetchError: it cannot be had, with the server's status if it gave one.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        limits = self.limits
        for attempt in range(1, limits.tries + 1):
            try:
                return anyio.run(self._try, url, headers, any_type, max_bytes, allowed)
            except _Again as error:
                wait = max(error.wait_s, limits.backoff_s * 2 ** (attempt - 1))
                if attempt == limits.tries or wait > limits.max_wait_s:
                    raise FetchError(f"{url} : {error.reason}. Réessayez plus tard.", error.status) from error
                log.info("waiting %.1f s for %s: %s", wait, url, error.reason)
                time.sleep(wait)
        raise AssertionError("tries is at least 1")

    async def _try(
        self, url: str, headers: dict[str, str], any_type: bool, max_bytes: int | None, allowed: Callable[[str], str]
    ) -> Fetched:
        limits = self.limits
        try:
            with anyio.fail_after(limits.total_s):
                async with httpx.AsyncClient(
                    verify=_tls(),
                    trust_env=False,  # a proxy would connect where it likes
                    timeout=limits.step_s,
                    headers={
                        "User-Agent": self.user_agent,
                        "Accept-Encoding": "gzip",
                        "Accept-Language": "fr, *;q=0.5",
                        "Connection": "close",
                        **{name: value for name, value in headers.items() if value},
                    },
                ) as client:
                    return await self._follow(client, url, any_type, max_bytes, allowed)
        except TimeoutError as error:
            raise FetchError(
                f"{url} : la réponse prend plus de {limits.total_s:g} secondes. Réessayez plus tard."
            ) from error
        except httpx.TimeoutException as error:
            raise _Again(f"le site ne répond pas en {limits.step_s:g} secondes") from error
        except httpx.TransportError as error:
            raise _Again(_trouble(error)) from error

    async def _follow(
        self, client: httpx.AsyncClient, url: str, any_type: bool, max_bytes: int | None, allowed: Callable[[str], str]
    ) -> Fetched:
        seen = []
        here = url
        while True:
            seen.append(here)
            client.cookies.clear()
            response = await self._open(client, check_host(here))
            try:
                if response.status_code not in _REDIRECTS or "location" not in response.headers:
                    return await _received(response, here, any_type, max_bytes)
            finally:
                await response.aclose()
            here = _target(here, response.headers["location"])
            if here in seen:
                raise FetchError(f"{url} : ses redirections tournent en rond, sur {here}.", response.status_code)
            if len(seen) > self.limits.redirects:
                raise FetchError(f"{url} : plus de {self.limits.redirects} redirections.", response.status_code)
            check_host(here)
            if reason := allowed(here):
                raise ForbiddenAddress(f"{url} est redirigée vers {here} : {reason}")

    async def _open(self, client: httpx.AsyncClient, url: httpx.URL) -> httpx.Response:
        """The answer of the very machine whose address was checked: its name is resolved once, here."""
        host = url.raw_host.decode("ascii").rstrip(".")
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"{url} : le site {host} est introuvable. Vérifiez l’adresse, et la connexion.") from error
        addresses = [check_address(str(sockaddr[0]), host, self.allow_private) for *_, sockaddr in found]
        trouble: httpx.TransportError | None = None
        for address in list(dict.fromkeys(addresses))[:_MOST_ADDRESSES]:
            request = client.build_request(
                "GET", url.copy_with(host=address), headers={"Host": url.netloc.decode("ascii")}
            )
            request.extensions["sni_hostname"] = host
            try:
                return await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                trouble = error
        raise trouble or httpx.ConnectError("no address")


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _Again(Exception):
    """Why it is worth trying again, and after how long."""

    def __init__(self, reason: str, wait_s: float = 0, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait_s, self.status = reason, wait_s, status


async def _received(response: httpx.Response, url: str, any_type: bool, max_bytes: int | None) -> Fetched:
    status = response.status_code
    if status == 304:
        return Fetched(url, b"", unchanged=True)
    if status in _BUSY:
        raise _Again(f"le site est trop occupé (code {status})", _retry_after(response.headers), status)
    if status != 200:
        said = {
            404: "cette page n’existe pas",
            410: "cette page n’existe plus",
            401: "cette page demande un mot de passe",
        }
        said |= {403: "le site refuse de donner cette page"}
        raise FetchError(f"{url} : {said.get(status, 'le site répond par une erreur')} (code {status}).", status)
    suffix = "" if any_type else document_suffix(response.headers, url)
    data = await _body(response, url, max_bytes or limit_bytes(f"x{suffix}"))
    if suffix:
        data = in_utf_8(data, suffix, response.headers)
    headers = response.headers
    return Fetched(url, data, suffix, headers.get("etag", ""), headers.get("last-modified", ""))


async def _body(response: httpx.Response, url: str, max_bytes: int) -> bytes:
    too_large = FetchError(
        f"{url} : plus de {max_bytes / 1_000_000:g} Mo, c’est trop. Prenez-en une partie, à la main."
    )
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise FetchError(f"{url} : le site l’envoie dans un codage inconnu (« {encoding} »).")
    unpacking = Gunzip(max_bytes) if "gzip" in encoding else None
    if not unpacking and int(response.headers.get("content-length") or 0) > max_bytes:
        raise too_large
    found = bytearray()
    received = 0
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        received += len(chunk)
        try:
            found += unpacking.feed(chunk) if unpacking else chunk
        except OverflowError as error:
            raise too_large from error
        except ValueError as error:
            raise FetchError(f"{url} : ce que le site envoie est abîmé.") from error
        if max(received, len(found)) > max_bytes:
            raise too_large
    if unpacking and received:
        try:
            unpacking.end()
        except EOFError as error:
            raise _Again("la réponse est coupée avant la fin") from error
    return bytes(found)


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location.strip()).partition("#")[0]
    except ValueError as error:
        raise FetchError(f"{url} est redirigée vers une adresse mal écrite.") from error


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds that a server asks to wait."""
    said = headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _trouble(error: httpx.TransportError) -> str:
    text = str(error)
    if "CERTIFICATE" in text.upper() or "SSL" in text.upper():
        return f"le certificat du site n’est pas valable ({text})"
    if isinstance(error, httpx.ConnectError):
        return f"la connexion au site est refusée ({text})"
    return "la connexion s’est coupée"
