"""What a corpus should be mended for, in French, for the person who keeps it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ingest.corpus import Corpus, read_blocks
from ingest.decode import decode
from ingest.document import BlockKind, Document, DocumentKind, Section
from ingest.errors import UnreadableSource
from ingest.files import SOURCES_FILE, TEXT_SUFFIXES, read_file
from ingest.normalise import fold_for_search, normalise_text
from ingest.passages import Passage
from ingest.sentences import sentence_spans

__all__ = ["Problem", "check_documents"]

_SHINGLE = 5
_SHORTEST = 10
"""Fewer words than these may well stand twice."""
_REPEATED = 0.8
"""Two passages repeat each other if one holds this share of the other's runs of `_SHINGLE` words."""

_ENDS_SENTENCE = re.compile(r"[.!?…]\s?[»”\"’)\]]*$")
_BETWEEN_WORDS = r"(?:\[\^[^\]\n]*\]|\]\([^)\n]*\)|\W)*+"
_HOST = re.compile(r"[^\s./]+(?:\.[^\s./]+)+")


@dataclass(frozen=True, slots=True)
class Problem:
    """What to mend: the file, the place in it (a heading, or empty), and what is wrong there and how to mend it.

    `line` is that of the file where it stands, from 1, where one is known. `grave` is what must not be served: words
    without the source that they promise, or not their publisher's own.
    """

    path: str
    place: str
    text: str
    grave: bool = False
    line: int | None = None

    def __str__(self) -> str:
        line = f", ligne {self.line}" if self.line else ""
        return f"{self.path}{line}{f', « {self.place} »' if self.place else ''} : {self.text}"


def check_documents(folder: Path, corpus: Corpus, passages: Sequence[Passage]) -> list[Problem]:
    """All that is wrong with a corpus's documents, in their order; nothing if all is well.

    Every file is read, wholly, and has an entry that names who publishes it; a document with a raw original says what
    that says; every sentence of a fiche names a source; every address is one of the web; no heading is empty; no
    passage repeats another. `passages` are all those of the corpus.
    """
    unread = (*corpus.skipped, *corpus.notices)
    problems = [Problem(item.path, "", item.reason.removeprefix(f"{item.path} : ")) for item in unread]
    problems += _check_themes(corpus.documents)
    for document in corpus.documents:
        problems += _check_source(document, document.source.path in corpus.without_entry)
        problems += _check_original(folder, document)
        lines = _Lines(folder, document)
        problems += _check_blocks(folder, document, lines)
        problems += _check_statements(document, lines)
    return [*problems, *_check_repeats(passages, {document.id: document.source.path for document in corpus.documents})]


class _Lines:
    """Where in the file of a fiche, which is written by hand, words stand."""

    def __init__(self, folder: Path, document: Document) -> None:
        path = document.source.path
        self._text = ""
        if document.source.kind is DocumentKind.FICHE and (folder / path).is_file():
            try:
                self._text = decode(read_file(folder / path, path).data, path)
            except UnreadableSource:
                return  # changed since it was read

    def of(self, said: str) -> int | None:
        """The first line that holds these words, whatever marks of Markdown stand between them."""
        words = re.findall(r"\w+", said)
        found = re.search(r"(?<!\w)" + _BETWEEN_WORDS.join(map(re.escape, words)), self._text) if words else None
        return self._text.count("\n", 0, found.start()) + 1 if found else None


def _check_themes(documents: Sequence[Document]) -> Iterator[Problem]:
    """Themes that differ in their spelling only: case, accents, spaces, punctuation."""
    counts = Counter(document.theme for document in documents)
    spellings: dict[str, list[str]] = {}
    for theme in counts:
        letters = unicodedata.normalize("NFKD", theme.replace("&", " et ").casefold())
        spellings.setdefault("".join(filter(str.isalnum, letters)), []).append(theme)
    usual = {theme: max(same, key=counts.__getitem__) for same in spellings.values() for theme in same}
    for document in documents:
        if (wanted := usual[document.theme]) != document.theme:
            text = (
                f"le thème « {document.theme} » s’écrit ailleurs « {wanted} » : ce sont deux thèmes pour le programme. "
                f"Écrivez-le partout pareil dans {SOURCES_FILE}."
            )
            yield Problem(document.source.path, "", text)


