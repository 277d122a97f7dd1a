"""A corpus folder as documents: which files, what is known about each, and what could not be read."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.assemble import Reading, assemble
from ingest.decode import decode
from ingest.document import Document, DocumentKind, Source
from ingest.errors import EmptyCorpus, InvalidEntry, UnreadableSource
from ingest.files import (
    ARCHIVE_SUFFIX,
    SOURCES_FILE,
    ReadFile,
    Skipped,
    checksum,
    described_files,
    find_files,
    read_file,
    total_sha256,
)
from ingest.isolated import ISOLATED_SUFFIXES, read_isolated
from ingest.normalise import normalise_block, normalise_text
from ingest.read_html import read_html
from ingest.read_markdown import read_markdown
from ingest.read_sheet import read_csv
from ingest.read_text import read_text
from ingest.read_zip import Member, read_members

__all__ = ["ENTRY_KEYS", "Corpus", "check_entry", "corpus_sha256", "read_blocks", "read_corpus", "read_document"]

ENTRY_KEYS = (
    *("title", "theme", "kind", "note", "url", "publisher"),
    *("published", "retrieved", "licence", "original"),
)
_DATE_KEYS = ("published", "retrieved")
_WEB_ADDRESS = re.compile(r"(?:https?://\S+)?")
DEFAULT_THEME = "Autres documents"


@dataclass(frozen=True, slots=True)
class Corpus:
    """All documents of a folder, in order of their paths, and the files and folders that could not be read.

    `without_entry` are the files that `sources.toml` does not name, `notices` the documents read in part, with what is
    missing. A document of an archive has the path `archive.zip/member`.
    `sha256` is the checksum of the very bytes read: what `corpus_sha256` gives while nothing changes.
    """

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]
    without_entry: tuple[str, ...]
    sha256: str = ""
    notices: tuple[Skipped, ...] = ()


def corpus_sha256(folder: Path) -> str:
    """A checksum over the corpus: equal if and only if no document, entry or gold question changed.

    What cannot be read counts as one fixed value, so that it never stops the check.

    Raises:
        EmptyCorpus: the folder does not exist or holds no document.
    """
    paths, skipped = find_files(folder)
    digests = {path: checksum(folder / path) for path in paths}
    return total_sha256(digests, skipped, {name: checksum(folder / name) for name in described_files(folder)})


def read_corpus(folder: Path) -> Corpus:
    """Every document of a corpus folder and of the archives in it. A file that cannot be read is reported in `skipped`;
    the others go on.

    Raises:
        EmptyCorpus: there is no file, or none that can be read.
        InvalidEntry: `sources.toml` is wrong; all its faults are named.
    """
    paths, skipped = find_files(folder)
    described = {name: read_file(folder / name, str(folder / name)) for name in described_files(folder)}
    entries = _read_entries(folder, described[SOURCES_FILE], paths) if SOURCES_FILE in described else {}
    digests: dict[str, bytes] = {}
    documents: list[Document] = []
    members: dict[str, list[str]] = {}
    unreadable: list[Skipped] = []
    without_entry: list[str] = []
    notices: list[Skipped] = []
    for relative in paths:
        file = read_file(folder / relative, relative)
        digests[relative] = file.sha256
        for member in _members(file, relative):
            members.setdefault(normalise_text(relative), []).append(normalise_text(member.path))
            entry = _entry_of(entries, relative, member.path)
            try:
                if member.problem:
                    raise UnreadableSource(member.problem)
                reading = read_blocks(member.data, member.path)
                document = _document(reading, member.data, member.path, entry or {})
            except UnreadableSource as error:
                unreadable.append(Skipped(member.path, str(error)))
                continue
            documents.append(document)
            notices += (Skipped(member.path, f"{member.path} : {notice}") for notice in reading.notices)
            if entry is None:
                without_entry.append(member.path)
    if not documents:
        reasons = "\n".join(f"- {item.reason}" for item in (*skipped, *unreadable))
        raise EmptyCorpus(f"Aucun document du corpus n’a pu être lu :\n{reasons}")
    notices += _misspelt_members(entries, members)
    sha256 = total_sha256(digests, skipped, {name: file.sha256 for name, file in described.items()})
    return Corpus(
        _with_own_ids(documents, list(entries)),
        (*skipped, *unreadable),
        tuple(without_entry),
        sha256,
        notices=tuple(notices),
    )


def read_document(data: bytes, relative: str, entry: Mapping[str, str]) -> Document:
    """One file's bytes as a document. What `entry` (its part of `sources.toml`) says wins over its own front matter.

    `relative` is the file's path in the corpus, with `/`.

    Raises:
        UnreadableSource: the file cannot be read, is too large, holds no prose or has a wrong front matter.
    """
    return _document(read_blocks(data, relative), data, relative, entry)


def _document(reading: Reading, data: bytes, relative: str, entry: Mapping[str, str]) -> Document:
    known = {**{key: value for key, value in reading.about.items() if key in ENTRY_KEYS}, **entry}
    if problem := _problem(known):
        raise UnreadableSource(f"{relative} : {problem}")
    source = Source(
        path=relative,
        url=known.get("url", ""),
        publisher=known.get("publisher", ""),
        published=known.get("published", ""),
        retrieved=known.get("retrieved", ""),
        licence=known.get("licence", ""),
        sha256=hashlib.sha256(data).hexdigest(),
        kind=DocumentKind(known.get("kind", DocumentKind.ORIGINAL)),
        note=normalise_block(known.get("note", "")),
        original=entry.get("original", ""),
    )
    return assemble(
        reading.blocks, title=known.get("title", ""), theme=known.get("theme", DEFAULT_THEME), source=source
    )


def read_blocks(data: bytes, relative: str) -> Reading:
    """What the reader of a file's format finds in its bytes.

    Raises:
        UnreadableSource: as `read_document`, but for a file without prose.
    """
    if PurePosixPath(relative).suffix.lower() in ISOLATED_SUFFIXES:
        return read_isolated(data, relative)
    try:
        return _read_text(decode(data, relative), relative)
    except RecursionError as error:
        raise UnreadableSource(
            f"{relative} : le texte est trop imbriqué (listes, citations ou balises les unes dans les autres). "
            "Simplifiez sa mise en forme."
        ) from error


def _members(file: ReadFile, relative: str) -> Iterator[Member]:
    """A file as the one document that it is, or the documents of an archive."""
    if file.problem or PurePosixPath(relative).suffix.lower() != ARCHIVE_SUFFIX:
        yield Member(relative, file.data, file.problem)
        return
    try:
        yield from read_members(file.data, relative)
    except UnreadableSource as error:
        yield Member(relative, problem=str(error))


def _entry_of(entries: Mapping[str, dict[str, str]], file: str, member: str) -> dict[str, str] | None:
    """What is said of a document; one of an archive has what is said of the archive, but for its title and address."""
    own = entries.get(normalise_text(member))
    shared = entries.get(normalise_text(file)) if member != file else None
    if shared is None:
        return own
    return {key: value for key, value in shared.items() if key not in ("title", "url", "original")} | (own or {})


def _with_own_ids(documents: list[Document], described: list[str]) -> tuple[Document, ...]:
    """The documents, in their order, each with an id of its own: `plan.pdf` beside `plan.docx` becomes `plan-pdf`.

    Of several the one that `sources.toml` names first keeps its id, then the first by path: what is added later, at its
    end, changes no id.
    """
    ranks = {path: rank for rank, path in enumerate(described)}
    order = sorted(documents, key=lambda document: ranks.get(normalise_text(document.source.path), len(ranks)))
    own: dict[str, str] = {}
    taken = {document.id for document in documents}
    seen: set[str] = set()
    for document in order:
        name = document.id
        if name in seen:
            name = base = f"{name}-{PurePosixPath(document.source.path).suffix.removeprefix('.').lower()}"
            number = 2
            while name in taken:
                name, number = f"{base}-{number}", number + 1
        seen.add(name)
        taken.add(name)
        own[document.source.path] = name
    return tuple(replace(document, id=own[document.source.path]) for document in documents)


def _misspelt_members(entries: Mapping[str, Any], members: Mapping[str, list[str]]) -> Iterator[Skipped]:
    """The entries of an archive that was read and does not hold such a document."""
    for archive, paths in members.items():
        for name in entries if paths != [archive] else ():
            if name.startswith(f"{archive}/") and name not in paths:
                yield Skipped(
                    name,
                    f"{name} : {SOURCES_FILE} nomme ce document, qui n’est pas dans l’archive."
                    f"{_nearest(name, paths)} Corrigez son chemin ou retirez la section.",
                )


def _nearest(name: str, paths: Iterable[str]) -> str:
    """The path that a misspelt one may stand for, in French; empty if none is near."""
    found = get_close_matches(name, list(paths), n=1, cutoff=0.75)
    return f" Vouliez-vous dire « {found[0]} » ?" if found else ""


def _read_text(text: str, relative: str) -> Reading:
    match PurePosixPath(relative).suffix.lower():
        case ".md" | ".markdown":
            return Reading(*read_markdown(text, relative))
        case ".html" | ".htm":
            blocks, title = read_html(text, relative)
            return Reading(blocks, {"title": title} if title else {})
        case ".csv":
            return Reading(read_csv(text, relative))
        case _:
            return Reading(read_text(text))


def _read_entries(folder: Path, file: ReadFile, paths: list[str]) -> dict[str, dict[str, str]]:
    """What `sources.toml` says of each document, by its path in Unicode NFC: file systems differ in that."""
    where = folder / SOURCES_FILE
    if file.problem:
        raise InvalidEntry(file.problem)
    try:
        tables = tomllib.loads(file.data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidEntry(f"{where} n’est pas enregistré en UTF-8. Enregistrez-le dans cet encodage.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidEntry(f"{where} n’est pas un fichier TOML valide{_toml_line(file, error)}") from error
    known = {normalise_text(path) for path in paths}
    archives = tuple(f"{path}/" for path in known if path.lower().endswith(ARCHIVE_SUFFIX))
    entries: dict[str, dict[str, str]] = {}
    faults: list[str] = []
    for name, table in tables.items():
        if not isinstance(table, dict):
            faults.append(
                f'{where}, « {name} » : écrivez une section par document, ["{name}"], puis ses informations dessous.'
            )
            continue
        is_known = normalise_text(name) in known or normalise_text(name).startswith(archives)
        if not is_known and not (folder / name).is_file():
            faults.append(
                f"{where}, « {name} » : ce fichier n’existe pas dans {folder}.{_nearest(normalise_text(name), known)} "
                "Corrigez son chemin ou retirez la section."
            )
        entries[normalise_text(name)], wrong = check_entry(folder, table)
        faults += (f"{where}, « {name} » : {fault}" for fault in wrong)
    if faults:
        raise InvalidEntry("\n".join(faults))
    return entries


def _toml_line(file: ReadFile, error: Exception) -> str:
    """The line that could not be read, if the parser names one, and how a line is written."""
    how = (
        'Un texte se met entre guillemets droits ("…"), une date s’écrit sans guillemets (2024-05-31), le nom d’un '
        'fichier entre crochets et guillemets (["fiches/energie.md"]), et chacun n’y figure qu’une fois.'
    )
    found = re.search(r"at line (\d+)", str(error))
    if not found:
        return f" ({error}). {how}"
    number = int(found.group(1))
    line = "".join(file.data.decode("utf-8-sig").splitlines()[number - 1 : number]).strip()
    return f" : ligne {number}, « {line} » ({error}). {how}"


def check_entry(folder: Path, table: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What a section says, as texts, and all that is wrong in it, in French."""
    faults = [
        f"clé inconnue « {key} ». Les clés possibles : {', '.join(ENTRY_KEYS)}."
        for key in sorted(set(table) - set(ENTRY_KEYS))
    ]
    if "original" in table and not (folder / str(table["original"])).is_file():
        faults.append(f"le fichier « {table['original']} » (original) n’existe pas dans {folder}.")
    entry = {}
    for key, value in table.items():
        if not isinstance(value, str | date):
            faults.append(f"« {key} » doit être un texte entre guillemets ou une date (2024-05-31).")
        else:
            entry[key] = value.isoformat() if isinstance(value, date) else value
    if "title" in entry and not entry["title"].strip():
        faults.append("« title » est vide. Écrivez le titre, ou retirez la ligne.")
    if not _WEB_ADDRESS.fullmatch(entry.get("url", "")):
        faults.append(f"« url » vaut « {entry['url']} », qui n’est pas une adresse comme https://…")
    if problem := _problem(entry):
        faults.append(problem)
    return entry, faults


def _problem(known: Mapping[str, str]) -> str:
    """What is wrong with what is said of a document, in French; empty if nothing is."""
    if (kind := known.get("kind", DocumentKind.ORIGINAL)) not in list(DocumentKind):
        return f"« kind » vaut « {kind} » : écrivez {' ou '.join(f'« {name} »' for name in DocumentKind)}."
    for key in _DATE_KEYS:
        if not _is_date(value := known.get(key, "")):
            return f"« {key} » vaut « {value} », qui n’est pas une date comme 2024-05-31."
    return ""


def _is_date(value: str) -> bool:
    """Whether a text is an ISO date, or empty."""
    try:
        return not value or date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
