"""A corpus folder as documents: which files, what is known about each, and what could not be read."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.assemble import ReadBlock, assemble
from ingest.decode import MAX_SOURCE_BYTES, decode
from ingest.document import Document, Source
from ingest.errors import DuplicateDocument, EmptyCorpus, InvalidEntry, UnreadableSource
from ingest.read_html import read_html
from ingest.read_markdown import read_markdown
from ingest.read_text import read_text

__all__ = ["SUFFIXES", "Corpus", "Skipped", "corpus_files", "corpus_sha256", "read_corpus", "read_document"]

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm")
"""File name endings that are read; files of other kinds in the corpus folder are left alone."""

SOURCES_FILE = "sources.toml"
QUESTIONS_FILE = "questions.jsonl"
ORIGINALS_FOLDER = "originals"
_ENTRY_KEYS = ("title", "theme", "url", "publisher", "published", "retrieved", "licence", "original")
_DATE_KEYS = ("published", "retrieved")
DEFAULT_THEME = "Autres documents"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, with the reason, in French, for the operator."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All documents of a folder, in order of their paths, and the files that could not be read."""

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]
    without_entry: tuple[str, ...]


def corpus_files(folder: Path) -> tuple[Path, ...]:
    """The files of a corpus that are read as documents, sorted by path: `SUFFIXES`, hidden ones and originals not.

    Raises:
        EmptyCorpus: the folder does not exist or holds no such file.
    """
    if not folder.is_dir():
        raise EmptyCorpus(
            f"Le dossier du corpus n’existe pas : {folder}. Créez-le ou indiquez-en un autre avec --corpus."
        )
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix.lower() in SUFFIXES and not _is_left_out(path.relative_to(folder))
    ]
    if not files:
        raise EmptyCorpus(
            f"Le corpus est vide : aucun fichier {', '.join(SUFFIXES)} dans {folder}. Ajoutez-y un document."
        )
    return tuple(files)


def corpus_sha256(folder: Path) -> str:
    """A checksum over the corpus: equal if and only if no document, entry or gold question changed."""
    total = hashlib.sha256()
    described = [folder / name for name in (SOURCES_FILE, QUESTIONS_FILE) if (folder / name).exists()]
    for path in (*corpus_files(folder), *described):
        total.update(path.relative_to(folder).as_posix().encode("utf-8") + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def read_corpus(folder: Path) -> Corpus:
    """Every document of a corpus folder. A file that cannot be read is reported in `skipped`; the others go on.

    Raises:
        EmptyCorpus: there is no file, or none that can be read.
        InvalidEntry: `sources.toml` is wrong.
        DuplicateDocument: two files would get the same id.
    """
    files = corpus_files(folder)
    entries = _read_entries(folder)
    documents: dict[str, Document] = {}
    skipped: list[Skipped] = []
    without_entry: list[str] = []
    for path in files:
        relative = path.relative_to(folder).as_posix()
        try:
            document = read_document(path, relative, entries.get(relative, {}))
        except UnreadableSource as error:
            skipped.append(Skipped(relative, str(error)))
            continue
        if document.id in documents:
            raise DuplicateDocument(
                f"Deux fichiers donneraient le même document « {document.id} » : "
                f"{documents[document.id].source.path} et {relative}. Renommez l’un des deux."
            )
        documents[document.id] = document
        if relative not in entries and not document.source.publisher:
            without_entry.append(relative)
    if not documents:
        reasons = "\n".join(f"- {item.reason}" for item in skipped)
        raise EmptyCorpus(f"Aucun document du corpus n’a pu être lu :\n{reasons}")
    return Corpus(tuple(documents.values()), tuple(skipped), tuple(without_entry))


def read_document(path: Path, relative: str, entry: Mapping[str, str]) -> Document:
    """One file as a document. What `entry` (its part of `sources.toml`) says wins over the file's own front matter.

    Raises:
        UnreadableSource: the file is not text, is too large or holds no prose.
        InvalidEntry: the front matter is wrong.
    """
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            decode(bytes(MAX_SOURCE_BYTES + 1), relative)
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableSource(
            f"{relative} : le fichier ne se lit pas ({error.strerror}). Vérifiez ses droits."
        ) from error
    blocks, found = _read_blocks(decode(data, relative), relative)
    known = {**{key: value for key, value in found.items() if key in _ENTRY_KEYS}, **entry}
    for key in _DATE_KEYS:
        _check_date(known.get(key, ""), key, relative)
    source = Source(
        path=relative,
        url=known.get("url", ""),
        publisher=known.get("publisher", ""),
        published=known.get("published", ""),
        retrieved=known.get("retrieved", ""),
        licence=known.get("licence", ""),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return assemble(blocks, title=known.get("title", ""), theme=known.get("theme", DEFAULT_THEME), source=source)


def _read_blocks(text: str, relative: str) -> tuple[list[ReadBlock], dict[str, str]]:
    match PurePosixPath(relative).suffix.lower():
        case ".md" | ".markdown":
            return read_markdown(text, relative)
        case ".html" | ".htm":
            blocks, title = read_html(text, relative)
            return blocks, {"title": title} if title else {}
        case _:
            return read_text(text), {}


def _read_entries(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / SOURCES_FILE
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidEntry(f"{path} n’est pas un fichier TOML valide : {error}. Corrigez la ligne indiquée.") from error
    return {name: _check_entry(folder, name, table) for name, table in tables.items()}


def _check_entry(folder: Path, name: str, table: Any) -> dict[str, str]:
    where = f"{folder / SOURCES_FILE}, « {name} »"
    if not isinstance(table, dict):
        raise InvalidEntry(f'{where} : écrivez une section par document, ["{name}"], puis ses informations dessous.')
    if unknown := sorted(set(table) - set(_ENTRY_KEYS)):
        raise InvalidEntry(f"{where} : clé inconnue « {unknown[0]} ». Les clés possibles : {', '.join(_ENTRY_KEYS)}.")
    for key in ("original",) if "original" in table else ():
        if not (folder / str(table[key])).is_file():
            raise InvalidEntry(f"{where} : le fichier « {table[key]} » ({key}) n’existe pas dans {folder}.")
    if not (folder / name).is_file():
        raise InvalidEntry(
            f"{where} : ce fichier n’existe pas dans {folder}. Corrigez son chemin ou retirez la section."
        )
    entry = {}
    for key, value in table.items():
        if not isinstance(value, str | date):
            raise InvalidEntry(f"{where} : « {key} » doit être un texte entre guillemets ou une date (2024-05-31).")
        entry[key] = value.isoformat() if isinstance(value, date) else value
    return entry


def _check_date(value: str, key: str, where: str) -> None:
    try:
        if value:
            date.fromisoformat(value)
    except ValueError as error:
        raise InvalidEntry(f"{where} : « {key} » vaut « {value} », qui n’est pas une date comme 2024-05-31.") from error


def _is_left_out(relative: Path) -> bool:
    return relative.parts[0] == ORIGINALS_FOLDER or any(part.startswith(".") for part in relative.parts)
