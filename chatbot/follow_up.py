"""Questions that lean on what was asked before, made whole by rule: « Et quand ? », « Qui était-il ? ».

A question that stands alone is never touched, so that no old topic leaks into a new question. French and English.
Why so: docs/decisions/0012.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.french import PERSON
from chatbot.language import detect_language
from index.analysis import analyse
from ingest import fold_for_search

__all__ = ["Turn", "Understood", "understand"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What was asked before, as it was understood, and the text of the answer; empty where there was none."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """A question made whole. `more` says that it asks for more than the answer before it said."""

    question: str
    more: bool = False


_MORE = re.compile(
    r"(?:(?:peux tu|pouvez vous|tu peux|vous pouvez|pourrais tu|pourriez vous|can you|could you|please|svp|stp) )*"
    r"(?:(?:me |m )?(?:en )?(?:preciser?|precisez|detailler?|detaillez|developper?|developpez|expliquer?|expliquez"
    r"|dis m en|dites m en|en dire|elaborate|explain|clarify)"
    r"(?: (?:plus|davantage|moi|ca|cela|un peu|mieux|stp|svp|that|more))*"
    r"|(?:et |donne moi |donnez moi |je veux |je voudrais |j aimerais |give me )?"
    r"(?:plus|davantage|more)(?: (?:de|d) (?:details|precisions|informations|infos)| (?:details|information))?"
    r"|(?:je veux |je voudrais |j aimerais )?en savoir (?:plus|davantage)"
    r"|c est a dire|et (?:encore|quoi d autre|apres|ensuite)|quoi d autre|autre chose|tell me more|what else"
    r"|go on|continue)"
    r"(?: (?:stp|svp|s il te plait|s il vous plait|please))?"
)
_ASKING = (
    r"(?:(?:à|a|de|depuis|par|pour|avec|jusqu[’']?\s?(?:à|a)?)\s+)?"
    r"(?:quand|où|qui|quoi|combien|comment|pourquoi|quelle (?:année|date)|quel (?:jour|endroit|lieu|prix|montant)"
    r"|when|where|who|why|how(?: much| many)?)"
)
_BARE = re.compile(
    rf"^(?:et|and|mais|ok)?[\s,]*(?:c[’']est |c[’']était )?(?P<asks>{_ASKING})"
    r"(?:\s+(?:ça|cela|donc|exactement|exactly))?\s*[?!.]*$",
    re.IGNORECASE,
)
# « Quand la charte a-t-elle été signée ? »: what is asked stands beside the sentence, which is whole without it.
_BESIDE = re.compile(
    r"^(?:(?:depuis|à partir de)\s+)?(?:quand|où|comment|pourquoi|when|where|why|how)\b(?!\s+(?:much|many))",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"^(?:et|and|what about|how about|même question|et qu[’']en est-il)(?:\s+(?:alors|aussi))?[\s,]+"
    r"(?P<what>(?:(?P<by>(?:pour|dans|à|au|aux|en|sur|avec|chez|de|du|des|par|for|in|about|with)(?=\s)|d[’'])\s*)?"
    r"[^?!.]+?)\s*[?!.]*$",
    re.IGNORECASE,
)
_SWAPPED = "pour|sur|dans|avec|contre|for|about|with|against"
"""After these a topic may be put in another's place without a change of words."""
_TOPIC_WORDS = 6
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_NOUN = (
    r"(?:l[ea]s?\b|l[’']|une?\b|des?\b|du\b|d[’']|ce(?:t|tte|s)?\b|mon|ma|mes|notre|nos|votre|vos|the|this|these|that)"
)
_IT = re.compile(
    r"(?<![\w-])(?:t-)?(?P<word>ils?|elles?|ça|cela|celui-ci|celle-ci|ceux-ci|lui|he|she|it|they|him|her|them)(?![\w-])"
    r"|-(?:t-)?(?P<behind>ils?|elles?)(?![\w-])",
    re.IGNORECASE,
)
# What « il » stands for nothing in.
_IMPERSONAL = re.compile(
    r"\b(?:il\s+(?:n[’']?\s*)?(?:y\s+a\w*|faut|existe\w*|reste\w*|manque\w*|s[’']agit|fait|fera|pleut|suffit|vaut|paraît"
    r"|semble|passe\w*|arrive\w*|se\s+passe\w*)|y\s+a-t-il|y\s+avait-il|existe-t-il|reste-t-il|faut-il|s[’']agit-il"
    r"|se\s+passe-t-il|f(?:ait|era|aisait)-(?:t-)?il|est-il\s+(?:possible|vrai|prévu|autorisé|interdit|obligatoire)"
    r"|c[’']est\s+quoi|is\s+it\s+(?:true|possible)|does\s+it\s+take)\b",
    re.IGNORECASE,
)
_THIS = re.compile(
    r"\b(?:ce(?:t|tte|s)?\s+(?:projet|démarche|lieu|site|événement|fête|charte|personne|maire|programme|ferme|association"
    r"|label|bâtiment|quartier|centrale|initiative|action)s?|là-bas|là-dedans|à ce sujet"
    r"|this (?:project|place|person|event))\b",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"(?:^|[\s,])(?i:{_NOUN})\s*\w\w|(?!^)\b[A-ZÀ-Ý]\w")
