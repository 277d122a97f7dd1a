"""A server in service while its index is damaged, lost, replaced and built by killed commands: every question is
answered, in words that stand in the documents of the build that answers."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from index.build import build_index
from index.encoder import Encoder
from index.store import Store
from tests.faults.serving import ROOT, Asker, asking, loos, serving
from tests.faults.town import leftovers, listed_builds_are_whole, write_town

Counts = dict[str, Counter[str]]

POLL_S = 2.5
"""A server looks every two seconds whether another build is live."""


class Town:
    """A town with an index of the real model."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.corpus = write_town(folder / "corpus")
        self.store = Store(folder / "index")
        self._encoder = encoder

    def build(self, version: int) -> str:
        write_town(self.corpus, version)
        return build_index(
            self.corpus,
            self.store,
            lambda: self._encoder,
            model=self._encoder.name,
            revision=self._encoder.revision,
            max_passage_tokens=200,
        ).build_id

    def damage(self, build_id: str) -> int:
        """Flip bits of every file of a build and cut the half off, in place: how many files that were."""
        files = [path for path in (self.store.folder / "builds" / build_id).rglob("*") if path.is_file()]
        for path in files:
            with path.open("rb+") as file:
                data = file.read()
                file.seek(0)
                file.write(bytes(byte ^ 0x55 for byte in data[: len(data) // 2]))
                file.truncate()
        return len(files)


@pytest.fixture
def town(tmp_path: Path, encoder: Encoder) -> Town:
    return Town(tmp_path, encoder)


def test_a_server_answers_whatever_becomes_of_its_index(town: Town, tmp_path: Path, counts: Counts) -> None:
    store, current = town.store, town.store.folder / "current"
    first = town.build(0)
    with serving(store.folder, tmp_path / "serve.log") as port, asking(port) as asker:
        asker.know(store)
        asker.hear(build_id=first)
        counts["live server"]["files damaged in place"] += town.damage(first)
        asker.hear()
        shutil.rmtree(store.folder / "builds")
        asker.hear()
        current.write_bytes(b"\xff" * 100)
        time.sleep(POLL_S)
        asker.hear()
        current.unlink()
        time.sleep(POLL_S)
        asker.hear(build_id=first)

        second = town.build(1)
        asker.know(store)
        asker.hear(build_id=second)

        third = town.build(2)
        asker.know(store)
        asker.hear(build_id=third)
        town.damage(second)
        current.write_text(second)  # as a rollback by hand would
        time.sleep(POLL_S)
        asker.hear(build_id=third)
        healed = town.build(3)
        asker.know(store)
        asker.hear(build_id=healed)
    assert asker.errors == []
    assert asker.wrong() == []
    assert "est abîmé" in (tmp_path / "serve.log").read_text()  # the operator is told
    count(counts, asker)


def test_a_server_answers_while_builds_are_killed(town: Town, tmp_path: Path, counts: Counts, is_long: bool) -> None:
    """By the real command, which reads questions, calibrates and reports besides."""
    if not is_long:
        pytest.skip("only with --long: half a minute a kill")
    chance, store = random.Random(5), town.store
    town.build(0)
    command = loos("build", "--corpus", town.corpus, "--index", store.folder)
    environment = os.environ | {"LOOS_KEEP_BUILDS": "3", "LOOS_READING_MS": "300"}
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    takes_s = time.monotonic() - started
    with serving(store.folder, tmp_path / "serve.log") as port, asking(port) as asker:
        asker.know(store)
        for version in range(1, 16):
            write_town(town.corpus, version)
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(chance.uniform(0.3, 1.05) * takes_s)
            how = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
            process.send_signal(how)
            counts["loos build stopped"][how.name if process.wait() else "had ended"] += 1
            asker.know(store)
            assert listed_builds_are_whole(store)
            if version % 3 == 0:
                subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
                asker.hear(build_id=asker.know(store))
                assert [name for name in leftovers(store) if "-" in name] == []
                counts["loos build stopped"]["next builds that worked"] += 1
    assert asker.errors == []
    assert asker.wrong() == []
    count(counts, asker)


def count(counts: Counts, asker: Asker) -> None:
    counts["live server"] += Counter({"answers": len(asker.replies), "builds that answered": len(asker.texts)})
    counts["live server"]["errors"] = len(asker.errors)
    counts["live server"]["quotes that are not in their document"] = len(asker.wrong())
