from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from chatbot.abstain import SCALES, SHIPPED, SHIPPED_READ, Evidence, calibration_of
from chatbot.calibrate import Calibrator, fitted
from index.errors import RefusedBuild
from index.store import Calibration
from tests.unit.test_build import build, corpus, store  # noqa: F401  (fixtures)

WIDTH = len(SHIPPED.evidence)


def rows(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evidence whose first value tells answerable questions, and nothing else does."""
    generator = np.random.default_rng(seed)
    kinds = np.array(["answerable", "near", "far"] * (count // 3))
    values = generator.normal(size=(count, WIDTH)) * SCALES[:WIDTH]
    values[:, 1] = 0.85 + np.where(kinds == "answerable", 0.05, -0.05) + generator.normal(size=count) * 0.01
    return values, kinds, np.arange(count) % 5


@pytest.mark.parametrize("shipped", [SHIPPED, SHIPPED_READ])
def test_a_shipped_calibration_has_a_weight_and_a_scale_for_each_value(shipped: Calibration) -> None:
    names = tuple(field.name for field in fields(Evidence))
    assert shipped.evidence == names[: len(shipped.weights)]
    assert len(SCALES) == len(names) == len(SHIPPED_READ.weights)
    assert all(scale > 0 for scale in SCALES)
    assert shipped.partial_from <= shipped.answer_from


def test_what_tells_answerable_questions_is_learned_and_the_thresholds_follow() -> None:
    values, kinds, folds = rows(0)
    calibration = fitted(values, kinds, folds)
    assert calibration.questions == 20
    probability = 1 / (1 + np.exp(-calibration.bias - values @ np.array(calibration.weights)))
    assert (probability[kinds == "answerable"] >= calibration.answer_from).mean() >= 0.85
    assert (probability[kinds == "far"] < calibration.partial_from).mean() >= 0.9
    assert calibration.partial_from <= calibration.answer_from


def test_the_same_questions_give_the_same_calibration() -> None:
    assert fitted(*rows(1)) == fitted(*rows(1))


def test_the_version_is_that_of_the_code() -> None:
    assert len(Calibrator().version) == 64
    assert Calibrator().version == Calibrator().version


@pytest.mark.parametrize("level", [0.3, 0.6, 0.97])
def test_the_cosines_of_another_encoder_do_not_break_it(level: float) -> None:
    values, kinds, folds = rows(2)
    values[:, :2] += level - 0.85
    calibration = fitted(values, kinds, folds)
    assert np.isfinite([*calibration.weights, calibration.bias]).all()
    assert 0 < calibration.partial_from <= calibration.answer_from < 1


def test_a_calibration_over_other_evidence_is_not_used() -> None:
    other = replace(SHIPPED, evidence=SHIPPED.evidence[::-1])
    short = replace(SHIPPED, weights=SHIPPED.weights[:-1])
    own = replace(SHIPPED, bias=0.0)
    for stored, used in (((), SHIPPED), ((other,), SHIPPED), ((short,), SHIPPED), ((SHIPPED_READ, own), own)):
        build = SimpleNamespace(manifest=SimpleNamespace(calibrations=stored))
        assert calibration_of(build, is_read=False) == used  # type: ignore[arg-type]
        assert calibration_of(build, is_read=True) == SHIPPED_READ  # type: ignore[arg-type]


def test_a_question_that_is_judged_keeps_what_came_first_and_what_was_answered(corpus, store):  # noqa: F811
    calibrator = Calibrator()
    (live,) = build(corpus, store, calibrator=calibrator, judge=calibrator.judge)[0].gold
    assert (live.outcome, live.said, live.best[0].partition(":")[0]) == ("declined", "", "energie")
    for number in range(6):
        menu = f"# Page {number}\n\nCombien de toits couvrent les panneaux ? Les panneaux couvrent {number} toits.\n"
        (corpus / f"page-{number}.md").write_text(menu, encoding="utf-8")
    with pytest.raises(RefusedBuild, match=r"maintenant : réponse fausse .*« Les panneaux couvrent 0 toits") as caught:
        build(corpus, store, calibrator=calibrator, judge=calibrator.judge)
    (result,) = caught.value.report.gold
    assert result.said.startswith("Les panneaux couvrent 0 toits.")
    assert [id.partition(":")[0] for id in result.best] == [f"page-{number}" for number in range(5)]
