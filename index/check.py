"""A corpus folder looked over before it is built: what it holds by theme, and what should be mended."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from index.gold import GoldQuestion, gold_problems, half, read_gold
from ingest import Document, Passage, read_corpus, split
from ingest.check import check_documents
from ingest.files import QUESTIONS_FILE

__all__ = ["CorpusReport", "Holdings", "check_corpus"]


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much there is, on a theme or in all.

    `statements` are the sentences that name their own sources; `sources` the addresses that documents and sentences
    rest on, each once; `questions` the gold questions that are answered there.
    """

    documents: int
    passages: int
    statements: int
    sources: int
    questions: int


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What a corpus holds by theme, in the order of its documents, and in all; and what to mend, in French.

    `choosing` and `reporting` are the sizes of the two halves of the gold questions, those without an answer included.
    """

    themes: dict[str, Holdings]
    total: Holdings
    choosing: int
    reporting: int
    problems: tuple[str, ...]


def check_corpus(folder: Path, count_tokens: Callable[[str], int], max_passage_tokens: int) -> CorpusReport:
    """Look over the documents of a corpus, what is said of them, and its gold questions.

    Raises:
        IngestError: the corpus is missing, empty or wrongly described.
        InvalidGold: a line of the gold questions is no gold question.
    """
    corpus = read_corpus(folder)
    gold = read_gold(folder / QUESTIONS_FILE)
    documents = {document.id: document for document in corpus.documents}
    passages = [p for document in corpus.documents for p in split(document, count_tokens, max_passage_tokens)]
    problems = [str(problem) for problem in check_documents(folder, corpus, passages)]
    problems += [f"{QUESTIONS_FILE}, {problem}" for problem in gold_problems(gold, documents)]
    themes: dict[str, list[Document]] = {}
    for document in corpus.documents:
        themes.setdefault(document.theme, []).append(document)
    halves = [half(question, documents) for question in gold]
    return CorpusReport(
        themes={theme: _holdings(chosen, passages, gold) for theme, chosen in themes.items()},
        total=_holdings(corpus.documents, passages, gold),
        choosing=halves.count("choosing"),
        reporting=halves.count("reporting"),
        problems=tuple(problems),
    )


def _holdings(
    documents: Collection[Document], passages: Collection[Passage], gold: Collection[GoldQuestion]
) -> Holdings:
    ids = {document.id for document in documents}
    statements = [statement for document in documents for statement in document.statements]
    addresses = {document.source.url for document in documents if document.source.url}
    addresses |= {reference.url for statement in statements for reference in statement.references}
    return Holdings(
        documents=len(documents),
        passages=sum(passage.document_id in ids for passage in passages),
        statements=len(statements),
        sources=len(addresses),
        questions=sum(any(span.document in ids for span in question.spans) for question in gold),
    )
