import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind, Source
from ingest.passages import split

SOURCE = Source("essai.md", "", "", "", "", "", "0" * 64)


def count_words(text):
    return len(text.split())


def document(*blocks):
    return assemble([ReadBlock(*block) for block in blocks], title="Essai", theme="", source=SOURCE)


def sentences(count, words=10):
    return " ".join(f"Phrase {number} " + "mot " * (words - 3) + "fin." for number in range(count))


def test_a_short_section_is_one_passage_with_its_headings_beside_it():
    made = document((BlockKind.HEADING, "Énergie", 2), (BlockKind.PARAGRAPH, "Le soleil brille. Il chauffe."))
    (passage,) = split(made, count_words, 32)
    assert passage.text == "Le soleil brille. Il chauffe."
    assert passage.heading_path == ("Essai", "Énergie")
    assert passage.id == f"essai:{passage.start}-{passage.end}"
    assert [made.text[start:end] for start, end in passage.sentences] == ["Le soleil brille.", "Il chauffe."]


def test_headings_and_captions_are_in_no_passage_and_part_passages():
    made = document(
        (BlockKind.HEADING, "Énergie", 2),
        (BlockKind.PARAGRAPH, "Avant la photo."),
        (BlockKind.CAPTION, "Toit recouvert de panneaux"),
        (BlockKind.PARAGRAPH, "Après la photo."),
        (BlockKind.HEADING, "Eau", 2),
        (BlockKind.PARAGRAPH, "Une autre section."),
    )
    assert [p.text for p in split(made, count_words, 64)] == [
        "Avant la photo.",
        "Après la photo.",
        "Une autre section.",
    ]


def test_a_long_section_is_shared_out_evenly():
    passages = split(document((BlockKind.PARAGRAPH, sentences(10))), count_words, 65)
    assert [len(p.sentences) for p in passages] == [5, 5]


def test_paragraphs_stay_whole_where_they_can():
    made = document((BlockKind.PARAGRAPH, sentences(4)), (BlockKind.PARAGRAPH, sentences(4)))
    assert [len(p.sentences) for p in split(made, count_words, 70)] == [4, 4]


def test_a_sentence_that_is_too_long_is_cut_between_words():
    passages = split(document((BlockKind.PARAGRAPH, "mot " * 100 + "fin.")), count_words, 33)
    assert [count_words(p.text) for p in passages] == [32, 32, 32, 5]


def test_a_word_that_is_too_long_is_cut_too():
    made = document((BlockKind.PARAGRAPH, "x" * 500))
    passages = split(made, len, 100)
    assert "".join(p.text for p in passages) == "x" * 500
    assert max(len(p.text) for p in passages) <= 100


def test_a_word_of_many_tokens_a_character_keeps_to_the_limit():
    made = document((BlockKind.PARAGRAPH, "\ufdfa" * 400))
    passages = split(made, lambda text: 2 * len(text), 64)
    assert "".join(p.text for p in passages) == made.text
    assert max(2 * len(p.text) for p in passages) <= 64


def test_list_items_are_sentences_of_one_passage():
    made = document((BlockKind.LIST_ITEM, "un verger"), (BlockKind.LIST_ITEM, "une serre"))
    (passage,) = split(made, count_words, 32)
    assert passage.text == "un verger\nune serre"
    assert len(passage.sentences) == 2


def test_too_small_a_limit_is_refused():
    with pytest.raises(ValueError, match="at least 32"):
        split(document((BlockKind.PARAGRAPH, "Bonjour.")), count_words, 31)


AWKWARD = st.text(st.sampled_from("aàÉœ’' .…!?«»():;,\u00a0\u202f\n\te\u0301🙂<&>*0-M. Le "), max_size=300)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(BlockKind), AWKWARD, st.integers(1, 4)), min_size=1, max_size=8),
    st.integers(32, 120),
)
def test_every_offset_holds_and_every_word_of_prose_is_in_one_passage(blocks, max_passage_tokens):
    made = document((BlockKind.PARAGRAPH, "Début."), *blocks)
    passages = split(made, count_words, max_passage_tokens)
    for section in made.sections:
        assert made.text[section.start : section.end].strip() == made.text[section.start : section.end]
    for passage in passages:
        assert made.text[passage.start : passage.end] == passage.text
        assert passage.sentences[0][0] == passage.start
        assert passage.sentences[-1][1] == passage.end
        title_words = min(count_words(" ".join(passage.heading_path)), max_passage_tokens // 2)
        assert count_words(passage.text) + title_words <= max_passage_tokens
    prose = [block for section in made.sections for block in section.blocks if block.kind.is_prose]
    wanted = "".join(made.text[block.start : block.end] for block in prose)
    found = "".join(made.text[start:end] for passage in passages for start, end in passage.sentences)
    assert re.sub(r"\s", "", found) == re.sub(r"\s", "", wanted)
    assert len({passage.id for passage in passages}) == len(passages)


def test_many_lists_are_split_in_time_that_grows_with_their_number():
    def seconds(count):
        blocks = [
            ReadBlock(kind, f"{text} {number}{end}")
            for number in range(count)
            for kind, text, end in (
                (BlockKind.PARAGRAPH, "La ville propose", " :"),
                (BlockKind.LIST_ITEM, "un prêt de vélos", " ;"),
            )
        ]
        text = assemble(blocks, title="Essai", theme="", source=SOURCE)
        started = time.process_time()
        passages = split(text, count_words, 64)
        assert sum(len(passage.lists) for passage in passages) > count / 2  # the others are cut between passages
        return time.process_time() - started

    def least(count):  # what else the machine does only ever adds
        return min(seconds(count) for _ in range(3))

    seconds(100)  # what is loaded once
    assert least(2000) < 12 * least(500)  # 4 times where linear, 16 and more where each list is held against all
