"""Every sentence that people who ask are shown, in one place per language: French, and English beside it."""

from dataclasses import dataclass
from datetime import date

from ingest import DocumentKind

__all__ = ["ENGLISH", "FRENCH", "LANGUAGES", "Messages", "messages_for"]


@dataclass(frozen=True, slots=True)
class Messages:
    """The words around the documents' words, in one language. `{name}` marks what is filled in."""

    language: str
    months: tuple[str, ...]

    # replies
    not_in_corpus: str
    not_said: str
    nothing_more: str
    understood: str
    town_service: str
    greeting: str
    thanks: str
    about: str
    no_words: str
    example_question: str
    question_about: str
    question_empty: str
    question_too_long: str
    not_ready: str
    sources: str
    source: str
    read_in_context: str
    original_page: str
    original: str
    original_by: str
    fiche: str
    based_on: str
    nearest: str
    see_also: str
    suggestions: str

    # page
    page_title: str
    page_introduction: str
    page_needs_javascript: str
    conversation: str
    question: str
    reply: str
    question_hint: str
    send: str
    clear: str
    theme_questions: str
    searching: str
    loading: str
    unavailable: str
    failed: str

    # documents
    skip_to_text: str
    back_to_page: str
    about_document: str
    publisher: str
    published: str
    retrieved: str
    licence: str
    picture: str
    references: str
    reference: str
    quote_changed: str
    document_not_ready: str
    document_unknown: str
    document_unknown_why: str

    # programming interface
    request_invalid: str
    request_too_large: str
    address_unknown: str
    method_unknown: str

    def date(self, iso: str) -> str:
        """An ISO date as people write it: « 1er mai 2024 », “1 May 2024”; what is no such date, as it is."""
        try:
            day = date.fromisoformat(iso)
        except ValueError:
            return iso
        number = "1er" if self.language == "fr" and day.day == 1 else str(day.day)
        return f"{number} {self.months[day.month - 1]} {day.year}"

    def origin(self, kind: DocumentKind, publisher: str, published: str) -> str:
        """Whose words a document holds and since when: « Texte original : Ville de Loos-en-Gohelle, 31 mai 2024 »."""
        if kind is DocumentKind.FICHE:
            whose = self.fiche
        else:
            whose = self.original_by.format(publisher=publisher) if publisher else self.original
        return ", ".join(filter(None, (whose, self.date(published))))


