import signal
from pathlib import Path

import pytest

from index.encoder import SentenceTransformerEncoder, load_encoder

# Where the tests run in the background of a script, Ctrl+C is ignored, and so it would be by the processes they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """Where models are kept between runs: making the embedded one takes seconds."""
    return Path(__file__).parents[1] / "var" / "models"


@pytest.fixture(scope="session")
def encoder(model_folder: Path) -> SentenceTransformerEncoder:
    """The embedded model as the product loads it."""
    return load_encoder("embedded", model_folder)
