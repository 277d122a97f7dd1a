"""How well the shipped reader reads a small sample that we wrote: passages on an invented town, with questions.

    .venv/bin/python -m tests.evaluation.reader_sample [--write]

Two questions of each passage are answered by none of them. A check that the shipped file reads as it did. Then how well
it reads towns that nothing was trained or chosen on (`unseen_towns.jsonl`), which takes some minutes. `--write` commits
the figures under `reader_sample` and `reader_unseen` in results/figures.json.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from chatbot.settings import load_settings
from index.encoder import load_encoder
from index.reader import load_reader
from tests.evaluation.evaluate import FIGURES, as_text
from tests.evaluation.reader_examples import town_items
from tests.evaluation.towns import UNSEEN_TOWNS, town_passage

SAMPLE = Path(__file__).with_name("reader_sample.jsonl")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="commit these figures")
    arguments = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    reader = load_reader(settings.models, encoder)
    command = "python -m tests.evaluation.reader_sample --write"
    figures = {
        "reader_sample": {"command": command, **sample_figures(reader)},
        "reader_unseen": {"command": command, **town_figures(reader, town_items([UNSEEN_TOWNS], encoder))},
    }
    print(json.dumps(figures))
    if arguments.write:
        committed = json.loads(FIGURES.read_text(encoding="utf-8"))
        FIGURES.write_text(as_text({**committed, **figures}) + "\n", "utf-8")
    return 0


def sample():
    """The passages, each with its questions and their answers."""
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        yield town_passage(told), [(question["question"], question["answer"]) for question in told["questions"]]


def sample_figures(reader):
    """Shares of the answerable questions: their passage is the most relevant, the sentence in which most of the answer
    is seen holds it, the exact words touch it. And the AUC of the largest answerability, against the others."""
    passages = [passage for passage, _ in sample()]
    found, own, others = [], [], []
    for place, (passage, questions) in enumerate(sample()):
        for question, answer in questions:
            readings = reader.read(question, passages)
            answerability = max(reading.answerability for reading in readings)
            if answer is None:
                others.append(answerability)
                continue
            own.append(answerability)
            start = passage.text.index(answer)
            found.append(_found(readings, place, passage.text, passage.sentences, (start, start + len(answer))))
    return _figures(found, own, others)


def town_figures(reader, items):
    """As `sample_figures`, each question read with its passage and, if it is answered, the three of its town that are
    nearest. The AUC is that of its passage's answerability, against the questions that their passage only seems to
    answer."""
    found, own, near = [], [], []
    for item in items:
        if item.place is None:
            near.append(reader.read(item.question, [item.passage])[0].answerability)
            continue
        readings = reader.read(item.question, [item.passage, *item.others[:3]])
        own.append(readings[0].answerability)
        found.append(_found(readings, 0, item.passage.text, item.sentences, item.place))
    return _figures(found, own, near)


def _found(readings, place, text, sentences, answer):
    """Whether the passage at `place`, its right sentence, and the exact words of the answer are found."""
    seen = [readings[place].mass(sentence) for sentence in sentences]
    sentence = sentences[int(np.argmax(seen))]
    _, (begins, ends) = readings[place].best((0, len(text)))
    return (
        int(np.argmax([reading.relevance for reading in readings])) == place,
        sentence[0] <= answer[0] < sentence[1],
        begins < answer[1] and answer[0] < ends,
    )


def _figures(found, own, others):
    """Means of what was found, and the AUC of `own` against `others`."""
    auc = np.mean([(one > other) + (one == other) / 2 for one in own for other in others])
    figures = dict(zip(("first", "sentence", "words"), np.mean(found, axis=0), strict=True)) | {"auc": auc}
    return {"questions": len(own) + len(others), **{name: round(float(value), 3) for name, value in figures.items()}}


if __name__ == "__main__":
    sys.exit(main())
