from pathlib import Path

import pytest

from chatbot.calibrate import Calibrator
from chatbot.settings import load_settings
from index import Searcher, Store
from index.build import build_index
from index.reader import load_reader

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def reader(encoder, model_folder):
    """The reader as the product loads it."""
    return load_reader(model_folder, encoder)


@pytest.fixture(scope="session")
def searcher(encoder, reader, tmp_path_factory):
    """Our corpus, built with the embedded model, searched without reading."""
    store = Store(tmp_path_factory.mktemp("corpus") / "index")
    build_index(
        ROOT / "corpus",
        store,
        lambda: encoder,
        model=encoder.name,
        revision=encoder.revision,
        max_passage_tokens=load_settings().max_passage_tokens,
        calibrator=Calibrator(lambda _: reader),
    )
    return Searcher(store.load(), encoder)


@pytest.fixture(scope="session")
def reading(searcher, reader):
    """The same, the best passages read."""
    return Searcher(searcher.build, searcher.encoder, reader=reader)
