"""One document of the web: from no machine but the web's, within limits, from a real server with real faults."""

import gzip
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from ingest import fetch
from ingest.addresses import check_address, check_host
from ingest.errors import FetchError, ForbiddenAddress, NotADocument
from ingest.fetch import Fetcher, Limits
from tests.web_server import Reply, Site, page, redirect, served

HASTY = Fetcher(
    "mairie@ville.fr",
    allow_private=True,
    limits=Limits(step_s=0.5, total_s=1.5, tries=2, backoff_s=0.01, max_wait_s=2),
)


@pytest.fixture
def site():
    with served() as running:
        yield running


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://ville.fr/a", "gopher://ville.fr", "javascript:alert(1)", "data:text/html,a", ""),
        *("http://", "http:///a", "https://ville.fr:0/", "https://ville.fr:99999/", "http://[::1", "ville.fr"),
        *("http://moi:secret@ville.fr/", "http://moi@ville.fr/", "https://ville.fr@127.0.0.1/"),
        *("http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0x7f.1/"),
        *("http://127.0.0.1./", "http://ville.fr\\@127.0.0.1/", "http://ville.fr/a b", "http://ville.fr/\na"),
        "http://①②⑦.⓪.⓪.①.5/",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddress) as caught:
        check_host(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://ville.fr", "http://1.2.3.4:8080/a?b=c", "https://été.fr/", "http://[2001:db8::1]/"]
)
def test_addresses_of_the_web_pass(url: str) -> None:
    assert check_host(url).scheme in ("http", "https")


PRIVATE = ["127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "::1", "fc00::1"]
PRIVATE += ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]
NEVER = ["169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "ff02::1"]
NEVER += [
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]


@pytest.mark.parametrize(
    ("address", "usual", "allowed"),
    [
        *((address, False, True) for address in PRIVATE),
        *((address, False, False) for address in NEVER),
        *((address, True, True) for address in PUBLIC),
    ],
)
def test_private_addresses_are_refused_unless_allowed_and_some_always(address: str, usual: bool, allowed: bool) -> None:
    for private, passes in ((False, usual), (True, allowed)):
        if passes:
            assert check_address(address, "ville.fr", private) == address
        else:
            with pytest.raises(ForbiddenAddress, match=r"ville\.fr mène à l’adresse"):
                check_address(address, "ville.fr", private)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost."])
def test_this_machine_is_not_asked(site: Site, host: str) -> None:
    site.pages["/"] = page("A", "Un texte.")
    with pytest.raises(ForbiddenAddress, match=r"machine privée.*--allow-private"):
        Fetcher("a").fetch(site.url.replace("127.0.0.1", host) + "/")
    assert site.asked == []


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_asked(site: Site, monkeypatch: Any) -> None:
    site.pages["/"] = Reply(page("A", "Un texte."))
    real, answers = anyio.getaddrinfo, []

    async def rebinding(host: str, port: int, **options: Any) -> Any:
        assert host == "ville.example"
        answers.append(host)
        return await real("127.0.0.1" if len(answers) == 1 else "169.254.169.254", port, **options)

    monkeypatch.setattr(anyio, "getaddrinfo", rebinding)
    url = site.url.replace("127.0.0.1", "ville.example") + "/"
    assert HASTY.fetch(url).url == url
    assert len(answers) == 1
    assert site.asked[0][1]["Host"] == url.removeprefix("http://").rstrip("/")
    with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254"):
        HASTY.fetch(url)


def test_all_addresses_of_a_name_have_to_be_allowed(monkeypatch: Any) -> None:
    async def two(host: str, port: int, **options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(anyio, "getaddrinfo", two)
    with pytest.raises(ForbiddenAddress, match=r"10\.0\.0\.1"):
        Fetcher("a").fetch("http://ville.example/")


def test_the_next_address_is_tried_where_one_does_not_answer(site: Site, monkeypatch: Any) -> None:
    async def two(host: str, port: int, **options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(anyio, "getaddrinfo", two)
    site.pages["/"] = page("A", "Un texte.")
    assert HASTY.fetch(site.url.replace("127.0.0.1", "ville.example") + "/").suffix == ".html"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("file:///etc/passwd", "seules les adresses"),
        ("http://169.254.169.254/latest/meta-data/", "n’est pas l’adresse d’un site"),
        ("http://moi:secret@ville.fr/", "un identifiant ou un mot de passe"),
        ("http://0x7f.1/", "mal écrite"),
        ("/a", "tournent en rond"),
        ("/b", "tournent en rond"),
        ("/long/1", "plus de 5 redirections"),
        ("http://[/", "mal écrite"),
        ("/refuse", "est redirigée vers .*refusée ici"),
    ],
)
def test_a_redirect_is_checked_like_the_address(site: Site, target: str, message: str) -> None:
    site.pages |= {"/a": redirect(target), "/b": redirect("/a"), "/refuse": page("A", "B")}
    site.pages |= {f"/long/{n}": redirect(f"/long/{n + 1}") for n in range(1, 9)}
    with pytest.raises(FetchError, match=message):
        HASTY.fetch(f"{site.url}/a", allowed=lambda url: "refusée ici" if url.endswith("/refuse") else "")
    assert "/refuse" not in site.paths()


def test_a_redirect_is_followed_without_cookies_and_its_target_is_told(site: Site) -> None:
    moved = Reply(status=301, headers={"Location": "b?c=d#e", "Set-Cookie": "a=b"})
    site.pages |= {"/dossier/a": moved, "/dossier/b?c=d": page("B", "Un texte.")}
    assert HASTY.fetch(f"{site.url}/dossier/a").url == f"{site.url}/dossier/b?c=d"
    headers = site.asked[1][1]
    assert "Cookie" not in headers
    assert headers["User-Agent"] == "loos/1.0 (+mairie@ville.fr)"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "n’existe pas"),
        (410, "n’existe plus"),
        (500, "par une erreur"),
        (403, "refuse"),
        (401, "mot de passe"),
        (204, "204"),
    ],
)
def test_an_error_is_told_with_its_status(site: Site, status: int, message: str) -> None:
    site.pages["/a"] = Reply(status=status)
    with pytest.raises(FetchError, match=message) as caught:
        HASTY.fetch(f"{site.url}/a")
    assert caught.value.status == status
    assert site.times("/a") == 1


