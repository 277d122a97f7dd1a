"""The operator's page as a real process on a real port: who may come in, documents in and out, a rebuild and what
becomes of it. One process for all tests; those that change what is live come last."""

import io
import re
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from datetime import date
from html import unescape

import httpx
import pytest

from chatbot.answer import Abstention, Reason
from chatbot.feedback import Feedback
from chatbot.messages import FRENCH
from chatbot.settings import load_settings
from chatbot.unanswered import Unanswered
from index.build import build_index
from index.store import Store
from tests.operator_site import ORCHARD, PASSWORD, POND, QUESTIONS, ROOT, SOURCES, Operating, Visitor, operating

MARKUP = "La mare <script>alert(2)</script>"
FILES = {"verger.md": ORCHARD, "mare.md": POND, "sources.toml": SOURCES, "questions.jsonl": QUESTIONS}


@pytest.fixture(scope="module")
def site(encoder, tmp_path_factory) -> Iterator[Operating]:
    folder = tmp_path_factory.mktemp("operator")
    (folder / "corpus").mkdir()
    for name, text in FILES.items():
        (folder / "corpus" / name).write_text(text, encoding="utf-8")
    build_index(
        folder / "corpus",
        Store(folder / "index"),
        lambda: encoder,
        model=encoder.name,
        revision=encoder.revision,
        max_passage_tokens=200,
    )
    with operating(folder, {}) as running:
        yield running


@pytest.fixture
def visitor(site) -> Iterator[Visitor]:
    """Someone who is signed in."""
    with site.visitor() as visitor:
        assert visitor.sign_in().status_code == 303
        yield visitor


def words(response: httpx.Response) -> str:
    """What a page says, on one line, ordinary spaces."""
    main = response.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub("<[^>]+>", " ", main)).replace("\u202f", " ").split())


def docx(text: str) -> bytes:
    from docx import Document

    document, data = Document(), io.BytesIO()
    document.add_heading("Compte rendu", 1)
    document.add_paragraph(text)
    document.save(data)
    return data.getvalue()


def pdf(text: str) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data)
    canvas.drawString(72, 700, text)
    canvas.save()
    return data.getvalue()


def archive(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        for name, text in files.items():
            opened.writestr(f"{name}.txt", text)
    return data.getvalue()


# who may come in


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/documents",
            "/documents/site",
            "/documents/ajouter",
            "/documents/modifier?chemin=verger.md",
            "/documents/retires",
        ),
        *("/construire", "/constructions", "/constructions/x", "/essayer", "/sans-reponse", "/couverture"),
        "/sources/verger",
    ],
)
def test_nothing_is_shown_to_who_is_not_signed_in(site, path):
    with site.visitor() as stranger:
        response = stranger.get(path)
        assert (response.status_code, response.text) == (303, "")
        assert response.headers["location"].startswith("/connexion")
        assert stranger.get("/construire/etat", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        *("/construire", "/documents/ajouter", "/documents/retirer", "/documents/site", "/constructions/publier"),
        "/deconnexion",
    ],
)
def test_nothing_is_done_for_who_is_not_signed_in(site, path):
    with site.visitor() as stranger:
        key = stranger.key("/connexion")
        assert stranger.post(path, data={"form": key, "chemin": "verger.md"}).status_code == 401
    assert (site.corpus / "verger.md").exists()


