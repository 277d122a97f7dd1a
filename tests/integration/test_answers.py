"""The product's own questions on the real corpus with the real model."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.answer import Abstention, Answer, Reason, to_json
from chatbot.conversation import check_question, reply_to
from chatbot.errors import InvalidQuestion
from chatbot.follow_up import Turn
from chatbot.french import year_of
from chatbot.settings import load_settings
from index import Searcher
from ingest import DocumentKind

ROOT = Path(__file__).parents[2]


def ask(searcher, question, language=None):
    reply = reply_to(question, searcher, load_settings(), language)
    if isinstance(reply, Answer):
        quotes = {citation.number: citation for citation in reply.citations}
        for citation in reply.citations:
            document = searcher.build.documents[citation.document_id]
            assert document.text[citation.start : citation.end] == citation.quote
        assert (
            1 <= len([sentence for sentence in reply.sentences if not sentence.is_item]) <= 4
            or reply.sentences[0].is_item
        )
        for sentence in reply.sentences:
            assert any(sentence.text in quotes[number].quote for number in sentence.citations)
            assert sentence.text.rstrip('»”"’) ')[-1] in ".!…"
    return reply


@pytest.mark.parametrize(
    ("question", "quote", "section"),
    [
        (
            "Qui était maire au moment de la fermeture des mines ?",
            "Marcel Caron était maire de Loos-en-Gohelle à la fermeture de la mine",
            "Les maires de Loos-en-Gohelle depuis 1977",
        ),
        (
            "Quand la Charte du cadre de vie a-t-elle été adoptée ?",
            "la Charte du cadre de vie, adoptée en 2001",
            "Une démarche participative de diagnostic social et environnemental",
        ),
        (
            "C'est quoi l'EFC ?",
            "L’EFC propose en effet une autre vision de l’économie",
            "La coopération comme condition de réussite d’une politique de transition",
        ),
        (
            "Qui a été recruté comme chargé de récit ?",
            "Julian Perdrigeat, recruté en 2013 comme « chargé de récit »",
            "Le démonstrateur ADEME et le défi du changement d’échelle",
        ),
        (
            "What does the Fabrique des transitions do?",
            "Le rôle de la Fabrique est d’agir au service du changement d’échelle au niveau national",
            "Le démonstrateur ADEME et le défi du changement d’échelle",
        ),
        (
            "Quel rôle a joué la culture après la fermeture des mines ?",
            "la mise en place d’une politique culturelle participative",
            "La culture comme ciment social et base de la résilience loossoise",
        ),
    ],
)
def test_answers_hold_the_right_words_from_the_right_place(searcher, question, quote, section):
    reply = ask(searcher, question)
    assert isinstance(reply, Answer), reply
    (citation,) = (citation for citation in reply.citations if quote in citation.quote)
    assert citation.heading_path[-1] == section


@pytest.mark.parametrize(
    ("theme", "document"),
    [
        ("resilience", "fiches-chronologie"),
        ("culture", "fiches-culture-et-patrimoine"),
        ("implication", "fiches-implication-habitante"),
        ("agriculture", "fiches-agriculture-et-alimentation"),
        ("energie", "fiches-energie"),
        ("biodiversite", "fiches-biodiversite-amenagement-cadre-de-vie"),
    ],
)
def test_the_towns_questions_are_answered_from_two_sections_and_the_fiche_of_their_theme(searcher, theme, document):
    (gold,) = (question for question in searcher.build.questions if question.id == f"theme-{theme}")
    reply = ask(searcher, gold.question)
    assert isinstance(reply, Answer), reply
    assert document in {citation.document_id for citation in reply.citations}
    assert len({citation.heading_path for citation in reply.citations}) >= 2
    quotes = {span.quote for span in gold.spans}
    assert any(quote in citation.quote for quote in quotes for citation in reply.citations)


def test_a_citation_says_whose_words_it_holds_and_what_they_rest_on(searcher):
    town = ask(searcher, "C'est quoi l'EFC ?").citations[0]
    assert (town.kind, town.references) == (DocumentKind.ORIGINAL, ())
    assert town.url == "https://villepilote.loos-en-gohelle.fr/resilience-et-transition"
    fiche = ask(searcher, "Qu'est-ce que le fifty-fifty ?").citations[0]
    assert (fiche.kind, fiche.url) == (DocumentKind.FICHE, "")
    assert fiche.references
    document = searcher.build.documents[fiche.document_id]
    assert fiche.references == document.references(fiche.start, fiche.end)
    assert all(reference.publisher and reference.url.startswith("http") for reference in fiche.references)


def test_sentences_that_rest_on_different_sources_are_cited_apart(searcher):
    reply = ask(searcher, "Qu'est-ce que le fifty-fifty ?")
    for citation in reply.citations:
        document = searcher.build.documents[citation.document_id]
        touched = {s.references for s in document.statements if s.start < citation.end and citation.start < s.end}
        assert len(touched) == 1


def test_the_weather_is_declined_after_reading_too(reading):
    assert isinstance(ask(reading, "Quel temps fera-t-il demain ?"), Abstention)


@pytest.mark.parametrize(
    "question",
    ["Quelle est la capitale de l'Australie ?", "Quel temps fera-t-il demain ?", "Who wrote Hamlet?"],
)
def test_what_the_corpus_does_not_answer_is_declined_helpfully(searcher, question):
    reply = ask(searcher, question)
    assert isinstance(reply, Abstention), reply
    assert reply.reason is Reason.NOT_IN_CORPUS
    assert "Mairie de Loos-en-Gohelle, https://loos-en-gohelle.fr" in reply.text
    assert 2 <= len(reply.suggestions) <= 3
    assert len(reply.nearest) == 3
    for citation in reply.nearest:
        document = searcher.build.documents[citation.document_id]
        assert document.text[citation.start : citation.end] == citation.quote


@pytest.mark.parametrize(
    "question",
    [
        *(
            "Quelle est la capitale de l'Australie ?",
            "Comment renouveler ma carte d'identité ?",
            "🙂",
            "Who wrote Hamlet?",
        ),
        *("Quels sont les horaires d'ouverture de la mairie ?", "bitcoin price today", "Wer hat Hamlet geschrieben?"),
    ],
)
def test_every_suggested_question_is_well_put_and_answered(searcher, question):
    suggestions = ask(searcher, question).suggestions
    assert len(suggestions) >= 2
    by_text = {gold.question: gold for gold in searcher.build.questions}
    for suggestion in suggestions:
        assert by_text[suggestion].style == "formal"
        assert isinstance(ask(searcher, suggestion), Answer)


@pytest.mark.parametrize(
    "question",
    [
        "Comment renouveler ma carte d'identité ?",
        "Quel est le prix de la cantine scolaire ?",
        "Quels jours passent les poubelles ?",
    ],
)
def test_a_question_to_the_town_halls_services_gets_its_contact(searcher, question):
    reply = ask(searcher, question)
    assert isinstance(reply, Abstention), reply
    assert reply.reason is Reason.TOWN_SERVICE
    assert reply.text.startswith("C’est une question pour un service de la mairie")
    assert "Mairie de Loos-en-Gohelle, https://loos-en-gohelle.fr" in reply.text
    assert reply.nearest == ()


@pytest.mark.parametrize(
    ("said", "reason", "text"),
    [
        ("Bonjour !", Reason.GREETING, "Bonjour. Posez une question"),
        ("Hi, how are you?", Reason.GREETING, "Hello. Ask a question"),
        ("Merci beaucoup", Reason.THANKS, "Avec plaisir."),
        ("Que sais-tu faire ?", Reason.ABOUT, "Je suis une machine."),
        ("T'es un robot ou y'a quelqu'un derrière ?", Reason.ABOUT, "Je suis une machine."),
        ("What can you do?", Reason.ABOUT, "I am a machine."),
    ],
)
def test_small_talk_gets_a_short_fixed_reply(searcher, said, reason, text):
    reply = ask(searcher, said)
    assert isinstance(reply, Abstention)
    assert (reply.reason, reply.nearest) == (reason, ())
    assert reply.text.startswith(text)


def test_a_question_after_a_greeting_is_a_question(searcher):
    reply = ask(searcher, "Bonjour, quand a été créé le festival des Gohelliades ?")
    assert isinstance(reply, Answer)


def test_without_gold_questions_the_nearest_sections_are_suggested(searcher):
    build = replace(searcher.build, questions=(), question_vectors=searcher.build.question_vectors[:0])
    reply = ask(Searcher(build, searcher.encoder), "Quelle est la capitale de l'Australie ?")
    assert len(reply.suggestions) == 3
    for suggestion in reply.suggestions:
        assert suggestion.startswith("Que disent les documents sur «")
        assert isinstance(ask(Searcher(build, searcher.encoder), suggestion), Answer)
    assert ask(Searcher(build, searcher.encoder), "🙂").suggestions == ()


def test_what_is_said_of_another_year_is_a_partial_answer(searcher):
    reply = ask(searcher, "Quel était le thème des Gohelliades en 2019 ?")
    assert isinstance(reply, Abstention)
    assert (reply.reason, reply.is_partial) == (Reason.NOT_SAID, True)
    assert reply.text.startswith("Les documents parlent de ce sujet, mais")
    assert len(reply.nearest) == 1
    assert "2022" in reply.nearest[0].quote
    document = searcher.build.documents[reply.nearest[0].document_id]
    assert document.text[reply.nearest[0].start : reply.nearest[0].end] == reply.nearest[0].quote
    assert to_json(reply)["status"] == "partial"
    assert isinstance(ask(searcher, "Quel était le thème des Gohelliades en 2022 ?"), Answer)


def test_a_question_that_leans_is_answered_from_what_was_asked_before(searcher):
    first = ask(searcher, "Qui était maire au moment de la fermeture des mines ?")
    turns = [Turn(first.question, first.text)]
    second = reply_to("Qui était-il ?", searcher, load_settings(), turns=turns)
    assert second.understood == "Qui était Marcel Caron ?"
    assert isinstance(second, Answer)
    assert "Marcel Caron" in second.text
    more = reply_to("Peux-tu préciser ?", searcher, load_settings(), turns=[Turn(second.understood, second.text)])
    assert more.understood == "Qui était Marcel Caron ?"
    assert not {s.text for s in more.sentences} & {s.text for s in second.sentences}


def test_asking_for_more_of_what_is_said_says_so_when_there_is_no_more(searcher):
    said = " ".join(document.text for document in searcher.build.documents.values())
    turns = [Turn("Quand la Charte du cadre de vie a-t-elle été adoptée ?", said)]
    reply = reply_to("Dis-m'en plus", searcher, load_settings(), turns=turns)
    assert isinstance(reply, Abstention)
    assert reply.text.startswith("Je n’ai rien trouvé de plus sur ce sujet")


@pytest.mark.parametrize("question", ["Quelle est la capitale de l'Australie ?", "Combien de fermes compte la ville ?"])
def test_no_old_topic_leaks_into_a_whole_question(searcher, question):
    turns = [Turn("Quand la Charte du cadre de vie a-t-elle été adoptée ?", "En 2001. [1]")]
    alone, after = ask(searcher, question), reply_to(question, searcher, load_settings(), turns=turns)
    assert (alone.understood, after.understood) == (None, None)
    assert (alone.text, alone.confidence) == (after.text, after.confidence)


def test_a_question_spelt_by_ear_is_understood_and_shown_repaired(searcher):
    reply = ask(searcher, "c koi les goheliades a loos")
    assert reply.understood == "c koi les Gohelliades a loos"
    assert "Gohelliades" in reply.text


@pytest.mark.parametrize(
    "question",
    [
        "How many people live in Loos-en-Gohelle?",
        "Wie viele Einwohner hat Loos-en-Gohelle?",
        "¿Cuántos habitantes tiene Loos-en-Gohelle?",
        "Hoeveel inwoners heeft Loos-en-Gohelle?",
        "Ilu mieszkańców ma Loos-en-Gohelle?",
        "كم عدد سكان Loos-en-Gohelle؟",
    ],
)
def test_other_languages_find_the_french_evidence_within_english_words(searcher, question):
    reply = ask(searcher, question)
    assert isinstance(reply, Answer)
    assert re.search(r"habitants", reply.text)
    assert reply.language != "fr"


def test_the_great_dates_come_as_a_dated_list(searcher):
    reply = ask(searcher, "Quelles sont les grandes dates de la transition à Loos-en-Gohelle ?")
    years = [year_of(sentence.text) for sentence in reply.sentences]
    assert len(years) >= 4
    assert years == sorted(years)
    assert all(sentence.is_item for sentence in reply.sentences)
    assert reply.text.count("\n- ") == len(years) - 1


def test_gold_quotes_stand_in_their_documents(searcher):
    for question in searcher.build.questions:
        assert question.answerable == bool(question.spans)
        for span in question.spans:
            assert span.quote in searcher.build.documents[span.document].text
        assert not question.answerable or any(
            gold in searcher.build.documents[span.document].text for gold in question.gold for span in question.spans
        )


@pytest.mark.parametrize(
    ("question", "counted"),
    [
        ("Combien de terrils ?", "Huit terrils se trouvent"),
        ("combien il y a de terrils", "Huit terrils se trouvent"),
    ],
)
def test_what_is_counted_is_told_and_not_what_stands_on_it(searcher, question, counted):
    reply = ask(searcher, question)
    assert counted in reply.text
    assert "oiseaux" not in reply.text


def test_each_theme_begins_with_a_plain_question_and_has_the_towns_own(searcher):
    original = (ROOT / "corpus" / "originals" / "resilience-et-transition.txt").read_text(encoding="utf-8")
    themes = [question.question for question in searcher.build.questions if question.kind == "theme"]
    assert len(themes) == 12
    assert sum(question in original for question in themes) == 5


def test_the_words_around_the_quotes_are_in_the_language_of_the_question(searcher):
    assert ask(searcher, "Who wrote Hamlet?").text.startswith("I found no answer")
    assert ask(searcher, "Who wrote Hamlet?", "fr").text.startswith("Je n’ai pas trouvé")
    languages = {gold.question: gold.language for gold in searcher.build.questions}
    assert {languages[text] for text in ask(searcher, "Who wrote Hamlet?").suggestions} == {"en"}
    assert {languages[text] for text in ask(searcher, "Who wrote Hamlet?", "fr").suggestions} == {"fr"}
    assert ask(searcher, "Wer hat Hamlet geschrieben?").text.startswith("I found no answer")


@pytest.mark.parametrize("question", ["🙂🙂", "?!…", "« »", "Peux-tu préciser ?"])
def test_a_question_without_words_or_about_nothing_is_met_with_an_example(searcher, question):
    reply = ask(searcher, question)
    assert isinstance(reply, Abstention)
    assert reply.reason is Reason.NO_WORDS
    assert reply.suggestions[0] in reply.text


@pytest.mark.parametrize(
    "question",
    ["<script>alert(1)</script>", "من كان العمدة؟", "日本の首都は？", "a" * 1000, "\x00\x07EFC", "maire \ud83d ?"],
)
def test_odd_questions_get_a_reply(searcher, question):
    assert isinstance(ask(searcher, question), Answer | Abstention)


@pytest.mark.parametrize(
    ("question", "message"),
    [("", "Écrivez d’abord une question."), (" \n\u00a0", "Écrivez d’abord"), ("x" * 10_000, "10000 caractères")],
)
def test_empty_and_too_long_questions_are_refused(question, message):
    with pytest.raises(InvalidQuestion, match=message):
        check_question(question, "fr", load_settings())


def test_typography_does_not_change_the_answer(searcher):
    plain = ask(searcher, "C'est quoi l'économie de la fonctionnalité et de la coopération ?")
    typed = ask(searcher, "C’est quoi l’économie de la fonctionnalité et de la coopération\u00a0?")
    assert isinstance(plain, Answer)
    assert plain.sentences == typed.sentences


def test_the_json_object_has_the_agreed_keys(searcher):
    answered = to_json(ask(searcher, "C'est quoi l'EFC ?"))
    abstained = to_json(ask(searcher, "Quelle est la capitale de l'Australie ?"))
    assert json.loads(json.dumps(answered)) == answered | {
        "citations": [
            c | {"heading_path": list(c["heading_path"]), "references": list(c["references"])}
            for c in answered["citations"]
        ],
        "sentences": [s | {"citations": list(s["citations"])} for s in answered["sentences"]],
    }
    expected = {
        "question",
        "understood",
        "language",
        "status",
        "reason",
        "text",
        "sentences",
        "citations",
        "confidence",
    }
    assert expected | {"suggestions", "timings_ms", "build_id", "nearest"} == set(answered) == set(abstained)
    assert (answered["status"], answered["reason"]) == ("answered", None)
    assert (abstained["status"], abstained["reason"]) == ("abstained", "not_in_corpus")
    assert "[1]" in answered["text"]
    assert "[1]" not in answered["sentences"][0]["text"]
    keys = {"number", "document_id", "title", "heading_path", "quote", "start", "end", "url", "deep_link", "page"}
    assert keys | {"published", "publisher", "kind", "references", "answer"} == set(answered["citations"][0])
