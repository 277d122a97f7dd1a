"""`loos operator`: the operator's page, and its password."""

import logging
import sys
from typing import Annotated

import typer

from chatbot.settings import load_settings
from chatbot.terminal import CorpusOption, IndexOption, log_from

__all__ = ["operator_app"]

operator_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@operator_app.callback()
def operator(
    context: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Adresse d’écoute.", metavar="ADRESSE")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port d’écoute.", metavar="PORT")] = None,
    corpus: CorpusOption = None,
    index: IndexOption = None,
) -> None:
    """Ouvrir la page de l’opérateur : les documents, leur construction, leur mise en service.

    Elle demande le mot de passe que « loos operator password » choisit.

    Exemple : loos operator --port 7870
    """
    if context.invoked_subcommand:
        return
    from chatbot.operator.app import serve

    log_from(logging.INFO)
    serve(load_settings(operator_host=host, operator_port=port, corpus=corpus, index=index))


@operator_app.command("password")
def password() -> None:
    """Choisir le mot de passe de la page de l’opérateur : demandé deux fois, ou lu sur l’entrée standard.

    Exemple : loos operator password
    """
    from getpass import getpass

    from chatbot.operator.password import SHORTEST, Password, PasswordProblem

    if sys.stdin.isatty():
        chosen = getpass(f"Nouveau mot de passe ({SHORTEST} caractères au moins) : ")
        # One that is too short is refused below, without having been typed twice.
        if len(chosen) >= SHORTEST and getpass("Le même, encore une fois : ") != chosen:
            raise PasswordProblem("Les deux ne sont pas les mêmes. Le mot de passe n’a pas changé : recommencez.")
    else:
        chosen = sys.stdin.readline().rstrip("\r\n")
    Password(load_settings().operator).set(chosen)
    print("Mot de passe enregistré. Les sessions ouvertes sont terminées.", file=sys.stderr)
