"""Measure the pages in a real Chromium against a real process: weight, speed, stability, accessibility.

    make page-figures            # an index must be there: make build
    .venv/bin/python -m tests.evaluation.page_figures [--write] [--pictures]

A table like Lighthouse's, by the browser's own observers: first and largest contentful paint, time until a question can
be typed, total blocking time (what tasks take beyond 50 ms each), cumulative layout shift, requests and compressed
kibibytes on a cold and on a warm cache, axe's violations. And for twenty questions of the gold ones, from Enter to the
word that one is looked for, to the first words of the reply, and to its end. Times are of this machine, with nothing
slowed down. `--write` puts them under `page` in results/figures.json.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from chatbot.messages import FRENCH
from chatbot.settings import load_settings
from index.gold import read_gold
from ingest.files import QUESTIONS_FILE
from tests.browser.conftest import FLAGS, running
from tests.chromium import MISSING, find
from tests.evaluation.evaluate import FIGURES, as_text

COMMAND = "make page-figures (python -m tests.evaluation.page_figures --write)"
PICTURES = Path(__file__).parents[2] / "docs" / "images"
ANSWERED = "Que fait la ville pour la biodiversité ?"
SHORT = "Quand la Charte du cadre de vie a-t-elle été adoptée ?"
REFUSED = "Combien de pistes cyclables la ville a-t-elle ouvertes en 2025 ?"
QUESTIONS = 20
TIMES = 3
WIDTHS = {"desktop": 1280, "phone": 360}
OBSERVE = """
window.seen = { fcp: 0, lcp: 0, shift: 0, blocked: 0 };
const watch = (type, take) =>
  new PerformanceObserver(list => list.getEntries().forEach(take)).observe({ type, buffered: true });
watch("paint", entry => { if (entry.name === "first-contentful-paint") seen.fcp = entry.startTime; });
watch("largest-contentful-paint", entry => { seen.lcp = entry.startTime; });
watch("layout-shift", entry => { if (!entry.hadRecentInput) seen.shift += entry.value; });
watch("longtask", entry => { seen.blocked += Math.max(0, entry.duration - 50); });
"""
ASKED = """
question => {
  const box = document.querySelector("#question textarea"), log = document.querySelector("#conversation");
  const before = log.querySelectorAll(".asked").length;
  const times = (window.times = {});
  const observer = new MutationObserver(() => {
    if (log.querySelectorAll(".asked").length === before) return;
    const now = performance.now() - window.pressed;
    const last = [...log.querySelectorAll("[data-testid=bot]")].pop();
    if (last.querySelector(".waiting")) times.waiting ??= now;
    if (last.querySelector(".reply")) times.words ??= now;
    if (last.querySelector(".reply:not(.growing)")) {
      times.whole ??= now;
      observer.disconnect();
    }
  });
  observer.observe(log, { childList: true, subtree: true });
  box.value = question;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  addEventListener("keydown", () => (window.pressed = performance.now()), { capture: true, once: true });
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="commit these figures")
    parser.add_argument("--pictures", action="store_true", help="only take the pictures of docs/images")
    arguments = parser.parse_args()
    path = find()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    settings = load_settings()
    gold = read_gold(settings.corpus / QUESTIONS_FILE)
    questions = [g.question for g in gold if g.kind == "fact" and g.language == "fr" and g.style == "formal"][
        :QUESTIONS
    ]
    figures: dict[str, Any] = {"command": COMMAND, "cores": os.cpu_count()}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(settings.index, Path(folder) / "serve.log", "/api/ready") as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        if arguments.pictures:
            pictures(browser, site.address)
            return 0
        link = site.ask(questions[0])["citations"][0]["deep_link"]
        figures["asking"] = asked(browser, site.address, questions)
        for name, width in WIDTHS.items():
            paths = {"/": "/", "/?lang=en": "/?lang=en", "/ask?q=…": "/ask?q=EFC", "/frise": "/frise"}
            paths |= {"/documents": "/documents", "/sources/…": link, "/accessibilite": "/accessibilite"}
            figures[name] = {label: loaded(browser, site.address + path, width) for label, path in paths.items()}
        browser.close()
    print(as_text(figures))
    print(table(figures))
    if arguments.write:
        committed = json.loads(FIGURES.read_text(encoding="utf-8"))
        FIGURES.write_text(as_text({**committed, "page": figures}) + "\n", encoding="utf-8")
    return 0


def loaded(browser: Browser, address: str, width: int) -> dict[str, Any]:
    """A page on a cold cache, the medians of some loads; on a warm one, its weight; axe's count, light and dark."""
    runs = [once(browser, address, width) for _ in range(TIMES)]
    figures = {name: round(median(run[name] for run in runs), 3) for name in runs[0]}
    violations = 0
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
        page = context.new_page()
        page.goto(address)
        usable(page)
        violations += Axe().run(page).violations_count
        context.close()
    return {**figures, "axe": violations}


