"""Fit the abstention's logistic regression on the choosing halves of the gold questions and of PIAF.

    python tests/evaluation/fit_abstention.py PIAF_FOLDER

Unanswerable questions are the gold ones that the corpus does not answer, and answerable ones as they would be if the
passages with their gold quotes (of PIAF: their passage, or their whole article) were not there. Both data sets count
alike, and so do answerable and unanswerable questions in each. Prints the weights for chatbot/abstain.py and a
threshold, the one at which 9 % of the answerable gold questions of the choosing half are refused. `make evaluate`
reports on the other halves. Takes some minutes.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from chatbot.abstain import Evidence
from chatbot.conversation import find
from chatbot.settings import load_settings
from index import Searcher, Store, load_encoder
from index.evaluate import build_collection, read_collection
from index.gold import half, holds_quote, quote_places

PIAF_QUESTIONS = 700
REFUSED = 0.09


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    arguments = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    gold = of_gold(Searcher(Store(settings.index).load(model=encoder.name, revision=encoder.revision), encoder))
    with tempfile.TemporaryDirectory() as folder:
        convert = [sys.executable, str(Path(__file__).with_name("piaf_to_beir.py")), str(arguments.piaf), folder]
        if subprocess.run([*convert, "--questions", "choosing"], check=False, stdout=subprocess.DEVNULL).returncode:
            return 1
        collection = read_collection(Path(folder))
    piaf = of_piaf(collection, Searcher(build_collection(collection, encoder, settings.max_passage_tokens), encoder))
    values, answerable = (np.array(column) for column in zip(*gold, *piaf, strict=True))
    of_data = np.array([0] * len(gold) + [1] * len(piaf))
    weight = np.ones(len(values))
    for data in (0, 1):
        for kind in (False, True):
            chosen = (of_data == data) & (answerable == kind)
            weight[chosen] = len(values) / 4 / chosen.sum()
    mean, scale = values.mean(axis=0), values.std(axis=0)
    model = LogisticRegression(max_iter=1000).fit((values - mean) / scale, answerable, sample_weight=weight)
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ mean)
    probability = 1 / (1 + np.exp(-bias - values @ weights))
    threshold = float(np.quantile(probability[(of_data == 0) & answerable], REFUSED))
    print("evidence", tuple(field.name for field in fields(Evidence)))
    print("_WEIGHTS =", tuple(round(float(weight), 3) for weight in weights))
    print("_BIAS =", round(bias, 3))
    print("THRESHOLD =", round(threshold, 2))
    return 0


def of_gold(searcher):
    """Rows of (evidence, whether answerable): gold questions of the choosing half, whole and without their quotes."""
    documents = searcher.build.documents
    questions = [question for question in searcher.build.questions if half(question, documents) == "choosing"]
    rows = []
    for question, asked in zip(questions, searcher.encode([q.question for q in questions]), strict=True):
        places = quote_places(question, documents)
        rows.append((row(asked, searcher, lambda passage: False), question.answerable))
        if question.answerable:
            rows.append((row(asked, searcher, lambda passage, places=places: holds_quote(passage, places)), False))
    return rows


def of_piaf(collection, searcher):
    """The same for a fixed draw of PIAF's questions: as they are, without their passage, without their article."""
    drawn = np.random.default_rng(0).choice(len(collection.questions), size=PIAF_QUESTIONS, replace=False)
    questions = [collection.questions[position] for position in drawn]
    rows = []
    for question, asked in zip(questions, searcher.encode([q.text for q in questions]), strict=True):
        own = set(collection.judged[question.id])
        groups = {collection.groups[name] for name in own}
        rows.append((row(asked, searcher, lambda passage: False), True))
        rows.append((row(asked, searcher, lambda passage, own=own: passage.document_id in own), False))
        rows.append((row(asked, searcher, lambda p, g=groups: collection.groups[p.document_id] in g), False))
    return rows


def row(asked, searcher, is_left_out):
    """The evidence for a question where some passages are left out."""
    return astuple(find(asked, searcher, is_left_out).evidence)


if __name__ == "__main__":
    sys.exit(main())
