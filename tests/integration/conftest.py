from pathlib import Path

import pytest

from chatbot.calibrate import Calibrator
from chatbot.settings import load_settings
from index import Searcher, Store
from index.build import build_index

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def searcher(encoder, tmp_path_factory):
    """Our corpus, built with the embedded model."""
    store = Store(tmp_path_factory.mktemp("corpus") / "index")
    build_index(
        ROOT / "corpus",
        store,
        lambda: encoder,
        model=encoder.name,
        revision=encoder.revision,
        max_passage_tokens=load_settings().max_passage_tokens,
        calibrator=Calibrator(),
    )
    return Searcher(store.load(), encoder)
