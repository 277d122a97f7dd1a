"""The files of a corpus folder: found, read within limits, and summed up in one checksum."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingest.decode import MAX_SOURCE_BYTES, too_large
from ingest.errors import EmptyCorpus
from ingest.isolated import ISOLATED_SUFFIXES
from ingest.plain_words import system_reason

__all__ = [
    "ARCHIVE_SUFFIX",
    "ORIGINALS_FOLDER",
    "QUESTIONS_FILE",
    "SOURCES_FILE",
    "SUFFIXES",
    "TEXT_SUFFIXES",
    "ReadFile",
    "Skipped",
    "advice",
    "checksum",
    "described_files",
    "find_files",
    "limit_bytes",
    "read_file",
    "total_sha256",
]

TEXT_SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".csv")
ARCHIVE_SUFFIX = ".zip"
SUFFIXES = (*TEXT_SUFFIXES, *ISOLATED_SUFFIXES, ARCHIVE_SUFFIX)
"""File name endings that are read."""

SOURCES_FILE = "sources.toml"
QUESTIONS_FILE = "questions.jsonl"
ORIGINALS_FOLDER = "originals"
# Documents that someone would expect to be read: they are named, files of other kinds are left alone.
_OTHER_DOCUMENTS = {
    **dict.fromkeys((".doc", ".rtf", ".dot", ".dotx", ".wpd", ".pages", ".ott"), ".docx ou .pdf"),
    **dict.fromkeys((".ppt", ".pptx", ".pps", ".ppsx", ".odp", ".key", ".epub"), ".pdf"),
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), ".xlsx ou .csv"),
    **dict.fromkeys((".rar", ".7z", ".tar", ".gz", ".tgz"), ".zip"),
}
_LIMIT_BYTES = {
    ".pdf": 100_000_000,  # a scanned bulletin weighs 50 MB, and pdfium holds a file twice
    ARCHIVE_SUFFIX: 200_000_000,
    **dict.fromkeys((".docx", ".docm", ".odt", ".xlsx", ".xlsm"), 50_000_000),  # pictures, mostly
}
_CHUNK_BYTES = 1 << 20
_NOT_READ = bytes(32)  # stands for the checksum of what cannot be read


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was left out, with the reason, in French, for the operator."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file's checksum and bytes, or why there are none."""

    sha256: bytes
    data: bytes = b""
    problem: str = ""


def find_files(folder: Path) -> tuple[list[str], list[Skipped]]:
    """The paths of a corpus's documents in it, sorted (`SUFFIXES`; hidden ones and originals not), and what is passed.

    Raises:
        EmptyCorpus: the folder does not exist or holds no such file.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises where a folder above may not be entered)
        raise EmptyCorpus(
            f"Le dossier du corpus n’existe pas : {folder}. Créez-le ou indiquez-en un autre avec --corpus."
        )
    paths: list[Path] = []
    skipped: list[Skipped] = []

    def passed(path: Path, reason: str) -> None:
        # A name that is no UTF-8 holds half characters, which no terminal or file can take.
        name = path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        skipped.append(Skipped(name, f"{name} : {reason}"))

    def unreadable_folder(error: OSError) -> None:
        passed(
            Path(error.filename).relative_to(folder),
            f"le dossier ne se lit pas ({system_reason(error)}), ses documents manquent. Vérifiez ses droits.",
        )

    for where, folders, names in os.walk(folder, onerror=unreadable_folder):
        inside = Path(where).relative_to(folder)
        folders[:] = sorted(name for name in folders if not _is_left_out(inside / name))
        for name in folders:
            if (folder / inside / name).is_symlink():
                passed(
                    inside / name,
                    "ce dossier est un lien symbolique, qui n’est pas suivi. Copiez le dossier lui-même.",
                )
        for path in (inside / name for name in names):
            suffix = path.suffix.lower()
            if _is_left_out(path):
                continue
            if suffix not in SUFFIXES:
                if reason := advice(path.name):
                    passed(path, reason)
            elif not _is_utf_8(path):
                passed(path, "le nom du fichier ou de son dossier n’est pas en UTF-8. Renommez-le.")
            elif _is_special(folder / path):
                passed(path, "ce n’est pas un fichier ordinaire. Retirez-le du corpus.")
            else:
                paths.append(path)
    if not paths:
        reasons = "".join(f"\n- {item.reason}" for item in skipped)
        raise EmptyCorpus(
            f"Le corpus est vide : aucun fichier {', '.join(SUFFIXES)} dans {folder}. Ajoutez-y un document.{reasons}"
        )
    return [path.as_posix() for path in sorted(paths)], sorted(skipped, key=lambda item: item.path)


def advice(name: str) -> str:
    """What to do with a document of a format that is not read, in French; empty for what is no document."""
    wanted = _OTHER_DOCUMENTS.get(PurePosixPath(name).suffix.lower())
    return f"ce format n’est pas lu. Enregistrez-le en {wanted}." if wanted else ""


def limit_bytes(name: str) -> int:
    """How large a file of this name's format may be, in bytes."""
    return _LIMIT_BYTES.get(PurePosixPath(name).suffix.lower(), MAX_SOURCE_BYTES)


def read_file(path: Path, relative: str) -> ReadFile:
    """A file's checksum and bytes, none of which stay in memory if there are too many. `relative` is for messages."""
    digest = hashlib.sha256()
    limit = limit_bytes(path.name)
    chunks: list[bytes] = []
    size = 0
    try:
        with path.open("rb") as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                if size <= limit:
                    chunks.append(chunk)
                else:
                    chunks.clear()
    except OSError as error:
        return ReadFile(
            _NOT_READ,
            problem=f"{relative} : le fichier ne se lit pas ({system_reason(error)}). Vérifiez son nom et ses droits.",
        )
    if size > limit:
        return ReadFile(digest.digest(), problem=str(too_large(size, relative, limit)))
    return ReadFile(digest.digest(), b"".join(chunks))


def checksum(path: Path) -> bytes:
    """The SHA-256 of a file, the same as `read_file` gives; a fixed value for what cannot be read."""
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        return _NOT_READ


def described_files(folder: Path) -> list[str]:
    """Which of the corpus's own two files, entries and gold questions, are there."""
    return [name for name in (SOURCES_FILE, QUESTIONS_FILE) if os.path.lexists(folder / name)]


def total_sha256(digests: Mapping[str, bytes], skipped: list[Skipped], described: Mapping[str, bytes]) -> str:
    """One checksum over documents, what was passed over, and the corpus's own files, in hexadecimal."""
    total = hashlib.sha256()
    passed = [(item.path, _NOT_READ) for item in skipped]
    for name, digest in (*digests.items(), *passed, *described.items()):
        total.update(name.encode("utf-8") + b"\0" + digest)
    return total.hexdigest()


def _is_utf_8(path: Path) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_special(path: Path) -> bool:
    """Whether it is a pipe, a socket or a device, which would be waited for without end."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False  # reading it says why


def _is_left_out(relative: Path) -> bool:
    return relative.parts[0] == ORIGINALS_FOLDER or any(part.startswith(".") for part in relative.parts)
