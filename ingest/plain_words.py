"""What the system, SQLite and the parser of TOML say in English, in French."""

import errno
import json
import re
import sqlite3
import tomllib

__all__ = ["database_reason", "system_reason", "toml_reason"]

_SYSTEM = {
    errno.ENOSPC: "il n’y a plus de place sur le disque",
    errno.EDQUOT: "la place accordée sur le disque est épuisée",
    errno.EACCES: "l’accès est refusé",
    errno.EPERM: "l’opération n’est pas permise",
    errno.EROFS: "le disque est en lecture seule",
    errno.ENOENT: "le fichier ou le dossier n’existe pas",
    errno.EEXIST: "il existe déjà",
    errno.EISDIR: "c’est un dossier",
    errno.ENOTDIR: "ce n’est pas un dossier",
    errno.ENOTEMPTY: "le dossier n’est pas vide",
    errno.ENAMETOOLONG: "le nom est trop long",
    errno.ELOOP: "des liens symboliques tournent en rond",
    errno.EIO: "le disque ne répond pas bien",
    errno.EMFILE: "trop de fichiers sont ouverts",
    errno.ENFILE: "trop de fichiers sont ouverts",
    errno.EFBIG: "le fichier est trop gros",
    errno.EBUSY: "il est occupé par un autre programme",
    errno.ENOMEM: "la mémoire manque",
    errno.EXDEV: "ce sont deux disques différents",
    errno.ESTALE: "le disque du réseau ne répond plus",
    errno.EADDRNOTAVAIL: "ce n’est pas une adresse de cette machine",
    errno.ETIMEDOUT: "le délai est dépassé",
}

_DATABASE = {
    sqlite3.SQLITE_FULL: "il n’y a plus de place sur le disque",
    sqlite3.SQLITE_READONLY: "le fichier ou son dossier est en lecture seule",
    sqlite3.SQLITE_CANTOPEN: "le fichier ne s’ouvre pas",
    sqlite3.SQLITE_IOERR: "le disque ne répond pas bien",
    sqlite3.SQLITE_BUSY: "il est occupé par un autre programme",
    sqlite3.SQLITE_LOCKED: "il est occupé par un autre programme",
    sqlite3.SQLITE_NOMEM: "la mémoire manque",
    sqlite3.SQLITE_PERM: "l’accès est refusé",
    sqlite3.SQLITE_CORRUPT: "une partie en est illisible",
    sqlite3.SQLITE_NOTADB: "ce n’est pas une base SQLite",
}

_TOML = (
    (r"Expected '=' after a key.*", "il manque le signe « = » après le nom"),
    (r"Expected '\]\]?' at the end of.*", "il manque le crochet « ] » à la fin du titre de la section"),
    (r"Expected newline or end of document after a statement", "il y a quelque chose en trop à la fin de la ligne"),
    (r"""Expected "'+\"""", "un guillemet n’est pas fermé"),
    (r"Expected '(.+)'", "« {0} » est attendu"),
    (r"Invalid initial character for a key part", "un nom est attendu ici"),
    (r"Invalid statement", "cette ligne n’est ni un titre de section ni « nom = valeur »"),
    (r"Invalid value", "la valeur n’est pas bien écrite (un texte se met entre guillemets droits)"),
    (r"Invalid date or datetime", "cette date n’existe pas"),
    (r"Invalid hex value", "ce qui suit la barre oblique inverse n’est pas un nombre hexadécimal"),
    (r"Unterminated string", "un guillemet n’est pas fermé"),
    (r"Unclosed array", "un crochet « ] » n’est pas fermé"),
    (r"Unclosed inline table", "une accolade « }} » n’est pas fermée"),
    (r"Unescaped '\\' in a string", "une barre oblique inverse doit être doublée dans un texte"),
    (r"Escaped character is not a Unicode scalar value", "ce caractère n’existe pas"),
    (r"Illegal character '(.+)'", "le caractère « {0} » n’a pas sa place ici (un guillemet n’est peut-être pas fermé)"),
    (r"Found invalid character '(.+)'", "le caractère « {0} » n’a pas sa place ici"),
    (r"Cannot declare \('(.+)',\) twice", "la section « {0} » est écrite deux fois"),
    (r"Cannot (?:declare|redefine|mutate).*", "cette section est écrite deux fois"),
    (r"Cannot overwrite a value", "ce nom est écrit deux fois"),
    (r"Duplicate inline table key '(.+)'", "« {0} » est écrit deux fois"),
)


def system_reason(error: Exception) -> str:
    """Why the system refused, or a file cannot be read, in French; the error's own words where it is another one."""
    if isinstance(error, UnicodeDecodeError):
        return "ce n’est pas du texte en UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return "ce n’est pas du JSON valide"
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0) or error.strerror or str(error)
    return str(error)


def database_reason(error: sqlite3.Error) -> str:
    """Why SQLite refused, in French; its own words where they are not known here."""
    return _DATABASE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF) or str(error)


def toml_reason(error: tomllib.TOMLDecodeError | RecursionError) -> tuple[str, int | None]:
    """What is wrong in a TOML file and in which column, in French, and the line, from 1; None where it is not known."""
    if isinstance(error, RecursionError):
        return "les crochets sont trop imbriqués", None
    said = str(error)
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", said)
    words = said[: place.start()] if place else said
    found = next(
        (form.format(*match.groups()) for pattern, form in _TOML if (match := re.fullmatch(pattern, words))), words
    )
    if not place:
        return found, None
    if place[1] is None:
        return f"à la fin du fichier, {found}", None
    return f"colonne {place[2]}, {found}", int(place[1])
