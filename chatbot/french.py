"""What French sentences look like: whole statements, those that lean on others, and what a question asks for."""

import re
from collections.abc import Callable, Sequence

from index.analysis import analyse

__all__ = [
    "PERSON",
    "asks_chronology",
    "counts_what_is_asked",
    "denies",
    "goes_on",
    "holds_what_is_asked",
    "is_complete",
    "lacks_amount",
    "leans",
    "opens_with_date",
    "year_of",
]

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

# Two capitalised words; after an article they name a place or a body (« le Bassin Minier »).
PERSON = re.compile(
    r"(?:\bM\.|\bMme|(?:^|(?<!\b[Dd]u)(?<!\b[Ll][ea])(?<!\b[LlDd]es) )"
    r"(?!(?:L[ea]s?|Une?|D[eu]s?|Selon|En|Aux?|À|Par|Pour|Dans|Sur|Depuis|Avec|C(?:e|et|ette|es)|S(?:on|a|es)|Leurs?)\b)"
    r"[A-ZÀ-Ý][\w’-]+)"
    r" (?:d[eu]s? |van |von )?[A-ZÀ-Ý][\w’-]+"
)
"""A person's name, as far as its form tells."""

# What asks, and what a sentence that answers holds.
_QUESTION_TYPES = (
    (
        re.compile(r"\b(?:quand|quelle (?:année|date)|quelle époque|when|what (?:year|date))\b", re.IGNORECASE),
        re.compile(rf"\b(?:1[5-9]|20)\d\d\b|\b\d{{1,2}}(?:er)? {_MONTH}\b|\bsiècle\b", re.IGNORECASE),
    ),
    (
        re.compile(r"^\W*(?:(?:à|de|par|avec|pour|chez) )?(?:qui|who|whom)\b", re.IGNORECASE),
        PERSON,
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

_COUNTS = re.compile(
    r"\bcombien (?:(?:il )?y (?:a|avait)(?:-t-il)? |existe-t-il )?(?:de |d['’])"
    r"(?!temps\b|fois\b)(?P<what>[^\W\d_]{3,})",
    re.IGNORECASE,
)
_NUMBER = _QUESTION_TYPES[-1][1]
_BETWEEN = 1
"""As many words may stand between a number and what it counts: « 282 grands panneaux »."""

_ASKS_CHRONOLOGY = re.compile(
    r"\bchronologie\b|\bfrise\b"
    r"|\bquelles? (?:sont|furent|ont été) les (?:grandes? |principales? )?(?:dates?|années|étapes)"
    r"|\b(?:grandes|principales) (?:dates|étapes)\b|\bau fil (?:des ans|du temps)\b|\bannée par année\b"
    r"|\btimeline\b|\bchronology\b|\b(?:key|main) (?:dates|steps|milestones)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\w/.,-])(?:1[5-9]|20)\d\d(?![\w/])")

_OPENS_WITH_DATE = re.compile(
    _OPENING + r"(?:Le|Du|Au|En|Dès|Depuis|Avant|Après|De l['’]\w+|À partir de|D['’]ici(?: à)?) "
    rf"(?:\d{{1,2}}(?:er)? )?(?:{_MONTH} )?\d{{4}}\b",
    re.IGNORECASE,
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


def counts_what_is_asked(question: str) -> Callable[[str], bool] | None:
    """A test for sentences, if the question asks how many there are of something: whether they put a number to it."""
    asks = _COUNTS.search(question)
    wanted = set(analyse(asks["what"])) if asks else set()

    def counts(sentence: str) -> bool:
        words = sentence.split()
        return any(
            _NUMBER.search(word) and not wanted.isdisjoint(analyse(" ".join(words[place + 1 : place + 2 + _BETWEEN])))
            for place, word in enumerate(words)
        )

    return counts if wanted else None


def asks_chronology(question: str) -> bool:
    """Whether a question asks for several dates in their order."""
    return bool(_ASKS_CHRONOLOGY.search(question))


def year_of(sentence: str) -> int | None:
    """The year that a sentence tells of, from 1500 to 2099: the one that it opens with, else the earliest it names.

    « Dans un récit de 2014, la transition commence en 1984 » tells of 1984.
    """
    years = [int(match.group()) for match in _YEAR.finditer(sentence)]
    if not years:
        return None
    return years[0] if _OPENS_WITH_DATE.search(sentence) else min(years)


def opens_with_date(sentence: str) -> bool:
    """Whether a sentence opens with the date that it tells of: « En 1986, … », « Depuis mai 2004, … »."""
    return bool(_OPENS_WITH_DATE.search(sentence))


def lacks_amount(question: str, sentences: Sequence[str]) -> bool:
    """Whether a question asks what something costs and no sentence names a sum of money."""
    return bool(_ASKS_AMOUNT.search(question)) and not any(_AMOUNT.search(sentence) for sentence in sentences)
