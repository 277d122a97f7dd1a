"""The operator's page, in parts: password, sessions, attempts, what is refused, states of documents, the map."""

import asyncio
import os
import stat
import time
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from chatbot.operator.adding import add_pages, in_our_words
from chatbot.operator.builds import _Builds, build_pages
from chatbot.operator.command import Command
from chatbot.operator.coverage import corpus_map, coverage
from chatbot.operator.crawling import crawl_pages
from chatbot.operator.desk import Desk
from chatbot.operator.documents import ENTRY_KEYS, Holdings, State, matching
from chatbot.operator.door import _RESUMED
from chatbot.operator.guard import MAX_FORM_BYTES, MAX_UPLOAD_BYTES, Guard
from chatbot.operator.keeping import _mark, document_pages
from chatbot.operator.page import Visit
from chatbot.operator.password import Password, PasswordProblem
from chatbot.operator.sessions import IDLE_S, LONGEST_S, Attempts, Session, Sessions
from chatbot.operator.view import counted, environment, render
from chatbot.settings import Settings
from index.build import build_index
from index.errors import BusyIndex, IndexStoreError
from index.gate import overtaken
from index.lost_questions import _ways_out
from index.store import _MEND, Store
from ingest import corpus_sha256
from ingest.corpus import read_blocks
from ingest.errors import UnknownDocument
from ingest.holdings import remove_document
from tests.operator_site import ORCHARD, POND, QUESTIONS, SOURCES
from tests.word_encoder import WordEncoder


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# the password


def test_a_password_is_kept_as_its_hash_for_the_service_alone(tmp_path):
    password = Password(tmp_path / "operator")
    password.set("les terrils jumeaux")
    (file,) = (tmp_path / "operator").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("$argon2id$")
    assert "terrils" not in file.read_text()
    password.check()
    assert password.matches("les terrils jumeaux")
    assert not password.matches("les terrils jumeaux ")
    assert not password.matches("")
    assert not password.matches("x" * 100_000)


def test_another_password_has_another_mark_even_if_it_is_the_same(tmp_path):
    password = Password(tmp_path)
    assert password.mark == ""
    password.set("les terrils jumeaux")
    first = password.mark
    password.set("les terrils jumeaux")
    assert password.mark not in ("", first)


@pytest.mark.parametrize(("chosen", "why"), [("court", "trop court : 5 car"), ("x" * 1001, "trop long")])
def test_a_password_that_will_not_do_changes_nothing(tmp_path, chosen, why):
    password = Password(tmp_path)
    password.set("les terrils jumeaux")
    with pytest.raises(PasswordProblem, match=why):
        password.set(chosen)
    assert password.matches("les terrils jumeaux")


def test_without_a_sound_password_it_is_said_how_to_set_one(tmp_path):
    password = Password(tmp_path)
    with pytest.raises(PasswordProblem, match="« loos operator password »"):
        password.check()
    password.set("les terrils jumeaux")
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(PasswordProblem, match="chmod 600"):
        password.check()
    (tmp_path / "password").write_text("abîmé", encoding="utf-8")
    with pytest.raises(PasswordProblem, match="« loos operator password »"):
        password.matches("les terrils jumeaux")


# sessions


def test_a_session_ends_when_nothing_is_done_and_after_a_day_of_work():
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.open("a")
    clock.now += IDLE_S - 1
    assert sessions.find(token, "a")
    clock.now += IDLE_S + 1
    assert sessions.find(token, "a") is None
    token = sessions.open("a")
    for _ in range(int(LONGEST_S / (IDLE_S / 2))):
        clock.now += IDLE_S / 2
        assert sessions.find(token, "a")
    clock.now += 1
    assert sessions.find(token, "a") is None


def test_a_session_ends_with_its_password_and_when_it_is_left():
    sessions = Sessions()
    one, other = sessions.open("a"), sessions.open("a")
    assert sessions.find("", "a") is None
    assert sessions.find("é" + one, "a") is None
    sessions.close(one)
    assert sessions.find(one, "a") is None
    assert sessions.find(other, "b") is None
    assert sessions.find(other, "a") is None, "it does not come back with the password"
    assert sessions.find(sessions.open(""), "") is None, "no password, no session"


