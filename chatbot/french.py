"""What French sentences look like: whole statements, those that lean on others, and what a question asks for."""

import re
from collections.abc import Callable, Sequence

__all__ = ["denies", "goes_on", "holds_what_is_asked", "is_complete", "lacks_amount", "leans"]

# A statement opens with a capital, a figure or a quotation mark and ends as one. What ends in « ; » or opens in lower
# case is a piece of a list or of a cut sentence: alone it may say the contrary (« ne sont pas concernés : … »).
_COMPLETE = re.compile(r"^[«“\"‘'(\[\s]*(?:[^\W_a-zà-ÿ]|\d).*[.!…]\s?[»”\"’)\]]*$", re.DOTALL)
_MIN_WORDS = 4

_MONTH = "(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)"
_OPENING = r"^[«“\"‘'(\s]*"
# What a sentence opens with when it goes on from the one before it.
_CONNECTOR = re.compile(
    _OPENING + r"(?:C['’]est ainsi|Mais|Or|Car|Et|Donc|Puis|Ensuite|Ainsi|Aussi|Cependant|Toutefois|Pourtant|Néanmoins"
    r"|Enfin|Surtout|Concrètement|De plus|De même|De ce fait|De là|En effet|En outre|En revanche|Par ailleurs"
    r"|Par conséquent|Par exemple|Pour ce faire|Pour autant|Au contraire|À ce titre|À son tour|D['’]ailleurs"
    r"|De l['’]autre côté|D['’]autre part|Dans ce (?:cadre|contexte|but)|L['’]enjeu)\b"
)
# What it opens with when it speaks of what the one before it names. « En 2014 » and « Il y a » stand alone, and so does
# « Issue de ces travaux, la Charte… »: its subject is named, and to bring the works first would bury the answer.
_PRONOUN = re.compile(
    _OPENING + r"(?!Il y a\b)(?:"
    r"(?:Elles?|Ils?|Cela|Ça|Celles?|Celui|Ceux|Ce|Cet|Cette|Ces|C['’]|Sa|Son|Ses|Leurs?|Y|Lui|Eux)\b"
    r"|(?:Grâce à (?:elles?|eux|lui)|Parmi (?:elles|eux)|Tou(?:te)?s deux|Les deux|L['’]une?|Accompagnée?s? par)\b"
    r")"
)
_NEGATION = re.compile(r"\b(?:n['’]|ne\b|non\b|pas\b|jamais\b|aucune?\b|sans\b)", re.IGNORECASE)

# What asks, and what a sentence that answers holds.
_QUESTION_TYPES = (
    (
        re.compile(r"\b(?:quand|quelle (?:année|date)|quelle époque|when|what (?:year|date))\b", re.IGNORECASE),
        re.compile(rf"\b(?:1[5-9]|20)\d\d\b|\b\d{{1,2}}(?:er)? {_MONTH}\b|\bsiècle\b", re.IGNORECASE),
    ),
    (
        re.compile(r"^\W*(?:(?:à|de|par|avec|pour|chez) )?(?:qui|who|whom)\b", re.IGNORECASE),
        # Two capitalised words; after an article they name a place or a body (« le Bassin Minier »).
        re.compile(
            r"(?:\bM\.|\bMme|(?<!\b[Dd]u)(?<!\b[Ll][ea])(?<!\b[LlDd]es) [A-ZÀ-Ý][\w’-]+)"
            r" (?:d[eu]s? |van |von )?[A-ZÀ-Ý][\w’-]+"
        ),
    ),
    (
        re.compile(r"\b(?:combien|how (?:many|much))\b", re.IGNORECASE),
        re.compile(
            r"\d|\b(?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|quarante|cinquante"
            r"|soixante|cent|mille|millions?|milliards?|moitié|tiers|quart|dizaine|vingtaine|centaine)s?\b",
            re.IGNORECASE,
        ),
    ),
)

_ASKS_AMOUNT = re.compile(
    r"\b(?:co[uû]t\w*|prix|tarifs?|budget|montant|combien d['’](?:argent|euros)|how much|costs?|price)\b", re.IGNORECASE
)
_AMOUNT = re.compile(r"€|\beuros?\b", re.IGNORECASE)


def is_complete(sentence: str) -> bool:
    """Whether a sentence can stand in an answer: it ends as a statement does, and is no fragment and no question."""
    return bool(_COMPLETE.search(sentence)) and len(sentence.split()) >= _MIN_WORDS


def goes_on(sentence: str) -> bool:
    """Whether a sentence opens on a connector, so that it goes on from the one before it."""
    return bool(_CONNECTOR.search(sentence))


def leans(sentence: str) -> bool:
    """Whether a sentence opens on a pronoun or connector, so that it needs the one before it to be understood."""
    return goes_on(sentence) or bool(_PRONOUN.search(sentence))


def denies(sentence: str) -> bool:
    """Whether a sentence holds a negation."""
    return bool(_NEGATION.search(sentence))


def holds_what_is_asked(question: str) -> Callable[[str], bool] | None:
    """A test for sentences, if the question asks for a date, a person or a figure: whether they hold one."""
    wanted = [content for asks, content in _QUESTION_TYPES if asks.search(question)]
    return (lambda sentence: any(content.search(sentence) for content in wanted)) if wanted else None


def lacks_amount(question: str, sentences: Sequence[str]) -> bool:
    """Whether a question asks what something costs and no sentence names a sum of money."""
    return bool(_ASKS_AMOUNT.search(question)) and not any(_AMOUNT.search(sentence) for sentence in sentences)
