"""Fifty people ask for a minute while another build is published twenty times: nobody may notice.

    make swap            # an index must be there: make build
    .venv/bin/python -m tests.load.swap_under_load [--seconds 60] [--askers 50] [--publishes 20] [--write]

A real `loos serve` answers from two real builds in turn: that of the corpus, and that of a copy in which every document
begins with one more section, so that no quote stands where it stood, one has other figures, one is gone and one is new.
Each person asks over `/api/ask`, by the plain form (`/ask?q=`) and on the page (Gradio's stream), goes on with a
follow-up question, and opens the sources of this and of earlier answers. Every answer is compared with the build it
names, every source with what the builds hold. Fails (exit status 1) on any error or mixture. `--write` puts the figures
under `swap` in results/figures.json.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from chatbot.settings import load_settings
from index import Build, Store
from tests.browser.conftest import ROOT, Site, running
from tests.evaluation.evaluate import FIGURES, as_text
from tests.load.checks import Link, check_html, check_json, check_source, final_reply

__all__ = ["VERSION", "Result", "asking_function", "second_version", "streamed", "swap_under_load"]

COMMAND = "make swap (python -m tests.load.swap_under_load --write)"
VERSION = "Ce document est dans sa seconde version."
"""Stands in every document of the second build, and in none of the first."""
FOLLOW_UPS = ("Et pour l'énergie ?", "Et quand ?", "Pourquoi ?")
_REMEMBERED = 20
"""How many links each person keeps, to open them when another build may be live."""


@dataclass
class Result:
    """What came of it: how often each thing was done and how long it took, what went wrong, how long swaps took."""

    times: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By kind, when each request began and how many seconds it took."""
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    swaps: list[tuple[float, float]] = field(default_factory=list)
    """When each build was published, and how many seconds later it was served."""
    memory_mib: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """As they are committed."""
        kinds = {}
        for kind, times in sorted(self.times.items()):
            kinds[kind] = _percentiles([taken for _, taken in times]) | {"requests": len(times)}
        during = [
            taken
            for kind, times in self.times.items()
            if kind != "health"
            for began, taken in times
            if any(began < at + after and at < began + taken for at, after in self.swaps)
        ]
        between = [
            taken
            for kind, times in self.times.items()
            if kind != "health"
            for began, taken in times
            if not any(began < at + after and at < began + taken for at, after in self.swaps)
        ]
        return {
            "requests": sum(len(times) for kind, times in self.times.items() if kind != "health"),
            "errors_or_mixed": len(self.errors),
            "publishes": len(self.swaps),
            "served_after_s": _percentiles([after for _, after in self.swaps], unit=1, name="s"),
            "while_swapping": _percentiles(during),
            "between_swaps": _percentiles(between),
            "kinds": kinds,
            "sources": dict(sorted(self.counts.items())),
            "memory_mib": {name: round(value, 1) for name, value in self.memory_mib.items()},
        }


def swap_under_load(
    site: Site,
    store: Store,
    builds: Sequence[str],
    questions: Sequence[str],
    seconds: float,
    askers: int,
    publishes: int,
) -> Result:
    """What came of so many people asking for so long while two builds were published in turn so many times."""
    loaded = {build_id: store.load(build_id) for build_id in builds}
    result = Result()
    result.memory_mib["before"] = _memory(site.pid, "VmRSS")
    asyncio.run(_all(site, store, loaded, questions, seconds, askers, publishes, result))
    result.memory_mib |= {"after": _memory(site.pid, "VmRSS"), "peak": _memory(site.pid, "VmHWM")}
    return result


async def _all(
    site: Site,
    store: Store,
    builds: dict[str, Build],
    questions: Sequence[str],
    seconds: float,
    askers: int,
    publishes: int,
    result: Result,
) -> None:
    over = asyncio.Event()
    limits = httpx.Limits(max_connections=2 * askers + 10, max_keepalive_connections=askers)
    async with httpx.AsyncClient(base_url=site.address, timeout=120, limits=limits, trust_env=False) as client:
        asking = await asking_function(client)
        people = [_Person(client, builds, asking, questions, result, number) for number in range(askers)]
        tasks = [asyncio.create_task(person.keep_asking(over)) for person in people]
        tasks.append(asyncio.create_task(_watch_health(client, over, result)))
        await _publish_in_turn(client, store, list(builds), seconds, publishes, result)
        over.set()
        await asyncio.gather(*tasks)


