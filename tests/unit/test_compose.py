import numpy as np
import pytest

from chatbot.citation_link import citation_link
from chatbot.compose import candidates, compose, has_answer_text
from chatbot.french import is_complete, leans, year_of
from index.build import make_build
from index.search import Searcher
from ingest.assemble import ReadBlock, assemble
from ingest.corpus import Corpus
from ingest.document import BlockKind, Reference, Source
from tests.word_encoder import WordEncoder


def searcher(*paragraphs, max_passage_tokens=200):
    source = Source("doc.md", "https://exemple.fr/doc", "Ville", "2024-05-31", "", "", "a" * 64)
    blocks = [
        paragraph if isinstance(paragraph, ReadBlock) else ReadBlock(BlockKind.PARAGRAPH, paragraph)
        for paragraph in paragraphs
    ]
    document = assemble(blocks, title="Essai", theme="", source=source)
    encoder = WordEncoder()
    build, _, _ = make_build(Corpus((document,), (), ()), (), encoder, "b", max_passage_tokens)
    return Searcher(build, encoder)


def answer(question, *paragraphs):
    found_in = searcher(*paragraphs)
    (asked,) = found_in.encode([question])
    return compose(asked, candidates(asked, found_in.search(asked), found_in), found_in), found_in


def texts(question, *paragraphs):
    (sentences, _), _ = answer(question, *paragraphs)
    return [sentence.text for sentence in sentences]


@pytest.mark.parametrize(
    ("sentence", "complete"),
    [
        ("La ville pose des panneaux.", True),
        ("Elle a dit : « Nous posons des panneaux. »", True),
        ("Énergie, biodiversité, eau, …", True),
        ("« Nous posons des panneaux », dit-elle.", True),
        ("2001 est l’année de la charte.", True),
        ("le prêt de vélos électriques aux habitants ;", False),
        ("et un jardin partagé que le quartier entretient.", False),
        ("Comment fait la ville ?", False),
        ("Voici les grandes étapes de la résilience loossoise", False),
        ("C’est tout.", False),
        ("On distingue trois leviers majeurs :", False),
    ],
)
def test_fragments_labels_and_questions_do_not_answer(sentence, complete):
    assert is_complete(sentence) is complete


@pytest.mark.parametrize(
    "sentence",
    [
        "Elle doit permettre d’agir.",
        "Cela suppose un travail.",
        "Ce travail permet la production.",
        "C’est aussi un encadrement.",
        "Ses équipes ont porté deux projets.",
        "Mais surtout, il permet d’agir.",
        "En effet, le charbon était là.",
        "Accompagnés par l’ADEME, ils initient une analyse.",
        "L’enjeu est de favoriser le changement.",
        "« Elle est née ici », dit-il.",
        "Dans ce cadre, la ville agit.",
        "Grâce à elle, la ville agit.",
    ],
)
def test_a_sentence_that_leans_on_another_is_known(sentence):
    assert leans(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "La ville agit.",
        "Il y a huit terrils.",
        "En 2014, la ville agit.",
        "Le rôle de la Fabrique est d’agir.",
        "Celestin agit pour la ville.",
    ],
)
def test_a_sentence_that_stands_alone_is_known(sentence):
    assert not leans(sentence)


def test_the_best_sentence_answers_with_an_exact_citation():
    (sentences, citations), found_in = answer(
        "Combien de pommiers compte le verger ?",
        "Le verger compte quarante pommiers. La haie borde la route du nord.",
        "Un bassin garde la pluie du village entier.",
    )
    assert sentences[0].text == "Le verger compte quarante pommiers."
    assert sentences[0].citations == (1,)
    (document,) = found_in.build.documents.values()
    for citation in citations:
        assert document.text[citation.start : citation.end] == citation.quote
    assert citations[0].deep_link == citation_link(document, 0, 35)
    assert (citations[0].url, citations[0].publisher, citations[0].published) == (
        "https://exemple.fr/doc",
        "Ville",
        "2024-05-31",
    )


def test_a_leaning_sentence_brings_what_it_refers_to_under_one_citation():
    (sentences, citations), _ = answer(
        "Que propose la Fabrique aux territoires voisins ?",
        "La Fabrique est née du travail de quatre villes. Elle propose aux territoires voisins une méthode commune.",
    )
    assert [sentence.text for sentence in sentences] == [
        "La Fabrique est née du travail de quatre villes.",
        "Elle propose aux territoires voisins une méthode commune.",
    ]
    assert [sentence.citations for sentence in sentences] == [(1,), (1,)]
    assert citations[0].quote == " ".join(sentence.text for sentence in sentences)


