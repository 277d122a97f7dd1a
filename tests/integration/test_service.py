"""The running service follows the live build, and keeps the one it has when the next is no good."""

import threading
import time

import pytest
from fastapi.testclient import TestClient

from chatbot.answer import Answer
from chatbot.errors import NotReady
from chatbot.follow_up import Turn
from chatbot.messages import FRENCH
from chatbot.server import create_app
from chatbot.service import Service
from chatbot.settings import Settings
from chatbot.unanswered import Unanswered
from index.build import build_index
from tests.word_encoder import WordEncoder

FIRST = "# Le verger\n\nLe verger communal compte quarante pommiers anciens.\n"
SECOND = "# Le verger\n\nLe verger communal compte cinquante pommiers anciens.\n"
QUESTION = "Combien de pommiers compte le verger communal ?"


@pytest.fixture
def settings(tmp_path, model_folder):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "verger.md").write_text(FIRST, encoding="utf-8")
    return Settings(corpus=tmp_path / "corpus", index=tmp_path / "index", models=model_folder)


@pytest.fixture
def service(settings):
    service = Service(settings)
    yield service
    service.stop()


@pytest.fixture
def loaded_once(monkeypatch, encoder):
    """The encoder of all tests instead of one more, which takes seconds to load."""
    monkeypatch.setattr("chatbot.service.load_encoder", lambda *_, **__: encoder)
    monkeypatch.setattr("chatbot.service.reader_for", lambda *_: None)


def build(service, encoder, **how):
    return build_index(
        service.settings.corpus,
        service.store,
        lambda: encoder,
        model=encoder.name,
        revision=encoder.revision,
        max_passage_tokens=service.settings.max_passage_tokens,
        **how,
    )


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_published_build_is_served_without_dropping_a_question(service, settings, encoder):
    build(service, encoder)
    service.start()
    assert "quarante" in service.ask(QUESTION).text
    texts, errors, over = set(), [], threading.Event()

    def keep_asking():
        while not over.is_set():
            try:
                reply = service.ask(QUESTION)
                texts.add((reply.build_id, reply.text))
            except Exception as error:
                errors.append(error)

    askers = [threading.Thread(target=keep_asking) for _ in range(3)]
    for asker in askers:
        asker.start()
    (settings.corpus / "verger.md").write_text(SECOND, encoding="utf-8")
    report = build(service, encoder)
    wait_for(lambda: service.build.manifest.build_id == report.build_id)
    wait_for(lambda: any(build_id == report.build_id for build_id, _ in texts))
    over.set()
    for asker in askers:
        asker.join()
    assert errors == []
    assert len(texts) == 2  # each build has one answer: none mixes both
    assert "cinquante" in service.ask(QUESTION).text


def test_a_question_without_answer_is_counted_only_where_the_operator_asks_for_it(settings, encoder, tmp_path):
    folder = tmp_path / "questions"
    for days, counts in ((0, []), (30, [2])):
        service = Service(settings.model_copy(update={"unanswered": folder, "unanswered_days": days}))
        if not days:
            build(service, encoder)
        service.load()
        service.ask(QUESTION)
        for _ in range(2):
            service.ask("Quel est le prix de la patinoire de Tokyo ?")
        service.stop()
        assert [question.count for question in Unanswered(service.settings).questions()] == counts
        assert folder.exists() == bool(days)


@pytest.mark.usefixtures("loaded_once")
def test_a_build_that_cannot_be_read_leaves_the_one_in_service(service, settings, encoder):
    first = build(service, encoder)
    service.start()
    assert isinstance(service.ask(QUESTION), Answer)
    service.store._current.write_text("0000000000000000\n")
    wait_for(lambda: service.failure)
    assert "make build" in service.failure
    assert service.ask(QUESTION).build_id == first.build_id
    service.store.publish(first.build_id)
    wait_for(lambda: service.failure is None)


@pytest.mark.usefixtures("loaded_once")
def test_a_published_build_that_is_damaged_is_not_served(service, settings, encoder):
    first = build(service, encoder)
    service.start()
    assert "quarante" in service.ask(QUESTION).text
    (settings.corpus / "verger.md").write_text(SECOND, encoding="utf-8")
    second = build(service, encoder)
    service.store.publish(first.build_id)
    damaged = service.store._builds / second.build_id / "passages.npy"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    service.store.publish(second.build_id, is_checked=True)  # damaged right after it was
    wait_for(lambda: service.failure)
    assert "passages.npy" in service.failure
    for _ in range(3):
        assert service.ask(QUESTION).build_id == first.build_id
    damaged.write_bytes(whole)  # mended under its name: noticed when it is looked at again
    service._retry_at = 0.0
    wait_for(lambda: service.build.manifest.build_id == second.build_id)
    wait_for(lambda: service.failure is None)
    assert "cinquante" in service.ask(QUESTION).text


