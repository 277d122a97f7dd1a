"""The reader's parts, on a network too small to know anything and on readings made by hand."""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import index.reader
from chatbot import service
from chatbot.abstain import SHIPPED, SHIPPED_READ
from chatbot.answer import Abstention
from chatbot.compose import candidates, compose
from chatbot.conversation import find, reply_to
from chatbot.settings import Settings
from index.encoder import load_encoder
from index.errors import ForeignReader
from index.model import make_embedded_model
from index.reader import Reader, Reading, load_reader
from index.reader_network import PairTokenizer, add_adapters, base_network, load_network, save_network
from index.readings import KeptReadings
from index.search import READ, Searcher
from ingest import Passage
from tests.tiny_model import POSITIONS, write_package
from tests.unit.test_compose import searcher

TEXT = "L’école date de 1901. La mairie, elle, est de 1902."


class HandReader:
    """Takes a passage for relevant and answering if it holds `word`, and sees the answer there."""

    name = "by hand"

    def __init__(self, word: str) -> None:
        self.word = word
        self.read_texts: list[str] = []

    def read(self, question: str, passages: Sequence[Passage], within_s: float | None = None) -> tuple[Reading, ...]:
        self.read_texts += [passage.text for passage in passages]
        return tuple(self._reading(passage.text) for passage in passages)

    def _reading(self, text: str) -> Reading:
        place = text.find(self.word)
        if place < 0:
            return Reading(-9, -9, np.zeros(1, np.float32), np.zeros(1, np.float32), np.array([[0, 1]], np.int32))
        spans = [[0, 1], [place, place + len(self.word)]]
        chances = np.array([0.0, 0.9], np.float32)
        return Reading(9, 9, chances, chances, np.array(spans, np.int32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    package = write_package(tmp_path_factory.mktemp("package"))
    return make_embedded_model(tmp_path_factory.mktemp("models") / "e5-small", package=package)


@pytest.fixture(scope="module")
def encoder(folder):
    """Whose revision is that of the shipped model, as far as the reader can tell."""
    encoder = load_encoder(str(folder), folder.parent)
    encoder._revision = "1"
    return encoder


@pytest.fixture(scope="module")
def network(folder):
    """With adapters that change something."""
    torch.manual_seed(0)
    network = base_network(folder)
    add_adapters(network, 2)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.copy_((parameter + torch.randn_like(parameter) / 50).half())  # as it is stored
    return network.eval()


def passages(*texts):
    """One passage for each text."""
    return [searcher(text).build.passages[0] for text in texts]


def test_the_mass_of_a_span_is_what_starts_and_ends_there():
    spans = np.array([[0, 5], [6, 10], [11, 15]], np.int32)
    reading = Reading(0.0, 0.0, np.array([0.5, 0.1, 0.0], np.float32), np.array([0.1, 0.5, 0.2], np.float32), spans)
    assert reading.mass((0, 10)) == pytest.approx(0.6)
    assert reading.mass((11, 15)) == pytest.approx(0.1)
    assert reading.mass((20, 30)) == 0
    assert reading.best((0, 15)) == (pytest.approx(0.5), (0, 10))
    assert reading.best((6, 15)) == (pytest.approx(np.sqrt(0.05)), (6, 10))
    assert reading.best((20, 30)) == (0.0, (20, 30))


def test_an_answer_does_not_end_before_it_starts():
    spans = np.array([[0, 5], [6, 10]], np.int32)
    reading = Reading(0.0, 0.0, np.array([0.0, 0.9], np.float32), np.array([0.9, 0.1], np.float32), spans)
    assert reading.best((0, 10))[1] == (6, 10)


def test_tokens_are_offsets_in_the_passage_as_it_stands(encoder, folder):
    tokenizer = PairTokenizer(encoder.tokenizer, folder)
    pair = tokenizer.pair("La ville\u00a0?", "L’eau", "la ville, l’école\u202f!")
    text = "la ville, l’école\u202f!"
    covered = {offset for start, end in pair.spans for offset in range(start, end)}
    assert covered >= {offset for offset, character in enumerate(text) if not character.isspace()}
    assert text[slice(*pair.spans[0])] == "la"
    assert len(pair.told) == len(pair.spans)
    assert max(pair.asked) < min(pair.told)


def test_what_was_trained_is_read_back(encoder, folder, network, tmp_path):
    save_network(network, tmp_path / "reader.safetensors", {"base": "1"})
    loaded = load_network(folder, tmp_path / "reader.safetensors")
    pairs = [
        PairTokenizer(encoder.tokenizer, folder).pair("la ville", "", text) for text in ("la ville", "ville abc la")
    ]
    with torch.no_grad():
        before, after = network(pairs), loaded(pairs)
    for name in ("relevance", "answerability", "start", "end"):
        assert torch.allclose(getattr(before, name), getattr(after, name), atol=0.02)
    assert not any("parametrizations" in name for name, _ in loaded.named_parameters())


def test_a_reading_has_a_chance_for_each_token_and_sums_to_at_most_one(encoder, folder, network):
    reader = Reader(network, PairTokenizer(encoder.tokenizer, folder), "tiny", bfloat16=False)
    (one, two) = reader.read("la ville", passages("La ville est là.", "Une autre phrase, plus longue, est ici."))
    for reading in (one, two):
        assert reading.start.shape == reading.end.shape == (len(reading.spans),)
        assert 0 < reading.start.sum() <= 1 + 1e-5
    for text, together in (("La ville est là.", one), ("Une autre phrase, plus longue, est ici.", two)):
        (alone,) = reader.read("la ville", passages(text))
        assert (alone.relevance, alone.answerability) == (together.relevance, together.answerability)
        assert np.array_equal(alone.start, together.start)
        assert np.array_equal(alone.end, together.end)


def test_only_as_much_is_read_as_the_time_allows(encoder, folder, network, monkeypatch):
    reader = Reader(network, PairTokenizer(encoder.tokenizer, folder), "tiny", bfloat16=False)
    read = reader._read

    def slow(pairs):
        time.sleep(0.05 * len(pairs))
        return read(pairs)

    monkeypatch.setattr(reader, "_read", slow)
    some = passages("La ville est là.") * 8
    assert len(reader.read("la ville", some)) == len(some)
    assert 0 < len(reader.read("la ville", some, within_s=0.3)) < len(some)
    assert reader.read("la ville", some, within_s=0.01) == ()
    assert len(reader.read("la ville", some)) == len(some)


def test_one_slow_reading_does_not_end_all_reading(encoder, folder, network):
    reader = Reader(network, PairTokenizer(encoder.tokenizer, folder), "tiny", bfloat16=False)
    reader._pace = 1.0
    some = passages("La ville est là.")
    assert reader.read("la ville", some, within_s=0.3) == ()
    assert any(reader.read("la ville", some, within_s=0.3) for _ in range(20))


def test_what_cannot_be_computed_is_not_read_and_others_still_are(encoder, folder, network, monkeypatch, caplog):
    reader = Reader(network, PairTokenizer(encoder.tokenizer, folder), "tiny", bfloat16=False)
    some = passages("La ville est là.")

    def failing(pairs):
        raise RuntimeError("not enough memory")

    with monkeypatch.context() as patch:
        patch.setattr(reader, "_read", failing)
        assert reader.read("la ville", some, within_s=5) == ()
    assert "not enough memory" in caplog.text
    assert len(reader.read("la ville", some, within_s=5)) == 1


def test_whoever_finds_the_reader_busy_waits_no_longer_than_it_may(encoder, folder, network):
    reader = Reader(network, PairTokenizer(encoder.tokenizer, folder), "tiny", bfloat16=False)
    some = passages("La ville est là.")
    with reader._turn:
        started = time.monotonic()
        assert reader.read("la ville", some, within_s=0.1) == ()
        assert time.monotonic() - started < 1
    assert len(reader.read("la ville", some, within_s=10)) == len(some)


def test_threads_take_turns(encoder, folder, network):
    reader = Reader(network, PairTokenizer(encoder.tokenizer, folder), "tiny", bfloat16=False)
    some = passages("La ville est là.", "Une autre phrase, plus longue, est ici.")
    expected = [reading.relevance for reading in reader.read("la ville", some)]
    found = []
    threads = [threading.Thread(target=lambda: found.append(reader.read("la ville", some))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[reading.relevance for reading in readings] for readings in found] == [expected] * 8


def test_a_question_of_any_length_leaves_room_for_the_passage(encoder, folder):
    tokenizer = PairTokenizer(encoder.tokenizer, folder)
    for question in ("½" * 300, "⑽" * 300, "la ville " * 200, "", "?"):
        pair = tokenizer.pair(question, "", "la ville est grande")
        assert len(pair.ids) <= POSITIONS
        assert len(pair.told) >= 5


@pytest.mark.parametrize(
    "fault", ["another model", "changed", "missing", "no sum", "empty sum", "not safetensors", "no metadata"]
)
def test_a_reader_that_does_not_fit_is_refused(fault, encoder, folder, network, tmp_path, monkeypatch):
    path = tmp_path / "reader.safetensors"
    save_network(network, path, {"base": "0" if fault == "another model" else "1"})
    if fault == "no metadata":
        save_file({"pool.bias": torch.zeros(1)}, path)
    content = b"no" if fault == "not safetensors" else path.read_bytes()
    path.write_bytes(content)
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
    if fault == "changed":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    if fault in ("missing", "no sum"):
        (path if fault == "missing" else path.with_suffix(".sha256")).unlink()
    if fault == "empty sum":
        path.with_suffix(".sha256").write_text("")
    monkeypatch.setattr(index.reader, "READER_FILE", path)
    monkeypatch.setattr(index.reader, "READER_SUM", path.with_suffix(".sha256"))
    with pytest.raises(ForeignReader, match="reading_ms"):
        load_reader(folder.parent, encoder)


def test_what_was_read_for_a_build_is_not_read_again(tmp_path):
    some = passages("L’école date de 1901.", "La mairie est de 1902.")
    first = HandReader("1901")
    kept = KeptReadings(first, tmp_path / "readings.sqlite")
    expected = kept.read("Quand ?", some)
    kept.save()
    second = HandReader("1901")
    again = KeptReadings(second, tmp_path / "readings.sqlite")
    found = again.read("Quand ?", some)
    assert second.read_texts == []
    for one, two in zip(expected, found, strict=True):
        assert (one.relevance, one.answerability) == (two.relevance, two.answerability)
        assert np.array_equal(one.spans, two.spans)
        assert np.array_equal(one.start, two.start)
    again.read("Où ?", some[:1])
    assert len(second.read_texts) == 1
    again.read("Quand ?", [*passages("Le pont est neuf."), *some])
    assert second.read_texts[1:] == ["Le pont est neuf."]


def test_what_a_build_reads_twice_is_read_once(tmp_path):
    reader = HandReader("1901")
    kept = KeptReadings(reader, tmp_path / "readings.sqlite")
    for _ in range(2):
        kept.read("Quand ?", passages("L’école date de 1901."))
    assert len(reader.read_texts) == 1


def test_what_is_no_longer_read_is_forgotten(tmp_path):
    some = passages("L’école date de 1901.", "La mairie est de 1902.")
    for taken in (some, some[:1], some):
        reader = HandReader("1901")
        kept = KeptReadings(reader, tmp_path / "readings.sqlite")
        kept.read("Quand ?", taken)
        kept.save()
    assert reader.read_texts == ["La mairie est de 1902."]


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\x00" + bytes(90), None])
def test_a_damaged_file_of_readings_is_made_anew(content, tmp_path):
    path = tmp_path / "readings.sqlite"
    if content is None:
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("CREATE TABLE readings (key BLOB, judged BLOB, chances BLOB, spans TEXT)")
            file.execute("INSERT INTO readings VALUES (x'00', x'00', x'00', NULL)")
    else:
        path.write_bytes(content)
    some = passages("L’école date de 1901.")
    kept = KeptReadings(HandReader("1901"), path)
    assert len(kept.read("Quand ?", some)) == 1
    kept.save()
    reader = HandReader("1901")
    KeptReadings(reader, path).read("Quand ?", some)
    assert reader.read_texts == []


def read_by_hand(word, *texts):
    plain = searcher(*texts, max_passage_tokens=64)
    return Searcher(plain.build, plain.encoder, reader=HandReader(word))


def test_what_reading_finds_relevant_moves_up():
    texts = [f"La ville a une école numéro {n} et un parc." for n in range(3)]
    texts.append("La ville a une grande école neuve, ouverte en 1901, et un beau parc.")
    found_in = read_by_hand("1901", *(f"{text} {'Rien de plus ici. ' * 12}" for text in texts))
    (asked,) = found_in.encode(["Quand l’école de la ville ?"])
    with_reader, without = found_in.search(asked), Searcher(found_in.build, found_in.encoder).search(asked)
    assert "1901" in with_reader[0].passage.text
    assert [hit.rank for hit in with_reader] == list(range(1, len(with_reader) + 1))
    assert {hit.passage.id for hit in with_reader} == {hit.passage.id for hit in without}
    assert all(hit.reading for hit in with_reader[:READ])
    assert not any(hit.reading for hit in without)


def test_the_words_that_answer_are_named_within_their_quote():
    found_in = read_by_hand("1901", TEXT)
    (asked,) = found_in.encode(["Quand date l’école ?"])
    sentences, citations = compose(asked, candidates(asked, found_in.search(asked), found_in), found_in)
    document = found_in.build.documents[citations[0].document_id]
    assert document.text[slice(*citations[0].answer)] == "1901"
    assert citations[0].start <= citations[0].answer[0] < citations[0].answer[1] <= citations[0].end
    assert sentences[0].text == "L’école date de 1901."


def test_the_words_that_answer_are_named_without_the_marks_around_them():
    searching = read_by_hand(", de 1901,", "L’école date, croit-on, de 1901, et la mairie de 1902.")
    (asked,) = searching.encode(["De quand date l’école ?"])
    citations = compose(asked, candidates(asked, searching.search(asked), searching), searching)[1]
    (document,) = searching.build.documents.values()
    assert document.text[slice(*citations[0].answer)] == "de 1901"


def test_what_cannot_stand_in_an_answer_is_not_read():
    only_questions = " ".join(f"Comment agir pour le verger {number} ?" for number in range(9))
    searching = read_by_hand("verger", only_questions, "Le verger a cent pommiers.")
    assert len(searching.build.passages) > 1
    (asked,) = searching.encode(["Comment agir pour le verger ?"])
    find(asked, searching)
    assert all("pommiers" in text for text in searching.reader.read_texts)


def test_where_no_passage_is_left_nothing_is_found():
    searching = read_by_hand("verger", "Le verger a cent pommiers.")
    (asked,) = searching.encode(["Combien de pommiers a le verger ?"])
    found = find(asked, searching, lambda passage: True)
    assert (found.hits, found.candidates, found.probability) == ((), (), 0.0)


def test_without_a_sure_answer_no_words_are_named():
    found_in = read_by_hand("absent", TEXT)
    (asked,) = found_in.encode(["Quand date l’école ?"])
    _, citations = compose(asked, candidates(asked, found_in.search(asked), found_in), found_in)
    assert all(citation.answer is None for citation in citations)


def test_a_refusal_names_no_answer():
    found_in = read_by_hand("1901", TEXT)
    reply = reply_to("Quand date l’école de 1950 ?", found_in, Settings(), "fr")
    assert isinstance(reply, Abstention)
    assert all(citation.answer is None for citation in reply.nearest)


def test_without_a_reader_that_fits_the_service_goes_on(monkeypatch, caplog):
    def refused(models, revision):
        raise ForeignReader("un autre modèle")

    encoder = searcher(TEXT).encoder
    monkeypatch.setattr(service, "load_reader", refused)
    assert service.reader_for(encoder, Settings(reading_ms=0)) is None
    assert caplog.text.count("un autre modèle") == 0
    assert service.reader_for(encoder, Settings()) is None
    assert caplog.text.count("un autre modèle") == 1


def test_what_could_not_be_read_in_time_is_answered_unread():
    class Busy(HandReader):
        def read(self, question, passages, within_s=None):
            return super().read(question, passages, within_s)[:1] if within_s else ()

    plain = searcher(TEXT, "Le parc de la ville est ouvert depuis 1950. " * 12, max_passage_tokens=64)
    (asked,) = plain.encode(["Quand date l’école ?"])
    for reading_s, read in ((0.3, 1), (None, 0)):
        found_in = Searcher(plain.build, plain.encoder, reader=Busy("1901"), reading_s=reading_s)
        found = find(asked, found_in)
        assert sum(hit.reading is not None for hit in found.hits) == read
        assert len(found.calibration.weights) == len((SHIPPED_READ if read else SHIPPED).weights)
        assert {hit.passage.id for hit in found.hits} == {hit.passage.id for hit in find(asked, plain).hits}
