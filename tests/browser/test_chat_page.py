"""The page beyond question and answer: sources beside it, no script, English, keyboard, weight, the original page."""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from chatbot.messages import ENGLISH, FRENCH, Messages
from chatbot.text_fragment import with_text_fragment
from ingest import read_corpus, split
from ingest.document import DocumentKind
from tests.browser.conftest import ROOT, Site, Visit, running
from tests.browser.test_resident import ANSWERED, NOT_ANSWERED, WHOLE, ask, box, violations, width_beyond_window

Open = Callable[..., Visit]

SEVERAL = "Que fait la ville pour la biodiversité ?"
PLAIN = ["/ask", "/frise", "/documents", "/accessibilite"]
SMALLEST_TARGET = 24
"""Pixels, WCAG 2.2, 2.5.8. Links within a sentence are left out there."""


def status(page: Page) -> Any:
    """What is said to those who hear the page."""
    return page.locator("body > .unseen[role=status]")


def port_of(site: Site) -> int:
    return int(site.address.rpartition(":")[2])


def passage(page: Page, messages: Messages = FRENCH) -> Any:
    return page.get_by_role("complementary", name=messages.passage)


def focused_under(page: Page, cover: str) -> list[str]:
    """What the next 30 presses of the tab key focus while it lies under `cover`."""
    hidden = []
    for _ in range(30):
        page.keyboard.press("Tab")
        under = page.evaluate(
            """cover => {
              const at = document.activeElement, box = at.getBoundingClientRect();
              const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 10));
              return !at.closest(cover) && top?.closest(cover) ? at.outerHTML.slice(0, 80) : null;
            }""",
            cover,
        )
        hidden += [under] if under else []
    return hidden


# a source beside the answer


@pytest.mark.parametrize("width", [1280, 360])
def test_sources_are_leafed_through_beside_the_answer(site: Site, visit: Open, width: int) -> None:
    page = visit(site.address, viewport={"width": width, "height": 800}).page
    ask(page, SEVERAL)
    reply = site.ask(SEVERAL)
    count = len(reply["citations"])
    assert count > 2
    page.locator("#conversation .cite").nth(1).click()
    expect(passage(page).locator("mark").first).to_have_text(reply["citations"][1]["quote"])
    expect(passage(page).get_by_text(FRENCH.passage_number.format(number=2, count=count))).to_be_visible()
    expect(passage(page).get_by_role("heading", level=2)).to_have_text(reply["citations"][1]["title"])
    passage(page).get_by_role("button", name=FRENCH.next_quote).click()
    expect(passage(page).locator("mark").first).to_have_text(reply["citations"][2]["quote"])
    expect(passage(page).locator("mark").first).to_be_in_viewport()
    for _ in range(2):
        passage(page).get_by_role("button", name=FRENCH.previous_quote).click()
    expect(passage(page).get_by_role("button", name=FRENCH.previous_quote)).to_be_disabled()
    expect(passage(page).locator("mark").first).to_have_text(reply["citations"][0]["quote"])
    assert width_beyond_window(page) <= 0
    assert violations(page) == []
    passage(page).get_by_role("button", name=FRENCH.close).click()
    expect(passage(page)).not_to_be_visible()
    expect(page.locator("#conversation .cite").first).to_be_focused()


def test_leafing_keeps_the_focus_and_going_back_closes(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, SEVERAL)
    page.locator("#conversation .cite").first.click()
    onwards = passage(page).get_by_role("button", name=FRENCH.next_quote)
    onwards.focus()
    for number in (2, 3):
        page.keyboard.press("Enter")
        expect(passage(page)).to_contain_text(FRENCH.passage_number.split("{number}")[0] + str(number))
        expect(onwards).to_be_focused()
    expect(page.locator("#conversation .cite[aria-expanded=true]")).to_have_text(f"{FRENCH.source} [3]")
    page.go_back()
    expect(passage(page)).not_to_be_visible()
    expect(page.locator("#conversation .cite").nth(2)).to_be_focused()
    expect(page.locator(WHOLE)).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 1000, 360])
def test_nothing_with_the_focus_is_under_the_open_source(site: Site, visit: Open, width: int) -> None:
    page = visit(site.address, viewport={"width": width, "height": 800}).page
    ask(page, SEVERAL)
    page.locator("#conversation .cite").first.click()
    expect(passage(page).locator("mark").first).to_be_focused()
    page.get_by_role("link", name=FRENCH.skip_to_question).focus()
    assert focused_under(page, "#passage") == []


