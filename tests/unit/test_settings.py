from pathlib import Path

import pytest

from chatbot.errors import InvalidSetting
from chatbot.settings import ENVIRONMENT_PREFIX, Settings, load_settings

GUIDE = Path(__file__).parents[2] / "docs" / "reglages.md"


@pytest.fixture(autouse=True)
def an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_win_over_environment_over_file_over_defaults(an_empty_folder, monkeypatch):
    assert load_settings().port == 7860
    (an_empty_folder / "loos.toml").write_text('port = 8001\nhost = "0.0.0.0"\n')
    assert (load_settings().port, load_settings().host) == (8001, "0.0.0.0")
    monkeypatch.setenv("LOOS_PORT", "8002")
    assert load_settings().port == 8002
    assert load_settings(port=8003).port == 8003
    assert load_settings(port=None).port == 8002


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 8001", "Réglage inconnu dans loos.toml : prot"),
        ("port = 99999", "Réglage port : la valeur 99999 ne convient pas, il faut au plus 65535."),
        ('port = "abc"', "Réglage port : la valeur 'abc' ne convient pas, il faut un nombre entier."),
        ('model = ""', "Réglage model : la valeur '' ne convient pas, il faut un texte non vide."),
        ('contact_url = "mairie"', "Réglage contact_url : la valeur 'mairie' ne convient pas, il faut une adresse"),
        ("port = ", "loos.toml n’est pas un fichier TOML valide"),
    ],
)
def test_a_wrong_settings_file_is_explained(an_empty_folder, text, message):
    (an_empty_folder / "loos.toml").write_text(text)
    with pytest.raises(InvalidSetting) as caught:
        load_settings()
    assert message in str(caught.value)


def test_a_wrong_environment_is_explained(monkeypatch):
    monkeypatch.setenv("LOOS_PORT", "zéro")
    with pytest.raises(InvalidSetting, match="Réglage port : la valeur 'zéro'"):
        load_settings()
    monkeypatch.setenv("LOOS_PORTE", "8000")
    with pytest.raises(InvalidSetting, match="Réglage inconnu dans l’environnement : LOOS_PORTE"):
        load_settings()


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_every_setting_is_in_the_guide():
    guide = GUIDE.read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in guide, f"{name} is not in docs/reglages.md"
        assert f"`{field.default}`" in guide or field.default == "", f"the default of {name} is not in docs/reglages.md"
    assert ENVIRONMENT_PREFIX in guide
