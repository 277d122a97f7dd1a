"""How the command asks for the operator's password."""

import sys
from types import SimpleNamespace

import pytest

from chatbot.cli_operator import password
from chatbot.operator.password import Password, PasswordProblem


@pytest.fixture
def typed(monkeypatch, tmp_path):
    """Have these words typed, one a question; gives how many questions were left."""

    def type_in(*words):
        left = list(words)
        monkeypatch.setenv("LOOS_OPERATOR", str(tmp_path))
        monkeypatch.setattr("getpass.getpass", lambda prompt: left.pop(0))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
        return left

    return type_in


def test_too_short_a_password_is_refused_before_it_is_asked_again(typed):
    left = typed("court", "court")
    with pytest.raises(PasswordProblem, match="Le mot de passe est trop court : 5 caractères"):
        password()
    assert left == ["court"]


def test_a_password_is_typed_twice(typed, tmp_path):
    typed("les terrils jumeaux", "les terrils")
    with pytest.raises(PasswordProblem, match="Les deux ne sont pas les mêmes"):
        password()
    left = typed("les terrils jumeaux", "les terrils jumeaux")
    password()
    assert left == []
    assert Password(tmp_path).matches("les terrils jumeaux")
