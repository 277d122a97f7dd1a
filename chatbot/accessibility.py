"""The accessibility statement that French law asks of a public service's page (RGAA 4.1)."""

import tomllib
from html import escape
from pathlib import Path
from typing import Any

from chatbot.conversation import contact
from chatbot.markup import linked_html
from chatbot.messages import Messages
from chatbot.plain_page import plain_page
from chatbot.settings import Settings

__all__ = ["accessibility_page", "criteria", "rate"]

_STATEMENTS = Path(__file__).with_name("statements")


def accessibility_page(messages: Messages, settings: Settings) -> str:
    """The page of the statement, with the town hall's contact and how each criterion fares."""
    themes = criteria()
    statement = (_STATEMENTS / f"accessibility.{messages.language}.html").read_text(encoding="utf-8")
    filled = {
        "{contact}": linked_html(contact(settings)),
        "{rate}": str(rate(themes)),
        "{conformance}": escape(messages.conformance),
        "{criteria}": "".join(_theme(number, theme, messages) for number, theme in enumerate(themes, start=1)),
    }
    for mark, html in filled.items():
        statement = statement.replace(mark, html)
    return plain_page(messages.accessibility_title, statement, messages, "/accessibilite")


def criteria() -> list[dict[str, Any]]:
    """The themes of RGAA 4.1 in their order, each with the numbers of its criteria that are `met`, `failing` (or not
    checked) and `not_applicable`, and how they were `checked`."""
    themes: list[dict[str, Any]] = tomllib.loads((_STATEMENTS / "rgaa.toml").read_text(encoding="utf-8"))["theme"]
    return themes


def rate(themes: list[dict[str, Any]]) -> int:
    """Of the criteria that apply, the share that is met, in per cent."""
    met, failing = (sum(len(theme[name]) for theme in themes) for name in ("met", "failing"))
    return 100 * met // (met + failing)


def _theme(number: int, theme: dict[str, Any], messages: Messages) -> str:
    """A theme with its criteria, as an item of a list."""
    language = messages.language

    def said(kind: str, words: str) -> str:
        return f"{escape(words)} {', '.join(f'{number}.{criterion}' for criterion in theme[kind])}"

    kinds = (
        ("met", messages.criteria_met),
        ("failing", messages.criteria_failing),
        ("not_applicable", messages.criteria_not_applicable),
    )
    parts = [said(kind, words) for kind, words in kinds if theme[kind]]
    parts += [escape(theme[name][language]) for name in ("why", "checked") if name in theme]
    return f"<li><strong>{number}. {escape(theme['name'][language])}</strong> – {'. '.join(parts)}.</li>\n"
