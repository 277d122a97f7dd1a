"""Operators as real processes: each builds, publishes or prunes, and may be killed at a given moment or starved.

`python -m tests.faults.operators` reads a job from each line of its standard input, does it in a process of its own,
forked so that nothing is imported twice, and writes what became of it as a line of JSON.
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.faults.town import KEEP

__all__ = ["Job", "Operator", "Outcome"]

_ONLY_LOOKS = (
    "stat",
    "lstat",
    "listdir",
    "scandir",
    "getcwd",
    "urandom",
    "sysconf",
    "fspath",
    "getpid",
    "kill",
    "_exit",
)
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Job:
    """What an operator does: `build`; `switch`, to any stored build; `rollback`, or `prune`.

    `kill_at` counts calls of the system from 1: before that one, the process sends itself `signal`. `kill_after_s` is
    when its parent sends it, wherever it is. `file_bytes` is the size that no file may pass. Calls are only counted
    where `notes_calls` or `kill_at` asks for it: that slows a build down.
    """

    corpus: str
    index: str
    do: str = "build"
    full: bool = False
    kill_at: int = 0
    kill_after_s: float = 0.0
    signal: int = int(signal.SIGKILL)
    file_bytes: int = 0
    notes_calls: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job. `status` is 0, 1 for an error that the operator is told, or the signal, below 0.

    `step` is what the build was at when it was killed, `calls` how many calls of the system there were.
    """

    status: int
    build_id: str = ""
    unchanged: bool = False
    error: str = ""
    message: str = ""
    step: str = ""
    calls: tuple[str, ...] = ()


class Operator:
    """A process that does jobs, one after the other. Two of them work at the same time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.operators"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
        )

    def begin(self, job: Job) -> None:
        """Start a job."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()

    def end(self) -> Outcome:
        """Wait for the job that was begun."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the operators' process ended with {self._process.poll()}"
        values = json.loads(line)
        return Outcome(**{**values, "calls": tuple(values["calls"])})

    def do(self, job: Job) -> Outcome:
        """A job from start to end."""
        self.begin(job)
        return self.end()

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


class _Calls:
    """Notes each call of the system that changes or reads files, and kills before the one wanted."""

    def __init__(self, job: Job, report: int) -> None:
        self.names: list[str] = []
        self._job = job
        self._report = report

    def __call__(self, frame: Any, event: str, function: Any) -> None:
        if event != "c_call" or not _is_of_the_system(function):
            return
        self.names.append(f"{function.__name__} {_step(frame)}")
        if len(self.names) == self._job.kill_at:
            os.write(self._report, json.dumps({"step": _step(frame)}).encode())
            os.kill(os.getpid(), self._job.signal)


def _is_of_the_system(function: Any) -> bool:
    module, owner = getattr(function, "__module__", None), type(getattr(function, "__self__", None))
    if module in ("posix", "fcntl"):
        return function.__name__ not in _ONLY_LOOKS
    return function.__name__ in ("open", "write", "tofile", "flush", "close", "truncate") and (
        owner.__module__ in ("_io", "numpy") or module == "_io"
    )


def _step(frame: Any) -> str:
    """What `build_index` was calling: the outermost function under it that changes with the work."""
    names = []
    while frame is not None and frame.f_code.co_name != "build_index":
        if not frame.f_code.co_name.startswith("__"):
            names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[-1] if frame is not None and names else "build_index"


def _work(job: Job, report: int) -> int:
    """Do a job in this process and report on it; the exit status."""
    from index.build import build_index
    from index.errors import IndexStoreError
    from index.store import Store
    from ingest.errors import IngestError
    from tests.word_encoder import WordEncoder

    if job.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_bytes, job.file_bytes))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error of the write, as with a quota
    store = Store(Path(job.index))
    calls = _Calls(job, report)
    found: dict[str, Any] = {}
    if job.kill_at or job.notes_calls:
        sys.setprofile(calls)
    try:
        if job.do == "build":
            made = build_index(
                *(Path(job.corpus), store, WordEncoder),
                model="words",
                revision="1",
                max_passage_tokens=64,
                keep_builds=KEEP,
                full=job.full,
            )
            found = {"build_id": made.build_id, "unchanged": made.unchanged}
        elif job.do == "switch":
            store.publish(random.choice(store.build_ids()))
        elif job.do == "rollback":
            store.rollback()
        else:
            store.prune(KEEP)
    except (IndexStoreError, IngestError) as error:
        found = {"error": type(error).__name__, "message": str(error)}
    finally:
        sys.setprofile(None)
    os.write(report, json.dumps({**found, "calls": calls.names}).encode())
    return 1 if "error" in found else 0


def _in_a_process(job: Job) -> Outcome:
    reading, report = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            os._exit(_work(job, report))
        except KeyboardInterrupt:
            os._exit(130)
        except BaseException as error:
            os.write(report, json.dumps({"error": type(error).__name__, "message": str(error)}).encode())
            os._exit(2)
    os.close(report)
    said = b""
    if job.kill_after_s:
        time.sleep(job.kill_after_s)
        os.kill(child, job.signal)  # a child that ended is still there until it is waited for
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Outcome(**{"calls": (), **(json.loads(said) if said else {}), "status": status})


def _serve() -> None:
    for name in ("bm25s", "faiss", "index.build", "ingest.check", "tests.word_encoder"):
        import_module(name)
    assert threading.active_count() == 1  # or a fork might leave a lock held
    for line in sys.stdin:
        print(json.dumps(asdict(_in_a_process(Job(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    _serve()
