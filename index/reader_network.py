"""The reader's network: the embedded model over question and passage together, with four heads. Only torch code."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization
from transformers import BertConfig, BertModel
from transformers.utils import logging as verbosity

from index.encoder import quiet_loading

__all__ = [
    "Pair",
    "PairTokenizer",
    "ReaderNetwork",
    "Scores",
    "add_adapters",
    "base_network",
    "load_network",
    "padded_tokens",
    "save_network",
]

_MOST_TOKENS = 320
_MOST_QUESTION_TOKENS = 80
_PADDED_TO = 16  # tokens; for every other shape, torch's CPU library keeps code of its own, 100 MB in the end
# One character for one, so that offsets stay those of the text.
_FOLDED = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "\u2010": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " "}
)
_NEVER = -1e4
"""A logit that no token gets."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a passage as the network takes them.

    `ids` are the tokens of both; `asked` and `told` say which are the question's and the passage's own (prompts,
    headings and special tokens are neither). `spans` are the offsets in the passage's text of each token of `told`.
    """

    ids: tuple[int, ...]
    asked: tuple[int, ...]
    told: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class PairTokenizer:
    """Questions and passages into pairs, with the tokenizer that `hold` lends: the encoder's, which takes 290 MB."""

    def __init__(self, hold: Callable[[], AbstractContextManager[Tokenizer]], folder: Path) -> None:
        self._hold = hold
        self._most = min(_MOST_TOKENS, int(BertConfig.from_pretrained(folder).max_position_embeddings))
        with hold() as tokenizer:
            self._start, self._end, self.mask = (int(tokenizer.token_to_id(t) or 0) for t in ("<s>", "</s>", "<mask>"))

    def pair(self, question: str, heading: str, text: str) -> Pair:
        """A question and a passage under its heading, both cut if very long, so that each has its room."""
        before_question, before = "query: ", f"passage: {heading}\n" if heading else "passage: "
        both = (before_question + question, before + text)
        with self._hold() as tokenizer:
            read = [tokenizer.encode(each.translate(_FOLDED), add_special_tokens=False) for each in both]
        first = read[0].ids[: min(_MOST_QUESTION_TOKENS, self._most // 2)]
        second = read[1].ids[: self._most - len(first) - 4]
        ids = (self._start, *first, self._end, self._end, *second, self._end)
        asked = [1 + at for at, (_, end) in enumerate(read[0].offsets[: len(first)]) if end > len(before_question)]
        places = [at for at, (_, end) in enumerate(read[1].offsets[: len(second)]) if end > len(before)]
        told = [len(first) + 3 + at for at in places]
        offsets = (read[1].offsets[at] for at in places)
        spans = [(max(start - len(before), 0), end - len(before)) for start, end in offsets]
        return Pair(ids, tuple(asked), tuple(told), tuple(spans))


@dataclass(frozen=True, slots=True)
class Scores:
    """Of a batch of pairs: logits `(b,)` of relevance and answerability, `(b, n)` of where the answer starts and ends.

    The first token stands for « no answer »; tokens that are not the passage's have the logit -10 000.
    """

    relevance: Tensor
    answerability: Tensor
    start: Tensor
    end: Tensor


class ReaderNetwork(nn.Module):
    """A BERT over pairs, and heads on its last states."""

    def __init__(self, body: BertModel) -> None:
        super().__init__()
        width = body.config.hidden_size
        self.body = body
        self.pool = nn.Linear(width, width)
        self.judge = nn.Linear(width, 2)
        self.span = nn.Linear(width, 2)
        self.weigh = nn.Linear(width, 1)
        self.sharpness = nn.Parameter(torch.tensor([3.0, 3.0]))

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.sharpness.device

    def forward(self, pairs: Sequence[Pair]) -> Scores:
        """Scores of pairs, in their order."""
        states, asked, told = self._states(pairs)
        with torch.autocast(self.device.type, enabled=False):
            return self._scores(states, asked, told)

    def one_by_one(self, pairs: Sequence[Pair]) -> Iterator[Scores]:
        """The scores of each pair as if it were alone: sums over a batch, or over padding, have other last bits."""
        states, asked, told = self._states(pairs)
        with torch.autocast(self.device.type, enabled=False):
            for row, pair in enumerate(pairs):
                own = (slice(row, row + 1), slice(len(pair.ids)))
                yield self._scores(states[own], asked[own], told[own])

    def _states(self, pairs: Sequence[Pair]) -> tuple[Tensor, Tensor, Tensor]:
        """The last states of all tokens, and which are the question's and the passage's own."""
        length = min(
            padded_tokens(max(pairs, key=lambda pair: len(pair.ids))), self.body.config.max_position_embeddings
        )
        ids, mask, asked, told = (each.to(self.device) for each in _padded(pairs, length))
        return self.body(input_ids=ids, attention_mask=mask).last_hidden_state.float(), asked, told

    def _scores(self, states: Tensor, asked: Tensor, told: Tensor) -> Scores:
        judged = self.judge(torch.tanh(self.pool(states[:, 0])))
        # As near to the question as, on average, the nearest of the passage's tokens is to each of the question's.
        unit = normalize(states, dim=2)
        nearest = (unit @ unit.mT).masked_fill(~told[:, None], -1).amax(2)
        share = self.weigh(states)[..., 0].masked_fill(~asked, _NEVER).softmax(1)
        judged = judged + self.sharpness.exp() * ((share * nearest).sum(1, keepdim=True) - 0.8)
        may_hold = told.clone()
        may_hold[:, 0] = True
        start, end = self.span(states).masked_fill(~may_hold[..., None], _NEVER).unbind(2)
        return Scores(judged[:, 0], judged[:, 1], start, end)


def padded_tokens(pair: Pair) -> int:
    """How many tokens are computed for a pair at least."""
    return math.ceil(len(pair.ids) / _PADDED_TO) * _PADDED_TO


def _padded(pairs: Sequence[Pair], length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ids, attention mask, and which tokens are the question's and the passage's own, each `(b, length)`."""
    shape = (len(pairs), length)
    ids, mask = torch.ones(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    asked, told = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
    for row, pair in enumerate(pairs):
        ids[row, : len(pair.ids)] = torch.tensor(pair.ids)
        mask[row, : len(pair.ids)] = 1
        asked[row, list(pair.asked)] = True
        told[row, list(pair.told)] = True
    return ids, mask, asked, told


class Adapter(nn.Module):
    """A low-rank change of a matrix, trained in its place: Hu et al., « LoRA » (2021)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.down = nn.Parameter(torch.randn(rank, columns) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The matrix `(n, m)` with its change."""
        return weight + self.up @ self.down


def base_network(folder: Path, layers: int | None = None) -> ReaderNetwork:
    """The network as training starts from it: the embedded model of that folder, its first `layers` layers, frozen."""
    config = BertConfig.from_pretrained(folder)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.num_hidden_layers = layers or config.num_hidden_layers
    level = verbosity.get_verbosity()
    verbosity.set_verbosity(logging.ERROR)  # it would report the pooler, which is not used
    try:
        with quiet_loading():
            body = BertModel.from_pretrained(folder, config=config, add_pooling_layer=False)
    finally:
        verbosity.set_verbosity(level)
    return ReaderNetwork(body.requires_grad_(False))


def add_adapters(network: ReaderNetwork, rank: int) -> None:
    """Put an adapter on every matrix of the network's layers. They change nothing until they are trained."""
    for module in network.body.encoder.modules():
        if isinstance(module, nn.Linear):
            register_parametrization(module, "weight", Adapter(module.weight, rank))


def save_network(network: ReaderNetwork, path: Path, about: Mapping[str, str]) -> None:
    """Write what was trained, in float16: the adapters, by the names of their matrices, and the heads.

    `about` goes into the file's metadata, with the number of layers.
    """
    tensors = {
        name.replace(".parametrizations.weight.0.", ".weight."): parameter.detach().half()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    save_file(tensors, path, {**about, "layers": str(network.body.config.num_hidden_layers)})


def load_network(
    folder: Path, path: Path, *, words: nn.Embedding | None = None, bfloat16: bool = False
) -> ReaderNetwork:
    """The network of a file of `save_network`, ready to read, over the embedded model of `folder`.

    `words` is that model's table of words where somebody has it already: with it, nothing of the model's file stays in
    memory. `bfloat16` turns the matrices of the layers to that, one by one, which halves what loading takes.
    """
    tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    with safe_open(path, framework="pt") as file:
        layers = int(file.metadata()["layers"])
    network = base_network(folder, layers).eval()
    if words is not None:
        network.body.embeddings.word_embeddings = words
    with torch.no_grad():
        for module_name, module in network.named_modules():
            for name, parameter in module.named_parameters(module_name, recurse=False):
                if name in tensors:
                    parameter.copy_(tensors.pop(name))
                elif f"{name}.up" in tensors:
                    parameter.data = parameter + tensors.pop(f"{name}.up") @ tensors.pop(f"{name}.down")
                elif not name.startswith("body"):
                    raise ValueError(f"{path}: {name} is missing")
                elif module is not words:
                    parameter.data = parameter.clone()
            if bfloat16 and isinstance(module, nn.Linear) and module_name.startswith("body"):
                module.to(torch.bfloat16)
    if tensors:
        raise ValueError(f"{path}: the network has no {', '.join(tensors)}")
    return network