def test_many_sessions_do_not_fill_the_memory():
    sessions = Sessions()
    tokens = [sessions.open("a") for _ in range(60)]
    assert [sessions.find(token, "a") is not None for token in tokens].count(True) == 50


def test_a_form_counts_only_with_the_token_of_its_browser():
    sessions = Sessions()
    one, other = sessions.new_token(), sessions.new_token()
    assert sessions.is_form_token(sessions.form_token(one), one)
    assert not sessions.is_form_token(sessions.form_token(one), other)
    assert not sessions.is_form_token(sessions.form_token(""), "")
    assert not sessions.is_form_token("é", one)
    assert not Sessions().is_form_token(sessions.form_token(one), one), "each start has its own secret"


def test_wrong_passwords_are_slowed_down_ever_more_and_never_for_good():
    clock = Clock()
    attempts = Attempts(clock)
    assert [attempts.begin("a") for _ in range(5)] == [0.0] * 5
    waits = []
    for _ in range(12):
        waits.append(attempts.begin("a"))
        clock.now += waits[-1]
        assert attempts.begin("a") == 0.0
    assert waits[:3] == [2.0, 4.0, 8.0]
    assert waits[-1] == max(waits) == 300.0
    assert attempts.begin("b") == 0.0, "another address is not held up"
    clock.now += 300
    attempts.begin("a")
    attempts.succeeded("a")
    assert [attempts.begin("a") for _ in range(5)] == [0.0] * 5


def test_many_addresses_together_are_slowed_down_but_not_one_that_signed_in_before():
    clock = Clock()
    attempts = Attempts(clock)
    attempts.begin("town hall")
    attempts.succeeded("town hall")
    waits = [attempts.begin(f"10.0.0.{number}") for number in range(40)]
    assert waits[:29] == [0.0] * 29
    assert all(0 < wait <= 60 for wait in waits[29:])
    assert attempts.begin("town hall") == 0.0
    clock.now += 61
    assert attempts.begin("10.0.1.1") == 0.0


# what is refused


def answer_of(guard, method="GET", path="/", body=b"", **headers):
    """The status that the guard gives, 200 where it lets the request in."""
    sent = []
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": given, "query_string": b""}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.fixture
def guard():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def make(names=("documents.exemple.fr", "127.0.0.1"), is_local=True):
        return Guard(app, names, is_local=is_local)

    return make


