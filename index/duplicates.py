"""Documents of a build that say the same, or nearly: a person is to keep one of each."""

from collections import Counter
from collections.abc import Sequence

from index.report import Duplicate
from index.store import Build

__all__ = ["duplicates"]

_SHARE = 0.8


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
