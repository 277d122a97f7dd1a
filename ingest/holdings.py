"""What the operator changes in a corpus folder: documents added, removed and restored.

Whatever stops a change half-way (a full disk, a kill), the corpus still reads: a file is there before `sources.toml`
names it and goes only after its section went. The same command then finishes the change: a folder of `.removed` says
first which document it is for, and last that nothing of it is left to put back.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from ingest.assemble import document_id
from ingest.corpus import own_ids, read_document
from ingest.decode import too_large
from ingest.entries import (
    check_given,
    described,
    forgotten,
    headed,
    is_of,
    read_sections,
    read_sources,
    sections_data,
    write_sections,
)
from ingest.errors import (
    DuplicateDocument,
    EmptyCorpus,
    InvalidEntry,
    UnknownDocument,
    UnreadableSource,
    UnsafeName,
)
from ingest.files import (
    ARCHIVE_SUFFIX,
    ORIGINALS_FOLDER,
    QUESTIONS_FILE,
    SOURCES_FILE,
    SUFFIXES,
    advice,
    checksum,
    find_files,
    limit_bytes,
)
from ingest.normalise import normalise_text
from ingest.plain_words import system_reason
from ingest.read_zip import read_members
from ingest.set_aside import gathered, joined, kept_questions, parted, read_questions
from ingest.undo import UNDO_FILE, keep_undo, undone
from ingest.write_file import is_draft, move_file, not_written, sweep_drafts, write_file

__all__ = [
    "REMOVED_FOLDER",
    "add_document",
    "check_readable",
    "corpus_lock",
    "describe_document",
    "questions_aside",
    "remove_document",
    "removed_documents",
    "restore_document",
    "safe_path",
]

REMOVED_FOLDER = ".removed"
"""Where removed documents are kept in the corpus; hidden, so that nothing in it is read."""

_MAX_NAME_BYTES = 200  # of the 255 that file systems take, with room for a draft's name
_TAKEN_OUT = re.compile(r",? ou retirez-le du corpus")
_REPLACED = str.maketrans(dict.fromkeys('<>:"|?*', "-"))


def add_document(corpus: Path, name: str, data: bytes, entry: Mapping[str, str] = {}, *, replace: bool = False) -> str:
    """Put a document, or an archive of them, into the corpus and say in `sources.toml` what is known of it.

    Returns its path in the corpus. `name` may hold folders. `entry` has the keys of `sources.toml`. With `replace`, a
    document of the same name or id makes way, as if removed, and what was said of it stays unless `entry` says else.
    A file that was put there without its section gets it.

    Raises:
        UnsafeName: the name leads out of the corpus, is hidden, or of a format that is not read.
        UnreadableSource: the reader refuses it.
        DuplicateDocument: it is there already.
        InvalidEntry: a value of `entry` is wrong, or `sources.toml` cannot be changed.
        NotWritten: a file cannot be written.
    """
    path = safe_path(corpus, name)
    check_given(corpus, {path: entry})
    try:
        check_readable(data, path, entry)
    except UnreadableSource as error:
        if (corpus / path).is_file() and checksum(corpus / path) == hashlib.sha256(data).digest():
            raise  # put there by hand: it can be taken out
        raise type(error)(_TAKEN_OUT.sub("", str(error))) from error
    with corpus_lock(corpus):
        known = read_sections(corpus)
        present = _paths(corpus)
        here = next((other for other in present if normalise_text(other) == path), path)
        if here in present and checksum(corpus / here) == hashlib.sha256(data).digest():
            if path in known and not replace:
                raise DuplicateDocument(
                    f"{here} est déjà dans le corpus, exactement le même : rien n’a changé. Pour changer ce qui en est "
                    "dit, remplacez-le (--replace)."
                )
            write_sections(corpus, described(corpus, {here: entry}))
            return here
        if same := _same_bytes(corpus, data, present):
            raise DuplicateDocument(
                f"{path} : ce document est déjà dans le corpus sous le nom {same}, exactement le même. Rien n’a "
                f"changé ; retirez d’abord {same} si vous voulez l’autre nom."
            )
        rivals = [other for other in present if document_id(other) == document_id(path)]
        if rivals and not replace:
            raise DuplicateDocument(_already(path, rivals[0]))
        for rival in rivals:
            said = known.get(normalise_text(rival), {})
            entry = {**said, **{key: value for key, value in entry.items() if value}}
        text = described(corpus, {here: entry})
        if here in rivals:
            section = forgotten(corpus, here)[1]
            kept = _new_folder(corpus)
            write_file(kept / here, (corpus / here).read_bytes(), here)
            if section:  # what was said of it, for who restores it
                write_file(kept / SOURCES_FILE, section.encode("utf-8"), SOURCES_FILE)
        write_file(corpus / here, data, here)
        write_sections(corpus, text)
        for rival in rivals:
            if rival != here:
                _remove(corpus, rival, with_questions=False)  # they quote the id, which the new one has
    return here


def describe_document(
    corpus: Path, path: str, entry: Mapping[str, str], before: Mapping[str, str] | None = None
) -> None:
    """Have `sources.toml` say this of a document, or of one in an archive. Keys without a value go, others stay.

    `before` is what it said, by key, when `entry` was thought of: nothing is changed if it says something else by now.

    Raises:
        UnknownDocument: there is no such document.
        InvalidEntry: a value of `entry` is wrong, or `sources.toml` cannot be changed, or no longer says `before`.
        NotWritten: the file cannot be written.
    """
    with corpus_lock(corpus):
        if not any(is_of(path, other) for other in _paths(corpus)):
            raise UnknownDocument(
                f"{path} : ce document n’est plus dans {corpus}, quelqu’un l’a retiré ou renommé. Rien n’a été changé."
            )
        said = read_sections(corpus).get(normalise_text(path), {})
        if before is not None and any(said.get(key, "") != value for key, value in before.items()):
            raise InvalidEntry(
                f"{path} : quelqu’un d’autre vient de modifier ce qui est dit de ce document. Rien n’a été changé : "
                "rouvrez le formulaire, puis refaites vos changements."
            )
        cleared = [key for key, value in entry.items() if not value]
        write_sections(corpus, described(corpus, {path: entry}, cleared))


def remove_document(corpus: Path, path: str) -> Path:
    """Move a document out of what is read, to `.removed/<date-time>/`, with what is said of it beside it: its section
    of `sources.toml` and the gold questions that quote it (`questions_aside` counts them).

    Returns where the file is now: what `restore_document` takes.

    Raises:
        UnknownDocument: there is no such document.
        InvalidEntry: `sources.toml` cannot be changed, or the gold questions do not read.
        NotWritten: a file cannot be written.
    """
    with corpus_lock(corpus):
        wanted = normalise_text(path).removeprefix("./")
        here = next((other for other in _paths(corpus) if normalise_text(other) == wanted), None)
        if here is None:
            archive = wanted.lower().find(f"{ARCHIVE_SUFFIX}/")
            near = get_close_matches(wanted, _paths(corpus), n=1, cutoff=0.6)
            how = "Donnez son chemin dans ce dossier, comme dans sources.toml."
            if archive > 0:
                whole = path[: archive + len(ARCHIVE_SUFFIX)]
                how = f"C’est un document d’une archive : retirez l’archive entière, {whole}."
            elif near:
                how = f"Vouliez-vous dire « {near[0]} » ?"
            raise UnknownDocument(f"{path} : ce document n’est pas dans {corpus}. {how}")
        return _remove(corpus, here)


def restore_document(corpus: Path, removed: Path) -> str:
    """Put a removed document back, with its section of `sources.toml` and its gold questions; its path in the corpus.

    `removed` is what `remove_document` gave, or the folder `.removed/<date-time>`. Both files are to the last byte what
    they were, where nothing else changed them since.

    Raises:
        UnknownDocument: nothing removed is there.
        DuplicateDocument: another document has its name by now.
        InvalidEntry: `sources.toml` cannot be changed, or the gold questions do not read.
        NotWritten: a file cannot be written.
    """
    with corpus_lock(corpus):
        kept = (corpus / REMOVED_FOLDER).resolve()
        whole = removed.resolve()
        if kept not in whole.parents:
            places = [path.relative_to(corpus / REMOVED_FOLDER) for path in removed_documents(corpus)]
            names = [PurePosixPath(*place.parts[1:]).as_posix() for place in places]
            near = get_close_matches(removed.as_posix(), names, n=1)
            how = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
            raise UnknownDocument(
                f"{removed} n’est pas un document retiré de {corpus}.{how} « loos restore » sans rien d’autre en donne "
                "la liste."
            )
        folder = kept / whole.relative_to(kept).parts[0]
        path = _waiting(folder, _paths(corpus))
        if not path:
            raise UnknownDocument(f"{removed} : il n’y a plus de document à remettre dans ce dossier.")
        found = _removed_file(folder)
        if found and os.path.lexists(corpus / path):
            raise DuplicateDocument(
                f"{path} : un autre document a ce nom dans le corpus. Retirez-le d’abord, puis recommencez."
            )
        sources, questions = _sources_with(corpus, folder, is_new=bool(found)), _questions_with(corpus, folder, path)
        if found:
            move_file(found, corpus / path, path)
        for name, (now, data) in ((SOURCES_FILE, sources), (QUESTIONS_FILE, questions)):
            if data != now:
                write_file(corpus / name, data, name)
        for name in (UNDO_FILE, QUESTIONS_FILE, SOURCES_FILE):  # the last, by which what is left is found
            (folder / name).unlink(missing_ok=True)
        sweep_drafts(folder)
        _drop_empty(folder)
    return path


def removed_documents(corpus: Path) -> list[Path]:
    """The files of the documents that were removed, the latest first.

    So are those in the corpus whose removing or restoring was stopped half-way: where they would be, or were.
    """
    kept = corpus / REMOVED_FOLDER
    folders = sorted(kept.iterdir(), reverse=True) if kept.is_dir() else []
    present = _paths(corpus) if folders else []
    return [folder / path for folder in folders if (path := _waiting(folder, present))]


def questions_aside(corpus: Path, removed: Path) -> int:
    """How many gold questions are kept with a removed document, which is what `remove_document` gave."""
    kept = (corpus / REMOVED_FOLDER).resolve()
    whole = removed.resolve()
    return kept_questions(kept / whole.relative_to(kept).parts[0]) if kept in whole.parents else 0


def safe_path(corpus: Path, name: str) -> str:
    """A name as a document's path in the corpus: in NFC, without characters that some systems refuse.

    Raises:
        UnsafeName: it leads out of the corpus, is hidden or too long, or of a format that is not read.
    """
    cleaned = normalise_text(name).replace("\t", " ").replace("\n", " ").translate(_REPLACED)
    parts = [part.strip() for part in cleaned.replace("\\", "/").split("/")]
    path = "/".join(parts)
    suffix = PurePosixPath(path).suffix.lower()
    stem = parts[-1].removesuffix(PurePosixPath(path).suffix).strip()
    if not all(parts) or any(part in (".", "..") for part in parts) or not _is_inside(corpus, path):
        raise UnsafeName(
            f"« {name} » : ce nom sort du dossier des documents. Donnez un nom simple, comme plan-climat.pdf."
        )
    if any(part.startswith(".") for part in parts) or not stem:
        raise UnsafeName(f"« {name} » : un nom qui commence par un point est caché et ne serait pas lu. Renommez-le.")
    if parts[0].lower() == ORIGINALS_FOLDER:
        raise UnsafeName(f"« {name} » : le dossier « {ORIGINALS_FOLDER} » n’est pas lu. Choisissez un autre dossier.")
    if suffix not in SUFFIXES:
        how = advice(path) or f"les formats lus sont {', '.join(SUFFIXES)}."
        raise UnsafeName(f"« {name} » : {how}")
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        raise UnsafeName(f"« {name} » : ce nom est trop long (plus de {_MAX_NAME_BYTES} octets). Raccourcissez-le.")
    return path


def check_readable(data: bytes, path: str, entry: Mapping[str, str] = {}) -> None:
    """Read a document as a build will; of an archive, until one of its documents reads.

    Raises:
        UnreadableSource: the reader refuses it.
    """
    if len(data) > limit_bytes(path):
        raise too_large(len(data), path, limit_bytes(path))
    if not path.lower().endswith(ARCHIVE_SUFFIX):
        read_document(data, path, {key: value for key, value in entry.items() if key in ("kind", "title") and value})
        return
    refusals = []
    for member in read_members(data, path):
        try:
            if member.problem:
                raise UnreadableSource(member.problem)
            read_document(member.data, member.path, {})
        except UnreadableSource as error:
            refusals.append(str(error))
        else:
            return
    raise UnreadableSource("\n".join((f"{path} : aucun document de l’archive ne se lit.", *refusals[:5])))


@contextmanager
def corpus_lock(corpus: Path) -> Iterator[None]:
    """Hold a corpus for one change: two operators, or one and a crawl, wait for each other."""
    try:
        corpus.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(corpus, os.O_RDONLY)
    except OSError as error:
        raise EmptyCorpus(f"Le dossier du corpus ne s’ouvre pas : {corpus} ({system_reason(error)}).") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _paths(corpus: Path) -> list[str]:
    try:
        return find_files(corpus)[0]
    except EmptyCorpus:
        return []


def _same_bytes(corpus: Path, data: bytes, paths: list[str]) -> str | None:
    digest = hashlib.sha256(data).digest()
    for path in paths:
        with suppress(OSError):
            if (corpus / path).stat().st_size == len(data) and checksum(corpus / path) == digest:
                return path
    return None


def _already(path: str, rival: str) -> str:
    if normalise_text(rival) == path:
        return f"{path} : un autre document a déjà ce nom. Choisissez un autre nom, ou remplacez-le (--replace)."
    return (
        f"{path} : {rival} est déjà dans le corpus, presque sous le même nom. Choisissez un autre nom, ou remplacez-le "
        "(--replace)."
    )


def _remove(corpus: Path, path: str, *, with_questions: bool = True) -> Path:
    ids = _ids_of(corpus, path) if with_questions else set()
    text, taken = forgotten(corpus, path)
    questions = read_questions(corpus) if ids else ""
    stays, goes = parted(questions, ids)
    folder = _unfinished_folder(corpus, path) or _new_folder(corpus)
    if taken or not (folder / SOURCES_FILE).exists():  # by it, the folder is found again after an interruption
        write_file(folder / SOURCES_FILE, headed(path, taken).encode("utf-8"), SOURCES_FILE)
    if goes:
        write_file(folder / QUESTIONS_FILE, gathered(read_questions(folder), goes).encode("utf-8"), QUESTIONS_FILE)
    changes = {
        SOURCES_FILE: (read_sources(corpus), sections_data(corpus, text)),
        QUESTIONS_FILE: (questions.encode("utf-8"), stays.encode("utf-8")),
    }
    keep_undo(folder, changes)
    if goes:
        write_file(corpus / QUESTIONS_FILE, stays.encode("utf-8"), QUESTIONS_FILE)
    write_sections(corpus, text)
    move_file(corpus / path, folder / path, path)
    return folder / path


def _sources_with(corpus: Path, folder: Path, *, is_new: bool) -> tuple[bytes, bytes]:
    """`sources.toml` as it is, and with what was said of a removed document.

    What is said by now of one that is there stays: its restoring was stopped after that.
    """
    now = read_sources(corpus)
    data = undone(folder, SOURCES_FILE, now)
    if data is None:
        known = {} if is_new else read_sections(corpus)
        sections = {name: entry for name, entry in read_sections(folder).items() if name not in known}
        data = sections_data(corpus, described(corpus, sections))
    return now, data


def _questions_with(corpus: Path, folder: Path, path: str) -> tuple[bytes, bytes]:
    """The gold questions as they are, and with those that were set aside with a document."""
    now = read_questions(corpus)
    data = undone(folder, QUESTIONS_FILE, now.encode("utf-8"))
    if data is None:
        paths = sorted({*_paths(corpus), path})
        ids = set(own_ids(paths, [*read_sections(corpus), *read_sections(folder)]).values())
        # What is in archives is not looked up: a document of one has its path in its id.
        archives = tuple(f"{document_id(f'{each}/-')}-" for each in paths if each.lower().endswith(ARCHIVE_SUFFIX))
        both = joined(now, read_questions(folder), lambda name: name in ids or name.startswith(archives))
        data = both.encode("utf-8")
    return now.encode("utf-8"), data


def _ids_of(corpus: Path, path: str) -> set[str]:
    """The ids that a document has, or those in an archive have, and that no document will have without it."""
    paths = _paths(corpus)
    described = list(read_sections(corpus))
    own = own_ids(paths, described)
    left = set(own_ids([other for other in paths if other != path], described).values())
    if not path.lower().endswith(ARCHIVE_SUFFIX):
        return {own[path]} - left
    with suppress(UnreadableSource, OSError):
        return {document_id(member.path) for member in read_members((corpus / path).read_bytes(), path)} - left
    return set()


def _unfinished_folder(corpus: Path, path: str) -> Path | None:
    """Where a removal of this document that was stopped half-way put what was said of it."""
    kept = corpus / REMOVED_FOLDER
    for folder in sorted(kept.iterdir()) if kept.is_dir() else []:
        if not _removed_file(folder) and any(is_of(name, path) for name in read_sections(folder)):
            return folder
    return None


def _new_folder(corpus: Path) -> Path:
    now = f"{datetime.now():%Y-%m-%dT%H-%M-%S}"
    number = 1
    while True:
        folder = corpus / REMOVED_FOLDER / (now if number == 1 else f"{now}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise not_written(REMOVED_FOLDER, error) from error
        else:
            return folder


def _removed_file(folder: Path) -> Path | None:
    beside = [folder / name for name in (SOURCES_FILE, QUESTIONS_FILE, UNDO_FILE)]
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path not in beside and not is_draft(path))
    return files[0] if files else None


def _waiting(folder: Path, present: Iterable[str]) -> str:
    """The path in the corpus of the document that a folder keeps, or keeps something of after an interruption.

    `present` are the paths of the corpus. Empty where there is no such document any more.
    """
    if found := _removed_file(folder):
        return found.relative_to(folder).as_posix()
    with suppress(InvalidEntry):
        said = read_sections(folder)
        return next((path for path in present if normalise_text(path) in said), "")
    return ""


def _drop_empty(folder: Path) -> None:
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            inner.rmdir()
    with suppress(OSError):
        folder.rmdir()


def _is_inside(corpus: Path, path: str) -> bool:
    """Whether a path stays in the corpus, links followed."""
    return (corpus / path).resolve().is_relative_to(corpus.resolve())
