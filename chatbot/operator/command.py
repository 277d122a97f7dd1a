"""A command that operators type, a rebuild or a crawl, run as a child process one at a time, with its progress."""

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Command", "State", "Step"]

log = logging.getLogger(__name__)

_SAID_LINES = 200
_NICENESS = 10
"""The public page, in another process, goes first."""
_PATIENCE_S = 30.0
"""How long a command that is asked to stop may take to do so, in seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a part of the work is. `remaining_s` is None where it is not known."""

    what: str
    done: int
    total: int
    remaining_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A run: going on, or how it ended. `result` is what the command gave, None where it failed or goes on.

    `said` is what it wrote besides, in French. Times are those of `time.time`.
    """

    number: int = 0
    is_running: bool = False
    is_stopping: bool = False
    started_at: float = 0.0
    ended_at: float = 0.0
    steps: tuple[Step, ...] = ()
    result: dict[str, Any] | None = None
    said: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it has been going on, or went on."""
        return (time.time() if self.is_running else self.ended_at) - self.started_at


class Command:
    """Runs a command that writes its progress as lines of JSON on stderr, and its result as JSON on stdout.

    `good` are the exit statuses after which the result counts.
    """

    def __init__(self, command: Sequence[str], good: Collection[int] = (0,)) -> None:
        self._command = list(command)
        self._good = frozenset(good)
        self._name = self._command[3] if self._command[1:2] == ["-m"] else self._command[0]
        self._state = State()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """How far it is."""
        return self._state

    def start(self, *options: str) -> bool:
        """Begin, unless one is going on already. Whether it began."""
        with self._lock:
            if self._state.is_running:
                return False
            self._process = subprocess.Popen(
                [*self._command, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl+C in the terminal of the page is not one for the command
            )
            self._state = State(self._state.number + 1, is_running=True, started_at=time.time())
            with suppress(OSError):  # already nicer than that, or gone
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
        threading.Thread(target=self._follow, args=(self._process,), name="loos-command", daemon=True).start()
        return True

    def cancel(self) -> None:
        """Ask it to stop, as Ctrl+C does: what is done is kept for the next one."""
        with self._lock:
            process = self._process
            if process is None or not self._state.is_running or self._state.is_stopping:
                return
            self._state = replace(self._state, is_stopping=True)
            process.send_signal(signal.SIGINT)
        timer = threading.Timer(_PATIENCE_S, process.kill)
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """Stop it, and return once it is over."""
        self.cancel()
        if self._process is not None:
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        out, told = process.stdout, process.stderr
        assert out is not None
        assert told is not None
        written: list[str] = []
        reading = threading.Thread(target=lambda: written.append(out.read()), daemon=True)
        reading.start()
        for line in told:
            step = _step(line)
            with self._lock:
                if step:
                    others = tuple(other for other in self._state.steps if other.what != step.what)
                    self._state = replace(self._state, steps=(*others, step))
                elif line.strip():
                    self._state = replace(self._state, said=(*self._state.said, line.rstrip("\n"))[-_SAID_LINES:])
        reading.join()
        status = process.wait()
        out.close()
        told.close()
        result = _result("".join(written)) if status in self._good else None
        with self._lock:
            self._state = replace(self._state, is_running=False, ended_at=time.time(), result=result)
        log.info("« %s » ended with status %d after %.0f s", self._name, status, self._state.seconds)


def _step(line: str) -> Step | None:
    """The progress that a line tells of, None where it is a line of text."""
    try:
        told = json.loads(line)
        remaining = told.get("remaining_s")
        return Step(
            str(told["what"]), int(told["done"]), int(told["total"]), None if remaining is None else float(remaining)
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _result(written: str) -> dict[str, Any] | None:
    try:
        result = json.loads(written)
    except ValueError:
        return None
    return result if isinstance(result, dict) else None