@pytest.mark.parametrize(
    ("host", "local", "open_to_all"),
    [
        ("127.0.0.1:7870", 200, 200),
        ("localhost:7870", 200, 200),
        ("[::1]:7870", 200, 200),
        ("Documents.Exemple.fr", 200, 200),
        ("192.168.1.5:7870", 421, 200),
        ("attaquant.exemple", 421, 421),
        ("127.0.0.1.attaquant.exemple", 421, 421),
        ("documents.exemple.fr@attaquant.exemple", 421, 421),
        ("", 421, 421),
        ("[::1", 421, 421),
    ],
)
def test_another_name_than_ours_is_refused(guard, host, local, open_to_all):
    assert answer_of(guard(), host=host)[0] == local
    assert answer_of(guard(is_local=False), host=host)[0] == open_to_all


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost:7870"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"origin": "http://localhost:7870", "sec_fetch_site": "same-origin"}, 200),
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:7860"}, 403),
        ({"origin": "https://attaquant.exemple"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
        ({"origin": "http://localhost:7870", "sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_a_form_of_another_page_is_refused(guard, headers, status):
    assert answer_of(guard(), "POST", host="localhost:7870", **headers)[0] == status


def test_large_bodies_are_refused_before_they_are_read(guard):
    ours = {"host": "localhost", "origin": "http://localhost"}
    assert answer_of(guard(), "POST", content_length=str(MAX_FORM_BYTES), **ours)[0] == 200
    assert answer_of(guard(), "POST", content_length=str(MAX_FORM_BYTES + 1), **ours)[0] == 413
    upload = "/documents/ajouter"
    assert answer_of(guard(), "POST", upload, content_length=str(MAX_UPLOAD_BYTES), **ours)[0] == 200
    assert answer_of(guard(), "POST", upload, content_length=str(MAX_UPLOAD_BYTES + 1), **ours)[0] == 413


def test_every_page_has_the_headers_that_browsers_heed(guard):
    _, headers = answer_of(guard(), host="localhost")
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'; script-src 'self';")
    assert b"unsafe" not in headers[b"content-security-policy"]
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"cache-control"] == b"no-store"
    refused = answer_of(guard(), host="attaquant.exemple")[1]
    assert refused[b"content-security-policy"] == headers[b"content-security-policy"]


# documents and builds


@pytest.fixture
def corpus(tmp_path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in {
        "verger.md": ORCHARD,
        "mare.md": POND,
        "sources.toml": SOURCES,
        "questions.jsonl": QUESTIONS,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def build_of(corpus, tmp_path):
    store = Store(tmp_path / "index")

    def make(**options):
        made = build_index(
            corpus,
            store,
            WordEncoder,
            model="words",
            revision="1",
            max_passage_tokens=50,
            publish_anyway=True,
            **options,
        )
        return store.load(made.build_id)

    return make


def states(holdings):
    return {holding.path: holding.state for holding in holdings}


def test_a_document_goes_its_way(corpus, build_of):
    holdings = Holdings(corpus)
    assert states(holdings.all(None, None)) == {"mare.md": State.WAITING, "verger.md": State.WAITING}
    live = build_of()
    found = holdings.all(live, live, built_at=time.time())
    assert states(found) == {"mare.md": State.LIVE, "verger.md": State.LIVE}
    assert holdings.sha256() == corpus_sha256(corpus) == live.manifest.corpus_sha256
    orchard = found[1]
    assert (orchard.title, orchard.theme, orchard.publisher, orchard.published, orchard.passages) == (
        *("Le verger", "Nature", "La ville", "2024-05-31", 1),
    )
    (corpus / "verger.md").write_text(ORCHARD + "\nIl est ouvert à tous.\n", encoding="utf-8")
    (corpus / "jardin.txt").write_text("Le jardin partagé compte vingt parcelles.", encoding="utf-8")
    assert holdings.sha256() == corpus_sha256(corpus) != live.manifest.corpus_sha256
    expected = {"jardin.txt": State.WAITING, "mare.md": State.LIVE, "verger.md": State.WAITING}
    assert states(holdings.all(live, live, built_at=time.time())) == expected
    candidate = build_of()
    found = holdings.all(live, candidate, built_at=time.time())
    assert states(found) == {"jardin.txt": State.READ, "mare.md": State.LIVE, "verger.md": State.READ}
    (corpus / "mare.md").unlink()
    (corpus / "sources.toml").write_text(SOURCES.replace("La ville", "Les habitants").split('["mare')[0])
    found = states(holdings.all(live, candidate, built_at=time.time()))
    assert found == {"jardin.txt": State.READ, "mare.md": State.GONE, "verger.md": State.WAITING}


def test_a_file_that_keeps_its_size_and_time_is_seen_to_have_changed(corpus, build_of):
    (corpus / "absent.md").symlink_to("nulle-part.md")  # counted by builds, as what cannot be read
    for path in corpus.iterdir():
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    holdings = Holdings(corpus)
    live = build_of()
    assert holdings.sha256() == corpus_sha256(corpus) == live.manifest.corpus_sha256
    (corpus / "mare.md").write_text(POND.replace("douze", "seize"), encoding="utf-8")
    os.utime(corpus / "mare.md", (1e9, 1e9))
    assert holdings.sha256() == corpus_sha256(corpus) != live.manifest.corpus_sha256
    assert states(holdings.all(live, live, built_at=time.time()))["mare.md"] is State.WAITING


@pytest.mark.parametrize("key", ["publisher", "published", "theme", "title"])
@pytest.mark.parametrize("name", ["mare.md", "note.txt"])
def test_what_was_cleared_from_an_entry_waits_for_a_build(corpus, build_of, key, name):
    (corpus / "note.txt").write_text("La note compte trois lignes sur la mare du parc.", encoding="utf-8")
    whole = {"title": '"Un autre titre"', "theme": '"Eau"', "publisher": '"La ville"', "published": "2024-05-31"}

    def describe(**said: str) -> None:
        lines = "".join(f"{key} = {value}\n" for key, value in said.items())
        entries = SOURCES.partition('["mare')[0] + f'["{name}"]\n{lines}'
        (corpus / "sources.toml").write_text(entries, encoding="utf-8")

    describe(**whole)
    live, holdings = build_of(), Holdings(corpus)
    assert states(holdings.all(live, live, built_at=time.time() + 1))[name] is State.LIVE
    describe(**{other: value for other, value in whole.items() if other != key})
    found = {holding.path: holding for holding in holdings.all(live, live, built_at=time.time() + 1)}
    assert found[name].state is State.WAITING
    assert getattr(found[name], key) == {"title": name}.get(key, ""), "what it said before is said no more"
    built = build_of()
    assert states(holdings.all(built, built, built_at=time.time() + 1))[name] is State.LIVE


def test_what_a_text_says_of_itself_is_no_change(corpus, build_of):
    front = "---\ntitle: La mare du parc\npublisher: Les habitants\npublished: 2024-05-31\n---\n\n"
    (corpus / "mare.md").write_text(front + POND, encoding="utf-8")
    (corpus / "page.html").write_text(
        "<html><head><title>Le marché de Noël</title></head><body><p>Le marché a lieu le jeudi.</p></body>",
        encoding="utf-8",
    )
    (corpus / "sources.toml").write_text(SOURCES.partition('["mare')[0], encoding="utf-8")
    live = build_of()
    found = Holdings(corpus).all(live, live, built_at=time.time() + 1)
    assert {(holding.path, holding.state, holding.title) for holding in found} == {
        ("mare.md", State.LIVE, "La mare du parc"),
        ("page.html", State.LIVE, "Le marché de Noël"),
        ("verger.md", State.LIVE, "Le verger"),
    }
    assert found[0].publisher == "Les habitants"


def test_a_page_that_was_replaced_and_put_back_waits_for_no_build(corpus, build_of):
    page = "<html><head><title>{}</title></head><body><p>Le marché a lieu le jeudi.</p></body></html>"
    (corpus / "page.html").write_text(page.format("Le marché de Noël"), encoding="utf-8")
    live, holdings = build_of(), Holdings(corpus)

    def seen():
        (holding,) = matching(holdings.all(live, live, built_at=time.time() + 1), "page.html")
        return holding.state, holding.title

    for _ in range(2):
        assert seen() == (State.LIVE, "Le marché de Noël")
        (corpus / "page.html").write_text(page.format("Le marché de Pâques"), encoding="utf-8")
        assert seen() == (State.WAITING, "Le marché de Pâques")
        (corpus / "page.html").write_text(page.format("Le marché de Noël"), encoding="utf-8")
    assert seen() == (State.LIVE, "Le marché de Noël")


def test_only_a_text_whose_entry_does_not_say_all_is_read_for_the_list(corpus, build_of, monkeypatch):
    page = "<html><head><title>{}</title></head><body><p>Le marché a lieu le {}.</p></body></html>"
    for name, day in (("dit.html", "jeudi"), ("tu.html", "lundi")):
        (corpus / name).write_text(page.format(f"Le marché du {day}", day), encoding="utf-8")
    (corpus / "sources.toml").write_text(f'{SOURCES}\n["dit.html"]\ntitle = "Un marché"\n', encoding="utf-8")
    live, read = build_of(), []
    monkeypatch.setattr(
        "chatbot.operator.documents.read_blocks", lambda data, path: read.append(path) or read_blocks(data, path)
    )
    holdings = Holdings(corpus)
    for _ in range(2):
        assert set(states(holdings.all(live, live, built_at=time.time() + 1)).values()) == {State.LIVE}
        assert read == ["tu.html"]


def test_what_was_not_read_says_why(corpus, build_of):
    (corpus / "vide.txt").write_text("", encoding="utf-8")
    live = build_of()
    told = (*live.manifest.skipped, "verger.md : la page 3 est une image sans texte.")
    found = {holding.path: holding for holding in Holdings(corpus).all(live, live, told, time.time() + 1)}
    assert found["vide.txt"].state is State.SKIPPED
    assert found["vide.txt"].why[0].startswith("vide.txt : ")
    assert found["verger.md"].state is State.LIVE
    assert found["verger.md"].why == (told[-1],)


class Sent(Visit):
    """A form that was sent, and what is said after it."""

    def __init__(self, **form: str) -> None:
        super().__init__(None, "", Session("", 0, 0), "", FormData(form))  # type: ignore[arg-type]


def error_of(call):
    with pytest.raises(IndexStoreError) as caught:
        call()
    return caught.value


def page_of(pages, method, path):
    return next(page for verb, where, page in pages if (verb, where) == (method, path))


def seen(pages, path, **parameters):
    """A page as who is signed in gets it."""
    scope = {"type": "http", "method": "GET", "path": path, "path_params": parameters}
    request = Request(scope | {"query_string": b"", "headers": [(b"host", b"localhost")]})
    where = next(where for verb, where, _ in pages if verb == "GET" and where.format(**parameters) == path)
    return page_of(pages, "GET", where)(Visit(request, "", Session("", 0, 0), "")).body.decode()


def test_what_to_mend_leads_to_its_form_and_is_told_once(corpus, build_of, tmp_path):
    (corpus / "la mare.md").write_text("# Une autre mare\n\nElle est au nord du village.\n", encoding="utf-8")
    (corpus / "titre.md").write_text("# Un\n\n## Vide\n\n## Deux\n\nDu texte.\n", encoding="utf-8")
    (corpus / "sources.toml").write_text(f'{SOURCES}\n["titre.md"]\npublisher = "La ville"\n', encoding="utf-8")
    (corpus / "vide.txt").write_text("", encoding="utf-8")
    build_id = build_of().manifest.build_id
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    said = seen(build_pages(desk), f"/constructions/{build_id}", build_id=build_id)
    assert said.count("vide.txt") == 1
    mended = said.partition('id="problems"')[2].partition("</section>")[0]
    assert "la mare.md\u00a0: rien n’en est dit. Dites qui le publie." in mended
    assert mended.count("Modifier") == 1, "the form gives no text to a heading"
    assert '<a href="/documents/modifier?chemin=la+mare.md">' in mended
    assert "ce titre n’a pas de texte" in mended
    assert "sources.toml" not in said


@pytest.mark.parametrize("path", ["/constructions/publier", "/constructions/precedente"])
def test_no_one_publishes_between_the_look_at_what_is_live_and_a_publication(
    corpus, build_of, tmp_path, monkeypatch, path
):
    first = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND + "\nElle est ronde.\n", encoding="utf-8")
    second = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND + "\nElle est profonde.\n", encoding="utf-8")
    third = build_of(publish=False).manifest.build_id
    others = []
    look = _Builds._is_stale

    def meanwhile(builds, visit):
        is_stale = look(builds, visit)
        with suppress(BusyIndex):
            Store(tmp_path / "index").publish(third)
            others.append(third)
        return is_stale

    monkeypatch.setattr(_Builds, "_is_stale", meanwhile)
    monkeypatch.setattr("chatbot.operator.builds.model_revision", lambda model: "1")
    monkeypatch.setattr("index.store._LIVE_WAIT_S", 0.1)
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    visit = Sent(build=first, live=second, anyway="yes")
    page_of(build_pages(desk), "POST", path)(visit)
    assert (desk.live_id(), others) == (first, []), "what the other did is neither lost nor overwritten unseen"
    monkeypatch.setattr(_Builds, "_is_stale", look)
    late = Sent(build=third, live=second, anyway="yes")
    page_of(build_pages(desk), "POST", path)(late)
    assert desk.live_id() == first
    assert "Quelqu’un d’autre a changé la version en service" in late.session.said[0][1]


@pytest.mark.parametrize("path", ["/constructions/publier", "/constructions/precedente"])
def test_nobody_waits_while_the_files_of_a_build_are_summed_up(corpus, build_of, tmp_path, monkeypatch, path):
    first = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND + "\nElle est ronde.\n", encoding="utf-8")
    second = build_of().manifest.build_id
    monkeypatch.setattr("chatbot.operator.builds.model_revision", lambda model: "1")
    monkeypatch.setattr("index.store._LIVE_WAIT_S", 0.0)
    problems, summed_up = Store.problems, []

    def meanwhile(store, build_id):
        with Store(tmp_path / "index").live_lock():
            summed_up.append(build_id)
        return problems(store, build_id)

    monkeypatch.setattr(Store, "problems", meanwhile)
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    page_of(build_pages(desk), "POST", path)(Sent(build=first, live=second, anyway="yes"))
    assert (desk.live_id(), summed_up) == (first, [first])
    for change in (lambda: Store(tmp_path / "index").publish(second), Store(tmp_path / "index").rollback):
        change()
    assert (desk.live_id(), summed_up) == (first, [first, second, first])


def test_after_an_undone_change_what_is_built_can_be_put_into_service(corpus, build_of, tmp_path):
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    first = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND + "\nElle est ronde.\n", encoding="utf-8")
    second = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND, encoding="utf-8")
    assert (desk.candidate_id(), desk.is_up_to_date()) == (None, False)
    build_of(publish=False)
    assert (desk.candidate_id(), desk.live_id(), desk.is_up_to_date()) == (first, second, True)
    assert desk.built_at(first) > desk.built_at(second)


