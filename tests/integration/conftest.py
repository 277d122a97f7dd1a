from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatbot.calibrate import Calibrator
from chatbot.settings import load_settings
from index import Searcher, Store
from index.build import build_index
from index.reader import load_reader
from tests.browser.conftest import Site, running
from tests.load.swap_under_load import second_version

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


ORCHARD = """# Le verger

## Les arbres

Le verger communal compte 42 pommiers anciens. Les pommiers du verger communal ont été plantés en 1998 par les écoles.

## Les récoltes

La récolte des pommes du verger a lieu chaque année en octobre. Le pressoir du verger donne 300 litres de jus.
"""
POND = """# La mare

## Les animaux

La mare pédagogique abrite douze tritons. Les tritons de la mare sont comptés chaque printemps par une association.
"""
WIND = """# Le moulin

## Le vent

Le moulin de la colline a été restauré en 2005. Les ailes du moulin tournent deux dimanches par mois.
"""
QUESTIONS = (
    "Combien de pommiers compte le verger communal ?",
    "Quand a lieu la récolte des pommes du verger ?",
    "Combien de tritons la mare pédagogique abrite-t-elle ?",
    "En quelle année le moulin de la colline a-t-il été restauré ?",
    "Quel âge a le capitaine du port ?",
)


@dataclass(frozen=True)
class Town:
    """A real `loos serve` over two small builds, the first of them live at first."""

    site: Site
    store: Store
    builds: tuple[str, str]


@pytest.fixture(scope="session")
def town(encoder, tmp_path_factory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    first, second = folder / "first", folder / "second"
    first.mkdir()
    for name, text in (("mare", POND), ("moulin", WIND), ("verger", ORCHARD)):
        (first / f"{name}.md").write_text(text, encoding="utf-8")
    second_version(first, second)
    store = Store(folder / "index")
    built = [
        build_index(
            corpus,
            store,
            lambda: encoder,
            model=encoder.name,
            revision=encoder.revision,
            max_passage_tokens=200,
            publish_anyway=True,
        ).build_id
        for corpus in (second, first)
    ]
    with running(store.folder, folder / "serve.log", "/api/ready", reading_ms="0") as site:
        yield Town(site, store, (built[1], built[0]))
