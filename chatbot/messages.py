"""Every sentence that people who ask are shown, in one place per language: French, and English beside it."""

import re
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from ingest import DocumentKind

__all__ = ["ENGLISH", "FRENCH", "LANGUAGES", "Messages", "counting", "messages_for", "page_messages", "spaced"]


@dataclass(frozen=True, slots=True)
class Messages:
    """The words around the documents' words, in one language. `{name}` marks what is filled in."""

    language: str
    language_name: str
    months: tuple[str, ...]

    # replies
    not_in_corpus: str
    between: str
    not_said: str
    nothing_more: str
    understood: str
    town_service: str
    greeting: str
    thanks: str
    goodbye: str
    about: str
    no_words: str
    example_question: str
    question_about: str
    question_empty: str
    question_too_long: str
    not_ready: str
    sources: str
    source: str
    page_number: str
    read_in_context: str
    original_page: str
    original: str
    original_by: str
    fiche: str
    fiche_here: str
    based_on: str
    nearest: str
    see_also: str
    suggestions: str

    # page
    site_name: str
    pages: str
    ask_a_question: str
    timeline: str
    documents: str
    accessibility_status: str
    accessibility_title: str
    conformance: str
    criteria_met: str
    criteria_failing: str
    criteria_not_applicable: str
    machine_notice: str
    machine_notice_counting: str
    skip_to_text: str
    skip_to_question: str
    page_title: str
    page_introduction: str
    conversation: str
    question: str
    reply: str
    question_hint: str
    question_limit: str
    characters_left: str
    characters_too_many: str
    send: str
    stop: str
    stopped: str
    clear: str
    begun: str
    theme_questions: str
    other_questions: str
    searching: str
    loading: str
    unavailable: str
    failed: str
    try_again: str
    interrupted: str
    queued: str
    connection_lost: str
    queue_full: str

    # a source beside the answer
    passage: str
    passage_number: str
    passage_failed: str
    previous_quote: str
    next_quote: str
    close: str
    new_tab: str
    whole_document: str

    # an answer as a page
    permalink: str
    answer_page: str
    answered_from: str
    corpus_changed: str
    ask_another: str

    # feedback
    feedback: str
    feedback_useful: str
    feedback_not_useful: str
    feedback_reason: str
    feedback_notice: str
    feedback_thanks: str
    feedback_title: str
    feedback_closed: str
    feedback_failed: str

    # timeline
    timeline_title: str
    timeline_introduction: str
    timeline_overview: str
    timeline_year: str
    timeline_one: str
    timeline_decade: str
    timeline_more: str
    timeline_ask: str
    timeline_empty: str

    # documents
    documents_title: str
    documents_introduction: str
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
    address_unknown_why: str
    method_unknown: str

    def date(self, iso: str) -> str:
        """An ISO date as people write it: « 1er mai 2024 », “1 May 2024”; what is no such date, as it is."""
        try:
            day = date.fromisoformat(iso)
        except ValueError:
            return iso
        number = "1er" if self.language == "fr" and day.day == 1 else str(day.day)
        return f"{number} {self.months[day.month - 1]} {day.year}"

    def origin(self, kind: DocumentKind, publisher: str, published: str, *, is_beside_sources: bool = False) -> str:
        """Whose words a document holds and since when: « Texte original : Ville de Loos-en-Gohelle, 31 mai 2024 ».

        `is_beside_sources` says that what a fiche is based on is told beside it.
        """
        if kind is DocumentKind.FICHE:
            whose = self.fiche_here if is_beside_sources else self.fiche
        else:
            whose = self.original_by.format(publisher=publisher) if publisher else self.original
        return ", ".join(filter(None, (whose, self.date(published))))


