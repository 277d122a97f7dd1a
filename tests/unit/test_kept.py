"""What is kept from build to build: nothing is read, split or encoded twice, and losing it loses nothing."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ingest.corpus
from chatbot.calibrate import Calibrator
from index import duplicates
from index.duplicates import repeated_passages
from index.kept_questions import KeptQuestions
from index.kept_vectors import KeptVectors
from index.store import Store
from ingest import read_corpus, split
from ingest.check import repeated
from ingest.corpus import corpus_sha256
from ingest.errors import InterruptedReading
from ingest.kept import KeptFiles
from tests.unit.test_build import WATER, build, corpus, files, store  # noqa: F401  (fixtures)
from tests.unit.test_reader import HandReader
from tests.word_encoder import WordEncoder

ROOT = Path(__file__).parents[2]
LONG_AGO = 1_600_000_000


@pytest.fixture
def settled(corpus, monkeypatch):  # noqa: F811
    """A corpus whose files changed long enough ago to be known by their times, and what of it is read."""
    monkeypatch.setattr("ingest.kept._SETTLED_NS", -1)  # a file's time of change cannot be set back
    read = []
    for name in ("read_file", "checksum"):
        of_corpus, of_kept = getattr(ingest.corpus, name), getattr(ingest.kept, name, None)

        def counted(path, *arguments, original=of_corpus):
            read.append(path.name)
            return original(path, *arguments)

        monkeypatch.setattr(ingest.corpus, name, counted)
        if of_kept:
            monkeypatch.setattr(ingest.kept, name, counted)
    return corpus, read


def kept_pass(folder, path):
    kept = KeptFiles(path)
    found = read_corpus(folder, kept)
    kept.save(prune=True)
    kept.close()
    return found


def test_a_file_that_did_not_change_is_not_opened_and_gives_the_same(settled, tmp_path):
    folder, read = settled
    path = tmp_path / "documents.sqlite"
    first = kept_pass(folder, path)
    read.clear()
    again = kept_pass(folder, path)
    assert set(read) <= {"sources.toml", "questions.jsonl"}
    assert (first.read, again.read) == (2, 0)
    assert again.documents == first.documents == read_corpus(folder).documents
    assert again.sha256 == first.sha256 == corpus_sha256(folder)


@pytest.mark.parametrize("change", ["bytes", "same size", "touched", "entry"])
def test_what_changed_is_read_and_only_that(settled, tmp_path, change):
    folder, read = settled
    path = tmp_path / "documents.sqlite"
    kept_pass(folder, path)
    read.clear()
    water = folder / "eau.md"
    match change:
        case "bytes":
            water.write_text(WATER + "\nUne phrase de plus.\n", encoding="utf-8")
        case "same size":
            water.write_text(WATER.replace("pluie", "neige"), encoding="utf-8")
            os.utime(water, (LONG_AGO, LONG_AGO))
        case "touched":
            os.utime(water, (LONG_AGO, LONG_AGO))
        case "entry":
            (folder / "sources.toml").write_text('["eau.md"]\ntitle = "Les eaux"\n', encoding="utf-8")
    found = kept_pass(folder, path)
    assert found.documents == read_corpus(folder).documents
    assert found.read == (0 if change == "touched" else 1)  # the same bytes are known whatever their times
    assert "energie.md" not in read[:-2]


def test_a_file_that_may_still_change_is_summed_up_again(corpus, tmp_path):  # noqa: F811
    kept = KeptFiles(tmp_path / "documents.sqlite")
    path = corpus / "eau.md"
    state = path.stat()
    first = kept.sha256(path, "eau.md")
    kept.save(prune=False)
    path.write_text(WATER.replace("pluie", "neige"), encoding="utf-8")  # within the same unit of time
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    kept.close()
    assert KeptFiles(tmp_path / "documents.sqlite").sha256(path, "eau.md") != first


def test_other_code_reads_everything_again(corpus, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "documents.sqlite"
    assert kept_pass(corpus, path).read == 2
    assert kept_pass(corpus, path).read == 0
    monkeypatch.setattr("ingest.kept.code_sha256", lambda: b"other")
    assert kept_pass(corpus, path).read == 2


def test_a_file_that_is_gone_is_forgotten(corpus, tmp_path):  # noqa: F811
    path = tmp_path / "documents.sqlite"
    kept_pass(corpus, path)
    (corpus / "eau.md").unlink()
    kept_pass(corpus, path)
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM made").fetchone() == (1,)


def test_what_may_succeed_another_time_is_tried_again(corpus, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "documents.sqlite"
    (corpus / "plan.pdf").write_bytes(b"%PDF")

    def interrupted(data, relative):
        raise InterruptedReading(f"{relative} : trop long")

    with monkeypatch.context() as patched:
        patched.setattr(ingest.corpus, "read_isolated", interrupted)
        assert kept_pass(corpus, path).read == 3
        assert kept_pass(corpus, path).read == 1
    kept_pass(corpus, path)
    assert kept_pass(corpus, path).read == 0  # what is damaged stays so


@pytest.mark.parametrize("damage", ["bytes", "rows", "table", "folder"])
def test_a_damaged_file_only_costs_time(corpus, tmp_path, damage):  # noqa: F811
    path = tmp_path / "documents.sqlite"
    first = kept_pass(corpus, path)
    if damage == "bytes":
        path.write_bytes(b"not a database at all, but long enough to look like something" * 100)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as file:
            file.execute(
                "UPDATE made SET data = replace(data, 'pluie', 'neige')" if damage == "rows" else "DROP TABLE made"
            )
    again = kept_pass(corpus, path)
    assert again.documents == first.documents
    assert "pluie" in "".join(document.text for document in again.documents)


def test_passages_are_split_once(corpus, tmp_path):  # noqa: F811
    kept = KeptFiles(tmp_path / "documents.sqlite")
    documents = read_corpus(corpus).documents
    counted = []

    def count(text):
        counted.append(text)
        return len(text.split())

    first = [kept.split(document, count, 64, "words") for document in documents]
    assert first == [split(document, lambda text: len(text.split()), 64) for document in documents]
    counted.clear()
    assert [kept.split(document, count, 64, "words") for document in documents] == first
    assert counted == []
    kept.split(documents[0], count, 40, "words")
    assert counted


def test_vectors_come_back_as_they_were_given(tmp_path):
    types = ("<f4", "i1", "<i4")
    arrays = (np.arange(3, dtype=np.float32), np.zeros((0, 5), np.int8), np.arange(4, dtype=np.int32).reshape(2, 2))
    kept = KeptVectors(tmp_path / "v.sqlite", "model 1")
    kept.add(["a"], [arrays])
    kept.close()
    found = KeptVectors(tmp_path / "v.sqlite", "model 1").find(["a", "b"], types)
    assert list(found) == ["a"]
    for one, other in zip(found["a"], arrays, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert KeptVectors(tmp_path / "v.sqlite", "model 2").find(["a"], types) == {}
    with sqlite3.connect(tmp_path / "v.sqlite") as file:
        file.execute("UPDATE vectors SET data = substr(data, 1, 60) || x'ff' || substr(data, 62)")
    assert KeptVectors(tmp_path / "v.sqlite", "model 1").find(["a"], types) == {}


def test_questions_are_encoded_once(tmp_path):
    class Counting(WordEncoder):
        asked = 0

        def read_queries(self, texts):
            self.asked += len(texts)
            return super().read_queries(texts)

    encoder = Counting()
    for asked in (2, 2):
        kept = KeptQuestions(encoder, tmp_path / "questions.sqlite")
        read = kept.read_queries(["Où ?", "Quand ?", "Où ?"])
        kept.save()
        assert encoder.asked == asked
        np.testing.assert_array_equal(read[0].tokens, WordEncoder().read_queries(["Où ?"])[0].tokens)


def test_a_detour_gives_the_same_bytes_as_building_all_anew(corpus, tmp_path):  # noqa: F811
    store, other = Store(tmp_path / "a"), Store(tmp_path / "b")  # noqa: F811
    wanted = {path.name: path.read_bytes() for path in corpus.iterdir()}
    build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    (corpus / "vent.md").write_text("# Vent\n\nUne éolienne tourne au nord.\n", encoding="utf-8")
    build(corpus, store)
    shutil.rmtree(store.folder / "builds" / store.history()[0].build_id)
    (corpus / "vent.md").unlink()
    for name, content in wanted.items():
        (corpus / name).write_bytes(content)
    report, _ = build(corpus, store)
    full, _ = build(corpus, other, full=True)
    assert report.build_id == full.build_id
    assert report.reused
    assert files(store, report.build_id) == files(other, full.build_id)


def test_what_was_read_for_gold_questions_gives_the_same_bytes_as_reading_all_anew(corpus, tmp_path):  # noqa: F811
    store, other = Store(tmp_path / "a"), Store(tmp_path / "b")  # noqa: F811
    read = []

    def asked(store, **how):
        reader = HandReader("dix")
        calibrator = Calibrator(lambda _: reader, None if how else store.folder / "readings.sqlite")
        report, _ = build(corpus, store, calibrator=calibrator, judge=calibrator.judge, **how)
        calibrator.save()
        read.append(len(reader.read_texts))
        return report

    asked(store)
    (corpus / "vent.md").write_text("# Vent\n\nUne éolienne tourne au nord de dix toits.\n", encoding="utf-8")
    report, full = asked(store), asked(other, full=True)
    assert report.gold == full.gold
    assert report.build_id == full.build_id
    assert files(store, report.build_id) == files(other, full.build_id)
    assert read[1] < read[2], "only what is new was read"
    assert len(store.manifest(report.build_id).calibrations) == 2


def test_what_repeats_is_the_same_whatever_was_compared_before(corpus, tmp_path):  # noqa: F811
    text = "\n\n".join(
        f"## Partie {n}\n\nLa phrase numéro {n} dit que le pont {n} de la ville a {n} ans." for n in range(40)
    )
    (corpus / "long.md").write_text(f"# Long\n\n{text}\n", encoding="utf-8")
    some = [p for document in read_corpus(corpus).documents for p in split(document, lambda t: len(t.split()), 64)]
    copied = [replace(passage, document_id="copie") for passage in some[3:5]]
    cut = [replace(some[7], document_id="reste", text=some[7].text.removesuffix(" a 4 ans."))]
    kept = KeptFiles(tmp_path / "documents.sqlite")
    found = []
    for passages in (some, [*some, *copied], some, [*cut, *some], [*some[:9], some[3], *some[9:]], some[::-1], []):
        found.append(repeated_passages(passages, kept))
        assert found[-1] == repeated(passages)
        kept.save(prune=True)
    assert [len(pairs) for pairs in found[:5]] == [0, 2, 0, 1, 1]


def test_what_repeats_is_found_anew_where_it_is_found_otherwise(corpus, tmp_path, monkeypatch):  # noqa: F811
    (corpus / "long.md").write_text(
        "# Long\n\nLe pont du village a été ouvert en mai par la fanfare et les pompiers.\n", encoding="utf-8"
    )
    passages = [p for document in read_corpus(corpus).documents for p in split(document, lambda t: len(t.split()), 64)]
    kept = KeptFiles(tmp_path / "documents.sqlite")
    made = []
    runs, pairs = duplicates.passage_runs, duplicates.repeated_runs
    monkeypatch.setattr(duplicates, "passage_runs", lambda text: made.append(text) or runs(text))
    monkeypatch.setattr(duplicates, "repeated_runs", lambda found: made.append("pairs") or pairs(found))
    for code, wanted in ((b"1", True), (b"1", False), (b"2", True)):
        made.clear()
        monkeypatch.setattr(duplicates, "_code", lambda code=code: code)
        repeated_passages(passages, kept)
        assert (len(made) == len(passages) + 1, len(made) == 0) == (wanted, not wanted)
    monkeypatch.undo()
    assert duplicates._code() == hashlib.sha256(Path(duplicates.__file__).read_bytes()).digest()


SLOW = """
import sys, time
from pathlib import Path
from index.build import build_index
from index.store import Store
from tests.word_encoder import WordEncoder

class Slow(WordEncoder):
    def encode_passages(self, texts, progress=None):
        print("encoding", flush=True)
        time.sleep(1.6)
        return super().encode_passages(texts, progress)

build_index(Path(sys.argv[1]), Store(Path(sys.argv[2])), Slow, model="words", revision="1", max_passage_tokens=64)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_was_stopped_goes_on_where_it_was(corpus, store, how):  # noqa: F811
    text = "\n\n".join(f"## Partie {n}\n\nLa phrase numéro {n} dit ceci." for n in range(1200))
    (corpus / "long.md").write_text(f"# Long\n\n{text}\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, corpus, store.folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for _ in range(3):  # passages are done and two groups of sentences
            assert process.stdout.readline() == "encoding\n"
        process.send_signal(how)
        process.wait(30)
    assert process.returncode != 0
    assert store.current_id() is None
    report, _ = build(corpus, store)
    assert store.load().manifest.build_id == report.build_id
    total = report.encoded + report.reused
    assert 0 < report.encoded < total / 2
    assert not set(store.folder.glob("vectors*.sqlite*"))
    fresh = Store(store.folder.parent / "fresh")
    build(corpus, fresh, full=True)
    assert files(store, report.build_id) == files(fresh, report.build_id)
