"""`loos index`: the builds that are kept, which one is live, and going from one to another."""

import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatbot.settings import Settings, load_settings
from chatbot.terminal import CorpusOption, IndexOption, JsonOption, print_json
from index.errors import IndexStoreError

if TYPE_CHECKING:
    from index.store import Manifest, Store

__all__ = ["index_app"]

index_app = typer.Typer(help="Les constructions de l’index.", no_args_is_help=True, rich_markup_mode=None)

_LISTED = 10
_REMEDY = " Reconstruisez "

BuildArgument = Annotated[str, typer.Argument(help="L’identifiant d’une construction.", metavar="CONSTRUCTION")]
OptionalBuild = Annotated[str | None, typer.Argument(help="Par défaut, celle en service.", metavar="CONSTRUCTION")]


@index_app.command("list")
def index_list(index: IndexOption = None, corpus: CorpusOption = None, as_json: JsonOption = False) -> None:
    """Lister les constructions gardées, la plus récente d’abord ; * marque celle en service.

    Dit aussi ce qui a changé dans le dossier des documents depuis la plus récente.

    Exemple : loos index list
    """
    from index.report import read_report
    from index.report_text import counted, moment

    settings = load_settings(index=index, corpus=corpus)
    store = _store(index)
    current = store.current_id()
    rows: list[dict[str, Any]] = []
    for build_id in store.build_ids():
        report = read_report(store, build_id)
        made = report.made if report else store.made(build_id).isoformat(timespec="seconds")
        row: dict[str, Any] = {"build_id": build_id, "current": build_id == current, "made": made}
        try:
            manifest = store.manifest(build_id)
            size = {"documents": manifest.documents, "passages": manifest.passages, "model": manifest.model}
            rows.append(row | size | {"problem": None})
        except IndexStoreError as error:
            rows.append(row | {"problem": str(error)})
    if as_json:
        print_json(rows)
        return
    if not rows:
        print(f"Aucune construction dans {store.folder}. Commencez par « loos build ».", file=sys.stderr)
    remedies: dict[str, None] = {}
    for row in rows:
        mark = "*" if row["current"] else " "
        if row["problem"]:
            size_text, remedy, how = row["problem"].partition(_REMEDY)
            if remedy:
                remedies[f"{remedy}{how}".strip()] = None
        else:
            size_text = f"{counted(row['documents'], 'document')}, {counted(row['passages'], 'passage')}"
        print(f"{mark} {row['build_id']}  {moment(row['made'])}  {size_text}")
    for how in remedies:  # the same for all, so said once
        print(f"Celles qui ne se lisent pas ne peuvent pas être mises en service. {how}", file=sys.stderr)
    _say_unbuilt(store, settings.corpus)


@index_app.command("verify")
def index_verify(build_id: OptionalBuild = None, index: IndexOption = None) -> None:
    """Vérifier qu’une construction est entière : ses fichiers, ses sommes de contrôle et ses citations.

    Exemple : loos index verify
    """
    manifest = _store(index).load(build_id).manifest
    print(
        f"La construction {manifest.build_id} est entière : {len(manifest.files)} fichiers, "
        f"{manifest.passages} passages conformes à leurs documents."
    )


