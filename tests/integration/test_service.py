"""The running service follows the live build, and keeps the one it has when the next is no good."""

import threading
import time

import pytest

from chatbot.answer import Answer
from chatbot.errors import NotReady
from chatbot.service import Service
from chatbot.settings import Settings
from chatbot.unanswered import Unanswered
from index.build import build_index

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


def build(service, encoder):
    return build_index(
        service.settings.corpus,
        service.store,
        lambda: encoder,
        model=encoder.name,
        revision=encoder.revision,
        max_passage_tokens=service.settings.max_passage_tokens,
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
        assert [question.count for question in Unanswered(service.settings).questions()] == counts
        assert folder.exists() == bool(days)


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
