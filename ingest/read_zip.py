"""ZIP archives: their members, one at a time and within limits, and the check that every format inside a ZIP passes."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.decode import too_large
from ingest.errors import UnreadableSource
from ingest.files import ARCHIVE_SUFFIX, SUFFIXES, advice, limit_bytes
from ingest.normalise import normalise_text

__all__ = ["MAX_MEMBERS", "MAX_RATIO", "MAX_UNPACKED_BYTES", "Member", "locked", "open_zip", "read_members"]

MAX_MEMBERS = 5_000
"""Entries of an archive: ten times a town's deliberations of a year."""

MAX_UNPACKED_BYTES = 500_000_000
"""What all entries may weigh unpacked, as the archive announces it; no entry is read beyond what it announces."""

MAX_RATIO = 200
"""How much larger unpacked: texts reach 30, spreadsheets 100, bombs 1,000."""

_SMALL_BYTES = 50_000  # what packs well in a smaller file fills no memory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class Member:
    """A document in an archive: its path in the corpus (`archive.zip/member`), and its bytes or why there are none."""

    path: str
    data: bytes = b""
    problem: str = ""


def open_zip(data: bytes, path: str) -> zipfile.ZipFile:
    """A file's bytes as an archive whose entries may all be read without filling the memory.

    Raises:
        UnreadableSource: it is none, is locked by a password, or would unpack to too much.
    """
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise locked(path)
        raise UnreadableSource(
            f"{path} : c’est un fichier d’un ancien format (.doc, .xls). Enregistrez-le en .docx, .xlsx ou .pdf."
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        what = "le fichier est vide" if not data else "le fichier est abîmé ou n’a pas la bonne extension"
        raise UnreadableSource(f"{path} : {what}. Enregistrez-le à nouveau, ou retirez-le du corpus.") from error
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_MEMBERS:
        raise UnreadableSource(
            f"{path} : il contient {len(entries)} fichiers, la limite est de {MAX_MEMBERS}. Découpez-le en plusieurs."
        )
    limit = min(MAX_UNPACKED_BYTES, MAX_RATIO * max(len(data), _SMALL_BYTES))
    if unpacked > limit:
        raise UnreadableSource(
            f"{path} : il pèserait {unpacked // 1_000_000} Mo une fois ouvert, la limite est de {limit // 1_000_000} "
            "Mo pour un fichier de son poids. Vérifiez d’où il vient, ou découpez-le en plusieurs fichiers."
        )
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise locked(path)
    return archive


def read_members(data: bytes, path: str) -> Iterator[Member]:
    """The documents of an archive, in order of their names; nothing is ever written to disk.

    Hidden entries and files that are no documents are left alone, as in a folder.

    Raises:
        UnreadableSource: as `open_zip`, or the archive holds no document.
    """
    archive = open_zip(data, path)
    documents = [entry for entry in archive.infolist() if _is_document(entry)]
    if not documents:
        raise UnreadableSource(f"{path} : aucun document dans cette archive. Retirez-la du corpus.")
    seen: set[str] = set()
    for entry in sorted(documents, key=lambda entry: entry.filename):
        name = normalise_text(entry.filename)
        whole = f"{path}/{name}"
        problem = "deux fichiers de l’archive ont ce nom. Renommez l’un des deux." if name in seen else _refusal(name)
        seen.add(name)
        if problem:
            yield Member(whole, problem=f"{whole} : {problem}")
        elif entry.file_size > limit_bytes(name):
            yield Member(whole, problem=str(too_large(entry.file_size, whole, limit_bytes(name))))
        else:
            yield _member(archive, entry, whole)


def _is_document(entry: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(entry.filename)
    hidden = any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in name.parts)
    is_one = name.suffix.lower() in SUFFIXES or bool(advice(name.name))
    return is_one and not hidden and not entry.is_dir()


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> Member:
    damaged = "ce fichier de l’archive est abîmé ou compressé autrement. Refaites l’archive."
    if entry.compress_type not in _METHODS:
        return Member(path, problem=f"{path} : {damaged}")
    try:
        return Member(path, archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        return Member(path, problem=f"{path} : {damaged}")


def _refusal(name: str) -> str:
    """Why a member of this name is not read, in French; empty if it is."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not parts[0] or ":" in parts[0]:
        return "ce nom sort du dossier de l’archive. Refaites l’archive sans « .. » ni chemin complet."
    if name.lower().endswith(ARCHIVE_SUFFIX):
        return "une archive dans une archive n’est pas lue. Mettez-la elle-même dans le corpus."
    return advice(name)


def locked(path: str) -> UnreadableSource:
    """The refusal of a file that a password protects."""
    return UnreadableSource(
        f"{path} : il est protégé par un mot de passe. Enregistrez-le sans mot de passe, ou retirez-le du corpus."
    )
