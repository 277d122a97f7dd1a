"""Two builds compared: which documents and passages came and went, and which gold questions fare otherwise."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from index.gold import GoldResult
from index.store import Build
from ingest import Document

__all__ = ["BuildDiff", "NamedDocument", "QuestionChange", "diff_builds", "diff_gold"]

_RANK = {"right": 2, "declined": 1, "wrong": 0, None: 0}


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document as a person knows it: its path in the corpus and its title."""

    path: str
    title: str


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A gold question that fares otherwise: what became of it on the older build, and on the newer."""

    before: GoldResult
    after: GoldResult


@dataclass(frozen=True, slots=True)
class BuildDiff:
    """What a newer build has that an older one had not, and the reverse; documents in the order of their paths.

    A document is `changed` if anything that is said or shown of it is. A passage counts as new where its text or its
    headings are. `lost` and `gained` are gold questions that both builds were asked, none where nobody judged.
    """

    old_id: str
    new_id: str
    added: tuple[NamedDocument, ...]
    changed: tuple[NamedDocument, ...]
    gone: tuple[NamedDocument, ...]
    passages_added: int
    passages_gone: int
    lost: tuple[QuestionChange, ...] = ()
    gained: tuple[QuestionChange, ...] = ()


def diff_builds(
    old: Build, new: Build, old_gold: Collection[GoldResult] = (), new_gold: Collection[GoldResult] = ()
) -> BuildDiff:
    """How `new` differs from `old`, with what became of the gold questions on each where that is known."""
    before, after = _by_path(old.documents), _by_path(new.documents)
    old_passages, new_passages = (
        {(passage.document_id, passage.heading_path, passage.text) for passage in build.passages}
        for build in (old, new)
    )
    lost, gained = diff_gold(old_gold, new_gold)
    return BuildDiff(
        old_id=old.manifest.build_id,
        new_id=new.manifest.build_id,
        added=_named(after, lambda path: path not in before),
        changed=_named(after, lambda path: path in before and _content(before[path]) != _content(after[path])),
        gone=_named(before, lambda path: path not in after),
        passages_added=len(new_passages - old_passages),
        passages_gone=len(old_passages - new_passages),
        lost=lost,
        gained=gained,
    )


def diff_gold(
    old: Collection[GoldResult], new: Collection[GoldResult]
) -> tuple[tuple[QuestionChange, ...], tuple[QuestionChange, ...]]:
    """The questions of both, in the order of `new`, that fare worse on the newer build, and those that fare better.

    Worse is a gold passage that is no longer found, a right answer that is declined or wrong, or an answer that is
    wrong where none was given. A question that was put otherwise meanwhile is another question.
    """
    before = {(result.id, result.question, result.answerable): result for result in old}
    lost, gained = [], []
    for after in new:
        known = before.get((after.id, after.question, after.answerable))
        if known is None:
            continue
        steps = (_RANK[after.outcome] - _RANK[known.outcome], after.found - known.found)
        if min(steps) < 0:
            lost.append(QuestionChange(known, after))
        elif max(steps) > 0:
            gained.append(QuestionChange(known, after))
    return tuple(lost), tuple(gained)


def _by_path(documents: Mapping[str, Document]) -> dict[str, Document]:
    return {document.source.path: document for document in documents.values()}


def _content(document: Document) -> Document:
    """The document but for its file's checksum: a file saved anew may say the same."""
    return replace(document, source=replace(document.source, sha256=""))


def _named(documents: Mapping[str, Document], is_wanted: Callable[[str], bool]) -> tuple[NamedDocument, ...]:
    return tuple(NamedDocument(path, document.title) for path, document in sorted(documents.items()) if is_wanted(path))
