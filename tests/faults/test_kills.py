"""Builds that are killed: at any moment the live build stands, the next build works, and nothing piles up."""

import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.store import Store
from tests.faults.operators import Job, Operator, Outcome
from tests.faults.town import ANSWER, KEEP, answer, leftovers, listed_builds_are_whole, write_town

Counts = dict[str, Counter[str]]

DECISIVE = ("lock", "write", "_decided", "_prune")
"""The steps that change the index folder: each call of theirs is a moment to be killed at."""
AT_TIMES = 5
"""One of so many kills comes at a random time instead, wherever the process is then: most of it computes."""


class Town:
    """A town that builds its index again and again, each time with another version of its documents."""

    def __init__(self, folder: Path, operator: Operator) -> None:
        self.corpus = write_town(folder / "corpus")
        self.store = Store(folder / "index")
        self.version = 0
        self._operator = operator

    def change(self) -> None:
        self.version += 1
        write_town(self.corpus, self.version)

    def build(self, **job: object) -> Outcome:
        return self._operator.do(Job(str(self.corpus), str(self.store.folder), **job))  # type: ignore[arg-type]

    def check_next_build(self) -> Outcome:
        """The next build works, is live, and leaves nothing behind."""
        done = self.build()
        assert (done.status, done.error) == (0, ""), done
        assert self.store.current_id() == done.build_id
        self.check_live(done.build_id)
        if not done.unchanged:
            assert leftovers(self.store) == []
            assert len(self.store.build_ids()) <= KEEP + 1
        return done

    def check_live(self, *may_be: str) -> None:
        assert self.store.current_id() in may_be
        assert answer(self.store).startswith(ANSWER)
        assert listed_builds_are_whole(self.store)


@pytest.fixture
def town(tmp_path: Path, operator: Operator) -> Town:
    return Town(tmp_path, operator)


def moments(calls: tuple[str, ...], chance: random.Random, is_long: bool) -> Iterator[dict[str, float]]:
    """Where to kill: at each decisive call once, in random order, then anywhere; now and then at a time instead."""
    decisive = [place for place, call in enumerate(calls, start=1) if call.split()[1] in DECISIVE]
    chance.shuffle(decisive)
    if not is_long:  # what makes a build visible is always among the moments tried
        turning = [place for place in decisive if calls[place - 1].split()[0] in ("rename", "replace")]
        decisive = [*turning, *(place for place in decisive if place not in turning)]
    number = 0
    while True:
        number += 1
        if number % AT_TIMES == 0:
            yield {"kill_after_s": chance.uniform(0.005, 0.4)}
        else:
            yield {"kill_at": decisive.pop(0) if decisive else chance.randint(1, len(calls))}


def test_a_build_killed_at_any_moment(town: Town, counts: Counts, is_long: bool) -> None:
    wanted, chance = 200 if is_long else 12, random.Random(7)
    live = town.check_next_build().build_id
    for _ in range(KEEP):  # from here on, builds are pruned too
        town.change()
        done = town.build(notes_calls=True)
        live = done.build_id
    steps: Counter[str] = Counter()
    for moment in moments(done.calls, chance, is_long):
        town.change()
        killed = town.build(**moment)
        if killed.status != -signal.SIGKILL:
            assert killed.status == 0
            live = killed.build_id
            continue
        steps[killed.step or "at a random time"] += 1
        counts["kill -9"]["new build live"] += town.store.current_id() != live
        published = town.store.current_id() or ""
        town.check_live(live, published)
        assert len(leftovers(town.store)) <= 2 * KEEP  # of this kill alone
        live = town.check_next_build().build_id
        assert published in (live, *town.store.build_ids())
        if steps.total() == wanted:
            break
    counts["kill -9"] += Counter({"kills": wanted, "next builds that failed": 0, "live builds that were hurt": 0})
    counts["kill -9 by step"] += steps


def test_kills_in_a_row_do_not_pile_up(town: Town, counts: Counts, is_long: bool) -> None:
    chance = random.Random(11)
    live = town.check_next_build().build_id
    calls = town.build(full=True, notes_calls=True).calls
    writing = [place for place, call in enumerate(calls, start=1) if call == "fsync write"]
    most = 0
    for _ in range(20 if is_long else 3):
        town.change()
        assert town.build(kill_at=chance.choice(writing)).status == -signal.SIGKILL
        town.check_live(live)
        most = max(most, len([name for name in leftovers(town.store) if "-" in name]))
    assert most == 1
    counts["kill -9"]["drafts left at most"] = most
    town.check_next_build()


def test_the_first_build_killed(town: Town, counts: Counts, is_long: bool) -> None:
    calls = town.build(notes_calls=True).calls
    folders = 0
    for place in range(len(calls), 0, -7 if is_long else -150):
        town.store = Store(town.store.folder.with_name(f"index-{folders}"))
        folders += 1
        killed = town.build(kill_at=place)
        if killed.status == 0:
            continue
        assert listed_builds_are_whole(town.store)
        if town.store.current_id() is not None:
            town.check_live(*town.store.build_ids())
        town.check_next_build()
        counts["kill -9"]["kills of a first build"] += 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_stopped(town: Town, counts: Counts, is_long: bool, how: signal.Signals) -> None:
    chance = random.Random(int(how))
    live = town.check_next_build().build_id
    calls = len(town.build(full=True, notes_calls=True).calls)
    for _ in range(25 if is_long else 2):
        town.change()
        stopped = town.build(kill_at=chance.randint(1, calls - 5), signal=int(how))
        assert stopped.status == (130 if how == signal.SIGINT else -how)
        town.check_live(live, town.store.current_id() or "")
        if how == signal.SIGINT:
            assert [name for name in leftovers(town.store) if town.version and not name.endswith("-old")] == []
        live = town.check_next_build().build_id
        counts["stopped"][how.name] += 1