def _check_source(document: Document, without_entry: bool) -> Iterator[Problem]:
    source = document.source
    if without_entry:
        yield Problem(source.path, "", f"pas de paragraphe dans {SOURCES_FILE}. Ajoutez-le, avec son éditeur.")
    elif not source.publisher:
        yield Problem(source.path, "", f"l’éditeur manque. Ajoutez « publisher » dans {SOURCES_FILE}.")
    if source.url and (problem := _address_problem(source.url)):
        yield Problem(source.path, "", problem)
    if source.kind is DocumentKind.FICHE:
        if not source.note:
            yield Problem(
                source.path, "", "la fiche ne dit pas ce qu’elle est. Ajoutez « note: … » en tête du fichier."
            )
        if not source.published:
            yield Problem(source.path, "", f"la fiche n’a pas de date. Ajoutez « published » dans {SOURCES_FILE}.")


def _check_original(folder: Path, document: Document) -> Iterator[Problem]:
    path, original = document.source.path, document.source.original
    if not original:
        return
    raw = read_file(folder / original, original)
    try:
        if raw.problem:
            raise UnreadableSource(raw.problem)
        blocks = read_blocks(raw.data, original).blocks
    except UnreadableSource as error:
        yield Problem(path, "", f"son original ne se lit pas ({error})")
        return
    if _words(" ".join(block.text for block in blocks)) != _words(document.text):
        text = f"le texte n’est plus mot à mot celui de {original}. Corrigez-le, ou changez l’original."
        yield Problem(path, "", text, grave=True)


def _check_blocks(folder: Path, document: Document, lines: _Lines) -> Iterator[Problem]:
    """Headings without a text, and calls of a fiche's notes that do not stand behind a sentence."""
    path = document.source.path
    if PurePosixPath(path).suffix.lower() not in TEXT_SUFFIXES or not (folder / path).is_file():
        return  # neither written by hand for this service nor, in an archive, easily mended
    try:
        blocks = read_blocks(read_file(folder / path, path).data, path).blocks
    except UnreadableSource:
        return  # changed since it was read
    before = ""
    for block in blocks:
        if block.kind is BlockKind.HEADING and not normalise_text(block.text).strip():
            where = f"après « {before} »" if before else "au début"
            text = f"un titre est vide, {where}. Écrivez-le ou retirez-le."
            yield Problem(path, "", text, line=lines.of(before))
        before = block.text[:60] or before
        for place, _ in block.marks if document.source.kind is DocumentKind.FICHE else ():
            said = block.text[max(0, place - 60) : place].rstrip()
            if not _ENDS_SENTENCE.search(said):
                text = f"l’appel de note derrière « …{said} » n’est pas juste après un point. Déplacez-le."
                yield Problem(path, "", text, line=lines.of(said))
    for section, following in zip(document.sections, (*document.sections[1:], None), strict=True):
        holds = any(block.kind is not BlockKind.HEADING for block in section.blocks)
        if not holds and not _is_inside(following, section):
            text = "ce titre n’a pas de texte. Écrivez-le, ou retirez le titre."
            yield Problem(path, _place(section), text, line=lines.of(_place(section)))


