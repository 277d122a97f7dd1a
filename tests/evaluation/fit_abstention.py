"""Fit the abstention's logistic regression that builds start from.

    python -m tests.evaluation.fit_abstention PIAF_FOLDER

Unanswerable questions are those that the documents do not answer, and answerable ones as they would be if the passages
with their gold quotes (of PIAF: their passage, or their whole article) were not there. Of the gold questions the
choosing half, of PIAF the articles for tuning, and our own on the tuning towns, of which PIAF's are asked too: nothing
was trained on any of them. The three data sets count alike, in each answerable and unanswerable questions, and among
these near misses, questions on other matters and the other kinds. Prints the constants of
chatbot/abstain.py, without a reader, then with it (`SCALES` are those of the latter), and the AUC on these very
questions. `make evaluate` reports on what was in none of them. Takes ten minutes.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from chatbot.abstain import SHIPPED, SHIPPED_READ, values_of
from chatbot.calibrate import gold_evidence
from chatbot.conversation import find
from chatbot.evaluate import left_out
from chatbot.settings import load_settings
from index import Searcher, load_encoder
from index.build import make_build
from index.evaluate import build_collection
from index.gold import read_gold
from index.reader import load_reader
from ingest import read_corpus
from ingest.files import QUESTIONS_FILE
from tests.evaluation.piaf_to_beir import piaf_collection
from tests.evaluation.towns import tuning_collection


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    arguments = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    tokens = settings.max_passage_tokens
    gold = read_gold(settings.corpus / QUESTIONS_FILE)
    ours = make_build(read_corpus(settings.corpus), gold, encoder, "gold", tokens)[0]
    collection = piaf_collection(arguments.piaf, articles=("training", "tuning"), questions="tuning")
    piaf = build_collection(collection, encoder, tokens)
    of_town, unanswered = tuning_collection()
    town = build_collection(of_town, encoder, tokens)
    for shipped, reader in ((SHIPPED, None), (SHIPPED_READ, load_reader(settings.models, encoder))):
        searcher = Searcher(ours, encoder, reader=reader)
        asked = searcher.encode([question.question for question in gold])
        rows = [(0, found, kind) for found, kind, _ in gold_evidence(searcher, asked)]
        rows += [(1, *row) for row in collection_evidence(collection, Searcher(piaf, encoder, reader=reader))]
        searcher = Searcher(town, encoder, reader=reader)
        rows += [(2, *row) for row in collection_evidence(of_town, searcher)]
        rows += [(2, find(asked, searcher).evidence, "near") for asked in searcher.encode(unanswered)]
        others = [question.text for question in collection.questions]
        rows += [(2, find(asked, searcher).evidence, "far") for asked in searcher.encode(others)]
        fit(rows, shipped.evidence)
    return 0


def fit(rows, names):
    """Print the constants for these values of the evidence, fitted on rows of data set, evidence, kind of question."""
    rows = [row for row in rows if row[1]]
    of_data, kinds = (np.array([row[column] for row in rows]) for column in (0, 2))
    answerable = kinds == "answerable"
    values = np.array([values_of(row[1], names) for row in rows])
    weight = np.ones(len(values))
    for data in (0, 1, 2):
        for kind in (of_this := set(kinds[of_data == data])):
            chosen = (of_data == data) & (kinds == kind)
            share = 1 if kind == "answerable" else 1 / (len(of_this) - 1)
            weight[chosen] = share * len(values) / 6 / chosen.sum()
    mean, scale = values.mean(axis=0), values.std(axis=0)
    model = LogisticRegression(max_iter=1000).fit((values - mean) / scale, answerable, sample_weight=weight)
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ mean)
    probability = 1 / (1 + np.exp(-bias - values @ weights))
    for data, name in enumerate(("gold", "PIAF", "towns")):
        chosen = of_data == data
        print("AUC on these", name, round(float(roc_auc_score(answerable[chosen], probability[chosen])), 3))
    partial_from, answer_from = np.quantile(probability[(of_data == 0) & answerable], (0.03, 0.1))
    print("evidence", names)
    print("weights =", tuple(round(float(weight), 3) for weight in weights))
    print("bias =", round(bias, 3), "answer_from =", round(answer_from, 3), "partial_from =", round(partial_from, 3))
    print("SCALES =", tuple(round(float(value), 4) for value in scale))


def collection_evidence(collection, searcher):
    """The evidence for each question of a collection in each of the kinds of `left_out`, and the kind."""
    questions = collection.questions
    for question, asked in zip(questions, searcher.encode([q.text for q in questions]), strict=True):
        for kind, without in left_out(question, collection, searcher.build.documents):
            found = find(asked, searcher, lambda passage, without=without: passage.document_id in without)
            yield found.evidence, "answerable" if kind == "all" else kind


if __name__ == "__main__":
    sys.exit(main())
