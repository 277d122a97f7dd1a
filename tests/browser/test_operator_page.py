"""The operator's page in a real Chromium over a real process: by keyboard, without scripts, small, dark, for all."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.operator_site import ORCHARD, PASSWORD, QUESTIONS, SOURCES, Operating, operating

Open = Callable[..., Visit]

GARDEN = "# Le jardin\n\nLe jardin partagé de la rue Basse compte vingt parcelles.\n"
BUILD_S = 120_000
PAGES = (
    *("/", "/documents", "/documents/ajouter", "/documents/modifier?chemin=verger.md", "/construire", "/constructions"),
    *("/documents/retirer?chemin=verger.md", "/essayer?q=Combien+de+parcelles+%3F", "/couverture", "/sans-reponse"),
    *("/documents/retires", "/documents/site", "/sources/verger", "/inconnu"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operating]:
    """A town hall that begins: one document, nothing built."""
    orchard = SOURCES.partition('["mare')[0]
    corpus = {"verger.md": ORCHARD, "sources.toml": orchard, "questions.jsonl": QUESTIONS.partition("\n")[0]}
    with operating(tmp_path_factory.mktemp("operator-page"), corpus) as running:
        yield running


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/connexion")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", name="Où en sont les documents")).to_be_visible()


def go_to(page: Page, name: str | re.Pattern[str], role: str = "link") -> None:
    """Press what is named so, reached by the Tab key alone; whatever has the focus on the way is seen to have it."""
    wanted = page.get_by_role(role, name=name, exact=isinstance(name, str)).first  # type: ignore[arg-type]
    expect(wanted).to_be_visible()
    for _ in range(80):
        page.keyboard.press("Tab")
        ring = "e => e === document.body || getComputedStyle(e).outlineStyle !== 'none'"
        assert page.evaluate(f"({ring})(document.activeElement)"), page.evaluate("document.activeElement.outerHTML")
        if wanted.evaluate("e => e === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{name} is not reached by the Tab key")


@pytest.fixture(scope="module")
def published(site: Operating, browser) -> Operating:  # type: ignore[no-untyped-def]
    """The whole way by keyboard: sign in, a first document added, built, compared, put into service."""
    context = browser.new_context(viewport={"width": 1000, "height": 800}, locale="fr-FR")
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(site.address)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("pas celui-là")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ce n’est pas le mot de passe.")
    page.get_by_label("Mot de passe").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Où en sont les documents")
    go_to(page, "Documents")
    go_to(page, "Ajouter des documents")
    file = {"name": "jardin.md", "mimeType": "text/markdown", "buffer": GARDEN.encode()}
    page.get_by_label("Fichiers à ajouter").set_input_files([file])  # the system's own window is not the page's
    expect(page.locator("#files-chosen")).to_have_text("jardin.md, moins de 1\u00a0Mo")
    page.locator("#new-theme").focus()
    page.keyboard.type("Nature")
    go_to(page, "Ajouter", "button")
    expect(page.get_by_role("status").first).to_contain_text("1 document ajouté")
    expect(page.get_by_role("row").filter(has_text="jardin.md")).to_contain_text("À construire")
    go_to(page, "Construire")
    go_to(page, "Construire", "button")
    expect(page.get_by_role("heading", name="Construction en cours")).to_be_visible()
    page.reload()  # and what goes on goes on
    expect(page.get_by_role("progressbar").first).to_be_visible(timeout=BUILD_S)
    expect(page.get_by_text("est prête après")).to_be_visible(timeout=BUILD_S)
    go_to(page, "Voir ce qui change et mettre en service")
    go_to(page, "Mettre en service", "button")
    expect(page.get_by_role("status").first).to_contain_text("est en service")
    expect(page.get_by_role("region", name="En service")).to_contain_text("2\u00a0documents")
    context.close()
    return site


def test_the_whole_way_is_gone_by_keyboard(published: Operating) -> None:
    assert (published.corpus / "jardin.md").read_text(encoding="utf-8") == GARDEN
    assert (published.index / "current").exists()


LOOK = """() => {
  const shown = [...document.querySelectorAll('main *, header *')].filter(e => e.checkVisibility());
  const control = ':is(button, .button, summary, select, input:not([type=hidden])), header a';
  const levels = shown.filter(e => /^H[1-6]$/.test(e.tagName)).map(e => Number(e.tagName[1]));
  const box = e => e.getBoundingClientRect();
  return [
    [document.documentElement.scrollWidth > innerWidth, 'the page is wider than its window'],
    ...shown.filter(e => e.matches(control) && (box(e).width < 24 || box(e).height < 24))
      .map(e => [true, 'too small: ' + e.outerHTML]),
    [levels[0] !== 1 || levels.filter(l => l === 1).length !== 1, 'not one title: ' + levels],
    [levels.some((l, i) => i && l > levels[i - 1] + 1), 'a level of headings is left out: ' + levels],
    ...shown.filter(e => e.tagName === 'TABLE').map(e => [
      !(e.caption || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))
        || [...e.querySelectorAll('th')].some(h => !h.scope), 'a table without name or headers']),
    ...shown.filter(e => e.tagName === 'svg').map(e => [
      e.getAttribute('aria-hidden') !== 'true', 'a drawing that is not told in words']),
  ].filter(([isWrong]) => isWrong).map(([, why]) => why);
}"""


@pytest.mark.parametrize(
    "profile",
    [
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
        {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
        {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
        {"viewport": {"width": 640, "height": 400}, "color_scheme": "light", "device_scale_factor": 2},
    ],
    ids=["wide", "wide and dark", "small", "smallest and dark", "twice as large"],
)
def test_every_page_can_be_read_and_used_by_all(published: Operating, visit: Open, profile: dict[str, object]) -> None:
    page = visit(f"{published.address}/connexion", **profile).page
    page.set_default_navigation_timeout(BUILD_S)  # the first question loads the encoder
    found: dict[str, object] = {}

    def look(name: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
        results = Axe().run(page)
        if results.violations_count:
            found[name] = results.generate_report()
        if wrong := page.evaluate(LOOK):
            found[f"{name}, looked at"] = wrong

    look("/connexion")
    page.get_by_label("Mot de passe").fill("pas celui-là")
    page.get_by_role("button", name="Se connecter").click()
    look("/connexion, wrong")
    sign_in(page, published.address)
    for path in PAGES:
        page.goto(published.address + path)
        look(path)
    current = (published.index / "current").read_text().strip()
    page.goto(f"{published.address}/constructions/{current}")
    look("/constructions/…")
    page.goto(f"{published.address}/documents/ajouter")
    page.locator("#url").fill("http://127.0.0.1:1/")
    page.get_by_role("button", name="Ajouter la page").click()
    expect(page.get_by_role("alert")).to_contain_text("l’adresse d’une machine privée", timeout=BUILD_S)
    look("/documents/adresse, refused")
    page.goto(f"{published.address}/construire")
    page.get_by_text("Tout recalculer").click()
    page.get_by_label("Ne rien reprendre").check()
    page.get_by_role("button", name="Construire", exact=True).click()
    expect(page.get_by_role("progressbar").first).to_be_visible(timeout=BUILD_S)
    page.route("**/construire/etat", lambda route: route.abort())  # it may not end while it is looked at
    look("/construire, going on")
    page.unroute("**/construire/etat")
    page.get_by_role("button", name="Arrêter la construction").click()
    expect(page.get_by_role("heading", name="Dernière construction")).to_be_visible(timeout=BUILD_S)
    look("/construire, over")
    assert found == {}


def test_the_focus_goes_through_every_page_and_out_again(published: Operating, visit: Open) -> None:
    page = visit(f"{published.address}/connexion", viewport={"width": 360, "height": 740}).page
    page.set_default_navigation_timeout(BUILD_S)
    sign_in(page, published.address)
    there = """() => {
      const e = document.activeElement;
      if (e === document.body) return null;
      const box = e.getBoundingClientRect(), style = getComputedStyle(e);
      const isSeen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
      const isRinged = style.outlineStyle !== 'none' || e.matches('[type=date]'); // whose parts are ringed
      return [e.tagName + (e.id || e.name || e.textContent), isSeen && isRinged];
    }"""
    for path in (
        "/",
        "/documents",
        "/documents/ajouter",
        "/construire",
        "/couverture",
        "/documents/modifier?chemin=verger.md",
    ):
        page.goto(published.address + path)
        count = page.locator(":is(a[href]:not([tabindex]), button, input:not([type=hidden]), select, summary)").count()
        seen = []
        for _ in range(3 * count + 20):
            page.keyboard.press("Tab")
            if (at := page.evaluate(there)) is None:
                break
            seen.append(at)
        else:
            raise AssertionError(f"{path}: the focus does not get out: {seen[-5:]}")
        assert [what for what, is_shown in seen if not is_shown] == [], path
        assert len(seen) > 10


def test_a_report_is_printed_without_what_is_pressed(published: Operating, visit: Open) -> None:
    page = visit(f"{published.address}/connexion", color_scheme="dark").page
    sign_in(page, published.address)
    current = (published.index / "current").read_text().strip()
    page.goto(f"{published.address}/constructions/{current}")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("heading", name="Questions de contrôle")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("navigation")).to_have_count(0)
    ink, ground = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, ground) == ("rgb(29, 36, 33)", "rgb(255, 255, 255)"), "dark words on white paper"


def test_pages_ask_nothing_of_others_and_break_no_policy(published: Operating, visit: Open) -> None:
    opened = visit(f"{published.address}/connexion", locale="fr-FR")
    opened.page.set_default_navigation_timeout(BUILD_S)
    sign_in(opened.page, published.address)
    for path in PAGES[:-1]:
        opened.page.goto(published.address + path)
    assert {request for request in opened.requests if not request.startswith(published.address)} == set()
    assert [error for error in opened.errors if "Password forms" not in error] == []
    cookies = opened.context.cookies()
    assert [(cookie["name"], cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [
        ("loos-operator", True, "Strict")
    ]
    assert opened.page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_all_of_it_works_without_scripts(published: Operating, visit: Open) -> None:
    page = visit(f"{published.address}/connexion", java_script_enabled=False, locale="fr-FR").page
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.get_by_role("link", name="Documents", exact=True).first.click()
    page.get_by_label("Mots du titre").fill("jardin")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Modifier").first.click()
    page.get_by_label("Titre").fill("Le jardin partagé")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("status").first).to_contain_text("« Le jardin partagé » est modifié.")
    page.goto(f"{published.address}/construire")
    page.get_by_role("button", name="Construire", exact=True).click()
    expect(page.get_by_role("heading", name="Construction en cours")).to_be_visible()
    page.get_by_role("button", name="Arrêter la construction").click()
    for _ in range(200):
        page.goto(f"{published.address}/construire")
        if page.get_by_role("heading", name="Dernière construction").count():
            break
        page.wait_for_timeout(200)
    expect(page.locator("#contenu")).to_contain_text("La construction a été arrêtée")
    page.goto(f"{published.address}/couverture")
    page.locator("summary").last.click()
    page.locator(".places-of a").last.click()
    expect(page.locator("mark").first).to_be_visible()


def test_the_end_of_a_session_loses_nothing_that_was_typed_or_chosen(published: Operating, visit: Open) -> None:
    opened = visit(f"{published.address}/connexion", locale="fr-FR")
    page = opened.page
    sign_in(page, published.address)
    page.goto(f"{published.address}/documents/ajouter")
    file = {"name": "marché.md", "mimeType": "text/markdown", "buffer": b"# Le march\xc3\xa9\n\nIl a lieu le jeudi.\n"}
    page.get_by_label("Fichiers à ajouter").set_input_files([file])
    page.locator("#new-publisher").fill("L’union des commerces")
    opened.context.clear_cookies()
    page.get_by_role("button", name="Ajouter", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("La session est terminée. Rien n’est envoyé ni perdu")
    with opened.context.expect_page() as found:
        page.get_by_role("link", name="connectez-vous dans un autre onglet").click()
    found.value.get_by_label("Mot de passe").fill(PASSWORD)
    found.value.get_by_role("button", name="Se connecter").click()
    expect(found.value.get_by_role("heading", name="Où en sont les documents")).to_be_visible()
    page.get_by_role("button", name="Ajouter", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("1 document ajouté")
    assert (published.corpus / "marché.md").exists()
    assert 'publisher = "L’union des commerces"' in (published.corpus / "sources.toml").read_text(encoding="utf-8")
    (published.corpus / "marché.md").unlink()


def test_without_scripts_a_form_is_kept_by_the_page_that_asks_for_the_password(
    published: Operating, visit: Open
) -> None:
    opened = visit(f"{published.address}/connexion", locale="fr-FR", java_script_enabled=False)
    page = opened.page
    sign_in(page, published.address)
    page.goto(f"{published.address}/documents/modifier?chemin=jardin.md")
    page.get_by_label("Titre").fill("Le grand jardin")
    opened.context.clear_cookies()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("alert")).to_contain_text("Ce que vous avez écrit est gardé")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("definition").filter(has_text="Le grand jardin")).to_be_visible()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("status").first).to_contain_text("« Le grand jardin » est modifié.")


def test_going_back_after_the_end_shows_nothing(published: Operating, visit: Open) -> None:
    page = visit(f"{published.address}/connexion", locale="fr-FR").page
    sign_in(page, published.address)
    page.goto(f"{published.address}/documents")
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("heading", name="Connexion")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Connexion")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("verger.md")


def test_a_double_click_begins_one_rebuild(published: Operating, visit: Open) -> None:
    opened = visit(f"{published.address}/connexion", locale="fr-FR")
    page = opened.page
    sign_in(page, published.address)
    page.goto(f"{published.address}/construire")
    sent: list[str] = []
    opened.context.on("request", lambda request: sent.append(request.method))
    page.get_by_text("Tout recalculer").click()
    page.get_by_label("Ne rien reprendre").check()  # it may not end before it is stopped
    page.get_by_role("button", name="Construire", exact=True).dblclick()
    expect(page.get_by_role("heading", name="Construction en cours")).to_be_visible()
    assert sent.count("POST") == 1
    expect(page.locator(".said-so")).to_have_count(0)
    page.get_by_role("button", name="Arrêter la construction").click()
    expect(page.get_by_text("La construction a été arrêtée")).to_be_visible(timeout=BUILD_S)


def test_the_map_opens_the_passage_that_is_clicked(published: Operating, visit: Open) -> None:
    page = visit(f"{published.address}/connexion").page
    sign_in(page, published.address)
    page.goto(f"{published.address}/couverture")
    points = page.locator(".map a")
    assert points.count() == page.locator(".places-of a").count() == 2
    points.first.click()
    expect(page.locator("mark").first).to_be_visible()
    assert Path(page.url.partition("?")[0]).name in ("verger", "jardin")
