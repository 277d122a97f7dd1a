"""What a corpus should be mended for, in French, for the person who keeps it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from heapq import nsmallest
from math import ceil
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import numpy as np

from ingest.block_faults import Fault
from ingest.corpus import Corpus, read_blocks
from ingest.decode import decode
from ingest.document import BlockKind, Document, DocumentKind, Section
from ingest.entries import read_sections
from ingest.errors import UnreadableSource
from ingest.files import ARCHIVE_SUFFIX, SOURCES_FILE, TEXT_SUFFIXES, read_file
from ingest.kept import KeptFiles, key_of
from ingest.normalise import fold_for_search, normalise_text
from ingest.passages import Passage
from ingest.runs import Runs, runs_of
from ingest.sentences import sentence_spans

__all__ = ["REPEATED", "Problem", "check_documents", "doubts", "passage_runs", "repeated", "repeated_runs"]

_SHORTEST_WORDS = 10
"""Fewer words than these may well stand twice."""
REPEATED = 0.8
"""Two passages repeat each other if one holds this share of the other's runs of words."""

_ALIKE = 0.9
"""Themes whose letters are the same to this share, as `difflib` counts: « Vie municipal » and « Vie municipale »."""
_NUMBERS = re.compile(r"\d+")

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


def check_documents(
    folder: Path,
    corpus: Corpus,
    passages: Sequence[Passage],
    kept: KeptFiles | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> list[Problem]:
    """All that is wrong with a corpus's documents, in their order; nothing if all is well.

    Every file is read, wholly, and has an entry that names who publishes it; a document with a raw original says what
    that says; every sentence of a fiche names a source; every address is one of the web; no heading is empty; no
    passage repeats another. `passages` are all those of the corpus. Originals that `kept` knows are not read again;
    `pairs` are those that `repeated` gives, where they are known.
    """
    faults: dict[str, list[Fault]] = {}
    for fault in corpus.faults:
        faults.setdefault(fault.path, []).append(fault)
    unread = (*corpus.skipped, *corpus.notices)
    problems = [Problem(item.path, "", item.reason.removeprefix(f"{item.path} : ")) for item in unread]
    problems += _check_themes(corpus.documents)
    for document in corpus.documents:
        problems += _check_source(document, document.source.path in corpus.without_entry)
        problems += _check_original(folder, document, kept)
        lines = _Lines(folder, document)
        problems += _check_blocks(document, faults.get(document.source.path, ()), lines)
        problems += _check_statements(document, lines)
    paths = {document.id: document.source.path for document in corpus.documents}
    return [*problems, *_check_repeats(passages, paths, repeated(passages) if pairs is None else pairs)]


class _Lines:
    """Where in the file of a fiche, which is written by hand, words stand. The file is read when that is asked."""

    def __init__(self, folder: Path, document: Document) -> None:
        self._file = folder / document.source.path
        self._text: str | None = None if document.source.kind is DocumentKind.FICHE else ""

    def _read(self) -> str:
        if self._text is None:
            self._text = ""
            with suppress(UnreadableSource):  # changed since it was read, or in an archive
                self._text = decode(read_file(self._file, self._file.name).data, self._file.name)
        return self._text

    def of(self, said: str) -> int | None:
        """The first line that holds these words, whatever marks of Markdown stand between them."""
        words = re.findall(r"\w+", said)
        text = self._read() if words else ""
        found = re.search(r"(?<!\w)" + _BETWEEN_WORDS.join(map(re.escape, words)), text) if words else None
        return text.count("\n", 0, found.start()) + 1 if found else None


def doubts(folder: Path, paths: Collection[str]) -> list[str]:
    """What may be a slip in what `sources.toml` says of these documents, just added or described.

    A publication date to come; a theme written otherwise elsewhere, or a new one that is nearly another.

    Raises:
        InvalidEntry: `sources.toml` is no TOML.
    """
    said = read_sections(folder)
    own = [said.pop(path) for path in map(normalise_text, paths) if path in said]
    dates = [_to_come(entry.get("published", "")) for entry in own]
    themes = [entry["theme"] for entry in own if entry.get("theme")]
    others = [entry["theme"] for entry in said.values() if entry.get("theme")]
    counts = Counter(others * (len(themes) + 1) + themes)  # so that what was there is the usual
    usual = _usual_spellings(counts)
    otherwise = [text for theme, text in _spelt_otherwise(usual).items() if {theme, usual[theme]} & {*themes}]
    near = [text for theme, other, text in _nearly_the_same(counts, usual) if {theme, other} & ({*themes} - {*others})]
    return list(dict.fromkeys(filter(None, (*dates, *otherwise, *near))))


def _check_themes(documents: Sequence[Document]) -> Iterator[Problem]:
    """Themes that differ in their spelling only (case, accents, spaces, punctuation), or in a letter or two."""
    counts = Counter(document.theme for document in documents)
    usual = _usual_spellings(counts)
    otherwise = _spelt_otherwise(usual)
    for document in documents:
        if document.theme in otherwise:
            yield Problem(document.source.path, "", otherwise[document.theme])
    for theme, _, text in _nearly_the_same(counts, usual):
        yield Problem(next(d.source.path for d in documents if usual[d.theme] == theme), "", text)


def _theme_letters(theme: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", theme.replace("&", " et ").casefold())))


def _usual_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """How each theme is written mostly."""
    spellings: dict[str, list[str]] = {}
    for theme in counts:
        spellings.setdefault(_theme_letters(theme), []).append(theme)
    return {theme: max(same, key=counts.__getitem__) for same in spellings.values() for theme in same}


def _spelt_otherwise(usual: Mapping[str, str]) -> dict[str, str]:
    """What to say of each theme that is mostly written otherwise."""
    return {
        theme: f"le thème « {theme} » s’écrit ailleurs « {wanted} » : ce sont deux thèmes pour le programme. "
        f"Écrivez-le partout pareil dans {SOURCES_FILE}."
        for theme, wanted in usual.items()
        if wanted != theme
    }


def _nearly_the_same(counts: Mapping[str, int], usual: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Of two themes that differ in a letter or two the rarer, the other, and what to say; numbers tell themes apart."""
    themes = {_theme_letters(theme): theme for theme in usual.values()}
    for letters, theme in themes.items():
        near = [
            themes[other]
            for other in get_close_matches(letters, themes, n=4, cutoff=_ALIKE)
            if other != letters and _NUMBERS.findall(other) == _NUMBERS.findall(letters)
        ]
        wanted = max(near, key=counts.__getitem__, default=theme)
        if (counts[theme], wanted) < (counts[wanted], theme):
            text = (
                f"le thème « {theme} » ressemble à « {wanted} ». Si c’est le même, écrivez-le partout pareil dans "
                f"{SOURCES_FILE} ; sinon, laissez."
            )
            yield theme, wanted, text


def _to_come(published: str) -> str:
    """What to say of a date of publication that is to come, empty where it is not."""
    if published <= (today := date.today().isoformat()):
        return ""
    return (
        f"la date de publication, {published}, est dans l’avenir (nous sommes le {today}). Corrigez « published » dans "
        f"{SOURCES_FILE}, sauf si elle est voulue."
    )


def _check_source(document: Document, without_entry: bool) -> Iterator[Problem]:
    source = document.source
    if without_entry:
        yield Problem(source.path, "", f"pas de paragraphe dans {SOURCES_FILE}. Ajoutez-le, avec son éditeur.")
    elif not source.publisher:
        yield Problem(source.path, "", f"l’éditeur manque. Ajoutez « publisher » dans {SOURCES_FILE}.")
    if text := _to_come(source.published):
        yield Problem(source.path, "", text)
    if source.url and (problem := _address_problem(source.url)):
        yield Problem(source.path, "", problem)
    if source.kind is DocumentKind.FICHE:
        if not source.note:
            yield Problem(
                source.path, "", "la fiche ne dit pas ce qu’elle est. Ajoutez « note: … » en tête du fichier."
            )
        if not source.published:
            yield Problem(source.path, "", f"la fiche n’a pas de date. Ajoutez « published » dans {SOURCES_FILE}.")


def _check_original(folder: Path, document: Document, kept: KeptFiles | None) -> Iterator[Problem]:
    path, original = document.source.path, document.source.original
    if not original:
        return
    try:
        words = _words_of_original(folder, original, kept)
    except UnreadableSource as error:
        yield Problem(path, "", f"son original ne se lit pas ({error})")
        return
    if words != _words(document.text):
        text = f"le texte n’est plus mot à mot celui de {original}. Corrigez-le, ou changez l’original."
        yield Problem(path, "", text, grave=True)


def _words_of_original(folder: Path, original: str, kept: KeptFiles | None) -> str:
    named = original.encode("utf-8", "surrogatepass")
    if kept and (known := kept.get(key_of(b"original", named, kept.sha256(folder / original, original)))):
        return known.decode("utf-8")
    raw = read_file(folder / original, original)
    if raw.problem:
        raise UnreadableSource(raw.problem)
    words = _words(" ".join(block.text for block in read_blocks(raw.data, original).blocks))
    if kept:
        kept.put(key_of(b"original", named, raw.sha256), words.encode("utf-8"))
    return words


def _check_blocks(document: Document, faults: Sequence[Fault], lines: _Lines) -> Iterator[Problem]:
    """Headings without a text, and calls of a fiche's notes that do not stand behind a sentence."""
    path = document.source.path
    if PurePosixPath(path).suffix.lower() not in TEXT_SUFFIXES or ARCHIVE_SUFFIX in path.lower():
        return  # neither written by hand for this service nor, in an archive, easily mended
    yield from (Problem(path, "", fault.text, line=lines.of(fault.behind)) for fault in faults)
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
    if not document.statements:
        return
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


def repeated(passages: Sequence[Passage]) -> list[tuple[int, int]]:
    """The pairs of passages of which one holds the other or nearly: the positions of the later and the earlier."""
    return repeated_runs([passage_runs(passage.text) for passage in passages])


def repeated_runs(of_passages: Sequence[Runs]) -> list[tuple[int, int]]:
    """As `repeated`, of passages with these runs of words.

    Two passages that share enough of their runs of words also share one of the few rarest that the shorter can lack
    none of: only those that do are compared. The prefix filter of Chaudhuri, Ganti and Kaushik, « A Primitive Operator
    for Similarity Joins in Data Cleaning » (2006).
    """
    runs = [frozenset(own.tolist()) for own in of_passages]
    holders: dict[int, list[int]] = {}
    for number, own in enumerate(runs):
        for run in own:
            holders.setdefault(run, []).append(number)
    pairs = set()
    for number, own in enumerate(runs):
        needed = ceil(REPEATED * len(own))
        rarest = nsmallest(len(own) - needed + 1, own, key=lambda run: len(holders[run])) if own else ()
        for other in {other for run in rarest for other in holders[run]} - {number}:
            if len(runs[other]) >= len(own) and len(own & runs[other]) >= REPEATED * len(own):
                pairs.add((max(number, other), min(number, other)))
    return sorted(pairs)


def passage_runs(text: str) -> Runs:
    """The runs of words of a passage; none of one so short that it may well stand twice."""
    words = fold_for_search(text).lower().split()
    return runs_of(words) if len(words) >= _SHORTEST_WORDS else np.array([], dtype=np.uint64)


def _check_repeats(
    passages: Sequence[Passage], paths: Mapping[str, str], pairs: Sequence[tuple[int, int]]
) -> Iterator[Problem]:
    """Each passage that holds, or is held by, an earlier one."""
    for later, earlier in pairs:
        passage, other = passages[later], passages[earlier]
        yield Problem(
            paths[passage.document_id],
            passage.heading_path[-1],
            f"ce passage répète « {other.heading_path[-1]} » de {paths[other.document_id]} : "
            f"« {passage.text[:80]}… ». Retirez l’un des deux.",
        )


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
