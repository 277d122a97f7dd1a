"""Words of a question that the documents do not know, by the sound of words that they do know: « goheliade ».

French spells one sound in many ways, and people who ask write as they hear. No library in use today does this for
French, so the rules are here: letters that sound alike become one, silent ones go. docs/decisions/0013.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher

from index.analysis import STOP_WORDS, analyse

__all__ = ["Spelling", "sound"]

_WORD = re.compile(r"[^\W\d_]+")
_LEAST_SOUNDS = 4
"""A shorter sound is that of too many words (« mer », « maire », « mère »)."""
_LONGEST = 40
"""Longer ones are no words of a language."""
_ALIKE = 0.7
"""The least share of letters that a word and the one that is put in its place have in common."""
_KNOWN = 0.5
"""At least this share of a question's words must be known or grammar: else it is in another language."""

_ACCENTS = str.maketrans("àâäçéèêëîïôöùûü", "aaaseeeeiioouuu") | {ord("œ"): "oe"}
_RULES = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"z", "s"),
        (r"(.)\1+", r"\1"),
        (r"^h|(?<![cp])h", ""),
        (r"(?<!m)ent$", ""),
        (r"ph", "f"),
        (r"sh|sch", "ch"),
        (r"ti(?=on|el|en)", "si"),
        (r"x(?=[aeiouy])", "ks"),
        (r"sc(?=[eiy])|c(?=[eiy])", "s"),
        (r"qu|q|ck|c(?!h)", "k"),
        (r"gu(?=[eiy])", "g"),
        (r"ge(?=[aou])|g(?=[eiy])", "j"),
        (r"eau|au", "o"),
        (r"[ae]in|[ae]im|[iy]m(?=[bp])|[iy]n(?![aeiouy])", "1"),
        (r"[ae]n(?![aeiouy])|[ae]m(?=[bp])", "2"),
        (r"o[nm](?![aeiouy])", "3"),
        (r"ai|ei|ay|ey", "e"),
        (r"y", "i"),
        (r"(?:er|ez|es|et|e[stx]?|s|t|x|d|p|ts|ds)$", ""),
        (r"(.)\1+", r"\1"),
    )
)


def sound(word: str) -> str:
    """What a French word sounds like, roughly: the same for words that are spelt alike by ear."""
    word = word.lower().translate(_ACCENTS)
    for pattern, to in _RULES:
        word = pattern.sub(to, word)
    return word


def _alike(word: str, meant: str) -> bool:
    """Whether two words share most of their letters, in order: « méritent » and « mairie » only sound alike here."""
    one, other = (text.lower().translate(_ACCENTS) for text in (word, meant))
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _is_verb_of(word: str, meant: str) -> bool:
    """Whether a word is written as a verb is after « ils », and the other not: « travaillent » is no « travail »."""
    return word.endswith("ent") and not meant.lower().endswith("ent")


class Spelling:
    """The words of some documents by their sound. It writes nothing, so threads may share it."""

    def __init__(self, texts: Iterable[str]) -> None:
        counted: Counter[str] = Counter()
        for text in texts:
            counted.update(_WORD.findall(text))
        self._by_sound: dict[str, str] = {}
        for word, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
            if len(word) > _LONGEST or word.lower() in STOP_WORDS:
                continue
            if len(heard := sound(word)) >= _LEAST_SOUNDS:
                self._by_sound.setdefault(heard, word)

    def repaired(self, question: str, is_known: Callable[[str], bool], is_word: Callable[[str], bool]) -> str:
        """The question with each word that is not known replaced by the most frequent known one of the same sound.

        `is_known` tells of a token of `analyse` whether the documents hold it, `is_word` of a word whether it is one
        as it is written, in any document. A capitalised word stays as it is too: another town's name is no misspelling
        of ours.
        """
        words = list(_WORD.finditer(question))
        known = [not (tokens := analyse(word.group())) or any(map(is_known, tokens)) for word in words]
        if sum(known) < _KNOWN * len(words):
            return question
        for word, is_one in reversed(list(zip(words, known, strict=True))):
            if not is_one and word.group().islower() and len(word.group()) <= _LONGEST and not is_word(word.group()):
                meant = self._by_sound.get(sound(word.group()))
                if meant and _alike(word.group(), meant) and not _is_verb_of(word.group(), meant):
                    question = question[: word.start()] + meant + question[word.end() :]
        return question