@pytest.mark.parametrize(
    ("status", "after"), [(429, "1"), (503, ""), (503, "Wed, 21 Oct 2015 07:28:00 GMT"), (429, "x")]
)
def test_a_busy_site_is_asked_again_when_it_says(site: Site, status: int, after: str) -> None:
    busy = Reply(status=status, headers={"Retry-After": after})
    site.pages["/a"] = lambda request: page("A", "Un texte.") if site.times("/a") > 1 else busy
    assert HASTY.fetch(f"{site.url}/a").suffix == ".html"
    waited = site.asked[1][2] - site.asked[0][2]
    assert waited >= (1 if after == "1" else 0.01)


@pytest.mark.parametrize("after", ["3600", "0"])
def test_a_site_that_stays_busy_is_given_up(site: Site, after: str) -> None:
    site.pages["/a"] = Reply(status=503, headers={"Retry-After": after})
    with pytest.raises(FetchError, match=r"trop occupé \(code 503\). Réessayez plus tard"):
        HASTY.fetch(f"{site.url}/a")
    assert site.times("/a") == (1 if after == "3600" else 2)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply("a" * 50, drip_s=0.1), r"plus de 1.5 secondes"),
        (Reply("a" * 9, drip_s=0.7), r"ne répond pas en 0.5 secondes"),
        (Reply("a" * 50, announced=500), "la connexion s’est coupée"),
        (Reply(gzip.compress(b"a" * 500)[:-10], headers={"Content-Encoding": "gzip"}), "coupée avant la fin"),
        (Reply(b"nothing packed", headers={"Content-Encoding": "gzip"}), "abîmé"),
        (Reply(b"a", headers={"Content-Encoding": "br"}), "codage inconnu"),
        (Reply(b"a" * 1001), r"plus de 0.001 Mo"),
        (Reply(b"a", announced=10**12), r"plus de 0.001 Mo"),
        (Reply(gzip.compress(b"a" * 10**8), headers={"Content-Encoding": "gzip"}), r"plus de 0.001 Mo"),
    ],
    ids=["drip", "silence", "cut", "gzip cut", "no gzip", "brotli", "large", "announced", "bomb"],
)
def test_what_is_slow_cut_or_huge_is_given_up(site: Site, reply: Reply, message: str) -> None:
    site.pages["/a"] = reply
    limits = Limits(step_s=0.5, total_s=1.5, tries=1)
    began = time.monotonic()
    with pytest.raises(FetchError, match=message):
        Fetcher("a", allow_private=True, limits=limits).fetch(f"{site.url}/a", max_bytes=1000)
    assert time.monotonic() - began < 3


def test_headers_that_never_end_are_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(FetchError, match=r"ne répond pas en 0\.5 secondes"):
            HASTY.fetch(url)
    with pytest.raises(FetchError, match="la connexion au site est refusée"):
        HASTY.fetch(url)