async def _publish_in_turn(
    client: httpx.AsyncClient, store: Store, builds: list[str], seconds: float, publishes: int, result: Result
) -> None:
    """Publish a build, wait until it is served, publish the other one, spread over the time that there is."""
    begun = time.monotonic()
    for number in range(1, publishes + 1):
        await asyncio.sleep(max(0.0, begun + seconds * (number - 0.5) / publishes - time.monotonic()))
        wanted = builds[number % 2]
        published = time.monotonic()
        await asyncio.to_thread(store.publish, wanted)
        while (await client.get("/api/ready")).json()["build_id"] != wanted:
            if time.monotonic() > published + 60:
                result.errors.append(f"{wanted} was not served within a minute")
                return
            await asyncio.sleep(0.05)
        result.swaps.append((published, time.monotonic() - published))
    await asyncio.sleep(max(0.0, begun + seconds - time.monotonic()))


async def _watch_health(client: httpx.AsyncClient, over: asyncio.Event, result: Result) -> None:
    """How long the process takes to say that it is there: whether loading a build holds everything up."""
    while not over.is_set():
        began = time.monotonic()
        await client.get("/api/health")
        result.times.setdefault("health", []).append((began, time.monotonic() - began))
        await asyncio.sleep(0.1)


class _Person:
    """Someone who asks, reads the sources, and asks again."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        builds: dict[str, Build],
        asking: int,
        questions: Sequence[str],
        result: Result,
        number: int,
    ) -> None:
        self._client = client
        self._builds = builds
        self._asking = asking
        self._questions = questions
        self._result = result
        self._chance = random.Random(number)
        self._links: deque[Link] = deque(maxlen=_REMEMBERED)
        self._session = uuid.uuid4().hex
        self._history: list[dict[str, str]] = []

    async def keep_asking(self, over: asyncio.Event) -> None:
        ways: list[Callable[[], Coroutine[Any, Any, list[Link]]]] = [self._by_api, self._by_page, self._by_form]
        turn = self._chance.randrange(len(ways))
        while not over.is_set():
            try:
                links = await ways[turn % len(ways)]()
                self._result.counts["cited"] += len(links)
                self._links.extend(links)
                if self._links:
                    await self._open(self._links[-1])
                    await self._open(self._chance.choice(self._links))
            except Exception as error:  # whatever it is, it is what somebody would have met
                self._result.errors.append(f"{type(error).__name__}: {error}")
            turn += 1

    def _question(self) -> str:
        return self._chance.choice(self._questions)

    async def _by_api(self) -> list[Link]:
        question = self._question()
        follows = self._history and self._chance.random() < 0.3
        body = (
            {"question": self._chance.choice(FOLLOW_UPS), "history": self._history}
            if follows
            else {"question": question}
        )
        response = await self._timed("api", self._client.post("/api/ask", json=body))
        reply = _whole(response).json()
        self._history = [{"question": reply["understood"] or reply["question"], "answer": reply["text"]}]
        return check_json(reply, self._builds)

    async def _by_form(self) -> list[Link]:
        response = await self._timed("form", self._client.get("/ask", params={"q": self._question()}))
        named = re.search(r"\b([0-9a-f]{16})\b(?=[^<]*</p>\s*(?:<form|<section))", _whole(response).text)
        assert named, "the page names no build"
        return check_html(response.text, self._builds, named[1])

    async def _by_page(self) -> list[Link]:
        return check_html(await self._timed("page", self._shown(self._question())), self._builds)

    async def _shown(self, question: str) -> str:
        return final_reply([event async for event in streamed(self._client, self._asking, question, self._session)])

    async def _open(self, link: Link) -> None:
        address = link.address.partition("#")[0]
        for kind, path in (("source", address), ("passage", address.replace("?", "/passage?"))):
            asked = self._client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
            response = await self._timed(kind, asked)
            if response.status_code != 404:
                _whole(response)
            if kind == "source":
                outcome = check_source(response.status_code, response.text, link, list(self._builds.values()), VERSION)
                self._result.counts[outcome] += 1

    async def _timed(self, kind: str, asked: Coroutine[Any, Any, Any]) -> Any:
        began = time.monotonic()
        answer = await asked
        self._result.times.setdefault(kind, []).append((began, time.monotonic() - began))
        return answer


async def streamed(client: httpx.AsyncClient, asking: int, question: str, session: str) -> AsyncIterator[Any]:
    """What the page is sent for a question, as a browser gets it: the question is queued, its updates are streamed."""
    asked = {"data": [question], "fn_index": asking, "session_hash": session, "event_data": None}
    _whole(await client.post("/gradio_api/queue/join", json=asked))
    async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            message = json.loads(line.removeprefix("data:"))
            yield message.get("output")
            if message["msg"] == "process_completed":
                assert message["success"], message
            if message["msg"] == "close_stream":
                break


async def asking_function(client: httpx.AsyncClient) -> int:
    """The number that Gradio gives to what a question in the page's box calls."""
    calls = (await client.get("/config")).json()["dependencies"]
    return int(next(call["id"] for call in calls if "submit" in [event for _, event in call["targets"]]))