def test_what_was_rolled_back_from_is_set_aside_until_it_is_made_again(corpus, build_of, tmp_path):
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    pages = build_pages(desk)
    first = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND + "\nElle est ronde.\n", encoding="utf-8")
    second = build_of(publish=False).manifest.build_id
    assert "attend d’être comparée" in seen(pages, "/")
    assert "À mettre en service" in seen(pages, "/constructions")
    desk.store.publish(second)
    assert desk.store.rollback() == first
    home = seen(pages, "/")
    assert "attend d’être comparée" not in home
    assert f"{second[:8]}</a>, construite le" in home
    assert "a été en service, puis mise de côté." in home
    assert "À mettre en service" not in seen(pages, "/constructions")
    assert (desk.candidate_id(), desk.is_up_to_date()) == (second, True), "no build is asked for"
    later = time.time() + 5
    os.utime(tmp_path / "index" / "builds" / second, (later, later))
    assert "attend d’être comparée" in seen(pages, "/")


def test_a_build_that_cannot_be_read_is_read_once_and_again_when_asked(corpus, build_of, tmp_path, monkeypatch):
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    first = build_of().manifest.build_id
    (corpus / "mare.md").write_text(POND + "\nElle est ronde.\n", encoding="utf-8")
    second = build_of(publish=False).manifest.build_id
    damaged = tmp_path / "index" / "builds" / second / "passages.json"
    text = damaged.read_bytes()
    damaged.write_bytes(text[:-1])
    read = []
    load = Store.load
    monkeypatch.setattr(Store, "load", lambda store, build_id: read.append(build_id) or load(store, build_id))
    assert [desk.candidate_id() for _ in range(3)] == [None] * 3
    assert desk.documents()[0].state is State.WAITING, "the state is that after the build in service"
    assert read == [second, first]
    assert "passages.json" in desk.problem(second)
    assert "loos build" in desk.problem(second)
    pages = build_pages(desk)
    visit = Sent(build=second)
    page_of(pages, "POST", "/constructions/relire")(visit)
    assert visit.session.said == [("problem", f"La version {second[:8]} ne se lit toujours pas.")]
    damaged.write_bytes(text)
    assert desk.candidate_id() is None, "nobody asked again"
    page_of(pages, "POST", "/constructions/relire")(visit)
    assert (desk.candidate_id(), desk.problem(second)) == (second, "")


