"""Train the evidence reader on PIAF's training articles and on towns of ours, and write index/reader.safetensors.

    make train-reader PIAF=FOLDER
    .venv/bin/python -m tests.evaluation.train_reader PIAF_FOLDER [--output FILE] [--from FILE] [--teachers FILE…] […]

`--from` goes on from a reader that knows PIAF and the files of towns but the last: of these it asks one question in
`AGAIN`. With `--teachers`, readers of the same data, it learns what they say on average beside what is true. Takes some
three hours on two cores, more with teachers, minutes on a GPU. Progress is printed. Stopped or killed, the same command
goes on from the last checkpoint, which is kept in the work folder. Seeds are fixed. After each epoch, figures on the
tuning articles and towns are printed. index/reader.md tells what came of it, docs/decisions/0014 what else was tried.
"""

import argparse
import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cross_entropy, kl_div

from chatbot.settings import load_settings
from index import Searcher, load_encoder, reader_network
from index.encoder import EMBEDDED_FOLDER
from index.evaluate import build_collection
from index.model import embedded_revision
from index.reader import READER_FILE
from index.reader_network import (
    Pair,
    PairTokenizer,
    ReaderNetwork,
    Scores,
    add_adapters,
    base_network,
    load_network,
    save_network,
)
from ingest.passages import heading_text
from ingest.sentences import Span
from tests.evaluation import reader_examples
from tests.evaluation.piaf_to_beir import part_of, piaf_collection
from tests.evaluation.reader_examples import Example, Item, examples, items_of, town_items
from tests.evaluation.towns import TOWNS, TUNING_TOWNS, town_lines

HEADS_RATE = 5e-4
MOST_TOKENS = 2000
"""Of what is computed at once, padding included."""
HIDDEN = 0.1
"""Share of the tokens of a question and its passage that are hidden in training."""
LOSS = {"ranking": 0.5, "relevance": 0.5, "answerability": 1.0, "span": 0.5, "sentence": 0.5, "none": 0.5}
"""What each part counts for in the loss."""
TAUGHT = 0.7
"""What the teachers' part counts for in the loss, and what is true for the rest: Hinton et al., « Distilling the
knowledge in a neural network » (2015)."""
KEPT = 0.85
"""Share of the trained change that is kept, all of it with teachers: on the way back to the embedded model lies what it
had not yet learned by heart (Wortsman et al., « Robust fine-tuning of zero-shot models », 2022). docs/decisions/0014
has the figures."""
AGAIN = 4
"""One in so many of the questions that are known is asked again among new ones."""
WARM_UP = 0.1
"""Share of a phase in which the rate rises; then it falls to nothing."""
CHECKPOINT_EVERY = 50
_MEASURED_AT_ONCE = 8


def chosen_options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    parser.add_argument("--work", type=Path, default=Path("var/reader"), help="where the checkpoint is kept")
    parser.add_argument("--output", type=Path, default=READER_FILE, help="the file to write")
    parser.add_argument("--towns", type=Path, nargs="+", default=TOWNS, help="files of passages on towns")
    parser.add_argument("--from", type=Path, dest="start", help="the reader to go on from")
    parser.add_argument("--epochs", type=int, default=2, help="on PIAF alone, before the one on both")
    parser.add_argument("--layers", type=int, default=12, help="how many of the model's layers")
    parser.add_argument("--frozen", type=int, default=0, help="how many of the lowest layers stay as they are")
    parser.add_argument("--negatives", type=int, default=2, help="other passages that a question is read with")
    parser.add_argument("--teachers", type=Path, nargs="+", default=[], help="readers to learn from")
    parser.add_argument("--batch", type=int, default=8, help="questions of a step, each with its passages")
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, of the adapters")
    parser.add_argument("--rank", type=int, default=32, help="of the adapters")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.frozen and options.teachers:
        parser.error("--frozen with --teachers: frozen layers would keep the change that `keep` takes back elsewhere")
    return options


