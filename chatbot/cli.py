"""The command `loos`, for the operator: results on stdout, messages and progress on stderr, in French."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatbot.errors import ChatbotError
from chatbot.settings import Settings, load_settings
from index.errors import IndexStoreError, UnknownModel
from ingest.errors import IngestError

if TYPE_CHECKING:
    from index.check import CorpusReport

__all__ = ["main"]

app = typer.Typer(
    name="loos",
    help="Questions et réponses sur la transition de Loos-en-Gohelle, avec leurs sources.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
index_app = typer.Typer(help="Les constructions de l’index.", no_args_is_help=True, rich_markup_mode=None)
corpus_app = typer.Typer(help="Les documents.", no_args_is_help=True, rich_markup_mode=None)
evaluate_app = typer.Typer(help="Mesurer la qualité.", no_args_is_help=True, rich_markup_mode=None)
operator_app = typer.Typer(help="La page de l’opérateur.", invoke_without_command=True, rich_markup_mode=None)
app.add_typer(corpus_app, name="corpus")
app.add_typer(index_app, name="index")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(operator_app, name="operator")

_LISTED = 10

CorpusOption = Annotated[Path | None, typer.Option("--corpus", help="Dossier des documents.", metavar="DOSSIER")]
IndexOption = Annotated[Path | None, typer.Option("--index", help="Dossier de l’index.", metavar="DOSSIER")]
JsonOption = Annotated[bool, typer.Option("--json", help="Écrire le résultat en JSON.")]


def main() -> None:
    """Run the command; known errors become one message on stderr and exit status 1."""
    _log_from(logging.WARNING)
    try:
        app()
    except (IngestError, IndexStoreError, ChatbotError) as error:
        print(f"Erreur : {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrompu.", file=sys.stderr)
        sys.exit(130)


@app.command()
def build(
    corpus: CorpusOption = None,
    index: IndexOption = None,
    full: Annotated[bool, typer.Option("--full", help="Tout recalculer, sans rien reprendre.")] = False,
    publish_anyway: Annotated[
        bool, typer.Option("--publish-anyway", help="Mettre en service même si les réponses sont moins bonnes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Construire l’index des documents et le mettre en service.

    Seul ce qui a changé est recalculé. L’index en service répond jusqu’à ce que le nouveau soit prêt et vérifié.

    Exemple : loos build --corpus corpus
    """
    from chatbot.calibrate import Calibrator
    from chatbot.service import reader_for
    from index.build import build_index
    from index.model import model_revision
    from index.store import Store

    settings = load_settings(corpus=corpus, index=index)
    load_encoder = cache(lambda: _load_encoder(settings))
    load_reader = partial(reader_for, settings=settings) if settings.reading_ms else None
    try:
        revision = model_revision(settings.model)
    except UnknownModel:
        if settings.model.startswith(("/", ".", "~")):
            raise  # a folder that does not exist
        revision = load_encoder().revision  # a model of the hub that is not here yet: this brings it
    with _progress() as progress:
        report = build_index(
            settings.corpus,
            Store(settings.index),
            load_encoder,
            model=settings.model,
            revision=revision,
            max_passage_tokens=settings.max_passage_tokens,
            keep_builds=settings.keep_builds,
            full=full,
            publish_anyway=publish_anyway,
            progress=progress,
            calibrator=Calibrator(load_reader, None if full else settings.index / "readings.sqlite"),
        )
    if report.problems:
        print(f"À corriger dans le corpus ({len(report.problems)}) :", file=sys.stderr)
        for problem in report.problems[:_LISTED]:
            print(f"- {problem}", file=sys.stderr)
        if len(report.problems) > _LISTED:
            print("- … la suite avec « loos corpus check ».", file=sys.stderr)
    if as_json:
        _print_json(asdict(report))
        return
    size = f"{report.documents} document(s), {report.passages} passages, {report.sentences} phrases"
    if report.unchanged:
        print(f"Rien n’a changé : l’index {report.build_id} reste en service ({size}).")
        return
    print(f"Index {report.build_id} en service : {size}.")
    print(f"Textes calculés : {report.encoded} ; repris de l’index précédent : {report.reused}.")
    if report.recall is not None:
        before = f" (avant : {report.live_recall:.0%})" if report.live_recall is not None else ""
        print(f"Questions de contrôle dont le passage est retrouvé : {report.recall:.0%}{before}.")


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="La question, entre guillemets.", metavar="QUESTION")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Poser une question et lire la réponse avec ses sources.

    Exemple : loos ask "Quand la Charte du cadre de vie a-t-elle été adoptée ?"
    """
    from chatbot.answer import to_json
    from chatbot.conversation import check_question
    from chatbot.service import Service

    settings = load_settings(index=index)
    check_question(question, None, settings)
    service = Service(settings)
    service.load()
    reply = service.ask(question)
    if as_json:
        _print_json(to_json(reply))
    else:
        print(_readable(reply))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Adresse d’écoute.", metavar="ADRESSE")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port d’écoute.", metavar="PORT")] = None,
    index: IndexOption = None,
) -> None:
    """Ouvrir la page de questions et l’interface HTTP.

    Exemple : loos serve --port 7860
    """
    from chatbot.server import serve as run_server

    _log_from(logging.INFO)
    run_server(load_settings(host=host, port=port, index=index))


@operator_app.callback()
def operator(
    context: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Adresse d’écoute.", metavar="ADRESSE")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port d’écoute.", metavar="PORT")] = None,
    corpus: CorpusOption = None,
    index: IndexOption = None,
) -> None:
    """Ouvrir la page de l’opérateur : documents, construction, mise en service, sans ligne de commande.

    Elle demande le mot de passe que « loos operator password » choisit.

    Exemple : loos operator --port 7870
    """
    if context.invoked_subcommand:
        return
    from chatbot.operator.app import serve as run_operator

    _log_from(logging.INFO)
    run_operator(load_settings(operator_host=host, operator_port=port, corpus=corpus, index=index))


@operator_app.command("password")
def operator_password() -> None:
    """Choisir le mot de passe de la page de l’opérateur : demandé deux fois, ou lu sur l’entrée standard.

    Exemple : loos operator password
    """
    from getpass import getpass

    from chatbot.operator.password import Password, PasswordProblem

    settings = load_settings()
    if sys.stdin.isatty():
        password = getpass("Nouveau mot de passe (12 caractères au moins) : ")
        if getpass("Le même, encore une fois : ") != password:
            raise PasswordProblem("Les deux ne sont pas les mêmes. Le mot de passe n’a pas changé : recommencez.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    Password(settings.operator).set(password)
    print("Mot de passe enregistré. Les sessions ouvertes sont terminées.", file=sys.stderr)


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
        _print_json(asdict(report))
    else:
        _print_holdings(report)
        print(f"\nÀ corriger : {len(report.problems)}." if report.problems else "\nRien à corriger.")
        for problem in report.problems:
            print(f"- {problem}")
    if report.problems:
        raise typer.Exit(1)


@app.command()
def feedback(as_json: JsonOption = False) -> None:
    """Lire les avis des personnes sur les réponses, si le réglage feedback_days les fait garder.

    Exemple : loos feedback
    """
    from chatbot.feedback import Feedback

    kept = Feedback(load_settings())
    opinions = list(kept.opinions())
    if as_json:
        _print_json(opinions)
        return
    if not opinions:
        why = "" if kept.days else " Le réglage feedback_days est à 0 : rien n’est gardé (docs/reglages.md)."
        print(f"Aucun avis.{why}", file=sys.stderr)
    for opinion in opinions:
        said = " – ".join(filter(None, (opinion["question"], opinion["reason"])))
        said = "".join(letter if letter.isprintable() else " " for letter in said)  # nothing that moves the terminal
        print(f"{opinion['day']}  {'utile    ' if opinion['useful'] else 'pas utile'}  {said}")


@index_app.command("list")
def index_list(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Lister les constructions gardées, la plus récente d’abord ; * marque celle en service.

    Exemple : loos index list
    """
    from index.store import Store

    store = Store(load_settings(index=index).index)
    current = store.current_id()
    rows = []
    for build_id in store.build_ids():
        try:
            manifest = store.manifest(build_id)
            size = {"documents": manifest.documents, "passages": manifest.passages, "model": manifest.model}
            rows.append({"build_id": build_id, "current": build_id == current, **size, "problem": None})
        except IndexStoreError as error:
            rows.append({"build_id": build_id, "current": build_id == current, "problem": str(error)})
    if as_json:
        _print_json(rows)
        return
    if not rows:
        print(f"Aucune construction dans {store.folder}. Commencez par « loos build ».", file=sys.stderr)
    for row in rows:
        mark = "*" if row["current"] else " "
        size_text = (
            f"{row['documents']} document(s), {row['passages']} passages" if not row["problem"] else row["problem"]
        )
        print(f"{mark} {row['build_id']}  {size_text}")


