"""Train what orders passages and sentences: the head of late interaction, then the weights of all evidence.

    python -m tests.evaluation.train_ranker PIAF_FOLDER [--weights]

PIAF's training articles train the head: a projection of the encoder's token vectors and how much each token of a
question counts, so that the passage and the sentences that hold the answer are nearer to the question than those that
retrieval takes for them. It is written to index/late.safetensors. The tuning articles, the tuning towns and the gold
questions' choosing half, which count alike, then choose the weights, without a reader and with it, printed for
index/search.py and chatbot/compose.py. `make evaluate` reports on what none of these has seen. Takes a quarter of an
hour on two cores, two minutes of it for the head, which `--weights` leaves as it is.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import normalize, softplus

import chatbot.compose
import index.search
from chatbot.compose import candidates
from chatbot.conversation import find_passages
from chatbot.settings import load_settings
from index import Searcher, load_encoder
from index.build import make_build
from index.evaluate import build_collection
from index.gold import half, holds_quote, quote_places, read_gold
from index.late import HEAD_FILE, PLAIN, load_head
from index.reader import load_reader
from ingest import Corpus, read_corpus
from ingest.files import QUESTIONS_FILE
from tests.evaluation.piaf_to_beir import part_of, piaf_collection
from tests.evaluation.towns import tuning_collection

WIDTH = 256
"""Numbers of a projected token vector: with 128 one point less of the first sentences, with 384 none more."""
EPOCHS, BATCH, LEARNING_RATE = 4, 8, 1e-3
PASSAGES = 20
DROPPED = 0.15
"""Share of a question's tokens that are hidden in training."""
PULL = 0.05
"""How strongly the projection is held near the one that it starts from."""
READ = 20
READ_WEIGHTS_TRIED = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    parser.add_argument("--weights", action="store_true", help="only choose the weights")
    arguments = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    collection = piaf_collection(arguments.piaf, articles=("training", "tuning"))
    corpus = Corpus(collection.documents, (), ())
    tokens = settings.max_passage_tokens
    plain = Searcher(make_build(corpus, (), encoder, "plain", tokens, head=PLAIN)[0], encoder, PLAIN)
    items = []  # of each question: encoded, where its answer stands, what the answer is, the part of PIAF
    for q, asked in zip(collection.questions, plain.encode([q.text for q in collection.questions]), strict=True):
        own = list(collection.judged[q.id])
        places = [(name, (0, 10**9)) for name in own]
        items.append((asked, places, q.answers, part_of(collection.groups[own[0]])))
    if not arguments.weights:
        train_head(plain, [item for item in items if item[3] == "training"], encoder.revision)
        load_head.cache_clear()

    searcher = Searcher(make_build(corpus, (), encoder, "trained", tokens)[0], encoder)
    piaf = [
        (asked, *item[1:3])
        for item, asked in zip(items, searcher.encode([item[0].text for item in items]), strict=True)
        if item[3] == "tuning"
    ]
    read = read_corpus(settings.corpus)
    build = make_build(read, read_gold(settings.corpus / QUESTIONS_FILE), encoder, "gold", tokens)[0]
    ours = Searcher(build, encoder)
    questions = [q for q in build.questions if q.answerable and half(q, build.documents) == "choosing"]
    gold = [
        (asked, quote_places(q, build.documents), q.gold)
        for q, asked in zip(questions, ours.encode([q.question for q in questions]), strict=True)
    ]
    of_town, _ = tuning_collection()
    towns = Searcher(build_collection(of_town, encoder, tokens), encoder)
    town = [
        (asked, [(name, (0, 10**9)) for name in of_town.judged[q.id]], q.answers)
        for q, asked in zip(of_town.questions, towns.encode([q.text for q in of_town.questions]), strict=True)
    ]
    sets = [(searcher, piaf), (ours, gold), (towns, town)]
    index.search.PASSAGE_WEIGHTS = fit(sets, passage_rows, "PASSAGE_WEIGHTS")
    chatbot.compose.SENTENCE_WEIGHTS = fit(sets, sentence_rows, "SENTENCE_WEIGHTS")
    searcher.reader = ours.reader = towns.reader = load_reader(settings.models, encoder)
    index.search.READ_WEIGHT = fit_reading(sets)
    fit(sets, sentence_rows, "READ_WEIGHTS")
    return 0


