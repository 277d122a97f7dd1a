"""The answers to the reporting half of the gold questions are not worse than the committed figures say."""

import json

import pytest

from chatbot.evaluate import gold_outcomes, summary
from tests.evaluation.evaluate import FIGURES, fallen


@pytest.mark.parametrize(("name", "figures"), [("searcher", "unread"), ("reading", "answers")])
def test_answers_to_the_gold_questions_are_no_worse_than_committed(name, figures, request):
    measured = summary(gold_outcomes(request.getfixturevalue(name), "reporting"))
    committed = json.loads(FIGURES.read_text(encoding="utf-8"))[figures]["gold"]
    assert fallen(committed, measured) == []


def test_a_figure_below_the_committed_interval_is_named():
    committed = {"fr": {"first": [0.6, 0.5, 0.7], "false_answers": [0.2, 0.1, 0.3], "questions": 40}}
    assert fallen(committed, {"fr": {"first": [0.5, 0.4, 0.6], "false_answers": [0.3, 0.2, 0.4]}}) == []
    assert fallen({"fr": {**committed["fr"], "questions": 19}}, {"fr": {"first": [0.0, 0.0, 0.0]}}) == []
    assert fallen(committed, {"fr": {"first": [0.49, 0.4, 0.6], "false_answers": [0.31, 0.2, 0.4]}}) == [
        "fr › first: 0.490, committed 0.600 [0.500, 0.700]",
        "fr › false_answers: 0.310, committed 0.200 [0.100, 0.300]",
    ]
