"""French text to the tokens that lexical search counts. Why so: docs/decisions/0004-lexical-search.md."""

import re
import unicodedata
from functools import lru_cache

__all__ = ["STOP_WORDS", "analyse"]

_STOP_WORDS = """
a ai aie aient aies ait alors as au aucun aucune aura aurai auraient aurais aurait auras aurez aurons
auront aussi aux avaient avais avait avec avez aviez avoir avons ayant ayez ayons c ca ce ceci cela celle
celles celui ces cet cette ceux chacun chacune chaque ci combien comme comment d dans de des dont du elle
elles en encore es est et etaient etais etait etant etes etions etre eu eue eues eurent eut eux font
furent fut il ils j je jusque l la laquelle le lequel les lesquelles lesquels leur leurs lorsque lui m ma
mais me meme memes mes moi mon n ne ni nos notre nous on ont ou par parce pas pendant peut peuvent pour
pourquoi puisque qu quand que quel quelle quelles quels quelque quelques qui quoi s sa sans se sera
seraient serait seront ses si soi soient sois soit son sont suis sur t ta te tel telle telles tels tes toi
ton toute toutes tous tout tres tu un une vers vos votre vous y
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing of a passage's subject, accents folded: grammar, question words, forms of être and avoir.

Left out on purpose, for they also carry meaning: été (summer), sommes (sums), avions (planes), or (gold), car (coach),
plus, non, and every number. The single letters are what is left of « l eau » or « a t il », typed without signs.
"""

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ‛′`´", "'"),
        **dict.fromkeys("‐‑‒–−", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", None),  # soft hyphen, joiners, zero-width spaces
    }
)
# Ligatures, and strokes that Unicode does not take for accents.
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ł": "l", "ø": "o"})
# Latin accents; Arabic vowel signs and the stretching tatweel, which most Arabic text leaves out.
_MARKS = re.compile("[\u0300-\u036f\u0640\u064b-\u065f\u0670]")
# « presqu' » is not among them: French elides it in « presqu'île » alone, which is one word. So is « aujourd'hui ».
_ELISION = re.compile(r"(?<![\w-])(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu)'", re.IGNORECASE)
_INNER_ELISION = re.compile(r"-(?:[dl]|qu)'", re.IGNORECASE)
_TOKEN = re.compile(
    r"""
    (?: (?P<thousands> (?<![\d.,]) [1-9]\d{0,2} (?:[ ]\d{3})+ (?!\d) (?:,\d+)? )
      | (?P<figure> (?<!\w) \d+ (?:[-/.,]\d+)* (?!\w) )
    ) (?P<percent> [ ]?% | [ ]pour[ ]cent\b )?
  | (?P<initials> (?<!\w) [^\W\d_]\. (?:-?[^\W\d_]\.)+ (?:[^\W\d_](?!\w))? )
  | (?P<word> [^\W_]+ (?:['-]+[^\W_]+)* )
  | (?P<pictograph> [\U0001f300-\U0001faff] )
    """,
    re.VERBOSE,
)
_PLURAL_ACRONYM = re.compile(r"[A-ZŒÆ]{2,}s")


def analyse(text: str) -> list[str]:
    """The tokens of a French text, in order, repeats kept; empty if it holds no word but stop words.

    The same tokens come out whatever the case, accents, apostrophes, kinds of space and dash, ligatures and Unicode
    form. Words lose their elision (« l'eau ») and are stemmed (Snowball, after folding). What holds a digit is not
    stemmed. A compound gives itself, written as one word, and its parts (« éco-quartier »: « ecoquarti », « eco »,
    « quarti »). Figures stay whole: « 1 000 » is « 1000 », « 3.5 » is « 3,5 », « 50 % » is « 50% », « 11-19 » is
    « 11/19 »; a year inside a range or date is a token besides. « S.N.C.F. » is « sncf ». No token holds a space or
    « ^ », so that callers may mark their own terms with them. Case counts once: « PLUs » is the plural of « PLU », not
    « plus ». Safe to call from several threads.
    """
    # Translated first: NFKD would turn the lone acute accent, used as an apostrophe, into a space.
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_SIGNS)))
    # Recomposed, for a Japanese syllable taken apart would be two tokens.
    text = unicodedata.normalize("NFC", text)
    tokens: list[str] = []
    for match in _TOKEN.finditer(_ELISION.sub(" ", text)):
        if word := match["word"]:
            tokens += _word(word)
        elif figure := match["thousands"] or match["figure"]:
            tokens += _figure(figure.replace(" ", ""), bool(match["percent"]))
        elif initials := match["initials"]:
            tokens.append(_lower(re.sub("[.-]", "", initials)))
        else:
            tokens.append(match["pictograph"])
    return tokens


def _word(word: str) -> tuple[str, ...]:
    # Longer ones are no words of a language: keeping them would only let strangers fill the memory.
    return _known_word(word) if len(word) <= 40 else _known_word.__wrapped__(word)


@lru_cache(maxsize=1 << 16)
def _known_word(word: str) -> tuple[str, ...]:
    if _PLURAL_ACRONYM.fullmatch(word):
        word = word[:-1]  # « PLUs » is not « plus »
    word = _lower(_INNER_ELISION.sub("-", word)).replace("'", "")
    parts = [part for part in word.split("-") if part]
    while parts and parts[-1] in STOP_WORDS:
        parts.pop()  # « permet-il », « a-t-on », « celui-ci »: what hangs on the word is grammar
    kept = [_stem(part) for part in parts if part not in STOP_WORDS]
    # With one part left, the whole would say the same thing twice.
    return (_stem("".join(parts)), *kept) if len(kept) > 1 else tuple(kept)


def _figure(figure: str, percent: bool) -> list[str]:
    parts = re.split("[-/]", figure)
    if len(parts) == 1:
        return [figure.replace(".", ",") + "%" * percent]
    years = [part for part in parts if len(part) == 4]
    # Documents write the same pit « 11/19 » and « 11-19 », the same day « 1/9/2024 » and « 1-9-2024 ».
    return [("-" if len(years) == len(parts) else "/").join(parts), *years]


def _lower(word: str) -> str:
    return word.casefold().translate(_LETTERS)


def _stem(word: str) -> str:
    from Stemmer import Stemmer

    if any(character.isdigit() for character in word):
        return word
    # Snowball knows « fondée » by the accent, which is gone: without this it would part from « fondé ».
    word = re.sub("ee(s?)$", r"e\1", word)
    # A stemmer must not be shared between threads; a new one costs less than a microsecond.
    stem: str = Stemmer("french").stemWord(word)
    return stem