def main() -> int:
    options = chosen_options()
    options.work.mkdir(parents=True, exist_ok=True)
    settings = load_settings()
    encoder = load_encoder(settings.model, settings.models)
    folder = settings.models / EMBEDDED_FOLDER
    items, groups = piaf_items(options.piaf, encoder, settings.max_passage_tokens)
    of_towns = town_items(options.towns, encoder)
    training = [item for item in items if part_of(item.article) == "training"]
    of_training_towns = [item for item in of_towns if item.article not in TUNING_TOWNS]
    tuning = {
        "PIAF": [item for item in items if part_of(item.article) == "tuning"][::2],
        "towns": [item for item in of_towns if item.article in TUNING_TOWNS][::4],
    }
    tokenizer = PairTokenizer(encoder.tokenizer, folder)

    network = network_to_train(folder, options)
    chosen = {
        "layers": options.layers,
        "rank": options.rank,
        "frozen": options.frozen,
        "negatives": options.negatives,
        "seed": options.seed,
        "batch": options.batch,
        "rate": options.rate,
        "made from": made_from(
            options.piaf / "piaf.json", *options.towns, *filter(None, [options.start]), *options.teachers
        ),
    }
    if options.start:
        known = {line["town"] for line in town_lines(options.towns[:-1])}
        of_known_towns = [item for item in of_training_towns if item.article in known]
        of_new_towns = [item for item in of_training_towns if item.article not in known]
        epochs = [training[::AGAIN] + of_known_towns[::AGAIN] + of_new_towns]
    else:
        epochs = [training] * options.epochs + [training[::AGAIN] + of_training_towns]
    steps = [len(asked) // options.batch for asked in epochs]
    phases = (sum(steps[:-1]), steps[-1])
    teachers = [load_network(folder, path).to(network.device) for path in options.teachers]
    training_run = Run(network, phases, options.work / "checkpoint.pt", chosen, teachers)
    for epoch, asked in enumerate(epochs):
        made = list(examples(asked, groups, f"{options.seed}/{epoch}", options.negatives))
        for first in range(0, len(made) - options.batch + 1, options.batch):
            training_run.step(made[first : first + options.batch], tokenizer, options.seed)
        if training_run.moved:
            for name, some in tuning.items():
                print(f"epoch {epoch + 1}, {name}:", tuned(network, some, groups, tokenizer), flush=True)
    kept = 1.0 if teachers else KEPT
    keep(network, kept)
    questions = str(len(training) + len(of_training_towns))
    about = {"base": encoder.revision, "questions": questions, "rank": str(options.rank), "seed": str(options.seed)}
    about["kept"] = str(kept)
    write(network, options.output, about)
    training_run.checkpoint.unlink()
    network = load_network(folder, options.output)
    for name, some in tuning.items():
        print(f"{options.output}, {name}:", tuned(network, some, groups, tokenizer))
    return 0


def network_to_train(folder: Path, options: argparse.Namespace) -> ReaderNetwork:
    """The embedded model with its adapters, fresh or as another run left them, on the GPU if there is one."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(os.cpu_count() or 1)
    network = base_network(folder, options.layers)
    add_adapters(network, options.rank)
    if options.start:
        go_on_from(options.start, network)
    network.body.encoder.layer[: options.frozen].requires_grad_(False)
    network.body.set_attn_implementation("eager")  # the gradient of the other one takes twice as long on a CPU
    return network.to("cuda" if torch.cuda.is_available() else "cpu").train()


def write(network: ReaderNetwork, path: Path, about: dict[str, str]) -> None:
    """The network as a file with its checksum beside it, what was frozen included."""
    for name, parameter in network.named_parameters():
        if name.endswith((".up", ".down")):
            parameter.requires_grad_(True)
    save_network(network.cpu(), path, about)
    total = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".sha256").write_text(f"{total}  {path.name}\n", "ascii")


def made_from(*data: Path) -> str:
    """A checksum of what a checkpoint rests on: the data, the model, the code of this training and of the network."""
    total = hashlib.sha256(embedded_revision().encode())
    code = (__file__, reader_examples.__file__, reader_network.__file__)
    for path in (*data, *map(Path, code)):
        total.update(path.read_bytes())
    return total.hexdigest()


def go_on_from(path: Path, network: ReaderNetwork) -> None:
    """Give the network what a file of this training holds, as it was before `keep`."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    layers, rank = network.body.config.num_hidden_layers, about.get("rank")
    wanted = next(p.shape[0] for name, p in network.named_parameters() if name.endswith(".down"))
    if (about["layers"], rank) != (str(layers), str(wanted)):
        raise SystemExit(f"{path} has {about['layers']} layers and adapters of rank {rank}: pass --layers and --rank.")
    kept = float(about.get("kept", 0.85))  # what files before this key kept
    learned = {name: tensor.float() for name, tensor in load_file(path).items()}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(learned.pop(name.replace(".parametrizations.weight.0.", ".weight.")))
    assert not learned, f"{path}: {', '.join(learned)}"
    keep(network, 1 / kept)


def keep(network: ReaderNetwork, share: float) -> None:
    """Scale what the adapters change."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(".up"):
                parameter.mul_(share)


def piaf_items(piaf, encoder, max_passage_tokens) -> tuple[list[Item], dict[str, str]]:
    """The questions of the training and tuning articles, and the title of each of their documents."""
    collection = piaf_collection(piaf, articles=("training", "tuning"))
    articles = json.loads((piaf / "piaf.json").read_text(encoding="utf-8"))["data"]
    paragraphs = (paragraph for article in articles for paragraph in article["paragraphs"])
    asked = (question for paragraph in paragraphs for question in paragraph["qas"])
    starts = {question["id"]: question["answers"][0]["answer_start"] for question in asked if question["answers"]}
    searcher = Searcher(build_collection(collection, encoder, max_passage_tokens), encoder)
    return items_of(searcher, collection, starts), dict(collection.groups)


class Run:
    """A training run in phases of so many steps, each with its rise and fall of the rate.

    It goes on from its checkpoint: steps that were done are passed over.
    """

    def __init__(
        self,
        network: ReaderNetwork,
        phases: Sequence[int],
        checkpoint: Path,
        options: dict[str, object],
        teachers: Sequence[ReaderNetwork] = (),
    ) -> None:
        self.network = network
        self.teachers = teachers
        self.steps = sum(phases)
        self.checkpoint = checkpoint
        self.options = {**options, "phases": list(phases)}
        self.moved = False
        self._trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        groups = [
            {"params": [p for name, p in self._trained.items() if name.startswith("body")], "lr": options["rate"]},
            {"params": [p for name, p in self._trained.items() if not name.startswith("body")], "lr": HEADS_RATE},
        ]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
        shares = [
            min((step + 1) / (WARM_UP * steps + 1), (steps - step) / (steps - WARM_UP * steps))
            for steps in phases
            for step in range(steps)
        ]
        shares.append(0.0)  # the scheduler looks one step ahead
        self._rate = torch.optim.lr_scheduler.LambdaLR(self._optimiser, lambda step: shares[step])
        self._at = self._done = 0
        if checkpoint.is_file():
            kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
            if kept["options"] != self.options:
                raise SystemExit(
                    f"{checkpoint} is of other options, {kept['options']}: delete it, or use another --work."
                )
            network.load_state_dict(kept["network"], strict=False)
            self._optimiser.load_state_dict(kept["optimiser"])
            self._rate.load_state_dict(kept["rate"])
            self._done = kept["step"]
        self._started = time.monotonic()
        self._means: dict[str, float] = {}

    def step(self, groups: Sequence[Sequence[Example]], tokenizer: PairTokenizer, seed: int) -> None:
        """One step on these questions, unless it was done before."""
        self._at += 1
        if self._at <= self._done:
            return
        self.moved = True
        loss, parts = loss_of(self.network, groups, tokenizer, random.Random(f"{seed}/{self._at}"), self.teachers)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained.values(), 1.0)
        self._optimiser.step()
        self._rate.step()
        self._optimiser.zero_grad()
        for name, part in parts.items():
            value = float(part.detach())
            self._means[name] = 0.97 * self._means.get(name, value) + 0.03 * value
        if self._at % 10 == 0:
            left = (time.monotonic() - self._started) / (self._at - self._done) * (self.steps - self._at)
            print(f"step {self._at}/{self.steps}, {left / 60:.0f} min left: {_text(self._means)}", flush=True)
        if self._at % CHECKPOINT_EVERY == 0 or self._at == self.steps:
            state = {name: parameter.detach() for name, parameter in self._trained.items()}
            kept = {"network": state, "optimiser": self._optimiser.state_dict(), "rate": self._rate.state_dict()}
            torch.save({**kept, "step": self._at, "options": self.options}, self.checkpoint.with_suffix(".new"))
            self.checkpoint.with_suffix(".new").replace(self.checkpoint)


def loss_of(
    network: ReaderNetwork,
    groups: Sequence[Sequence[Example]],
    tokenizer: PairTokenizer,
    draw: random.Random | None = None,
    teachers: Sequence[ReaderNetwork] = (),
):
    """The loss on some questions, and its parts. With `draw`, some tokens are hidden, from the teachers none."""
    flat = [example for group in groups for example in group]
    pairs = whole = [tokenizer.pair(example.question, example.heading, example.text) for example in flat]
    if draw:
        pairs = [hidden(pair, draw, tokenizer.mask) for pair in pairs]
    relevance: list = [None] * len(flat)
    answerability: list = [None] * len(flat)
    spans, sentences, nones, taught = [], [], [], []
    with torch.autocast(network.device.type, torch.bfloat16):
        for run in batches(pairs):
            scores = network([pairs[position] for position in run])
            starts, ends = scores.start.log_softmax(1), scores.end.log_softmax(1)
            if teachers:
                said = mean_scores(teachers, [whole[position] for position in run])
                taught.append(len(run) / len(pairs) * difference(scores, said))
            for row, position in enumerate(run):
                relevance[position], answerability[position] = scores.relevance[row], scores.answerability[row]
                example = flat[position]
                if example.answer is None:
                    nones.append(-(starts[row, 0] + ends[row, 0]) / 2)
                elif own := places_of(pairs[position], example.answer):
                    spans.append(-(starts[row, own[0]] + ends[row, own[-1]]) / 2)
                    within = places_of(pairs[position], example.sentence)
                    sentences.append(-(starts[row, within].logsumexp(0) + ends[row, within].logsumexp(0)) / 2)
    answers = torch.tensor([float(example.answer is not None) for example in flat], device=network.device)
    own = [position for position, example in enumerate(flat) if example.is_own]
    ranking, first = [], 0
    for group in groups:
        competing = [first + row for row, example in enumerate(group) if example.is_own]
        if competing:
            logits = torch.stack([relevance[position] for position in competing])
            ranking.append(cross_entropy(logits[None], torch.zeros(1, dtype=torch.long, device=network.device)))
        first += len(group)
    nothing = [torch.zeros((), device=network.device)]  # where none of the questions is answered
    parts = {
        "ranking": torch.stack(ranking or nothing).mean(),
        "relevance": torch.stack([bce(relevance[p], answers[p]) for p in own] or nothing).mean(),
        "answerability": bce(torch.stack(answerability), answers),
        "span": torch.stack(spans or nothing).mean(),
        "sentence": torch.stack(sentences or nothing).mean(),
        "none": torch.stack(nones).mean(),
    }
    loss = sum(LOSS[name] * part for name, part in parts.items())
    if not teachers:
        return loss, parts
    parts["taught"] = torch.stack(taught).sum()
    return (1 - TAUGHT) * loss + TAUGHT * parts["taught"], parts


@torch.no_grad()
def mean_scores(teachers: Sequence[ReaderNetwork], pairs: Sequence[Pair]) -> Scores:
    """What teachers say on average: logits, and of the places probabilities."""
    said = [teacher(pairs) for teacher in teachers]
    return Scores(
        torch.stack([scores.relevance for scores in said]).mean(0),
        torch.stack([scores.answerability for scores in said]).mean(0),
        torch.stack([scores.start.softmax(1) for scores in said]).mean(0),
        torch.stack([scores.end.softmax(1) for scores in said]).mean(0),
    )


def difference(scores: Scores, said: Scores) -> torch.Tensor:
    """How far a reader's scores are from `mean_scores`, in nats."""
    judged = ((scores.relevance, said.relevance), (scores.answerability, said.answerability))
    placed = ((scores.start, said.start), (scores.end, said.end))
    own = sum(bce(logits, mean.sigmoid()) - bce(mean, mean.sigmoid()) for logits, mean in judged)
    return own + sum(kl_div(logits.log_softmax(1), mean, reduction="batchmean") for logits, mean in placed) / 2


def batches(pairs: Sequence[Pair]) -> Iterator[list[int]]:
    """The pairs' positions in runs of like length, so that little is computed for padding."""
    order = sorted(range(len(pairs)), key=lambda position: -len(pairs[position].ids))
    while order:
        count = max(1, MOST_TOKENS // len(pairs[order[0]].ids))
        yield order[:count]
        order = order[count:]


def hidden(pair: Pair, draw: random.Random, mask: int) -> Pair:
    """The pair with some of the tokens of question and passage hidden."""
    ids = list(pair.ids)
    for place in (*pair.asked, *pair.told):
        if draw.random() < HIDDEN:
            ids[place] = mask
    return replace(pair, ids=tuple(ids))


def places_of(pair: Pair, span: Span) -> list[int]:
    """The places of the passage's tokens that stand for a part of `span`."""
    told = zip(pair.told, pair.spans, strict=True)
    return [place for place, (start, end) in told if start < span[1] and span[0] < end]


def tuned(network: ReaderNetwork, items: Sequence[Item], groups, tokenizer: PairTokenizer) -> str:
    """The losses on questions that were not trained on, and how well the reader alone does what it is for.

    The share for which it takes their passage for the most relevant, against five others, and in which it sees the
    answer in the right sentence of it; the AUC of answerability against the others, and against what looks as if it
    answered: its passage without those sentences, and the passages of questions that none answers.
    """
    from sklearn.metrics import roc_auc_score

    network.eval()
    losses: dict[str, float] = {}
    made = list(examples(items, groups, "0/0"))
    first, right, own, others, near = [], [], [], [], []
    with torch.no_grad():
        for start in range(0, len(made), _MEASURED_AT_ONCE):
            some = made[start : start + _MEASURED_AT_ONCE]
            for name, part in loss_of(network, some, tokenizer)[1].items():
                losses[name] = losses.get(name, 0) + float(part) * len(some) / len(made)
        for item in items:
            passages = (item.passage, *item.others[:5])
            told = [(heading_text(passage.heading_path), passage.text) for passage in passages]
            if item.without_answer:
                told.append((told[0][0], item.without_answer))
            pairs = [tokenizer.pair(item.question, *heading_and_text) for heading_and_text in told]
            with torch.autocast(network.device.type, torch.bfloat16):
                scores = network(pairs)
            answerability = scores.answerability.tolist()
            others += answerability[1 : len(passages)]
            near += answerability[len(passages) :]
            if item.place is None:
                near.append(answerability[0])
                continue
            own.append(answerability[0])
            first.append(int(scores.relevance[: len(passages)].argmax()) == 0)
            chances = torch.stack((scores.start[0], scores.end[0])).softmax(1).sum(0)
            seen = [float(chances[places_of(pairs[0], sentence)].sum()) for sentence in item.sentences]
            start, end = item.sentences[int(np.argmax(seen))]
            right.append(start <= item.place[0] < end)
    network.train()
    aucs = [roc_auc_score([1] * len(own) + [0] * len(negatives), own + negatives) for negatives in (others, near)]
    shares = {"first": np.mean(first), "sentence": np.mean(right), "AUC others": aucs[0], "AUC near": aucs[1]}
    return f"losses {_text(losses)}; {_text(shares)}"


def _text(figures) -> str:
    return ", ".join(f"{name} {float(value):.3f}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
