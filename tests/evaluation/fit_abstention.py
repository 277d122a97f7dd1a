"""Fit the abstention's logistic regression on PIAF, with the product's own search, and report it on unseen articles.

    python tests/evaluation/fit_abstention.py PIAF_FOLDER

Unanswerable questions are made in two ways: *far* leaves the question's whole article out, *near* only its own passage
(unless the article answers it elsewhere too). Articles are split by a hash of their title: fitted on the choosing half,
reported on the other. Prints the weights for chatbot/abstain.py and a table. Takes some minutes.
"""

import argparse
import json
import sys
from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
from piaf_to_beir import half
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from chatbot.abstain import Evidence, evidence
from chatbot.compose import candidates, has_answer_text
from chatbot.settings import load_settings
from index import load_encoder
from index.build import make_build
from index.search import Searcher
from ingest import Corpus, Source
from ingest.assemble import ReadBlock, assemble
from ingest.document import BlockKind


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    arguments = parser.parse_args()
    source = arguments.piaf / "piaf.json"
    if not source.is_file():
        print(f"No piaf.json in {arguments.piaf}. PIAF (Etalab, MIT) is published as etalab-ia/piaf.", file=sys.stderr)
        return 1
    articles = json.loads(source.read_text(encoding="utf-8"))["data"]
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    whole = build_of(articles, encoder, settings.max_passage_tokens)
    rows = []
    for name in ("choosing", "reporting"):
        rows += collect([article for article in articles if half(article["title"]) == name], whole, encoder, name)
    values, kind, of_half = (np.array(column) for column in zip(*rows, strict=True))
    answerable, fitted = kind == "answerable", of_half == "choosing"
    mean, scale = values[fitted].mean(axis=0), values[fitted].std(axis=0)
    model = LogisticRegression(max_iter=1000).fit((values[fitted] - mean) / scale, answerable[fitted])
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ mean)
    print("weights", tuple(round(float(weight), 3) for weight in weights), "bias", round(bias, 3))
    print("evidence", tuple(field.name for field in fields(Evidence)))
    probability = 1 / (1 + np.exp(-bias - values @ weights))
    for name, rows_of in (("fitted", fitted), ("unseen", ~fitted)):
        for against in ("far", "near"):
            chosen = rows_of & ((kind == "answerable") | (kind == against))
            auc = roc_auc_score(answerable[chosen], probability[chosen])
            print(f"{name} {against}: AUC {auc:.3f}", end="")
            for threshold in (0.1, 0.15, 0.2, 0.25, 0.3):
                refused = (probability[rows_of & answerable] < threshold).mean()
                wrong = (probability[rows_of & (kind == against)] >= threshold).mean()
                print(f"; at {threshold}: {refused:.1%} refused, {wrong:.0%} wrongly answered", end="")
            print()
    return 0


def build_of(articles, encoder, max_passage_tokens, whole=None):
    """A build whose documents are articles' passages, `article-passage` by name; vectors reused from `whole`."""
    documents = []
    for article in articles:
        for number, paragraph in enumerate(article["paragraphs"]):
            name = f"{article['title']}#{number}"
            source = Source(name, "", "", "", "", "", "")
            blocks = [ReadBlock(BlockKind.PARAGRAPH, paragraph["context"])]
            documents.append(replace(assemble(blocks, title="-", theme="", source=source), id=name, title=""))
    corpus = Corpus(tuple(documents), (), ())
    return make_build(corpus, (), encoder, "fit", max_passage_tokens, whole)[0]


def collect(articles, whole, encoder, name):
    """Rows of (evidence, kind, half), the same in every run: two questions of each passage, asked in three ways."""
    searcher = Searcher(build_of(articles, encoder, whole.manifest.max_passage_tokens, whole), encoder)
    rows = []
    for article in articles:
        for number, paragraph in enumerate(article["paragraphs"]):
            asked = paragraph["qas"][:2]
            for question, encoded in zip(asked, searcher.encode([q["question"] for q in asked]), strict=True):
                answer = question["answers"][0]["text"]
                elsewhere = any(answer in p["context"] for p in article["paragraphs"] if p is not paragraph)
                found = [hit for hit in searcher.search(encoded, 150) if has_answer_text(hit.passage)]
                everywhere = {f"{article['title']}#{n}" for n in range(len(article["paragraphs"]))}
                left_out = {"answerable": set(), "near": {f"{article['title']}#{number}"}, "far": everywhere}
                for kind, documents in left_out.items():
                    if kind == "near" and elsewhere:
                        continue
                    hits = [hit for hit in found if hit.passage.document_id not in documents][:20]
                    sentences = candidates(encoded, hits, searcher)
                    rows.append((astuple(evidence(encoded.text, hits, sentences, searcher)), kind, name))
    return rows


if __name__ == "__main__":
    sys.exit(main())