_ASKS = re.compile(rf"(?<!\w){_ASKING}(?!\w)|(?<!\w)(?:que|qu[’'])", re.IGNORECASE)
_PEOPLE = {"il", "elle", "lui", "he", "she", "him", "her"}


def understand(question: str, turns: Sequence[Turn]) -> Understood | None:
    """The question made whole by the last of `turns`, or None where it stands alone or there is nothing to lean on."""
    if not turns:
        return None
    last = turns[-1]
    question = question.strip()
    plain = " ".join(re.findall(r"\w+", _unaccented(question)))
    if _MORE.fullmatch(plain):
        return Understood(last.question, more=True)
    if match := _BARE.match(question):
        return Understood(_with_asking(match["asks"], question, last.question))
    match = _ABOUT.match(question)
    if match and len(match["what"].split()) <= _TOPIC_WORDS and not _ASKS.search(match["what"]):
        return Understood(_with_topic(match["what"], match["by"], last.question))
    if _leans(question):
        return Understood(_with_antecedent(question, last))
    return None


def _unaccented(text: str) -> str:
    return fold_for_search(text).lower().translate(str.maketrans("àâäçéèêëîïôöùûü", "aaaceeeeiioouuu"))


def _bare(question: str) -> str:
    return question.strip().rstrip(" ?!.\u00a0\u202f")


def _mark(question: str) -> str:
    return " ?" if detect_language(question) == "fr" else "?"


def _with_asking(asks: str, question: str, before: str) -> str:
    """« Par qui » and « Quand la charte a-t-elle été signée ? » give « Par qui la charte a-t-elle été signée ? »."""
    if match := _BESIDE.match(before):
        return f"{asks[0].upper()}{asks[1:]} {_bare(before[match.end() :])}{_mark(before)}"
    return f"{before} {question}"


def _with_topic(what: str, by: str | None, before: str) -> str:
    """« pour l'énergie » after « Que fait la ville pour la biodiversité ? »: « Que fait la ville pour l'énergie ? »."""
    whole = _bare(before)
    year = _YEAR.search(what)
    if year and len(_YEAR.findall(whole)) == 1 and analyse(what) == [year.group()]:
        return _YEAR.sub(year.group(), whole) + _mark(before)
    swapped = re.escape(by.rstrip("’'")) if by else _SWAPPED
    places = list(re.finditer(rf"(?<=\s)({swapped})(?=[\s’'])", whole, re.IGNORECASE))
    if by:
        return f"{whole[: places[-1].start()] if places else f'{whole} '}{what}{_mark(before)}"
    if places:
        return f"{whole[: places[-1].end()]} {what}{_mark(before)}"
    return f"{whole} {'et' if detect_language(before) == 'fr' else 'and'} {what}{_mark(before)}"


def _leans(question: str) -> bool:
    """Whether a question speaks of something by a pronoun alone."""
    if _IMPERSONAL.search(question):
        return False
    if _THIS.search(question) and len(set(analyse(_THIS.sub("", question)))) <= 3:
        return True
    match = _IT.search(question)
    if not match:
        return False
    before = question[: match.start()]
    # « Quand la charte a-t-elle été signée ? » names before the pronoun what it stands for.
    if _NAMED.search(before) or before.rstrip().endswith(","):
        return False
    after = question[match.end() :]
    # « Ça coûte combien, la cantine ? » names it behind; so does every longer question.
    return not _NAMED.search(after) and len(set(analyse(question))) <= 4


def _with_antecedent(question: str, last: Turn) -> str:
    """The question with the person that the last answer names in the pronoun's place, else beside what was asked."""
    match = _IT.search(question)
    word = (match["word"] or match["behind"] or "").lower() if match else ""
    if word in _PEOPLE and re.search(r"\b(?:qui|who|whom)\b", last.question, re.IGNORECASE):
        person = PERSON.search(last.answer)
        if person and match:
            name = re.sub(r"^(?:M\.|Mme)\s+", "", person.group().strip())
            space = " " if match["behind"] else ""
            return f"{question[: match.start()]}{space}{name}{question[match.end() :]}"
    return f"{last.question} {question}"
