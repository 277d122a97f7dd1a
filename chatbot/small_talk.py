"""Greetings, thanks and questions about the service itself: they get a short fixed reply and are not searched."""

import re

from chatbot.answer import Reason
from ingest import fold_for_search

__all__ = ["plain_words", "small_talk"]

# The whole of what is said must be of one kind: « Bonjour, quand la charte a-t-elle été signée ? » is a question.
_HELLO = (
    "bonjour|bonsoir|salut|coucou|hello|hi|hey|good (?:morning|afternoon|evening)|hallo|guten tag|hola|buenos dias"
    "|goedendag|dzien dobry|مرحبا|السلام عليكم"
)
_HOW_ARE_YOU = "ca va|comment (?:ca va|vas tu|allez vous)|how are you"
_THANKS = "merci|thanks?|thank you|danke|gracias|dank je|dziekuje|شكرا"
_BYE = "au revoir|bonne (?:journee|soiree|nuit)|a bientot|bye(?: bye)?|goodbye|have a (?:nice|good) day"
_YOU_CAN = "sais tu|peux tu|tu sais|tu peux|savez vous|pouvez vous|vous savez|vous pouvez"
_KINDS = (
    (
        Reason.GREETING,
        rf"(?:re ?)?(?:{_HELLO})(?: (?:a tous|tout le monde|monsieur|madame|there|toi|vous))?(?: (?:{_HOW_ARE_YOU}))?"
        rf"|{_HOW_ARE_YOU}",
    ),
    (
        Reason.THANKS,
        rf"(?:ok |d accord |super |parfait |tres bien )?(?:{_THANKS})"
        r"(?: (?:beaucoup|bien|a (?:toi|vous)|pour (?:ta|votre|la|cette) (?:reponse|aide)|very much|a lot|so much))*",
    ),
    (
        Reason.GOODBYE,
        rf"(?:(?:ok|{_THANKS}) )?(?:et )?(?:{_BYE})(?: (?:et )?(?:{_BYE}))?",
    ),
    (
        Reason.ABOUT,
        rf"(?:que|qu est ce que) (?:{_YOU_CAN}) (?:faire|dire)|tu (?:sais|peux) faire quoi"
        r"|tu sers a quoi|a quoi (?:sers tu|tu sers|servez vous)|(?:qui|que) (?:es tu|etes vous)|t es qui|tu es qui"
        r"|c est quoi ce (?:site|service|chatbot|robot)|comment (?:ca marche|tu marches)|aide(?: moi)?"
        r"|(?:es tu|t es|tu es|etes vous|suis je en train de parler a) (?:un |une )?(?:vrai |vraie )?"
        r"(?:robot|humain|bot|ia|machine|intelligence artificielle|chatgpt|personne|etre humain|ordinateur)(?: ou .*)?"
        r"|(?:c est|est ce) (?:un |une )(?:robot|bot|ia|machine|humain|intelligence artificielle)"
        r"(?: qui (?:repond|parle))?"
        r"|what can you do|who are you|help(?: me)?|how does (?:this|it) work"
        r"|are you (?:a |an )?(?:real )?(?:robot|bot|human|person|ai|machine|chatgpt)(?: or .*)?",
    ),
)
_PATTERNS = tuple((reason, re.compile(pattern)) for reason, pattern in _KINDS)
_ACCENTS = str.maketrans("àâäçéèêëîïôöùûüńñ", "aaaceeeeiioouuunn")


def small_talk(question: str) -> Reason | None:
    """Why no document is asked: the question is a greeting, thanks, or about the service; None for any other."""
    words = plain_words(question)
    return next((reason for reason, pattern in _PATTERNS if pattern.fullmatch(words)), None)


def plain_words(text: str) -> str:
    """The words of a text in lower case, without accents and signs, one space between."""
    return " ".join(re.findall(r"\w+", fold_for_search(text).lower().translate(_ACCENTS)))
