"""Whether a finished build may go live: why not, in French, for the person who decides.

docs/decisions/0018 tells why the rule is this one.
"""

from collections.abc import Sequence

from index.diff import BuildDiff, QuestionChange
from index.gold import GoldResult
from index.store import Build
from ingest import Corpus
from ingest.check import Problem
from ingest.files import QUESTIONS_FILE

__all__ = ["kept_back", "overtaken", "refusals", "tolerated"]

_LISTED = 5
_SAID = {"right": "bonne réponse", "declined": "pas de réponse", "wrong": "réponse fausse", None: ""}


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
        _worse_passages(build, gold, live_gold, diff),
        _worse_answers(gold, live_gold, diff),
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
        grave[_LISTED:] = [f"- … et {len(grave) - _LISTED} autres, que nomme « loos corpus check »."]
    listed = "\n".join(grave)
    return f"elle citerait des phrases sans leur source.\n{listed}" if grave else ""


def _worse_passages(
    build: Build, gold: Sequence[GoldResult], live_gold: Sequence[GoldResult], diff: BuildDiff | None
) -> str:
    answerable = [result for result in gold if result.answerable]
    found, before = (sum(result.found for result in results) for results in (gold, live_gold))
    if not diff or not live_gold or found >= before:
        return ""
    lost = [change for change in diff.lost if change.before.found and not change.after.found]
    wanted = {span.document for question in build.questions for span in question.spans}
    gone = sorted(wanted - build.documents.keys())
    why = (
        f" Ces questions citent des documents qui ne sont plus là : {', '.join(gone)}. Si c’est voulu, corrigez ou "
        f"retirez-les dans {QUESTIONS_FILE}."
        if gone
        else ""
    )
    return (
        f"elle retrouve {found / len(answerable):.0%} des passages des questions de contrôle, "
        f"contre {before / len(answerable):.0%} pour celle en service.{why}\n{_listed(lost, passages=True)}"
    )


def _worse_answers(gold: Sequence[GoldResult], live_gold: Sequence[GoldResult], diff: BuildDiff | None) -> str:
    if not diff or not live_gold:
        return ""
    right, right_before = (_count(results, "right") for results in (gold, live_gold))
    wrong, wrong_before = (_count(results, "wrong") for results in (gold, live_gold))
    allowed = tolerated(len(gold))
    if right_before - right <= allowed and wrong - wrong_before <= allowed:
        return ""
    margin = f" ({allowed} d’écart sont admises)" if allowed else ""
    lost = [change for change in diff.lost if change.before.outcome != change.after.outcome]
    return (
        f"elle répond moins bien aux {len(gold)} questions de contrôle : {right} traitées comme il faut contre "
        f"{right_before}, {wrong} réponses fausses contre {wrong_before}{margin}.\n{_listed(lost, passages=False)}"
    )


def _listed(lost: Sequence[QuestionChange], *, passages: bool) -> str:
    lines = [
        f"- « {change.after.question} » : "
        + (
            "son passage n’est plus retrouvé"
            if passages
            else f"{_SAID[change.before.outcome]} avant, {_SAID[change.after.outcome]} maintenant"
        )
        for change in lost[:_LISTED]
    ]
    if len(lost) > _LISTED:
        lines.append(f"- … et {len(lost) - _LISTED} autres, que nomme le rapport.")
    return "\n".join(lines)


def _count(results: Sequence[GoldResult], outcome: str) -> int:
    return sum(result.outcome == outcome for result in results)