def test_a_form_sent_after_the_end_of_a_session_is_kept_until_one_is_signed_in(site):
    title, path = 'La mare "du" <parc>', "/documents/modifier?chemin=mare.md"
    with site.visitor() as visitor:
        visitor.sign_in()
        before = re.search(r'name="before" value="(\w+)"', visitor.get(path).text)[1]
        entry = {"chemin": "mare.md", "before": before, "title": title, "theme": "Nature", "publisher": "La ville"}
        form = {"form": visitor.key(path), **entry}
        visitor.cookies.clear()
        turned_away = visitor.post("/documents/modifier", data=form)
        assert turned_away.status_code == 401
        assert "Ce que vous avez écrit est gardé" in words(turned_away)
        assert "<parc>" not in turned_away.text
        for password, status in (("pas celui-là", 403), (PASSWORD, 200)):
            hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', turned_away.text)
            sent = {name: unescape(value) for name, value in hidden} | {"password": password}
            turned_away = visitor.post("/connexion", data=sent)
            assert turned_away.status_code == status
        assert f"Titre {title}" in words(turned_away)
        assert "Enregistrer ce que vous aviez écrit sur ce document ?" in words(turned_away)
        assert (site.corpus / "sources.toml").read_text(encoding="utf-8") == SOURCES, (
            "nothing is done before it is sent"
        )
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', turned_away.text.partition("<main")[2])
        again = {name: unescape(value) for name, value in hidden}
        assert {name: value for name, value in again.items() if name != "form"} == entry
        done = visitor.post("/documents/modifier", data=again, follow_redirects=True)
        assert f"« {title} » est modifié." in words(done)
    (site.corpus / "sources.toml").write_text(SOURCES, encoding="utf-8")
    blind = {"/constructions/publier": {"anyway": "yes"}, "/constructions/precedente": {}, "/documents/retablir": {}}
    for where, form in blind.items():  # nothing of which one does not see what it does
        with site.visitor() as late:
            turned_away = late.post(where, data={"live": "", "build": "x", "document": "y", **form})
            assert "Connectez-vous, puis recommencez ce que vous faisiez." in words(turned_away)
            assert "renvoyer" not in turned_away.text
            sent = {"form": late.key("/connexion"), "password": PASSWORD, "renvoyer": where, "garde-build": "x"}
            assert late.post("/connexion", data=sent).headers["location"] == "/"
    with site.visitor() as stranger:  # nothing but our own forms is kept
        data = {"form": stranger.key("/connexion"), "password": PASSWORD, "renvoyer": "https://attaquant.exemple/x"}
        assert stranger.post("/connexion", data=data).headers["location"] == "/"
        assert stranger.get("/session", headers={"Accept": "application/json"}).json()["form"] == stranger.key("/")


def test_signing_in_gives_a_new_cookie_that_scripts_and_other_sites_do_not_get(site):
    with site.visitor() as visitor:
        assert "Ce n’est pas le mot de passe." in words(visitor.sign_in("pas celui-là"))
        before = dict(visitor.cookies)
        response = visitor.post(
            "/connexion?suite=/couverture", data={"form": visitor.key("/connexion"), "password": PASSWORD}
        )
        assert response.headers["location"] == "/couverture"
        cookie = response.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert dict(visitor.cookies) != before
        assert visitor.get("/").status_code == 200
        key = visitor.key("/")
        assert visitor.post("/deconnexion", data={"form": key}).headers["location"] == "/connexion"
    with site.visitor() as thief:
        thief.cookies.set("loos-operator", cookie.split(";")[0].partition("=")[2])
        assert thief.get("/").status_code == 303, "the session ended on the server too"
    said = site.said()
    assert "a sign-in from 127.0.0.1 failed" in said
    assert "pas celui-là" not in said
    assert PASSWORD not in said


@pytest.mark.parametrize("towards", ["https://attaquant.exemple", "//attaquant.exemple", "/\\attaquant.exemple", "x"])
def test_signing_in_leads_nowhere_else(site, towards):
    with site.visitor() as visitor:
        data = {"form": visitor.key("/connexion"), "password": PASSWORD}
        response = visitor.post("/connexion", params={"suite": towards}, data=data)
        assert response.headers["location"] == "/"


