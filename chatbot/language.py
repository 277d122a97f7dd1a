"""The language of a question, by its function words. Why not by a library: docs/decisions/0008."""

import re

__all__ = ["detect_language"]

# The words that questions are made of. A word that two languages share stands in both lists.
_FUNCTION_WORDS = {
    "fr": """
        à ça aidez dit ile me moi peux puis te toi
        a ai au aux avec c ce cela ces cest cette chez comment combien dans de depuis des donc du elle en
        est et etait ete été était fait il ils j je koi l la le les leur ma mes mon n nous on ont ou où par
        pas pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa se ses son sont sur t tu un
        une vous y
    """,
    "en": """
        a about an and are as at be been by can could did do does for from had has have how i in is it its
        many me much my of on or should tell than that the their there these they this to was were what when
        where which who whom whose why will with would you your
    """,
    "de": """
        aus bei das dem den der des die ein eine einen einer es für gab gibt hat haben hatte ich im in ist
        kann man mit nach sich sie sind über und viele von vom wann war waren warum was welche welcher
        welches wer werden wie wird wo wurde wurden zu zum zur
    """,
    "es": """
        al como cómo con cual cuál cuales cuáles cuando cuándo cuanto cuánto cuantos cuántos de del desde
        donde dónde el en era eran es esta está fue fueron ha hay la las los para por porque porqué que qué
        quien quién quienes se ser sobre son su sus tiene un una y
    """,
    "nl": """
        aan aantal bij dat de deze die dit door een en er heeft het hoe hoeveel ik in is kan met naar of om
        op te tot uit van voor waar waarom wanneer waren was wat welke werd wie wordt worden zijn
    """,
    "pl": """
        być był była było były co czego czy czym dla do dlaczego gdzie i ile ilu jak jaka jaki jakie jest kiedy
        kto którą która które który ma na nad o od po przez są się skąd to w we z za ze został została
        zostało
    """,
}
_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
# Not the parts of « Loos-en-Gohelle », whose « en » is also Dutch.
_COMPOUND = re.compile(r"\b\w+(?:-\w+){2,}\b")
_WORD = re.compile(r"[^\W\d_]+")
_ARABIC = re.compile("[\u0600-\u06ff]")


def detect_language(question: str) -> str:
    """`fr`, `en`, `de`, `es`, `nl`, `pl` or `ar`: the language most of the question's function words belong to.

    French wherever another language does not lead, so also for names and keywords alone.
    """
    words = _WORD.findall(_COMPOUND.sub(" ", question.lower()))
    if any(_ARABIC.match(word) for word in words):
        return "ar"
    counts = {language: sum(word in known for word in words) for language, known in _WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    opens = bool(words) and words[0] in _WORDS[best]  # « who », « wann »: one is enough where it opens the question
    return best if counts[best] > counts["fr"] and (counts[best] > 1 or opens) else "fr"
