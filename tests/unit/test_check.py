"""What is said of a corpus that should be mended, and of gold questions; and that ours needs nothing."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from index.check import check_corpus
from index.gold import GoldQuestion, GoldSpan, gold_problems, half, read_gold
from ingest import Document, read_corpus, split
from ingest.check import check_documents, doubts

CORPUS = Path(__file__).parents[2] / "corpus"
NOTE = "[^v]: Ville – Page <https://ville.fr/page>\n"
FICHE = '["a.md"]\npublisher = "Nous"\npublished = 2026-01-01\nkind = "fiche"\nnote = "Une fiche."\n'
BARE_FICHE = '["a.md"]\nkind = "fiche"\npublisher = "A"'


def words(text: str) -> int:
    return len(text.split())


def problems(folder: Path, text: str, sources: str = FICHE) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "a.md").write_text(text, encoding="utf-8")
    (folder / "sources.toml").write_text(sources, encoding="utf-8")
    corpus = read_corpus(folder)
    passages = [passage for document in corpus.documents for passage in split(document, words, 100)]
    return [str(problem) for problem in check_documents(folder, corpus, passages)]


def test_a_sound_fiche_needs_nothing(tmp_path: Path) -> None:
    text = "# A\n\n## Un\n\nUne phrase.[^v] Une autre.[^v]\n\n### Deux\n\n- Un point.[^v]\n\n" + NOTE
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sourcée.[^v] Sans source.\n\n" + NOTE, "a.md, ligne 1 : phrase sans source : « Sans source. »."),
        ("## Un\n\nAvant. Après.[^v]\n\n" + NOTE, "a.md, ligne 3, « Un » : phrase sans source : « Avant. »."),
        ("Texte.[^v]\n\n[^v]: Ville – Page <mailto:a@ville.fr>\n", "a.md, ligne 1 : phrase sans source : « Texte. »."),
        ("Texte.[^v]\n\n[^v]: Ville – Page https://ville.fr\n", "« [^nom]: Éditeur – titre <https://…> »"),
        ("## Un\n\n## Deux\n\nTexte.[^v]\n\n" + NOTE, "a.md, ligne 1, « Un » : ce titre n’a pas de texte."),
        ("## Un\n\n## Un\n\nTexte.[^v]\n\n" + NOTE, "a.md, ligne 1, « Un » : ce titre n’a pas de texte."),
        ("## Un\n\nTexte.[^v]\n\n##\n\nTexte.[^v]\n\n" + NOTE, "a.md, ligne 3 : un titre est vide, après « Texte. »."),
        ("Texte.[^v]\n\n[^v]: Ville – Page <https://ville>\n", "« https://ville » n’est pas une adresse du web."),
        ("Texte.[^v]\n\n[^v]: <https://ville.fr>\n", "la source <https://ville.fr> n’a pas d’éditeur."),
        ("Texte.[^v]\n\n[^v]: Ville, page <https://ville.fr>\n", "la source « Ville, page » n’a pas de titre."),
        (
            "Texte.[^v] Suite.[^w]\n\n" + NOTE + "[^w]: Presse, 2 mai\n",
            "a.md, ligne 4 : la note « Presse, 2 mai » n’est la source",
        ),
        ("Texte.[^v]\n\n" + NOTE + "[^w]: Presse – Page <https://a.fr>\n", "n’est la source d’aucune phrase."),
        (
            "Le samedi [^v] Il existe.[^v]\n\n" + NOTE,
            "a.md, ligne 1 : l’appel de note derrière « …Le samedi » n’est pas juste",
        ),
        ("Il existe.[^v], [^v] Encore.[^v]\n\n" + NOTE, "derrière « …Il existe., » n’est pas juste après un point."),
    ],
)
def test_what_is_wrong_in_a_fiche_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    found = problems(tmp_path, text)
    assert any(message in problem for problem in found), found


def test_a_sentence_is_found_in_its_file_through_marks_and_notes(tmp_path: Path) -> None:
    text = "---\nnote: Une fiche.\n---\n# A\n\nUne.[^v]\n- Le **terril** [vert](https://a.fr)\n  est haut.\n\n" + NOTE
    found = problems(tmp_path, text)
    assert any(problem.startswith("a.md, ligne 7 : phrase sans source : « Le terril vert est") for problem in found), (
        found
    )


def test_a_theme_spelt_in_two_ways_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("Texte de b.", encoding="utf-8")
    (tmp_path / "c.md").write_text("Texte de c.", encoding="utf-8")
    entries = "".join(
        f'["{n}.md"]\npublisher = "V"\ntheme = "{t}"\n' for n, t in (("b", "Énergie & Eau"), ("c", "Énergie & Eau"))
    )
    found = problems(tmp_path, "Texte de a.", entries + '["a.md"]\npublisher = "V"\ntheme = "energie et  eau"\n')
    assert [problem[:67] for problem in found] == [
        "a.md : le thème « energie et  eau » s’écrit ailleurs « Énergie & Ea"
    ]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("", "a.md : pas de paragraphe dans sources.toml."),
        ('["a.md"]\nurl = "https://a.fr"', "a.md : l’éditeur manque."),
        ('["a.md"]\npublisher = "A"\nurl = "https://a.fr:x/"', "n’est pas une adresse du web."),
        (BARE_FICHE, "la fiche ne dit pas ce qu’elle est."),
        (BARE_FICHE, "la fiche n’a pas de date."),
        ('["a.md"]\npublisher = "A"', "ses phrases ont leur source : est-ce une fiche ?"),
    ],
)
def test_what_is_wrong_in_what_is_said_of_a_file_is_named(tmp_path: Path, sources: str, message: str) -> None:
    found = problems(tmp_path, "Texte.[^v]\n\n" + NOTE, sources)
    assert any(message in problem for problem in found), found


@pytest.mark.parametrize("address", ["https://mairie-été.fr/", "http://a_b.fr:8080/x?y=1#z", "https://a.b.c/"])
def test_good_addresses_are_left_alone(tmp_path: Path, address: str) -> None:
    assert problems(tmp_path, f"Texte.[^v]\n\n[^v]: Ville – Page <{address}>\n") == []


def test_a_text_is_compared_with_its_original(tmp_path: Path) -> None:
    sources = '["a.md"]\npublisher = "A"\noriginal = "originals/a.txt"\n'
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals" / "a.txt").write_text("Titre\n\nUne  phrase.\n", encoding="utf-8")
    assert problems(tmp_path, "# Titre\n\nUne phrase.", sources) == []
    assert "n’est plus mot à mot celui de originals/a.txt" in problems(tmp_path, "# Titre\n\nMa phrase.", sources)[0]
    (tmp_path / "originals" / "a.txt").write_bytes(b"%PDF-1.7\x00\x01\x02")
    assert "a.md : son original ne se lit pas" in problems(tmp_path, "# Titre\n\nUne phrase.", sources)[0]


def test_a_passage_that_repeats_another_is_named(tmp_path: Path) -> None:
    said = "La ceinture verte de la commune fait environ quinze kilomètres de long."
    text = f"## Un\n\n{said}[^v] Elle relie les quartiers.[^v]\n\n## Deux\n\n{said}[^v]\n\n{NOTE}"
    (found,) = problems(tmp_path, text)
    assert found.startswith("a.md, « Deux » : ce passage répète « Un » de a.md : « La ceinture verte")
    assert problems(tmp_path, text.replace(f"## Deux\n\n{said}", "## Deux\n\nLa ceinture est verte.")) == []


def test_themes_that_are_nearly_the_same_and_dates_to_come_are_told(tmp_path: Path) -> None:
    themes = ("Vie municipale", "Vie municipal", "Vie municipale", "Énergie", "Quartier 1", "Quartier 2")
    for number in range(len(themes)):
        (tmp_path / f"b{number}.md").write_text(f"Le texte numéro {number}.", encoding="utf-8")
    entries = [f'["b{n}.md"]\npublisher = "Ville"\ntheme = "{theme}"\n' for n, theme in enumerate(themes)]
    to_come = '["a.md"]\npublisher = "Ville"\ntheme = "Énergie"\npublished = 2999-05-31\n'
    first, second = problems(tmp_path, "Un texte.", "".join([to_come, *entries]))
    assert first == (
        "b1.md : le thème « Vie municipal » ressemble à « Vie municipale ». Si c’est le même, écrivez-le partout "
        "pareil dans sources.toml ; sinon, laissez."
    )
    assert second.startswith("a.md : la date de publication, 2999-05-31, est dans l’avenir (nous sommes le ")
    assert problems(tmp_path, "Un texte.", "".join([to_come.replace("2999", "2024"), *entries])) == [first]


SENTENCES = {
    "Un.": "La première phrase de cette partie parle des terrils de la ville.[^v]",
    "Deux.": "La deuxième dit tout autre chose de ses champs et de ses fermes.[^v]",
    "Trois.": "La troisième, enfin, raconte un festival que ses habitants ont créé.[^v]",
}


@pytest.mark.parametrize(
    ("parts", "repeats"),
    [
        (("Un.", "Un. Deux.", "Un. Deux."), 3),
        (("Un. Deux.", "Un."), 1),
        (("Trois.", "Un. Deux. Trois."), 1),
        (("Un.", "Deux.", "Trois."), 0),
    ],
)
def test_every_pair_of_repeats_is_named_whichever_comes_first(
    tmp_path: Path, parts: tuple[str, ...], repeats: int
) -> None:
    written = [" ".join(SENTENCES[name] for name in part.split()) for part in parts]
    text = "".join(f"## Partie {number}\n\n{part}\n\n" for number, part in enumerate(written))
    assert sum("répète" in problem for problem in problems(tmp_path, text + NOTE)) == repeats


def test_a_skipped_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "b.doc").write_bytes(b"Texte")
    assert problems(tmp_path, "Texte.[^v]\n\n" + NOTE)[0].startswith("b.doc : ce format n’est pas lu")


def question(number: int, *spans: tuple[str, str], **changed: object) -> GoldQuestion:
    made = GoldQuestion(f"q-{number}", f"Question {number} ?", "fr", True, (), ("un",), "fact")
    return replace(made, spans=tuple(GoldSpan(*span) for span in spans), **changed)  # type: ignore[arg-type]


def gold_corpus(folder: Path) -> dict[str, Document]:
    sections = "".join(f"## Partie {n}\n\nLa partie {n} dit un et {n}.\n\n" for n in range(40))
    (folder / "a.md").write_text(sections, encoding="utf-8")
    return {document.id: document for document in read_corpus(folder).documents}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (question(1, ("a", "dit un et 41")), "« dit un et 41 » n’est plus dans a.md"),
        (question(1, ("b", "dit un")), "le document « b » n’existe pas"),
        (question(1, ("a", "dit un et 3"), ("a", "partie 4")), "« partie 4 » ne contient aucun des textes attendus"),
        (question(1, ("a", "dit un et 3"), answerable=False, kind="near"), "sans citation"),
        (question(1), "« answerable » à true et des citations"),
        (question(1, ("a", "dit un et 3"), question="partie 3 ?"), "la copie d’un titre"),
        (question(1, ("a", "dit un et 3"), question="question 0"), "la même question que q-0"),
    ],
)
def test_what_is_wrong_in_gold_questions_is_named(tmp_path: Path, wrong: GoldQuestion, message: str) -> None:
    sound = question(0, ("a", "La partie 0 dit un"))
    documents = gold_corpus(tmp_path)
    assert list(gold_problems([sound], documents)) == []
    (found,) = gold_problems([sound, wrong], documents)
    assert message in found
    assert found.startswith("q-1, « ")


def test_all_questions_on_a_section_are_in_one_half(tmp_path: Path) -> None:
    documents = gold_corpus(tmp_path)
    questions = [question(n, ("a", f"dit un et {n // 2}."), ("a", "dit un et 39.")) for n in range(78)]
    parted = [half(q, documents) for q in questions]
    assert parted[::2] == parted[1::2]
    assert {"choosing", "reporting"} == set(parted)
    unanswered = [question(n, answerable=False, kind="far") for n in range(40)]
    assert {"choosing", "reporting"} == {half(q, documents) for q in unanswered}


def test_our_corpus_needs_nothing_and_is_large_enough() -> None:
    report = check_corpus(CORPUS, words, 140)
    assert report.problems == ()
    assert len(report.themes) == 7
    assert all(theme.passages >= 15 and theme.questions >= 10 for theme in report.themes.values())
    assert report.total.passages >= 150
    assert report.choosing + report.reporting >= 240


def test_our_gold_questions_are_of_every_kind_language_and_style() -> None:
    gold = read_gold(CORPUS / "questions.jsonl")
    kinds = Counter(question.kind for question in gold)
    answerable = [question for question in gold if question.answerable]
    languages = Counter(question.language for question in answerable)
    assert len(answerable) >= 150
    assert all(kinds[kind] >= least for kind, least in (("far", 30), ("service", 25), ("near", 35)))
    assert languages["en"] >= 25
    assert sum(languages[other] for other in ("de", "pl", "ar", "es", "nl")) >= 10
    assert min(Counter(question.style for question in answerable).values()) >= 15


def test_our_gold_questions_are_parted_about_evenly() -> None:
    gold = read_gold(CORPUS / "questions.jsonl")
    documents = {document.id: document for document in read_corpus(CORPUS).documents}
    for kinds in (("fact", "theme"), ("far",), ("service",), ("near",)):
        shares = Counter(half(question, documents) for question in gold if question.kind in kinds)
        assert 0.35 <= shares["choosing"] / shares.total() <= 0.65, (kinds, shares)


def test_what_was_just_said_of_a_document_is_doubted(tmp_path: Path) -> None:
    def said(**themes: str) -> None:
        lines = (f'["{name}.md"]\ntheme = "{theme}"\npublished = 2024-05-31\n' for name, theme in themes.items())
        (tmp_path / "sources.toml").write_text("\n".join(lines), encoding="utf-8")

    said(a="vie municipale", b="Vie municipale", c="Eau")
    assert doubts(tmp_path, ["c.md", "absent.md"]) == []
    (doubt,) = doubts(tmp_path, ["a.md"])
    assert doubt.startswith("le thème « vie municipale » s’écrit ailleurs « Vie municipale »")
    said(a="Vie municipal", b="Vie municipale", c="Vie municipal")
    assert doubts(tmp_path, ["a.md"]) == [], "the theme is not new"
    said(a="Vie municipal", b="Vie municipale")
    (doubt,) = doubts(tmp_path, ["a.md"])
    assert doubt.startswith("le thème « Vie municipal » ressemble à « Vie municipale ».")
    (tmp_path / "sources.toml").write_text('["a.md"]\npublished = 2999-01-01\n', encoding="utf-8")
    (doubt,) = doubts(tmp_path, ["a.md"])
    assert doubt.startswith("la date de publication, 2999-01-01, est dans l’avenir")
