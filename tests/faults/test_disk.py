"""A disk that is full, a folder that may not be written: an error that says so, and the live build stands."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.store import Store
from tests.faults.operators import Job, Operator
from tests.faults.town import ANSWER, answer, leftovers, listed_builds_are_whole, write_town

Counts = dict[str, Counter[str]]


def used_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB and 200 names, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=200", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def check(store: Store, live: str | None) -> None:
    assert store.current_id() == live
    assert answer(store).startswith(ANSWER)
    assert listed_builds_are_whole(store)
    assert leftovers(store) == []


def test_a_full_disk(tmp_path: Path, small_disk: Path, operator: Operator, counts: Counts, is_long: bool) -> None:
    corpus, store, full = write_town(tmp_path / "corpus"), Store(small_disk / "index"), small_disk / "full"
    job = Job(str(corpus), str(store.folder))
    live = operator.do(job).build_id
    needed = used_bytes(store.folder)
    levels = 40 if is_long else 4
    refused = 0
    for level in range(levels + 1):
        write_town(corpus, level + 1)
        free = level * int(1.3 * needed) // levels // 4096 * 4096
        disk = os.statvfs(small_disk)
        full.write_bytes(bytes(disk.f_bavail * disk.f_frsize - free))
        done = operator.do(job)
        if done.error:
            assert done.error == "UnwritableIndex"
            assert (
                "il n’y a plus de place sur le disque" in done.message
                or "le disque est sans doute plein" in done.message
            )
            assert "L’index en service n’a pas changé" in done.message
            refused += 1
        else:
            assert done.status == 0
            live = done.build_id
        check(store, live)
        full.unlink()
        healed = operator.do(job)
        assert healed.status == 0, healed
        live = healed.build_id
        check(store, live)
    assert 0 < refused <= levels
    counts["full disk"] += Counter({"fill levels": levels + 1, "refused with a reason": refused, "live build hurt": 0})


def test_a_disk_without_room_for_another_name(
    tmp_path: Path, small_disk: Path, operator: Operator, counts: Counts, is_long: bool
) -> None:
    corpus, store, names = write_town(tmp_path / "corpus"), Store(small_disk / "index"), small_disk / "names"
    job = Job(str(corpus), str(store.folder))
    live = operator.do(job).build_id
    for left in range(0, 24, 1 if is_long else 12):
        write_town(corpus, left + 1)
        names.mkdir()
        for number in range(os.statvfs(small_disk).f_ffree - left):
            (names / str(number)).touch()
        done = operator.do(job)
        if done.error:
            assert done.error == "UnwritableIndex"
            assert "il n’y a plus de place sur le disque" in done.message
        else:
            live = done.build_id
        check(store, live)
        shutil.rmtree(names)
        live = operator.do(job).build_id
        check(store, live)
        counts["full disk"]["levels of free names"] += 1


def test_a_limit_on_the_size_of_files(tmp_path: Path, operator: Operator, counts: Counts, is_long: bool) -> None:
    """What a quota does, in the middle of a file, where nobody may mount a small disk."""
    corpus, store = write_town(tmp_path / "corpus"), Store(tmp_path / "index")
    live = operator.do(Job(str(corpus), str(store.folder))).build_id
    largest = max(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    steps = 20 if is_long else 3
    for step in range(1, steps):
        write_town(corpus, step)
        done = operator.do(Job(str(corpus), str(store.folder), file_bytes=largest * step // steps))
        assert done.error == "UnwritableIndex", done
        assert "le fichier est trop gros" in done.message or "le disque est sans doute plein" in done.message
        check(store, live)
        live = operator.do(Job(str(corpus), str(store.folder))).build_id
        check(store, live)
        counts["full disk"]["limits on a file's size"] += 1


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder that may not be written: permissions do not hold for root, a mount does."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    if subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode != 0:
        pytest.skip("root may not mount here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("where", ["", "builds"])
def test_a_folder_that_may_not_be_written(where: str, tmp_path: Path, operator: Operator, counts: Counts) -> None:
    corpus, store = write_town(tmp_path / "corpus"), Store(tmp_path / "index")
    job = Job(str(corpus), str(store.folder))
    live = operator.do(job).build_id
    write_town(corpus, 1)
    with closed(store.folder / where):
        refused = operator.do(job)
        assert refused.error == "UnwritableIndex", refused
        assert re.search(
            r"(le disque est en lecture seule|l’accès est refusé).*L’index en service n’a pas changé", refused.message
        )
        check(store, live)
    healed = operator.do(job)
    assert healed.status == 0
    check(store, healed.build_id)
    counts["read-only folder"]["refused with a reason"] += 1
