from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from chatbot.abstain import SCALES, SHIPPED, Evidence, calibration_of
from chatbot.calibrate import Calibrator, fitted

WIDTH = len(fields(Evidence))


def rows(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evidence whose first value tells answerable questions, and nothing else does."""
    generator = np.random.default_rng(seed)
    kinds = np.array(["answerable", "near", "far"] * (count // 3))
    values = generator.normal(size=(count, WIDTH)) * SCALES
    values[:, 1] = 0.85 + np.where(kinds == "answerable", 0.05, -0.05) + generator.normal(size=count) * 0.01
    return values, kinds, np.arange(count) % 5


def test_the_shipped_calibration_has_a_weight_and_a_scale_for_each_value() -> None:
    assert len(SHIPPED.weights) == len(SCALES) == WIDTH
    assert all(scale > 0 for scale in SCALES)
    assert SHIPPED.partial_from <= SHIPPED.answer_from


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
    for stored, used in ((None, SHIPPED), (other, SHIPPED), (short, SHIPPED), (own, own)):
        assert calibration_of(SimpleNamespace(manifest=SimpleNamespace(calibration=stored))) == used  # type: ignore[arg-type]