def test_a_document_that_someone_took_out_meanwhile_is_not_described(corpus, build_of, tmp_path):
    build_of()
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index", operator=tmp_path / "operator", model="words"))
    said = dict.fromkeys(ENTRY_KEYS, "")
    remove_document(corpus, "mare.md")
    visit = Sent(chemin="mare.md", before=_mark(said), title="La mare")
    with pytest.raises(UnknownDocument, match=r"mare\.md : ce document n’est plus dans"):
        page_of(document_pages(desk), "POST", "/documents/modifier")(visit)
    assert build_of().manifest.documents == 1


def test_an_address_that_takes_too_long_is_told_with_what_to_do(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("chatbot.operator.adding._FETCH_S", 0.01)
    monkeypatch.setattr("chatbot.operator.adding.add_page", lambda desk, visit, form, why: why)
    visit = Sent(url="https://ville.exemple/rapport.pdf")
    why = page_of(add_pages(Desk(Settings(corpus=corpus, index=tmp_path / "i"))), "POST", "/documents/adresse")(visit)
    assert why.startswith("https://ville.exemple/rapport.pdf")
    assert "enregistrez-le avec votre navigateur" in why


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/documents/adresse", "url"),
        ("/documents/adresse", "theme"),
        ("/documents/adresse", "publisher"),
        ("/documents/site", "site"),
        ("/documents/site", "theme"),
    ],
)
def test_what_no_one_can_have_typed_is_refused_and_given_to_no_command(corpus, tmp_path, path, name):
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index"))
    typed = {
        "url": "https://a.exemple/b",
        "site": "https://a.exemple",
        "pages": "5",
        "theme": "Eau",
        "publisher": "Nous",
    }
    send = page_of([*add_pages(desk), *crawl_pages(desk)], "POST", path)
    with pytest.raises(HTTPException, match="un caractère invisible"):
        send(Sent(**typed | {name: f"{typed[name]}\0."}))
    assert Sent(theme="L’eau\u00a0: «\u202foui\u202f»\t").sent("theme") == "L’eau\u00a0: «\u202foui\u202f»"


