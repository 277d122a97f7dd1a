"""`sources.toml` changed section by section, with the operator's comments and layout kept."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ingest.corpus import ENTRY_KEYS, check_entry
from ingest.errors import InvalidEntry
from ingest.files import SOURCES_FILE
from ingest.normalise import normalise_text
from ingest.plain_words import system_reason, toml_reason
from ingest.write_file import write_file

__all__ = [
    "check_given",
    "described",
    "forgotten",
    "has_publisher",
    "headed",
    "is_of",
    "read_sections",
    "read_sources",
    "sections_data",
    "utf8_data",
    "write_sections",
]

_HEADER = re.compile(r"^[ \t]*\[(?!\[).*$", re.MULTILINE)
_TAIL = re.compile(r"(?:^[ \t]*(?:#[^\n]*)?\n)*\Z", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class _Section:
    """A section's name as it is written, and where its own lines are: what follows them belongs to the next one."""

    name: str
    start: int
    end: int


def read_sections(folder: Path) -> dict[str, dict[str, str]]:
    """What `sources.toml` says of each document, by its path in NFC; nothing where there is no such file.

    Raises:
        InvalidEntry: it is no TOML.
    """
    tables = _tables(folder, _read(folder))
    return {
        normalise_text(name): check_entry(folder, table)[0] for name, table in tables.items() if isinstance(table, dict)
    }


def has_publisher(folder: Path, path: str) -> bool:
    """Whether `sources.toml` says who publishes a document, or one in an archive. Raises as `read_sections`."""
    return any(is_of(name, path) and said.get("publisher") for name, said in read_sections(folder).items())


