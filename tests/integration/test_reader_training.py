"""The shipped reader reads as its figures say, and its training runs."""

import json
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from index.model import embedded_revision
from index.reader import READER_FILE, READER_SUM
from index.reader_network import Scores
from tests.evaluation import train_reader
from tests.evaluation.evaluate import FIGURES
from tests.evaluation.piaf_to_beir import part_of
from tests.evaluation.reader_sample import SAMPLE, sample, sample_figures
from tests.evaluation.towns import TOWNS, UNSEEN_TOWNS, town_lines


def test_the_shipped_reader_reads_the_sample_as_committed(reader):
    committed = json.loads(FIGURES.read_text(encoding="utf-8"))["reader_sample"]
    figures = sample_figures(reader)
    assert figures["questions"] == committed["questions"]
    # Another processor computes with other last bits: a question or two may turn.
    assert figures == pytest.approx({name: committed[name] for name in figures}, abs=0.045)


def test_what_is_added_to_the_repository_stays_small():
    assert READER_FILE.stat().st_size + READER_SUM.stat().st_size < 12e6


def piaf_of_the_sample(folder):
    """The sample in PIAF's layout: two thirds of it in an article for training, the others in one for tuning."""
    titles = {
        wanted: next(t for t in map(str, range(1000)) if part_of(t) == wanted) for wanted in ("training", "tuning")
    }
    articles = {title: {"title": title, "paragraphs": []} for title in titles.values()}
    for number, (passage, questions) in enumerate(sample()):
        asked = [
            {"id": f"{number}-{n}", "question": q, "answers": [{"text": a, "answer_start": passage.text.index(a)}]}
            for n, (q, a) in enumerate(questions)
            if a
        ]
        title = titles["tuning" if number % 3 == 0 else "training"]
        articles[title]["paragraphs"].append({"context": passage.text, "qas": asked})
    (folder / "piaf.json").write_text(json.dumps({"data": list(articles.values())}), encoding="utf-8")


def towns_of_the_sample(path):
    """A part of the sample as questions on two towns, one of them to tune on."""
    lines = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()][:4]
    towns = ["Courbelin", "Courbelin", "Brénovaux", "Brénovaux"]
    told = (json.dumps(line | {"town": town}) for line, town in zip(lines, towns, strict=True))
    path.write_text("\n".join(told), encoding="utf-8")
    return path


def test_our_own_training_passages_hold_what_they_say():
    passages = list(town_lines([*TOWNS, UNSEEN_TOWNS]))
    assert len({passage["id"] for passage in passages}) == len(passages) == 480 + 801 + 990 + 33
    unseen = {line["town"] for line in town_lines([UNSEEN_TOWNS])}
    assert len(unseen) == 6
    assert unseen.isdisjoint(line["town"] for line in town_lines())
    asked = [(passage["text"], each["answer"]) for passage in passages for each in passage["questions"]]
    assert all(text.count(answer) == 1 for text, answer in asked if answer)
    assert 0.45 < sum(answer is not None for _, answer in asked) / len(asked) < 0.55


def test_a_training_that_is_interrupted_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    piaf_of_the_sample(tmp_path)
    towns = towns_of_the_sample(tmp_path / "towns.jsonl")
    monkeypatch.setattr(train_reader, "CHECKPOINT_EVERY", 1)
    whole, resumed = tmp_path / "whole.safetensors", tmp_path / "resumed.safetensors"
    step = train_reader.Run.step

    def run(output, *more):
        options = ["--work", str(tmp_path / output.stem), "--epochs", "1", "--layers", "1", "--rank", "2"]
        options += ["--towns", str(towns), "--output", str(output), *more]
        monkeypatch.setattr(sys, "argv", ["train_reader", str(tmp_path), *options])
        return train_reader.main()

    def killed(self, *arguments):
        step(self, *arguments)
        if self._at == 2:
            raise KeyboardInterrupt

    assert run(whole) == 0
    monkeypatch.setattr(train_reader.Run, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        run(resumed)
    monkeypatch.setattr(train_reader.Run, "step", step)
    assert run(resumed) == 0
    weights, again = load_file(whole), load_file(resumed)
    assert weights.keys() == again.keys()
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert capsys.readouterr().out.count("epoch 1, ") == 4
    assert not list(tmp_path.rglob("*.pt"))
    with safe_open(whole, framework="numpy") as file:
        assert file.metadata()["base"] == embedded_revision()
    assert any(values.any() for name, values in weights.items() if name.endswith(".up"))
    taught = tmp_path / "taught.safetensors"
    assert run(taught, "--from", str(whole), "--teachers", str(whole), str(resumed)) == 0
    with safe_open(taught, framework="numpy") as file:
        assert float(file.metadata()["kept"]) == 1


def test_what_a_taught_reader_lacks_is_nothing_where_it_says_what_its_teachers_say():
    draw = torch.Generator().manual_seed(1)
    says, other = (Scores(*(torch.randn(shape, generator=draw) for shape in (3, 3, (3, 8), (3, 8)))) for _ in range(2))
    meant = train_reader.mean_scores([lambda pairs: says], [])
    assert float(train_reader.difference(says, meant)) == pytest.approx(0, abs=1e-6)
    assert float(train_reader.difference(other, meant)) > 0.5


def test_training_without_its_data_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train_reader", str(tmp_path), "--work", str(tmp_path / "work")])
    with pytest.raises(SystemExit, match=r"piaf\.json"):
        train_reader.main()
