"""What the service says: an answer in the documents' words with its citations, or an abstention."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from chatbot.citation_link import citation_link
from chatbot.text_fragment import with_page
from index import Hit
from ingest import Document, DocumentKind, Passage, Reference
from ingest.sentences import Span

__all__ = ["Abstention", "Answer", "Citation", "Reason", "Reply", "Sentence", "cite", "to_json"]


class Reason(StrEnum):
    """Why the service abstains."""

    NOT_IN_CORPUS = "not_in_corpus"
    """The documents do not speak of it."""
    NOT_SAID = "not_said"
    """The documents speak of it, but do not say what is asked: a partial answer."""
    NOTHING_MORE = "nothing_more"
    """More was asked for than was said, and the documents say no more."""
    TOWN_SERVICE = "town_service"
    """The question is one for the town hall's services, of which the documents do not speak."""
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    ABOUT = "about"
    """What was said is no question to the documents: a greeting, thanks, or a question about the service itself."""
    NO_WORDS = "no_words"
    """The question holds neither a letter nor a digit, or asks for more where nothing was said."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote and its place: `document.text[start:end] == quote`.

    `number` counts from 1 in the order of the answer. `url` is the address of the original page, that of a paged
    document with its page, `deep_link` the quote's place in this service's copy. `page` is 1-based, None for formats
    without pages. `kind` says whose words the quote is, `references` what it rests on where its document names that.
    `answer` are the offsets in the document of the very words that answer, within the quote, None where that is not
    known.
    """

    number: int
    document_id: str
    title: str
    heading_path: tuple[str, ...]
    quote: str
    start: int
    end: int
    url: str
    deep_link: str
    page: int | None
    publisher: str
    published: str
    kind: DocumentKind
    references: tuple[Reference, ...]
    answer: Span | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer, word for word from a document, and the numbers of its citations.

    `is_item` says that it is an item of a list, to be shown as one.
    """

    text: str
    citations: tuple[int, ...]
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One to four sentences that answer, or a dated list, each with its citation; a list that is quoted counts as one.

    `understood` is the question that was searched for, where it is not what was typed: made whole from what was asked
    before, or its spelling repaired; else None. `confidence` is the estimated probability that the passages answer the
    question, in [0, 1]. `hits` are the passages found, best first. `timings_ms` are milliseconds by stage.
    """

    question: str
    understood: str | None
    language: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    confidence: float
    timings_ms: dict[str, float]
    build_id: str

    @property
    def text(self) -> str:
        """The answer with its citation marks: « … en 2001. [1] »."""
        text, in_list = "", False
        for sentence in self.sentences:
            text += "\n- " if sentence.is_item else "\n" if in_list else " "
            text += sentence.text + "".join(f" [{number}]" for number in sentence.citations)
            in_list = sentence.is_item
        return text.strip()

    @property
    def said(self) -> str:
        """What was quoted."""
        return " ".join(citation.quote for citation in self.citations)


@dataclass(frozen=True, slots=True)
class Abstention:
    """The documents do not answer, or not fully.

    `nearest` are the sentences that come closest, `suggestions` questions that the documents do answer; `understood`
    is as in `Answer`.
    """

    question: str
    understood: str | None
    language: str
    reason: Reason
    text: str
    nearest: tuple[Citation, ...]
    suggestions: tuple[str, ...]
    confidence: float
    timings_ms: dict[str, float]
    build_id: str

    @property
    def said(self) -> str:
        """What was quoted, if anything."""
        return " ".join(citation.quote for citation in self.nearest) if self.is_partial else ""

    @property
    def is_partial(self) -> bool:
        """Whether the documents speak of what was asked, and `nearest` are quotes of what they say."""
        return self.reason is Reason.NOT_SAID


Reply = Answer | Abstention


def cite(number: int, document: Document, passage: Passage, start: int, end: int) -> Citation:
    """The citation of the characters `start` to `end` of a document, which stand in `passage`."""
    return Citation(
        number=number,
        document_id=document.id,
        title=document.title,
        heading_path=passage.heading_path[1:],
        quote=document.text[start:end],
        start=start,
        end=end,
        url=with_page(document.source.url, passage.page),
        deep_link=citation_link(document, start, end),
        page=passage.page,
        publisher=document.source.publisher,
        published=document.source.published,
        kind=document.source.kind,
        references=document.references(start, end),
    )


def to_json(reply: Reply) -> dict[str, Any]:
    """The reply as the one JSON object of the command line and the HTTP interface."""
    reason: str | None
    status = "answered"
    nearest: list[dict[str, Any]]
    suggestions: list[str]
    if isinstance(reply, Answer):
        sentences = [asdict(sentence) for sentence in reply.sentences]
        citations = [asdict(citation) for citation in reply.citations]
        reason, nearest, suggestions = None, [], []
    else:
        sentences, citations = [], []
        status = "partial" if reply.is_partial else "abstained"
        reason, nearest = str(reply.reason), [asdict(citation) for citation in reply.nearest]
        suggestions = list(reply.suggestions)
    return {
        "question": reply.question,
        "understood": reply.understood,
        "language": reply.language,
        "status": status,
        "reason": reason,
        "text": reply.text,
        "sentences": sentences,
        "citations": citations,
        "nearest": nearest,
        "confidence": round(reply.confidence, 4),
        "suggestions": suggestions,
        "timings_ms": {stage: round(value, 1) for stage, value in reply.timings_ms.items()},
        "build_id": reply.build_id,
    }
