"""Questions that lean on what was asked before, made whole by rule: « Et quand ? », « Qui était-il ? ».

A question that stands alone is never touched, so that no old topic leaks into a new question. French and English.
Why so: docs/decisions/0012.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.french import PERSON
from chatbot.language import detect_language
from chatbot.small_talk import plain_words, small_talk
from index.analysis import analyse
from ingest.normalise import normalise_text

__all__ = ["Turn", "Understood", "asks_for_more", "understand"]


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
_BESIDE_ASKING = re.compile(
    r"(?:depuis |pour |par )?(?:quand|où|comment|pourquoi|when|where|why|how)|(?:par|pour|avec|à) qui|en quelle année",
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
_TOPIC = (
    r"(?:(?:l[ea]s?|une?|des?|du|notre|votre|the|a)\s|[ld][’'])?[\w’'-]+(?:\s(?:de|du|des|d[’']|et|of|and)\s?[\w’'-]+)?"
)
_NAMES = re.compile(
    r"(?:(?<=\s)|^)[A-ZÀ-Ý][\w’-]+(?:\s(?:d[eu]s?\s|d[’'])?[A-ZÀ-Ý][\w’-]+)+|(?<=\s)[A-ZÀ-Ý][\w’-]+(?:-[\w’-]+)*"
)
_PLACES = {"à", "au", "aux", "en", "chez", "avec", "dans", "in", "with"}
_TOPIC_WORDS = 6
_LONGEST = 120
"""A longer question says for itself what it asks, in characters."""
_KEPT = 300
"""A longer question of before is nothing that a short one could lean on, in characters."""
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_NOUN = (
    r"(?:l[ea]s?\b|l[’']|une?\b|des?\b|du\b|d[’']|ce(?:t|tte|s)?\b"
    r"|(?:mon|ma|mes|notre|nos|votre|vos|the|this|these|that)\b)"
)
_IT = re.compile(
    r"(?<![\w-])(?:t-)?(?P<word>ils?|elles?|ça|cela|celui-ci|celle-ci|ceux-ci|lui|he|she|it|they|him|her|them)(?![\w-])"
    r"|-(?:t-)?(?P<behind>ils?|elles?)(?![\w-])",
    re.IGNORECASE,
)
# What « il » stands for nothing in.
_IMPERSONAL = re.compile(
    r"\b(?:il\s+(?:n[’']?\s*)?(?:y\s+a\w*|faut|existe\w*|reste\w*|manque\w*|s[’']agit|pleut|suffit|vaut|paraît|semble"
    r"|(?:fait|fera) (?:beau|chaud|froid|quel temps)|passe\w*|arrive\w*|se\s+passe\w*)"
    r"|y\s+a-t-il|y\s+avait-il|existe-t-il|reste-t-il|faut-il|s[’']agit-il"
    r"|se\s+passe-t-il|f(?:ait|era|aisait)-(?:t-)?il|est-il\s+(?:possible|vrai|prévu|autorisé|interdit|obligatoire)"
    r"|is\s+it\s+(?:true|possible)|does\s+it\s+take)\b",
    re.IGNORECASE,
)
_THIS = re.compile(
    r"\b(?:ce(?:t|tte|s)?\s+(?:projet|démarche|lieu|site|événement|fête|charte|personne|maire|nom|programme|ferme|association"
    r"|label|bâtiment|quartier|centrale|initiative|action)s?|là-bas|là-dedans|à ce sujet"
    r"|this (?:project|place|person|event))\b",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"(?:^|[\s,])(?i:{_NOUN})\s*\w\w|(?!^)\b[A-ZÀ-Ý]\w")
_ASKS = re.compile(rf"(?<!\w){_ASKING}(?!\w)|(?<!\w)(?:que|qu[’'])", re.IGNORECASE)
# What may stand before a pronoun without being what it stands for.
_OPENER = re.compile(
    r"\b(?:maintenant|aujourd[’']hui|avant|après|ensuite|depuis|alors|donc|aussi|enfin|sinon|en fait|du coup|au fait"
    r"|bonjour|bonsoir|salut|coucou|merci|super|bien|oui|non|ok|dis|dites|svp|stp|now|today|then|hello|thanks|so)\b",
    re.IGNORECASE,
)
# « Qui en fait partie ? », « Qui y travaille ? »
_ADVERBIAL = re.compile(
    r"(?<![\w-])(?:qui|que|quand|combien|comment|pourquoi|on|ils?|elles?) (?:n[’'])?(?:en|y) (?!a\b)\w+", re.IGNORECASE
)
_ASKS_FIRST = re.compile(
    r"(?:(?:à|de|depuis|par|pour|avec|dans|en) )?"
    r"(?:qui|quand|où|combien|comment|pourquoi|quel(?:le)?s?|who|how many|which)\b",
    re.IGNORECASE,
)
_JOINED = re.compile(r"^(?:et|and|ok) ", re.IGNORECASE)
# What a short question may name that needs nothing before it.
_NAMES_IT = re.compile(r"(?i:\b(?:l[ea]s?|au|aux|du|ce(?:t|tte|s)?|c|est|était)\s|\b[ld][’'])|(?!^)\b[A-ZÀ-Ý]\w|\d")
# « celui des habitants »: « les habitants »
_ONE_OF = re.compile(r"^((?:pour |sur )?)(?:celui|celle|ceux|celles) (de la |de l['’]|du |des |de )", re.IGNORECASE)
_ARTICLES = {"de la ": "la ", "de l'": "l'", "de l’": "l’", "du ": "le ", "des ": "les ", "de ": ""}
_PEOPLE = {"il", "he"}
_ASKS_WHO = re.compile(r"\b(?:qui|who|whom)\b", re.IGNORECASE)
# « Et avant lui ? », « Et son prédécesseur ? »: what is asked of the person that the last answer names.
_BESIDE_PERSON = re.compile(
    r"^(?:et|and|mais|ok)?[\s,]*(?P<where>avant|après|before|after) (?:lui|elle|him|her)\s*[?!.]*$", re.IGNORECASE
)
_OF_PERSON = re.compile(
    r"^(?:et|and)[\s,]+(?P<whose>son|sa|ses|leur|leurs|his|her)\s+(?P<what>[\w’'-]+(?:\s[\w’'-]+)?)\s*[?!.]*$",
    re.IGNORECASE,
)
_WHOSE = {"son": "le ", "sa": "la ", "leur": "le ", "ses": "les ", "leurs": "les ", "his": "the ", "her": "the "}
_PLACE_BEHIND = re.compile(r"\s(?:(?:de|à|of|in)\s|d[’'])[A-ZÀ-Ý][\w’-]+$")
# « Qui le finance ? », « Qui l’a fondée ? »
_OBJECT = re.compile(
    r"^(?:et |and )?(?:qui|who) (?:l[ea]s? |l[’'])(?:(?:a|ont|avait|avaient) )?[\w-]+\s*[?!.]*$", re.IGNORECASE
)


def understand(question: str, turns: Sequence[Turn]) -> Understood | None:
    """The question made whole by the last of `turns`, or None where it stands alone or there is nothing to lean on."""
    # Short and with single spaces: some of the patterns would take very long on thousands of them.
    question = " ".join(question.split())
    turns = [turn for turn in turns if _standing(turn)]
    if not turns or len(question) > _LONGEST or small_talk(_JOINED.sub("", question)):
        return None
    last = Turn(_first_question(turns[-1].question), turns[-1].answer)
    if asks_for_more(question):
        return Understood(turns[-1].question, more=True)
    match = _BARE.match(question)
    if whole := _with_asking(match["asks"], question, last.question) if match else _with_person(question, last):
        return Understood(whole)
    match = _ABOUT.match(question)
    if (
        match
        and not _BESIDE_PERSON.match(question)
        and len(match["what"].split()) <= _TOPIC_WORDS
        and not _ASKS.search(match["what"])
    ):
        return Understood(_with_topic(match["what"], match["by"], last.question))
    if _leans(question):
        return Understood(_with_antecedent(question, last))
    return None


def asks_for_more(question: str) -> bool:
    """Whether a question asks only for more than was said: « Peux-tu préciser ? »."""
    return bool(_MORE.fullmatch(plain_words(" ".join(question[:_LONGEST].split()))))


def _standing(turn: Turn) -> bool:
    """Whether a turn is one that a question may lean on."""
    return bool(turn.question.strip()) and len(turn.question) <= _KEPT and not small_talk(turn.question)


def _first_question(question: str) -> str:
    """The first of the questions that were put side by side to be understood, so that they do not pile up."""
    question = " ".join(normalise_text(question).split())
    first = re.match(r"[^?]{10,}\?(?=\s)", question)
    return first.group() if first else question


def _bare(question: str) -> str:
    return question.strip().rstrip(" ?!.\u00a0\u202f")


def _mark(question: str) -> str:
    return "\u00a0?" if detect_language(question) == "fr" else "?"


def _with_asking(asks: str, question: str, before: str) -> str:
    """« Par qui » and « Quand la charte a-t-elle été signée ? » give « Par qui la charte a-t-elle été signée ? »."""
    if (match := _BESIDE.match(before)) and _BESIDE_ASKING.fullmatch(asks):
        return f"{asks[0].upper()}{asks[1:]} {_bare(before[match.end() :])}{_mark(before)}"
    return f"{before} {question}"


def _with_topic(what: str, by: str | None, before: str) -> str:
    """« pour l'énergie » after « Que fait la ville pour la biodiversité ? »: « Que fait la ville pour l'énergie ? »."""
    whole = _bare(before)
    mark = _mark(before)
    what = _ONE_OF.sub(lambda match: match[1] + _ARTICLES[match[2].lower()], what)
    year = _YEAR.search(what)
    if year and analyse(what) == [year.group()]:
        if len(_YEAR.findall(whole)) == 1:
            return _YEAR.sub(year.group(), whole) + mark
        return f"{whole} {what}{mark}"
    # A topic takes the place of another only where nothing but that topic ends the question.
    swapped = _SWAPPED if by else "pour|for|about"
    place = re.search(rf"(?<=\s)(?:{swapped})\s(?={_TOPIC}$)", whole, re.IGNORECASE)
    if place and (by is None or re.fullmatch(_SWAPPED, by, re.IGNORECASE)):
        return f"{whole[: place.start() if by else place.end()]}{what}{mark}"
    names = list(_NAMES.finditer(whole))
    if by is None and names and _NAMES.fullmatch(what):
        return f"{whole[: names[-1].start()]}{what}{whole[names[-1].end() :]}{mark}"
    if by and by.lower() in _PLACES and _NAMES.search(what):
        return f"{whole} {what}{mark}"  # « à Lens », « chez Mine de Soleil »: one more circumstance
    asks = _BESIDE.match(before)
    what = what if by is None else re.sub(rf"^{re.escape(by)}\s*", "", what)
    return f"{asks.group()} {what}{mark}" if asks and by is None else f"{what[0].upper()}{what[1:]}{mark}"


def _leans(question: str) -> bool:
    """Whether a question speaks of something by a pronoun alone."""
    if _IMPERSONAL.search(question):
        return False
    if len(set(analyse(question))) <= 2 and (_ADVERBIAL.search(question) or _shortest(question)):
        return True
    speaks_of_this = _THIS.search(question) and len(set(analyse(_THIS.sub("", question)))) <= 3
    if speaks_of_this or _OBJECT.match(question) or _BESIDE_PERSON.match(question):
        return True
    match = _IT.search(question)
    if not match:
        return False
    before = question[: match.start()]
    # « Quand la charte a-t-elle été signée ? » names before the pronoun what it stands for.
    # « caron il a fait quoi » does too, written without its capital.
    names = bool(analyse(_OPENER.sub("", before))) and not _ASKS.search(before)
    if names or _NAMED.search(before) or before.rstrip().endswith(","):
        return False
    after = question[match.end() :]
    # « Ça coûte combien, la cantine ? » names it behind; so does every longer question.
    return not _NAMED.search(after) and len(set(analyse(question))) <= 4


def _shortest(question: str) -> bool:
    """« Qui dirige ? », « De quel parti ? », « Combien de maisons ? »: it asks, and names nothing known."""
    return bool(_ASKS_FIRST.match(question)) and not _NAMES_IT.search(question) and len(set(analyse(question))) == 1


def _person(last: Turn) -> str:
    """The person that the last answer names and the question did not, if a person was asked for; else empty."""
    found = PERSON.finditer(last.answer) if _ASKS_WHO.search(last.question) else ()
    names = (re.sub(r"^(?:M\.|Mme)\s+", "", person.group().strip()) for person in found)
    return next((name for name in names if name not in last.question), "")


def _with_person(question: str, last: Turn) -> str:
    """« Et avant lui ? » after « Qui est le maire ? »: « Qui est le maire avant Geoffrey Mathon ? »; else empty."""
    person = _person(last)
    if person and (match := _BESIDE_PERSON.match(question)):
        return f"{_PLACE_BEHIND.sub('', _bare(last.question))} {match['where'].lower()} {person}{_mark(last.question)}"
    if person and (match := _OF_PERSON.match(question)):
        article, what = _WHOSE[match["whose"].lower()], match["what"]
        of = "of " if article == "the " else "d’" if person[0] in "AEÉIOUÎ" else "de "
        article = "l’" if article in ("le ", "la ") and what[0].lower() in "aeéèiouh" else article
        asks = "Who is" if article == "the " else "Qui sont" if article == "les " else "Qui est"
        return f"{asks} {article}{what} {of}{person}{_mark(last.question)}"
    return ""


def _with_antecedent(question: str, last: Turn) -> str:
    """The question with the person that the last answer names in the pronoun's place, else beside what was asked."""
    match = _IT.search(question)
    word = (match["word"] or match["behind"] or "").lower() if match else ""
    if word in _PEOPLE and match and (person := _person(last)):
        space = " " if match["behind"] else ""
        return f"{question[: match.start()]}{space}{person}{question[match.end() :]}"
    return f"{last.question} {question}"
