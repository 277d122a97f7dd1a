import numpy as np
import pytest

from index.encoder import Encoded
from index.late import PLAIN, PassageTokens, TokenHead, load_head, quantised, sentence_rows


def unit(*rows: list[float]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


EAST, NORTH, BETWEEN = [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]


@pytest.fixture
def tokens() -> PassageTokens:
    """Two passages: one of a heading and two sentences, one of a single sentence."""
    first = quantised(unit(BETWEEN, EAST, EAST, NORTH))
    second = quantised(unit(NORTH))
    return PassageTokens((first, second), np.array([[1, 3], [3, 4], [0, 1]], np.int32))


def test_a_passage_is_as_near_as_its_nearest_tokens_are_on_average(tokens: PassageTokens) -> None:
    found = tokens.similarity(unit(EAST, NORTH), np.array([0.75, 0.25], np.float32), [1, 0])
    assert found[:, 0] == pytest.approx([0.25, 1.0], abs=0.01)
    assert found[:, 1] == pytest.approx([0.0, 1.0], abs=0.01), "the worst matched token"


def test_sentences_are_compared_by_their_own_tokens_without_the_headings(tokens: PassageTokens) -> None:
    found = tokens.sentence_similarity(unit(NORTH), np.ones(1, np.float32), 0, 0, 2)
    assert found[:, 0] == pytest.approx([0.0, 1.0], abs=0.01)
    assert tokens.sentence_similarity(unit(NORTH), np.ones(1, np.float32), 1, 2, 1)[0, 0] == pytest.approx(1, abs=0.01)


def test_a_question_without_tokens_is_near_to_nothing(tokens: PassageTokens) -> None:
    none = np.empty((0, 2), np.float32)
    assert PLAIN.weights(none).shape == (0,)
    assert tokens.similarity(none, PLAIN.weights(none), [0, 1]).tolist() == [[0, 0], [0, 0]]


def test_the_rows_of_a_sentence_are_the_tokens_that_touch_it() -> None:
    spans = np.array([[0, 2], [2, 5], [6, 9], [10, 12]], np.int32)
    encoded = Encoded(np.zeros(2, np.float32), np.zeros((4, 2), np.float32), spans)
    assert sentence_rows(encoded, [(0, 5), (6, 12)]).tolist() == [[0, 2], [2, 4]]
    assert sentence_rows(encoded, []).shape == (0, 2)
    cut = sentence_rows(encoded, [(20, 30)])  # beyond the model's length
    assert cut[0, 0] == cut[0, 1]


def test_a_head_keeps_the_directions_and_the_tokens_that_count() -> None:
    head = TokenHead("test", np.array([[1.0], [0.0]], np.float32), np.array([0.0, 5.0], np.float32))
    assert head.project(unit(EAST, BETWEEN)).tolist() == pytest.approx(np.ones((2, 1)))
    weights = head.weights(unit(EAST, NORTH))
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > 3 * weights[0]
    assert PLAIN.project(unit(EAST)) is not None
    assert PLAIN.weights(unit(EAST, NORTH)).tolist() == [0.5, 0.5]


def test_a_head_is_used_with_the_encoder_that_it_was_trained_for_alone() -> None:
    assert load_head("another revision") is PLAIN
