"""`loos evaluate`: how good retrieval and answers are."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chatbot.settings import load_settings
from chatbot.terminal import IndexOption, JsonOption, load_encoder, print_json, progress_bar

__all__ = ["evaluate_app"]

evaluate_app = typer.Typer(help="Mesurer la qualité.", no_args_is_help=True, rich_markup_mode=None)


@evaluate_app.command("retrieval")
def evaluate_retrieval_command(
    folder: Annotated[Path, typer.Argument(help="Dossier au format BEIR.", metavar="DOSSIER")],
    system: Annotated[str, typer.Option("--system", help="hybrid, dense ou lexical.", metavar="SYSTÈME")] = "hybrid",
    as_json: JsonOption = False,
) -> None:
    """Mesurer la recherche sur un jeu de questions jugées (BEIR : corpus.jsonl, queries.jsonl, qrels.tsv).

    Exemple : loos evaluate retrieval var/piaf --system hybrid
    """
    from chatbot.service import reader_for
    from index.evaluate import evaluate_retrieval

    if system not in ("hybrid", "dense", "lexical"):
        raise typer.BadParameter(f"« {system} » : choisissez hybrid, dense ou lexical.", param_hint="--system")
    settings = load_settings()
    encoder = load_encoder(settings)
    with progress_bar() as progress:
        scores = evaluate_retrieval(
            folder,
            encoder,
            reader=reader_for(encoder, settings) if system == "hybrid" else None,
            system=system,  # type: ignore[arg-type]  # checked above
            max_passage_tokens=settings.max_passage_tokens,
            progress=progress,
        )
    names = {"ndcg_at_10": "ndcg@10", "mrr_at_10": "mrr@10"} | {f"recall_at_{n}": f"recall@{n}" for n in (1, 5, 10)}
    values = {names.get(name, name): round(value, 4) for name, value in asdict(scores).items()}
    if as_json:
        print_json({"system": system, **values})
    else:
        for name, value in values.items():
            print(f"{name:10} {value}")


@evaluate_app.command("answers")
def evaluate_answers_command(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Dossier BEIR ; sans lui, les questions de contrôle.", metavar="DOSSIER"),
    ] = None,
    half: Annotated[
        str, typer.Option("--half", help="choosing, reporting ou all : quelle moitié des questions.", metavar="MOITIÉ")
    ] = "reporting",
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Nombre de questions d’un dossier, 0 pour toutes.", metavar="NOMBRE")
    ] = 0,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mesurer les réponses : les bons passages, les bonnes phrases, les refus.

    Sur les questions de contrôle de l’index en service ; ou sur un dossier de passages, où chaque question est posée
    telle quelle (all), sans son passage (near) et sans son article (far).

    Exemple : loos evaluate answers --half reporting
    """
    from chatbot.evaluate import collection_outcomes, gold_outcomes, summary
    from chatbot.service import reader_for
    from index.evaluate import build_collection, read_collection
    from index.search import Searcher
    from index.store import Store

    if half not in ("choosing", "reporting", "all"):
        raise typer.BadParameter(f"« {half} » : choisissez choosing, reporting ou all.", param_hint="--half")
    settings = load_settings(index=index)
    if folder is None:
        encoder = load_encoder(settings)
        build = Store(settings.index).load(model=settings.model)
        searcher = Searcher(build, encoder, reader=reader_for(encoder, settings))
        outcomes = gold_outcomes(searcher, None if half == "all" else half)  # type: ignore[arg-type]  # checked above
    else:
        collection = read_collection(folder)
        encoder = load_encoder(settings)
        with progress_bar() as progress:
            build = build_collection(collection, encoder, settings.max_passage_tokens, progress)
        searcher = Searcher(build, encoder, reader=reader_for(encoder, settings))
        outcomes = collection_outcomes(collection, searcher, limit)
    figures = summary(outcomes)
    if as_json:
        print_json(figures)
        return
    for name, of_group in figures.items():
        print(f"\n{name}")
        for figure, value in of_group.items():
            interval = f"{value[0]:.3f}  [{value[1]:.3f} ; {value[2]:.3f}]" if isinstance(value, list) else value
            print(f"  {figure:20} {interval}")