def _check_statements(document: Document, lines: _Lines) -> Iterator[Problem]:
    path = document.source.path
    for reference in dict.fromkeys(r for statement in document.statements for r in statement.references):
        if problem := _address_problem(reference.url):
            yield Problem(path, "", f"la source « {reference.publisher} » : {problem}", line=lines.of(reference.url))
        text = ""
        if not reference.publisher:
            text = f"la source <{reference.url}> n’a pas d’éditeur. Écrivez « Éditeur – titre <…> »."
        elif not reference.title:
            text = f"la source « {reference.publisher} » n’a pas de titre. Écrivez « Éditeur – titre <…> »."
        if text:
            yield Problem(path, "", text, line=lines.of(reference.url))
    if document.source.kind is not DocumentKind.FICHE:
        yield from _check_kind(document)
        return
    yield from _check_notes(document, lines)
    with_source = {(statement.start, statement.end) for statement in document.statements}
    for section in document.sections:
        for block in section.blocks:
            text = document.text[block.start : block.end] if block.kind.is_prose else ""
            for start, end in sentence_spans(text):
                if (block.start + start, block.start + end) not in with_source:
                    yield Problem(
                        path,
                        _place(section),
                        f"phrase sans source : « {text[start:end]} ». Mettez juste après son point l’appel d’une note, "
                        "et écrivez la note à la fin : « [^nom]: Éditeur – titre <https://…> ».",
                        grave=True,
                        line=lines.of(text[start:end]),
                    )


def _check_kind(document: Document) -> Iterator[Problem]:
    """A document whose sentences mostly name a source is a fiche."""
    prose = [block for section in document.sections for block in section.blocks if block.kind.is_prose]
    sentences = sum(len(sentence_spans(document.text[block.start : block.end])) for block in prose)
    if len(document.statements) > sentences / 2:
        text = f'ses phrases ont leur source : est-ce une fiche ? Ajoutez « kind = "fiche" » dans {SOURCES_FILE}.'
        yield Problem(document.source.path, "", text)


def _check_notes(document: Document, lines: _Lines) -> Iterator[Problem]:
    """Notes of a fiche that are no source."""
    for section in document.sections:
        for block in section.blocks:
            if block.kind is BlockKind.NOTE:
                note = document.text[block.start : block.end][:80]
                yield Problem(
                    document.source.path,
                    "",
                    f"la note « {note} » n’est la source d’aucune phrase. Écrivez-la à la fin, avec une seule adresse, "
                    "« [^nom]: Éditeur – titre <https://…> », et appelez-la par [^nom] ; ou retirez-la.",
                    line=lines.of(note),
                )


def _check_repeats(passages: Sequence[Passage], paths: Mapping[str, str]) -> Iterator[Problem]:
    """Each passage that holds, or is held by, an earlier one."""
    shingles: list[frozenset[tuple[str, ...]]] = []
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, passage in enumerate(passages):
        words = fold_for_search(passage.text).lower().split()
        if len(words) < _SHORTEST:
            words = []
        own = frozenset(tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1))
        shared = Counter(earlier for shingle in own for earlier in holders.get(shingle, ()))
        for earlier, count in shared.items():
            if count >= _REPEATED * min(len(own), len(shingles[earlier])):
                other = passages[earlier]
                yield Problem(
                    paths[passage.document_id],
                    passage.heading_path[-1],
                    f"ce passage répète « {other.heading_path[-1]} » de {paths[other.document_id]} : "
                    f"« {passage.text[:80]}… ». Retirez l’un des deux.",
                )
        shingles.append(own)
        for shingle in own:
            holders.setdefault(shingle, []).append(number)


def _is_inside(section: Section | None, outer: Section) -> bool:
    if section is None or len(section.heading_path) <= len(outer.heading_path):
        return not outer.heading_path  # under the document's title stands all
    return section.heading_path[: len(outer.heading_path)] == outer.heading_path


def _place(section: Section) -> str:
    return section.heading_path[-1] if section.heading_path else ""


def _words(text: str) -> str:
    return "".join(normalise_text(text).split())


def _address_problem(url: str) -> str:
    """Why an address is none of the web, in French; empty if it is one."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(_HOST.fullmatch(parts.hostname or ""))
        is_web = is_web and not re.search(r"\s", url) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_web = False
    return "" if is_web else f"« {url} » n’est pas une adresse du web. Copiez-la de la barre du navigateur (https://…)."
