"""A corpus folder as documents: which files, what is known about each, and what could not be read."""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from ingest.assemble import Reading, assemble, document_id
from ingest.block_faults import Fault, block_faults
from ingest.decode import decode
from ingest.document import Document, DocumentKind, Source
from ingest.errors import EmptyCorpus, InterruptedReading, InvalidEntry, UnreadableSource
from ingest.files import (
    ARCHIVE_SUFFIX,
    SOURCES_FILE,
    TEXT_SUFFIXES,
    ReadFile,
    Skipped,
    checksum,
    described_files,
    find_files,
    read_file,
    total_sha256,
)
from ingest.isolated import ISOLATED_SUFFIXES, read_isolated
from ingest.kept import KeptFiles, key_of
from ingest.normalise import normalise_block, normalise_text
from ingest.plain_words import toml_reason
from ingest.read_html import read_html
from ingest.read_markdown import read_markdown
from ingest.read_sheet import read_csv
from ingest.read_text import read_text
from ingest.read_zip import Member, read_members

__all__ = [
    "ENTRY_KEYS",
    "Corpus",
    "check_entry",
    "corpus_sha256",
    "own_ids",
    "read_blocks",
    "read_corpus",
    "read_document",
]

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
    missing, `faults` what should be mended in how others are written. A document of an archive has the path
    `archive.zip/member`. `sha256` is the checksum of the very bytes read: what `corpus_sha256` gives while nothing
    changes. `read` is how many files were read now, the others being known from before.
    """

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]
    without_entry: tuple[str, ...]
    sha256: str = ""
    notices: tuple[Skipped, ...] = ()
    faults: tuple[Fault, ...] = ()
    read: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """What one file, or one member of an archive, gave: a document, or why there is none."""

    path: str
    document: Document | None = None
    problem: str = ""
    notices: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


_READ = TypeAdapter(tuple[_Read, ...])


def corpus_sha256(folder: Path, kept: KeptFiles | None = None) -> str:
    """A checksum over the corpus: equal if and only if no document, entry or gold question changed.

    What cannot be read counts as one fixed value, so that it never stops the check. Files that `kept` knows are not
    read.

    Raises:
        EmptyCorpus: the folder does not exist or holds no document.
    """
    paths, skipped = find_files(folder)
    digests = {path: _checksum(folder, path, kept) for path in paths}
    return total_sha256(digests, skipped, {name: checksum(folder / name) for name in described_files(folder)})


def _checksum(folder: Path, relative: str, kept: KeptFiles | None) -> bytes:
    return kept.sha256(folder / relative, relative) if kept else checksum(folder / relative)


def read_corpus(
    folder: Path, kept: KeptFiles | None = None, progress: Callable[[str, int, int], None] | None = None
) -> Corpus:
    """Every document of a corpus folder and of the archives in it. A file that cannot be read is reported in `skipped`;
    the others go on.

    Files of which `kept` knows the bytes, and what is said of them, are not read. `progress` counts ("documents").

    Raises:
        EmptyCorpus: there is no file, or none that can be read.
        InvalidEntry: `sources.toml` is wrong; all its faults are named.
    """
    paths, skipped = find_files(folder)
    described = {name: read_file(folder / name, str(folder / name)) for name in described_files(folder)}
    entries = _read_entries(folder, described[SOURCES_FILE], paths) if SOURCES_FILE in described else {}
    of_archives = _by_archive(entries)
    digests: dict[str, bytes] = {}
    documents: list[Document] = []
    members: dict[str, list[str]] = {}
    unreadable: list[Skipped] = []
    without_entry: list[str] = []
    notices: list[Skipped] = []
    faults: list[Fault] = []
    read = 0
    for done, relative in enumerate(paths, start=1):
        name = normalise_text(relative)
        own = {path: entries[path] for path in (name, *of_archives.get(name, ())) if path in entries}
        found, digests[relative], is_new = _read_or_known(folder, relative, own, kept)
        read += is_new
        members[name] = [normalise_text(item.path) for item in found]
        for item in found:
            if item.document is None:
                unreadable.append(Skipped(item.path, item.problem))
                continue
            documents.append(item.document)
            notices += (Skipped(item.path, f"{item.path} : {notice}") for notice in item.notices)
            faults += item.faults
            if _entry_of(own, relative, item.path) is None:
                without_entry.append(item.path)
        if progress:
            progress("documents", done, len(paths))
    if not documents:
        reasons = "\n".join(f"- {item.reason}" for item in (*skipped, *unreadable))
        raise EmptyCorpus(f"Aucun document du corpus n’a pu être lu :\n{reasons}")
    notices += _misspelt_members(entries, members)
    return Corpus(
        _with_own_ids(documents, list(entries)),
        (*skipped, *unreadable),
        tuple(without_entry),
        total_sha256(digests, skipped, {name: file.sha256 for name, file in described.items()}),
        notices=tuple(notices),
        faults=tuple(faults),
        read=read,
    )


def _by_archive(entries: Mapping[str, Any]) -> dict[str, list[str]]:
    """The paths in `entries` that lie in archives, by the archive's."""
    found: dict[str, list[str]] = {}
    for path in entries:
        for archive in re.finditer(rf"{re.escape(ARCHIVE_SUFFIX)}(?=/)", path, re.IGNORECASE):
            found.setdefault(path[: archive.end()], []).append(path)
    return found


