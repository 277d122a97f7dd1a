"""The command `loos`, for the operator: results on stdout, messages and progress on stderr, in French."""

import logging
import sys
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from chatbot.cli_build import build
from chatbot.cli_corpus import corpus_app
from chatbot.cli_evaluate import evaluate_app
from chatbot.cli_index import index_app
from chatbot.errors import ChatbotError
from chatbot.settings import load_settings
from chatbot.terminal import IndexOption, JsonOption, as_called, log_from, print_json
from chatbot.usage import usage_error
from index.errors import IndexStoreError
from ingest.errors import IngestError

__all__ = ["main"]

app = typer.Typer(
    name="loos",
    help="Questions et réponses sur la transition de Loos-en-Gohelle, avec leurs sources.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_INTERRUPTED = 130
"""What typer gives for Ctrl-C, and a shell expects."""

app.command()(build)
app.add_typer(corpus_app, name="corpus")
app.add_typer(index_app, name="index")
app.add_typer(evaluate_app, name="evaluate")


def main() -> None:
    """Run the command; known errors become one message on stderr and exit status 1, wrong calls one and status 2."""
    log_from(logging.WARNING)
    try:
        status = app(standalone_mode=False)
    except TyperException as error:
        print(as_called(usage_error(error)), file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    except (IngestError, IndexStoreError, ChatbotError) as error:
        print(as_called(f"Erreur : {error}"), file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    if status == _INTERRUPTED:
        print("Interrompu.", file=sys.stderr)
    sys.exit(status)


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
        print_json(to_json(reply))
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

    log_from(logging.INFO)
    run_server(load_settings(host=host, port=port, index=index))


@app.command()
def feedback(as_json: JsonOption = False) -> None:
    """Lire les avis des personnes sur les réponses, si le réglage feedback_days les fait garder.

    Exemple : loos feedback
    """
    from chatbot.feedback import Feedback

    kept = Feedback(load_settings())
    opinions = list(kept.opinions())
    if as_json:
        print_json(opinions)
        return
    if not opinions:
        why = "" if kept.days else " Le réglage feedback_days est à 0 : rien n’est gardé (docs/reglages.md)."
        print(f"Aucun avis.{why}", file=sys.stderr)
    for opinion in opinions:
        said = " – ".join(filter(None, (opinion["question"], opinion["reason"])))
        said = "".join(letter if letter.isprintable() else " " for letter in said)  # nothing that moves the terminal
        print(f"{opinion['day']}  {'utile    ' if opinion['useful'] else 'pas utile'}  {said}")


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


if __name__ == "__main__":
    main()
