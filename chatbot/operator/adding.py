"""The pages that add documents: files, or a page of the web by its address; `crawling.py` takes whole sites."""

import re
import subprocess
import sys
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.responses import Response

from chatbot.operator.desk import Desk
from chatbot.operator.documents import read_entries
from chatbot.operator.guard import MAX_UPLOAD_BYTES, UPLOAD_PATH
from chatbot.operator.page import Page, Visit, page, then
from chatbot.operator.view import counted
from ingest import IngestError
from ingest.check import doubts
from ingest.decode import too_large
from ingest.files import ARCHIVE_SUFFIX, SUFFIXES, limit_bytes
from ingest.holdings import add_document

__all__ = [
    "MOST_CRAWLED",
    "SITE_PATH",
    "add_page",
    "add_pages",
    "in_our_words",
    "is_web_address",
    "known_themes",
    "say_doubts",
]

SITE_PATH = "/documents/site"

MOST_CRAWLED = 2000
"""How many pages of a site may be asked for at once: with a second between two, over half an hour."""

_PAGE_PATH = "/documents/adresse"
_FETCH_S = 120.0
_WHAT_NEXT = re.compile(r"Pour que le service en tienne compte.*")
"""What the command says for the terminal."""
_ADDED = re.compile(r"^Ajouté : (.+)$", re.MULTILINE)


def add_pages(desk: Desk) -> list[tuple[str, str, Page]]:
    """Each with its method and path."""
    pages = _Adding(desk)
    return [
        ("GET", UPLOAD_PATH, pages.adding),
        ("POST", UPLOAD_PATH, pages.upload),
        ("POST", _PAGE_PATH, pages.fetch),
    ]


class _Adding:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

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
        say_doubts(self._desk, visit, added)
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
            why = (
                f"{address} : ce n’est pas arrivé, ou pas lu, en {_FETCH_S:.0f} secondes. Le site est lent, ou le "
                "document trop long à lire. Réessayez plus tard, ou enregistrez-le avec votre navigateur, puis "
                "ajoutez ce fichier."
            )
            return add_page(self._desk, visit, _PAGE_PATH, why)
        if done.returncode == 0:
            visit.say(_WHAT_NEXT.sub("Construisez pour qu’il en soit tenu compte.", done.stdout.strip()))
            say_doubts(self._desk, visit, _ADDED.findall(done.stdout))
            return then("/documents?etat=waiting")
        return add_page(self._desk, visit, _PAGE_PATH, in_our_words(done.stderr))


def add_page(desk: Desk, visit: Visit, failed: str = "", why: str = "") -> Response:
    """The forms that add documents; that of the path `failed` as it was sent, with `why` it did not do."""
    return page(
        "add",
        visit,
        422 if why else 200,
        themes=known_themes(desk),
        suffixes=SUFFIXES,
        limit_mb=MAX_UPLOAD_BYTES // 1_000_000,
        most_pages=MOST_CRAWLED,
        is_crawling=desk.crawl.state.is_running,
        has_crawled=desk.crawl.state.number > 0,
        failed=failed,
        why=why,
        typed={name: value for name, value in visit.form.items() if isinstance(value, str)},
    )


def say_doubts(desk: Desk, visit: Visit, paths: list[str]) -> None:
    """Say at once what may be a slip in what was said of these documents, which a build would tell later."""
    for doubt in doubts(desk.settings.corpus, paths):
        visit.say(in_our_words(doubt), is_problem=True)


_COMMANDS = (
    (
        r"Reconstruisez(?:-le| l’index) avec « make build » \(ou « loos build(?: --full)? »\)",
        "Construisez de nouveau, en cochant « Tout recalculer »",
    ),
    (r"Construisez-le avec « make build » \(ou « loos build »\)", "Construisez"),
    (r"(?:reconstruisez l’index avec|lancez) [«`] ?make build ?[»`]", "construisez de nouveau"),
    (r" \(« loos (?:remove|index) [^»]*»\)", ""),
    (r"puis « loos build »", "puis construire"),
    (r"Corrigez « published » dans sources\.toml", "Corrigez-la"),
    (r"crivez-le partout pareil dans sources\.toml", "crivez-le partout pareil"),
    (r"Ajoutez « publisher » dans sources\.toml", "Ajoutez-le"),
    (r"Ajoutez « published » dans sources\.toml", "Ajoutez-la"),
    (r"Ajoutez « kind = \"fiche\" » dans sources\.toml", "Dites-le à « De qui sont les mots ? »"),
    (r"pas de paragraphe dans sources\.toml\. Ajoutez-le, avec son éditeur", "rien n’en est dit. Dites qui le publie"),
    (r"Remettez leur paragraphe dans sources\.toml", "Redites qui les publie"),
    (r"Relancez « loos build »", "Construisez de nouveau"),
    (
        r"« loos index list » montre celles qui sont gardées, « loos index publish » en met une en service",
        "La page des versions montre celles qui sont gardées",
    ),
)
"""What errors and reports say for who types commands, and what is said here; spaces may be of any kind."""


def in_our_words(said: str) -> str:
    """What a command, an error or a report says for the terminal, for someone who sees this page."""
    for pattern, here in _COMMANDS:
        said = re.sub(pattern.replace(" ", r"\s"), here, said)
    for command, here in (
        ("Erreur\u00a0: ", ""),
        ("Erreur : ", ""),
        ("(--replace)", "en cochant la case"),
        ("ajoutez --allow-private", "demandez-le à l’informatique : la commande le peut, avec --allow-private"),
    ):
        said = said.replace(command, here)
    return said.strip()


def known_themes(desk: Desk) -> list[str]:
    """The themes there are, to choose from."""
    entries = read_entries(desk.settings.corpus).values()
    live = desk.live()
    of_builds = [document.theme for document in live.documents.values()] if live else []
    return sorted({*(entry.get("theme", "") for entry in entries), *of_builds} - {""})


def is_web_address(text: str) -> bool:
    """Whether a text is written as the address of a page of the web."""
    try:
        parts = urlsplit(text)
    except ValueError:  # a bracket of an IPv6 address that is none
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
