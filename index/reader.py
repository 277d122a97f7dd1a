"""The evidence reader: reads a question with a passage, and says whether it answers and where.

It is the embedded model, trained further by tests/evaluation/train_reader.py; `index/reader.md` tells on what, and
docs/decisions/0014 why so and what it brings. Nothing needs it.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.encoder import EMBEDDED_FOLDER, Encoder, SentenceTransformerEncoder, has_fast_bfloat16
from index.errors import ForeignReader
from index.model import make_embedded_model
from ingest import Passage
from ingest.passages import heading_text
from ingest.plain_words import system_reason
from ingest.sentences import Span

if TYPE_CHECKING:
    from index.reader_network import Pair, PairTokenizer, ReaderNetwork

__all__ = ["READER_FILE", "READER_SUM", "PassageReader", "Reader", "Reading", "load_reader"]

READER_FILE = Path(__file__).with_name("reader.safetensors")
"""What tests/evaluation/train_reader.py learned, as differences from the embedded model."""
READER_SUM = READER_FILE.with_suffix(".sha256")
"""Its SHA-256, as sha256sum writes it."""

_LONGEST_TOKENS = 30
"""An answer's exact words are at most this long."""

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What reading one passage for a question gave.

    `relevance` and `answerability` are logits: that this is the passage to read for it, and that it answers. `start`
    and `end`, float32 `(t,)`, are the probabilities that the answer starts and ends with each of the passage's tokens;
    what they lack to 1 is that of no answer. `spans`, int32 `(t, 2)`, are the tokens' offsets in the passage's text.
    """

    relevance: float
    answerability: float
    start: FloatArray
    end: FloatArray
    spans: NDArray[np.int32]

    def mass(self, span: Span) -> float:
        """The probability, in [0, 1], that the answer stands in these characters of the passage's text."""
        inside = (self.spans[:, 0] < span[1]) & (span[0] < self.spans[:, 1])
        return float((self.start[inside].sum() + self.end[inside].sum()) / 2)

    def best(self, span: Span) -> tuple[float, Span]:
        """The most probable answer within these characters of the passage's text: how probable, and its offsets.

        The probability is the geometric mean of its start's and its end's; 0 where no token stands there.
        """
        (inside,) = np.nonzero((self.spans[:, 0] >= span[0]) & (self.spans[:, 1] <= span[1]))
        if not len(inside):
            return 0.0, span
        both = np.sqrt(np.outer(self.start[inside], self.end[inside]))
        allowed = np.triu(np.ones_like(both)) - np.triu(np.ones_like(both), _LONGEST_TOKENS)
        first, last = np.unravel_index(np.argmax(both * allowed), both.shape)
        found = int(self.spans[inside[first], 0]), int(self.spans[inside[last], 1])
        return float(both[first, last]), found


class PassageReader(Protocol):
    """What search needs of a reader."""

    @property
    def name(self) -> str:
        """Identifies what a reading depends on."""

    def read(self, question: str, passages: Sequence[Passage], within_s: float | None = None) -> tuple[Reading, ...]:
        """Readings of the passages, or of the first of them where time is short: see `Reader.read`."""