FRENCH = Messages(
    language="fr",
    months=(
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    not_in_corpus=(
        "Je n’ai pas trouvé de réponse à cette question dans les documents. "
        "Pour une démarche ou un service municipal, adressez-vous à : {contact}."
    ),
    not_said=(
        "Les documents parlent de ce sujet, mais je n’y ai pas trouvé exactement ce que vous demandez. "
        "Voici ce qui s’en approche ; la mairie peut vous en dire plus : {contact}."
    ),
    nothing_more=(
        "Je n’ai rien trouvé de plus sur ce sujet dans les documents. La mairie peut vous en dire plus : {contact}."
    ),
    understood="Compris comme\u00a0: «\u00a0{question}\u00a0»",
    town_service=(
        "C’est une question pour un service de la mairie, dont les documents ne parlent pas. "
        "Adressez-vous à : {contact}."
    ),
    greeting="Bonjour. Posez une question sur la transition de Loos-en-Gohelle, par exemple : « {example} »",
    thanks="Avec plaisir. Posez une autre question quand vous voulez.",
    about=(
        "Je suis une machine. Je cherche dans des documents sur la transition écologique et sociale de Loos-en-Gohelle "
        "et je réponds avec leurs phrases, chacune avec sa source. Je parle de culture et de patrimoine, de "
        "l’implication des habitants, d’agriculture et d’alimentation, d’énergie, de biodiversité et de cadre de vie. "
        "Pour une démarche ou un service municipal, adressez-vous à : {contact}."
    ),
    no_words="Je n’ai pas compris de question. Écrivez-la en quelques mots, par exemple : « {example} »",
    example_question="Que fait la ville pour la transition ?",
    question_about="Que disent les documents sur « {heading} » ?",
    question_empty="Écrivez d’abord une question.",
    question_too_long="La question est trop longue : {length} caractères, la limite est de {limit}. Raccourcissez-la.",
    not_ready="Le service se charge encore. Réessayez dans quelques secondes.",
    sources="Sources",
    source="Source",
    read_in_context="Lire dans son contexte",
    original_page="Page d’origine",
    original="Texte original",
    original_by="Texte original : {publisher}",
    fiche="Fiche rédigée pour ce service à partir de sources publiques",
    based_on="D’après",
    nearest="Ce qui s’en approche le plus",
    see_also="Voir aussi",
    suggestions="Les documents répondent à ces questions",
    page_title="Vos questions sur la transition de Loos-en-Gohelle",
    page_introduction=(
        "C’est une machine qui vous répond, uniquement avec les mots de ses documents : des textes de la ville et des "
        "fiches tirées de sources publiques. Chaque phrase montre sa source. Quand les documents ne répondent pas, "
        "elle le dit."
    ),
    page_needs_javascript="Cette page a besoin de JavaScript. Activez-le dans le navigateur, puis rechargez la page.",
    conversation="Conversation",
    question="Votre question",
    reply="Réponse",
    question_hint="{limit} caractères au plus. « Entrée » envoie, « Maj + Entrée » passe à la ligne.",
    send="Envoyer",
    clear="Effacer",
    theme_questions="Pour commencer",
    searching="Recherche…",
    loading="Le service finit de se charger…",
    unavailable="Le service ne peut pas répondre pour le moment. Réessayez plus tard.",
    failed="Une erreur s’est produite et la question n’a pas reçu de réponse. Réessayez.",
    skip_to_text="Aller au texte",
    back_to_page="Poser une question",
    about_document="À propos de ce document",
    publisher="Publié par",
    published="Publié le",
    retrieved="Texte relevé le",
    licence="Droits",
    picture="Image :",
    references="Sources citées",
    reference="source {number}",
    quote_changed=(
        "Ce document a changé depuis la réponse qui le cite : le passage cité n’y est plus marqué. "
        "Posez la question de nouveau pour avoir une réponse à jour."
    ),
    document_not_ready="Document pas encore disponible",
    document_unknown="Document introuvable",
    document_unknown_why="Ce document n’existe pas, ou il a été retiré depuis la réponse qui le cite.",
    request_invalid=(
        "Envoyez un objet JSON avec « question » (un texte) et, au choix, « language » (deux lettres, comme « fr ») "
        "et « history » (une liste), rien d’autre. À corriger : {field}."
    ),
    request_too_large="La requête est trop grande : la limite est de {limit} octets.",
    address_unknown="Cette adresse n’existe pas.",
    method_unknown="Cette adresse ne s’utilise pas avec cette méthode.",
)

ENGLISH = Messages(
    language="en",
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    not_in_corpus=(
        "I found no answer to this question in the documents. "
        "For a municipal service or procedure, please contact: {contact}."
    ),
    not_said=(
        "The documents speak of this subject, but I did not find in them exactly what you ask. "
        "Here is what comes close; the town hall can tell you more: {contact}."
    ),
    nothing_more="I found nothing more on this subject in the documents. The town hall can tell you more: {contact}.",
    understood="Understood as: “{question}”",
    town_service=(
        "This is a question for a service of the town hall, of which the documents do not speak. "
        "Please contact: {contact}."
    ),
    greeting="Hello. Ask a question about the transition of Loos-en-Gohelle, for example: “{example}”",
    thanks="You are welcome. Ask another question whenever you like.",
    about=(
        "I am a machine. I search documents on the ecological and social transition of Loos-en-Gohelle and answer with "
        "their sentences, each with its source. They speak of culture and heritage, residents’ involvement, farming "
        "and food, energy, biodiversity and the living environment. For a municipal service or procedure, please "
        "contact: {contact}."
    ),
    no_words="I could not make out a question. Please write it in a few words, for example: “{example}”",
    example_question="What does the town do for the transition?",
    question_about="What do the documents say about “{heading}”?",
    question_empty="Please write a question first.",
    question_too_long="The question is too long: {length} characters, the limit is {limit}. Please shorten it.",
    not_ready="The service is still loading. Please try again in a few seconds.",
    sources="Sources",
    source="Source",
    read_in_context="Read in context",
    original_page="Original page",
    original="Original text",
    original_by="Original text: {publisher}",
    fiche="Fact sheet written for this service from public sources",
    based_on="Based on",
    nearest="What comes closest",
    see_also="See also",
    suggestions="The documents answer these questions",
    page_title="Your questions about the transition of Loos-en-Gohelle",
    page_introduction=(
        "A machine answers here, only in the words of its documents: texts by the town and fact sheets from public "
        "sources. "
        "Each sentence shows its source. Where the documents do not answer, it says so."
    ),
    page_needs_javascript="This page needs JavaScript. Please enable it in your browser and reload the page.",
    conversation="Conversation",
    question="Your question",
    reply="Reply",
    question_hint="At most {limit} characters. “Enter” sends, “Shift + Enter” starts a new line.",
    send="Send",
    clear="Clear",
    theme_questions="To begin with",
    searching="Searching…",
    loading="The service is about to be ready…",
    unavailable="The service cannot answer at the moment. Please try again later.",
    failed="Something went wrong and the question was not answered. Please try again.",
    skip_to_text="Skip to the text",
    back_to_page="Ask a question",
    about_document="About this document",
    publisher="Published by",
    published="Published on",
    retrieved="Text taken on",
    licence="Rights",
    picture="Picture:",
    references="Sources cited",
    reference="source {number}",
    quote_changed=(
        "This document has changed since the answer that quotes it: the quote is no longer marked. "
        "Please ask again for an answer that is up to date."
    ),
    document_not_ready="Document not available yet",
    document_unknown="Document not found",
    document_unknown_why="This document does not exist, or it was withdrawn since the answer that quotes it.",
    request_invalid=(
        "Send a JSON object with “question” (a text) and, if you like, “language” (two letters, such as “en”) and "
        "“history” (a list), nothing else. To be corrected: {field}."
    ),
    request_too_large="The request is too large: the limit is {limit} bytes.",
    address_unknown="There is nothing at this address.",
    method_unknown="This address does not take this method.",
)

LANGUAGES = {"fr": FRENCH, "en": ENGLISH}


def messages_for(language: str) -> Messages:
    """The messages of a language: French for French, English for every other."""
    return FRENCH if language == "fr" else ENGLISH
