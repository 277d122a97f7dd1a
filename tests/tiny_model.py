"""A model small enough to be written by hand, in the format of the package that ships the embedded one."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN, LAYERS, HEADS, WIDE, POSITIONS = 32, 1, 2, 64, 48
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz", "é", "▁la", "▁ville", "ville", "<mask>"]
SCORES = [0.0] * 4 + [-8.0] * (len(PIECES) - 8) + [-2.0, -2.0, -3.0, 0.0]
CHARACTERS = {0x07: "", 0x200B: " ", 0xA0: " ", 0xFB01: "fi"}
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])


def four_bits(values: int, scale: float) -> bytes:
    """Blocks whose low nibbles count up from 0 to 15 and whose high ones count down, each block starting one later."""
    blocks = np.zeros(values // 32, BLOCK)
    blocks["scale"] = scale
    number, place = np.ogrid[: values // 32, :16]
    blocks["nibbles"] = (number + place) % 16 | (15 - (number + place) % 16) << 4
    return blocks.tobytes()


def write_package(folder: Path, scale: float = 0.25, without: str = "") -> Path:
    """A folder like that of the package, with a tiny model: the format as the design page describes it."""
    text = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, text)]).astype("<u4")
    head = b"E5S1" + struct.pack("<8i", 1, HIDDEN, LAYERS, HEADS, WIDE, len(PIECES), POSITIONS, 2)
    head += struct.pack("<fi5iQ", 1e-12, 32, len(PIECES), 0, 2, 1, 3, len(b"".join(text)))
    head += offsets.tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(text)
    table = b"".join(struct.pack(f"<IB{len(to)}I", code, len(to), *map(ord, to)) for code, to in CHARACTERS.items())
    head += struct.pack("<iI", len(CHARACTERS), len(table)) + table

    matrices = {"emb.word": len(PIECES) * HIDDEN}
    floats: dict[str, NDArray[np.float32]] = {
        "emb.pos": np.linspace(-1, 1, POSITIONS * HIDDEN, dtype="<f4"),
        "emb.type": np.zeros(2 * HIDDEN, "<f4"),
        "emb.ln.w": np.ones(HIDDEN, "<f4"),
        "emb.ln.b": np.zeros(HIDDEN, "<f4"),
    }
    for name, rows, columns in (
        ("q", 32, 32),
        ("k", 32, 32),
        ("v", 32, 32),
        ("ao", 32, 32),
        ("fi", 64, 32),
        ("fo", 32, 64),
    ):
        matrices[f"l0.{name}.w"] = rows * columns
        floats[f"l0.{name}.b"] = np.zeros(rows, "<f4")
    for name in ("aln", "oln"):
        floats |= {f"l0.{name}.w": np.ones(HIDDEN, "<f4"), f"l0.{name}.b": np.zeros(HIDDEN, "<f4")}
    tensors = {name: (1, count, four_bits(count, scale)) for name, count in matrices.items()}
    tensors |= {name: (0, len(values), values.tobytes()) for name, values in floats.items()}
    tensors.pop(without, None)

    place = len(head) + 4 + sum(2 + len(name) + 21 for name in tensors)
    directory, body = struct.pack("<i", len(tensors)), b""
    for name, (kind, count, content) in tensors.items():
        directory += struct.pack(f"<H{len(name)}sBIQQ", len(name), name.encode(), kind, count, place, len(content))
        body, place = body + content, place + len(content)
    folder.mkdir(exist_ok=True)
    (folder / "e5-small-q4.bin").write_bytes(head + directory + body)
    return folder