def check_given(folder: Path, entries: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse what cannot be said of documents, by their paths.

    Raises:
        InvalidEntry: a key is unknown or a value is wrong; all are named.
    """
    faults = [
        f"« {path} » : {fault}"
        for path, entry in entries.items()
        for fault in check_entry(folder, {key: value for key, value in entry.items() if value})[1]
    ]
    if faults:
        raise InvalidEntry("\n".join(faults))


def described(folder: Path, entries: Mapping[str, Mapping[str, str]], cleared: Collection[str] = ()) -> str:
    """The text of `sources.toml` with what is known of documents. Keys of a section that are not given stay.

    A document's section keeps its place, and what it says already keeps its layout; a new one comes at the end. Keys
    without a value are left out, and those that are `cleared` go from the sections of these documents. Nothing is
    written: `write_sections` does that.

    Raises:
        InvalidEntry: a value is wrong, or the file is no TOML or is written in a way that cannot be changed safely.
    """
    check_given(folder, entries)
    text = _read(folder)
    expected = _tables(folder, text)
    spans = {normalise_text(section.name): section for section in _sections(text)}
    for path, section in sorted(spans.items(), key=lambda item: -item[1].start):
        given = next((entry for name, entry in entries.items() if normalise_text(name) == path), {})
        said = _said(expected, section)
        gone = [key for key in cleared if key in said] if path in map(normalise_text, entries) else []
        values = {key: value for key, value in _values(given).items() if said.get(key) != value}
        if values or gone:
            for key in gone:
                del expected[section.name][key]
            expected.setdefault(section.name, {}).update(values)
            text = text[: section.start] + _with_values(text, section, values, gone) + text[section.end :]
    for path, entry in entries.items():
        values = _values(entry)
        if values and normalise_text(path) not in spans:
            expected.setdefault(path, {}).update(values)
            text = f"{text.rstrip()}\n\n{_new_section(path, values)}".lstrip()
    return _sound(folder, text, expected)


def forgotten(folder: Path, path: str) -> tuple[str, str]:
    """The text of `sources.toml` without the sections of a document, or of those of an archive; and these sections.

    Nothing is written.

    Raises:
        InvalidEntry: the file is no TOML, or is written in a way that cannot be changed safely.
    """
    text = _read(folder)
    expected = _tables(folder, text)
    gone = [name for name in expected if is_of(name, path)]
    taken: list[str] = []
    for section in reversed(list(_sections(text))):
        if section.name in gone:
            taken.append(text[section.start : section.end])
            before, after = text[: section.start].rstrip("\n"), text[section.end :].lstrip("\n")
            text = "\n\n".join(filter(None, (before, after)))
    for name in gone:
        del expected[name]
    whole = f"{text.rstrip()}\n" if gone and text.strip() else text
    return _sound(folder, whole, expected), "\n".join(reversed(taken))


def headed(path: str, sections: str) -> str:
    """A document's sections, or those in an archive, with one of its own at their head where it has none."""
    if any(normalise_text(section.name) == normalise_text(path) for section in _sections(sections)):
        return sections
    return "\n".join(filter(None, (_new_section(path, {}), sections)))


def read_sources(folder: Path) -> bytes:
    """`sources.toml` as it stands there; empty where there is no such file.

    Raises:
        InvalidEntry: it does not read.
    """
    return utf8_data(folder / SOURCES_FILE)


def utf8_data(where: Path) -> bytes:
    """The bytes of a file in UTF-8 that says something of documents; empty where there is no such file.

    Raises:
        InvalidEntry: it does not read.
    """
    try:
        data = where.read_bytes()
        data.decode("utf-8")
    except FileNotFoundError:
        return b""
    except UnicodeDecodeError as error:
        raise InvalidEntry(
            f"{where} n’est pas enregistré en UTF-8. Rien n’a été changé : enregistrez-le dans cet encodage."
        ) from error
    except OSError as error:
        raise InvalidEntry(f"{where} ne se lit pas ({system_reason(error)}). Rien n’a été changé.") from error
    return data


def sections_data(folder: Path, text: str) -> bytes:
    """`sources.toml` as it is once this text is in its place, with its own ends of lines."""
    return _data(read_sources(folder), text)


def _data(now: bytes, text: str) -> bytes:
    if text == _text(now):
        return now
    return (text.replace("\n", "\r\n") if b"\r\n" in now else text).encode("utf-8")


def write_sections(folder: Path, text: str) -> None:
    """Put a text in place of `sources.toml`, if it is another.

    Raises:
        NotWritten: the file cannot be written.
    """
    now = read_sources(folder)
    data = _data(now, text)
    if data != now:
        write_file(folder / SOURCES_FILE, data, SOURCES_FILE)


def is_of(name: str, path: str) -> bool:
    """Whether a section is a document's, or of one in an archive."""
    return normalise_text(name) == normalise_text(path) or normalise_text(name).startswith(f"{normalise_text(path)}/")


def _read(folder: Path) -> str:
    return _text(read_sources(folder))


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def _tables(folder: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason, line = toml_reason(error)
        where = f"ligne {line}, {reason}" if line else reason
        raise InvalidEntry(
            f"{folder / SOURCES_FILE} n’est pas un fichier TOML valide ({where}). Rien n’a été changé : corrigez-le "
            "d’abord, « loos corpus check » dit où."
        ) from error


def _sections(text: str) -> Iterator[_Section]:
    """The sections of one document each, as lines: what looks like one inside a text is found out by `_sound`."""
    headers = list(_HEADER.finditer(text))
    for header, end in zip(headers, (*(later.start() for later in headers[1:]), len(text)), strict=False):
        try:
            named = tomllib.loads(header.group())
        except tomllib.TOMLDecodeError:
            continue
        whole = text[header.start() : end]
        whole = whole if whole.endswith("\n") else f"{whole}\n"
        tail = _TAIL.search(whole)
        yield _Section(next(iter(named)), header.start(), header.start() + (tail.start() if tail else len(whole)))


def _said(tables: Mapping[str, Any], section: _Section) -> Mapping[str, Any]:
    """What a section says; nothing where only a text looks like one."""
    table = tables.get(section.name)
    return table if isinstance(table, dict) else {}


def _values(entry: Mapping[str, str]) -> dict[str, str | date]:
    given = {key: entry[key] for key in ENTRY_KEYS if entry.get(key)}
    if theme := given.get("theme"):
        given["theme"] = " ".join(theme.split())  # with two spaces it would be another theme
    return {key: date.fromisoformat(value) if _DATE.fullmatch(value) else value for key, value in given.items()}


def _with_values(text: str, section: _Section, values: Mapping[str, str | date], gone: Collection[str]) -> str:
    own = text[section.start : section.end]
    try:
        document = tomlkit.parse(own)
    except TOMLKitError:
        return own  # found out by `_sound`
    for key in gone:
        document[section.name].pop(key)  # type: ignore[union-attr]
    for key, value in values.items():
        document[section.name][key] = value  # type: ignore[index]  # a section's name gives its table
    return document.as_string()


def _new_section(path: str, values: Mapping[str, str | date]) -> str:
    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, value)
    document = tomlkit.document()
    document.add(tomlkit.items.SingleKey(path, t=tomlkit.items.KeyType.Basic), table)
    return document.as_string()


def _sound(folder: Path, text: str, expected: Mapping[str, Any]) -> str:
    """The text if it says just what is expected, so that no layout that we do not know loses anything."""
    try:
        sound = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        sound = False
    if not sound:
        raise InvalidEntry(
            f"{folder / SOURCES_FILE} est écrit d’une façon que le programme ne sait pas changer sans risque. Rien n’a "
            'été changé : écrivez chaque document en une section, ["dossier/fichier.pdf"], ou changez-le à la main.'
        )
    return text
