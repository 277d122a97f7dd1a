"""Fit the abstention's logistic regression that builds start from.

    python -m tests.evaluation.fit_abstention PIAF_FOLDER

Unanswerable questions are the gold ones that the corpus does not answer, and answerable ones as they would be if the
passages with their gold quotes (of PIAF: their passage, or their whole article) were not there. Of the gold questions
the choosing half, of PIAF the articles for tuning, on which nothing was trained. Both data sets count alike, and so do
answerable and unanswerable questions in each. Prints the constants of chatbot/abstain.py. `make evaluate` reports on
the other halves. Takes a minute.
"""

import argparse
import sys
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from chatbot.abstain import Evidence
from chatbot.calibrate import gold_evidence
from chatbot.conversation import find
from chatbot.settings import load_settings
from index import Searcher, load_encoder
from index.build import make_build
from index.evaluate import build_collection
from index.gold import read_gold
from ingest import read_corpus
from ingest.files import QUESTIONS_FILE
from tests.evaluation.piaf_to_beir import piaf_collection


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    arguments = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    tokens = settings.max_passage_tokens
    gold = read_gold(settings.corpus / QUESTIONS_FILE)
    build = make_build(read_corpus(settings.corpus), gold, encoder, "gold", tokens)[0]
    ours = Searcher(build, encoder)
    asked = ours.encode([question.question for question in gold])
    rows = [(0, found, kind == "answerable") for found, kind, _ in gold_evidence(ours, asked)]
    collection = piaf_collection(arguments.piaf, half="choosing", questions="tuning")
    piaf = piaf_evidence(collection, Searcher(build_collection(collection, encoder, tokens), encoder))
    rows += [(1, found, answerable) for found, answerable in piaf]
    of_data, answerable = (np.array([row[column] for row in rows]) for column in (0, 2))
    values = np.array([astuple(row[1]) for row in rows])
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
    partial_from, answer_from = np.quantile(probability[(of_data == 0) & answerable], (0.03, 0.1))
    print("evidence", tuple(field.name for field in fields(Evidence)))
    print("_WEIGHTS =", tuple(round(float(weight), 3) for weight in weights))
    print("bias =", round(bias, 3), "answer_from =", round(answer_from, 3), "partial_from =", round(partial_from, 3))
    print("SCALES =", tuple(round(float(value), 4) for value in scale))
    return 0


def piaf_evidence(collection, searcher):
    """The evidence for each question as it is, without its passage, without its article; whether it is answerable."""
    questions = collection.questions
    for question, asked in zip(questions, searcher.encode([q.text for q in questions]), strict=True):
        own = set(collection.judged[question.id])
        groups = {collection.groups[name] for name in own}
        yield find(asked, searcher).evidence, True
        yield find(asked, searcher, lambda passage, own=own: passage.document_id in own).evidence, False
        yield find(asked, searcher, lambda p, g=groups: collection.groups[p.document_id] in g).evidence, False


if __name__ == "__main__":
    sys.exit(main())
