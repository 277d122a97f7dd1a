"""A wrong call of the command, said in French: typer's own words are English."""

import re
from typing import Any

import typer

__all__ = ["usage_error"]

_FRENCH = (
    (
        r"No such option: (\S+?)\.?(?: \(Possible options: (.+)\)| Did you mean (.+)\?)?",
        "L’option {0} n’existe pas.{near}",
    ),
    (r"No such command '(.+?)'\.?(?: Did you mean (.+)\?)?", "La commande « {0} » n’existe pas.{near}"),
    (r"Missing argument '(.+?)'.*", "Il manque {0}."),
    (r"Missing option '(.+?)'.*", "Il manque l’option {0}."),
    (r"Missing command.*", "Il manque une commande."),
    (r"Option '(.+?)' requires an argument.*", "L’option {0} demande une valeur."),
    (r"Option '(.+?)' does not take a value.*", "L’option {0} ne prend pas de valeur."),
    (
        r"Got unexpected extra argument(?:s|\(s\))? \((.+)\).*",
        "« {0} » est en trop. Mettez les textes entre guillemets.",
    ),
    (r"Invalid value for (.+?): Input should be a valid (?:integer|number).*", "{0} : il faut un nombre entier."),
    (r"Invalid value for (.+?): Input should be greater than or equal to (\S+)", "{0} : il faut au moins {1}."),
    (r"Invalid value for (.+?): (.+)", "{0} : {1}"),
    (r"Invalid value: (.+)", "{0}"),
)


def usage_error(error: typer.BadParameter | Any) -> str:
    """What is wrong with a call, and the command that shows how to call; the help itself where nothing was given.

    `error` is one of typer's usage errors, which it does not export. Its English words stay where they are unknown.
    """
    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())
    words = str(error.format_message())
    said = next(
        (_filled(form, match) for pattern, form in _FRENCH if (match := re.fullmatch(pattern, words, re.S))), words
    )
    how = f" « {context.command_path} --help » montre comment faire." if context else ""
    return f"Erreur : {said}{how}"


def _filled(form: str, match: re.Match[str]) -> str:
    parts = [(part or "").strip("'") for part in match.groups()]
    meant = [name.strip("' ") for part in parts[1:] for name in part.split(",") if name]
    near = f" Vouliez-vous dire {' ou '.join(f'« {name} »' for name in meant)} ?" if meant else ""
    return form.format(*parts, near=near)
