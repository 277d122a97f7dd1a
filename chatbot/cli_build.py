"""`loos build`: the documents into the index, with a report for the person who runs it."""

import sys
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from chatbot.settings import load_settings
from chatbot.terminal import (
    CorpusOption,
    IndexOption,
    JsonOption,
    as_called,
    load_encoder,
    print_json,
    progress_bar,
    progress_json,
)
from index.errors import RefusedBuild, UnknownModel

if TYPE_CHECKING:
    from index.report import BuildReport
    from index.store import Store

__all__ = ["build"]

_LISTED = 10


def build(
    corpus: CorpusOption = None,
    index: IndexOption = None,
    full: Annotated[bool, typer.Option("--full", help="Tout recalculer, sans rien reprendre.")] = False,
    no_publish: Annotated[
        bool, typer.Option("--no-publish", help="Garder la nouvelle construction sans la mettre en service.")
    ] = False,
    publish_anyway: Annotated[
        bool, typer.Option("--publish-anyway", help="Mettre en service même si les réponses sont moins bonnes.")
    ] = False,
    progress: Annotated[
        str, typer.Option("--progress", help="bar, ou json : une ligne de JSON par étape.", metavar="FORME")
    ] = "bar",
    as_json: JsonOption = False,
) -> None:
    """Construire l’index des documents et le mettre en service.

    Seul ce qui a changé est recalculé. L’index en service répond jusqu’à ce que le nouveau soit prêt et vérifié.

    Exemple : loos build --corpus corpus
    """
    from chatbot.calibrate import Calibrator
    from chatbot.service import reader_for
    from index.build import build_index
    from index.gate import kept_back
    from index.model import model_revision
    from index.store import Store

    if progress not in ("bar", "json"):
        raise typer.BadParameter(f"« {progress} » : choisissez bar ou json.", param_hint="--progress")
    if no_publish and publish_anyway:
        raise typer.BadParameter("--no-publish et --publish-anyway se contredisent : choisissez l’une des deux.")
    settings = load_settings(corpus=corpus, index=index)
    store = Store(settings.index)
    load = cache(lambda: load_encoder(settings))
    load_reader = (lambda _: reader_for(load(), settings)) if settings.reading_ms else None
    try:
        revision = model_revision(settings.model)
    except UnknownModel:
        if settings.model.startswith(("/", ".", "~")):
            raise  # a folder that does not exist
        revision = load().revision  # a model of the hub that is not here yet: this brings it
    try:
        with progress_json() if progress == "json" else progress_bar() as show:
            calibrator = Calibrator(load_reader, None if full else settings.index / "readings.sqlite", show)
            report = build_index(
                settings.corpus,
                store,
                load,
                model=settings.model,
                revision=revision,
                max_passage_tokens=settings.max_passage_tokens,
                keep_builds=settings.keep_builds,
                full=full,
                publish=not no_publish,
                publish_anyway=publish_anyway,
                progress=show,
                calibrator=calibrator,
                judge=calibrator.judge,
            )
        calibrator.save()
    except RefusedBuild as error:
        calibrator.save()
        _show(error.report, store, as_json)
        raise
    _show(report, store, as_json)
    if report.refusals and not report.published:
        print(as_called(kept_back(report.build_id, report.refusals)), file=sys.stderr)


def _show(report: "BuildReport", store: "Store", as_json: bool) -> None:
    from index.report import report_path
    from index.report_text import readable

    if as_json:
        print_json(asdict(report))
    else:
        print(as_called(readable(report)))
        if not report.unchanged:
            print(f"Rapport : {report_path(store, report.build_id)}")
    if report.problems:
        print(f"À corriger dans le corpus ({len(report.problems)}) :", file=sys.stderr)
        for problem in report.problems[:_LISTED]:
            print(f"- {problem}", file=sys.stderr)
        if len(report.problems) > _LISTED:
            print(as_called("- … la suite avec « loos corpus check »."), file=sys.stderr)
