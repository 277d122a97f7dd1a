"""What the system and the parser of TOML say, in French."""

import errno
import json
import os
import re
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from chatbot.cli import app
from chatbot.usage import usage_error
from index.errors import InvalidGold
from index.gold import read_gold
from ingest.plain_words import database_reason, system_reason, toml_reason


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ('title "A"', "colonne 7, il manque le signe « = » après le nom", 1),
        (
            'a = "A\n',
            "colonne 7, le caractère « \\n » n’a pas sa place ici (un guillemet n’est peut-être pas fermé)",
            1,
        ),
        ("a = 'A", "à la fin du fichier, un guillemet n’est pas fermé", None),
        ('\na = "A" b', "colonne 9, il y a quelque chose en trop à la fin de la ligne", 2),
        ("a = oui", "colonne 5, la valeur n’est pas bien écrite (un texte se met entre guillemets droits)", 1),
        ("a = “A”", "colonne 5, la valeur n’est pas bien écrite (un texte se met entre guillemets droits)", 1),
        ("[a.md", "à la fin du fichier, il manque le crochet « ] » à la fin du titre de la section", None),
        ("[plan climat.pdf]", "colonne 7, il manque le crochet « ] » à la fin du titre de la section", 1),
        ("a = [1, 2", "à la fin du fichier, un crochet « ] » n’est pas fermé", None),
        ("a = {b = 1", "à la fin du fichier, une accolade « } » n’est pas fermée", None),
        ('["a.md"]\n["a.md"]', "colonne 8, la section « a.md » est écrite deux fois", 2),
        ("a = 1\na = 2", "à la fin du fichier, ce nom est écrit deux fois", None),
        ("a = 2024-02-31", "colonne 5, cette date n’existe pas", 1),
        ('a = "\\é"', "colonne 8, une barre oblique inverse doit être doublée dans un texte", 1),
        ("= 1", "colonne 1, cette ligne n’est ni un titre de section ni « nom = valeur »", 1),
        ("é = 1", "colonne 1, cette ligne n’est ni un titre de section ni « nom = valeur »", 1),
    ],
)
def test_what_is_wrong_in_a_toml_file_is_said_in_french(text, reason, line):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert toml_reason(caught.value) == (reason, line)


def test_why_the_system_refuses_is_said_in_french():
    known = (errno.ENOSPC, errno.EACCES, errno.ENOENT, errno.EROFS, errno.EISDIR, errno.ENAMETOOLONG, errno.EIO)
    for number in known:
        said = system_reason(OSError(number, os.strerror(number)))
        assert said != os.strerror(number)
        assert re.match(r"(il|l’|le|la|c’est) ?", said)
    assert system_reason(OSError(errno.EDOM, "Numerical argument")) == "Numerical argument"
    assert system_reason(OSError("autre")) == "autre"


def test_why_a_file_cannot_be_read_is_said_in_french(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_bytes("été".encode("latin-1"))
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{été")
    assert system_reason(caught.value) == "ce n’est pas du JSON valide"
    with pytest.raises(InvalidGold, match=r"ne se lit pas \(ce n’est pas du texte en UTF-8\)"):
        read_gold(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InvalidGold, match=r"ne se lit pas \(c’est un dossier\)"):
        read_gold(path)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["buld"], "La commande « buld » n’existe pas. Vouliez-vous dire « build » ?"),
        (["corpus", "chek"], "La commande « chek » n’existe pas. Vouliez-vous dire « check » ?"),
        (["zzz"], "La commande « zzz » n’existe pas. «"),
        (["ask", "--jsn", "EFC ?"], "L’option --jsn n’existe pas. Vouliez-vous dire « --json » ?"),
        (["ask", "--zzzz", "EFC ?"], "L’option --zzzz n’existe pas. «"),
    ],
)
def test_a_misspelt_command_or_option_is_met_with_the_one_that_was_meant(call, said):
    with pytest.raises(TyperException) as caught:
        app(call, standalone_mode=False)
    assert usage_error(caught.value).startswith(f"Erreur : {said}")


def _write_a_table(uri: str) -> None:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("CREATE TABLE t (a)")


def test_what_sqlite_says_is_in_french(tmp_path: Path) -> None:
    (tmp_path / "texte").write_text("Ceci n’est pas une base. " * 100)
    (tmp_path / "vide").touch()
    for name, how, words in (
        ("texte", "rw", "ce n’est pas une base SQLite"),
        ("vide", "ro", "le fichier ou son dossier est en lecture seule"),
        ("absente", "ro", "le fichier ne s’ouvre pas"),
    ):
        with pytest.raises(sqlite3.DatabaseError) as caught:
            _write_a_table(f"{(tmp_path / name).as_uri()}?mode={how}")
        assert database_reason(caught.value) == words
    assert database_reason(sqlite3.OperationalError("odd")) == "odd"