def _whole(response: httpx.Response) -> httpx.Response:
    if response.status_code != 200:
        raise AssertionError(f"{response.request.url}: status {response.status_code}, {response.text[:200]}")
    return response


def _percentiles(seconds: Sequence[float], unit: float = 1000, name: str = "ms") -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(unit * value for value in seconds)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    return {
        f"p50_{name}": round(median(ordered), 1),
        f"p95_{name}": round(p95, 1),
        f"worst_{name}": round(ordered[-1], 1),
    }


def _memory(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:")) / 1024


def second_version(corpus: Path, into: Path) -> None:
    """A copy of a corpus in which every quote of Markdown stands elsewhere, one document is gone and one is new."""
    shutil.copytree(corpus, into)
    files = sorted(into.rglob("*.md"))
    for file in files:
        text = file.read_text(encoding="utf-8")
        head, _, body = text.partition("\n# ") if not text.startswith("# ") else ("", "", text.removeprefix("# "))
        title, _, rest = body.partition("\n")
        file.write_text(f"{head}\n# {title}\n\n## Version\n\n{VERSION}\n\n{rest}".lstrip(), encoding="utf-8")
    figures = files[0].read_text(encoding="utf-8")
    files[0].write_text(re.sub(r"\b(\d)(\d)\b", r"\g<1>0", figures), encoding="utf-8")
    gone = files[1].relative_to(into).as_posix()
    files[1].unlink()
    sources = into / "sources.toml"
    if sources.exists():
        parts = re.split(r"(?m)^(?=\[)", sources.read_text(encoding="utf-8"))
        sources.write_text("".join(part for part in parts if not part.startswith(f'["{gone}"]')), encoding="utf-8")
    (into / "nouveau.md").write_text(f"# Un nouveau document\n\n{VERSION} Il parle d’un kiosque à musique.\n", "utf-8")


def _build(corpus: Path, index: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "chatbot.cli",
        "build",
        "--publish-anyway",
        "--corpus",
        str(corpus),
        "--index",
        str(index),
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    build_id = Store(index).current_id()
    assert build_id
    return build_id


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument("--publishes", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="commit these figures")
    arguments = parser.parse_args()
    settings = load_settings()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(settings.index, folder / "index")
        second_version(settings.corpus, folder / "second")
        store = Store(folder / "index")
        first = store.check(model=settings.model).build_id  # « make build » comes before
        second = _build(folder / "second", folder / "index")
        store.publish(first)
        asked = [question for question in store.questions(first) if question.language == "fr"]
        questions = [question.question for question in asked if len(question.question.split()) > 2]
        with running(store.folder, folder / "serve.log", "/api/ready", reading_ms=str(settings.reading_ms)) as site:
            site.ask(questions[0])
            result = swap_under_load(
                site, store, (first, second), questions, arguments.seconds, arguments.askers, arguments.publishes
            )
            said = site.said()
    figures = {
        "command": COMMAND,
        "cores": os.cpu_count(),
        "askers": arguments.askers,
        "seconds": arguments.seconds,
        **result.figures(),
    }
    print(as_text(figures))
    for error, count in Counter(result.errors).most_common(20):
        print(f"{count} × {error}", file=sys.stderr)
    faults = [line for line in said.splitlines() if line.startswith(("ERROR", "Traceback"))]
    print("\n".join(faults[:20]), file=sys.stderr)
    if arguments.write:
        committed = json.loads(FIGURES.read_text(encoding="utf-8"))
        FIGURES.write_text(as_text({**committed, "swap": figures}) + "\n", encoding="utf-8")
    return 1 if result.errors or faults else 0


if __name__ == "__main__":
    sys.exit(main())
