"""Every document of the corpus with its state: what the folder holds beside what the builds were made of."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from index import Build
from ingest import Document, IngestError, fold_for_search
from ingest.corpus import DEFAULT_THEME, read_blocks
from ingest.document import BlockKind, DocumentKind
from ingest.entries import read_sections
from ingest.files import ARCHIVE_SUFFIX, checksum, described_files, find_files, total_sha256
from ingest.isolated import ISOLATED_SUFFIXES
from ingest.kept import FileSums
from ingest.normalise import normalise_text

__all__ = ["ENTRY_KEYS", "Holding", "Holdings", "State", "matching", "read_entries"]

ENTRY_KEYS = ("title", "theme", "publisher", "published", "url", "licence", "kind")
"""What the operator may say of a document on the page."""

_UNSAID = {"theme": DEFAULT_THEME, "kind": DocumentKind.ORIGINAL.value}
"""What a build says of a document where nobody says anything; nothing but for these."""


class State(StrEnum):
    """Where a document is on its way to residents."""

    LIVE = "live"
    """In service as it is in the folder."""
    READ = "read"
    """In the candidate as it is in the folder, and not in service yet."""
    WAITING = "waiting"
    """New or changed since the last build."""
    SKIPPED = "skipped"
    """The last build could not read it."""
    GONE = "gone"
    """No longer in the folder, and still in service."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A document. `path` is its path in the corpus, `id` that of the build's document, empty where no build has it.

    `why` says in French why it was not read, or what of it was not. `entry` is its part of `sources.toml`.
    """

    path: str
    state: State
    title: str
    id: str = ""
    theme: str = ""
    publisher: str = ""
    published: str = ""
    passages: int = 0
    why: tuple[str, ...] = ()
    entry: Mapping[str, str] = field(default_factory=dict)

    @property
    def archive(self) -> str:
        """The path of the archive that holds it, empty where none does."""
        head, found, _ = self.path.partition(f"{ARCHIVE_SUFFIX}/")
        return head + ARCHIVE_SUFFIX if found else ""


class Holdings:
    """Reads the folder of a corpus; a file whose checksum is known, by the rule of builds, is not read again."""

    def __init__(self, corpus: Path) -> None:
        self._corpus = corpus
        self._sums = FileSums()
        self._own: dict[str, tuple[str, dict[str, str]]] = {}

    def all(
        self, live: Build | None, newest: Build | None, told: Iterable[str] = (), built_at: float = 0.0
    ) -> tuple[Holding, ...]:
        """Every document, by its path.

        `newest` is the build made last, which may be the live one; `told` what it said of files, each line beginning
        with the file's path; `built_at` when it was made.

        Raises:
            InvalidEntry: `sources.toml` is wrong.
        """
        entries = read_entries(self._corpus)
        said = [normalise_text(line) for line in told]
        found: dict[str, Holding] = {}
        on_disk = self._files()
        in_live, in_newest = _by_path(live), _by_path(newest)
        counts = _counts(newest) if newest else {}
        for path, sha256 in on_disk.items():
            is_archive = path.lower().endswith(ARCHIVE_SUFFIX)
            members = [name for name in in_newest if name.startswith(f"{path}/")] if is_archive else []
            if members:
                is_old = (self._corpus / path).stat().st_mtime > built_at
                for name in members:
                    entry = entries.get(normalise_text(name), {})
                    known = self._known_of(in_newest[name], entry, sha256)
                    found[name] = _read(in_newest[name], in_live.get(name), entry, known, is_old)
                continue
            entry = entries.get(normalise_text(path), {})
            document = in_newest.get(path)
            if document:
                is_changed = document.source.sha256 != sha256
                known = self._known_of(document, entry, sha256)
                found[path] = _read(document, in_live.get(path), entry, known, is_changed)
            else:
                state = State.SKIPPED if any(line.startswith(f"{path} :") for line in said) else State.WAITING
                if (self._corpus / path).stat().st_mtime > built_at:
                    state = State.WAITING
                found[path] = Holding(
                    path,
                    state,
                    entry.get("title", "") or PurePosixPath(path).name,
                    theme=entry.get("theme", ""),
                    publisher=entry.get("publisher", ""),
                    published=entry.get("published", ""),
                    entry=entry,
                )
        for path, document in in_live.items():
            if path not in found:
                holding = _read(document, document, {}, _of_build(document), is_changed=False)
                found[path] = replace(holding, state=State.GONE)
        return tuple(
            replace(
                holding,
                passages=counts.get(holding.id, 0),
                why=tuple(line for line in said if line.startswith(f"{normalise_text(path)} :")),
            )
            for path, holding in sorted(found.items())
        )

    def sha256(self) -> str:
        """What `corpus_sha256` gives, of files that are known already without reading them; empty without any file."""
        try:
            paths, skipped = find_files(self._corpus)
        except IngestError:
            return ""
        digests = {path: self._sums.sha256(self._corpus / path, path) for path in paths}
        described = {name: checksum(self._corpus / name) for name in described_files(self._corpus)}
        return total_sha256(digests, skipped, described)

    def _known_of(self, document: Document, entry: Mapping[str, str], sha256: str) -> dict[str, str]:
        """What the next build would say of a document: its entry, or else what it says of itself.

        Only texts can say more than a title of themselves. The title of another file is taken from its headings or its
        name: where the build's is none of these, there is none here. A text is read, which takes some 30 ms of
        processor for a page of the web, only where the build says what the entry does not. `sha256` is its file's.
        """
        said = _of_build(document).items()
        is_own = any(value != _UNSAID.get(key, "") for key, value in said if key not in entry)
        known = {**(self._said_by_itself(document, sha256) if is_own else {}), **entry}
        if not known.get("title") and _is_own_title(document):
            known["title"] = document.title
        return known

    def _said_by_itself(self, document: Document, sha256: str) -> dict[str, str]:
        path = document.source.path
        if PurePosixPath(path).suffix.lower() in ISOLATED_SUFFIXES:
            return {}
        if f"{ARCHIVE_SUFFIX}/" in path.lower():
            return _of_build(document)  # not unpacked for this: taken for what it says still
        known_sha256, own = self._own.get(path, ("", {}))
        if known_sha256 != sha256:
            try:
                data = (self._corpus / path).read_bytes()
            except OSError:
                return {}
            try:
                own = read_blocks(data, path).about
            except IngestError:
                own = {}
            self._own[path] = (hashlib.sha256(data).hexdigest(), own)
        return own

    def _files(self) -> dict[str, str]:
        """The checksum of each file, by its path."""
        try:
            paths, _ = find_files(self._corpus)
        except IngestError:
            return {}
        there = (path for path in paths if (self._corpus / path).exists())  # else gone meanwhile
        return {path: self._sums.sha256(self._corpus / path, path).hex() for path in there}


def read_entries(corpus: Path) -> dict[str, dict[str, str]]:
    """What `sources.toml` says of each document; nothing where it cannot be read, which `Desk.fault` tells."""
    try:
        return read_sections(corpus)
    except IngestError:
        return {}


def matching(holdings: Iterable[Holding], words: str, state: str = "") -> list[Holding]:
    """Those that hold every word in their title, path, theme or publisher, whatever the accents, and have the state."""
    wanted = _folded(words).split()
    return [
        holding
        for holding in holdings
        if (not state or holding.state == state)
        and all(
            word in _folded(" ".join((holding.title, holding.path, holding.theme, holding.publisher)))
            for word in wanted
        )
    ]


def _folded(text: str) -> str:
    split = unicodedata.normalize("NFD", fold_for_search(text).lower())
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def _of_build(document: Document) -> dict[str, str]:
    """What a build says of a document, by the keys of `sources.toml`."""
    source = document.source
    return {
        "title": document.title,
        "theme": document.theme,
        "publisher": source.publisher,
        "published": source.published,
        "url": source.url,
        "licence": source.licence,
        "kind": source.kind.value,
    }


def _is_own_title(document: Document) -> bool:
    """Whether the title can be one that was found in the document or made of its name."""
    headings = (
        document.text[block.start : block.end]
        for section in document.sections
        for block in section.blocks
        if block.kind is BlockKind.HEADING
    )
    name = PurePosixPath(document.source.path).stem
    return document.title in headings or _letters(document.title) == _letters(name)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _read(
    document: Document, live: Document | None, entry: Mapping[str, str], known: Mapping[str, str], is_changed: bool
) -> Holding:
    """A document that the newest build has. `known` is what the next build would say of it."""
    source = document.source
    is_said_otherwise = any(
        normalise_text(value) != normalise_text(known.get(key) or _UNSAID.get(key, ""))
        for key, value in _of_build(document).items()
    )
    if is_changed or is_said_otherwise:
        state = State.WAITING
    else:
        state = State.LIVE if live and live.source == source and live.title == document.title else State.READ
    return Holding(
        source.path,
        state,
        known.get("title", "") or PurePosixPath(source.path).name,
        document.id,
        known.get("theme", ""),
        known.get("publisher", ""),
        known.get("published", ""),
        entry=entry,
    )


def _by_path(build: Build | None) -> dict[str, Document]:
    return {document.source.path: document for document in build.documents.values()} if build else {}


def _counts(build: Build) -> dict[str, int]:
    counts: dict[str, int] = {}
    for passage in build.passages:
        counts[passage.document_id] = counts.get(passage.document_id, 0) + 1
    return counts