def test_no_two_sentences_say_the_same():
    assert texts(
        "Combien de pommiers compte le verger ?",
        "Le verger compte quarante pommiers.",
        "Le verger compte quarante pommiers !",
    ) == ["Le verger compte quarante pommiers."]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "La baignade est autorisée dans le bassin du terril.",
            "La baignade n’est pas autorisée dans le bassin du terril.",
        ),
        ("Le repas de la cantine coûte 3 euros par enfant.", "Le repas de la cantine coûte 5 euros par enfant."),
        ("En 2019, la ville plante 100 arbres au verger.", "En 2021, la ville plante 250 arbres au verger."),
    ],
)
def test_sentences_that_contradict_or_differ_in_figures_are_both_shown(first, second):
    question = first.rstrip(".") + " ?"
    assert set(texts(question, first, "Une chose tout autre arrive ici.", second)) >= {first, second}


def test_what_is_said_in_other_words_with_the_same_vector_is_not_said_twice():
    # The encoder of these tests counts words, so their order does not change a vector; every token differs by case.
    given = texts("Quels arbres porte le verger ?", "Le verger porte des arbres.", "Des arbres porte le verger.")
    assert len(given) == 1


def test_a_leaning_sentence_finds_what_it_leans_on_in_the_passage_before():
    first = "La Fabrique est née du travail de quatre villes du pays " + "qui se connaissent bien " * 4 + "déjà."
    leaning = "Elle propose aux territoires voisins une méthode commune de travail."
    found_in = searcher(first, leaning, max_passage_tokens=32)
    assert [passage.text for passage in found_in.build.passages] == [first, leaning]
    (asked,) = found_in.encode(["Que propose-t-elle aux territoires voisins comme méthode commune ?"])
    sentences, citations = compose(asked, candidates(asked, found_in.search(asked), found_in), found_in)
    assert [sentence.text for sentence in sentences] == [first, leaning]
    assert [citation.quote for citation in citations] == [first, leaning]


def test_a_leaning_sentence_never_follows_what_it_does_not_lean_on():
    given = texts(
        "Que vend la ferme du terril, et le marché du terril ?",
        "La ferme du terril accueille les écoles. Elle vend aussi des légumes du terril.",
        "Le marché du terril vend le samedi.",
    )
    if "Elle vend aussi des légumes du terril." in given:
        assert (
            given[given.index("Elle vend aussi des légumes du terril.") - 1]
            == "La ferme du terril accueille les écoles."
        )


def test_what_completes_the_first_sentence_stands_after_it_in_the_section():
    document = "Le verger a cent pommiers. La haie est très haute. Le verger a dix poiriers. Le verger a deux noyers."
    given = texts("Le verger a-t-il poiriers, noyers ?", document)
    assert given == ["Le verger a dix poiriers.", "Le verger a deux noyers."]


def test_at_most_four_sentences_whole_and_in_order():
    paragraph = " ".join(f"Le verger numéro {n} compte des pommiers anciens de la sorte {n}." for n in range(9))
    given = texts("Quels pommiers compte le verger ?", paragraph)
    assert 1 <= len(given) <= 4
    assert all(text in paragraph for text in given)
    assert given[1:] == sorted(given[1:], key=paragraph.index)


def test_a_question_for_a_person_gets_a_sentence_with_a_name():
    given = texts(
        "Qui a planté le verger de la mine ?",
        "Le verger de la mine fut planté sur le carreau de la mine fermée.",
        "Des habitants menés par Jeanne Dubois ont fait ce verger.",
    )
    assert any("Jeanne Dubois" in text for text in given)


def test_a_question_for_a_date_prefers_the_sentence_with_one():
    given = texts(
        "Quand la charte du cadre de vie fut-elle adoptée ?",
        "La charte du cadre de vie fut adoptée par tous. La charte du cadre de vie fut adoptée en 2001.",
    )
    assert given[0] == "La charte du cadre de vie fut adoptée en 2001."


def test_a_passage_without_any_complete_sentence_does_not_answer():
    found_in = searcher("Comment agir pour le verger ?")
    assert not has_answer_text(found_in.build.passages[0])
    (asked,) = found_in.encode(["Comment agir pour le verger ?"])
    assert candidates(asked, found_in.search(asked), found_in) == ()


def test_neighbouring_sentences_are_one_quote_only_where_they_rest_on_the_same_sources():
    texts = ["Le verger a cent pommiers.", "Le verger a dix poiriers.", "Le verger a deux noyers."]
    paragraph = " ".join(texts)
    town, press = Reference("Ville", "Verger", "https://ville.fr"), Reference("Presse", "Fruits", "https://presse.fr")
    places = [len(" ".join(texts[: count + 1])) for count in range(3)]
    marks = ((places[0], town), (places[1], town), (places[2], press))
    found_in = searcher(ReadBlock(BlockKind.PARAGRAPH, paragraph, marks=marks))
    (asked,) = found_in.encode(["Le verger a-t-il pommiers, poiriers, noyers ?"])
    sentences, citations = compose(asked, candidates(asked, found_in.search(asked), found_in), found_in)
    assert [sentence.text for sentence in sentences] == texts
    assert [citation.quote for citation in citations] == [" ".join(texts[:2]), texts[2]]
    assert [citation.references for citation in citations] == [(town,), (press,)]


