"""Opinions: kept only where the operator chose to, only for so long, and nothing of who gave them."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatbot.cli import app
from chatbot.feedback import Feedback
from chatbot.settings import Settings


def feedback(folder: Path, days: int) -> Feedback:
    return Feedback(Settings(feedback=folder / "avis", feedback_days=days))


def test_nothing_is_kept_by_default(tmp_path: Path) -> None:
    assert Settings().feedback_days == 0
    assert not feedback(tmp_path, 0).keep("Où ?", "b", "", is_useful=True)
    assert list(tmp_path.iterdir()) == []


def test_an_opinion_is_a_line_in_the_file_of_the_day(tmp_path: Path) -> None:
    kept = feedback(tmp_path, 30)
    assert kept.keep("Où ?\nQuand ?", "b", "clair", is_useful=True)
    assert kept.keep("Qui ?", "b", "", is_useful=False)
    (file,) = (tmp_path / "avis").iterdir()
    assert file.name == f"{date.today().isoformat()}.jsonl"
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == [
        {"question": "Où ?\nQuand ?", "useful": True, "reason": "clair", "build": "b"},
        {"question": "Qui ?", "useful": False, "reason": "", "build": "b"},
    ]


def test_the_operator_reads_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOS_FEEDBACK", str(tmp_path / "avis"))
    run = CliRunner().invoke(app, ["feedback"])
    assert run.exit_code == 0
    assert "feedback_days" in run.stderr
    kept = feedback(tmp_path, 30)
    kept.keep("Où ?", "b", "confus", is_useful=False)
    (file,) = (tmp_path / "avis").iterdir()
    kept.keep("Qui ?", "b", "a\nb\x1b[31m\u2028", is_useful=True)
    damaged = ["{abîmé", "[]", "3", "{}", "null"]
    file.write_text(file.read_text(encoding="utf-8") + "\n".join(damaged) + "\n", encoding="utf-8")
    (tmp_path / "avis" / "notes.jsonl").write_text("de l’opérateur\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["feedback"]).stdout.splitlines() == [
        f"{date.today().isoformat()}  pas utile  Où ? – confus",
        f"{date.today().isoformat()}  utile      Qui ? – a b [31m ",
    ]
    assert json.loads(CliRunner().invoke(app, ["feedback", "--json"]).stdout)[0]["build"] == "b"


def test_opinions_go_when_their_days_are_over(tmp_path: Path) -> None:
    folder = tmp_path / "avis"
    folder.mkdir()
    for days in (0, 29, 30, 400):
        (folder / f"{(date.today() - timedelta(days=days)).isoformat()}.jsonl").write_text("{}\n")
    foreign = ["20010101", "2001-W01-1", "notes"]
    for name in foreign:
        (folder / f"{name}.jsonl").write_text("de l’opérateur\n")
    feedback(tmp_path, 0).drop_old()
    assert len(list(folder.iterdir())) == 7, "a service that takes none, a test's perhaps, deletes none"
    feedback(tmp_path, 30).drop_old()
    left = sorted(path.stem for path in folder.iterdir())
    assert left == sorted([(date.today() - timedelta(days=days)).isoformat() for days in (0, 29)] + foreign)


def test_a_flood_does_not_fill_the_disk(tmp_path: Path) -> None:
    kept = feedback(tmp_path, 30)
    kept.keep("Où ?", "b", "", is_useful=True)
    (file,) = (tmp_path / "avis").iterdir()
    file.write_text("x" * 5_000_001)
    assert not kept.keep("Où ?", "b", "", is_useful=True)
