"""What a build did and how two builds differ, as lines of French for a terminal; and the words that the page shares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from index.diff import BuildDiff, NamedDocument, QuestionChange
from index.gold import GoldResult, Outcome
from index.report import BuildReport

__all__ = [
    "Row",
    "change_words",
    "counted",
    "duration",
    "fate",
    "gold_table",
    "moment",
    "percent",
    "readable",
    "readable_diff",
    "size_of",
]

_LISTED = 10
_NUMBER_SPACE = "\u202f"
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_OUTCOMES = {"right": "bonne réponse", "declined": "pas de réponse", "wrong": "réponse fausse"}

_ROWS: tuple[tuple[str, bool, Outcome | None], ...] = (
    ("passage retrouvé", True, None),
    ("bonne réponse", True, "right"),
    ("pas de réponse", True, "declined"),
    ("réponse fausse", True, "wrong"),
    ("sans réponse dans les documents : déclinée", False, "right"),
    ("sans réponse dans les documents : réponse fausse", False, "wrong"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of gold questions: what is counted, of how many, on the new build and on the live one."""

    name: str
    of: int
    new: int
    live: int | None


def moment(iso: str) -> str:
    """A date and time as people write it: « 1er mai 2026 à 9 h 05 »; what is none, as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    day = "1er" if when.day == 1 else str(when.day)
    return f"{day} {_MONTHS[when.month - 1]} {when.year} à {when.hour} h {when.minute:02}"


def duration(seconds: float) -> str:
    """A time as people say it, with spaces where no line breaks: « 8 s », « 3 min 20 s », « 1 h 05 min », « 1 h »."""
    whole = round(seconds)
    if whole < 1:
        said = "moins de 1 s"
    elif whole < 60:
        said = f"{whole} s"
    elif whole < 3600:
        said = f"{whole // 60} min" + (f" {whole % 60:02} s" if whole % 60 else "")
    else:
        minutes = round(seconds / 60)
        said = f"{minutes // 60} h" + (f" {minutes % 60:02} min" if minutes % 60 else "")
    return said.replace(" ", "\u00a0")


def counted(count: int, one: str, many: str = "") -> str:
    """« 1 document », « 2 documents », « 1 204 passages », with spaces where no line breaks."""
    number = f"{count:,}".replace(",", _NUMBER_SPACE)
    return f"{number}\u00a0{one if abs(count) < 2 else many or one + 's'}"


def percent(part: int, whole: int) -> str:
    """A share as « 98 % », with one decimal where it would be rounded to all or nothing."""
    share = 100 * part / whole
    rounded = f"{share:.0f}" if part in (0, whole) or 0.5 <= share < 99.5 else f"{share:.1f}".replace(".", ",")
    return f"{rounded}\u00a0%"


def _title(report: BuildReport) -> str:
    """What became of the build, in one sentence."""
    if report.unchanged:
        return f"Rien n’a changé : l’index {report.build_id} reste en service ({size_of(report)})."
    if report.published:
        return f"Index {report.build_id} en service : {size_of(report)}."
    how = "" if report.refusals else f" Pour le mettre en service : « loos index publish {report.build_id} »."
    return f"Index {report.build_id} gardé, pas mis en service : {size_of(report)}.{how}"


def gold_table(report: BuildReport) -> tuple[Row, ...]:
    """How many gold questions come out how; no row for what was not measured."""
    is_judged = any(result.outcome for result in report.gold)
    rows = []
    for name, answerable, outcome in _ROWS:
        of = sum(result.answerable == answerable for result in report.gold)
        if of and (is_judged or outcome is None):
            new, live = (
                sum(r.answerable == answerable and (r.outcome == outcome if outcome else r.found) for r in results)
                for results in (report.gold, report.live_gold)
            )
            rows.append(Row(name, of, new, live if report.live_gold else None))
    return tuple(rows)


def change_words(change: QuestionChange) -> str:
    """What became of a question that fares otherwise: « bonne réponse avant, pas de réponse maintenant »."""
    return f"{fate(change.before)} avant, {fate(change.after)} maintenant"


def readable(report: BuildReport) -> str:
    """A build's report as lines."""
    return "\n".join(_lines(report))


def readable_diff(diff: BuildDiff) -> str:
    """How two builds differ, as lines."""
    return "\n".join(_diff_lines(diff))


def _lines(report: BuildReport) -> Iterator[str]:
    yield _title(report)
    if report.unchanged:
        return
    if report.diff:
        yield from _diff_lines(report.diff)
    yield f"Textes calculés : {report.encoded} ; repris de ce qui était connu : {report.reused}."
    for title, items in (
        ("Fichiers laissés de côté", report.skipped),
        ("Documents lus en partie", report.notices),
        ("Documents en double", [duplicate.text for duplicate in report.duplicates]),
    ):
        if items:
            yield f"{title} ({len(items)}) :"
            yield from _some([f"- {item}" for item in items])
    rows = gold_table(report)
    if rows:
        yield f"Questions de contrôle ({len(report.gold)}) :"
        name_width = max(len(row.name) for row in rows)
        has_live = any(row.live is not None for row in rows)
        if has_live:
            yield f"  {'':{name_width}}  {'nouvelle':>12}  {'en service':>12}"
        for row in rows:
            cells = [f"{row.new} sur {row.of}"] + ([f"{row.live} sur {row.of}"] if row.live is not None else [])
            yield f"  {row.name:{name_width}}  " + "  ".join(f"{cell:>12}" for cell in cells)
    if report.timings:
        yield f"Durée : {duration(report.timings[-1].seconds)}."


def _diff_lines(diff: BuildDiff) -> Iterator[str]:
    counts = ((diff.added, "ajouté"), (diff.changed, "modifié"), (diff.gone, "retiré"))
    said = ", ".join(counted(len(documents), what) for documents, what in counts)
    yield f"De {diff.old_id} à {diff.new_id} : documents {said} ;"
    passages = f"{counted(diff.passages_added, 'nouveau', 'nouveaux')}, {counted(diff.passages_gone, 'retiré')}"
    yield f"  passages {passages}."
    for mark, documents in (("+", diff.added), ("~", diff.changed), ("-", diff.gone)):
        yield from _some([f"  {mark} {_named(document)}" for document in documents])
    for title, changes in (("perdues", diff.lost), ("gagnées", diff.gained)):
        if changes:
            yield f"Questions de contrôle {title} ({len(changes)}) :"
            yield from _some([f"- « {change.after.question} » : {change_words(change)}" for change in changes])


def _some(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_LISTED]
    if len(lines) > _LISTED:
        yield f"  … et {counted(len(lines) - _LISTED, 'autre')}, dans le rapport."


def _named(document: NamedDocument) -> str:
    return f"{document.path} – {document.title}"


def size_of(report: BuildReport) -> str:
    """How much a build holds: « 12 documents, 340 passages, 1 200 phrases »."""
    counts = ((report.documents, "document"), (report.passages, "passage"), (report.sentences, "phrase"))
    return ", ".join(counted(count, what) for count, what in counts)


def fate(result: GoldResult) -> str:
    """What became of a gold question: « bonne réponse (passage retrouvé) », « déclinée comme il faut »."""
    outcome = _OUTCOMES[result.outcome] if result.outcome else ""
    if not result.answerable:
        return "déclinée comme il faut" if result.outcome == "right" else outcome
    found = "passage retrouvé" if result.found else "passage pas retrouvé"
    return f"{outcome} ({found})" if outcome else found
