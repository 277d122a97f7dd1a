"""What was live is remembered, and one may go back to it; what changes builds takes the lock."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest

from index.errors import BusyIndex, CorruptIndex, ForeignIndex, MissingIndex, UnknownBuild
from index.store import Store
from tests.unit.test_build import WATER, build, corpus, store  # noqa: F401  (fixtures)


@pytest.fixture
def three(corpus, store):  # noqa: F811
    ids = []
    for number in range(3):
        (corpus / "eau.md").write_text(f"{WATER}\nLigne {number} du fichier.\n", encoding="utf-8")
        ids.append(build(corpus, store)[0].build_id)
    return ids


def test_a_rollback_goes_to_the_build_that_was_live_and_a_second_one_comes_back(store, three):  # noqa: F811
    first, second, third = three
    assert store.rollback() == second
    assert store.current_id() == second
    assert store.rollback() == third
    assert [was.build_id for was in store.history()] == [first, second, third, second, third]
    assert all(was.since for was in store.history())


def test_there_is_nothing_to_go_back_to_at_first(corpus, store):  # noqa: F811
    with pytest.raises(MissingIndex, match="rien à quoi revenir"):
        store.rollback()
    build(corpus, store)
    with pytest.raises(MissingIndex, match="rien à quoi revenir"):
        store.rollback()


def test_a_damaged_or_foreign_build_is_not_put_live(store, three):  # noqa: F811
    _, second, third = three
    with pytest.raises(ForeignIndex, match="« words », attendu « embedded »"):
        store.rollback(model="embedded")
    passages = store.folder / "builds" / second / "passages.json"
    passages.write_bytes(passages.read_bytes() + b" ")
    with pytest.raises(CorruptIndex, match=r"passages\.json : contenu modifié"):
        store.rollback()
    with pytest.raises(CorruptIndex):
        store.publish(second)
    for change in (store.publish, store.touch):
        with pytest.raises(UnknownBuild, match="abc"):
            change("abc")
    assert store.current_id() == third
    assert [was.build_id for was in store.history()] == three


def test_a_crash_between_history_and_pointer_is_no_publication(store, three):  # noqa: F811
    first, second, third = three
    (store.folder / "current").write_text(second + "\n", encoding="ascii")  # as if killed before `third` went live
    assert [was.build_id for was in store.history()] == [first, second]
    assert store.rollback() == first
    assert store.rollback() == second
    store.publish(third)
    assert store.previous_id() == second


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_damaged_history_is_a_short_one(store, three, content):  # noqa: F811
    (store.folder / "history.json").write_bytes(content)
    assert [was.build_id for was in store.history()] == three[2:]
    store.publish(three[0])
    assert store.rollback() == three[2]


def test_pruning_keeps_what_is_live_and_what_was_before_others(store, three):  # noqa: F811
    first, second, third = three
    store.publish(first)
    assert store.prune(2) == (second,)
    assert set(store.build_ids()) == {first, third}
    assert store.prune(1) == (third,)
    assert store.build_ids() == (first,)


HOLD = """
import sys
from pathlib import Path
from index.store import Store
with getattr(Store(Path(sys.argv[1])), sys.argv[2])():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(store, lock):  # noqa: F811
    command = [sys.executable, "-c", HOLD, store.folder, lock]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.kill()


def test_while_another_process_builds_none_is_made_or_deleted_and_what_is_live_may_change(store, three):  # noqa: F811
    first, second, third = three
    draft = store.folder / "builds" / ".abc-1234"
    with held_by_another(store, "lock"):
        draft.mkdir()
        for change in (lambda: store.prune(1), lambda: store.touch(first)):
            with pytest.raises(BusyIndex, match="revenir à celui d’avant, se fait sans attendre"):
                change()
        assert store.rollback() == second
        store.publish(first)
        assert store.current_id() == first
        assert draft.exists(), "what the other is writing stays"
    assert store.rollback() == second
    assert store.prune(1) == (first, third)  # the system released the lock
    assert not draft.exists()


def test_changes_of_what_is_live_wait_for_each_other(store, three, monkeypatch):  # noqa: F811
    with ThreadPoolExecutor() as threads, held_by_another(store, "live_lock"):
        monkeypatch.setattr("index.store._LIVE_WAIT_S", 0.1)
        for change in (store.rollback, lambda: store.publish(three[0]), lambda: store.prune(1)):
            with pytest.raises(BusyIndex, match="Quelqu’un d’autre change en ce moment"):
                change()
        assert store.current_id() == three[2]
        monkeypatch.setattr("index.store._LIVE_WAIT_S", 60.0)
        waiting = threads.submit(store.rollback)
        assert not wait([waiting], timeout=0.3).done
    assert waiting.result() == three[1]


def test_the_history_is_a_readable_file(store, three):  # noqa: F811
    kept = json.loads((store.folder / "history.json").read_text(encoding="utf-8"))
    assert [entry["build_id"] for entry in kept] == three
    assert Store(store.folder).previous_id() == three[1]
