"""The settings of the service: defaults, then `loos.toml`, then the environment, then flags; checked once, here."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from chatbot.errors import InvalidSetting
from ingest.plain_words import toml_reason

__all__ = ["ENVIRONMENT_PREFIX", "SETTINGS_FILE", "Settings", "load_settings"]

SETTINGS_FILE = Path("loos.toml")
ENVIRONMENT_PREFIX = "LOOS_"


class Settings(BaseSettings):
    """Everything that an operator can set. Each setting is explained, in French, in docs/reglages.md."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, toml_file=SETTINGS_FILE, env_ignore_empty=True
    )

    corpus: Path = Path("corpus")
    index: Path = Path("var/index")
    models: Path = Path("var/models")
    crawl: Path = Path("var/crawl")
    model: str = Field("embedded", min_length=1)
    max_passage_tokens: int = Field(200, ge=32, le=480)
    keep_builds: int = Field(5, ge=1, le=1000)
    threads: int = Field(0, ge=0, le=256)
    reading_ms: int = Field(300, ge=0, le=60_000)
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(7860, ge=1, le=65535)
    max_question_characters: int = Field(1000, ge=50, le=10_000)
    feedback_days: int = Field(0, ge=0, le=365)
    feedback: Path = Path("var/feedback")
    unanswered_days: int = Field(0, ge=0, le=365)
    unanswered: Path = Path("var/unanswered")
    operator: Path = Path("var/operator")
    operator_host: str = Field("127.0.0.1", min_length=1)
    operator_port: int = Field(7870, ge=1, le=65535)
    operator_name: str = Field("", pattern=r"^([A-Za-z0-9-]+\.)*[A-Za-z0-9-]*$")
    contact_name: str = "Mairie de Loos-en-Gohelle"
    contact_url: str = Field("https://loos-en-gohelle.fr", pattern=r"^(https?://\S+)?$")
    contact_phone: str = ""
    contact_email: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file; no `.env` and no secrets folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: Any) -> Settings:
    """The settings in force. `flags` are those given on the command line; a flag that is None was not given.

    Raises:
        InvalidSetting: an unknown setting, a wrong value, or a settings file that is not TOML.
    """
    known = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name.upper() not in known:
            raise InvalidSetting(
                f"Réglage inconnu dans l’environnement : {name}. Réglages possibles : {', '.join(sorted(known))}."
            )
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise InvalidSetting("\n".join(_explain(problem) for problem in error.errors())) from error
    except ValueError as error:  # tomllib.TOMLDecodeError and UnicodeDecodeError are ValueErrors
        if not isinstance(error, tomllib.TOMLDecodeError):
            raise InvalidSetting(f"{SETTINGS_FILE} n’est pas enregistré en UTF-8. Corrigez-le.") from error
        reason, line = toml_reason(error)
        where = f"ligne {line}, {reason}" if line else reason
        raise InvalidSetting(f"{SETTINGS_FILE} n’est pas un fichier TOML valide : {where}. Corrigez-le.") from error


def _explain(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return (
            f"Réglage inconnu dans {SETTINGS_FILE} : {name}. Réglages possibles : {', '.join(Settings.model_fields)}."
        )
    limits = problem.get("ctx", {})
    kind = "int_type" if problem["type"].startswith("int_") else problem["type"]
    wanted = {
        "greater_than_equal": "au moins {ge}",
        "less_than_equal": "au plus {le}",
        "int_type": "un nombre entier",
        "string_type": "un texte",
        "string_too_short": "un texte non vide",
        "string_pattern_mismatch": "une adresse qui commence par https://",
        "path_type": "un chemin",
    }.get(kind, problem["msg"])
    return f"Réglage {name} : la valeur {problem['input']!r} ne convient pas, il faut {wanted.format(**limits)}."
