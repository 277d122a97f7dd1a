"""Pages from templates, in which every text is escaped unless it says otherwise."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

from chatbot.messages import FRENCH, spaced
from index.report_text import counted, duration

__all__ = ["counted", "duration", "environment", "render"]

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **given: Any) -> str:
    """A page. `given` is what its template names."""
    return environment().get_template(template).render(**given)


class _HardSpaces(Extension):
    """Templates are written with ordinary spaces."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return spaced(source)


@cache
def environment() -> Environment:
    """Where templates come from, and what they may use."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_HardSpaces],
    )
    made.filters |= {
        "day": FRENCH.date,
        "moment": _moment,
        "duration": duration,
        "spaced": spaced,
        "percent": lambda share: f"{share:.0%}".replace("%", "\u00a0%"),
    }
    made.globals |= {"counted": counted}
    return made


def _moment(seconds: float) -> str:
    """A time as one says it here: « 28 novembre 2026 à 6 h 34 »."""
    at = datetime.fromtimestamp(seconds)
    return f"{FRENCH.date(at.date().isoformat())} à {at.hour}\u00a0h\u00a0{at.minute:02}"
