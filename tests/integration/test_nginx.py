"""deploy/nginx.conf in front of a real `loos serve`, by a real nginx: the page, the stream, the limits, the logs."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatbot.messages import FRENCH
from tests.integration.conftest import QUESTIONS, Town
from tests.load.checks import check_html, final_reply
from tests.load.swap_under_load import asking_function, streamed
from tests.nginx import MISSING, find

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NAME, OPERATOR_NAME = "loos.exemple.fr", "documents.exemple.fr"
# Debian's /etc/nginx/nginx.conf, as far as it matters here, with all that is written in a folder of the test's.
WHOLE = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
{user}
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    {temporary}
    include {folder}/loos.conf;
}}
"""


@dataclass(frozen=True)
class Front:
    """A running nginx: where it listens, and the folder of its logs."""

    port: int
    plain_port: int
    folder: Path
    client: httpx.Client

    def asynchronous(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(**_asked_at(self.port))


def _asked_at(port: int) -> dict[str, Any]:
    """How a client asks this machine for the site of that name."""
    address, headers = f"https://127.0.0.1:{port}", {"Host": f"{NAME}:{port}"}
    return {"base_url": address, "headers": headers, "verify": False, "timeout": 60, "trust_env": False}


@pytest.fixture(scope="module")
def front(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    nginx = find()
    if nginx is None:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("nginx")
    port, plain_port, no_port = _free_ports(3)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    text = CONFIGURATION.read_text(encoding="utf-8")
    for ours, here in (
        ("127.0.0.1:7860", town.site.address.removeprefix("http://")),
        ("127.0.0.1:7870", f"127.0.0.1:{no_port}"),
        (r"/etc/letsencrypt/live/[^/]+/fullchain\.pem", str(folder / "certificate.pem")),
        (r"/etc/letsencrypt/live/[^/]+/privkey\.pem", str(folder / "key.pem")),
        (r"listen 443 ", f"listen 127.0.0.1:{port} "),
        (r"listen 80;", f"listen 127.0.0.1:{plain_port};"),
        (r"listen \[::\]:\d+.*;", ""),  # not every machine has IPv6
        (r"/var/log/nginx/", f"{folder}/"),
    ):
        text, found = re.subn(ours, here, text)
        assert found, f"{ours} is not in {CONFIGURATION}"
    (folder / "loos.conf").write_text(text, encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""  # else it could not read the test's folder
    whole = folder / "nginx.conf"
    whole.write_text(WHOLE.format(folder=folder, user=user, temporary=temporary), encoding="utf-8")
    start = [nginx, "-e", str(folder / "start.log"), "-c", str(whole)]
    checked = subprocess.run([*start, "-t"], capture_output=True, text=True, check=False)
    (folder / "checked").write_text(checked.stderr, encoding="utf-8")
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(start)
    try:
        with httpx.Client(**_asked_at(port)) as client:
            _wait_for(client, process)
            yield Front(port, plain_port, folder, client)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]


def _wait_for(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert process.poll() is None, "nginx ended"
        with contextlib.suppress(httpx.TransportError):
            client.get("/api/health")
            return
        time.sleep(0.1)
    raise AssertionError("nginx does not answer")


def test_debians_nginx_takes_the_configuration_as_it_is(front: Front) -> None:
    """But for ports, certificates and folders, which `front` changes, and without a warning of our making."""
    said = (front.folder / "checked").read_text(encoding="utf-8")
    assert "test is successful" in said
    assert [line for line in said.splitlines() if "[warn]" in line and "http2" not in line] == []


def test_the_page_is_served_over_tls_and_asks_for_its_parts_there(front: Front) -> None:
    page = front.client.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.status_code == 200
    assert page.headers["content-encoding"] == "gzip"
    assert FRENCH.page_title in page.text
    assert f'"root":"https://{NAME}:{front.port}"' in page.text, (
        "Gradio asks for its parts by the name and the scheme of outside"
    )
    assert "127.0.0.1" not in page.text
    script = re.search(r'src="\./(assets/[^"]+)"', page.text)
    assert script
    assert "immutable" in front.client.get(f"/{script[1]}").headers["cache-control"]


def test_what_is_asked_without_tls_is_sent_there(front: Front) -> None:
    answer = front.client.get(f"http://127.0.0.1:{front.plain_port}/ask?q=eau", headers={"Host": NAME})
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{NAME}/ask?q=eau"


def test_security_headers_are_there_once(front: Front) -> None:
    for path in ("/", "/documents", "/api/ready", "/none"):
        headers = front.client.get(path, headers={"Accept": "text/html"}).headers
        for name in ("strict-transport-security", "x-content-type-options", "referrer-policy"):
            assert len(headers.get_list(name)) == 1, f"{name} of {path}"
        assert len(headers.get_list("content-security-policy")) <= 1
        assert headers["server"] == "nginx"


def test_a_question_without_scripts_and_its_source(front: Front, town: Town) -> None:
    builds = {build_id: town.store.load(build_id) for build_id in town.builds}
    answer = front.client.get("/ask", params={"q": QUESTIONS[0]})
    assert answer.status_code == 200
    link = check_html(answer.text, builds, town.site.ask(QUESTIONS[0])["build_id"])[0]
    source = front.client.get(link.address, follow_redirects=True)
    assert "<mark" in source.text
    asked = front.client.post("/api/ask", json={"question": QUESTIONS[0]})
    assert asked.json()["citations"][0]["deep_link"] == link.address


def test_the_stream_comes_through_as_it_is_made(front: Front) -> None:
    async def ask() -> tuple[list[float], str]:
        async with front.asynchronous() as client:
            asking = await asking_function(client)
            times, events = [], []
            async for event in streamed(client, asking, QUESTIONS[0], "abc"):
                times.append(time.monotonic())
                events.append(event)
            return times, final_reply(events)

    times, reply = asyncio.run(ask())
    assert "pommiers" in reply
    assert times[-1] - times[0] > 0.01, "the first event did not wait for the last"


def test_a_body_that_is_too_large_is_refused(front: Front) -> None:
    ours = front.client.post("/api/ask", json={"question": "x" * 100_000})
    assert (ours.status_code, ours.headers["content-type"]) == (413, "application/problem+json")
    assert front.client.post("/api/ask", content=b"x" * 200_000).status_code == 413


def test_the_visitors_address_is_told_and_cannot_be_made_up(front: Front) -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    assert text.count("proxy_set_header X-Forwarded-For $remote_addr;") == 2, "to the public page and the operator's"


def test_questions_are_limited_and_the_limit_is_that_of_robots(front: Front) -> None:
    async def ask_at_once(count: int) -> list[int]:
        async with front.asynchronous() as client:
            answers = await asyncio.gather(*(client.get("/ask") for _ in range(count)))
            return [answer.status_code for answer in answers]

    time.sleep(3)  # what the tests before asked for is forgotten
    assert set(asyncio.run(ask_at_once(30))) == {200}
    assert 429 in asyncio.run(ask_at_once(60))
    assert front.client.get("/api/ready").status_code == 200


def test_opened_documents_are_limited_and_a_school_opens_many(front: Front) -> None:
    async def open_at_once(count: int) -> list[int]:
        async with front.asynchronous() as client:
            address = "/sources/none/passage?quote=1-9&v=00000000"
            answers = await asyncio.gather(*(client.get(address) for _ in range(count)))
            return [answer.status_code for answer in answers]

    assert set(asyncio.run(open_at_once(80))) == {404}
    assert 429 in asyncio.run(open_at_once(200))
    assert front.client.get("/documents").status_code == 200


def test_logs_hold_neither_question_nor_address(front: Front) -> None:
    front.client.get("/ask", params={"q": "Un secret ?"})
    log = (front.folder / "loos.log").read_text(encoding="utf-8")
    assert "GET /ask " in log
    assert "secret" not in log
    assert "127.0.0.1" not in log
    assert "secret" not in (front.folder / "loos-erreurs.log").read_text(encoding="utf-8")


def test_people_are_told_in_french_that_a_service_is_down(front: Front) -> None:
    answer = front.client.get("/", headers={"Host": OPERATOR_NAME})  # which does not run here
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Le service est arrêté ou redémarre" in answer.text
    assert answer.headers["retry-after"] == "30"
