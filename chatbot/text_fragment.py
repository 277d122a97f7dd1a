"""The address that opens a web page at a quote, or a PDF at a page: https://wicg.github.io/scroll-to-text-fragment/."""

from urllib.parse import quote as percent_encoded

__all__ = ["with_page", "with_text_fragment"]

_WHOLE = 12
"""A quote of up to this many words is looked for whole: no more than needed, since one changed word hides it."""
_ENDS = 6
"""Of a longer one, this many of its first and of its last words."""


def with_page(url: str, page: int | None) -> str:
    """The address of a document at one of its pages, if it has some: browsers open a PDF there."""
    return f"{url}#page={page}" if url and page and "#" not in url else url


def with_text_fragment(url: str, quote: str) -> str:
    """The address of a web page, with the text that a browser is to scroll to and mark there.

    Where the page does not hold it, browsers open the page at its head. A fragment that the address already has is
    kept before it.
    """
    lines = [line.split() for line in quote.splitlines() if line.strip()]
    if not lines:
        return url
    if len(lines) == 1 and len(lines[0]) <= _WHOLE:
        text = _encoded(lines[0])
    else:
        # The ends stand each within one line: a browser does not look for one across the blocks of a page.
        first, last = lines[0], lines[-1]
        count = min(_ENDS, len(first) // 2) if len(lines) == 1 else _ENDS
        text = f"{_encoded(first[:count])},{_encoded(last[-count:])}"
    return f"{url}{'' if '#' in url else '#'}:~:text={text}"


def _encoded(words: list[str]) -> str:
    """Words as one part of a text directive, in which « - », « , » and « & » have a meaning of their own."""
    return percent_encoded(" ".join(words), safe="").replace("-", "%2D")