def test_behind_https_the_cookie_is_for_https_alone(site):
    with site.visitor() as visitor:
        cookie = visitor.get("/connexion", headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert cookie.startswith("__Host-loos-operator=")
    assert "Secure" in cookie.split("; ")


def test_forms_of_other_sites_and_without_their_token_do_nothing(site, visitor):
    before = visitor.get("/documents").text.count("<tr")
    for headers in ({"Origin": "https://attaquant.exemple"}, {"Sec-Fetch-Site": "cross-site"}):
        data = {"form": visitor.key("/documents/retirer?chemin=verger.md"), "chemin": "verger.md"}
        assert visitor.post("/documents/retirer", data=data, headers=headers).status_code == 403
    for form in ("", "0" * 64):
        refused = visitor.post("/documents/retirer", data={"form": form, "chemin": "verger.md"})
        assert refused.status_code == 403
        assert "Ce formulaire a vieilli." in words(refused)
    with site.visitor() as other:
        other.sign_in()
        theirs = other.key("/construire")
    assert visitor.post("/documents/retirer", data={"form": theirs, "chemin": "verger.md"}).status_code == 403
    assert visitor.get("/documents", headers={"Host": "attaquant.exemple"}).status_code == 421
    assert visitor.get("/documents").text.count("<tr") == before


# documents


def test_files_of_all_kinds_come_in_and_what_is_wrong_with_others_is_said(site, visitor):
    markup = "# <script>alert(1)</script> & Cie\n\nLa rue Basse compte douze tilleuls plantés en 2026.\n"
    added = [
        ("conseil.pdf", pdf("Le conseil municipal a vote douze bancs pour la place.")),
        ("C:\\Documents\\compte rendu.docx", docx("Le comité a retenu deux pistes cyclables.")),
        (
            "../../../../tmp/pistes.html",
            b"<html><body><main><p>La ville ouvre trois pistes cyclables.</p></main></body></html>",
        ),
        ("balises.md", markup.encode()),
        ("lot.zip", archive(un="Le marché a lieu chaque jeudi matin.", deux="La halle abrite trente étals.")),
    ]
    wrong = [("vide.pdf", b""), ("virus.exe", b"MZ"), (".cache.md", b"# a\n\nb."), ("abime.docx", b"PK\3\4 non")]
    files = [("files", (name, data)) for name, data in (*added, *wrong)]
    response = visitor.submit("/documents/ajouter", theme="Nature", publisher="La ville", files=files)
    said = words(response)
    assert "5 documents ajoutés : « conseil.pdf »," in said
    for name in ("vide.pdf", "virus.exe", ".cache.md", "abime.docx"):
        assert f"À corriger : {name}" in said.replace("« ", "").replace(" »", "").replace("À corriger : « ", ""), name
    on_disk = {path.relative_to(site.corpus).as_posix() for path in site.corpus.rglob("*") if path.is_file()}
    assert on_disk == {*FILES, "conseil.pdf", "compte rendu.docx", "pistes.html", "balises.md", "lot.zip"}
    again = visitor.submit("/documents/ajouter", files=[("files", ("balises.md", b"# Autre\n\nUn autre texte."))])
    assert "un autre document a déjà ce nom" in words(again)
    assert (site.corpus / "balises.md").read_bytes() == markup.encode()


def test_nothing_too_large_comes_in_or_stays(site, visitor):
    big = b"x" * 11_000_000  # a text may have ten
    response = visitor.submit("/documents/ajouter", files=[("files", ("gros.txt", big))])
    assert "la limite est de 10 Mo" in words(response)
    assert not (site.corpus / "gros.txt").exists()

    def flood() -> Iterator[bytes]:  # does not say how long it is
        for _ in range(40):
            yield b"x" * 4096

    refused = visitor.post(
        "/documents/modifier", content=flood(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert refused.status_code == 413
    assert visitor.get("/").status_code == 200


def test_what_is_said_of_a_document_is_changed_once_at_a_time(site, visitor):
    path = "/documents/modifier?chemin=mare.md"
    page = visitor.get(path).text
    before = re.search(r'name="before" value="(\w+)"', page)[1]
    entry = {"chemin": "mare.md", "before": before, "title": MARKUP, "theme": "Eau", "publisher": ""}
    done = visitor.submit("/documents/modifier", path, **entry, url="https://exemple.fr/mare", published="2020-02-29")
    assert f"« {MARKUP} » est modifié." in words(done)
    text = (site.corpus / "sources.toml").read_text(encoding="utf-8")
    said = {"title": MARKUP, "theme": "Eau", "url": "https://exemple.fr/mare", "published": date(2020, 2, 29)}
    assert tomllib.loads(text)["mare.md"] == said, "what was emptied is gone"
    assert tomllib.loads(text)["verger.md"] == tomllib.loads(SOURCES)["verger.md"]
    late = visitor.submit("/documents/modifier", path, **{**entry, "title": "Plus tard"})
    assert late.status_code == 422
    assert "Quelqu’un d’autre vient de modifier ce document" in words(late)
    fresh = re.search(r'name="before" value="(\w+)"', late.text)[1]
    for wrong in ({"published": "hier"}, {"url": "javascript:alert(1)"}, {"title": " "}, {"kind": "x"}):
        refused = visitor.submit("/documents/modifier", path, **{**entry, "before": fresh, **wrong})
        assert refused.status_code == 422, wrong
    assert (site.corpus / "sources.toml").read_text(encoding="utf-8") == text


def test_a_document_is_taken_out_after_a_question_and_put_back(site, visitor):
    confirm = visitor.get("/documents/retirer?chemin=pistes.html")
    assert "Retirer « pistes.html » ?" in words(confirm)
    done = visitor.submit("/documents/retirer", "/documents/retirer?chemin=pistes.html", chemin="pistes.html")
    assert "est retiré du dossier, et gardé à part" in words(done)
    assert not (site.corpus / "pistes.html").exists()
    removed = visitor.get("/documents/retires").text
    place = re.search(r'name="document" value="([^"]+)"', removed)[1]
    for wrong in ("../../sources.toml", "x/pistes.html", ""):
        assert visitor.submit("/documents/retablir", "/documents/retires", document=wrong).status_code == 404
    assert "est remis" in words(visitor.submit("/documents/retablir", "/documents/retires", document=place))
    assert (site.corpus / "pistes.html").exists()
    assert visitor.submit("/documents/retirer", "/documents/ajouter", chemin="../index/current").status_code == 404
    assert visitor.get("/documents/modifier?chemin=../index/current").status_code == 404


def test_an_address_that_is_none_of_the_web_is_refused_in_words(visitor):
    for address in ("file:///etc/passwd", "verger.md", "http://", "--help"):
        assert "Écrivez une adresse qui commence par https://" in words(
            visitor.submit("/documents/adresse", "/documents/ajouter", url=address)
        )
    typed = {"url": "http://127.0.0.1:1/x", "theme": "L’eau", "replace": "yes"}
    answer = visitor.submit("/documents/adresse", "/documents/ajouter", **typed)
    assert answer.status_code == 422
    assert "127.0.0.1 est l’adresse d’une machine privée" in words(answer)
    assert "demandez-le à l’informatique" in words(answer)
    for kept in ('value="http://127.0.0.1:1/x"', 'value="L’eau"', 'value="yes" checked'):
        assert answer.text.count(kept) == 1, "what was typed is not lost, and stays in its form"


def test_a_site_is_refused_as_the_command_refuses_it(site, visitor):
    for asked, why in (
        ({"site": "verger.md", "pages": "5"}, "elle commence par https://"),
        ({"site": "--help", "pages": "5"}, "elle commence par https://"),
        ({"site": "https://exemple.fr", "pages": "0"}, "Écrivez un nombre de pages, de 1 à 2000."),
        ({"site": "https://exemple.fr", "pages": "²"}, "Écrivez un nombre de pages, de 1 à 2000."),
    ):
        answer = visitor.submit("/documents/site", "/documents/ajouter", **asked)
        assert (answer.status_code, why in words(answer)) == (422, True)
        assert f'value="{asked["site"]}"' in answer.text
    assert "Aucun site n’a été relevé" in words(visitor.get("/documents/site"))
    visitor.submit("/documents/site", "/documents/ajouter", site="http://127.0.0.1:1/", pages="5")
    while visitor.get("/documents/site/etat").json()["is_running"]:
        time.sleep(0.1)
    said = words(visitor.get("/documents/site"))
    assert "Le site n’a pas été relevé. 127.0.0.1 est l’adresse d’une machine privée" in said
    assert "--allow-private" in said, "for whoever has the command"
    assert not (site.corpus / "web").exists()


def test_documents_are_listed_with_their_state(visitor):
    said = words(visitor.get("/documents"))
    assert "À construire (6)" in said
    assert "En service (1)" in said
    found = visitor.get("/documents?q=pisté&etat=waiting").text
    assert "pistes.html" in found
    assert "conseil.pdf" not in found
    strange = visitor.get("/documents", params={"q": "<script>alert(1)</script>", "etat": "'\"><x", "page": "9" * 50})
    assert strange.status_code == 200
    assert "<script>alert" not in strange.text
    assert "'\"><x" not in strange.text


# a rebuild and what becomes of it


@pytest.fixture(scope="module")
def rebuilt(site) -> Operating:
    """After a rebuild that was begun twice and followed from its page."""
    with site.visitor() as visitor, site.visitor() as other:
        visitor.sign_in()
        other.sign_in()
        assert "est en cours" not in words(visitor.get("/construire"))
        begun = visitor.submit("/construire")
        assert "Construction en cours" in words(begun)
        assert "Une construction est déjà en cours" in words(other.submit("/construire"))
        seen = set()
        deadline = time.monotonic() + 120
        while (state := visitor.get("/construire/etat").json())["is_running"]:
            assert time.monotonic() < deadline, site.said()
            seen |= {(step["name"], step["done"] == step["total"]) for step in state["steps"]}
            time.sleep(0.1)
        assert any(is_done for _, is_done in seen)
        done = words(visitor.get("/construire"))
        assert "est prête après" in done, done
    return site


def candidate_of(visitor: Visitor) -> str:
    return re.search(r"/constructions/([0-9a-f]{16})", visitor.get("/construire").text)[1]


def test_a_rebuild_leaves_a_candidate_that_is_not_live(rebuilt, visitor):
    store = Store(rebuilt.index)
    candidate = candidate_of(visitor)
    assert candidate != store.current_id()
    said = words(visitor.get("/documents"))
    assert "À construire (0)" in said
    assert "À mettre en service (7)" in said
    page = visitor.get(f"/constructions/{candidate}")
    said = words(page)
    assert "Ajoutés (6)" in said
    assert f"Modifiés (1) {MARKUP} mare.md" in said
    assert "Questions de contrôle" in said
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page.text
    assert visitor.get("/constructions/inconnue").status_code == 404


def opened_quote(visitor: Visitor, said: httpx.Response, document: str) -> httpx.Response:
    """What the first citation of a document opens."""
    return visitor.get(unescape(re.search(rf'href="(/sources/{document}\?[^"]+)"', said.text)[1]).partition("#")[0])


def marked(page: httpx.Response) -> str:
    """The quote that a page marks, with the end of the tag before it."""
    return unescape(re.sub("<[^>]+>", "", page.text.partition("<mark")[2].partition("</mark>")[0]))


def test_a_question_is_put_to_both_builds(rebuilt, visitor):
    said = visitor.get("/essayer", params={"q": "Combien de tilleuls compte la rue Basse ?"})
    text = words(said)
    live, candidate = text[text.index("En service version") :].split("Version qui attend")
    assert "douze tilleuls" not in live
    assert "douze tilleuls" in candidate
    opened = opened_quote(visitor, said, "balises")
    assert marked(opened).endswith("La rue Basse compte douze tilleuls plantés en 2026.")
    assert FRENCH.quote_changed not in opened.text
    assert "<script>alert" not in opened.text
    both = visitor.get("/essayer", params={"q": "Combien de pommiers compte le verger communal ?"})
    live_id, candidate_id = Store(rebuilt.index).current_id(), candidate_of(visitor)
    of_live, of_candidate = both.text.split("Version qui attend")
    for answer, build_id, where in (
        (of_live, live_id, "Dans la version en service, "),
        (of_candidate, candidate_id, "Dans la version qui attend, "),
    ):
        link = unescape(re.search(r'href="(/sources/verger\?[^"]+)"', answer)[1])
        assert f"version={build_id}" in link
        opened = visitor.get(link.partition("#")[0])
        assert "quarante pommiers" in marked(opened)
        assert f"{where}{build_id[:8]}, et tel quel dans celle" in words(opened)
    changed = visitor.get("/sources/mare")
    assert f"Dans la version qui attend, {candidate_id[:8]}." in words(changed)
    other = visitor.get("/sources/mare" + unescape(re.search(r'href="(\?version=[^"]+)"', changed.text)[1]))
    assert f"Dans la version en service, {live_id[:8]}." in words(other)
    assert "Publié par La ville" in words(other)
    assert "celle en service n’a pas ce document" in words(visitor.get("/sources/balises"))
    assert visitor.get("/essayer", params={"q": "x" * 2000}).status_code == 422


def test_coverage_and_map_show_what_was_added(rebuilt, visitor):
    page = visitor.get("/couverture")
    said = words(page)
    assert "Nature" in said
    assert "ajouté ou modifié" in said
    links = re.findall(r'href="(/sources/[^"]+)" tabindex="-1"', page.text)
    assert sorted(set(links)) == sorted(set(re.findall(r'<li><a href="(/sources/[^"]+)">', page.text)))
    opened = visitor.get(unescape(links[0]).partition("#")[0])
    assert opened.status_code == 200
    assert "<mark" in opened.text
    assert FRENCH.quote_changed not in opened.text
    assert "style=" not in page.text
    live_id = Store(rebuilt.index).current_id()
    assert f'href="/couverture?version={live_id}"' in page.text
    live = visitor.get(f"/couverture?version={live_id}")
    assert f"Dans la version en service, {live_id[:8]}." in words(live)
    assert "ajouté ou modifié" not in words(live)
    assert len(re.findall(r'tabindex="-1"><title>', live.text)) == 2
    assert visitor.get("/sources/inconnu").status_code == 404


def test_questions_without_answer_and_opinions_are_shown(rebuilt, visitor, monkeypatch):
    for name, value in rebuilt.environment().items():
        if name.startswith("LOOS_"):
            monkeypatch.setenv(name, value)
    settings = load_settings()
    asked = "Quel est le prix du pain ? Écrivez à anne@exemple.fr"
    reply = Abstention(asked, None, "fr", Reason.NOT_IN_CORPUS, "", (), (), 0.0, {}, "b")
    kept = Unanswered(settings)
    assert [kept.keep(reply) for _ in range(3)] == [True] * 3
    assert kept.flush()
    Feedback(settings).keep("Et <b>l’eau</b> ?", "b", "confus", is_useful=False)
    page = visitor.get("/sans-reponse")
    said = words(page)
    assert "Quel est le prix du pain ? Écrivez à […] Les documents n’en parlent pas 3" in said
    assert "anne@" not in said
    assert "pas utile Et <b>l’eau</b> ? – « confus »" in said
    assert "<b>l’eau" not in page.text


def test_two_operators_do_not_publish_over_one_another(rebuilt, visitor):
    store = Store(rebuilt.index)
    first, candidate = store.current_id(), candidate_of(visitor)
    form = {"build": candidate, "live": first}
    with rebuilt.visitor() as other:
        other.sign_in()
        refused = other.submit("/constructions/publier", f"/constructions/{candidate}", **form)
        assert "Cochez d’abord la case" in words(refused), "its document lost who publishes it"
        assert "ses réponses ne diraient plus de qui viennent mare.md" in words(refused)
        done = other.submit("/constructions/publier", f"/constructions/{candidate}", anyway="yes", **form)
        assert "est en service" in words(done), rebuilt.said()
    assert store.current_id() == candidate
    late = visitor.submit("/constructions/precedente", "/constructions", live=first)
    assert "Quelqu’un d’autre a changé la version en service" in words(late)
    assert store.current_id() == candidate
    back = visitor.submit("/constructions/precedente", "/constructions", live=candidate)
    assert f"La version {first[:8]}, d’avant, est de nouveau en service." in words(back)
    assert store.current_id() == first
    unknown = visitor.submit("/constructions/publier", "/constructions", build="../../x", live=first)
    assert unknown.status_code == 422
    assert store.current_id() == first


def test_a_build_that_fails_is_told_as_the_command_tells_it(rebuilt, visitor):
    sources = rebuilt.corpus / "sources.toml"
    text = sources.read_text(encoding="utf-8")
    try:
        sources.write_text(text + "\nfaux\n", encoding="utf-8")
        assert "n’est pas un fichier TOML valide" in words(visitor.get("/documents"))
        visitor.submit("/construire")
        while visitor.get("/construire/etat").json()["is_running"]:
            time.sleep(0.1)
        said = words(visitor.get("/construire"))
        assert "La construction n’a pas abouti." in said
        assert "n’est pas un fichier TOML valide" in said
        assert "Traceback" not in said
    finally:
        sources.write_text(text, encoding="utf-8")


def test_another_password_ends_all_sessions(rebuilt, visitor):
    assert visitor.get("/").status_code == 200
    command = [sys.executable, "-m", "chatbot.cli", "operator", "password"]
    options = {"cwd": ROOT, "env": rebuilt.environment(), "text": True}
    subprocess.run(command, input="une autre phrase de passe", check=True, **options)
    assert visitor.get("/").status_code == 303
    assert "Ce n’est pas le mot de passe." in words(visitor.sign_in())
    assert visitor.sign_in("une autre phrase de passe").status_code == 303
    subprocess.run(command, input=PASSWORD, check=True, **options)


def test_trying_many_passwords_is_slowed_down(rebuilt):
    with rebuilt.visitor() as visitor:
        tried = [visitor.sign_in("pas celui-là") for _ in range(7)]
    assert [response.status_code for response in tried][-1] == 429
    assert int(tried[-1].headers["retry-after"]) >= 1
    assert "Trop d’essais. Attendez" in words(tried[-1])


@pytest.fixture
def fresh(tmp_path) -> Iterator[Operating]:
    """A page that nobody tried to enter yet."""
    with operating(tmp_path, {"mare.md": POND}) as site:
        yield site


def test_tries_behind_the_web_server_count_for_who_tries_and_for_no_one_else(fresh):
    def is_slowed_down(*told: str, source: str = "127.0.0.1") -> bool:
        """Whether a wrong password is put off when sent with each of these as where it is said to come from."""
        with Visitor(fresh.address, httpx.HTTPTransport(local_address=source)) as visitor:
            data = {"form": visitor.key("/connexion"), "password": "pas celui-là"}
            return any(
                visitor.post("/connexion", data=data, headers={"X-Forwarded-For": said}).status_code == 429
                for said in told
            )

    made_up = [f"198.51.100.{number}" for number in range(12)]
    assert is_slowed_down(*(f"{said}, 203.0.113.5" for said in made_up)), "the web server's word comes last, and counts"
    assert not is_slowed_down("203.0.113.6"), "others may still try"
    assert is_slowed_down(*(f"2001:db8:1:2::{number}" for number in range(12))), "one has all of a /64"
    assert not is_slowed_down("2001:db8:1:3::1")
    assert is_slowed_down(*made_up, source="127.0.0.2"), "only a web server of this machine is believed"


def test_without_a_password_it_does_not_start(tmp_path):
    command = [sys.executable, "-m", "chatbot.cli", "operator"]
    environment = Operating("", tmp_path).environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "« loos operator password »" in done.stderr.replace("chatbot.cli", "loos")
