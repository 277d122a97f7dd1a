"""What the documents cover: theme by theme, and as a map on which passages of like meaning lie close together."""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index import Build
from index.gold import quote_places

__all__ = ["Coverage", "Place", "corpus_map", "coverage"]

MOST_PLACES = 1500
"""How many passages the map shows: of a larger corpus, as many at even distances in its order."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much there is on a theme. `questions` are the gold questions that it answers, `answered` those of them that
    the service does answer."""

    theme: str
    documents: int
    passages: int
    questions: int
    answered: int


@dataclass(frozen=True, slots=True)
class Place:
    """A passage on the map: its row in the build, and where it lies, from 0 to 1 each way."""

    row: int
    x: float
    y: float


def coverage(build: Build, answered: Set[str]) -> list[Coverage]:
    """The themes of a build, in the order of its documents. `answered` are the ids of gold questions that get the right
    answer."""
    theme_of = {document.id: document.theme for document in build.documents.values()}
    themes = dict.fromkeys(theme_of.values())
    asked = [
        (theme_of[places[0][0]], question.id)
        for question in build.questions
        if question.answerable and (places := quote_places(question, build.documents))
    ]
    return [
        Coverage(
            theme,
            sum(of == theme for of in theme_of.values()),
            sum(theme_of[passage.document_id] == theme for passage in build.passages),
            sum(of == theme for of, _ in asked),
            sum(of == theme and id in answered for of, id in asked),
        )
        for theme in themes
    ]


def corpus_map(build: Build) -> list[Place]:
    """Where the passages lie on the plane of the two directions in which their vectors differ most (Pearson, 1901).

    The same build gives the same map: each direction points to where its largest component is positive.
    """
    count = len(build.passages)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_PLACES)).round().astype(int))
    vectors = np.asarray(build.passage_vectors[rows], dtype=np.float64)
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    plane = directions[:, -1:-3:-1]
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), range(plane.shape[1])])
    flat = centred @ plane
    low, high = flat.min(axis=0), flat.max(axis=0)
    spread = np.where(high > low, high - low, 1)
    shown = np.where(high > low, (flat - low) / spread, 0.5)
    return [Place(int(row), round(float(x), 4), round(float(y), 4)) for row, (x, y) in zip(rows, shown, strict=True)]