class Reader:
    """The network and its tokenizer. Threads may share it: one reads at a time."""

    def __init__(self, network: "ReaderNetwork", tokenizer: "PairTokenizer", name: str, *, bfloat16: bool) -> None:
        self.name = name
        self._network = network
        self._tokenizer = tokenizer
        self._bfloat16 = bfloat16
        self._turn = threading.Lock()
        # Always the same thread computes: each keeps memory of its own for the next time, 15 MB.
        self._computing = ThreadPoolExecutor(1, "reader")
        self._pace = 0.0  # seconds a token, as the last pairs took

    def read(self, question: str, passages: Sequence[Passage], within_s: float | None = None) -> tuple[Reading, ...]:
        """Readings of the passages, in order; of the first ones only, or of none, where time is short.

        `within_s` is how long this may take in seconds; None reads all, however long, and each reading then depends on
        its question and passage alone, to the last bit. Who finds the reader busy waits for a third of that at most,
        and then has read nothing: reading on would only make the next ones wait. How many are read is decided by how
        fast the last ones were; after each time that nothing was, twice as fast is expected. What cannot be computed
        is logged and was not read.
        """
        started = time.monotonic()
        pairs = [self._tokenizer.pair(question, heading_text(p.heading_path), p.text) for p in passages]
        if not self._turn.acquire(timeout=-1 if within_s is None else within_s / 3):
            return ()
        try:
            begun = time.monotonic()
            while pairs and within_s is not None and self._pace * _size(pairs) > started + within_s - begun:
                pairs.pop()
            if not pairs:
                self._pace /= 2
                return ()
            # Together is faster, by a sixth, but pads the shorter: at another length the last bits may be others.
            computed = self._read_by_length if within_s is None else self._read
            readings = self._computing.submit(computed, pairs).result()
            self._pace = (time.monotonic() - begun) / _size(pairs)
            return readings
        except RuntimeError:  # torch's, or of a program that is ending
            log.exception("nothing was read")
            return ()
        finally:
            self._turn.release()

    def _read_by_length(self, pairs: Sequence["Pair"]) -> tuple[Reading, ...]:
        from index.reader_network import padded_tokens

        lengths = [padded_tokens(pair) for pair in pairs]
        readings: dict[int, Reading] = {}
        for length in dict.fromkeys(lengths):
            same = [place for place, own in enumerate(lengths) if own == length]
            readings |= zip(same, self._read([pairs[place] for place in same]), strict=True)
        return tuple(readings[place] for place in range(len(pairs)))

    def _read(self, pairs: Sequence["Pair"]) -> tuple[Reading, ...]:
        import torch

        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            return tuple(
                Reading(
                    float(scores.relevance),
                    float(scores.answerability),
                    scores.start.softmax(1).numpy()[0, list(pair.told)],
                    scores.end.softmax(1).numpy()[0, list(pair.told)],
                    np.array(pair.spans, dtype=np.int32).reshape(-1, 2),
                )
                for pair, scores in zip(pairs, self._network.one_by_one(pairs), strict=True)
            )


def _size(pairs: Sequence["Pair"]) -> int:
    """The tokens that are computed for pairs: as many for each as for the longest."""
    return len(pairs) * max(len(pair.ids) for pair in pairs)


def load_reader(models_folder: Path, encoder: Encoder) -> Reader:
    """The reader that goes with an encoder. Takes a second, once torch is imported.

    Raises:
        ForeignReader: it was made from another model than this encoder, or its file is missing or damaged.
        UnknownModel: as `make_embedded_model`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        total = hashlib.sha256(READER_FILE.read_bytes()).hexdigest()
        if READER_SUM.read_text("ascii").split()[:1] != [total]:
            raise ValueError("sa somme de contrôle ne correspond pas")
        with safe_open(READER_FILE, framework="numpy") as file:
            base = (file.metadata() or {}).get("base")
    except (OSError, ValueError, SafetensorError) as error:
        raise ForeignReader(
            f"Le fichier {READER_FILE} manque ou est abîmé ({system_reason(error)}). Réinstallez le programme, ou "
            "mettez le réglage `reading_ms` à 0 pour répondre sans lecteur."
        ) from error
    if base != encoder.revision or not isinstance(encoder, SentenceTransformerEncoder):
        raise ForeignReader(
            f"Le lecteur {READER_FILE.name} ne convient pas au modèle « {encoder.name} » : on répond sans lui. "
            "Mettez le réglage `reading_ms` à 0 pour ne plus le charger."
        )
    from index.reader_network import PairTokenizer, load_network

    folder = make_embedded_model(models_folder / EMBEDDED_FOLDER)
    bfloat16 = has_fast_bfloat16()
    network = load_network(folder, READER_FILE, words=encoder.words, bfloat16=bfloat16)
    code = b"".join(Path(__file__).with_name(name).read_bytes() for name in ("reader.py", "reader_network.py"))
    name = hashlib.sha256(f"{total} {bfloat16}".encode() + code).hexdigest()[:16]
    return Reader(network, PairTokenizer(encoder.tokenizer, folder), name, bfloat16=bfloat16)