def test_a_date_to_come_and_a_theme_that_is_nearly_another_are_told_at_once(corpus, tmp_path):
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index"))
    visit = Sent(theme="nature", published="2999-01-01")
    file = UploadFile(BytesIO(b"Le jardin compte vingt parcelles."), size=34, filename="jardin.txt")
    visit.form = FormData([*visit.form.multi_items(), ("files", file)])
    page_of(add_pages(desk), "POST", "/documents/ajouter")(visit)
    (_, added), (kind, date), (_, theme) = visit.session.said
    assert added.startswith("1\u00a0document ajouté")
    assert (kind, "sources.toml" in date + theme) == ("problem", False)
    assert "2999-01-01, est dans l’avenir" in date
    assert date.endswith(". Corrigez-la, sauf si elle est voulue.")
    assert "«\u00a0nature\u00a0» s’écrit ailleurs «\u00a0Nature\u00a0»" in theme
    described = {"title": "Le verger", "theme": "Nature  ", "publisher": "La ville", "published": "2999-05-31"}
    said = dict.fromkeys(ENTRY_KEYS, "") | described | {"theme": "Nature", "published": "2024-05-31"}
    visit = Sent(chemin="verger.md", before=_mark(said), kind="", **described)
    page_of(document_pages(desk), "POST", "/documents/modifier")(visit)
    assert [kind for kind, _ in visit.session.said] == ["done", "problem", "problem"]


