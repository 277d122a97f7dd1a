"""Why gold questions fare worse on a new build, and what to do, in French: for who decides whether it goes live."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from index.diff import BuildDiff, QuestionChange
from index.gold import GoldResult, Place, holds_quote, quote_places
from index.report_text import fate
from index.store import Build
from ingest import Passage
from ingest.files import QUESTIONS_FILE

__all__ = ["told"]

_LISTED = 5
_LONGEST = 160
_NEWS = {"added": "document nouveau", "changed": "document modifié"}


def told(lost: Sequence[QuestionChange], build: Build, live: Build, diff: BuildDiff) -> str:
    """Of each question what it got before and gets now, and what came before its passage; then the ways out."""
    news = {
        document.path: name
        for name, documents in ((_NEWS["added"], diff.added), (_NEWS["changed"], diff.changed))
        for document in documents
    }
    questions = {question.id: question for question in build.questions}
    lines: list[str] = []
    to_remove: dict[str, None] = {}
    for change in lost[:_LISTED]:
        lines.append(f"- « {change.after.question} » ({change.after.id})")
        lines += [f"  avant : {_got(change.before)}", f"  maintenant : {_got(change.after)}"]
        question = questions.get(change.after.id)
        places = quote_places(question, build.documents) if question else []
        if question and question.answerable and not places:
            lines.append("  la phrase qui y répond n’est plus dans les documents")
            continue
        ahead_before = _ahead(change.before, live, quote_places(question, live.documents) if question else [])
        before = {_what(passage) for passage in ahead_before}
        ahead = [passage for passage in _ahead(change.after, build, places) if _what(passage) not in before]
        of_news = [passage for passage in ahead if _path(passage, build) in news]
        if first := next(iter(of_news or ahead), None):
            path = _path(first, build)
            lines.append(f"  passé devant : {path} ({news.get(path, 'document inchangé')}), « {_short(first.text)} »")
            if path in news:
                to_remove[path] = None
            if others := len({_path(passage, build) for passage in of_news} - {path}):
                lines.append(f"  et {others} autre(s) document(s) nouveau(x) ou modifié(s)")
        elif change.after.best:
            lines.append(f"  aucun autre passage n’est passé devant : seul {_what_changed(change)} a changé")
    if len(lost) > _LISTED:
        others = len(lost) - _LISTED
        lines.append(f"- … et {others} autre{'s' if others > 1 else ''}, que nomme le rapport.")
    return "\n".join((*lines, *_ways_out(to_remove)))


def _ways_out(to_remove: Mapping[str, None]) -> Iterator[str]:
    yield "Que faire, au choix :"
    for path in to_remove:
        yield (
            f"- corriger ou retirer {path}, qui est passé devant (« loos remove {shlex.quote(path)} »), puis « loos "
            "build » ;"
        )
    yield (
        f"- si la question n’est plus juste, ou si une autre phrase y répond aussi bien, la corriger dans "
        f"{QUESTIONS_FILE} (son identifiant est entre parenthèses), puis « loos build » ;"
    )
    yield "- accepter cette perte, et mettre en service quand même."


def _got(result: GoldResult) -> str:
    return f"{fate(result)}, « {_short(result.said)} »" if result.said else fate(result)


def _ahead(result: GoldResult, build: Build, places: Sequence[Place]) -> Iterator[Passage]:
    """The best passages of a question on a build, best first, up to the one with the quote that answers."""
    passages = {passage.id: passage for passage in build.passages if passage.id in result.best}
    for id in result.best:
        if id in passages:
            if holds_quote(passages[id], places):
                return
            yield passages[id]


def _what(passage: Passage) -> tuple[str, str]:
    """What is the same in two builds of one passage."""
    return passage.document_id, passage.text


def _what_changed(change: QuestionChange) -> str:
    both = (change.before.outcome, change.after.outcome)
    return (
        "le choix des phrases"
        if both == ("right", "wrong") and change.after.answerable
        else ("le choix de répondre ou non")
    )


def _path(passage: Passage, build: Build) -> str:
    return build.documents[passage.document_id].source.path


def _short(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST].rsplit(' ', 1)[0]} …"