_FRENCH = Messages(
    language="fr",
    language_name="Français",
    months=(
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    not_in_corpus=(
        "Je n’ai pas trouvé de réponse dans les documents. Leurs thèmes : {themes}. "
        "Pour une démarche ou un service municipal : {contact}."
    ),
    between="\u00a0; ",
    not_said=(
        "Les documents parlent de ce sujet, mais je n’y ai pas trouvé exactement ce que vous demandez. "
        "Voici ce qui s’en approche ; la mairie peut vous en dire plus : {contact}."
    ),
    nothing_more=(
        "Je n’ai rien trouvé de plus sur ce sujet dans les documents. La mairie peut vous en dire plus : {contact}."
    ),
    understood="Compris comme : « {question} »",
    town_service=(
        "C’est une question pour un service de la mairie : les documents d’ici n’en parlent pas. "
        "Adressez-vous à : {contact}."
    ),
    greeting="Bonjour. Posez une question sur la transition de Loos-en-Gohelle, par exemple : « {example} »",
    thanks="Avec plaisir. Posez une autre question quand vous voulez.",
    goodbye="Au revoir, et à bientôt.",
    about=(
        "Je suis une machine. Je cherche dans des documents sur la transition écologique et sociale de Loos-en-Gohelle "
        "et je réponds avec leurs phrases, chacune avec sa source. Je parle de culture et de patrimoine, de "
        "l’implication des habitants, d’agriculture et d’alimentation, d’énergie, de biodiversité et de cadre de vie. "
        "Pour une démarche ou un service municipal, adressez-vous à : {contact}."
    ),
    no_words="Je n’ai pas compris de question. Écrivez-la en quelques mots, par exemple : « {example} »",
    example_question="Que fait la ville pour la transition ?",
    question_about="Que disent les documents sur « {heading} » ?",
    question_empty="Écrivez d’abord une question.",
    question_too_long="La question est trop longue : {length} caractères, la limite est de {limit}. Raccourcissez-la.",
    not_ready="Le service se charge encore. Réessayez dans quelques secondes.",
    sources="Sources",
    source="Source",
    page_number="page {number}",
    read_in_context="Lire dans son contexte",
    original_page="Page d’origine",
    original="Texte original",
    original_by="Texte original : {publisher}",
    fiche="Fiche rédigée pour ce service à partir de sources publiques",
    fiche_here="Fiche de ce service",
    based_on="D’après",
    nearest="Ce qui s’en approche le plus",
    see_also="Voir aussi",
    suggestions="Les documents répondent à ces questions",
    site_name="Loos-en-Gohelle en transition",
    pages="Pages du service",
    ask_a_question="Questions",
    timeline="Frise",
    documents="Documents",
    accessibility_status="Accessibilité : partiellement conforme",
    accessibility_title="Déclaration d’accessibilité",
    conformance="partiellement conforme",
    criteria_met="respectés :",
    criteria_failing="non respectés ou non vérifiés :",
    criteria_not_applicable="sans objet :",
    machine_notice=(
        "Une machine choisit les réponses, mot à mot dans les documents. Aucun cookie ; aucune question n’est gardée, "
        "sauf avec un avis que vous envoyez."
    ),
    machine_notice_counting=(
        "Une machine choisit les réponses, mot à mot dans les documents. Aucun cookie. Une question sans réponse est "
        "gardée {days} jours, sans rien qui dise qui l’a posée : n’y écrivez rien de personnel. Les autres ne le sont "
        "pas, sauf avec un avis que vous envoyez."
    ),
    skip_to_text="Aller au texte",
    skip_to_question="Aller à la question",
    page_title="Vos questions sur la transition de Loos-en-Gohelle",
    page_introduction=(
        "Culture, implication des habitants, alimentation, énergie, biodiversité… Une machine vous répond avec les "
        "phrases mêmes de ses documents : des textes de la ville et des fiches tirées de sources publiques. Elle peut "
        "répondre à côté : chaque phrase s’ouvre à sa source, pour vérifier. Quand elle ne trouve pas, elle le dit."
    ),
    conversation="Conversation",
    question="Votre question",
    reply="Réponse",
    question_hint="« Entrée » envoie, « Maj + Entrée » passe à la ligne.",
    question_limit="{limit} caractères au plus.",
    characters_left="Encore {count} caractères.",
    characters_too_many="{count} caractères de trop : raccourcissez la question.",
    send="Envoyer",
    stop="Arrêter",
    stopped="La recherche est arrêtée.",
    clear="Nouvelle conversation",
    begun="Nouvelle conversation.",
    theme_questions="Pour commencer",
    other_questions="Autres questions, par thème",
    searching="Recherche…",
    loading="Le service finit de se charger…",
    unavailable="Le service ne peut pas répondre pour le moment. Réessayez plus tard.",
    failed="Une erreur s’est produite et la question n’a pas reçu de réponse. Réessayez.",
    try_again="Réessayer",
    interrupted=(
        "La connexion au service a été coupée : la page s’est rechargée et la conversation précédente est perdue. "
        "Votre question reste dans la zone de saisie."
    ),
    queued="Votre question attend son tour…",
    queue_full="Trop de personnes posent une question en ce moment. Réessayez dans une minute.",
    connection_lost="La connexion au service est coupée. Réessayez dans un instant, ou rechargez la page.",
    passage="Le passage cité",
    passage_number="Source {number} sur {count}",
    passage_failed="Le passage n’a pas pu être ouvert ici. Ouvrez le document :",
    previous_quote="Source précédente",
    next_quote="Source suivante",
    close="Fermer",
    new_tab="nouvel onglet",
    whole_document="Lire tout le document",
    permalink="Cette réponse sur une page, à partager ou à imprimer",
    answer_page="Réponse",
    answered_from="Réponse tirée le {date} des documents (version {build}).",
    corpus_changed=(
        "Les documents ont changé depuis que ce lien a été fait : la réponse ci-dessous est celle d’aujourd’hui, elle "
        "peut être différente."
    ),
    ask_another="Poser une autre question",
    feedback="Cette réponse vous est-elle utile ?",
    feedback_useful="Oui",
    feedback_not_useful="Non",
    feedback_reason="Pourquoi ? (facultatif)",
    feedback_notice=(
        "Votre avis est gardé {days} jours avec la question, votre remarque et la date, sans rien qui dise qui vous "
        "êtes. N’y écrivez rien de personnel."
    ),
    feedback_thanks="Merci. Votre avis est enregistré.",
    feedback_title="Votre avis",
    feedback_closed="Les avis ne sont pas recueillis.",
    feedback_failed="Votre avis n’a pas pu être enregistré. Réessayez plus tard.",
    timeline_title="Frise de la transition",
    timeline_introduction=(
        "Les phrases datées des documents, année par année, mot à mot, chacune avec sa source : {count} phrases, de "
        "{first} à {last}."
    ),
    timeline_overview="Aller à une année",
    timeline_year="{year}, {count} phrases",
    timeline_one="{year}, une phrase",
    timeline_decade="Années {year} à {last}",
    timeline_more="Les autres phrases sur {year} ({count})",
    timeline_ask="Ce que les documents disent encore de {year}",
    timeline_empty="Aucune phrase des documents ne nomme une année.",
    documents_title="Les documents",
    documents_introduction="Le service répond uniquement avec les mots de ces {count} documents.",
    about_document="À propos de ce document",
    publisher="Publié par",
    published="Publié le",
    retrieved="Texte relevé le",
    licence="Droits",
    picture="Image :",
    references="Sources citées",
    reference="source {number}",
    quote_changed=(
        "Ce document a changé depuis la réponse qui le cite : la phrase citée n’y est plus telle quelle. "
        "Posez la question de nouveau pour avoir une réponse à jour."
    ),
    document_not_ready="Document pas encore disponible",
    document_unknown="Document introuvable",
    document_unknown_why="Ce document n’existe pas, ou il a été retiré depuis la réponse qui le cite.",
    request_invalid=(
        "Envoyez un objet JSON avec « question » (un texte) et, au choix, « language » (deux lettres, comme « fr ») "
        "et « history » (une liste), rien d’autre. À corriger : {field}."
    ),
    request_too_large="La requête est trop grande : la limite est de {limit} octets.",
    address_unknown="Cette adresse n’existe pas.",
    address_unknown_why="Vérifiez l’adresse, ou posez votre question depuis la première page.",
    method_unknown="Cette adresse ne s’utilise pas avec cette méthode.",
)


def spaced(text: str) -> str:
    """The same with the spaces that French sets inside « » and before « : ; ? ! » as ones where no line breaks."""
    return re.sub(r"(?<=\S) (?=[:;?!»])|(?<=«) ", "\u00a0", text)


def _with_hard_spaces(messages: Messages) -> Messages:
    texts: dict[str, Any] = {name: spaced(text) for name, text in asdict(messages).items() if name != "months"}
    return replace(messages, **texts)


FRENCH = _with_hard_spaces(_FRENCH)

ENGLISH = Messages(
    language="en",
    language_name="English",
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    not_in_corpus=(
        "I found no answer in the documents. Their themes (in French): {themes}. "
        "For a municipal service or procedure: {contact}."
    ),
    between="; ",
    not_said=(
        "The documents speak of this subject, but I did not find in them exactly what you ask. "
        "Here is what comes close; the town hall can tell you more: {contact}."
    ),
    nothing_more="I found nothing more on this subject in the documents. The town hall can tell you more: {contact}.",
    understood="Understood as: “{question}”",
    town_service=(
        "This is for a service of the town hall; these documents do not cover it. Please contact: {contact}."
    ),
    greeting="Hello. Ask a question about the transition of Loos-en-Gohelle, for example: “{example}”",
    thanks="You are welcome. Ask another question whenever you like.",
    goodbye="Goodbye, and see you soon.",
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
    page_number="page {number}",
    read_in_context="Read in context",
    original_page="Original page",
    original="Original text",
    original_by="Original text: {publisher}",
    fiche="Fact sheet written for this service from public sources",
    fiche_here="Fact sheet of this service",
    based_on="Based on",
    nearest="What comes closest",
    see_also="See also",
    suggestions="The documents answer these questions",
    site_name="Loos-en-Gohelle in transition",
    pages="Pages of this service",
    ask_a_question="Questions",
    timeline="Timeline",
    documents="Documents",
    accessibility_status="Accessibility: partially compliant",
    accessibility_title="Accessibility statement",
    conformance="partially compliant",
    criteria_met="met:",
    criteria_failing="not met, or not checked:",
    criteria_not_applicable="not applicable:",
    machine_notice=(
        "A machine chooses the answers, in the documents’ words. No cookie; no question is kept, unless you send it "
        "with an opinion."
    ),
    machine_notice_counting=(
        "A machine chooses the answers, in the documents’ words. No cookie. A question that goes unanswered is kept "
        "for {days} days, with nothing that says who asked it: please write nothing personal. Others are not kept, "
        "unless you send one with an opinion."
    ),
    skip_to_text="Skip to the text",
    skip_to_question="Skip to the question",
    page_title="Your questions about the transition of Loos-en-Gohelle",
    page_introduction=(
        "Culture, residents’ involvement, food, energy, biodiversity… A machine answers in the very sentences of its "
        "documents, all in French: texts by the town and fact sheets from public sources. It may miss the "
        "point: each sentence opens at its source, so that you can check. Where it finds no answer, it says so."
    ),
    conversation="Conversation",
    question="Your question",
    reply="Reply",
    question_hint="“Enter” sends, “Shift + Enter” starts a new line.",
    question_limit="At most {limit} characters.",
    characters_left="{count} characters left.",
    characters_too_many="{count} characters too many: please shorten the question.",
    send="Send",
    stop="Stop",
    stopped="The search was stopped.",
    clear="New conversation",
    begun="New conversation.",
    theme_questions="To begin with",
    other_questions="Other questions, by theme",
    searching="Searching…",
    loading="The service is about to be ready…",
    unavailable="The service cannot answer at the moment. Please try again later.",
    failed="Something went wrong and the question was not answered. Please try again.",
    try_again="Try again",
    interrupted=(
        "The connection to the service was lost: the page has been reloaded and the earlier conversation is lost. Your "
        "question is still in the box."
    ),
    queued="Your question is waiting for its turn…",
    queue_full="Too many people are asking at the moment. Please try again in a minute.",
    connection_lost="The connection to the service is lost. Please try again in a moment, or reload the page.",
    passage="The passage quoted",
    passage_number="Source {number} of {count}",
    passage_failed="The passage could not be opened here. Open the document:",
    previous_quote="Previous source",
    next_quote="Next source",
    close="Close",
    new_tab="new tab",
    whole_document="Read the whole document",
    permalink="This answer as a page, to share or print",
    answer_page="Answer",
    answered_from="Answered on {date} from the documents (version {build}).",
    corpus_changed=(
        "The documents have changed since this link was made: the answer below is today’s, and may be another one."
    ),
    ask_another="Ask another question",
    feedback="Is this answer useful?",
    feedback_useful="Yes",
    feedback_not_useful="No",
    feedback_reason="Why? (optional)",
    feedback_notice=(
        "Your opinion is kept for {days} days with the question, your remark and the date, and nothing that says who "
        "you are. Please write nothing personal."
    ),
    feedback_thanks="Thank you. Your opinion is recorded.",
    feedback_title="Your opinion",
    feedback_closed="Opinions are not collected.",
    feedback_failed="Your opinion could not be recorded. Please try again later.",
    timeline_title="Timeline of the transition",
    timeline_introduction=(
        "The dated sentences of the documents, year by year, word for word, each with its source: {count} sentences, "
        "from {first} to {last}. The documents are in French."
    ),
    timeline_overview="Go to a year",
    timeline_year="{year}, {count} sentences",
    timeline_one="{year}, one sentence",
    timeline_decade="Years {year} to {last}",
    timeline_more="The other sentences on {year} ({count})",
    timeline_ask="What else the documents say about {year}",
    timeline_empty="No sentence of the documents names a year.",
    documents_title="The documents",
    documents_introduction="The service answers only in the words of these {count} documents. They are in French.",
    about_document="About this document",
    publisher="Published by",
    published="Published on",
    retrieved="Text taken on",
    licence="Rights",
    picture="Picture:",
    references="Sources cited",
    reference="source {number}",
    quote_changed=(
        "This document has changed since the answer that quotes it: the quoted words are no longer in it. "
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
    address_unknown_why="Please check the address, or ask your question on the first page.",
    method_unknown="This address does not take this method.",
)

LANGUAGES = {"fr": FRENCH, "en": ENGLISH}


def counting(messages: Messages, days: int) -> Messages:
    """The messages of a service that keeps questions without answer for so many days: they say so, unless it is 0."""
    return replace(messages, machine_notice=messages.machine_notice_counting.format(days=days)) if days else messages


def page_messages(language: str, unanswered_days: int) -> Messages:
    """The messages of a page whose address asks for this language: French unless it is another that there is."""
    return counting(LANGUAGES.get(language, FRENCH), unanswered_days)


def messages_for(language: str) -> Messages:
    """The messages of a language: French for French, English for every other."""
    return FRENCH if language == "fr" else ENGLISH
