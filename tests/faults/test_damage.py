"""Files that were changed, cut or lost: noticed whenever the build is read, never served, mended by the next build."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.errors import CorruptIndex, ForeignIndex, MissingIndex
from index.store import Store
from tests.faults.operators import Job, Operator
from tests.faults.town import ANSWER, answer, leftovers, write_town

Counts = dict[str, Counter[str]]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_town(tmp_path / "corpus")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "index")


def damages(whole: bytes, chance: random.Random, flips: int) -> Iterator[tuple[str, bytes | None]]:
    """What may become of a file: its name among the counts, and its bytes, None where it is gone."""
    places = {0, len(whole) // 2, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(flips))}
    for place in sorted(places):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        yield "bits flipped", bytes(changed)
    for length in {len(whole) // 2, len(whole) - 1}:
        yield "cut short", whole[:length]
    yield "emptied", b""
    yield "bytes added", whole + b"\0"
    yield "zeros from the middle on", whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)
    yield "deleted", None


def test_every_file_of_a_build(corpus: Path, store: Store, operator: Operator, counts: Counts, is_long: bool) -> None:
    live = operator.do(Job(str(corpus), str(store.folder))).build_id
    folder = store.folder / "builds" / live
    chance, count = random.Random(3), Counter[str]()
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        whole = path.read_bytes()
        for name, damaged in damages(whole, chance, 200 if is_long else 4):
            if damaged == whole:
                continue
            path.unlink() if damaged is None else path.write_bytes(damaged)
            for read in (store.load, store.check):
                with pytest.raises((CorruptIndex, ForeignIndex), match="make build"):
                    read()
            count[name] += 1
            path.write_bytes(whole)
        path.write_bytes(whole[:-1])
        healed = operator.do(Job(str(corpus), str(store.folder)))
        assert (healed.build_id, healed.unchanged) == (live, False)
        assert path.read_bytes() == whole
        assert answer(store).startswith(ANSWER)
        assert leftovers(store) == []
    assert count["deleted"] == len(paths)
    counts["damaged files"] += count
    counts["damaged files"] += Counter(
        {"files of a build": len(paths), "not noticed": 0, "builds that mended": len(paths)}
    )


def lose_the_build(store: Store) -> None:
    shutil.rmtree(store.folder / "builds" / str(store.current_id()))


def lose_all_builds(store: Store) -> None:
    shutil.rmtree(store.folder / "builds")


def empty_the_build(store: Store) -> None:
    lose_the_build(store)
    (store.folder / "builds" / str(store.current_id())).mkdir()


def put_a_file_in_its_place(store: Store) -> None:
    lose_the_build(store)
    (store.folder / "builds" / str(store.current_id())).write_text("?")


def says(content: bytes) -> Callable[[Store], None]:
    def write(store: Store) -> None:
        (store.folder / "current").write_bytes(content)

    return write


LOST: dict[str, Callable[[Store], None]] = {
    "the live build is gone": lose_the_build,
    "all builds are gone": lose_all_builds,
    "the live build is empty": empty_the_build,
    "the live build is a file": put_a_file_in_its_place,
    "current is gone": lambda store: (store.folder / "current").unlink(),
    "current is empty": says(b""),
    "current names no build": says(b"0123456789abcdef\n"),
    "current names another place": says(b"../../corpus\n"),
    "current is not text": says(bytes(range(256)) * 40),
    "current holds zeros": says(bytes(17)),
    "current is large": says(b"x" * 5_000_000),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost(name: str, corpus: Path, store: Store, operator: Operator, counts: Counts) -> None:
    job = Job(str(corpus), str(store.folder))
    live = operator.do(job).build_id
    LOST[name](store)
    with pytest.raises((CorruptIndex, MissingIndex), match="make build") as caught:
        store.load()
    assert len(str(caught.value)) < 2000
    healed = operator.do(job)
    assert (healed.status, healed.build_id, healed.unchanged) == (0, live, False), healed
    assert answer(store).startswith(ANSWER)
    assert leftovers(store) == []
    counts["lost files"]["kinds, each mended by a build"] += 1