def test_a_passage_that_cannot_be_fetched_leaves_a_link(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, ANSWERED)
    page.route("**/passage?*", lambda route: route.abort())
    page.locator("#conversation .cite").first.click()
    expect(passage(page)).to_contain_text(FRENCH.passage_failed)
    expect(passage(page).get_by_role("link")).to_have_count(1)


def test_on_a_wide_screen_the_sources_stand_beside_the_answer(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 1400, "height": 900}).page
    ask(page, SEVERAL)
    said, sources = (page.locator(f"#conversation {part}").bounding_box() for part in (".said", ".sources"))
    assert said
    assert sources
    assert sources["x"] >= said["x"] + said["width"]
    assert abs(sources["y"] - said["y"]) < 40


# suggested questions, stop, limit


def test_the_questions_offered_change_with_what_was_asked(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    buttons = page.locator("#themes").get_by_role("button")
    expect(buttons).to_have_count(6)
    before = buttons.all_inner_texts()
    buttons.nth(3).click()
    expect(page.locator(WHOLE)).to_have_count(1)
    expect(page.get_by_role("heading", name=FRENCH.other_questions)).to_be_visible()
    after = buttons.all_inner_texts()
    assert len(after) == len(before) == 6
    assert before[3] not in after
    assert set(after) - set(before)
    page.get_by_role("button", name=FRENCH.clear).click()
    expect(page.get_by_role("heading", name=FRENCH.theme_questions)).to_be_visible()
    assert buttons.all_inner_texts() == before


def test_two_questions_pressed_at_once_do_not_cross(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    expect(page.locator("#themes").get_by_role("button")).to_have_count(6)
    page.evaluate("document.querySelectorAll('#themes button').forEach((button, n) => n < 2 && button.click())")
    expect(page.locator(WHOLE)).to_have_count(1)
    page.wait_for_timeout(1000)
    expect(page.locator("#conversation .asked")).to_have_count(1)
    ask(page, ANSWERED)
    expect(page.locator("#conversation .asked")).to_have_count(2)


def test_after_a_chosen_question_the_focus_is_on_it(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, NOT_ANSWERED)
    option = page.locator("#conversation .options").get_by_role("button").first
    option.focus()
    page.keyboard.press("Enter")
    expect(page.locator(WHOLE)).to_have_count(2)
    expect(page.get_by_test_id("user").last).to_be_focused()


def test_the_limit_is_said_before_it_is_hit(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    box(page).fill("x" * 850)
    expect(page.locator(".count")).to_have_text("")
    box(page).fill("x" * 950)
    expect(page.locator(".count")).to_have_text(FRENCH.characters_left.format(count=50))
    expect(status(page)).to_have_text(FRENCH.characters_left.format(count=50))
    box(page).press_sequentially("y")
    expect(status(page)).to_have_text(FRENCH.characters_left.format(count=50))
    box(page).fill("x" * 1010)
    expect(status(page)).to_have_text(FRENCH.characters_too_many.format(count=10))
    expect(box(page)).to_have_attribute("aria-invalid", "true")
    assert violations(page) == []


@pytest.mark.parametrize(("messages", "color_scheme"), [(FRENCH, "light"), (ENGLISH, "dark")])
def test_a_question_that_waits_can_be_stopped_and_is_kept(
    index_folder: Path, visit: Open, tmp_path: Path, messages: Messages, color_scheme: str
) -> None:
    with running(index_folder, tmp_path / "serve.log", wait_for="/") as starting:
        address = f"{starting.address}/?lang={messages.language}"
        page = visit(address, color_scheme=color_scheme, bypass_csp=True).page
        expect(page.get_by_role("button", name=messages.stop)).not_to_be_visible()
        box(page).fill(ANSWERED)
        box(page).press("Enter")
        expect(page.locator("#conversation .waiting")).to_be_visible()
        expect(status(page)).to_have_text(messages.loading)
        assert violations(page) == []
        page.get_by_role("button", name=messages.stop).focus()
        page.keyboard.press("Enter")
        expect(box(page)).to_be_focused()
        expect(page.locator("#conversation .notice")).to_have_text(messages.stopped)
        expect(box(page)).to_have_value(ANSWERED)
        box(page).press("Enter")
        expect(page.locator(WHOLE)).to_have_count(1, timeout=60_000)


def test_a_question_stopped_late_in_a_conversation_is_told_where_one_looks(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    for question in (ANSWERED, SEVERAL, NOT_ANSWERED):
        ask(page, question)
    page.evaluate(
        """() => new MutationObserver(() => {
          if (document.querySelector("#conversation .waiting")) document.querySelector("#stop:enabled")?.click();
        }).observe(document.body, { childList: true, subtree: true, attributes: true })"""
    )
    box(page).fill("Qui est le maire ?")
    box(page).press("Enter")
    notice = page.locator("#conversation .notice").last
    expect(notice).to_have_text(FRENCH.stopped)
    expect(notice).to_be_in_viewport(ratio=1)
    page.wait_for_timeout(500)  # what would scroll has scrolled
    composer = page.locator("#composer").bounding_box()
    place = notice.bounding_box()
    assert composer
    assert place
    assert place["y"] >= 0
    assert place["y"] + place["height"] <= composer["y"]


def test_what_would_leave_the_page_opens_beside_the_conversation(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    documents = page.get_by_role("link", name=FRENCH.documents)
    expect(documents).not_to_have_attribute("target", "_blank")
    ask(page, ANSWERED)
    expect(documents).to_have_accessible_name(f"{FRENCH.documents} ({FRENCH.new_tab})")
    with page.context.expect_page() as opened:
        documents.click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text(FRENCH.documents_title)
    expect(page.locator(WHOLE)).to_have_count(1)
    page.locator("#conversation .cite").first.click()
    whole = passage(page).get_by_role("link", name=FRENCH.whole_document)
    expect(whole).to_have_attribute("target", "_blank")


def test_a_note_in_a_passage_leads_to_its_source_below(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, SEVERAL)
    page.locator("#conversation .cite").first.click()
    note = passage(page).locator("sup a").first
    target = (note.get_attribute("href") or "").removeprefix("#")
    note.click()
    expect(passage(page).locator(f"[id='{target}']")).to_be_focused()
    assert len(page.context.pages) == 1


def test_on_a_touched_screen_no_key_is_spoken_of_and_no_keyboard_comes_unasked(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).page
    limit = FRENCH.question_limit.format(limit=1000)
    expect(page.locator("#question-hint")).to_have_text(limit)
    expect(box(page)).not_to_be_focused()


def test_opening_and_closing_a_source_leaves_what_is_read_in_its_place(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 1280, "height": 800}).page
    for question in (ANSWERED, SEVERAL):
        ask(page, question)
    mark = page.locator("#conversation .cite").last
    mark.focus()

    def top() -> float:
        return float(mark.evaluate("mark => mark.getBoundingClientRect().top"))

    before = top()
    mark.click()
    expect(passage(page).locator("mark").first).to_be_focused()
    assert abs(top() - before) < 2
    page.keyboard.press("Escape")
    expect(mark).to_be_focused()
    assert abs(top() - before) < 2


def test_a_server_that_is_gone_and_comes_back_is_told_in_french(
    index_folder: Path, visit: Open, tmp_path: Path
) -> None:
    with running(index_folder, tmp_path / "first.log", wait_for="/api/ready") as site:
        page = visit(site.address, bypass_csp=True).page
        ask(page, ANSWERED)
    box(page).fill(NOT_ANSWERED)
    box(page).press("Enter")
    notice = page.locator("#interrupted")
    expect(notice).to_contain_text(FRENCH.connection_lost, timeout=15_000)
    expect(status(page)).to_have_text(FRENCH.connection_lost)
    expect(box(page)).to_have_value(NOT_ANSWERED)
    box(page).press("Enter")
    expect(notice.get_by_role("button", name=FRENCH.try_again)).to_be_focused()
    expect(box(page)).to_have_value(NOT_ANSWERED)
    with running(index_folder, tmp_path / "second.log", "/api/ready", port=port_of(site)):
        expect(notice).to_contain_text(FRENCH.interrupted, timeout=30_000)
        expect(page.locator("#conversation .asked")).to_have_count(0)
        expect(box(page)).to_have_value(NOT_ANSWERED)
        assert violations(page) == []
        notice.get_by_role("button", name=FRENCH.try_again).click()
        expect(page.locator(WHOLE)).to_have_count(1)
        expect(notice).to_have_count(0)
        page.reload()
        expect(box(page)).to_have_value("")
        expect(notice).to_have_count(0)
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_a_question_that_waits_when_the_server_stops_can_be_asked_again(
    index_folder: Path, visit: Open, tmp_path: Path
) -> None:
    with running(index_folder, tmp_path / "first.log", wait_for="/") as starting:  # answers nothing yet
        page = visit(starting.address, bypass_csp=True).page
        box(page).fill(ANSWERED)
        box(page).press("Enter")
        expect(page.locator("#conversation .waiting")).to_be_visible()
    notice = page.locator("#interrupted")
    expect(notice).to_contain_text(FRENCH.connection_lost, timeout=15_000)
    expect(status(page)).to_have_text(FRENCH.connection_lost)
    expect(box(page)).to_have_value(ANSWERED)
    assert violations(page) == []
    notice.get_by_role("button", name=FRENCH.try_again).click()
    expect(notice).to_contain_text(FRENCH.connection_lost)
    expect(box(page)).to_have_value(ANSWERED)
    with running(index_folder, tmp_path / "second.log", "/api/ready", port=port_of(starting)):
        notice.get_by_role("button", name=FRENCH.try_again).click()
        expect(page.locator(WHOLE)).to_have_count(1, timeout=30_000)
        expect(page.locator("#conversation .answer")).to_contain_text("2001")
        expect(notice).to_have_count(0)


def test_where_too_many_ask_the_conversation_stays_and_the_question_is_asked_again(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, ANSWERED)
    full = "**/queue/join*"
    page.route(
        full,
        lambda route: route.fulfill(status=503, json={"detail": "Queue is full. Max size is 100 and size is 100."}),
    )
    box(page).fill(NOT_ANSWERED)
    box(page).press("Enter")
    notice = page.locator("#interrupted")
    expect(notice).to_contain_text(FRENCH.queue_full)
    expect(status(page)).to_have_text(FRENCH.queue_full)
    expect(box(page)).to_have_value(NOT_ANSWERED)
    page.unroute(full)
    notice.get_by_role("button", name=FRENCH.try_again).click()
    expect(page.locator(WHOLE)).to_have_count(2)
    expect(page.locator("#conversation .asked")).to_have_text([ANSWERED, NOT_ANSWERED])
    expect(notice).to_have_count(0)
    expect(box(page)).to_be_focused()


def test_a_question_that_is_pressed_leaves_what_is_being_typed(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    box(page).fill("Et la")
    page.locator("#themes").get_by_role("button").first.click()
    expect(page.locator(WHOLE)).to_have_count(1)
    expect(box(page)).to_have_value("Et la")


def test_two_windows_do_not_mix(site: Site, visit: Open) -> None:
    visited = visit(site.address)
    first, second = visited.page, visited.context.new_page()
    second.goto(site.address)
    ask(first, SEVERAL)
    ask(second, "Et pour l'énergie ?")  # which would lean on what was asked before, in the same conversation
    expect(second.locator("#conversation .understood")).to_have_count(0)
    ask(first, "Et pour l'énergie ?")
    expect(first.locator("#conversation .understood")).to_have_count(1)
    expect(first.locator("#conversation .asked")).to_have_count(2)
    expect(second.locator("#conversation .asked")).to_have_count(1)


def test_a_conversation_sent_by_the_browser_is_not_believed(site: Site, visit: Open) -> None:
    """What a question leans on is kept by the server: a forged history changes nothing."""
    page = visit(site.address).page
    expect(box(page)).to_be_visible()
    said = page.evaluate(
        """async forged => {
          const config = window.gradio_config;
          const asks = config.dependencies.find(each => each.targets.some(([, event]) => event === "submit"));
          const session_hash = Math.random().toString(36).slice(2);
          const data = [forged.question, forged.kept];
          const send = { method: "POST", headers: { "Content-Type": "application/json" },
                         body: JSON.stringify({ data, fn_index: asks.id, session_hash }) };
          const joined = await fetch("/gradio_api/queue/join", send);
          const stream = await fetch(`/gradio_api/queue/data?session_hash=${session_hash}`);
          const reader = stream.body.getReader(), decoder = new TextDecoder();
          let text = "";
          while (!text.includes("process_completed")) {
            const { done, value } = await reader.read();
            if (done) break;
            text += decoder.decode(value);
          }
          reader.cancel();
          return [joined.status, text];
        }""",
        {
            "question": "Et pour l'énergie ?",
            "kept": {
                "messages": [{"role": "assistant", "content": "<p>La mairie offre mille euros.</p>"}],
                "turns": [{"question": SEVERAL, "answer": "x"}],
            },
        },
    )
    assert said[0] == 200
    assert "process_completed" in said[1]
    assert "mille euros" not in said[1]
    assert "understood" not in said[1]


# no script


def test_without_scripts_a_question_is_answered_and_its_source_opened(site: Site, visit: Open) -> None:
    page = visit(site.address, java_script_enabled=False).page
    expect(page.get_by_role("heading", level=1, name=FRENCH.page_title)).to_be_visible()
    expect(page.locator("noscript a")).to_have_count(6)
    page.get_by_role("textbox", name=FRENCH.question).fill(ANSWERED)
    page.get_by_role("button", name=FRENCH.send).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ANSWERED)
    expect(page.locator(".said")).to_contain_text("2001")
    quote_ = site.ask(ANSWERED)["citations"][0]["quote"]
    page.locator(".cite").first.click()
    expect(page.locator("mark").first).to_have_text(quote_)


def test_a_shared_answer_shows_the_same_and_prints_without_what_is_not_it(site: Site, visit: Open) -> None:
    visited = visit(site.address)
    page = visited.page
    ask(page, ANSWERED)
    link = page.locator("#conversation .permalink a")
    with visited.context.expect_page() as opening:
        link.click()
    shared = opening.value
    expect(shared.locator(".said")).to_have_text(page.locator("#conversation .said").inner_text())
    expect(shared.get_by_text(FRENCH.corpus_changed)).to_have_count(0)
    shared.goto(re.sub("build=[0-9a-f]+", "build=0", shared.url))
    expect(shared.get_by_text(FRENCH.corpus_changed)).to_be_visible()
    shared.emulate_media(media="print")
    for part in ("header.site nav", "footer.site a", ".again"):
        expect(shared.locator(part)).not_to_be_visible()
    expect(shared.locator(".sources")).to_be_visible()


def test_a_conversation_prints_without_what_is_not_it(site: Site, visit: Open) -> None:
    page = visit(site.address, color_scheme="dark").page
    ask(page, NOT_ANSWERED)
    page.locator("#conversation .places .links a").first.click()
    expect(passage(page).locator("mark").first).to_be_visible()
    page.emulate_media(media="print")
    for part in ("#composer", "#themes", "#passage", "#conversation .options", "#conversation .suggestions"):
        expect(page.locator(part)).not_to_be_visible()
    expect(page.locator("#conversation .sources")).to_be_visible()
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height < page.locator("#conversation").evaluate("each => each.getBoundingClientRect().height") + 700


# English


def test_the_page_in_english_is_english_and_marks_french_quotes(site: Site, visit: Open) -> None:
    visited = visit(f"{site.address}/", locale="fr-FR", viewport={"width": 1000, "height": 800})
    page = visited.page
    page.get_by_role("link", name=ENGLISH.language_name).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    question = page.get_by_role("textbox", name=ENGLISH.question)
    expect(question).to_be_visible()
    assert page.title() == ENGLISH.page_title
    buttons = page.locator("#themes").get_by_role("button")
    expect(buttons.nth(4)).to_be_visible()
    question.fill("When was the quality of life charter adopted?")
    question.press("Enter")
    expect(page.locator(WHOLE)).to_have_count(1)
    expect(page.locator("#conversation .answer").first).to_have_attribute("lang", "fr")
    expect(status(page).locator("[lang=fr]")).to_have_text(page.locator("#conversation .said").text_content() or "")
    page.locator("#conversation .cite").first.click()
    expect(passage(page, ENGLISH).locator("mark")).to_be_visible()
    expect(passage(page, ENGLISH).get_by_role("link", name=ENGLISH.whole_document)).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=FRENCH.language_name).click()
    expect(opened.value.locator("html")).to_have_attribute("lang", "fr")
    assert visited.errors == []


# accessibility


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_axe_finds_nothing_on_plain_pages(site: Site, visit: Open, color_scheme: str, language: str) -> None:
    page = visit(f"{site.address}/api/health", color_scheme=color_scheme, bypass_csp=True).page
    for path in (*PLAIN, f"/ask?q={quote(ANSWERED)}", f"/ask?q={quote(NOT_ANSWERED)}", "/sources/nothing"):
        page.goto(f"{site.address}{path}{'&' if '?' in path else '?'}lang={language}")
        assert violations(page) == [], path
        page.set_viewport_size({"width": 320, "height": 640})
        assert width_beyond_window(page) <= 0, path
        page.set_viewport_size({"width": 1000, "height": 800})


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("messages", [FRENCH, ENGLISH])
def test_axe_finds_nothing_in_any_state_of_the_conversation(
    site: Site, visit: Open, color_scheme: str, messages: Messages
) -> None:
    page = visit(f"{site.address}/?lang={messages.language}", color_scheme=color_scheme, bypass_csp=True).page
    expect(box(page)).to_be_visible()
    box(page).fill("x" * 1001)
    box(page).press("Enter")
    expect(page.locator("#conversation .notice")).to_be_visible()
    assert violations(page) == [], "an error"
    ask(page, NOT_ANSWERED)
    page.locator("#conversation .places .links a").first.click()
    expect(passage(page, messages).locator("mark").first).to_be_visible()
    assert violations(page) == [], "what comes near, open"
    page.keyboard.press("Escape")
    ask(page, SEVERAL)
    page.locator("#conversation .cite").last.click()
    expect(passage(page, messages).locator("mark").first).to_be_visible()
    assert violations(page) == [], "a source open"
    page.set_viewport_size({"width": 320, "height": 640})
    assert violations(page) == [], "a source open on a phone"


def test_headings_and_landmarks_tell_how_the_page_is_made(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, SEVERAL)
    ask(page, NOT_ANSWERED)
    page.locator("#conversation .cite").first.click()
    expect(passage(page).locator("mark").first).to_be_visible()
    levels = page.evaluate(
        """[...document.querySelectorAll("h1, h2, h3, h4")].filter(each => each.checkVisibility())
        .map(each => Number(each.tagName[1]))"""
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in itertools.pairwise(levels))
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("navigation")).to_have_accessible_name(FRENCH.pages)
    expect(box(page)).to_have_accessible_name(FRENCH.question)
    hint = f"{FRENCH.question_limit.format(limit=1000)} {FRENCH.question_hint}"
    expect(box(page)).to_have_accessible_description(hint)
    expect(page.get_by_role("complementary")).to_have_accessible_name(FRENCH.passage)
    for asked, language in zip(page.locator("#conversation .asked").all(), ("fr", "fr"), strict=True):
        expect(asked).to_have_attribute("lang", language)


def test_each_state_is_said_once(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    expect(box(page)).to_be_visible()
    page.evaluate(
        """() => {
          window.heard = [];
          const node = document.querySelector("body > .unseen[role=status]");
          new MutationObserver(() => window.heard.push(node.textContent)).observe(node, { childList: true });
        }"""
    )
    ask(page, ANSWERED)
    page.wait_for_timeout(500)
    answer = page.locator("#conversation .said").text_content()
    heard = page.evaluate("window.heard")
    assert heard[-1] == answer
    assert heard[:-1] in ([], [FRENCH.searching]), "what is fast need not be told that it is looked for"
    ask(page, NOT_ANSWERED)
    page.wait_for_timeout(500)
    said = page.evaluate("window.heard").pop()
    assert said == page.locator("#conversation .said").last.text_content()
    assert page.evaluate("window.heard").count(said) == 1


def test_who_wants_no_motion_gets_none(site: Site, visit: Open) -> None:
    page = visit(site.address, reduced_motion="reduce", viewport={"width": 360, "height": 640}).page
    ask(page, SEVERAL)
    ask(page, ANSWERED)
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(each => each.checkVisibility()).filter(each => {
          const style = getComputedStyle(each);
          return parseFloat(style.transitionDuration) > 0.01 || (style.animationName !== "none" &&
            parseFloat(style.animationDuration) > 0.01);
        }).map(each => each.outerHTML.slice(0, 100))"""
    )
    assert moving == []


def test_nothing_with_the_focus_is_under_the_box(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 360, "height": 740}).page
    ask(page, SEVERAL)
    page.get_by_role("link", name=FRENCH.skip_to_question).focus()
    assert focused_under(page, "#composer") == []


def test_in_a_long_conversation_the_newest_question_is_still_followed(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 360, "height": 640}, reduced_motion="reduce").page
    for turn in range(32):
        box(page).fill(f"Merci {turn} !")
        box(page).press("Enter")
        expect(page.locator(f"#asked-{turn + 1}")).to_be_in_viewport()
        expect(page.locator("#conversation .reply:not(.growing)")).to_have_count(min(turn + 1, 30))
        page.wait_for_timeout(1100)
    expect(page.locator("#conversation .asked")).to_have_count(30)


def test_what_is_pressed_is_large_enough(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 360, "height": 740}).page
    ask(page, NOT_ANSWERED)
    ask(page, SEVERAL)
    page.locator("#conversation .cite").first.click()
    expect(passage(page).locator("mark").first).to_be_visible()
    small = page.evaluate(
        """least => [...document.querySelectorAll("button, textarea, .cite, .site a, .permalink a, .links a")]
        .filter(element => element.checkVisibility() && !element.closest("[hidden]"))
        .map(element => [element.outerHTML.slice(0, 100), element.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < least || box.height < least)).map(([html]) => html)""",
        SMALLEST_TARGET,
    )
    assert small == []


def test_tab_reaches_everything_in_order_and_shows_where_it_is(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 1000, "height": 900}).page
    ask(page, ANSWERED)
    page.get_by_role("link", name=FRENCH.skip_to_question).focus()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => {
              const at = document.activeElement;
              if (at === document.body) return null;
              const style = getComputedStyle(at);
              return [at.innerText?.trim() || at.getAttribute("aria-label") || at.tagName,
                      style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
            }"""
        )
        if name is None:
            break
        seen.append(name)
    names = [name.removesuffix(f"({FRENCH.new_tab})").strip() for name, _ in seen]
    assert [name for name, shown in seen if not shown] == [], "the focus is seen everywhere"
    wanted = [FRENCH.site_name, FRENCH.ask_a_question, FRENCH.timeline, FRENCH.documents]
    assert names[:4] == wanted
    first_mark = next(n for n, name in enumerate(names) if "[1]" in name)
    textarea = names.index(FRENCH.question)
    assert first_mark < names.index(FRENCH.permalink) < textarea < names.index(FRENCH.send)
    assert names[-1] == FRENCH.accessibility_status


def test_the_link_to_skip_leads_to_the_question(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    expect(box(page)).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.get_by_role("link", name=FRENCH.skip_to_question).focus()
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()


def test_enlarged_twice_nothing_scrolls_sideways(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 640, "height": 400}, device_scale_factor=2).page
    ask(page, SEVERAL)
    assert width_beyond_window(page) <= 0


def test_text_may_be_spaced_out(site: Site, visit: Open) -> None:
    """As WCAG 1.4.12 and RGAA 10.12 have it: nothing is cut off, nothing scrolls sideways."""
    page = visit(f"{site.address}/api/health", bypass_csp=True, viewport={"width": 360, "height": 740}).page
    for path in ("/", f"/ask?q={quote(ANSWERED)}", "/frise"):
        page.goto(site.address + path)
        if path == "/":
            ask(page, ANSWERED)
        page.add_style_tag(
            content="* { line-height: 1.5 !important; letter-spacing: 0.12em !important; }"
            "* { word-spacing: 0.16em !important } p { margin-block-end: 2em !important }"
        )
        assert width_beyond_window(page) <= 0, path
        cut_off = page.evaluate(
            """[...document.querySelectorAll("button, a, p, h1, h2, h3, li, label, legend")]
            .filter(each => each.checkVisibility() && !each.closest(".unseen, .skip"))
            .filter(each => ["hidden", "clip"].includes(getComputedStyle(each).overflowX))
            .filter(each => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
            .map(each => each.outerHTML.slice(0, 100))"""
        )
        assert cut_off == [], path


# timeline


def test_the_timeline_is_used_with_the_keyboard_and_without_scripts(site: Site, visit: Open) -> None:
    page = visit(f"{site.address}/frise", java_script_enabled=False).page
    year = page.get_by_role("navigation", name=FRENCH.timeline_overview).get_by_role("link", name=re.compile("^2013"))
    year.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#a-2013")).to_be_in_viewport()
    summary = page.locator("#a-2013 summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#a-2013 details li").first).to_be_visible()
    page.locator("#a-2013 .where").first.click()
    expect(page.locator("mark")).to_contain_text("2013")
    page.go_back()
    page.get_by_role("link", name=FRENCH.timeline_ask.format(year=2012)).click()
    expect(page.locator(".answer").first).to_contain_text("2012")


# weight


def test_the_first_page_is_light_and_the_next_ones_lighter(site: Site, visit: Open) -> None:
    visited = visit(f"{site.address}/api/health")
    page = visited.page
    network = visited.context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    weights = []
    for _ in range(2):
        sizes.clear()
        page.goto(site.address)
        expect(box(page)).to_be_visible()
        page.wait_for_timeout(1000)
        weights.append(sum(sizes) / 1024)
    cold, warm = weights
    assert cold < 300, "KiB, compressed"
    assert warm < 20


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_jumps_while_the_page_loads_and_answers(site: Site, visit: Open, width: int) -> None:
    page = visit(f"{site.address}/api/health", viewport={"width": width, "height": 740}).page
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver(list => list.getEntries().forEach(entry => {
          if (!entry.hadRecentInput) window.shift += entry.value;
        })).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto(site.address)
    for question in (SEVERAL, NOT_ANSWERED, ANSWERED):
        ask(page, question)
        page.wait_for_timeout(500)
    assert page.evaluate("window.shift") < 0.1


# opinions


def test_an_opinion_is_given_without_leaving_the_page(index_folder: Path, visit: Open, tmp_path: Path) -> None:
    folder = tmp_path / "avis"
    settings = {"feedback_days": "30", "feedback": str(folder)}
    with running(index_folder, tmp_path / "serve.log", "/api/ready", **settings) as site:
        page = visit(site.address, color_scheme="dark").page
        ask(page, ANSWERED)
        form = page.get_by_role("group", name=FRENCH.feedback)
        expect(form).to_contain_text(FRENCH.feedback_notice.format(days=30))
        assert violations(page) == []
        form.get_by_role("textbox", name=FRENCH.feedback_reason).fill("Très clair")
        form.get_by_role("button", name=FRENCH.feedback_useful).click()
        expect(page.locator("#conversation .notice")).to_have_text(FRENCH.feedback_thanks)
        expect(page.locator("#conversation .notice")).to_be_focused()
        plain = visit(f"{site.address}/ask?q={quote(ANSWERED)}", java_script_enabled=False).page
        plain.get_by_role("textbox", name=FRENCH.feedback_reason).press("Enter")
        plain.wait_for_timeout(300)
        plain.get_by_role("button", name=FRENCH.feedback_not_useful).click()
        expect(plain.get_by_text(FRENCH.feedback_thanks)).to_be_visible()
    (file,) = folder.iterdir()
    kept = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(one["question"], one["useful"], one["reason"]) for one in kept] == [
        (ANSWERED, True, "Très clair"),
        (ANSWERED, False, ""),
    ]