def once(browser: Browser, address: str, width: int) -> dict[str, float]:
    context = browser.new_context(locale="fr-FR", viewport={"width": width, "height": 800})
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.add_init_script(OBSERVE)
    figures: dict[str, float] = {}
    for cache in ("cold", "warm"):
        sizes.clear()
        page.goto(address)
        usable(page)
        usable_ms = page.evaluate("performance.now()")
        page.wait_for_timeout(700)
        if cache == "cold":
            seen = page.evaluate("seen")
            figures |= {"fcp_ms": seen["fcp"], "lcp_ms": seen["lcp"], "usable_ms": usable_ms}
            figures |= {"blocking_ms": seen["blocked"], "layout_shift": seen["shift"]}
        figures |= {f"requests_{cache}": len(sizes), f"kib_{cache}": sum(sizes) / 1024}
    context.close()
    return figures


def usable(page: Page) -> None:
    """Wait until a question can be typed, or a page without a box is there."""
    if page.locator("gradio-app").count():
        page.get_by_role("textbox").wait_for()
    else:
        page.locator("h1").wait_for()


def asked(browser: Browser, address: str, questions: list[str]) -> dict[str, Any]:
    """From the Enter key to « Recherche… », to the first words, to the whole reply: medians and the worst, in ms."""
    viewport = {"width": 1280, "height": 800}
    page = browser.new_context(locale="fr-FR", viewport=viewport, bypass_csp=True).new_page()  # the test's own waiting
    page.goto(address)
    box = page.get_by_role("textbox", name=FRENCH.question)
    box.wait_for()
    times: dict[str, list[float]] = {"waiting": [], "words": [], "whole": []}
    for question in questions:
        page.evaluate(ASKED, question)
        box.press("Enter")
        page.wait_for_function("times.whole")
        seen = page.evaluate("times")
        assert seen.get("waiting", 0) <= seen["words"] <= seen["whole"], seen
        for name, value in seen.items():
            times[name].append(value)
        page.wait_for_timeout(1100)
    named = {"waiting": "searching_ms", "words": "first_words_ms", "whole": "whole_ms"}
    return {
        "questions": len(questions),
        **{named[name]: [round(median(values), 1), round(max(values), 1)] for name, values in times.items() if values},
    }


def pictures(browser: Browser, address: str) -> None:
    """The pages as the README shows them."""

    def begun(width: int, height: int, **profile: Any) -> Page:
        viewport = {"width": width, "height": height}
        page = browser.new_context(locale="fr-FR", viewport=viewport, **profile).new_page()
        page.goto(address)
        return page

    def ask(page: Page, question: str) -> None:
        box = page.get_by_role("textbox", name=FRENCH.question)
        box.fill(question)
        box.press("Enter")
        page.locator("#conversation .reply:not(.growing)").wait_for()
        page.wait_for_timeout(1500)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=PICTURES / f"{name}.png")
        page.context.close()

    page = begun(1280, 800)
    ask(page, ANSWERED)
    take(page, "answer")
    page = begun(1280, 800, color_scheme="dark")
    ask(page, ANSWERED)
    take(page, "dark")
    page = begun(1280, 800)
    ask(page, ANSWERED)
    page.locator("#conversation .cite").first.click()
    page.locator("#passage mark").first.wait_for()
    page.wait_for_timeout(500)
    take(page, "source")
    page = begun(1280, 800)
    ask(page, REFUSED)
    take(page, "refusal")
    page = begun(360, 740, device_scale_factor=2)
    ask(page, SHORT)
    take(page, "phone")
    page = begun(1280, 800)
    page.goto(f"{address}/frise")
    take(page, "timeline")


def table(figures: dict[str, Any]) -> str:
    """The figures as a table in Markdown, desktop / phone."""
    columns = {
        "fcp_ms": "first paint, ms",
        "lcp_ms": "largest, ms",
        "usable_ms": "usable, ms",
        "blocking_ms": "blocked, ms",
        "layout_shift": "layout shift",
        "requests_cold": "requests cold",
        "kib_cold": "KiB cold",
        "requests_warm": "requests warm",
        "kib_warm": "KiB warm",
        "axe": "axe",
    }
    lines = [f"| page | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"]
    for path, desktop in figures["desktop"].items():
        phone = figures["phone"][path]
        cells = [
            " / ".join(f"{of[name]:.{2 * (name == 'layout_shift')}f}" for of in (desktop, phone)) for name in columns
        ]
        lines.append(f"| `{path}` | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