def test_the_focus_of_a_question_decides_over_its_circumstances():
    found_in = searcher("La mine ferme en hiver et tout change.", "La musique réunit les gens du village.")
    (plain, dated) = found_in.encode(["Quel rôle a la musique ?", "Quel rôle a la musique après la fin de la mine ?"])
    assert (plain.focus, dated.focus) == ("Quel rôle a la musique ?", "Quel rôle a la musique ?")
    assert np.array_equal(dated.focus_vector, plain.vector)


ITEM = BlockKind.LIST_ITEM
PILLARS = (
    "La mine a fermé en 1986.",
    "La démarche de la ville repose sur trois piliers :",
    ReadBlock(ITEM, "la mémoire de la mine ;"),
    ReadBlock(ITEM, "la participation des habitants ;"),
    ReadBlock(ITEM, "le développement durable."),
    "La mairie publie un bulletin.",
)


def test_a_list_is_quoted_whole_with_the_sentence_that_introduces_it():
    (sentences, citations), found_in = answer("Sur quels piliers repose la démarche de la ville ?", *PILLARS)
    opening = next(n for n, sentence in enumerate(sentences) if sentence.text.endswith("piliers :"))
    shown = sentences[opening : opening + 4]
    assert [sentence.is_item for sentence in shown] == [False, True, True, True]
    assert [sentence.text for sentence in shown[1:]] == [block.text for block in PILLARS[2:5]]
    citation = citations[shown[0].citations[0] - 1]
    assert {sentence.citations for sentence in shown} == {(citation.number,)}
    document = found_in.build.documents[citation.document_id]
    assert (
        citation.quote
        == document.text[citation.start : citation.end]
        == "\n\n".join((PILLARS[1], "\n".join(block.text for block in PILLARS[2:5])))
    )


def test_an_item_never_answers_without_its_introduction():
    quoted = texts("Qui participe au développement durable des habitants ?", *PILLARS)
    assert "la participation des habitants ;" not in quoted or PILLARS[1] in quoted


def test_a_list_without_introduction_is_no_answer():
    items = [ReadBlock(ITEM, "prêt de vélos ;"), ReadBlock(ITEM, "prêt de remorques ;")]
    found_in = searcher("La ville prête du matériel.", "Voici la suite du texte.", *items)
    assert all(not passage.lists for passage in found_in.build.passages)
    assert "prêt de vélos ;" not in texts("Qui prête des vélos ?", "La ville prête du matériel.", *items)


def test_a_chronology_is_a_dated_list_in_the_order_of_the_years():
    (sentences, citations), _ = answer(
        "Quelles sont les grandes dates de la charte de la ville ?",
        "La charte de la ville est revue en 2008.",
        "La charte de la ville date de 2001.",
        "La charte de la ville est un texte court.",
        "Elle a revu la charte de la ville en 2004.",
    )
    assert [sentence.text for sentence in sentences] == [
        "La charte de la ville date de 2001.",
        "La charte de la ville est revue en 2008.",
    ], "what leans on another sentence stays out"
    assert all(sentence.is_item for sentence in sentences)
    assert [citation.number for citation in citations] == [1, 2]


def test_a_chronology_of_one_date_is_an_ordinary_answer():
    (sentences, _), _ = answer("Quelle est la chronologie de la charte ?", "La charte de la ville date de 2001.")
    assert [sentence.is_item for sentence in sentences] == [False]


@pytest.mark.parametrize(
    ("sentence", "year"),
    [
        ("Le 2 avril 2023, le maire, entré à la mairie en 2000, est élu.", 2023),
        ("En 2023, la ville compte 12 fermes, contre 27 en 1998.", 2023),
        ("Dans un récit de 2014, la transition commence en 1984.", 1984),
        ("De l’été 2019 au printemps 2020, huit toits sont équipés.", 2019),
        ("La fosse 11/19 a 1 200 mineurs.", None),
    ],
)
def test_a_sentence_tells_of_the_year_it_opens_with_or_else_of_the_earliest(sentence, year):
    assert year_of(sentence) == year


def test_what_follows_a_list_brings_its_introduction_and_never_one_item():
    quoted = texts(
        "Qui reçoit un bac ?",
        "Ne sont pas concernés par la collecte :",
        ReadBlock(ITEM, "Les commerçants du centre de la ville."),
        ReadBlock(ITEM, "Les habitants des cités."),
        "Ils reçoivent un bac à part.",
    )
    assert quoted[:3] == [
        "Ne sont pas concernés par la collecte :",
        "Les commerçants du centre de la ville.",
        "Les habitants des cités.",
    ]


def test_an_item_of_a_list_that_no_passage_holds_whole_never_answers():
    items = [ReadBlock(ITEM, f"Les habitants de la rue numéro {n} peuvent venir à la collecte.") for n in range(9)]
    found_in = searcher("Ne sont pas concernés :", *items, "La collecte est gratuite.", max_passage_tokens=40)
    assert not any(passage.lists for passage in found_in.build.passages)
    (asked,) = found_in.encode(["Qui peut venir à la collecte ?"])
    found = candidates(asked, found_in.search(asked), found_in)
    assert [candidate.text for candidate in found] == ["La collecte est gratuite."]
