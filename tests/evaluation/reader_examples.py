"""Questions as examples to train and measure the reader on: what answers, what seems to, and what cannot.

They are PIAF's, on Wikipedia, and our own on invented towns: see towns.py.
"""

import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from index import Encoder, Searcher
from index.evaluate import Collection
from ingest import Passage
from ingest.passages import heading_text
from ingest.sentences import Span
from tests.evaluation.towns import town_lines, town_passage

DRAWN_FROM = 14
HEADED = 0.3
"""Share of PIAF's questions whose passages stand under the title of their article, as a corpus's under headings."""
SHORTEST = 60
"""Characters that a passage must have left when the sentences with the answer are cut out of it."""

_YEAR = re.compile(r"\b(?:1\d|20)\d\d\b")
_FIGURE = re.compile(r"\b\d+\b")
_NAME = re.compile(r"(?<=[\w,] )[A-ZÀ-Ý][\w-]{2,}(?: [A-ZÀ-Ý][\w-]+)*|(?<=[dl]['’])[A-ZÀ-Ý][\w-]{2,}")
_FAMILIAR = [
    (re.compile(formal, re.IGNORECASE), said)
    for formal, said in (
        (r"combien d(e|es|['’]) ?", r"y'a combien d\1 "),
        (r"(?:qu['’]est-ce que|quel(?:le)?s? (?:est|sont|était|étaient|fut)) ", "c'est quoi "),
        (r"qui est ", "c'est qui "),
        (r"qui ", "c'est qui qui "),
        (r"(?:quand|en quelle année|à quelle date) ", "c'est quand que "),
        (r"où ", "c'est où que "),
        (r"pourquoi ", "pourquoi est-ce que "),
        (r"comment ", "ça se passe comment, "),
    )
]


@dataclass(frozen=True, slots=True)
class Item:
    """A question on an article or a town, its passage, where its answer stands in that, and the other passages that
    retrieval ranks first for it.

    `answer` is empty and `place` None where the passage does not answer, though the question is about it; no other
    passage answers then either.
    """

    id: str
    question: str
    article: str
    answer: str
    passage: Passage
    place: Span | None
    others: tuple[Passage, ...]

    @property
    def sentences(self) -> list[Span]:
        """Where the sentences of its passage stand in that."""
        before = self.passage.start
        return [(start - before, end - before) for start, end in self.passage.sentences]

    @property
    def without_answer(self) -> str | None:
        """The passage without the sentences that hold the answer, None where little is left or it stands there too."""
        if self.place is None:
            return None
        kept = [s for s in self.sentences if not (s[0] < self.place[1] and self.place[0] < s[1])]
        text = " ".join(self.passage.text[start:end] for start, end in kept)
        return text if len(text) > SHORTEST and not self.holds_answer(text) else None

    def holds_answer(self, text: str) -> bool:
        """Whether a text holds the answer's words, whatever it says with them."""
        return bool(re.search(r"(?<!\w)" + re.escape(self.answer) + r"(?!\w)", text, re.IGNORECASE))


@dataclass(frozen=True, slots=True)
class Example:
    """A question with a passage to read.

    `answer` and the sentence that it stands in are offsets in the text, None where the text does not answer. `is_own`
    says that the passage stands so in the corpus and competes with others.
    """

    question: str
    heading: str
    text: str
    answer: Span | None = None
    sentence: Span | None = None
    is_own: bool = True


def items_of(searcher: Searcher, collection: Collection, starts: Mapping[str, int]) -> list[Item]:
    """The questions of a collection, whose answers begin at `starts` of their documents as PIAF counts.

    Questions whose answer stands in no passage whole are left out.
    """
    passages: dict[str, list[Passage]] = {}
    for passage in searcher.build.passages:
        passages.setdefault(passage.document_id, []).append(passage)
    asked = searcher.encode([question.text for question in collection.questions])
    items = []
    for question, encoded in zip(collection.questions, asked, strict=True):
        (own,) = collection.judged[question.id]
        answer = question.answers[0]
        places = [
            (abs(match.start() - starts[question.id]), passage, match.start() - passage.start)
            for match in re.finditer(re.escape(answer), searcher.build.documents[own].text)
            for passage in passages[own]
            if passage.start <= match.start() and match.end() <= passage.end
        ]
        if not places:
            continue
        _, passage, start = min(places, key=lambda place: place[0])
        found = (hit.passage for hit in searcher.search(encoded, 24))
        others = tuple(other for other in found if other.document_id != own)
        place = (start, start + len(answer))
        items.append(Item(question.id, question.text, collection.groups[own], answer, passage, place, others))
    return items


