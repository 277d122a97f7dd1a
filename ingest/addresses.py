"""Which addresses of the web may be fetched: the guard against being sent to machines that are not the web's."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address

import httpx

from ingest.errors import ForbiddenAddress

__all__ = ["check_address", "check_host"]

_METADATA = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "169.254.169.254", "100.100.100.200", "fd00:ec2::254"))
)
"""Where clouds tell their machines' secrets; the first is in a public range."""
_CARRIER = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMERIC_LABEL = re.compile(r"(?:\d+|0[xX][0-9a-fA-F]*)")


def check_host(url: str) -> httpx.URL:
    """An address that is written as one of the web.

    Raises:
        ForbiddenAddress: another scheme than http(s), a password in it, no host, or a number that is no IP address as
            they are usually written (`http://0x7f.1`).
    """
    try:
        if re.search(r"[\s\x00-\x20\x7f\\]", url):
            raise ValueError("white space")
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
        port = parsed.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise ForbiddenAddress(f"{url!r} n’est pas une adresse du web. Copiez-la de la barre du navigateur.") from error
    if parsed.scheme not in ("http", "https"):
        raise ForbiddenAddress(f"{url} : seules les adresses qui commencent par https:// ou http:// sont lues.")
    if parsed.userinfo:
        shown = str(parsed.copy_with(username=None, password=None))
        raise ForbiddenAddress(f"{shown} : une adresse qui contient un identifiant ou un mot de passe n’est pas lue.")
    if not host.rstrip(".") or not (port is None or 0 < port < 65536):
        raise ForbiddenAddress(f"{url} n’est pas une adresse du web : le nom du site manque.")
    if ":" not in host and _NUMERIC_LABEL.fullmatch(host.rstrip(".").rsplit(".", 1)[-1]):
        try:
            ipaddress.IPv4Address(host)
        except ValueError as error:
            raise ForbiddenAddress(f"{url} : cette adresse en chiffres est mal écrite.") from error
    return parsed


def check_address(address: str, host: str, allow_private: bool) -> str:
    """An IP address that may be connected to, as the system gave it for a host.

    Private ones and this machine's own pass if allowed; link-local and multicast ones, and those where clouds keep
    secrets, never do. What a v6 address wraps counts like itself.

    Raises:
        ForbiddenAddress: it may not.
    """
    whole = ipaddress.ip_address(address.partition("%")[0])
    shown = f"{host} mène à l’adresse {address}, qui" if host != address else address
    for ip in (whole, *_wrapped(whole)):
        if ip in _METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
            raise ForbiddenAddress(f"{shown} n’est pas l’adresse d’un site : elle n’est pas lue.")
        local = ip.is_loopback or ip.is_private or (isinstance(ip, IPv4Address) and ip in _CARRIER)
        if not ip.is_global and not (allow_private and local):
            raise ForbiddenAddress(
                f"{shown} est l’adresse d’une machine privée et non du web. Si c’est voulu "
                "(un site interne), ajoutez --allow-private."
            )
    return address


def _wrapped(ip: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(ip, IPv4Address):
        return ()
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1):
        inner.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return tuple(address for address in inner if address is not None)
