"""What a search takes on 2,000, 20,000 and 200,000 passages, in time and memory, and what it misses.

    .venv/bin/python -m tests.evaluation.scale PIAF_FOLDER [--sizes 2000 20000 200000] [--write]

The passages are grown from PIAF's: their vectors as docs/decisions/0003-vector-search.md says, their words by putting
other sentences of PIAF in the place of half of theirs, so that each word stands in the share of passages that it
stands in in French text, and the common ones in far more of them than one would wish. Each size is written and read as
a build of the store, by a process of its own, and asked 1,000 of PIAF's questions. `--write` puts the figures under
`scale` in results/figures.json. The largest takes 15 GB under var/scale while it is measured.
"""

import argparse
import json
import pickle
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from index import load_encoder
from index.evaluate import build_collection
from index.late import PassageTokens
from index.lexical import LexicalIndex
from index.question import Question
from index.search import FOCUS_WEIGHT, POOL, REORDERED, Searcher, embedded_text
from index.store import Build, Store
from index.vectors import VectorIndex
from ingest import Document, Passage
from ingest.document import Source
from tests.evaluation.evaluate import FIGURES, as_text
from tests.evaluation.piaf_to_beir import piaf_collection

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "var" / "scale"
MODELS = ROOT / "var" / "models"
SIZES = (2_000, 20_000, 200_000)
QUESTIONS, JUDGED = 1_000, 300
PASSAGES_A_DOCUMENT = 6
COMMAND = "python -m tests.evaluation.scale PIAF_FOLDER --write"
# How a vector is grown: docs/decisions/0003-vector-search.md.
NEIGHBOUR_WEIGHT, SPREAD, ISOTROPIC = 0.5, 0.7, 0.007


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--measure", type=Path, help="only measure the build in this index folder, and print JSON")
    parser.add_argument("--write", action="store_true", help="commit these figures")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    collection = piaf_collection(arguments.piaf)
    encoder = load_encoder("embedded", MODELS)
    seed = Store(FOLDER / "seed")
    if seed.current_id() is None:
        build = build_collection(collection, encoder, 200)
        seed.write(build)
        seed.publish(build.manifest.build_id)
    real = seed.load()
    asked = encoded(Searcher(real, encoder), [question.text for question in collection.questions[:QUESTIONS]])
    (FOLDER / "questions.pickle").write_bytes(pickle.dumps(asked))
    figures: dict[str, Any] = {
        "command": COMMAND,
        "seed": f"PIAF, {len(real.passages)} passages, {QUESTIONS} questions",
    }
    for size in arguments.sizes:
        folder = FOLDER / str(size)
        try:
            made_s = write_grown(real, size, folder)
            command = [sys.executable, "-m", "tests.evaluation.scale", str(arguments.piaf), "--measure", str(folder)]
            measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        figures[f"{size:,} passages".replace(",", " ")] = {**made_s, **measured}
        print(json.dumps({size: {**made_s, **measured}}, indent=1), flush=True)
    if arguments.write:
        committed = json.loads(FIGURES.read_text(encoding="utf-8"))
        FIGURES.write_text(as_text({**committed, "scale": figures}) + "\n", encoding="utf-8")


def write_grown(real: Build, size: int, folder: Path) -> dict[str, float]:
    """Store a build of that many passages, and say how long its indexes took to make and its files to be written."""
    random = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    own = np.arange(size) % len(real.passages)
    documents, passages, sentence_rows = grown_texts(real, own, random)
    vectors = grown_vectors(real.passage_vectors, own, random)
    lengths = np.diff(real.tokens.starts)[own]
    starts = np.concatenate(([0], np.cumsum(lengths)))
    shape = (int(starts[-1]), real.tokens.passages[0].shape[1])
    tokens = np.lib.format.open_memmap(folder / "grown.npy", "w+", np.int8, shape)
    for row, of in enumerate(own):
        tokens[starts[row] : starts[row + 1]] = real.tokens.passages[of]
    started = time.perf_counter()
    lexical = LexicalIndex.build([embedded_text(passage) for passage in passages])
    lexical_s = time.perf_counter() - started
    spans = np.concatenate(
        [_thirds(int(length), len(p.sentences)) for length, p in zip(lengths, passages, strict=True)]
    )
    build = replace(
        real,
        manifest=replace(
            real.manifest, documents=len(documents), passages=size, sentences=len(sentence_rows), sources=()
        ),
        documents=documents,
        passages=tuple(passages),
        passage_vectors=vectors,
        sentence_vectors=real.sentence_vectors[sentence_rows],
        tokens=PassageTokens.load(tokens, starts, spans),
        vectors=VectorIndex(vectors),
        lexical=lexical,
    )
    store = Store(folder)
    started = time.perf_counter()
    store.write(build)
    written_s = time.perf_counter() - started
    store.publish(build.manifest.build_id)
    return {"lexical_made_s": round(lexical_s, 1), "written_s": round(written_s, 1)}