@index_app.command("diff")
def index_diff(
    one: Annotated[str | None, typer.Argument(help="L’ancienne ; seule, la nouvelle.", metavar="A")] = None,
    other: Annotated[str | None, typer.Argument(help="La nouvelle.", metavar="B")] = None,
    index: IndexOption = None,
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Comparer deux constructions : documents, passages, questions de contrôle.

    Sans rien, celle en service et la plus récente (ou, si c’est la même, celle d’avant et celle en service). Avec une
    seule, celle en service et celle-là. Ce qui n’est pas encore construit est dit à part.

    Exemple : loos index diff
    """
    from index.diff import diff_builds
    from index.report import read_report

    store = _store(index)
    _say_unbuilt(store, load_settings(index=index, corpus=corpus).corpus)
    old_id, new_id = _pair(store, one, other)
    reports = [read_report(store, build_id) for build_id in (old_id, new_id)]
    gold = [report.gold if report else () for report in reports]
    diff = diff_builds(store.load(old_id), store.load(new_id), *gold)
    if as_json:
        print_json(asdict(diff))
    else:
        from index.report_text import readable_diff

        if one is None and new_id == store.current_id():
            print("La construction la plus récente est en service. Voici ce qu’elle a changé.", file=sys.stderr)
        print(readable_diff(diff))


@index_app.command("publish")
def index_publish(build_id: BuildArgument, index: IndexOption = None) -> None:
    """Mettre en service une construction gardée, vérifiée d’abord.

    Exemple : loos index publish 0123456789abcdef
    """
    settings = load_settings(index=index)
    store = _store(index)
    before = store.current_id()
    build_id = _whole_id(store, build_id)
    store.publish(build_id, **_model(settings))
    _say_live(build_id, before)


def _whole_id(store: "Store", build_id: str) -> str:
    """The identifier that begins so, where one alone does; else what was given, which the store will refuse."""
    found = [known for known in store.build_ids() if known.startswith(build_id)]
    return found[0] if len(found) == 1 else build_id


@index_app.command("rollback")
def index_rollback(index: IndexOption = None) -> None:
    """Revenir à la construction qui était en service avant. Une seconde fois, cela revient à la première.

    Exemple : loos index rollback
    """
    settings = load_settings(index=index)
    store = _store(index)
    before = store.current_id()
    _say_live(store.rollback(**_model(settings)), before)


@index_app.command("prune")
def index_prune(
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Combien en garder ; sinon, keep_builds.", metavar="NOMBRE")
    ] = None,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Effacer les plus anciennes constructions, jamais celle en service.

    Exemple : loos index prune --keep 2
    """
    from index.report import prune_reports

    settings = load_settings(index=index)
    store = _store(index)
    with store.lock():
        gone = store.prune(keep or settings.keep_builds)
        prune_reports(store)
    if as_json:
        print_json(list(gone))
    else:
        print(f"Constructions effacées : {', '.join(gone)}." if gone else "Rien à effacer.")


def _say_unbuilt(store: "Store", corpus: Path) -> None:
    """Tell on stderr what of the corpus folder the build made last does not hold; nothing where neither reads."""
    from ingest.corpus import corpus_sha256
    from ingest.errors import IngestError
    from ingest.files import find_files
    from ingest.normalise import normalise_text

    manifest = _newest_readable(store)
    if manifest is None:
        return
    try:
        files = [normalise_text(path) for path in find_files(corpus)[0]]
        if corpus_sha256(corpus) == manifest.corpus_sha256:
            return
    except IngestError:
        return
    built = {normalise_text(path) for path in manifest.sources}
    new = [path for path in files if not _is_in(path, built) and not _was_skipped(path, manifest.skipped)]
    gone = sorted(path for path in built if not any(path == file or path.startswith(f"{file}/") for file in files))
    print(f"Pas encore construit (depuis {manifest.build_id}) :", file=sys.stderr)
    for what, paths in (("ajouté", new), ("retiré", gone)):
        for path in paths[:_LISTED]:
            print(f"- {what} : {path}", file=sys.stderr)
        if len(paths) > _LISTED:
            print(f"- … et {len(paths) - _LISTED} autre(s).", file=sys.stderr)
    if not new and not gone:
        print("- un document, sources.toml ou questions.jsonl a changé.", file=sys.stderr)
    print("« loos build » en tient compte.", file=sys.stderr)


def _newest_readable(store: "Store") -> "Manifest | None":
    for build_id in store.build_ids():
        with suppress(IndexStoreError):
            return store.manifest(build_id)
    return None


def _is_in(path: str, built: Collection[str]) -> bool:
    """Whether a file, or a document of an archive, was built."""
    return path in built or any(source.startswith(f"{path}/") for source in built)


def _was_skipped(path: str, skipped: Collection[str]) -> bool:
    return any(reason.startswith(f"{path} :") for reason in skipped)


def _store(index: Any) -> "Store":
    from index.store import Store

    return Store(load_settings(index=index).index)


def _model(settings: Settings) -> dict[str, Any]:
    """What a build must have been made with to be served under these settings."""
    from index.model import model_revision

    return {"model": settings.model, "revision": model_revision(settings.model)}


def _say_live(build_id: str, before: str | None) -> None:
    if build_id == before:
        print(f"La construction {build_id} était déjà en service.")
    else:
        print(f"La construction {build_id} est en service{f', à la place de {before}' if before else ''}.")


def _pair(store: "Store", one: str | None, other: str | None) -> tuple[str, str]:
    """The ids of the older and the newer build to compare."""
    from index.errors import MissingIndex

    if one and other:
        return one, other
    current = store.current_id()
    if one:
        if current is None:
            raise MissingIndex(f"Aucune construction n’est en service dans {store.folder}. Donnez-en deux à comparer.")
        return current, one
    newest = next(iter(store.build_ids()), None)
    old, new = (store.previous_id(), current) if newest == current else (current, newest)
    if old is None or new is None:
        raise MissingIndex(
            f"Il faut deux constructions pour comparer, et {store.folder} n’en a pas deux qui furent en service. "
            "« loos index list » les montre : donnez les identifiants de deux d’entre elles."
        )
    return old, new