def test_documents_are_found_by_words_whatever_their_accents(corpus, build_of):
    live = build_of()
    holdings = Holdings(corpus).all(live, live, built_at=time.time())
    assert [holding.path for holding in matching(holdings, "NATURE verg")] == ["verger.md"]
    assert [holding.path for holding in matching([replace(holdings[0], title="Été à l’école")], "ecole ete")]
    assert matching(holdings, "", "waiting") == []
    assert len(matching(holdings, "", "live")) == 2


def test_commands_are_not_named_to_who_only_sees_the_page(tmp_path):
    live = "Quelqu’un d’autre change l’index en service"
    for said, here in (
        (str(error_of(Store(tmp_path).load)), f"Aucun index dans {tmp_path}. Construisez."),
        (f"Abîmé. {_MEND}", "Abîmé. Construisez de nouveau, en cochant « Tout recalculer »."),
        (f"{live} (« loos index list »), puis", f"{live}, puis"),
        (overtaken("a", "b").partition(". ")[2], "Construisez de nouveau : elle lui sera comparée sans être refaite."),
        (
            list(_ways_out({"l’eau.md": None}))[1],
            "- corriger ou retirer l’eau.md, qui est passé devant, puis construire ;",
        ),
        ("Réinstallez\u00a0: puis lancez «\u00a0make build\u00a0».", "Réinstallez\u00a0: puis construisez de nouveau."),
    ):
        assert in_our_words(said) == here


