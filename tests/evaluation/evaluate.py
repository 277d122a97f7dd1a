"""Measure retrieval, answers and refusals, compare with the committed figures, and draw risk over coverage.

    make evaluate PIAF=folder           # folder that holds piaf.json; without it, the gold questions alone
    .venv/bin/python -m tests.evaluation.evaluate [--piaf FOLDER] [--short] [--unread] [--write]

Figures are those of the reporting halves: of the gold questions by section, of PIAF by article, all its passages being
searched. `--write` puts them under `answers` in results/figures.json, or under `unread` with `--unread`, which leaves
the reader out; without it, the command fails (exit status 1) where a figure is worse than the committed one's 95 %
interval. `--short` takes a fixed draw of 200 questions of PIAF.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from chatbot.evaluate import collection_outcomes, gold_outcomes, risk_and_coverage, summary
from chatbot.settings import load_settings
from index import Searcher, Store, load_encoder
from index.evaluate import build_collection, mean_scores
from index.reader import load_reader
from tests.evaluation.piaf_to_beir import piaf_collection

HERE = Path(__file__).parent
RESULTS = HERE / "results"
FIGURES = RESULTS / "figures.json"
COMMAND = "make evaluate PIAF=FOLDER (python -m tests.evaluation.evaluate --piaf FOLDER [--unread] --write)"
SHORT = 200
LEAST = 20
WORSE_WHEN_HIGHER = {"false_answers", "false_partial", "false_refusals"}
NEITHER = {"partial", "words_shown"}
"""Neither good nor bad: what is less than an answer but more than a refusal, and how often the very words are shown."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--piaf", type=Path, help="folder that holds piaf.json")
    parser.add_argument("--short", action="store_true", help="only some questions of PIAF, for a quick look")
    parser.add_argument("--unread", action="store_true", help="as where there is no reader, or no time to read")
    parser.add_argument("--write", action="store_true", help="commit these figures instead of comparing with them")
    arguments = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    reader = None if arguments.unread else load_reader(settings.models, encoder)
    build = Store(settings.index).load(model=encoder.name, revision=encoder.revision)
    reported = gold_outcomes(Searcher(build, encoder, reader=reader), "reporting")
    measured: dict[str, Any] = {"gold": summary(reported)}
    curves = {"gold questions": reported}
    if arguments.piaf:
        collection = piaf_collection(arguments.piaf, questions="reporting")
        build = build_collection(collection, encoder, settings.max_passage_tokens)
        searcher = Searcher(build, encoder, reader=reader)
        ndcg, _, recall_1, *_ = mean_scores(collection, searcher)
        piaf = collection_outcomes(collection, searcher, SHORT if arguments.short else 0)
        measured["piaf"] = summary(piaf)
        measured["piaf"]["retrieval"] = {
            "ndcg@10": round(ndcg, 4),
            "recall@1": round(recall_1, 4),
        }
        for kind in ("far", "near"):
            curves[f"PIAF, {kind}"] = [o for o in piaf if o.answerable or kind in o.groups]
    print(json.dumps(measured, indent=1, ensure_ascii=False))
    if not arguments.unread:
        draw(curves, RESULTS / "risk-over-coverage.png")
    committed = json.loads(FIGURES.read_text(encoding="utf-8"))
    name = "unread" if arguments.unread else "answers"
    if arguments.write:
        committed[name] = {**committed.get(name, {}), "command": COMMAND, **measured}
        FIGURES.write_text(as_text(committed) + "\n", encoding="utf-8")
        return 0
    worse = fallen(committed[name], measured)
    for line in worse:
        print(line, file=sys.stderr)
    return 1 if worse else 0


def fallen(committed: dict[str, Any], measured: dict[str, Any], path: str = "") -> list[str]:
    """The figures that are worse than the committed ones by more than these' 95 % intervals allow.

    Groups of fewer than `LEAST` questions are left out: one question would decide.
    """
    if committed.get("questions", LEAST) < LEAST:
        return []
    worse = []
    for name, before in committed.items():
        after = None if name in NEITHER else measured.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            worse += fallen(before, after, f"{path}{name} › ")
        elif isinstance(before, list) and isinstance(after, list):
            value, low, high = before
            if after[0] > high if name in WORSE_WHEN_HIGHER else after[0] < low:
                worse.append(f"{path}{name}: {after[0]:.3f}, committed {value:.3f} [{low:.3f}, {high:.3f}]")
    return worse


def as_text(figures: Any, depth: int = 0) -> str:
    """JSON with one line for each group of figures."""
    if isinstance(figures, dict) and depth < 3 and any(isinstance(value, dict | list) for value in figures.values()):
        lines = (f"{' ' * (depth + 1)}{json.dumps(key)}: {as_text(value, depth + 1)}" for key, value in figures.items())
        return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
    return json.dumps(figures, ensure_ascii=False)


def draw(curves: dict[str, Any], path: Path) -> None:
    """False answers over false refusals as the threshold moves, one line for each set."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, outcomes in curves.items():
        _, refused, answered = zip(*risk_and_coverage(outcomes), strict=True)
        axes.plot(refused, answered, label=name)
    axes.set(xlabel="answerable questions refused", ylabel="other questions answered", xlim=(0, 0.5), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
