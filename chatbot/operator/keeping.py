"""The pages of the documents: their list, described, taken out and put back."""

from datetime import date
from pathlib import Path
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from chatbot.operator.adding import is_web_address, known_themes, say_doubts
from chatbot.operator.desk import Desk
from chatbot.operator.documents import ENTRY_KEYS, Holding, State, matching
from chatbot.operator.page import Page, Visit, page, then
from ingest.holdings import (
    REMOVED_FOLDER,
    describe_document,
    questions_aside,
    remove_document,
    removed_documents,
    restore_document,
)

__all__ = ["document_pages"]

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
            themes=known_themes(self._desk),
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
        say_doubts(self._desk, visit, [holding.path])
        return then("/documents")

    def confirm(self, visit: Visit) -> Response:
        """Ask before a document is taken out."""
        return page("remove", visit, holding=self._holding(visit.asked("chemin")))

    def remove(self, visit: Visit) -> Response:
        """Take a document out of the corpus, and keep it aside."""
        holding = self._holding(visit.sent("chemin"))
        corpus = self._desk.settings.corpus
        questions = questions_aside(corpus, remove_document(corpus, holding.archive or holding.path))
        aside = f" avec {questions} question(s) de contrôle qui le citent" if questions else ""
        visit.say(
            f"« {holding.title} » est retiré du dossier, et gardé à part{aside}. Il reste en service jusqu’à la "
            "prochaine mise en service."
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
