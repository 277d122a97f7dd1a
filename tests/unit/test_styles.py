"""The colours of the style sheet stand out against one another as WCAG 2.2 AA has it."""

import re
from itertools import product
from pathlib import Path

import pytest

CHATBOT = Path(__file__).parents[2] / "chatbot"
STYLES = (CHATBOT / "static" / "site.css").read_text(encoding="utf-8")
OPERATOR = (CHATBOT / "operator" / "static" / "operator.css").read_text(encoding="utf-8")


def colours(styles: str = STYLES) -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", styles, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in (light, dark)]
    return {"light": found[0], "dark": found[0] | found[1]}


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_borders_stand_out(scheme: str) -> None:
    named = colours()[scheme]
    texts = [*product(("ink", "quiet", "accent", "accent-strong"), ("ground", "tint")), ("ink", "marked")]
    texts += [("on-accent", "accent"), ("on-accent", "accent-strong")]
    assert [pair for pair in texts if contrast(named[pair[0]], named[pair[1]]) < 4.5] == []
    assert contrast(named["line"], named["ground"]) >= 3, "borders of fields and buttons"
    assert contrast("#ffffff", named["coal"]) >= 4.5, "the head of the page"
    assert contrast("#8fd3bb", named["coal"]) >= 3, "its mark and focus ring"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_the_operator_sees_stands_out_too(scheme: str) -> None:
    named = colours()[scheme] | colours(OPERATOR)[scheme]
    texts = [*product(("good", "wait", "bad"), ("ground",)), ("bad", "bad-tint"), ("ink", "bad-tint")]
    assert [pair for pair in texts if contrast(named[pair[0]], named[pair[1]]) < 4.5] == []
    points = [name for name in named if name.startswith("theme-")]
    assert len(points) == 8
    assert [name for name in points if contrast(named[name], named["ground"]) < 3] == [], "points of the map"
