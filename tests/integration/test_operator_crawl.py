"""A site taken on the operator's page: begun once, followed, stopped, gone on with, told of."""

import re
import time
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from tests.operator_site import Operating, Visitor, crawling
from tests.web_server import Reply, Site, page, served

LINKS = '<a href="/verger">Le verger</a> <a href="/absent">?</a> <a href="/plan.pdf">Plan</a> <a href="/lent">Lent</a>'


@pytest.fixture
def town() -> Iterator[Site]:
    with served() as running:
        running.pages |= {
            "/": page("Accueil", "<p>Le village de Saint-Exemple compte mille deux cents habitants.</p>", LINKS),
            "/verger": page("Le verger", "<p>Le verger communal compte quarante pommiers, plantés en 2010.</p>"),
        }
        yield running


@pytest.fixture
def site(tmp_path) -> Iterator[Operating]:
    with crawling(tmp_path) as running:
        yield running


@pytest.fixture
def visitor(site: Operating) -> Iterator[Visitor]:
    with site.visitor() as visitor:
        visitor.sign_in()
        yield visitor


def words(response: httpx.Response) -> str:
    main = response.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub("<[^>]+>", " ", main)).split())


def ended(visitor: Visitor) -> str:
    deadline = time.monotonic() + 120
    while visitor.get("/documents/site/etat").json()["is_running"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return words(visitor.get("/documents/site"))


def test_a_site_is_taken_and_told_of(site, town, visitor):
    asked = {"site": town.url, "pages": "50", "theme": "Village", "publisher": "La <b>commune</b>"}
    begun = visitor.submit("/documents/site", "/documents/ajouter", **asked)
    assert "Relevé en cours" in words(begun)
    assert "Actualiser" in words(begun), "without scripts too"
    said = ended(visitor)
    assert "Relevé terminé" in said
    assert (
        "4 pages demandées, de lien en lien : 2 documents nouveaux, 0 changé, 0 inchangé, 2 adresses laissées" in said
    )
    assert "1 fichier lié (PDF…) n’est pas pris : cochez" in said
    assert "Nouveaux (2)" in said
    assert "Laissés de côté (2)" in said
    assert "/absent (et 1 autre) cette page n’existe pas (code 404)." in said
    waiting = visitor.get("/documents?etat=waiting")
    assert "Le verger" in words(waiting)
    assert "La <b>commune</b>" in words(waiting)
    assert "<b>commune" not in waiting.text
    visitor.submit("/documents/site", "/documents/ajouter", **asked)
    assert "0 document nouveau, 0 changé, 2 inchangés" in ended(visitor)


def test_a_crawl_is_begun_once_stopped_and_gone_on_with(site, town, visitor):
    town.pages["/lent"] = Reply("a" * 200, drip_s=0.1)
    asked = {"site": town.url, "pages": "50", "documents": "yes"}
    visitor.submit("/documents/site", "/documents/ajouter", **asked)
    assert "est déjà en train d’être relevé" in words(visitor.submit("/documents/site", "/documents/site", **asked))
    assert "est en train d’être relevé" in words(visitor.get("/documents/ajouter"))
    deadline = time.monotonic() + 60
    while "/lent" not in town.paths():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    visitor.submit("/documents/site/arreter", "/documents/site")
    said = ended(visitor)
    assert "Relevé arrêté" in said
    assert "Pas terminé : interrompu. 1 adresse attend" in said
    assert (site.corpus / "web").exists(), "what came is kept"
    town.pages["/lent"] = page("Lent", "<p>La piscine ouvre le lundi, le mercredi et le samedi matin.</p>")
    form = visitor.get("/documents/site").text.partition("Pas terminé")[2]
    kept = dict(re.findall(r'name="(site|pages|documents)" value="([^"]*)"', form))
    assert kept == asked
    visitor.submit("/documents/site", "/documents/site", **kept)
    said = ended(visitor)
    assert "Relevé terminé" in said
    assert "3 documents nouveaux" in said, "all parts together"
    assert town.times("/verger") == 1


def test_a_limit_is_told_without_the_words_of_the_terminal(site, town, visitor):
    visitor.submit("/documents/site", "/documents/ajouter", site=town.url, pages="1")
    said = ended(visitor)
    assert "Pas terminé : la limite de 1 pages est atteinte." in said
    assert "--" not in said
    nothing = visitor.submit("/documents/site", "/documents/site", site=f"{town.url}/absent", pages="5")
    assert nothing.status_code == 200
    assert "Aucun document n’a été pris." in ended(visitor)
