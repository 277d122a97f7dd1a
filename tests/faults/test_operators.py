"""Two operators at once, a corpus that changes while it is read, a clock that goes back."""

import os
import random
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from index.errors import IndexStoreError
from index.store import Store
from tests.faults.operators import Job, Operator
from tests.faults.town import ANSWER, KEEP, answer, journal, leftovers, listed_builds_are_whole, write_town

Counts = dict[str, Counter[str]]


def test_two_operators(
    tmp_path: Path, operator: Operator, other_operator: Operator, counts: Counts, is_long: bool
) -> None:
    """One builds; the other builds, publishes others' builds and prunes; someone reads the live build all the time."""
    corpus, other_corpus = write_town(tmp_path / "corpus"), write_town(tmp_path / "other", 1000)
    store = Store(tmp_path / "index")
    assert operator.do(Job(str(corpus), str(store.folder))).status == 0
    stop, read, failed = threading.Event(), Counter[str](), []

    def ask() -> None:
        while not stop.is_set():
            try:
                assert answer(store).startswith(ANSWER)
                read["answers"] += 1
            except (IndexStoreError, AssertionError) as error:
                failed.append(repr(error))
            time.sleep(0.02)

    reader = threading.Thread(target=ask)
    reader.start()
    try:
        for number in range(1, 61 if is_long else 6):
            write_town(corpus, number)
            write_town(other_corpus, 1000 + number)
            operator.begin(Job(str(corpus), str(store.folder)))
            other_operator.begin(
                Job(str(other_corpus), str(store.folder), do=("build", "switch", "rollback", "prune")[number % 4])
            )
            done = [operator.end(), other_operator.end()]
            # Where the other's builds were refused the lock, one build alone was live: there is none to go back to.
            # A build during which the other changed what is live is kept, and not published.
            assert {one.error for one in done} <= {"", "BusyIndex", "MissingIndex", "RefusedBuild"}, done
            assert any(one.error != "BusyIndex" for one in done)
            assert all("a changé l’index en service" in one.message for one in done if one.error == "RefusedBuild")
            read["busy"] += sum(one.error == "BusyIndex" for one in done)
            read["kept back"] += sum(one.error == "RefusedBuild" for one in done)
            read["rounds"] += 1
            assert listed_builds_are_whole(store)
    finally:
        stop.set()
        reader.join()
    assert failed == []
    assert operator.do(Job(str(corpus), str(store.folder), full=True)).status == 0
    assert leftovers(store) == []
    assert len(store.build_ids()) <= KEEP + 1
    counts["two operators"] += read
    counts["two operators"]["answers that failed"] = 0


def test_a_rollback_while_a_build_is_made(
    tmp_path: Path, operator: Operator, other_operator: Operator, counts: Counts, is_long: bool
) -> None:
    """It waits for nothing, and whenever it comes, the build never undoes it: it went live before, or is kept back."""
    corpus, store = write_town(tmp_path / "corpus"), Store(tmp_path / "index")
    job = Job(str(corpus), str(store.folder))
    assert operator.do(job).status == 0
    write_town(corpus, 1)
    assert operator.do(job).status == 0
    for number in range(2, 62 if is_long else 8):
        write_town(corpus, number)
        before = store.previous_id()
        operator.begin(job)
        time.sleep(random.uniform(0.0, 0.3))
        back = other_operator.do(replace(job, do="rollback"))
        assert (back.status, back.error) == (0, ""), back
        live = store.current_id()
        done = operator.end()
        made = done.build_id or store.build_ids()[0]
        if done.error:
            assert done.error == "RefusedBuild"
            assert "a changé l’index en service" in done.message
            assert (store.current_id(), live) == (before, before)
            counts["rollback during a build"]["kept back"] += 1
        else:  # it went live before the rollback, which then took it back, or began after it
            assert store.current_id() in (live, made)
            counts["rollback during a build"]["published"] += 1
        assert listed_builds_are_whole(store)
        assert answer(store).startswith(ANSWER)


def test_a_corpus_that_changes_while_it_is_read(
    tmp_path: Path, operator: Operator, counts: Counts, is_long: bool
) -> None:
    corpus, store = write_town(tmp_path / "corpus"), Store(tmp_path / "index")
    job = Job(str(corpus), str(store.folder))
    stop, written = threading.Event(), [0]

    def edit() -> None:
        while not stop.is_set():
            written[0] += 1
            draft = corpus / ".journal.md"
            draft.write_text(journal(written[0]), encoding="utf-8")
            draft.replace(corpus / "journal.md")
            time.sleep(0.001)

    editor = threading.Thread(target=edit)
    editor.start()
    held: dict[str, str] = {}
    try:
        for _ in range(30 if is_long else 4):
            done = operator.do(job)
            assert done.status == 0, done
            text = store.load().documents["journal"].text
            assert text in {journal(number).split("\n\n")[1].strip() for number in range(written[0] + 1)} or any(
                f"Le numéro {number} du journal parle de {number * 7} sujets." in text
                for number in range(written[0] + 2)
            )
            assert held.setdefault(done.build_id, text) == text  # an id stands for one content
            counts["changing corpus"]["builds"] += 1
    finally:
        stop.set()
        editor.join()
    last = operator.do(job)
    assert f"Le numéro {written[0]} du journal" in store.load().documents["journal"].text
    assert store.current_id() == last.build_id
    counts["changing corpus"]["edits meanwhile"] += written[0]


def test_a_clock_that_goes_back(tmp_path: Path, operator: Operator, counts: Counts) -> None:
    """Builds, files and the live one seem to come from the future: what was just made and what is live stay."""
    corpus, store = write_town(tmp_path / "corpus"), Store(tmp_path / "index")
    job = Job(str(corpus), str(store.folder))
    for number in range(5):
        write_town(corpus, number)
        done = operator.do(job)
        assert (done.status, store.current_id()) == (0, done.build_id)
        assert done.build_id in store.build_ids()
        assert len(store.build_ids()) <= KEEP + 1
        assert answer(store).startswith(ANSWER)
        future = time.time() + 86_400 * (10 - number)  # each build earlier than the one before
        for path in (*store.folder.rglob("*"), *corpus.rglob("*")):
            os.utime(path, (future, future))
        assert operator.do(job).unchanged
        counts["clock going back"]["builds"] += 1
