"""What a resident does and sees: asks, reads the answer, opens its source."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from chatbot.messages import ENGLISH, FRENCH
from tests.browser.conftest import Site, Visit, running

Open = Callable[..., Visit]

ANSWERED = "Quand la Charte du cadre de vie a-t-elle été adoptée ?"
NOT_ANSWERED = "Quelle est la capitale de l’Australie ?"
MARKUP = (
    "Charte <img src=x onerror=alert(1)> <b>gras</b> *a* _b_ `c` [lien](http://exemple.fr) $$z$$ www.exemple.fr # d"
)
WHOLE = "#conversation .reply:not(.growing)"


def box(page: Page) -> Any:
    """The question box, by its name in the page's language."""
    messages = ENGLISH if page.locator("html").get_attribute("lang") == ENGLISH.language else FRENCH
    return page.get_by_role("textbox", name=messages.question, exact=True)


def ask(page: Page, question: str) -> None:
    """Ask and wait for the whole reply."""
    before = page.locator(WHOLE).count()
    box(page).fill(question)
    box(page).press("Enter")
    expect(page.locator(WHOLE)).to_have_count(before + 1)


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {node['html'][:200]}" for item in found for node in item["nodes"]]


def width_beyond_window(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_the_page_says_what_it_is_in_french(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    expect(page.get_by_role("heading", level=1, name=FRENCH.page_title)).to_be_visible()
    expect(page.get_by_text(FRENCH.page_introduction)).to_be_visible()
    expect(page.get_by_text(FRENCH.question, exact=True)).to_be_visible()
    expect(box(page)).to_be_focused()
    expect(page.get_by_role("button", name=FRENCH.send, exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert page.title() == FRENCH.page_title


def test_a_conversation_goes_on_and_shows_what_was_understood(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, "Que fait la ville pour la biodiversité ?")
    ask(page, "Et pour l'énergie ?")
    understood = page.locator("#conversation .understood")
    expect(understood).to_have_text("Compris comme\u00a0: «\u00a0Que fait la ville pour l'énergie\u00a0?\u00a0»")
    ask(page, ANSWERED)
    expect(understood).to_have_count(1)
    assert violations(page) == []
    page.get_by_role("button", name=FRENCH.clear).click()
    expect(page.locator(WHOLE)).to_have_count(0)
    ask(page, "Et quand ?")
    expect(understood).to_have_count(0)


def test_a_chronology_is_a_list_and_a_partial_answer_a_quote(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 360, "height": 800}).page
    ask(page, "Quelles sont les grandes dates de la transition à Loos-en-Gohelle ?")
    expect(page.locator("#conversation ul.answer > li").nth(3)).to_be_visible()
    ask(page, "Quel était le thème des Gohelliades en 2019 ?")
    expect(page.get_by_role("heading", name=FRENCH.see_also)).to_be_visible()
    expect(page.locator("#conversation .quote")).to_contain_text("2022")
    assert width_beyond_window(page) <= 0
    assert violations(page) == []


def test_a_question_by_keyboard_is_answered_and_its_source_opened(site: Site, visit: Open) -> None:
    visited = visit(site.address)
    page = visited.page
    reply = site.ask(ANSWERED)
    expect(box(page)).to_be_focused()
    page.keyboard.type(ANSWERED)
    page.keyboard.press("Enter")
    expect(page.locator(WHOLE)).to_have_count(1)
    expect(page.locator("#conversation .asked")).to_have_text(ANSWERED)
    expect(box(page)).to_have_value("")

    shown = page.locator("#conversation .answer")
    for sentence in reply["sentences"]:
        expect(shown).to_contain_text(sentence["text"])
    marks = page.get_by_role("link", name=re.compile(rf"^{FRENCH.source} \[\d\]$"))
    assert marks.count() == sum(len(sentence["citations"]) for sentence in reply["sentences"])
    places = page.locator("#conversation .places li")
    expect(places).to_have_count(len(reply["citations"]))
    expect(places.first).to_contain_text(reply["citations"][0]["title"])
    expect(places.first).to_contain_text(reply["citations"][0]["publisher"])

    marks.first.focus()
    page.keyboard.press("Enter")
    passage = page.get_by_role("complementary", name=FRENCH.passage)
    expect(passage.locator("mark")).to_have_text(reply["citations"][0]["quote"])
    expect(passage.locator("mark")).to_be_focused()
    expect(passage.locator("mark")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(passage).not_to_be_visible()
    expect(marks.first).to_be_focused()
    with visited.context.expect_page() as opening:
        marks.first.click(modifiers=["Control"])
    source = opening.value
    expect(source.locator("mark")).to_have_text(reply["citations"][0]["quote"])
    expect(source.locator("mark")).to_be_in_viewport()
    expect(source.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator(WHOLE)).to_have_count(1)


def test_a_theme_button_asks_its_question(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    buttons = page.locator("#themes").get_by_role("button")
    expect(buttons).to_have_count(6)
    question = buttons.first.inner_text()
    buttons.first.click()
    expect(page.locator(WHOLE)).to_have_count(1)
    expect(page.locator("#conversation .asked")).to_have_text(question)


def test_what_the_documents_do_not_answer_is_said_with_a_way_on(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, NOT_ANSWERED)
    expect(page.locator("#conversation .abstention")).to_contain_text("Mairie de Loos-en-Gohelle")
    expect(page.locator("#conversation .abstention").get_by_role("link")).to_have_attribute(
        "href", "https://loos-en-gohelle.fr"
    )
    expect(page.locator("#conversation .cite")).to_have_count(0)
    expect(page.get_by_text(FRENCH.suggestions)).to_be_visible()
    suggestions = page.locator("#conversation .options").get_by_role("button")
    expect(suggestions).to_have_count(3)
    question = suggestions.first.inner_text()
    suggestions.first.click()
    expect(page.locator(WHOLE)).to_have_count(2)
    expect(page.locator("#conversation .asked").last).to_have_text(question)
    expect(page.get_by_text(FRENCH.suggestions)).not_to_be_visible()


def test_markup_in_a_question_is_shown_as_text(site: Site, visit: Open) -> None:
    visited = visit(site.address)
    page = visited.page
    ask(page, MARKUP)
    expect(page.locator("#conversation .asked")).to_have_text(MARKUP)
    for tag in ("img", "b", "em", "code", "script"):
        assert page.locator(f"#conversation .prose {tag}").count() == 0
    assert page.locator("#conversation [data-testid=user] a").count() == 0
    assert visited.errors == []


def test_lines_of_a_question_stay_lines(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    box(page).fill("Une charte ?")
    box(page).press("Shift+Enter")
    page.keyboard.type("    # Laquelle ?")
    box(page).press("Enter")
    expect(page.locator(WHOLE)).to_have_count(1)
    assert page.locator("#conversation .asked").inner_text() == "Une charte ?\n    # Laquelle ?"


def test_a_question_that_cannot_be_asked_is_kept(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    page.get_by_role("button", name=FRENCH.send, exact=True).click()
    expect(page.locator("#conversation .notice")).to_have_text(FRENCH.question_empty)
    long = "eau " * 300
    box(page).fill(long)
    box(page).press("Enter")
    expect(page.locator("#conversation .notice")).to_have_text(
        FRENCH.question_too_long.format(length=len(long), limit=1000)
    )
    expect(box(page)).to_have_value(long)
    ask(page, ANSWERED)
    expect(page.locator("#conversation .notice")).to_have_count(0)


def test_a_conversation_goes_on_and_is_cleared(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, ANSWERED)
    ask(page, NOT_ANSWERED)
    expect(page.locator("#conversation .asked")).to_have_text([ANSWERED, NOT_ANSWERED])
    page.get_by_role("button", name=FRENCH.clear, exact=True).click()
    expect(page.locator("#conversation .asked")).to_have_count(0)
    ask(page, ANSWERED)
    expect(page.locator("#conversation .asked")).to_have_count(1)


def test_a_reply_is_read_out_once(site: Site, visit: Open) -> None:
    page = visit(site.address).page
    ask(page, ANSWERED)
    status = page.locator("body > [role=status]", has_text="Charte")
    expect(status).to_have_text(page.locator("#conversation .said").text_content() or "")
    expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")
    expect(page.get_by_role("log")).to_have_accessible_name(FRENCH.conversation)
    expect(page.get_by_test_id("user")).to_have_accessible_name(FRENCH.question)
    expect(page.get_by_test_id("bot")).to_have_accessible_name(FRENCH.reply)


def test_nothing_is_asked_of_others_and_nothing_is_kept(site: Site, visit: Open) -> None:
    visited = visit(site.address)
    page = visited.page
    ask(page, ANSWERED)
    ask(page, NOT_ANSWERED)
    page.locator("#conversation .cite").first.click()
    expect(page.locator("#passage mark")).to_be_visible()
    assert len(visited.requests) > 20
    assert [url for url in visited.requests if not url.startswith((site.address + "/", "data:", "blob:"))] == []
    assert visited.context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert visited.errors == []


@pytest.mark.parametrize("width", [360, 320])
def test_a_narrow_window_needs_no_sideways_scrolling(site: Site, visit: Open, width: int) -> None:
    page = visit(site.address, viewport={"width": width, "height": 640}).page
    expect(box(page)).to_be_visible()
    assert width_beyond_window(page) <= 0
    ask(page, ANSWERED)
    ask(page, "x" * 300)
    assert width_beyond_window(page) <= 0
    page.goto(site.address + site.ask(ANSWERED)["citations"][0]["deep_link"])
    assert width_beyond_window(page) <= 0


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_axe_finds_nothing(site: Site, visit: Open, color_scheme: str) -> None:
    page = visit(site.address, color_scheme=color_scheme, bypass_csp=True).page
    expect(box(page)).to_be_visible()
    assert violations(page) == []
    ask(page, ANSWERED)
    assert violations(page) == []
    ask(page, NOT_ANSWERED)
    assert violations(page) == []
    page.goto(site.address + site.ask(ANSWERED)["citations"][0]["deep_link"])
    assert violations(page) == []


def test_a_source_needs_no_script(site: Site, visit: Open) -> None:
    citation = site.ask(ANSWERED)["citations"][0]
    page = visit(site.address + citation["deep_link"], java_script_enabled=False).page
    expect(page.locator("mark")).to_have_text(citation["quote"])
    expect(page.locator("mark")).to_be_in_viewport()
    page.goto(f"{site.address}/sources/{citation['document_id']}#p-{citation['start']}")
    expect(page.locator(f"#p-{citation['start']}")).to_be_in_viewport()
    page.get_by_role("link", name=FRENCH.ask_a_question).click()
    expect(page).to_have_url(f"{site.address}/")


def test_a_question_asked_while_the_service_loads_is_answered_or_cleared(
    index_folder: Path, visit: Open, tmp_path: Path
) -> None:
    with running(index_folder, tmp_path / "serve.log", wait_for="/") as starting:
        visited = visit(starting.address)
        page = visited.page
        box(page).fill(NOT_ANSWERED)
        box(page).press("Enter")
        expect(page.locator("#conversation .waiting")).to_have_text(FRENCH.loading)
        page.get_by_role("button", name=FRENCH.clear, exact=True).click()
        expect(page.locator("#conversation .asked")).to_have_count(0)
        box(page).fill(ANSWERED)
        box(page).press("Enter")
        expect(page.locator(WHOLE)).to_have_count(1, timeout=60_000)
        expect(page.locator("#conversation .answer")).to_contain_text("2001")
        expect(page.locator("#conversation .asked")).to_have_text([ANSWERED])
        assert visited.errors == []


def test_in_a_frame_the_page_takes_neither_focus_nor_scroll(site: Site, visit: Open) -> None:
    page = visit(f"{site.address}/api/health").page
    page.set_content(
        f'<p style="height: 1600px">Ville</p><iframe src="{site.address}/" width="600" height="700"></iframe>'
    )
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("textbox", name=FRENCH.question)).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("[window.scrollY, document.activeElement.tagName]") == [0, "BODY"]


def test_on_a_phone_a_question_chosen_below_is_brought_into_view(site: Site, visit: Open) -> None:
    page = visit(site.address, viewport={"width": 360, "height": 640}, reduced_motion="reduce").page
    for count in (1, 2):
        page.locator("#themes button").nth(count).click()
        expect(page.locator(WHOLE)).to_have_count(count)
        question = page.locator("#conversation [data-testid=user]").last
        top = question.evaluate("element => element.getBoundingClientRect().top")
        assert 0 <= top <= 320
