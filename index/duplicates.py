"""Documents of a build that say the same, or nearly: a person is to keep one of each."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import groupby, pairwise, product
from pathlib import Path

import numpy as np

from index.report import Duplicate
from index.store import Build
from ingest import Passage
from ingest.check import REPEATED, passage_runs, repeated_runs
from ingest.files import checksum
from ingest.kept import KeptFiles, key_of
from ingest.runs import Runs

__all__ = ["duplicates", "repeated_passages"]

_SHARE = 0.8
_MANY_NEW = 0.1
"""With a larger share of new passages, all are compared anew."""
_DIGEST_BYTES = 16


def repeated_passages(passages: Sequence[Passage], kept: KeptFiles) -> list[tuple[int, int]]:
    """As `ingest.check.repeated`; of what was compared for the last build, nothing is compared again."""
    runs = list(_runs_of(passages, kept))
    digests = [_digest(passage.text.encode("utf-8")) for passage in passages]
    rows: dict[bytes, list[int]] = {}
    for row, digest in enumerate(digests):
        rows.setdefault(digest, []).append(row)
    key = key_of(b"repeated", _code())
    before, known_pairs = _unpacked(kept.get(key) or b"")
    new = sorted(row for digest, own in rows.items() if len(own) > before[digest] for row in own)
    if len(new) > _MANY_NEW * len(passages):
        pairs = set(repeated_runs(runs))
    else:
        both = {
            (max(pair), min(pair)) for one, two in known_pairs for pair in product(rows.get(one, ()), rows.get(two, ()))
        }
        pairs = {pair for pair in both if pair[0] != pair[1]}
        if new:
            pairs.update(_pairs_of(new, runs))
    kept.put(key, _packed(digests, pairs))
    return sorted(pairs)


def _pairs_of(new: Sequence[int], runs: Sequence[Runs]) -> Iterator[tuple[int, int]]:
    """The pairs of which at least one is new, of passages with these runs of words."""
    lengths = np.array([len(own) for own in runs], dtype=np.int64)
    of_passage, all_runs = np.repeat(np.arange(len(runs)), lengths), np.concatenate(runs)
    for row in new:
        shared = np.bincount(of_passage[np.isin(all_runs, runs[row])], minlength=len(runs))
        least = REPEATED * np.minimum(lengths, lengths[row])
        alike = np.flatnonzero((shared >= least) & (lengths > 0)) if lengths[row] else ()
        yield from ((max(row, int(other)), min(row, int(other))) for other in alike if other != row)


@cache
def _code() -> bytes:
    """What changes with how passages are compared here; how `ingest.check` does is in every key."""
    return checksum(Path(__file__))


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


def _packed(digests: Sequence[bytes], pairs: Collection[tuple[int, int]]) -> bytes:
    """All passages' digests and the pairs of their numbers."""
    count = np.array([len(digests)], "<i8").tobytes()
    return count + b"".join(digests) + np.array(sorted(pairs), "<i8").tobytes()


def _unpacked(data: bytes) -> tuple[Counter[bytes], set[tuple[bytes, bytes]]]:
    """How often there was a passage of each digest, and the pairs, by their digests; nothing of nothing."""
    if not data:
        return Counter(), set()
    end = 8 + int(np.frombuffer(data, "<i8", 1)[0]) * _DIGEST_BYTES
    digests = [data[start : start + _DIGEST_BYTES] for start in range(8, end, _DIGEST_BYTES)]
    pairs = np.frombuffer(data, "<i8", offset=end).reshape(-1, 2).tolist()
    return Counter(digests), {(digests[one], digests[two]) for one, two in pairs}


def _runs_of(passages: Sequence[Passage], kept: KeptFiles) -> Iterator[Runs]:
    """The runs of words of each passage, as checksums, each once; not found anew for documents that are the same."""
    for _, group in groupby(passages, key=lambda passage: passage.document_id):
        texts = [passage.text for passage in group]
        key = key_of(b"runs", _code(), "\0".join(texts).encode("utf-8"))
        known = kept.get(key)
        if known is None:
            runs = [passage_runs(text) for text in texts]
            ends = np.cumsum([0, *map(len, runs)], dtype="<u8")
            known = ends.tobytes() + np.concatenate(runs).astype("<u8").tobytes()
            kept.put(key, known)
        table = np.frombuffer(known, "<u8")
        ends = table[: len(texts) + 1] + len(texts) + 1
        yield from (table[start:end] for start, end in pairwise(ends))


def duplicates(build: Build, pairs: Sequence[tuple[int, int]]) -> tuple[Duplicate, ...]:
    """Each document of which another's passages repeat most, in order of paths, with the one that repeats most of it.

    Of two that repeat each other, the later is named. `pairs` are those of `ingest.check.repeated`.
    """
    shared: Counter[tuple[str, str]] = Counter()
    sizes: Counter[str] = Counter()
    for passage in build.passages:
        sizes[passage.document_id] += len(passage.text)
    counted: set[tuple[int, str]] = set()
    for later, earlier in pairs:
        for row, of in ((later, earlier), (earlier, later)):
            passage, holder = build.passages[row], build.passages[of].document_id
            if passage.document_id != holder and (row, holder) not in counted:
                counted.add((row, holder))
                shared[passage.document_id, holder] += len(passage.text)
    order = {name: number for number, name in enumerate(build.documents)}
    found: dict[str, Duplicate] = {}
    for (name, other), size in sorted(shared.items(), key=lambda item: (order[item[0][0]], -item[1], item[0][1])):
        mutual = shared[other, name] >= _SHARE * sizes[other]
        if size >= _SHARE * sizes[name] and name not in found and not (mutual and order[name] < order[other]):
            paths = (build.documents[name].source.path, build.documents[other].source.path)
            found[name] = Duplicate(*paths, min(1.0, round(size / sizes[name], 2)))
    return tuple(found.values())
