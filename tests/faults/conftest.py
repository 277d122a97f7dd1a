"""Short by default; `--long` tries many more moments and places, `--write` keeps the counts with the other figures."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from tests.evaluation.evaluate import FIGURES, as_text
from tests.faults.operators import Operator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="faults: 200 kills and every place of every file")
    parser.addoption("--write", action="store_true", help="faults: keep the counts in figures.json")


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def counts(request: pytest.FixtureRequest) -> Iterator[dict[str, Counter[str]]]:
    """What was done and what came of it, by kind of fault."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    yield counted
    print("\n" + json.dumps(counted, indent=1, ensure_ascii=False))
    if request.config.getoption("--write") and not request.session.testsfailed:
        figures = json.loads(FIGURES.read_text(encoding="utf-8"))
        counts_of = {name: dict(of_kind) for name, of_kind in counted.items()}
        figures["faults"] = {**figures.get("faults", {}), "command": "make faults", **counts_of}
        FIGURES.write_text(as_text(figures) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def operator() -> Iterator[Operator]:
    one = Operator()
    yield one
    one.close()


@pytest.fixture(scope="session")
def other_operator() -> Iterator[Operator]:
    one = Operator()
    yield one
    one.close()