@index_app.command("verify")
def index_verify(
    build_id: Annotated[
        str | None, typer.Argument(help="Par défaut, celle en service.", metavar="CONSTRUCTION")
    ] = None,
    index: IndexOption = None,
) -> None:
    """Vérifier qu’une construction est entière : ses fichiers, ses sommes de contrôle et ses citations.

    Exemple : loos index verify
    """
    from index.store import Store

    build = Store(load_settings(index=index).index).load(build_id)
    manifest = build.manifest
    print(
        f"La construction {manifest.build_id} est entière : {len(manifest.files)} fichiers, "
        f"{manifest.passages} passages conformes à leurs documents."
    )


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
    encoder = _load_encoder(settings)
    with _progress() as progress:
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
        _print_json({"system": system, **values})
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
        encoder = _load_encoder(settings)
        build = Store(settings.index).load(model=settings.model)
        searcher = Searcher(build, encoder, reader=reader_for(encoder, settings))
        outcomes = gold_outcomes(searcher, None if half == "all" else half)  # type: ignore[arg-type]  # checked above
    else:
        collection = read_collection(folder)
        encoder = _load_encoder(settings)
        with _progress() as progress:
            build = build_collection(collection, encoder, settings.max_passage_tokens, progress)
        searcher = Searcher(build, encoder, reader=reader_for(encoder, settings))
        outcomes = collection_outcomes(collection, searcher, limit)
    figures = summary(outcomes)
    if as_json:
        _print_json(figures)
        return
    for name, of_group in figures.items():
        print(f"\n{name}")
        for figure, value in of_group.items():
            interval = f"{value[0]:.3f}  [{value[1]:.3f} ; {value[2]:.3f}]" if isinstance(value, list) else value
            print(f"  {figure:20} {interval}")


