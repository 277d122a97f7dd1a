"""What people say of answers, where the operator chose to keep it: one file a day, and none after so many days."""

import json
import logging
import re
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from chatbot.settings import Settings

__all__ = ["Feedback"]

log = logging.getLogger(__name__)

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_KEPT = ("question", "useful", "reason", "build")
_MOST_A_DAY = 5_000_000
"""How large the file of a day may grow, in bytes: a flood of opinions must not fill the disk."""


class Feedback:
    """Keeps opinions as lines of JSON in the folder of the settings, in a file named for the day.

    Of a person nothing is kept: no address, and of the time only the day. Threads may share it.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.feedback
        self.days = settings.feedback_days
        self._lock = threading.Lock()

    def keep(self, question: str, build: str, reason: str, *, is_useful: bool) -> bool:
        """Keep an opinion. Whether it was kept: not where none are, or today's file is full."""
        if not self.days:
            return False
        said = {"question": question, "useful": is_useful, "reason": reason, "build": build}
        line = json.dumps(said, ensure_ascii=False) + "\n"
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._folder / f"{date.today().isoformat()}.jsonl"
            if file.is_file() and file.stat().st_size > _MOST_A_DAY:
                return False
            with file.open("a", encoding="utf-8") as opened:
                opened.write(line)
        return True

    def opinions(self) -> Iterator[dict[str, Any]]:
        """What is kept, oldest first: `day`, `question`, `useful`, `reason`, `build`. A damaged line is left out."""
        for file in sorted(self._folder.glob("*.jsonl")):
            if not (day := _day_of(file)):
                continue
            for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
                try:
                    kept = json.loads(line)
                    yield {"day": day.isoformat(), **{name: kept[name] for name in _KEPT}}
                except (ValueError, TypeError, KeyError):
                    if line:
                        log.warning("a line of %s is damaged and left out", file)

    def drop_old(self) -> None:
        """Delete the files of days that are over. Where no opinions are taken any more, what is there is the operator's
        to delete."""
        if not self.days:
            return
        oldest = date.today() - timedelta(days=self.days - 1)
        for file in self._folder.glob("*.jsonl"):
            if (day := _day_of(file)) and day < oldest:
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    log.error("opinions that are too old could not be deleted: %s", error)


def _day_of(file: Path) -> date | None:
    """The day that a file is named for, None where it has another name: it is none of ours."""
    try:
        return date.fromisoformat(file.stem) if _DAY.fullmatch(file.stem) else None
    except ValueError:
        return None