@pytest.mark.parametrize(
    ("path", "headers", "suffix"),
    [
        ("/a", {"Content-Type": "text/html; charset=utf-8"}, ".html"),
        ("/a.php", {"Content-Type": "application/xhtml+xml"}, ".html"),
        ("/a", {"Content-Type": "application/pdf"}, ".pdf"),
        ("/a.pdf", {"Content-Type": "text/html"}, ".html"),
        ("/a.DOCX?v=2", {"Content-Type": "application/octet-stream"}, ".docx"),
        ("/a.docx", {"Content-Type": "application/zip"}, ".docx"),
        (
            "/d?id=3",
            {"Content-Type": "application/octet-stream", "Content-Disposition": 'attachment; filename="b.odt"'},
            ".odt",
        ),
        ("/a.md", {"Content-Type": "text/plain"}, ".md"),
        ("/a", {"Content-Type": "text/plain"}, ".txt"),
        ("/a.png", {"Content-Type": "image/png"}, None),
        ("/a.pdf", {"Content-Type": "image/png"}, None),
        ("/a", {"Content-Type": ""}, None),
        ("/a.doc", {"Content-Type": "application/msword"}, None),
    ],
)
def test_the_format_is_told_by_type_and_name(
    site: Site, path: str, headers: dict[str, str], suffix: str | None
) -> None:
    site.pages[path] = Reply(b"a", headers=headers)
    if suffix:
        assert HASTY.fetch(site.url + path).suffix == suffix
    else:
        with pytest.raises(NotADocument, match=r"ce n’est pas un document qui se lit|Enregistrez-le en \.docx"):
            HASTY.fetch(site.url + path)
    assert HASTY.fetch(site.url + path, any_type=True).data == b"a"


@pytest.mark.parametrize(
    ("body", "charset", "wanted"),
    [
        ("été “ici”".encode("cp1252"), "iso-8859-1", "été “ici”".encode()),
        ("ètè".encode("iso8859-15"), "ISO-8859-15", "ètè".encode()),
        ("été".encode(), "iso-8859-1", "été".encode()),
        ("été".encode("cp1252"), "utf-8", "été".encode("cp1252")),
        ("été".encode("cp1252"), "inconnu", "été".encode("cp1252")),
        ("été".encode("cp1252"), "", "été".encode("cp1252")),
    ],
)
def test_the_charset_that_the_server_names_is_used_if_it_is_right(
    site: Site, body: bytes, charset: str, wanted: bytes
) -> None:
    site.pages["/a"] = Reply(
        body, headers={"Content-Type": f"text/html; charset={charset}" if charset else "text/html"}
    )
    assert HASTY.fetch(f"{site.url}/a").data == wanted


def test_what_did_not_change_does_not_come_again(site: Site) -> None:
    def answer(request: Any) -> Reply:
        same = request.headers.get("If-None-Match") == '"v1"' or request.headers.get("If-Modified-Since") == "hier"
        return Reply(b"" if same else b"a", 304 if same else 200, {"ETag": '"v1"', "Last-Modified": "hier"})

    site.pages["/a"] = answer
    first = HASTY.fetch(f"{site.url}/a")
    assert (first.data, first.etag, first.last_modified, first.unchanged) == (b"a", '"v1"', "hier", False)
    assert HASTY.fetch(f"{site.url}/a", etag=first.etag).unchanged
    assert HASTY.fetch(f"{site.url}/a", last_modified=first.last_modified).unchanged
    assert not HASTY.fetch(f"{site.url}/a", etag='"v0"').unchanged


def test_a_packed_page_is_unpacked(site: Site) -> None:
    site.pages["/a"] = Reply(gzip.compress(b"a" * 900), headers={"Content-Encoding": "gzip"})
    assert HASTY.fetch(f"{site.url}/a", max_bytes=1000).data == b"a" * 900


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_the_certificate_is_checked_against_the_name_and_not_the_address(tmp_path: Path, monkeypatch: Any) -> None:
    made = tmp_path / "site.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ville.example -keyout key -out cert"
    named = ["-addext", "subjectAltName=DNS:ville.example"]
    subprocess.run([*command.split(), *named], cwd=tmp_path, check=True, capture_output=True)
    made.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "cert").read_bytes())
    real = anyio.getaddrinfo

    async def here(host: str, port: int, **options: Any) -> Any:
        return await real("127.0.0.1", port, **options)

    monkeypatch.setattr(anyio, "getaddrinfo", here)
    with served({"/": page("A", "Un texte.")}, made) as site:
        for known, name, passes in (
            (False, "ville.example", False),
            (True, "ville.example", True),
            (True, "autre.example", False),
        ):
            if known:
                monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
            fetch._tls.cache_clear()
            url = site.url.replace("127.0.0.1", name) + "/"
            if passes:
                assert HASTY.fetch(url).suffix == ".html"
            else:
                with pytest.raises(FetchError, match="le certificat du site n’est pas valable"):
                    HASTY.fetch(url)
    fetch._tls.cache_clear()