def _log_from(level: int) -> None:
    """Log our own packages to stderr from this level, and others' warnings, whatever level they set themselves."""
    handler = logging.StreamHandler()
    handler.setLevel(level)
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", handlers=[handler], force=True
    )
    for package in ("ingest", "index", "chatbot"):
        logging.getLogger(package).setLevel(level)


def _load_encoder(settings: Settings) -> Any:
    from index.encoder import load_encoder

    return load_encoder(settings.model, settings.models, threads=settings.threads or None)


def _readable(reply: Any) -> str:
    from chatbot.answer import Answer
    from chatbot.messages import messages_for

    messages = messages_for(reply.language)
    understood = [messages.understood.format(question=reply.understood), ""] if reply.understood else []
    if isinstance(reply, Answer):
        lines = [*understood, reply.text, "", messages.sources]
        for citation in reply.citations:
            quote = " ".join(citation.quote.split())
            lines += [f"[{citation.number}] {_place(citation, messages)}", f"    « {quote} »"]
            lines += [f"    {citation.url}"] if citation.url else []
            named = [" – ".join(filter(None, (r.publisher, f"{r.title} <{r.url}>"))) for r in citation.references]
            lines += [f"    {messages.based_on} {' ; '.join(named)}"] if named else []
        return "\n".join(lines)
    lines = [*understood, reply.text]
    if reply.nearest:
        lines += ["", messages.see_also if reply.is_partial else messages.nearest]
        for citation in reply.nearest:
            lines += [f"- {_place(citation, messages)}", f"    « {' '.join(citation.quote.split())} »"]
    if reply.suggestions:
        lines += ["", messages.suggestions, *(f"- {text}" for text in reply.suggestions)]
    return "\n".join(lines)


def _place(citation: Any, messages: Any) -> str:
    page = f"p. {citation.page}" if citation.page else ""
    details = [messages.origin(citation.kind, citation.publisher, citation.published), page]
    where = " › ".join((citation.title, *citation.heading_path))
    return " — ".join(filter(None, (where, *details)))


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


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


@contextmanager
def _progress() -> Iterator[Any]:
    """A progress bar on stderr, shown only in a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    labels = {"documents": "Lecture des documents", "vectors": "Calcul des vecteurs"}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(labels[what], total=total)
            bar.update(tasks[what], completed=done)

        yield show


if __name__ == "__main__":
    main()
