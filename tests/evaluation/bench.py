"""How fast and how large the service is on this machine, against what it should reach on two cores.

    make bench
    .venv/bin/python tests/evaluation/bench.py [--json]

Starts a real `loos serve` on a free port with the index of the settings, which must be built. Times are wall-clock
seconds of this machine: compare ratios, not absolute figures, between machines.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
ORIGINAL = ROOT / "corpus" / "originals" / "resilience-et-transition.txt"
TARGETS = {
    "first_page_s": 4.0,
    "first_answer_s": 15.0,
    "question_median_ms": 200.0,
    "question_p95_ms": 400.0,
    "unread_median_ms": 100.0,
    "unread_p95_ms": 250.0,
    "reader_mib": 150.0,
    "unchanged_rebuild_s": 2.0,
    "server_peak_mib": 1.2 * 1024,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    figures = {**measure_rebuild(), **measure_server()}
    unread = measure_server(LOOS_READING_MS="0")
    figures |= {"reader_mib": figures["server_peak_mib"] - unread["server_peak_mib"]}
    figures |= {f"unread_{name}": value for name, value in unread.items() if name.startswith("twenty")}
    figures |= {**measure_questions(), **measure_encoding()}
    figures = {name: round(value, 2) for name, value in figures.items()}
    if arguments.json:
        print(json.dumps({"cores": os.cpu_count(), **figures}, indent=1))
        return 0
    for name, value in figures.items():
        target = TARGETS.get(name)
        verdict = "" if target is None else f"  (target {target:g}: {'reached' if value <= target else 'MISSED'})"
        print(f"{name:24} {value:9.2f}{verdict}")
    return 0


def measure_rebuild() -> dict[str, float]:
    """Seconds of a rebuild in which nothing changed, as a whole process, the median of three."""
    command = [sys.executable, "-m", "chatbot.cli", "build"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return {"unchanged_rebuild_s": statistics.median(times)}


def measure_server(**environment: str) -> dict[str, float]:
    """Seconds from the start to the first page and the first answer, and peak memory after fifty questions.

    Then the milliseconds that each of twenty people waits who ask at once, five questions each.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    started = time.perf_counter()
    command = [sys.executable, "-m", "chatbot.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while request(port, "GET", "/")[0] != 200:
            time.sleep(0.02)
            if process.poll() is not None or time.perf_counter() - started > 120:
                raise SystemExit("« loos serve » did not start; run « make serve » to see why.")
        first_page = time.perf_counter() - started
        while request(port, "POST", "/api/ask", {"question": "C'est quoi l'EFC ?"})[0] != 200:
            time.sleep(0.05)
        first_answer = time.perf_counter() - started
        times = []
        for question in questions(50):
            asked = time.perf_counter()
            ask(port, question)
            times.append(1000 * (time.perf_counter() - asked))
        together = asked_together(port)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    finally:
        process.terminate()
        process.wait(timeout=30)
    return {
        "first_page_s": first_page,
        "first_answer_s": first_answer,
        "http_question_median_ms": statistics.median(times),
        "twenty_askers_median_ms": statistics.median(together),
        "twenty_askers_p95_ms": together[int(0.95 * len(together))],
        "server_peak_mib": peak_kib / 1024,
    }


def asked_together(port: int, people: int = 20, each: int = 5) -> list[float]:
    """The milliseconds to each reply, sorted, when so many people ask one question after the other."""

    def ask_some(some: list[str]) -> list[float]:
        times = []
        for question in some:
            started = time.perf_counter()
            ask(port, question)
            times.append(1000 * (time.perf_counter() - started))
        return times

    asked = questions(people * each)
    with ThreadPoolExecutor(people) as pool:
        times = pool.map(ask_some, (asked[person::people] for person in range(people)))
        return sorted(time for of_person in times for time in of_person)


def measure_questions() -> dict[str, float]:
    """Milliseconds from question to reply over two hundred different questions in one process, read and unread."""
    from chatbot.service import Service
    from chatbot.settings import load_settings

    figures = {}
    for name, changed in (("question", {}), ("unread", {"reading_ms": 0})):
        service = Service(load_settings(**changed))
        service.load()
        times = []
        for question in questions(200):
            started = time.perf_counter()
            service.ask(question)
            times.append(1000 * (time.perf_counter() - started))
        times.sort()
        figures[f"{name}_median_ms"] = statistics.median(times)
        figures[f"{name}_p95_ms"] = times[int(0.95 * len(times))]
    return figures


def measure_encoding() -> dict[str, float]:
    """Passages of 580 characters encoded a second."""
    from chatbot.settings import load_settings
    from index import load_encoder

    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models, threads=settings.threads or None)
    text = " ".join(ORIGINAL.read_text(encoding="utf-8").split())
    windows = [text[start : start + 580] for start in range(0, len(text) - 580, (len(text) - 580) // 128)][:128]
    started = time.perf_counter()
    encoder.encode_passages(windows)
    return {"passages_per_s": len(windows) / (time.perf_counter() - started)}


def questions(count: int) -> list[str]:
    """Different questions of the lengths that people write, on what stands in the corpus and on what does not."""
    words = ORIGINAL.read_text(encoding="utf-8").split()
    forms = (
        "Que dit la ville sur {} ?",
        "Quand a eu lieu {} ?",
        "Qui a décidé {} ?",
        "Comment la commune voit-elle {} ?",
    )
    step = len(words) // count
    return [forms[n % 4].format(" ".join(words[n * step : n * step + 3 + n % 6])) for n in range(count)]


def ask(port: int, question: str) -> None:
    """Ask over HTTP; what is no reply must not count as a fast one."""
    status, body = request(port, "POST", "/api/ask", {"question": question})
    if status != 200:
        raise SystemExit(f"{question}: status {status}, {body.decode('utf-8', 'replace')}")


def request(port: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    """Status and body, or status 0 where nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
