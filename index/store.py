"""Builds of the index on disk: written whole, checked when read, and one of them live.

`builds/<build-id>/` holds a build's files and its manifest; `current` names the live build, `history.json` those that
were. All appear by a rename, so a crash at any moment leaves either the old state or the new one.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from index.errors import (
    BusyIndex,
    CorruptIndex,
    DimensionMismatch,
    ForeignIndex,
    MissingIndex,
    UnknownBuild,
    UnwritableIndex,
)
from index.gold import GoldQuestion
from index.late import PassageTokens, load_head
from index.lexical import LexicalIndex
from index.vectors import VectorIndex
from ingest import Document, Passage
from ingest.disk import synchronise, write_whole
from ingest.plain_words import system_reason

__all__ = ["SCHEMA", "Build", "Calibration", "Manifest", "Store", "WasLive"]

SCHEMA = 5
"""Changes with the files of a build or what they mean; a build of another schema is refused."""

FloatArray = NDArray[np.float32]

_MANIFEST = "manifest.json"
_MANIFEST_SUM = "manifest.sha256"
_LONGEST_ID = 64
_DOCUMENTS = "documents.json"
_PASSAGES = "passages.json"
_PASSAGE_VECTORS = "passages.npy"
_SENTENCE_VECTORS = "sentences.npy"
_TOKENS = ("tokens.npy", "tokens-of-passages.npy", "tokens-of-sentences.npy")
_LEXICAL = "lexical"
_QUESTIONS = "questions.json"
_QUESTION_VECTORS = "questions.npy"
_MAPPED_FROM_BYTES = 1 << 28
_LIVE_WAIT_S = 60.0
"""How long one change of what is live waits for another, in seconds."""
_LOOK_S = 0.05
_MEND = "Reconstruisez l’index avec « make build » (ou « loos build --full »)."

_DOCUMENTS_TYPE = TypeAdapter(tuple[Document, ...])
_PASSAGES_TYPE = TypeAdapter(tuple[Passage, ...])
_QUESTIONS_TYPE = TypeAdapter(tuple[GoldQuestion, ...])


@dataclass(frozen=True, slots=True)
class Calibration:
    """When the service answers, on one build: fitted on the build's own gold questions.

    `weights` and `bias` are those of a logistic regression over the values that `evidence` names, whose probability
    decides: from `answer_from` on the service answers, from `partial_from` on it says that the documents speak of the
    subject. `questions` is how many gold questions taught it, 0 where there were too few to change what is shipped.
    `answered` are the ids of the gold questions that it answers: those that may be suggested.
    """

    evidence: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    answer_from: float
    partial_from: float
    questions: int = 0
    answered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a build was made from and with.

    `build_id` is taken from everything that decides the content. `prompts` are what the encoder puts before texts,
    `token_head` names what its token vectors were projected by.
    `sources` are the paths of the documents' files; `documents`, `passages` and `sentences` are counts.
    `calibrations` say when to answer, without and with a reader; none where nothing was fitted. `files` maps each
    file's name to its SHA-256.
    """

    schema: int
    build_id: str
    model: str
    revision: str
    dimension: int
    prompts: dict[str, str]
    token_head: str
    max_passage_tokens: int
    corpus_sha256: str
    sources: tuple[str, ...]
    documents: int
    passages: int
    sentences: int
    skipped: tuple[str, ...]
    calibrations: tuple[Calibration, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


_MANIFEST_TYPE = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class WasLive:
    """A build that went live, and when: ISO 8601 with the time zone, empty where that is not known."""

    build_id: str
    since: str


_HISTORY_TYPE = TypeAdapter(tuple[WasLive, ...])
_REMEMBERED = 100


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """A build in memory. Vectors are unit rows, float32.

    Row `i` of `passage_vectors` is `passages[i]`'s; its sentences' rows follow one another in `sentence_vectors`.
    `questions` are the corpus's gold questions, row `i` of `question_vectors` the i-th one's, encoded as a question.
    """

    manifest: Manifest
    documents: Mapping[str, Document]
    passages: tuple[Passage, ...]
    passage_vectors: FloatArray
    sentence_vectors: FloatArray
    questions: tuple[GoldQuestion, ...]
    question_vectors: FloatArray
    tokens: PassageTokens
    vectors: VectorIndex
    lexical: LexicalIndex


class Store:
    """The index folder: reads, checks, writes and publishes builds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._builds = folder / "builds"
        self._current = folder / "current"
        self._history = folder / "history.json"
        self._holders: dict[Path, int] = {}  # the thread that holds each lock

    def build_ids(self) -> tuple[str, ...]:
        """The ids of all stored builds, newest first."""
        found = []
        for path in self._builds.iterdir() if self._builds.is_dir() else ():
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                if path.is_dir() and not path.name.startswith("."):
                    found.append((-path.stat().st_mtime_ns, path.name))
        return tuple(name for _, name in sorted(found))

    def made(self, build_id: str) -> datetime:
        """When a stored build was written or last made again, with the time zone. Raises UnknownBuild."""
        if build_id not in self.build_ids():
            raise self._unknown(build_id)
        return datetime.fromtimestamp((self._builds / build_id).stat().st_mtime).astimezone()

    def touch(self, build_id: str) -> None:
        """Make a stored build the newest, as if it were written now: what it was made of is there again.

        Raises:
            UnknownBuild: there is no such build.
            BusyIndex, UnwritableIndex: as `lock`.
        """
        with self.lock():
            if build_id not in self.build_ids():
                raise self._unknown(build_id)
            with self._writing():
                os.utime(self._builds / build_id)

    def _unknown(self, build_id: str) -> UnknownBuild:
        known = ", ".join(self.build_ids()) or "aucune"
        return UnknownBuild(f"Aucune construction « {build_id} » dans {self._builds}. Constructions : {known}.")

    def current_id(self) -> str | None:
        """The id of the live build, or None where none was ever published."""
        try:
            with self._current.open(encoding="ascii") as file:
                name = file.read(_LONGEST_ID + 1).strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptIndex(f"Le fichier {self._current} est illisible ({system_reason(error)}). {_MEND}") from error
        if name and not name.isalnum():
            raise CorruptIndex(f"Le fichier {self._current} ne nomme pas une construction. {_MEND}")
        return name or None

    def live_mark(self) -> tuple[int, int] | None:
        """Another value whenever a build is made live, also the same one again; None where none ever was."""
        try:
            stat = self._current.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_ctime_ns

    def manifest(self, build_id: str) -> Manifest:
        """The manifest of a stored build.

        Raises:
            UnknownBuild: there is no such build.
            CorruptIndex: its manifest is missing or wrong.
            ForeignIndex: it is of another schema.
        """
        if build_id not in self.build_ids():
            raise self._unknown(build_id)
        path = self._builds / build_id / _MANIFEST
        try:
            content = path.read_bytes()
            data = json.loads(content)
            schema = data["schema"]
            if schema == SCHEMA and path.with_name(_MANIFEST_SUM).read_bytes() != _sum_of(content):
                raise ValueError("contenu modifié")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptIndex(f"Le fichier {path} manque ou est abîmé ({system_reason(error)}). {_MEND}") from error
        if schema != SCHEMA:
            raise ForeignIndex(
                f"La construction {build_id} a le format {schema}, ce programme lit le format {SCHEMA}. {_MEND}"
            )
        try:
            manifest = _MANIFEST_TYPE.validate_python(data)
        except ValidationError as error:
            raise CorruptIndex(
                f"Le fichier {path} est abîmé (valeurs fausses : {error.error_count()}). {_MEND}"
            ) from error
        if manifest.build_id != build_id:
            raise CorruptIndex(f"Le fichier {path} est celui d’une autre construction, {manifest.build_id}. {_MEND}")
        return manifest

    def problems(self, build_id: str) -> tuple[str, ...]:
        """What is wrong with a build's files, in French; nothing for a sound build. Raises as `manifest`."""
        folder = self._builds / build_id
        files = self.manifest(build_id).files
        found = [
            f"{name} : fichier manquant" if not (folder / name).is_file() else f"{name} : contenu modifié"
            for name, sha256 in sorted(files.items())
            if not (folder / name).is_file() or _sha256(folder / name) != sha256
        ]
        return tuple(found)

    def questions(self, build_id: str) -> tuple[GoldQuestion, ...]:
        """The gold questions of a stored build alone: what the page shows before anything heavy is loaded."""
        path = self._builds / build_id / _QUESTIONS
        try:
            return _QUESTIONS_TYPE.validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise CorruptIndex(f"Le fichier {path} manque ou est abîmé. {_MEND}") from error

    def check(self, build_id: str | None = None, *, model: str | None = None, revision: str | None = None) -> Manifest:
        """The manifest of a stored build whose files are sound, without loading it; of the live one by default.

        Raises:
            MissingIndex: no build is live.
            UnknownBuild, CorruptIndex: as `manifest`, or a file does not match its checksum.
            ForeignIndex: made with another model or revision than the ones given.
        """
        wanted = build_id or self.current_id()
        if wanted is None:
            raise MissingIndex(
                f"Aucun index dans {self.folder}. Construisez-le avec « make build » (ou « loos build »)."
            )
        try:
            manifest = self.manifest(wanted)
        except UnknownBuild as error:
            if build_id is not None:
                raise
            raise CorruptIndex(
                f"La construction en service « {wanted} » a disparu de {self._builds}. {_MEND}"
            ) from error
        _refuse_foreign(manifest, model, revision)
        if problems := self.problems(wanted):
            raise CorruptIndex(f"La construction {wanted} est abîmée : {' ; '.join(problems)}. {_MEND}")
        return manifest

    def load(self, build_id: str | None = None, *, model: str | None = None, revision: str | None = None) -> Build:
        """A stored build in memory, checked first; the live one by default.

        Raises:
            IndexStoreError: as `check`, or its parts do not fit together.
        """
        manifest = self.check(build_id, model=model, revision=revision)
        build_id = manifest.build_id
        folder = self._builds / build_id
        try:
            documents = _DOCUMENTS_TYPE.validate_json((folder / _DOCUMENTS).read_bytes())
            passages = _PASSAGES_TYPE.validate_json((folder / _PASSAGES).read_bytes())
            passage_vectors = _array(folder / _PASSAGE_VECTORS)
            build = Build(
                manifest=manifest,
                documents={document.id: document for document in documents},
                passages=passages,
                passage_vectors=passage_vectors,
                sentence_vectors=_array(folder / _SENTENCE_VECTORS),
                questions=_QUESTIONS_TYPE.validate_json((folder / _QUESTIONS).read_bytes()),
                question_vectors=_array(folder / _QUESTION_VECTORS),
                tokens=PassageTokens.load(*(_array(folder / name) for name in _TOKENS)),
                vectors=VectorIndex(passage_vectors),
                lexical=LexicalIndex.load(folder / _LEXICAL),
            )
            _check(build)
        except (OSError, ValueError, KeyError, DimensionMismatch) as error:
            raise CorruptIndex(f"La construction {build_id} ne se lit pas ({system_reason(error)}). {_MEND}") from error
        return build

    def write(self, build: Build) -> Manifest:
        """Store a build whole and give its manifest with checksums. An equal build that is sound is left as it is.

        The build appears under its id by one rename, after all its files reached the disk.

        Raises:
            UnwritableIndex: the folder cannot be written, or the disk is full. What was there is untouched.
        """
        build_id = build.manifest.build_id
        _check(build)
        with self._writing():
            return self._write(build, build_id)

    def _write(self, build: Build, build_id: str) -> Manifest:
        self._builds.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{build_id}-", dir=self._builds))
        try:
            (draft / _DOCUMENTS).write_bytes(_DOCUMENTS_TYPE.dump_json(tuple(build.documents.values()), indent=1))
            (draft / _PASSAGES).write_bytes(_PASSAGES_TYPE.dump_json(build.passages, indent=1))
            np.save(draft / _PASSAGE_VECTORS, build.passage_vectors, allow_pickle=False)
            np.save(draft / _SENTENCE_VECTORS, build.sentence_vectors, allow_pickle=False)
            (draft / _QUESTIONS).write_bytes(_QUESTIONS_TYPE.dump_json(build.questions, indent=1))
            np.save(draft / _QUESTION_VECTORS, build.question_vectors, allow_pickle=False)
            build.tokens.save(*(draft / name for name in _TOKENS))
            build.lexical.save(draft / _LEXICAL)
            files = {name: _sha256(draft / name) for name in _file_names(draft)}
            manifest = _MANIFEST_TYPE.validate_python({**_MANIFEST_TYPE.dump_python(build.manifest), "files": files})
            content = _MANIFEST_TYPE.dump_json(manifest, indent=1)
            (draft / _MANIFEST).write_bytes(content)
            (draft / _MANIFEST_SUM).write_bytes(_sum_of(content))
            for name in (*files, _MANIFEST, _MANIFEST_SUM, _LEXICAL, "."):
                synchronise(draft / name)
            draft.chmod(0o755)
            self._put_in_place(draft, build_id)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return manifest

    def publish(
        self, build_id: str, *, model: str | None = None, revision: str | None = None, is_checked: bool = False
    ) -> None:
        """Make a stored build the live one. Its files are summed up first, unless it `is_checked` already.

        Waits for no build that is being made, and keeps nobody else waiting while files are summed up.

        Raises:
            UnknownBuild, CorruptIndex, ForeignIndex: as `check`.
            BusyIndex, UnwritableIndex: as `live_lock`.
        """
        if not is_checked:
            self.check(build_id, model=model, revision=revision)
        with self.live_lock():
            self.manifest(build_id)  # it may have been deleted meanwhile
            with self._writing():
                # The history first: it is read up to what `current` names, so a crash between the two does no harm.
                if [was.build_id for was in self.history()][-1:] != [build_id]:
                    now = WasLive(build_id, datetime.now().astimezone().isoformat(timespec="seconds"))
                    known = (*self.history(), now)[-_REMEMBERED:]
                    write_whole(self._history, _HISTORY_TYPE.dump_json(known, indent=1))
                write_whole(self._current, f"{build_id}\n".encode("ascii"))

    def history(self) -> tuple["WasLive", ...]:
        """The builds that were live, oldest first; the last one is, where any is. A damaged history is a short one."""
        try:
            current = self.current_id()
        except CorruptIndex:
            return ()
        if current is None:
            return ()
        try:
            known = list(_HISTORY_TYPE.validate_json(self._history.read_bytes()))
        except (OSError, ValueError):
            known = []
        while known and known[-1].build_id != current:
            known.pop()  # was about to go live when the process was killed
        return tuple(known) or (WasLive(current, ""),)

    def previous_id(self) -> str | None:
        """The build that was live before the live one, None where there was none."""
        before = self.history()[:-1]
        return before[-1].build_id if before else None

    def rollback(self, *, model: str | None = None, revision: str | None = None, checked: str | None = None) -> str:
        """Make the build live that was live before, and give its id; done twice, it changes nothing.

        Its files are summed up first, unless it is the one that was `checked` already. Waits for no build that is being
        made, and such a build is not published when it is done (`build_index`).

        Raises:
            MissingIndex: no other build was live.
            UnknownBuild, CorruptIndex, ForeignIndex: it is gone, damaged, or made with another model. Nothing changed.
            BusyIndex, UnwritableIndex: as `live_lock`.
        """
        if checked is None and (checked := self.previous_id()):
            self.check(checked, model=model, revision=revision)
        with self.live_lock():
            previous = self.previous_id()
            if previous is None:
                raise MissingIndex(
                    f"Aucune autre construction n’a été en service dans {self.folder} : il n’y a rien à quoi revenir. "
                    "« loos index list » montre celles qui sont gardées, « loos index publish » en met une en service."
                )
            # Another one only if someone changed what is live meanwhile.
            self.publish(previous, model=model, revision=revision, is_checked=previous == checked)
            return previous

    def prune(self, keep: int, made: str | None = None) -> tuple[str, ...]:
        """Delete all but the `keep` newest builds, and give the ids of those deleted.

        Never the live one or the one just `made`, and before others the one that was live before. Also deletes what
        killed builds left behind. Raises BusyIndex and UnwritableIndex as `lock` and `live_lock`.
        """
        with self.lock(), self.live_lock():
            try:
                first = [build_id for build_id in (self.current_id(), made) if build_id]
            except CorruptIndex:
                return ()  # which build is live is not known, so that none may go
            ids = self.build_ids()
            order = dict.fromkeys(build_id for build_id in (*first, self.previous_id(), *ids) if build_id in ids)
            old = list(order)[max(keep, len(set(first))) :]
            with self._writing():
                for build_id in old:
                    # Out of the list by one rename first: no reader is to find half a build.
                    (self._builds / build_id).rename(self._builds / f".{build_id}-old")
                self._sweep()
            return tuple(old)

    def _sweep(self) -> None:
        """Delete what is hidden: what killed builds left behind, and pruned builds. Both locks are held."""
        for path in (*self.folder.glob("*/.*"), *self.folder.glob(".*-*")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one process that makes or deletes builds, for as long as that takes.

        Released by the system when the process ends, however it does. The thread that holds it may take it again. Who
        takes it first deletes what killed builds left behind: that may be what fills the disk.

        Raises:
            BusyIndex: another process or thread holds it.
            UnwritableIndex: the folder cannot be written.
        """
        busy = (
            f"Une autre construction de l’index {self.folder} est en cours. Attendez qu’elle finisse, ou arrêtez-la "
            "(elle reprendra où elle en était), puis recommencez. Mettre en service un index gardé, ou revenir à celui "
            "d’avant, se fait sans attendre."
        )
        with self._held(self.folder / ".lock", 0.0, busy) as is_first:
            if is_first:
                with self.live_lock(), self._writing():
                    self._sweep()
            yield

    @contextmanager
    def live_lock(self) -> Iterator[None]:
        """Held for the moment in which what is live is looked at and changed. Who makes a build takes it within `lock`.

        Released and taken again as `lock`. Others wait for it: it is never held while a build is made.

        Raises:
            BusyIndex: another process or thread holds it for more than a minute.
            UnwritableIndex: the folder cannot be written.
        """
        busy = (
            f"Quelqu’un d’autre change en ce moment l’index en service de {self.folder}. Regardez dans un instant ce "
            "qui est en service (« loos index list »), puis recommencez si c’est toujours voulu."
        )
        with self._held(self.folder / ".live.lock", _LIVE_WAIT_S, busy):
            yield

    @contextmanager
    def _held(self, path: Path, wait_s: float, busy: str) -> Iterator[bool]:
        """Hold a lock; gives whether this thread did not hold it already."""
        if self._holders.get(path) == get_ident():
            yield False
            return
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        with file:
            until = time.monotonic() + wait_s
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() >= until:
                        raise BusyIndex(busy) from error
                    time.sleep(_LOOK_S)
            self._holders[path] = get_ident()
            try:
                yield True
            finally:
                del self._holders[path]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # numpy says only how many numbers were written, where the disk had no more room.
            is_told = error.errno is not None
            reason = system_reason(error) if is_told else "tout n’a pas pu être écrit, le disque est sans doute plein"
            raise UnwritableIndex(
                f"Impossible d’écrire dans {self.folder} : {reason}. L’index en service "
                "n’a pas changé. Vérifiez la place libre et les droits du dossier, puis recommencez."
            ) from error

    def _put_in_place(self, draft: Path, build_id: str) -> None:
        place = self._builds / build_id
        if place.exists():
            try:
                if not self.problems(build_id):
                    os.utime(place)
                    return
            except (CorruptIndex, ForeignIndex, UnknownBuild):  # the last for a file instead of a folder
                pass  # what stands there is broken: put the sound one in its place
            broken = Path(tempfile.mkdtemp(prefix=f".{build_id}-broken-", dir=self._builds))
            place.rename(broken / build_id)
            draft.rename(place)
            shutil.rmtree(broken, ignore_errors=True)
        else:
            draft.rename(place)
        synchronise(self._builds)


def _refuse_foreign(manifest: Manifest, model: str | None, revision: str | None) -> None:
    head = revision and load_head(revision).name
    for what, wanted, found in (
        ("modèle", model, manifest.model),
        ("version", revision, manifest.revision),
        ("projection", head, manifest.token_head),
    ):
        if wanted is not None and wanted != found:
            raise ForeignIndex(
                f"La construction {manifest.build_id} a été faite avec un autre encodeur ({what} « {found} », "
                f"attendu « {wanted} »). {_MEND}"
            )


def _check(build: Build) -> None:
    """Refuse a build whose parts do not fit together, above all one whose quotes are not slices of its documents."""
    manifest = build.manifest
    sentences = sum(len(passage.sentences) for passage in build.passages)
    expected = {
        _PASSAGE_VECTORS: (build.passage_vectors.shape, (len(build.passages), manifest.dimension)),
        _SENTENCE_VECTORS: (build.sentence_vectors.shape, (sentences, manifest.dimension)),
        _QUESTION_VECTORS: (build.question_vectors.shape, (len(build.questions), manifest.dimension)),
        _TOKENS[1]: (len(build.tokens.passages), len(build.passages)),
        _TOKENS[2]: (build.tokens.sentences.shape, (sentences, 2)),
        _LEXICAL: (len(build.lexical), len(build.passages)),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            raise ValueError(f"{name} : taille {found}, attendu {wanted}")
    for passage in build.passages:
        document = build.documents[passage.document_id]
        if document.text[passage.start : passage.end] != passage.text:
            raise ValueError(f"le passage {passage.id} ne correspond plus à son document")
        bounds = [passage.start, *(offset for span in passage.sentences for offset in span), passage.end]
        if not passage.sentences or bounds != sorted(bounds):
            raise ValueError(f"les phrases du passage {passage.id} n’y sont pas")


def _array(path: Path) -> NDArray[Any]:
    """A stored table: read whole if it is small, so that nothing that happens to the file can reach who serves it.

    A large one is mapped: its rows are read as they are asked for, and the system may forget them again.
    """
    array: NDArray[Any] = np.load(
        path, mmap_mode="r" if path.stat().st_size > _MAPPED_FROM_BYTES else None, allow_pickle=False
    )
    return array


def _file_names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _sum_of(content: bytes) -> bytes:
    """What stands in the file beside the manifest: its checksum, as the manifest cannot hold its own."""
    return hashlib.sha256(content).hexdigest().encode("ascii")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
