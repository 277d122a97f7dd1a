"""The HTTP interface: every address, every refusal. The service behind it is small and answers at once."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence, Set
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from chatbot.answer import Abstention, Answer, Reason, Reply, Sentence, cite, to_json
from chatbot.citation_link import fingerprint
from chatbot.conversation import check_question
from chatbot.errors import NotReady, PortInUse
from chatbot.follow_up import Turn
from chatbot.messages import ENGLISH, FRENCH
from chatbot.server import MAX_BODY_BYTES, create_app, serve
from chatbot.settings import Settings
from index import Store
from index.build import build_index
from index.model import model_revision
from ingest import Source, split
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind
from tests.word_encoder import WordEncoder

SETTINGS = Settings(index=Path("no-such-folder"))
SOURCE = Source("eau.md", "https://exemple.fr/eau", "Ville", "2024-03-01", "", "", sha256="0" * 64)
DOCUMENT = assemble(
    [ReadBlock(BlockKind.HEADING, "L’eau", 1), ReadBlock(BlockKind.PARAGRAPH, "L’eau coule. Elle est <claire>.")],
    title="L’eau",
    theme="",
    source=SOURCE,
)
PASSAGE = split(DOCUMENT, lambda text: len(text.split()), 64)[0]
START, END = PASSAGE.sentences[0]
VERSION = fingerprint(DOCUMENT.text[START:END])
HTML = {"Accept": "text/html"}


class SmallService:
    """What the server asks of a service, over one document: an answer where the question holds « eau »."""

    def __init__(self, is_ready: bool = True) -> None:
        self.settings = SETTINGS
        self.store = Store(SETTINGS.index)
        self.is_ready = is_ready
        self.failure: str | None = None
        self.started = 0
        self.stopped = 0

    def start(self) -> None:
        self.started += 1

    def stop(self) -> None:
        self.stopped += 1

    @property
    def build(self) -> Any:
        if not self.is_ready:
            raise NotReady("not yet")
        return SimpleNamespace(documents={DOCUMENT.id: DOCUMENT}, manifest=SimpleNamespace(build_id="b1"))

    def theme_questions(self, language: str, asked: str = "", before: Set[str] = frozenset()) -> tuple[str, ...]:
        return ("Et l’eau ?",) if language == "fr" else ("What of <water>?",)

    def ask(self, question: str, language: str | None = None, turns: Sequence[Turn] = ()) -> Reply:
        check_question(question, language, self.settings)
        language = language or "fr"
        whole = turns[-1].question if turns else None
        if question == "raise":
            raise RuntimeError("a question nobody foresaw")
        if "eau" not in question:
            text = FRENCH.not_in_corpus.format(contact="Mairie", themes="Eau")
            return Abstention(question, whole, language, Reason.NOT_IN_CORPUS, text, (), ("Et l’eau ?",), 0.1, {}, "b1")
        citation = cite(1, DOCUMENT, PASSAGE, START, END)
        return Answer(
            question, whole, language, (Sentence(citation.quote, (1,)),), (citation,), (), 0.9, {"total": 1.0}, "b1"
        )


def app_of(service: SmallService) -> Any:
    return create_app(SETTINGS, service)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(app_of(SmallService()), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def loading() -> Iterator[TestClient]:
    with TestClient(app_of(SmallService(is_ready=False))) as client:
        yield client


def check_problem(response: Any, status: int, detail: str, language: str = "fr") -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["content-language"] == language
    problem = response.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"] == detail


# questions


def test_an_answer_is_the_object_of_the_command_line(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "Où va l’eau ?"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == json.loads(json.dumps(to_json(SmallService().ask("Où va l’eau ?"))))
    assert response.json()["text"] == "L’eau coule. [1]"
    assert response.json()["citations"][0]["deep_link"] == f"/sources/eau?quote={START}-{END}&v={VERSION}#p-{START}"


def test_an_abstention_is_an_answer_too(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "Et le feu ?", "language": "fr", "history": []})
    assert response.status_code == 200
    assert response.json()["status"] == "abstained"
    assert response.json()["suggestions"] == ["Et l’eau ?"]


def test_the_history_makes_a_question_whole(client: TestClient) -> None:
    history = [{"question": "Où va l’eau ?"}, {"question": "Qui garde l’eau ?", "answer": "Un bassin. [1]"}]
    answered = client.post("/api/ask", json={"question": "Et quand l’eau ?", "history": history}).json()
    assert answered["understood"] == "Qui garde l’eau ?"
    assert client.post("/api/ask", json={"question": "Et l’eau ?", "history": None}).json()["understood"] is None


@pytest.mark.parametrize(
    "question", ["👩‍🌾🚜", "ما هو الماء؟", "Что такое вода?", "<script>alert(1)</script>", "?", "\u00a0?"]
)
def test_any_text_may_be_asked(client: TestClient, question: str) -> None:
    response = client.post("/api/ask", json={"question": question})
    assert response.status_code == 200
    assert response.json()["question"] == question


@pytest.mark.parametrize("question", ["", " ", "\n\t\u00a0\u2003"])
def test_a_blank_question_is_refused(client: TestClient, question: str) -> None:
    check_problem(client.post("/api/ask", json={"question": question}), 422, FRENCH.question_empty)


def test_a_long_question_is_refused_in_the_language_asked_for(client: TestClient) -> None:
    detail = ENGLISH.question_too_long.format(length=10_000, limit=1000)
    body = {"question": "x" * 10_000, "language": "en"}
    check_problem(client.post("/api/ask", json=body), 422, detail, "en")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": None}, "question"),
        ({"question": 3}, "question"),
        ({"question": ["eau"]}, "question"),
        ({"question": "eau", "language": "français"}, "language"),
        ({"question": "eau", "language": 1}, "language"),
        ({"question": "eau", "language": ["fr"]}, "language"),
        ({"question": "eau", "history": "hier"}, "history"),
        ({"question": "eau", "history": ["hier"]}, "history"),
        ({"question": "eau", "history": [{"question": ""}]}, "history"),
        ({"question": "eau", "history": [{"question": "hier", "citations": []}]}, "history"),
        ({"question": "eau", "k": 5}, "k"),
        ([], "JSON"),
        ("eau", "JSON"),
        (None, "JSON"),
    ],
)
def test_a_body_of_another_shape_is_refused(client: TestClient, body: Any, field: str) -> None:
    check_problem(client.post("/api/ask", json=body), 422, FRENCH.request_invalid.format(field=field))


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"question": "eau"', "application/json"),
        (b"", "application/json"),
        (b'{"question": "eau"}', "text/plain"),
        (b"question=eau", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_not_json_is_refused(client: TestClient, content: bytes, content_type: str) -> None:
    response = client.post("/api/ask", content=content, headers={"Content-Type": content_type})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("content", [b'{"question": "\xff"}', b"[" * 60_000])
def test_what_cannot_be_read_at_all_is_refused(client: TestClient, content: bytes) -> None:
    response = client.post("/api/ask", content=content, headers={"Content-Type": "application/json"})
    check_problem(response, 400, FRENCH.request_invalid.format(field="JSON"))


def test_half_a_character_is_refused(client: TestClient) -> None:
    content = b'{"question": "eau \\ud83d"}'
    response = client.post("/api/ask", content=content, headers={"Content-Type": "application/json"})
    check_problem(response, 422, FRENCH.request_invalid.format(field="question"))


def test_a_large_body_is_refused_unread(client: TestClient) -> None:
    detail = ENGLISH.request_too_large.format(limit=MAX_BODY_BYTES)
    body = {"question": "x" * MAX_BODY_BYTES}
    english = {"Accept-Language": "en-GB,en;q=0.9"}
    check_problem(client.post("/api/ask", json=body, headers=english), 413, detail, "en")


def test_a_large_body_that_does_not_say_so_is_refused(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"question": "'
        for _ in range(80):
            yield b"x" * 1024
        yield b'"}'

    response = client.post("/api/ask", content=chunks(), headers={"Content-Type": "application/json"})
    check_problem(response, 413, FRENCH.request_too_large.format(limit=MAX_BODY_BYTES))


def test_what_nobody_foresaw_is_said_without_detail(client: TestClient) -> None:
    check_problem(client.post("/api/ask", json={"question": "raise"}), 500, FRENCH.failed)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(client: TestClient, method: str) -> None:
    response = client.request(method, "/api/ask")
    check_problem(response, 405, FRENCH.method_unknown)
    assert response.headers["allow"] == "POST"


def test_the_page_takes_no_other_method(client: TestClient) -> None:
    response = client.post("/", json={})
    check_problem(response, 405, FRENCH.method_unknown)
    assert response.headers["allow"] == "GET, HEAD"
    assert client.head("/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/asks", "/wp-login.php", "/gradio_api/upload", "/docs", "/redoc"]
)
def test_an_unknown_address_is_not_found(client: TestClient, path: str) -> None:
    check_problem(client.get(path), 404, FRENCH.address_unknown)


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/upload", "/gradio_api/call/respond", "/gradio_api/run/respond", "/login", "/gradio_api/stream/x"],
)
def test_what_the_page_does_not_need_of_gradio_is_closed(client: TestClient, path: str) -> None:
    check_problem(client.post(path, json={"data": []}), 404, FRENCH.address_unknown)


# while loading


def test_questions_wait_for_the_index(loading: TestClient) -> None:
    response = loading.post("/api/ask", json={"question": "Et l’eau ?"})
    check_problem(response, 503, FRENCH.not_ready)
    assert response.headers["retry-after"] == "5"


def test_the_process_is_healthy_before_it_is_ready(loading: TestClient) -> None:
    assert loading.get("/api/health").json() == {"status": "ok"}
    check_problem(loading.get("/api/ready"), 503, FRENCH.not_ready)
    check_problem(loading.get("/sources/eau"), 503, FRENCH.not_ready)
    assert FRENCH.not_ready in loading.get("/sources/eau", headers=HTML).text
    assert loading.get("/").status_code == 200


# pages that need no script


def test_a_question_asked_by_a_plain_form_gets_a_page(client: TestClient) -> None:
    response = client.get("/ask", params={"q": "Où va l’eau <ici> ?"}, headers=HTML)
    assert response.status_code == 200
    assert "L’eau coule." in unescape(response.text)
    assert "<ici>" not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["x-robots-tag"] == "noindex"
    assert FRENCH.corpus_changed not in unescape(response.text)
    changed = client.get("/ask", params={"q": "Où va l’eau ?", "build": "b0"}, headers=HTML)
    assert FRENCH.corpus_changed in unescape(changed.text)
    refused = client.get("/ask", params={"q": "Et le feu ?", "lang": "en"}, headers=HTML)
    assert '<html lang="en">' in refused.text
    assert "/ask?q=Et+l%E2%80%99eau+%3F&amp;lang=en" in refused.text


def test_a_plain_form_without_a_question_and_with_one_too_long(client: TestClient, loading: TestClient) -> None:
    assert "Et l’eau ?</a>" in client.get("/ask", headers=HTML).text
    response = client.get("/ask", params={"q": "x" * 1001}, headers=HTML)
    assert response.status_code == 422
    assert FRENCH.question_too_long.format(length=1001, limit=1000) in unescape(response.text)
    response = loading.get("/ask", params={"q": "Où va l’eau ?"}, headers=HTML)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert 'value="Où va l’eau ?"' in response.text, "the question is not lost"


def test_a_passage_is_a_part_of_a_page_with_its_quote_marked(client: TestClient) -> None:
    response = client.get(f"/sources/eau/passage?quote={START}-{END}&v={VERSION}", headers=HTML)
    assert response.status_code == 200
    assert "L’eau coule." in re.sub("<[^>]*>", "", response.text[response.text.index("<mark") :])
    assert "<html" not in response.text
    stale = client.get(f"/sources/eau/passage?quote={START}-{END}&v=00000000", headers=HTML)
    assert "<mark" not in stale.text
    assert FRENCH.quote_changed in unescape(stale.text)
    assert client.get("/sources/eau/passage?quote=x", headers=HTML).status_code == 404
    gone = client.get("/sources/feu/passage?quote=1-2", headers=HTML)
    assert gone.status_code == 404
    assert FRENCH.document_unknown_why in unescape(gone.text)
    assert "<html" not in gone.text


def test_every_page_says_that_questions_are_kept_where_they_are() -> None:
    service = SmallService()
    service.settings = SETTINGS.model_copy(update={"unanswered_days": 30})
    with TestClient(create_app(service.settings, service)) as client:  # type: ignore[arg-type]
        for path in ("/", "/ask?q=eau", "/documents", "/accessibilite", "/sources/eau", "/rien"):
            assert "est gardée 30 jours" in unescape(client.get(path, headers=HTML).text), path
        english = unescape(client.get("/?lang=en", headers=HTML).text)
        assert "is kept for 30 days" in english
        assert 'hreflang="fr"' in english


@pytest.mark.parametrize("path", ["/documents", "/accessibilite"])
def test_other_pages_speak_both_languages(client: TestClient, path: str) -> None:
    for language in ("fr", "en", "xx"):
        response = client.get(path, params={"lang": language}, headers=HTML)
        assert response.status_code == 200
        assert f'<html lang="{"en" if language == "en" else "fr"}">' in response.text
    assert client.post(path).status_code == 405


def test_the_page_in_english_has_its_own_words_and_address(client: TestClient) -> None:
    response = client.get("/?lang=en", headers=HTML)
    assert re.search(r'<html\s+lang="en"', response.text)
    assert ENGLISH.page_introduction in unescape(response.text)
    assert FRENCH.page_introduction not in unescape(response.text)
    assert client.get("/en/", headers=HTML).status_code == 404


OPINION = {"question": "Où va l’eau ?", "build": "b1", "useful": "yes", "reason": "", "lang": "fr"}


def test_opinions_are_not_taken_unless_they_are_kept(client: TestClient) -> None:
    assert client.post("/feedback", data=OPINION).status_code == 404


def test_an_address_that_does_not_exist_gets_a_page_for_people(client: TestClient) -> None:
    response = client.get("/rien", headers=HTML)
    assert response.status_code == 404
    assert FRENCH.address_unknown_why in unescape(response.text)
    assert 'href="/rien?lang=en"' in response.text
    assert ENGLISH.address_unknown_why in unescape(client.get("/rien?lang=en", headers=HTML).text)
    check_problem(client.get("/rien"), 404, FRENCH.address_unknown)


def test_an_opinion_is_kept_where_the_operator_wants_it(tmp_path: Path) -> None:
    settings = Settings(feedback=tmp_path / "avis", feedback_days=30)
    with TestClient(create_app(settings, SmallService())) as client:  # type: ignore[arg-type]
        answer = client.post("/feedback", data=OPINION | {"reason": "<clair>"})
        assert answer.status_code == 200
        assert FRENCH.feedback_thanks in answer.text
        wrong = [
            *({"useful": "maybe"}, {"build": "../b"}, {"question": ""}, {"question": "x" * 1001}),
            {"reason": "x" * 301},
        ]
        for part in wrong:
            assert client.post("/feedback", data=OPINION | part).status_code == 422
        for elsewhere in (
            {"Origin": "https://ailleurs.fr"},
            {"Origin": "http://[::1"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            assert client.post("/feedback", data=OPINION, headers=elsewhere).status_code == 403
        assert client.post("/feedback", content=b"\xff=\xff").status_code == 422
    (file,) = (tmp_path / "avis").iterdir()
    assert [json.loads(line)["reason"] for line in file.read_text(encoding="utf-8").splitlines()] == ["<clair>"]


def test_a_service_that_failed_does_not_say_why_to_all() -> None:
    service = SmallService(is_ready=False)
    service.failure = "Aucun index dans /srv/secret"
    client = TestClient(app_of(service))
    check_problem(client.post("/api/ask", json={"question": "eau"}), 503, FRENCH.unavailable)


def test_ready_names_the_build(client: TestClient) -> None:
    assert client.get("/api/ready").json() == {"status": "ready", "build_id": "b1"}


def test_the_service_starts_and_stops_with_the_application() -> None:
    service = SmallService()
    with TestClient(app_of(service)):
        deadline = time.monotonic() + 5
        while not service.started and time.monotonic() < deadline:
            time.sleep(0.05)
    assert (service.started, service.stopped) == (1, 1)


def test_the_interface_describes_itself(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    assert sorted(described["paths"]) == ["/api/ask", "/api/health", "/api/ready"]
    assert sorted(described["paths"]["/api/ask"]["post"]["responses"]) == ["200", "413", "422", "503"]


# documents


def test_a_citation_opens_its_document_with_the_quote_marked(client: TestClient) -> None:
    link = client.post("/api/ask", json={"question": "Et l’eau ?"}).json()["citations"][0]["deep_link"]
    response = client.get(link)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<mark id="p-{START}" tabindex="-1">L’eau coule.</mark>' in response.text
    assert "Elle est &lt;claire&gt;." in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_quote_that_moved_since_it_was_cited_opens_where_it_stands(client: TestClient) -> None:
    before = f"quote={START + 3}-{END + 3}&v={VERSION}"
    response = client.get(f"/sources/eau?{before}&lang=en", follow_redirects=False)
    assert response.status_code == 302
    now = f"/sources/eau?quote={START}-{END}&v={VERSION}"
    assert response.headers["location"] == f"{now}&lang=en#p-{START}"
    assert "no-cache" in response.headers["cache-control"]
    assert f'<mark id="p-{START}"' in client.get(f"/sources/eau?{before}").text
    passage = client.get(f"/sources/eau/passage?{before}", headers=HTML).text
    assert f'<mark id="p-{START}"' in passage
    assert f"{now}#p-{START}" in unescape(passage)


def test_a_document_opens_without_a_quote(client: TestClient) -> None:
    response = client.get("/sources/eau")
    assert response.status_code == 200
    assert "<mark" not in response.text
    assert FRENCH.quote_changed not in response.text
    assert client.head("/sources/eau").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        *(f"quote={START}-{END}&v=00000000", f"quote={START}-{END}", f"quote={END}-{START}&v={VERSION}", "v=00000000"),
        *(f"quote=0-999999&v={VERSION}", f"quote=x&v={VERSION}", f"quote=&v={VERSION}", f"quote=-1-5&v={VERSION}"),
        *(f"quote=1-99999999999999999999&v={VERSION}", f"quote=١-٢&v={VERSION}", f"quote={START}-{END}&v=<script>"),
    ],
)
def test_a_quote_that_cannot_be_trusted_is_not_marked(client: TestClient, query: str) -> None:
    response = client.get(f"/sources/eau?{query}")
    assert response.status_code == 200
    assert "<mark" not in response.text
    assert FRENCH.quote_changed in response.text
    assert "<script" not in response.text


@pytest.mark.parametrize(
    "path", ["/sources/feu", "/sources/", "/sources/../settings.py", "/sources/%2e%2e%2fsettings.py", "/sources/eau/x"]
)
def test_an_unknown_document_is_not_found(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_people_get_a_page_for_an_unknown_document(client: TestClient) -> None:
    response = client.get("/sources/feu", headers=HTML)
    assert response.status_code == 404
    assert f"<h1>{FRENCH.document_unknown}</h1>" in response.text


# page and files


def test_the_page_is_in_french_and_names_no_other_site(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert 'lang="fr"' in response.text
    assert f"<title>{FRENCH.page_title}</title>" in response.text
    assert 'property="og:' not in response.text
    assert "fonts.googleapis" not in response.text
    assert "raw.githubusercontent" not in response.text
    assert '<noscript><div class="plain-form"><form class="question" action="/ask"' in response.text
    assert "Et l’eau ?</a>" in response.text


def test_the_page_is_compressed_and_says_what_it_may_load(client: TestClient) -> None:
    response = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    policy = response.headers["content-security-policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert response.text.count("<script") == response.text.count(f'<script nonce="{nonce}"')
    assert "unsafe-eval" not in policy
    assert client.get("/").headers["content-security-policy"] != policy


def test_hashed_files_stay_in_the_browser(client: TestClient) -> None:
    name = client.get("/").text.split('src="./assets/')[1].split('"')[0]
    response = client.get(f"/assets/{name}")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in client.get("/assets/none.js").headers.get("cache-control", "")


@pytest.mark.parametrize(
    ("path", "content_types"),
    [
        ("/favicon.ico", ("image/svg+xml",)),
        ("/static/favicon.svg", ("image/svg+xml",)),
        ("/static/page.css", ("text/css; charset=utf-8",)),
        ("/static/site.css", ("text/css; charset=utf-8",)),
        ("/static/page.js", ("text/javascript; charset=utf-8", "application/javascript")),
        ("/manifest.json", ("application/json",)),
        ("/robots.txt", ("text/plain; charset=utf-8",)),
    ],
)
def test_our_own_files_are_served(client: TestClient, path: str, content_types: tuple[str, ...]) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] in content_types


@pytest.mark.parametrize("path", ["/static/none.css", "/static/..%2fserver.py", "/static/%2e%2e/server.py"])
def test_no_other_file_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/ask", "/sources/eau", "/static/page.css", "/nothing"])
def test_every_response_says_what_browsers_should_heed(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "x-frame-options" not in headers
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ["/", "/config", "/api/health", "/api/ask", "/gradio_api/queue/join"])
def test_no_other_site_may_read(client: TestClient, path: str) -> None:
    asked = {"Origin": "https://autre.example", "Access-Control-Request-Method": "POST", "Host": "loos.example"}
    for response in (client.get(path, headers=asked), client.options(path, headers=asked)):
        assert "access-control-allow-origin" not in response.headers


# the process


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_said_at_once(taken: int) -> None:
    started = time.monotonic()
    with pytest.raises(PortInUse, match=rf"port {taken} de .*loos serve --port {taken + 1}"):
        serve(Settings(port=taken))
    assert time.monotonic() - started < 1


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(PortInUse, match=r"203\.0\.113\.1"):
        serve(Settings(host="203.0.113.1"))


def test_a_process_serves_the_page_before_all_is_loaded_and_stops_when_asked(tmp_path: Path, taken: int) -> None:
    encoder = WordEncoder()
    encoder.name, encoder.revision = "embedded", model_revision("embedded")
    build_index(
        Path(__file__).parents[2] / "corpus",
        Store(tmp_path / "index"),
        lambda: encoder,
        model=encoder.name,
        revision=encoder.revision,
        max_passage_tokens=200,
    )
    port = _free_port()
    command = [sys.executable, "-m", "chatbot.cli", "serve", "--port", str(port), "--index", str(tmp_path / "index")]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        page = _wait_for(f"http://127.0.0.1:{port}/", process)
        assert FRENCH.page_title in page
        with socket.create_connection(("127.0.0.1", port)) as open_page:
            open_page.sendall(b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: x\r\n\r\n")
            assert open_page.recv(1000).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        process.wait()
    said = log.read_text()
    assert f"http://127.0.0.1:{port}" in said
    assert "Traceback" not in said


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], timeout_s: float = 60) -> str:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=timeout_s) as response:
                return str(response.read().decode("utf-8"))
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {address}, exit status {process.poll()}")