def train_head(searcher, items, revision):
    """Train on (question, places, answers) and write the head."""
    build = searcher.build
    vectors = torch.tensor(np.concatenate(list(build.tokens.passages))).float() / 127
    _, directions = torch.linalg.eigh(vectors.T @ vectors)
    start = directions.flip(1)[:, :WIDTH].contiguous()
    projection = start.clone().requires_grad_()
    importance = torch.zeros(len(start), requires_grad=True)
    sharpness = torch.full((2,), 3.0, requires_grad=True)
    cases = [case for asked, places, answers, _ in items if (case := training_case(searcher, asked, places, answers))]
    steps = EPOCHS * (len(cases) // BATCH)
    optimiser = torch.optim.AdamW([projection, importance, sharpness], lr=LEARNING_RATE, weight_decay=0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    generator = torch.Generator().manual_seed(0)
    for epoch in range(EPOCHS):
        total = 0.0
        order = torch.randperm(len(cases), generator=generator).tolist()
        for first in range(0, len(cases) - BATCH + 1, BATCH):
            loss = PULL * ((projection - start) ** 2).sum()
            for case in (cases[position] for position in order[first : first + BATCH]):
                question, rows, of_passage, of_sentence, right_passages, right_sentences, passage_of = case
                kept = torch.rand(len(question), generator=generator) > DROPPED
                question = question[kept] if kept.sum() > 1 else question
                weights = softplus(question @ importance + float(np.log(np.e - 1)))
                cosines = normalize(question @ projection, dim=1) @ normalize(vectors[rows] @ projection, dim=1).T
                passages, sentences = (
                    (weights / weights.sum()) @ largest(cosines, of) for of in (of_passage, of_sentence)
                )
                sentences = sentences[:-1] + 0.5 * passages[passage_of]  # the last one is what is in none
                for near, right, sharp in (
                    (passages, right_passages, sharpness[0]),
                    (sentences, right_sentences, sharpness[1]),
                ):
                    scores = sharp.exp() * near
                    loss = loss + (scores.logsumexp(0) - scores[right].logsumexp(0)) / 2 / BATCH
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1}: loss {total / (len(cases) // BATCH):.3f}", file=sys.stderr)
    tensors = {"projection": projection.detach().half(), "importance": importance.detach()}
    name = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors.values())).hexdigest()[:12]
    save_file(tensors, HEAD_FILE, {"name": name, "revision": revision})


def training_case(searcher, asked, places, answers):
    """A question's tokens, the rows of its passages' tokens, and what they belong to; None where nothing is right."""
    tokens, starts = searcher.build.tokens, searcher.build.tokens.starts
    hits = searcher.search(asked, index.search.REORDERED)
    own = {name for name, _ in places}
    passages = [hit.passage for hit in hits[: PASSAGES - 1]]
    passages += [hit.passage for hit in hits[PASSAGES - 1 :] if hit.passage.document_id in own][:1]
    rows, of_passage, of_sentence, right_sentences, passage_of = [], [], [], [], []
    for number, passage in enumerate(passages):
        row = searcher._row[passage.id]
        first, end = starts[row], starts[row + 1]
        belongs = np.full(end - first, -1)
        spans = tokens.sentences[searcher._first_sentence_row[passage.id] :][: len(passage.sentences)]
        for (left, right), (start, stop) in zip(spans, passage.sentences, strict=True):
            belongs[left:right] = len(passage_of)
            text = passage.text[start - passage.start : stop - passage.start]
            right_sentences.append(passage.document_id in own and any(answer in text for answer in answers))
            passage_of.append(number)
        rows += range(first, end)
        of_passage += [number] * (end - first)
        of_sentence += belongs.tolist()
    right_passages = [passage.document_id in own for passage in passages]
    if not any(right_passages) or not any(right_sentences):
        return None
    of_sentence = [len(passage_of) if number < 0 else number for number in of_sentence]
    if len(passage_of) not in of_sentence:  # so that there always is a last one to leave out
        rows.append(rows[-1])
        of_passage.append(of_passage[-1])
        of_sentence.append(len(passage_of))
    columns = (rows, of_passage, of_sentence, right_passages, right_sentences, passage_of)
    return torch.tensor(asked.tokens), *map(torch.tensor, columns)


def largest(cosines, groups):
    """The largest cosine of each row `(n, tokens)` in each group of tokens: `(n, groups)`."""
    empty = torch.full((len(cosines), int(groups.max()) + 1), -1.0)
    return empty.scatter_reduce(1, groups.expand(len(cosines), -1), cosines, "amax")


def passage_rows(searcher, asked, places, answers):
    """The scaled values of the passages found, and which are right."""
    hits = find_passages(asked, searcher, index.search.REORDERED)
    values = [(hit.similarity, hit.lexical, hit.late) for hit in hits]
    return index.search.scaled(np.array(values)), np.array([holds_quote(hit.passage, places) for hit in hits])


def sentence_rows(searcher, asked, places, answers):
    """The values of the sentences that may answer, and which do."""
    found = candidates(asked, find_passages(asked, searcher, READ), searcher)
    right = [holds_quote(c.passage, places) and any(answer in c.text for answer in answers) for c in found]
    return np.array([candidate.values for candidate in found]), np.array(right)


def fit_reading(sets):
    """What reading counts for in the rank of a passage: what puts the right ones first most often. Prints how often."""
    found = [[(find_passages(asked, searcher, 10), places) for asked, places, _ in rows] for searcher, rows in sets]
    shares = {}
    for weight in READ_WEIGHTS_TRIED:
        index.search.READ_WEIGHT = weight
        of_sets = []
        for of in found:
            best = [min(hits, key=index.search.rank_after_reading) for hits, _ in of]
            of_sets.append(np.mean([holds_quote(hit.passage, row[1]) for hit, row in zip(best, of, strict=True)]))
        shares[weight] = of_sets
        print("READ_WEIGHT", weight, [round(float(share), 3) for share in of_sets])
    return max(shares, key=lambda weight: sum(shares[weight]))


def fit(sets, make, name):
    """Weights, of sum 1 without the negative ones, under which what is right comes first: a listwise regression.

    Prints them, and for each set how often something right is first, or among the first.
    """
    made = [[make(searcher, *row) for row in rows] for searcher, rows in sets]
    groups = [[(torch.tensor(v).float(), torch.tensor(r)) for v, r in of if r.any() and not r.all()] for of in made]
    weights = torch.zeros(groups[0][0][0].shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = 1e-3 * (weights**2).sum()
        for of in groups:
            for values, right in of:
                scores = values @ weights
                loss = loss + (scores.logsumexp(0) - scores[right].logsumexp(0)) / len(of)
        loss.backward()
        return loss

    optimiser.step(closure)
    fitted = weights.detach().numpy()
    fitted = tuple((fitted / fitted.clip(0).sum()).tolist())
    print(name, "=", tuple(round(weight, 2) for weight in fitted))
    for of in made:
        first = [rank(*row, fitted) for row in of]
        print("  ", {depth: round(float(np.mean([0 <= r < depth for r in first])), 3) for depth in (1, 2, 3, 5)})
    return fitted


def rank(values, right, weights):
    """How many come before the first that is right; -1 where none is."""
    places = np.flatnonzero(right[np.argsort(-(values @ np.array(weights)), kind="stable")])
    return int(places[0]) if len(places) else -1


if __name__ == "__main__":
    sys.exit(main())