# coverage


def test_coverage_counts_by_theme(build_of):
    (nature,) = coverage(build_of(), {"mare"})
    assert (nature.theme, nature.documents, nature.passages, nature.questions, nature.answered) == (
        "Nature",
        2,
        2,
        2,
        1,
    )


def test_a_map_is_the_same_each_time_and_within_its_bounds(build_of):
    build = build_of()
    places = corpus_map(build)
    assert places == corpus_map(build)
    assert [place.row for place in places] == [0, 1]
    assert {place.x for place in places} == {0.0, 1.0}
    alone = replace(build, passages=build.passages[:1], passage_vectors=np.asarray(build.passage_vectors[:1]))
    assert [(place.x, place.y) for place in corpus_map(alone)] == [(0.5, 0.5)]


# rebuilding


def wait_for(construction):
    deadline = time.monotonic() + 20
    while construction.state.is_running:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return construction.state


def test_a_rebuild_tells_its_progress_and_its_result():
    script = (
        """echo '{"what": "vectors", "done": 1, "total": 3, "remaining_s": 2.5}' >&2; echo Attention >&2; """
        """echo '{"what": "vectors", "done": 3, "total": 3, "remaining_s": null}' >&2; echo '{"build_id": "b"}'"""
    )
    construction = Command(["sh", "-c", script])
    assert construction.state.number == 0
    assert construction.start()
    state = wait_for(construction)
    assert [(step.what, step.done, step.total, step.remaining_s) for step in state.steps] == [("vectors", 3, 3, None)]
    assert (state.result, state.said) == ({"build_id": "b"}, ("Attention",))


def test_one_rebuild_at_a_time_and_it_can_be_stopped():
    construction = Command(["sleep", "60"])
    assert construction.start()
    assert not construction.start()
    construction.cancel()
    state = wait_for(construction)
    assert (state.result, state.is_stopping) == (None, True)
    assert construction.start()
    construction.end()
    wait_for(construction)


# words


def test_numbers_agree_with_their_nouns():
    assert counted(0, "document") == "0\u00a0document"
    assert counted(1204, "passage") == "1\u202f204\u00a0passages"
    assert counted(2, "avis", "avis") == "2\u00a0avis"


def test_templates_escape_and_set_hard_spaces():
    html = render("problem.html", title="Non", why="<b> : oui ?", said=(), is_signed_in=False, pages=(), at="")
    assert "&lt;b&gt;\u00a0: oui\u00a0?" in html


def test_every_form_that_is_kept_for_who_signs_in_anew_is_one(corpus, tmp_path):
    desk = Desk(Settings(corpus=corpus, index=tmp_path / "index"))
    forms = {
        path for method, path, _ in (*add_pages(desk), *crawl_pages(desk), *document_pages(desk)) if method == "POST"
    }
    assert forms > set(_RESUMED)


def test_every_template_is_one():
    names = environment().list_templates()
    assert "report.html" in names
    for name in names:
        environment().get_template(name)
