"""A build's report as one page of HTML, in French: nothing from elsewhere, readable on a phone, light and dark."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from index.diff import NamedDocument, QuestionChange
from index.report import BuildReport
from index.report_text import change_words, counted, duration, gold_table, moment, percent, size_of

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --ground: #fff; --soft: #5a5a5a; --line: #b5b5b5; --mark: #f3f3f3 }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececec; --ground: #161616; --soft: #b4b4b4; --line: #5c5c5c; --mark: #242424 }
}
body { margin: 0 auto; max-width: 52rem; padding: 1rem; color: var(--text); background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.4rem; line-height: 1.25 }
h2 { font-size: 1.15rem; margin-top: 2rem }
.soft { color: var(--soft) }
.refused { border-inline-start: .3rem solid; padding: .5rem 1rem; background: var(--mark); white-space: pre-line }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
caption { text-align: start; padding-bottom: .4rem; color: var(--soft) }
th, td { text-align: start; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
table { overflow-wrap: normal }
td.number, th.number { text-align: end; font-variant-numeric: tabular-nums }
li { margin-block: .25rem }
""".strip()

_PARTS = {
    "documents": "lecture des documents",
    "model": "chargement du modèle",
    "live": "lecture de l’index en service",
    "vectors": "passages, vecteurs et index",
    "calibration": "réglage des réponses",
    "writing": "écriture et relecture",
    "questions": "questions de contrôle",
    "check": "vérification des documents",
    "questions of the live build": "questions posées à l’index en service",
    "total": "en tout",
}


def page(report: BuildReport) -> str:
    """The page; all that comes from documents and questions is escaped."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="fr">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Construction {escape(report.build_id)} – rapport</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *_content(report),
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def _content(report: BuildReport) -> Iterator[str]:
    # What stands here is read days later, when this build or another may be in service: it says what was so then.
    when = f" du {moment(report.made)}" if report.made else ""
    yield f"<h1>Construction {escape(report.build_id)}{escape(when)}</h1>"
    became = "mise en service aussitôt" if report.published else "gardée, sans être mise en service à ce moment-là"
    yield f"<p>{escape(size_of(report))} ; {became}.</p>"
    yield (
        '<p class="soft">Ce rapport dit ce qui était vrai à la fin de la construction. Depuis, celle-ci ou une autre a '
        "pu être mise en service : <code>loos index list</code> montre laquelle l’est.</p>"
    )
    if report.refusals:
        why = "Mise en service malgré ceci" if report.published else "Pourquoi elle n’a pas été mise en service"
        yield f"<h2>{why}</h2>"
        yield from (f'<p class="refused">{escape(_sentence(reason))}</p>' for reason in report.refusals)
        if not report.published:
            yield (
                "<p>Pour la mettre en service quand même, si elle est encore gardée et ne l’est pas déjà : "
                f"<code>loos index publish {escape(report.build_id)}</code>.</p>"
            )
    yield from _documents(report)
    yield from _gold(report)
    yield from _listed("Fichiers laissés de côté", report.skipped)
    yield from _listed("Documents lus en partie", report.notices)
    yield from _listed("Documents en double", [duplicate.text for duplicate in report.duplicates])
    yield from _listed("À corriger dans le corpus", report.problems)
    yield from _timings(report)


def _documents(report: BuildReport) -> Iterator[str]:
    yield "<h2>Documents</h2>"
    diff = report.diff
    rows = [
        ("Documents", report.documents),
        ("Passages", report.passages),
        ("Phrases", report.sentences),
        ("Fichiers lus (les autres n’avaient pas changé)", report.read),
        ("Textes calculés", report.encoded),
        ("Textes repris de ce qui était connu", report.reused),
    ]
    if diff:
        rows += [("Passages nouveaux", diff.passages_added), ("Passages retirés", diff.passages_gone)]
    yield from _table("Ce que contient l’index", ("Quoi", "Combien"), [(name, str(count)) for name, count in rows])
    if diff is None:
        yield "<p>Il n’y avait pas d’index en service auquel comparer celui-ci.</p>"
        return
    yield f"<p>Par rapport à l’index {escape(diff.old_id)}, en service alors :</p>"
    for title, documents in (("ajoutés", diff.added), ("modifiés", diff.changed), ("retirés", diff.gone)):
        yield from _named(f"Documents {title}", documents)


def _named(title: str, documents: Sequence[NamedDocument]) -> Iterator[str]:
    yield f"<h3>{title} ({len(documents)})</h3>"
    if documents:
        items = (f"<li>{escape(d.title)} <span class='soft'>({escape(d.path)})</span></li>" for d in documents)
        yield f"<ul>\n{chr(10).join(items)}\n</ul>"


def _gold(report: BuildReport) -> Iterator[str]:
    rows = gold_table(report)
    if not rows:
        return
    yield "<h2>Questions de contrôle</h2>"
    has_live = any(row.live is not None for row in rows)
    heads = ("Ce que devient la question", "Cette construction", *(("En service alors",) if has_live else ()))
    cells = [
        (
            row.name,
            f"{row.new} sur {row.of} ({percent(row.new, row.of)})",
            *((f"{row.live} sur {row.of} ({percent(row.live, row.of)})",) if row.live is not None else ()),
        )
        for row in rows
    ]
    yield from _table(f"{counted(len(report.gold), 'question')} de contrôle", heads, cells)
    if report.diff:
        yield from _changes("Questions perdues", report.diff.lost)
        yield from _changes("Questions gagnées", report.diff.gained)


def _changes(title: str, changes: Sequence[QuestionChange]) -> Iterator[str]:
    yield f"<h3>{title} ({len(changes)})</h3>"
    if changes:
        rows = [(change.after.question, change_words(change)) for change in changes]
        yield from _table(title, ("Question", "Ce qui change"), rows, numbers=False)


def _timings(report: BuildReport) -> Iterator[str]:
    if report.timings:
        yield "<h2>Durée</h2>"
        rows = [(_PARTS.get(timing.what, timing.what), duration(timing.seconds)) for timing in report.timings]
        yield from _table("Durée de chaque étape", ("Étape", "Durée"), rows)


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> Iterator[str]:
    """A table whose first column names its rows; `numbers` puts the others to the right."""
    kind = ' class="number"' if numbers else ""
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
    yield f"<table>\n<caption>{escape(caption)}</caption>"
    first, *others = heads
    columns = "".join(f'<th scope="col"{kind}>{escape(head)}</th>' for head in others)
    yield f'<thead><tr><th scope="col">{escape(first)}</th>{columns}</tr></thead>\n<tbody>'
    for name, *cells in rows:
        values = "".join(f"<td{kind}>{escape(cell)}</td>" for cell in cells)
        yield f'<tr><th scope="row">{escape(name)}</th>{values}</tr>'
    yield "</tbody>\n</table>\n</div>"


def _listed(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield f"<h2>{title} ({len(items)})</h2>"
        yield "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]