def grown_texts(
    real: Build, own: np.ndarray, random: np.random.Generator
) -> tuple[dict[str, Document], list[Passage], np.ndarray]:
    """Documents and passages, half of whose sentences are other passages', and which of the real ones these are."""
    texts = [
        real.documents[passage.document_id].text[start:end]
        for passage in real.passages
        for start, end in passage.sentences
    ]
    first = np.concatenate(([0], np.cumsum([len(passage.sentences) for passage in real.passages])))
    documents: dict[str, Document] = {}
    passages: list[Passage] = []
    used: list[int] = []
    for number in range(0, len(own), PASSAGES_A_DOCUMENT):
        id, text, of_document = f"d{number}", "", []
        for row in range(number, min(number + PASSAGES_A_DOCUMENT, len(own))):
            rows = np.arange(first[own[row]], first[own[row] + 1])
            rows = np.where(random.random(len(rows)) < 0.5, random.integers(0, len(texts), len(rows)), rows)
            used += rows.tolist()
            start, spans = len(text), []
            for place in rows:
                spans.append((len(text), len(text) + len(texts[place])))
                text += texts[place] + " "
            text += f"{row}.\n"  # rare words grow with a corpus: one of its own for each
            end = len(text) - 1
            spans[-1] = (spans[-1][0], end)
            of_document.append((start, end, tuple(spans)))
        documents[id] = Document(id, id, "", text, Source(id, *[""] * 6), ())
        passages += (
            Passage(f"{id}:{start}-{end}", id, (), text[start:end], start, end, None, spans)
            for start, end, spans in of_document
        )
    return documents, passages, np.array(used)


def grown_vectors(real: np.ndarray, own: np.ndarray, random: np.random.Generator) -> np.ndarray:
    centred = (real - real.mean(axis=0)) / np.sqrt(np.float32(len(real)))
    vectors = np.empty((len(own), real.shape[1]), np.float32)
    for start in range(0, len(own), 10_000):
        rows = own[start : start + 10_000]
        weight = NEIGHBOUR_WEIGHT * random.random((len(rows), 1), dtype=np.float32)
        some = real[rows] * (1 - weight) + real[random.integers(0, len(real), len(rows))] * weight
        some += SPREAD * (random.standard_normal((len(rows), len(real)), dtype=np.float32) @ centred)
        some += ISOTROPIC * random.standard_normal(some.shape, dtype=np.float32)
        vectors[start : start + 10_000] = some / np.linalg.norm(some, axis=1, keepdims=True)
    return vectors


def _thirds(tokens: int, sentences: int) -> np.ndarray:
    """A passage's tokens shared out among its sentences."""
    edges = np.linspace(0, tokens, sentences + 1).astype(np.int32)
    return np.column_stack((edges[:-1], edges[1:]))


def encoded(searcher: Searcher, texts: list[str]) -> list[Question]:
    """Questions as a search takes them, encoded once for all sizes."""
    return [question for start in range(0, len(texts), 32) for question in searcher.encode(texts[start : start + 32])]


def measure(folder: Path) -> dict[str, Any]:
    """Times and memory of the build that is stored there."""
    encoder = load_encoder("embedded", MODELS)
    encoder.encode_queries(["Une question ?"])
    before = memory_mib()
    started = time.perf_counter()
    build = Store(folder).load()
    loaded = time.perf_counter()
    searcher = Searcher(build, encoder)
    ready = time.perf_counter()
    after = memory_mib()
    questions = pickle.loads((FOLDER / "questions.pickle").read_bytes())  # this program's own, of a minute ago
    for question in questions[:50]:
        searcher.search(question)
    vectors = [question.mixed(FOCUS_WEIGHT) for question in questions]
    lexical = [searcher._lexical(question) for question in questions[:100]]
    pools = [
        searcher._pool(vector, scores, POOL)[:REORDERED].tolist()
        for vector, scores in zip(vectors, lexical, strict=False)
    ]
    exact = build.passage_vectors
    found = 0
    for vector in vectors[:JUDGED]:
        nearest = set(np.argpartition(exact @ vector, -10)[-10:].tolist())
        found += len(nearest & set(build.vectors.search(vector, 10)[1].tolist()))
    parts: dict[str, list[Callable[[], object]]] = {
        "dense": [partial(build.vectors.search, vector, POOL) for vector in vectors],
        "lexical": [partial(searcher._lexical, question) for question in questions],
        "late": [
            partial(build.tokens.similarity, question.tokens, question.weights, pool)
            for question, pool in zip(questions, pools, strict=False)
        ],
        "search": [partial(searcher.search, question) for question in questions],
    }
    figures: dict[str, Any] = {name: times_ms(calls, 1) for name, calls in parts.items()}
    figures["search on two threads"] = times_ms(parts["search"], 2)
    return {
        "disk_mib": round(
            sum(path.stat().st_size for path in (folder / "builds").rglob("*") if path.is_file()) / 2**20
        ),
        "loaded_s": round(loaded - started, 2),
        "searcher_s": round(ready - loaded, 2),
        "memory_mib": after - before,
        "words": len(build.lexical._bm25.vocab_dict),
        "recall@10": round(found / (10 * JUDGED), 4),
        **{f"{name} ms": values for name, values in figures.items()},
    }


def times_ms(calls: list[Callable[[], object]], threads: int) -> dict[str, list[float]]:
    """The median and the 95 % quantile of how long each call took, made by that many threads: by the clock, and in the
    processor's time, which other programs on the machine do not lengthen."""

    def timed(call: Callable[[], object]) -> tuple[float, float]:
        started, worked = time.perf_counter(), time.thread_time()
        call()
        return 1000 * (time.perf_counter() - started), 1000 * (time.thread_time() - worked)

    with ThreadPoolExecutor(threads) as pool:
        by_clock, of_processor = map(sorted, zip(*pool.map(timed, calls), strict=True))
    return {
        name: [round(statistics.median(times), 2), round(times[int(0.95 * len(times))], 2)]
        for name, times in (("p50, p95", by_clock), ("processor p50, p95", of_processor))
    }


def memory_mib() -> int:
    """What this process holds that no file backs: what the system cannot take back."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Anonymous:"))) // 1024


if __name__ == "__main__":
    main()