@pytest.mark.usefixtures("loaded_once")
def test_a_published_build_of_another_encoder_is_not_served(service, settings, encoder):
    first = build(service, encoder)
    service.start()
    assert "quarante" in service.ask(QUESTION).text
    foreign = build(service, WordEncoder())
    assert service.store.current_id() == foreign.build_id
    wait_for(lambda: service.failure)
    assert "words" in service.failure
    assert service.ask(QUESTION).build_id == first.build_id


@pytest.mark.usefixtures("loaded_once")
def test_a_citation_opens_after_a_swap_and_says_what_became_of_it(service, settings, encoder):
    (settings.corpus / "mare.md").write_text("# La mare\n\nLa mare abrite douze tritons.\n", encoding="utf-8")
    build(service, encoder)
    service.start()
    orchard = service.ask(QUESTION).citations[0]
    pond = service.ask("Combien de tritons la mare abrite-t-elle ?").citations[0]
    client = TestClient(create_app(settings, service))
    for link, words in ((orchard, "quarante"), (pond, "douze")):
        assert words in client.get(link.deep_link).text.partition("<mark")[2]
    (settings.corpus / "verger.md").write_text(SECOND, encoding="utf-8")
    (settings.corpus / "mare.md").write_text(
        "# La mare\n\nElle est neuve, et bien fermée.\n\nLa mare abrite douze tritons.\n", encoding="utf-8"
    )
    report = build(service, encoder)
    wait_for(lambda: service.build.manifest.build_id == report.build_id)
    assert "douze" in client.get(pond.deep_link).text.partition("<mark")[2], "the quote moved"
    changed = client.get(orchard.deep_link)
    assert "<mark" not in changed.text
    assert FRENCH.quote_changed in changed.text
    follow_up = service.ask("Peux-tu préciser ?", turns=[Turn(QUESTION, orchard.quote)])
    assert follow_up.build_id == report.build_id
    (settings.corpus / "verger.md").unlink()
    report = build(service, encoder, publish_anyway=True)
    wait_for(lambda: service.build.manifest.build_id == report.build_id)
    gone = client.get(orchard.deep_link, headers={"Accept": "text/html"})
    assert gone.status_code == 404
    assert FRENCH.document_unknown_why in gone.text


@pytest.mark.usefixtures("loaded_once")
def test_a_service_that_starts_without_an_index_says_so_and_recovers(service, encoder):
    service.start()
    wait_for(lambda: service.failure)
    assert "make build" in service.failure
    with pytest.raises(NotReady):
        service.ask(QUESTION, wait_s=0)
    with pytest.raises(NotReady):
        _ = service.build
    build(service, encoder)
    wait_for(lambda: service.is_ready)
    assert "quarante" in service.ask(QUESTION).text


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize("is_expected", [True, False])
def test_a_first_load_that_fails_is_tried_again_seldom_and_at_once_when_a_build_is_published(
    service, settings, encoder, monkeypatch, caplog, is_expected
):
    monkeypatch.setattr("chatbot.service._WATCH_S", 0.02)
    report = build(service, encoder)
    damaged = service.store._builds / report.build_id / "passages.npy"
    whole = damaged.read_bytes()
    if is_expected:
        damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    load, tries = service.load, []

    def counted():
        tries.append(time.monotonic())
        if not is_expected and len(tries) < 4:
            raise RuntimeError("no memory left, say")
        load()

    monkeypatch.setattr(service, "load", counted)
    service.start()
    wait_for(lambda: service.failure)
    time.sleep(0.5)
    assert len(tries) == 1
    assert ("passages.npy" if is_expected else "Erreur inattendue") in service.failure
    waits = []
    for number in (2, 3):
        service._retry_at = 0.0
        wait_for(lambda number=number: len(tries) == number and service._retry_at)
        waits.append(service._retry_at - time.monotonic())
    assert waits == pytest.approx([60, 120], abs=5)
    assert len([record for record in caplog.records if record.name == "chatbot.service"]) == 1
    damaged.write_bytes(whole)
    service.store.publish(report.build_id)
    wait_for(lambda: service.is_ready, seconds=10)
    assert service.failure is None
    assert "quarante" in service.ask(QUESTION).text