def town_items(paths: Sequence[Path], encoder: Encoder) -> list[Item]:
    """The questions of files as towns.jsonl. The other passages are their town's, of nearest vectors first."""
    told = list(town_lines(paths))
    passages = [town_passage(each) for each in told]
    vectors = encoder.encode_passages([f"{heading_text(passage.heading_path)}\n{passage.text}" for passage in passages])
    asked = [(own, question) for own, each in enumerate(told) for question in each["questions"]]
    near = encoder.encode_queries([question["question"] for _, question in asked]) @ vectors.T
    towns = np.array([each["town"] for each in told])
    items = []
    for number, (own, question) in enumerate(asked):
        passage, answer, town = passages[own], question["answer"] or "", told[own]["town"]
        start = passage.text.index(answer)
        place = (start, start + len(answer)) if answer else None
        order = (other for other in np.argsort(-near[number]) if other != own and towns[other] == town)
        others = tuple(passages[other] for other in islice(order, DRAWN_FROM))
        items.append(Item(f"{passage.id}/{number}", question["question"], town, answer, passage, place, others))
    return items


def examples(items: Sequence[Item], groups: Mapping[str, str], seed: str, others: int = 2) -> Iterator[list[Example]]:
    """For each question, in an order that the seed shuffles, what it is read with: its own passage first.

    Of the `others`, so many are drawn from those that retrieval ranks first.

    `groups` gives the title that stands over a document which has none of its own.
    """
    order = list(items)
    random.Random(seed).shuffle(order)
    names = sorted({match.group() for item in items for match in _NAME.finditer(item.question)})
    for item in order:
        draw = random.Random(f"{seed}/{item.id}")
        question = as_people_write(item.question, draw)
        titles = groups if draw.random() < HEADED else {}
        own, *negative = (
            Example(question, heading_text(p.heading_path) or titles.get(p.document_id, ""), p.text)
            for p in (item.passage, *negatives(item, others, draw))
        )
        if item.place is None:
            yield [replace(own, is_own=False)]
            continue
        sentence = next(((s, e) for s, e in item.sentences if s <= item.place[0] < e), item.place)
        made = [replace(own, answer=item.place, sentence=sentence), *negative]
        if item.passage.document_id in groups:  # PIAF has no questions that its passages leave unanswered
            if short := item.without_answer:
                made.append(replace(own, text=short, is_own=False))
            if changed := another_asked(question, own.text, names, draw):
                made.append(replace(own, question=changed, is_own=False))
        yield made


def negatives(item: Item, count: int, draw: random.Random) -> list[Passage]:
    """Other passages that retrieval takes for it, without the words of its answer."""
    others = [p for p in item.others[:DRAWN_FROM] if len(item.answer) < 4 or not item.holds_answer(p.text)]
    return drawn(others, count, draw)


def drawn(passages: Sequence[Passage], count: int, draw: random.Random) -> list[Passage]:
    """Different passages, those ranked first more often."""
    left, chosen = list(enumerate(passages)), []
    while left and len(chosen) < count:
        pick = draw.choices(range(len(left)), [1 / (rank + 2) for rank, _ in left])[0]
        chosen.append(left.pop(pick)[1])
    return chosen


def another_asked(question: str, text: str, names: Sequence[str], draw: random.Random) -> str | None:
    """The question about another year, figure or name than its passage's; None where it has none."""
    patterns = [_YEAR, _NAME, _FIGURE]
    draw.shuffle(patterns)
    for pattern in patterns:
        found = [match for match in pattern.finditer(question) if match.group() in text]
        for match in draw.sample(found, len(found)):
            for _ in range(5):
                if pattern is _NAME:
                    new = draw.choice(names)
                else:
                    new = str(max(1, int(match.group()) + draw.choice((-1, 1)) * draw.randint(1, 40)))
                if new not in text:
                    return question[: match.start()] + new + question[match.end() :]
    return None


def as_people_write(question: str, draw: random.Random) -> str:
    """The question as it is, two times in three; else as it is said, misspelt, without accents or capitals, or as
    keywords."""
    chance = draw.random()
    if chance > 0.35:
        return question
    if chance < 0.12:
        question = misspelt(question, draw)
    elif chance < 0.24:
        question = familiar(question)
    if chance < 0.08 or chance > 0.25:
        question = question.lower()
    if 0.06 < chance < 0.2:
        question = "".join(c for c in unicodedata.normalize("NFD", question) if not unicodedata.combining(c))
    if chance > 0.27:
        kept = [word for word in re.findall(r"[\w-]+", question) if len(word) > 3]
        question = " ".join(kept) if len(kept) > 1 else question
    return question.rstrip(" ?") if draw.random() < 0.5 else question


def familiar(question: str) -> str:
    """The question as it is said, where there is a rule for its opening."""
    for formal, said in _FAMILIAR:
        if formal.match(question):
            return formal.sub(said, question)
    return question


def misspelt(question: str, draw: random.Random) -> str:
    """One or two of its longer words with a letter lost, doubled or swapped."""
    words = question.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= 5]
    for place in draw.sample(long, min(len(long), draw.choice((1, 1, 2)))):
        word = words[place]
        at = draw.randrange(1, len(word) - 1)
        lost, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
        words[place] = draw.choice((lost, doubled, word[:at] + word[at + 1] + word[at] + word[at + 2 :]))
    return " ".join(words)