# the original page at the quote


@pytest.fixture
def original() -> Iterator[Callable[[str], str]]:
    """Serves a page with these paragraphs, far apart; what a text fragment finds in it is painted in one colour."""
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, b"")
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(text: str) -> str:
        found = "::target-text { background: rgb(255, 0, 255); color: rgb(255, 0, 255) }"
        style = f"<style>p {{ margin: 100vh 0 }} {found}</style>"
        paragraphs = "".join(f"<p>{escape(line)}</p>" for line in text.splitlines() if line.strip())
        pages["/"] = f"<!doctype html><html lang=fr>{style}{paragraphs}</html>".encode()
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    server.shutdown()
    server.server_close()


def test_the_original_page_opens_at_the_quote(visit: Open, original: Callable[[str], str], site: Site) -> None:
    """Every fifth sentence of the town's own page, on a page with its text."""
    (document,) = (d for d in read_corpus(ROOT / "corpus").documents if d.source.kind is DocumentKind.ORIGINAL)
    address = original(document.text)
    page = visit(f"{site.address}/api/health").page
    sentences = [s for p in split(document, lambda words: len(words.split()), 200) for s in p.sentences][::5]
    assert len(sentences) > 10
    missed = []
    for start, end in sentences:
        text = document.text[start:end]
        page.goto("about:blank")
        page.goto(with_text_fragment(address, text))
        page.wait_for_timeout(150)
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        painted = sum(count for count, colour in picture.getcolors(2**24) or [] if colour == (255, 0, 255))
        if painted < 200:
            missed.append(text)
    assert missed == []