def _read_or_known(
    folder: Path, relative: str, entries: Mapping[str, Mapping[str, str]], kept: KeptFiles | None
) -> tuple[tuple[_Read, ...], bytes, bool]:
    """What a file gave, the checksum of its bytes, and whether it was read now. `entries` are those that concern it."""
    said = json.dumps([relative, entries], sort_keys=True).encode("utf-8", "surrogatepass")
    if kept:
        digest = kept.sha256(folder / relative, relative)
        if known := kept.get(key_of(b"document", said, digest)):
            with suppress(ValueError):
                return _READ.validate_json(known), digest, False
    file = read_file(folder / relative, relative)
    found = []
    is_lasting = True
    for member in _members(file, relative):
        try:
            if member.problem:
                raise UnreadableSource(member.problem)
            found.append(_read_member(member, _entry_of(entries, relative, member.path) or {}))
        except UnreadableSource as error:
            is_lasting = is_lasting and not isinstance(error, InterruptedReading)
            found.append(_Read(member.path, problem=str(error)))
    if kept and is_lasting and not (file.problem and not file.data):
        kept.put(key_of(b"document", said, file.sha256), _READ.dump_json(tuple(found)))
    return tuple(found), file.sha256, True


def _read_member(member: Member, entry: Mapping[str, str]) -> _Read:
    reading = read_blocks(member.data, member.path)
    document = _document(reading, member.data, member.path, entry)
    # What is in an archive, or written by an application, is not easily mended.
    is_text = PurePosixPath(member.path).suffix.lower() in TEXT_SUFFIXES and ARCHIVE_SUFFIX not in member.path.lower()
    faults = block_faults(reading.blocks, document.source) if is_text else ()
    return _Read(member.path, document, notices=reading.notices, faults=tuple(faults))


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


def _entry_of(entries: Mapping[str, Mapping[str, str]], file: str, member: str) -> Mapping[str, str] | None:
    """What is said of a document; one of an archive has what is said of the archive, but for its title and address."""
    own = entries.get(normalise_text(member))
    shared = entries.get(normalise_text(file)) if member != file else None
    if shared is None:
        return own
    return {key: value for key, value in shared.items() if key not in ("title", "url", "original")} | dict(own or {})


def _with_own_ids(documents: list[Document], described: list[str]) -> tuple[Document, ...]:
    """The documents, in their order, each with an id of its own: `plan.pdf` beside `plan.docx` becomes `plan-pdf`.

    Of several the one that `sources.toml` names first keeps its id, then the first by path: what is added later, at its
    end, changes no id.
    """
    own = own_ids([document.source.path for document in documents], described)
    return tuple(replace(document, id=own[document.source.path]) for document in documents)


def own_ids(paths: Iterable[str], described: Iterable[str]) -> dict[str, str]:
    """The ids of documents by their paths, in the order of `paths`; `described` are those of `sources.toml`, in NFC."""
    ranks = {path: rank for rank, path in enumerate(described)}
    order = sorted(paths, key=lambda path: ranks.get(normalise_text(path), len(ranks)))
    own: dict[str, str] = {}
    taken = {document_id(path) for path in order}
    seen: set[str] = set()
    for path in order:
        name = document_id(path)
        if name in seen:
            name = base = f"{name}-{PurePosixPath(path).suffix.removeprefix('.').lower()}"
            number = 2
            while name in taken:
                name, number = f"{base}-{number}", number + 1
        seen.add(name)
        taken.add(name)
        own[path] = name
    return own


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


def _toml_line(file: ReadFile, error: tomllib.TOMLDecodeError | RecursionError) -> str:
    """The line that could not be read, if the parser names one, and how a line is written."""
    how = (
        'Un texte se met entre guillemets droits ("…"), une date s’écrit sans guillemets (2024-05-31), le nom d’un '
        'fichier entre crochets et guillemets (["fiches/energie.md"]), et chacun n’y figure qu’une fois.'
    )
    reason, number = toml_reason(error)
    if number is None:
        return f" ({reason}). {how}"
    line = "".join(file.data.decode("utf-8-sig").splitlines()[number - 1 : number]).strip()
    return f" : ligne {number}, « {line} » ({reason}). {how}"


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
