"""The accessibility statement that French law asks of a public service's page (RGAA 4.1)."""

from pathlib import Path

from chatbot.conversation import contact
from chatbot.markup import linked_html
from chatbot.messages import Messages
from chatbot.plain_page import plain_page
from chatbot.settings import Settings

__all__ = ["accessibility_page"]

_STATEMENTS = Path(__file__).with_name("statements")


def accessibility_page(messages: Messages, settings: Settings) -> str:
    """The page of the statement, with the town hall's contact."""
    statement = (_STATEMENTS / f"accessibility.{messages.language}.html").read_text(encoding="utf-8")
    main = statement.replace("{contact}", linked_html(contact(settings)))
    return plain_page(messages.accessibility_title, main, messages, "/accessibilite")
