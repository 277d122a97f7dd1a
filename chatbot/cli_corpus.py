"""`loos corpus`: the documents looked over, without building anything."""

from dataclasses import asdict, astuple
from typing import TYPE_CHECKING

import typer

from chatbot.settings import load_settings
from chatbot.terminal import CorpusOption, JsonOption, print_json

if TYPE_CHECKING:
    from index.check import CorpusReport

__all__ = ["corpus_app"]

corpus_app = typer.Typer(help="Les documents.", no_args_is_help=True, rich_markup_mode=None)


@corpus_app.command("check")
def corpus_check(corpus: CorpusOption = None, as_json: JsonOption = False) -> None:
    """Vérifier les documents et les questions de contrôle, et dire quoi corriger, sans rien construire.

    Exemple : loos corpus check
    """
    from index.check import check_corpus
    from index.encoder import load_token_counter

    settings = load_settings(corpus=corpus)
    count_tokens = load_token_counter(settings.model, settings.models)
    report = check_corpus(settings.corpus, count_tokens, settings.max_passage_tokens)
    if as_json:
        print_json(asdict(report))
    else:
        _print_holdings(report)
        print(f"\nÀ corriger : {len(report.problems)}." if report.problems else "\nRien à corriger.")
        for problem in report.problems:
            print(f"- {problem}")
    if report.problems:
        raise typer.Exit(1)


def _print_holdings(report: "CorpusReport") -> None:
    """What a corpus holds by theme, as a Markdown table that is readable as it is."""
    titles = ("Thème", "Documents", "Passages", "Phrases avec leur source", "Sources", "Questions")
    rows = [titles]
    for name, holdings in (*report.themes.items(), ("Ensemble", report.total)):
        rows.append((name, *map(str, astuple(holdings))))  # type: ignore[arg-type]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    rule = tuple("-" * width for width in widths)
    for row in (titles, rule, *rows[1:]):
        print(f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |")
