"""A question as it is searched for: its words, and the focus that is left when its circumstances are set aside."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.analysis import analyse

__all__ = ["Question", "focus"]

# « Qui était maire | au moment de la fermeture des mines ? »: what stands after these words says when, not what.
_CIRCUMSTANCE = re.compile(
    r"^(?P<focus>.{10,}?\w)[\s,]+(?:juste |peu |immédiatement )?"
    r"(?:après|avant|depuis|pendant|durant|lors d|au moment (?:où|de|du|des)|à l['’]époque|à la suite d|suite à|face à"
    r"|au temps d|à partir d|au lendemain d|à la fin d|au début d|dans les années"
    r"|when |after |before |during |since |at the time).*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question with its vectors: unit rows, float32 `(d,)`.

    `focus` is the question without its circumstances of time, the same as `text` where it names none. `tokens`, float32
    `(n, k)`, are its tokens as `TokenHead.project` gives them, `weights` `(n,)` what each counts, of sum 1.
    """

    text: str
    focus: str
    vector: NDArray[np.float32]
    focus_vector: NDArray[np.float32]
    tokens: NDArray[np.float32]
    weights: NDArray[np.float32]

    def mixed(self, focus_weight: float) -> NDArray[np.float32]:
        """Both vectors as one unit vector, float32 `(d,)`, with this share for the focus."""
        both = (1 - focus_weight) * self.vector + focus_weight * self.focus_vector
        unit: NDArray[np.float32] = (both / np.linalg.norm(both)).astype(np.float32)
        return unit


def focus(text: str) -> str:
    """What a question asks once « après la fermeture des mines » and the like are set aside; else the text itself."""
    match = _CIRCUMSTANCE.match(text)
    return f"{match['focus']} ?" if match and analyse(match["focus"]) else text
