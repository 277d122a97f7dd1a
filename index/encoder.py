"""Texts into unit vectors, and nothing else: whoever calls folds, splits and joins.

`load_encoder(model, models_folder)` gives an `Encoder`; this is the only file that knows sentence-transformers.
docs/decisions/0002-embedded-model.md holds the measurements behind the constants.
"""

import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import DimensionMismatch, UnknownModel
from index.model import EMBEDDED, make_embedded_model, model_folder, model_revision

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from torch.nn import Embedding, Module

__all__ = [
    "EMBEDDED_FOLDER",
    "Encoded",
    "Encoder",
    "SentenceTransformerEncoder",
    "has_fast_bfloat16",
    "load_encoder",
    "load_token_counter",
    "quiet_loading",
]

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]

EMBEDDED_FOLDER = "e5-small"
"""Where the embedded model is made, in the folder of the models."""
_PADDED_TO = 16  # tokens; at other lengths torch's attention gives other last bits with other companions
_FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16")  # elsewhere bfloat16 is emulated, and slower than float32


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A text as the model sees it: one vector for the whole and one for each token, all of length one.

    `vector` is float32 `(d,)`; `tokens` float32 `(n, d)`, in the text's order, prompt and special tokens left out;
    `spans` int32 `(n, 2)`, the offsets in the text of what each token stands for.
    """

    vector: FloatArray
    tokens: FloatArray
    spans: NDArray[np.int32]


class Encoder(Protocol):
    """What the index and the service need of a model. Threads may share it."""

    @property
    def name(self) -> str:
        """The model's name in the settings."""

    @property
    def revision(self) -> str:
        """What identifies the exact weights."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""

    @property
    def prompts(self) -> Mapping[str, str]:
        """What stands before the texts that are encoded: "query" and "passage"."""

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Float32 vectors of questions, `(n, dimension)`, unit rows, in the texts' order; `(0, dimension)` for none."""

    def encode_passages(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> FloatArray:
        """Vectors of passages, as of questions. `progress(done, total)` is called after each batch."""

    def read_queries(self, texts: Sequence[str]) -> tuple[Encoded, ...]:
        """Questions with the vectors of their tokens, in the texts' order."""

    def read_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> tuple[Encoded, ...]:
        """Passages with the vectors of their tokens. `progress` as in `encode_passages`."""

    def count_tokens(self, text: str) -> int:
        """How many tokens the model's tokenizer makes of a text, special tokens and prompt left out."""


class SentenceTransformerEncoder:
    """A sentence-transformers model on the CPU, made by `load_encoder`.

    A text's vector depends on that text alone: on one machine it is the same to the last bit whatever else is in the
    batch, whichever its size and however many threads compute. Texts beyond the model's length are cut there.
    """

    def __init__(
        self, model: "SentenceTransformer", *, name: str, revision: str, batch_size: int, bfloat16: bool
    ) -> None:
        self._model = model
        self._name = name
        self._revision = revision
        self._batch_size = batch_size
        self._bfloat16 = bfloat16
        self._tokenizer = getattr(model.tokenizer, "backend_tokenizer", model.tokenizer)
        # Cutting and padding are settings of the tokenizer itself, so only one thread at a time may use it. The model
        # is only read: it needs no lock.
        self._tokenizer_lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name in the settings."""
        return self._name

    @property
    def revision(self) -> str:
        """What identifies the exact weights: see `model_revision`."""
        return self._revision

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def prompts(self) -> Mapping[str, str]:
        """What stands before the texts that are encoded: "query" and "passage"; empty where the model has none."""
        known = self._model.prompts
        passages = (known.get(key) for key in ("passage", "document", "corpus"))
        return {"query": known.get("query") or "", "passage": next(filter(None, passages), "")}

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """As `Encoder.encode_queries`. Raises DimensionMismatch if the model gives no unit vectors."""
        return self._encode(texts, "query", None)

    def encode_passages(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> FloatArray:
        """As `Encoder.encode_passages`, longest texts first. Raises DimensionMismatch as `encode_queries`."""
        return self._encode(texts, "passage", progress)

    def read_queries(self, texts: Sequence[str]) -> tuple[Encoded, ...]:
        """As `Encoder.read_queries`. Raises DimensionMismatch as `encode_queries`."""
        return tuple(self._read(texts, "query", None))

    def read_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> tuple[Encoded, ...]:
        """As `Encoder.read_passages`, longest texts first. Raises DimensionMismatch as `encode_queries`."""
        return tuple(self._read(texts, "passage", progress))

    def count_tokens(self, text: str) -> int:
        """As `Encoder.count_tokens`, texts beyond the model's length counted in full."""
        with self.tokenizer() as tokenizer:
            return len(tokenizer.encode(text, add_special_tokens=False).ids)

    @contextmanager
    def tokenizer(self) -> Iterator["Tokenizer"]:
        """The model's tokenizer, set to cut and pad nothing, for the one thread that holds it."""
        with self._tokenizer_lock:
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            yield self._tokenizer

    @property
    def words(self) -> "Embedding":
        """The model's table of the vectors that its words start from: most of its memory."""
        from torch.nn import Embedding

        return next(module for module in self._model.modules() if isinstance(module, Embedding))

    def _encode(self, texts: Sequence[str], kind: str, progress: Callable[[int, int], None] | None) -> FloatArray:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for chosen, rows, _ in self._batches(texts, kind, progress, with_tokens=False):
            vectors[chosen] = rows
        return vectors

    def _read(self, texts: Sequence[str], kind: str, progress: Callable[[int, int], None] | None) -> list[Encoded]:
        read: dict[int, Encoded] = {}
        for chosen, vectors, tokens in self._batches(texts, kind, progress, with_tokens=True):
            for index, vector, of_text in zip(chosen, vectors, tokens, strict=True):
                count, places, spans = self._spans(texts[index], kind)
                # In a text that was cut, a special token stands last.
                within = places < len(of_text) - (count > len(of_text))
                kept = of_text[places[within]]
                unit = (kept / np.linalg.norm(kept, axis=1, keepdims=True).clip(1e-9)).astype(np.float32)
                read[index] = Encoded(vector, unit, spans[within])
        return [read[index] for index in range(len(texts))]

    def _batches(
        self, texts: Sequence[str], kind: str, progress: Callable[[int, int], None] | None, *, with_tokens: bool
    ) -> Iterator[tuple[list[int], FloatArray, list[FloatArray]]]:
        """For each batch the positions of its texts, their vectors, and those of all their tokens, special ones too."""
        import torch

        # Only texts of one padded length go together: at another length the last bits of a vector are others. The
        # longest first, so that if memory is too short it shows at once.
        padded = [-self.count_tokens(self.prompts[kind] + text) // _PADDED_TO for text in texts]
        order = sorted(range(len(texts)), key=padded.__getitem__)
        batches = [
            same[start : start + self._batch_size]
            for same in (list(group) for _, group in groupby(order, key=padded.__getitem__))
            for start in range(0, len(same), self._batch_size)
        ]
        done = 0
        for chosen in batches:
            features = self._features([texts[index] for index in chosen], kind)
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
                made = self._model(features, task="query" if kind == "query" else "document")
                rows = torch.nn.functional.normalize(made["sentence_embedding"].float(), dim=1).numpy()
                tokens = [np.empty((0, self.dimension), dtype=np.float32)] * len(chosen)  # some models have none
                if with_tokens and "token_embeddings" in made:
                    real = made["attention_mask"].bool()
                    tokens = [
                        of_text[mask].float().numpy()
                        for of_text, mask in zip(made["token_embeddings"], real, strict=True)
                    ]
            _check(rows, (len(chosen), self.dimension), self._name)
            yield chosen, rows, tokens
            done += len(chosen)
            if progress:
                progress(done, len(order))

    def _spans(self, text: str, kind: str) -> tuple[int, NDArray[np.int64], NDArray[np.int32]]:
        """How many tokens a text has; of those that stand for a part of it, their places and their offsets in it."""
        prompt = self.prompts[kind]
        with self.tokenizer() as tokenizer:
            encoding = tokenizer.encode(prompt + text)
        spans = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2) - len(prompt)
        kept = (spans[:, 1] > 0) & (np.array(encoding.special_tokens_mask) == 0)
        return len(spans), np.flatnonzero(kept), spans[kept].clip(0)

    def _features(self, texts: list[str], kind: str) -> dict[str, object]:
        """The texts behind their prompt as the model's first module takes them."""
        handling: dict[str, object] = {"pad_to_multiple_of": _PADDED_TO}
        longest = self._model.max_seq_length or math.inf
        if longest < _PADDED_TO:
            handling = {}
        elif longest < math.inf and longest % _PADDED_TO:  # padding must not go beyond the model's last position
            handling["max_length"] = longest - longest % _PADDED_TO
        with self._tokenizer_lock:
            features: dict[str, object] = self._model.preprocess(
                texts,
                prompt=self.prompts[kind],
                task="query" if kind == "query" else "document",
                processing_kwargs={"text": handling},
            )
        return features


def load_encoder(
    model: str, models_folder: Path, *, batch_size: int = 8, threads: int | None = None
) -> SentenceTransformerEncoder:
    """The encoder of the setting `model`: "embedded", a folder, or a model's name on the hub.

    "embedded" is made in `models_folder` if it is not there yet. Only a name that is not in the local cache leads to
    the network. `threads` is how many the whole process computes with, None for torch's choice. Takes seconds: torch
    is imported here, and one question is encoded, so that the first real one is answered at full speed.

    Raises:
        UnknownModel: the model cannot be made, found, downloaded or loaded.
        DimensionMismatch: it gives something else than unit vectors.
    """
    # Waiting threads sleep instead of spinning: with another process on the same two cores, spinning made a question
    # ten times slower. Read when torch's OpenMP is loaded, so it is set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    if threads:
        torch.set_num_threads(threads)
    bfloat16 = has_fast_bfloat16()
    loaded = _load(model, models_folder)
    if bfloat16:
        _to_bfloat16(loaded)
    encoder = SentenceTransformerEncoder(
        loaded, name=model, revision=model_revision(model), batch_size=batch_size, bfloat16=bfloat16
    )
    encoder.encode_queries([model])
    log.info("encoder %s %s, %d threads, bfloat16 %s", model, encoder.revision, torch.get_num_threads(), bfloat16)
    return encoder


def has_fast_bfloat16() -> bool:
    """Whether this machine computes faster in bfloat16 than in float32."""
    import torch

    return any(torch.cpu.get_capabilities().get(name) for name in _FAST_BFLOAT16)


def _to_bfloat16(network: "Module") -> None:
    """Turn a network's matrices to bfloat16, in place.

    Only these: sums, norms and the residual stream stay in float32, and the table of words stays mapped from its file
    instead of being copied.
    """
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            module.to(torch.bfloat16)


def load_token_counter(model: str, models_folder: Path) -> Callable[[str], int]:
    """A function that counts as `Encoder.count_tokens` does, without torch: one second instead of ten.

    Raises UnknownModel if the model is not on this machine or has no tokenizer.json.
    """
    from tokenizers import Tokenizer

    folder = make_embedded_model(models_folder / EMBEDDED_FOLDER) if model == EMBEDDED else model_folder(model)
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing narrower
        raise _unknown(model, folder, error) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _load(model: str, models_folder: Path) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    local = make_embedded_model(models_folder / EMBEDDED_FOLDER) if model == EMBEDDED else Path(model)
    attempts = [(str(local), True)] if local.is_dir() else [(model, True), (model, False)]
    with quiet_loading():
        for place, local_files_only in attempts:
            try:
                return SentenceTransformer(place, device="cpu", local_files_only=local_files_only)
            except Exception as error:  # a foreign model's files may provoke anything
                reason = error
    raise _unknown(model, local, reason) from reason


def _unknown(model: str, folder: Path, error: Exception) -> UnknownModel:
    tried = (
        f"le dossier {folder}" if folder.is_dir() else "un dossier de ce nom, le cache local, puis le téléchargement"
    )
    mend = (
        f"Supprimez le dossier {folder}, puis lancez `make build` : il sera refait."
        if model == EMBEDDED
        else f"Corrigez le réglage (« {EMBEDDED} », un dossier ou un nom de modèle sentence-transformers)."
    )
    what = f"Le modèle « {model} » (réglage `model`) n'a pas pu être chargé."
    cause = next(iter(str(error).splitlines()), type(error).__name__).rstrip(". ")
    return UnknownModel(f"{what} Essayé : {tried}. Cause : {cause}. {mend}")


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without the progress bars that transformers writes to stderr while it reads weights."""
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()  # type: ignore[no-untyped-call]


def _check(vectors: FloatArray, shape: tuple[int, int], name: str) -> None:
    """Raises DimensionMismatch unless the vectors are float32, of that shape and of length one."""
    if vectors.shape != shape or vectors.dtype != np.float32:
        found = f"{vectors.dtype} {vectors.shape} au lieu de float32 {shape}"
    elif not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4):
        found = "des vecteurs nuls ou non finis"
    else:
        return
    what = f"Le modèle « {name} » (réglage `model`) donne {found} : il ne convient pas à l'index."
    raise DimensionMismatch(f"{what} Choisissez un autre modèle.")
