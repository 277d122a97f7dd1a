"""The pages of the documents: their list, added by file or address, described, taken out and put back."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chatbot.operator.desk import Desk
from chatbot.operator.documents import ENTRY_KEYS, Holding, State, matching, read_entries
from chatbot.operator.guard import MAX_UPLOAD_BYTES, UPLOAD_PATH
from chatbot.operator.page import Page, Visit, page, then
from chatbot.operator.view import counted
from ingest import IngestError
from ingest.decode import too_large
from ingest.files import ARCHIVE_SUFFIX, SUFFIXES, limit_bytes
from ingest.holdings import (
    REMOVED_FOLDER,
    add_document,
    describe_document,
    remove_document,
    removed_documents,
    restore_document,
)

__all__ = ["MOST_CRAWLED", "SITE_PATH", "add_page", "document_pages", "in_our_words", "is_web_address"]

SITE_PATH = "/documents/site"

MOST_CRAWLED = 2000
"""How many pages of a site may be asked for at once: with a second between two, over half an hour."""

_PAGE_PATH = "/documents/adresse"
_FETCH_S = 120.0
_WHAT_NEXT = re.compile(r"Pour que le service en tienne compte.*")
"""What the command says for the terminal."""
_ON_A_PAGE = 100

_STATES = {
    State.LIVE: "En service",
    State.READ: "À mettre en service",
    State.WAITING: "À construire",
    State.SKIPPED: "Pas lu",
    State.GONE: "Retiré, encore en service",
}


def document_pages(desk: Desk) -> list[tuple[str, str, Page]]:
    """Each with its method and path."""
    pages = _Documents(desk)
    return [
        ("GET", "/documents", pages.index),
        ("GET", UPLOAD_PATH, pages.adding),
        ("POST", UPLOAD_PATH, pages.upload),
        ("POST", _PAGE_PATH, pages.fetch),
        ("GET", "/documents/modifier", pages.entry),
        ("POST", "/documents/modifier", pages.describe),
        ("GET", "/documents/retirer", pages.confirm),
        ("POST", "/documents/retirer", pages.remove),
        ("GET", "/documents/retires", pages.removed),
        ("POST", "/documents/retablir", pages.restore),
    ]


class _Documents:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def index(self, visit: Visit) -> Response:
        """The documents, those that match where words or a state are given."""
        words, state = visit.asked("q"), visit.asked("etat")
        holdings = self._desk.documents()
        found = matching(holdings, words, state)
        number = visit.asked("page")
        last = max(1, -(-len(found) // _ON_A_PAGE))
        at = min(int(number), last) if number.isdecimal() and number.isascii() and len(number) < 9 else 1
        at = max(1, at)
        return page(
            "documents",
            visit,
            holdings=found[(at - 1) * _ON_A_PAGE : at * _ON_A_PAGE],
            found=len(found),
            total=len(holdings),
            counts={state: sum(h.state is state for h in holdings) for state in State},
            states=_STATES,
            words=words,
            state=state,
            number=at,
            last=last,
            link=lambda to: f"/documents?{urlencode({'q': words, 'etat': state, 'page': to})}",
            fault=self._desk.fault(),
            has_removed=bool(removed_documents(self._desk.settings.corpus)),
        )

    def adding(self, visit: Visit) -> Response:
        """The forms that add documents."""
        return add_page(self._desk, visit)

    def upload(self, visit: Visit) -> Response:
        """Files into the corpus, each by itself: what is wrong with one does not keep the others out."""
        files = visit.files("files")
        if not files:
            return add_page(self._desk, visit, UPLOAD_PATH, "Choisissez d’abord au moins un fichier.")
        entry = {key: visit.sent(key) for key in ("theme", "publisher", "published") if visit.sent(key)}
        is_replaced = visit.sent("replace") == "yes"
        added, wrong = [], []
        for file in files:
            try:
                added.append(self._add(file, entry, is_replaced=is_replaced))
            except IngestError as error:
                wrong.append(in_our_words(str(error)))
        if not added:
            again = "Choisissez de nouveau les fichiers, une fois corrigés."
            return add_page(self._desk, visit, UPLOAD_PATH, "\n".join((*wrong, again)))
        for why in wrong:
            visit.say(why, is_problem=True)
        what = ", ".join(f"« {name} »" for name in added[:5]) + (" …" if len(added) > 5 else "")
        verb = "ajouté" if len(added) == 1 else "ajoutés"
        visit.say(f"{counted(len(added), 'document')} {verb} : {what}. Construisez pour qu’il en soit tenu compte.")
        return then("/documents?etat=waiting")

    def _add(self, file: UploadFile, entry: dict[str, str], *, is_replaced: bool) -> str:
        name = PurePosixPath((file.filename or "").replace("\\", "/")).name  # some browsers send the whole path
        if (file.size or 0) > limit_bytes(name):
            raise too_large(file.size or 0, name, limit_bytes(name))
        if name.lower().endswith(ARCHIVE_SUFFIX):
            entry = {}  # each document in it has its own
        return add_document(self._desk.settings.corpus, name, file.file.read(), entry, replace=is_replaced)

    def fetch(self, visit: Visit) -> Response:
        """A page of the web into the corpus, by the command that operators type."""
        address = visit.sent("url")
        if not is_web_address(address):
            return add_page(self._desk, visit, _PAGE_PATH, "Écrivez une adresse qui commence par https://")
        command = [sys.executable, "-m", "chatbot.cli", "add", address, "--corpus", str(self._desk.settings.corpus)]
        command += [f"--{name}={visit.sent(name)}" for name in ("theme", "publisher") if visit.sent(name)]
        command += ["--replace"] if visit.sent("replace") == "yes" else []
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_FETCH_S, check=False
            )
        except subprocess.TimeoutExpired:
            why = f"La page n’est pas arrivée en {_FETCH_S:.0f} secondes. Réessayez plus tard."
            return add_page(self._desk, visit, _PAGE_PATH, why)
        if done.returncode == 0:
            visit.say(_WHAT_NEXT.sub("Construisez pour qu’il en soit tenu compte.", done.stdout.strip()))
            return then("/documents?etat=waiting")
        return add_page(self._desk, visit, _PAGE_PATH, in_our_words(done.stderr))

    def entry(self, visit: Visit) -> Response:
        """The form of what `sources.toml` says of a document."""
        return self._entry(visit, self._holding(visit.asked("chemin")))

    def _entry(self, visit: Visit, holding: Holding, sent: dict[str, str] | None = None, why: str = "") -> Response:
        said = {key: holding.entry.get(key, "") for key in ENTRY_KEYS}
        known = {
            "title": holding.title,
            "theme": holding.theme,
            "publisher": holding.publisher,
            "published": holding.published,
        }
        values = sent or {key: said[key] or known.get(key, "") for key in ENTRY_KEYS}
        return page(
            "entry",
            visit,
            422 if why else 200,
            holding=holding,
            values=values,
            before=_mark(said),
            why=why,
            themes=_themes(self._desk),
            states=_STATES,
        )

    def describe(self, visit: Visit) -> Response:
        """Write the form into `sources.toml`, unless someone else did since it was opened."""
        holding = self._holding(visit.sent("chemin"))
        sent = {key: " ".join(visit.sent(key).split()) for key in ENTRY_KEYS}
        said = {key: holding.entry.get(key, "") for key in ENTRY_KEYS}
        if visit.sent("before") != _mark(said):
            why = "Quelqu’un d’autre vient de modifier ce document : voici sa version. Refaites vos changements."
            return self._entry(visit, holding, None, why)
        if why := _wrong(sent):
            return self._entry(visit, holding, sent, why)
        describe_document(self._desk.settings.corpus, holding.path, sent, said)
        visit.say(f"« {sent['title'] or holding.path} » est modifié. Construisez pour qu’il en soit tenu compte.")
        return then("/documents")

    def confirm(self, visit: Visit) -> Response:
        """Ask before a document is taken out."""
        return page("remove", visit, holding=self._holding(visit.asked("chemin")))

    def remove(self, visit: Visit) -> Response:
        """Take a document out of the corpus, and keep it aside."""
        holding = self._holding(visit.sent("chemin"))
        remove_document(self._desk.settings.corpus, holding.archive or holding.path)
        visit.say(
            f"« {holding.title} » est retiré du dossier, et gardé à part. Il reste en service jusqu’à la prochaine "
            "mise en service."
        )
        return then("/documents")

    def removed(self, visit: Visit) -> Response:
        """What was taken out, the last first."""
        return page("removed", visit, removed=self._removed())

    def restore(self, visit: Visit) -> Response:
        """Put a document back that was taken out."""
        corpus = self._desk.settings.corpus
        wanted = next(
            (file for file in removed_documents(corpus) if _place(corpus, file) == visit.sent("document")), None
        )
        if wanted is None:
            raise HTTPException(404, "Ce document n’est plus dans ceux qui ont été retirés.")
        path = restore_document(corpus, wanted)
        visit.say(f"« {path} » est remis dans les documents. Construisez pour qu’il en soit tenu compte.")
        return then("/documents")

    def _removed(self) -> list[tuple[str, str, str]]:
        """What was taken out: its place among such, its path in the corpus, the day."""
        corpus = self._desk.settings.corpus
        places = [_place(corpus, file) for file in removed_documents(corpus)]
        return [(place, place.partition("/")[2], place[:10]) for place in places]

    def _holding(self, path: str) -> Holding:
        for holding in self._desk.documents():
            if holding.path == path:
                return holding
        raise HTTPException(404, "Ce document n’est plus dans le dossier.")


def add_page(desk: Desk, visit: Visit, failed: str = "", why: str = "") -> Response:
    """The forms that add documents; that of the path `failed` as it was sent, with `why` it did not do."""
    return page(
        "add",
        visit,
        422 if why else 200,
        themes=_themes(desk),
        suffixes=SUFFIXES,
        limit_mb=MAX_UPLOAD_BYTES // 1_000_000,
        most_pages=MOST_CRAWLED,
        is_crawling=desk.crawl.state.is_running,
        has_crawled=desk.crawl.state.number > 0,
        failed=failed,
        why=why,
        typed={name: value for name, value in visit.form.items() if isinstance(value, str)},
    )


def in_our_words(said: str) -> str:
    """What a command says for the terminal, for someone who sees this page."""
    for command, here in (
        ("Erreur\u00a0: ", ""),
        ("Erreur : ", ""),
        ("(--replace)", "en cochant la case"),
        ("ajoutez --allow-private", "demandez-le à l’informatique : la commande le peut, avec --allow-private"),
    ):
        said = said.replace(command, here)
    return said.strip()


def _themes(desk: Desk) -> list[str]:
    """The themes there are, to choose from."""
    entries = read_entries(desk.settings.corpus).values()
    live = desk.live()
    of_builds = [document.theme for document in live.documents.values()] if live else []
    return sorted({*(entry.get("theme", "") for entry in entries), *of_builds} - {""})


def _place(corpus: Path, removed: Path) -> str:
    """Where a removed document is among those that were."""
    return removed.relative_to(corpus / REMOVED_FOLDER).as_posix()


def _mark(said: dict[str, str]) -> str:
    """What tells whether an entry was changed since a form was opened."""
    import hashlib

    return hashlib.sha256("\0".join(said[key] for key in ENTRY_KEYS).encode()).hexdigest()[:16]


def _wrong(sent: dict[str, str]) -> str:
    """What is wrong with a form, in French; empty if nothing is."""
    if not sent["title"]:
        return "Écrivez un titre : il est montré sous chaque réponse."
    if sent["published"]:
        try:
            date.fromisoformat(sent["published"])
        except ValueError:
            return f"« {sent['published']} » n’est pas une date. Écrivez-la ainsi : 2024-05-31."
    if sent["url"] and (not is_web_address(sent["url"]) or " " in sent["url"]):
        return f"« {sent['url']} » n’est pas une adresse comme https://…"
    if sent["kind"] not in ("", "original", "fiche"):
        return "Choisissez de qui sont les mots."
    return ""


def is_web_address(text: str) -> bool:
    """Whether a text is written as the address of a page of the web."""
    try:
        parts = urlsplit(text)
    except ValueError:  # a bracket of an IPv6 address that is none
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
