"""Whether a finished build may go live: why not, in French, for the person who decides.

docs/decisions/0018 tells why the rule is this one.
"""

from collections.abc import Sequence

from index.diff import BuildDiff
from index.gold import GoldResult
from index.lost_questions import told
from index.report_text import counted
from index.store import Build
from ingest import Corpus
from ingest.check import Problem
from ingest.files import QUESTIONS_FILE

__all__ = ["kept_back", "overtaken", "refusals", "tolerated"]

_LISTED = 5


def refusals(
    build: Build,
    live: Build | None,
    *,
    live_sources: Sequence[str],
    corpus: Corpus,
    problems: Sequence[Problem],
    gold: Sequence[GoldResult],
    live_gold: Sequence[GoldResult],
    diff: BuildDiff | None,
) -> tuple[str, ...]:
    """Why a build should not replace the live one; nothing if it may.

    It would lose a document to a file that does not read, or who published one; quote words without the source that
    they promise; find fewer of the gold quotes; or, by more than `tolerated`, give fewer right answers to the gold
    questions or more wrong ones. `live` is None where the live build cannot be compared, `live_gold` empty then.
    """
    found = (
        _lost_documents(live_sources, corpus),
        _lost_publishers(build, live),
        _without_source(problems),
        _worse_questions(build, live, gold, live_gold, diff),
    )
    return tuple(reason for reason in found if reason)


def tolerated(questions: int) -> int:
    """How many answers more may go wrong or missing, of so many questions: one in a hundred, none below a hundred."""
    return questions // 100


def overtaken(begun_with: str | None, live: str | None) -> str:
    """Why a build is not published that began before someone changed what is live: that was decided later."""
    return (
        f"pendant qu’elle se faisait, quelqu’un a changé l’index en service ({begun_with or 'aucun'}, puis "
        f"{live or 'aucun'}), et elle n’a pas été comparée à celui-ci. Relancez « loos build » : elle lui sera "
        "comparée sans être refaite."
    )


def kept_back(build_id: str, reasons: Sequence[str]) -> str:
    """The whole message of a build that is kept but not published."""
    opening = f"La nouvelle construction {build_id} est gardée mais pas mise en service : "
    anyway = f"Pour la mettre en service quand même : « loos index publish {build_id} »."
    if len(reasons) == 1:
        return f"{opening}{reasons[0]}\n{anyway}"
    listed = "\n".join(f"{number}. {reason}" for number, reason in enumerate(reasons, start=1))
    return f"{opening}\n{listed}\n{anyway}"


def _lost_documents(live_sources: Sequence[str], corpus: Corpus) -> str:
    # What was passed over may be a whole folder.
    lost = [item for item in corpus.skipped if any(f"{path}/".startswith(f"{item.path}/") for path in live_sources)]
    reasons = "\n".join(f"- {item.reason}" for item in lost)
    return f"elle perdrait des documents qui ne se lisent plus.\n{reasons}" if lost else ""


def _lost_publishers(build: Build, live: Build | None) -> str:
    unnamed = [
        document.source.path
        for document in (live.documents.values() if live else ())
        if document.source.publisher and document.id in build.documents
        if not build.documents[document.id].source.publisher
    ]
    if not unnamed:
        return ""
    return (
        f"ses réponses ne diraient plus de qui viennent {', '.join(unnamed)}. "
        "Remettez leur paragraphe dans sources.toml."
    )


def _without_source(problems: Sequence[Problem]) -> str:
    grave = [f"- {problem}" for problem in problems if problem.grave]
    if len(grave) > _LISTED:
        grave[_LISTED:] = [f"- … et {counted(len(grave) - _LISTED, 'autre')}, que nomme « loos corpus check »."]
    listed = "\n".join(grave)
    return f"elle citerait des phrases sans leur source.\n{listed}" if grave else ""


def _worse_questions(
    build: Build,
    live: Build | None,
    gold: Sequence[GoldResult],
    live_gold: Sequence[GoldResult],
    diff: BuildDiff | None,
) -> str:
    """Both rules of the gold questions in one reason: what they name, and what to do about it, is much the same."""
    if not live or not diff or not live_gold:
        return ""
    asked = {result.id for result in gold}
    fewer, worse = _fewer_passages(gold, live_gold), _worse_answers(gold, live_gold)
    lost = [
        change
        for change in diff.lost
        if change.after.id in asked
        if (fewer and change.before.found and not change.after.found)
        or (worse and change.before.outcome != change.after.outcome)
    ]
    if not fewer and not worse:
        return ""
    wanted = {span.document for question in build.questions for span in question.spans}
    gone = sorted(wanted - build.documents.keys()) if fewer else []
    why = (
        f" Des questions citent des documents qui ne sont plus là : {', '.join(gone)}. Si c’est voulu, corrigez ou "
        f"retirez-les dans {QUESTIONS_FILE}."
        if gone
        else ""
    )
    return f"{' ; '.join(filter(None, (fewer, worse)))}.{why}\n{told(lost, build, live, diff)}"


def _fewer_passages(gold: Sequence[GoldResult], live_gold: Sequence[GoldResult]) -> str:
    answerable = sum(result.answerable for result in gold)
    found, before = (sum(result.found for result in results) for results in (gold, live_gold))
    if found >= before:
        return ""
    return (
        f"elle retrouve le passage de {counted(found, 'question')} de contrôle sur {answerable}, contre {before} pour "
        "celle en service (aucune perte n’est admise)"
    )


def _worse_answers(gold: Sequence[GoldResult], live_gold: Sequence[GoldResult]) -> str:
    right, right_before = (_count(results, "right") for results in (gold, live_gold))
    wrong, wrong_before = (_count(results, "wrong") for results in (gold, live_gold))
    allowed = tolerated(len(gold))
    if right_before - right <= allowed and wrong - wrong_before <= allowed:
        return ""
    margin = f" (un écart de {allowed} est admis)" if allowed else ""
    wrong_said = counted(wrong, "réponse fausse", "réponses fausses")
    return (
        f"elle répond moins bien, sur {counted(len(gold), 'question')} de contrôle : {counted(right, 'traitée')} comme "
        f"il faut contre {right_before}, {wrong_said} contre {wrong_before}{margin}"
    )


def _count(results: Sequence[GoldResult], outcome: str) -> int:
    return sum(result.outcome == outcome for result in results)
