"""Files of all formats, each with a difficulty of its own, read with the headings, pages and text that one sees."""

import pytest

from ingest import split
from tests.fifty_files import FILES, SUMMARY, documents_of, read_files, seen, summary


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return read_files(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize(("name", "make"), [(name, make) for name, _, make in FILES])
def test_what_a_person_sees_is_read(corpus, name, make):
    assert seen(corpus, name) == list(make()[1])


@pytest.mark.parametrize("name", [name for name, *_ in FILES])
def test_every_passage_is_a_slice_of_its_document_on_its_page_and_under_its_heading(corpus, name):
    for document in documents_of(corpus, name):
        passages = split(document, lambda text: len(text.split()), 40)
        assert passages
        for passage in passages:
            assert document.text[passage.start : passage.end] == passage.text
            assert any(
                section.start <= passage.start <= passage.end <= section.end
                and section.page == passage.page
                and (document.title, *section.heading_path) == passage.heading_path
                for section in document.sections
            )


def test_the_files_are_fifty_and_differ_and_their_list_is_the_one_that_is_kept(corpus):
    assert len({name for name, *_ in FILES}) == len({difficulty for _, difficulty, _ in FILES}) == len(FILES) >= 50
    assert SUMMARY.read_text(encoding="utf-8") == summary(corpus), "python -m tests.fifty_files"
