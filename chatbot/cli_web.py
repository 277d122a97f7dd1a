"""The commands `loos add`, `remove`, `restore` and `crawl`: what the operator puts into the corpus and takes out."""

import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatbot.settings import Settings, load_settings
from chatbot.terminal import CorpusOption, JsonOption, print_json, progress_json
from ingest.errors import IngestError, UnreadableSource

if TYPE_CHECKING:
    from ingest.crawl_report import CrawlReport, Found
    from ingest.fetch import Fetcher

__all__ = ["add", "crawl", "register", "remove", "restore"]

_LISTED = 10
_BUILD = "Pour que le service en tienne compte : « loos build »."

ThemeOption = Annotated[str, typer.Option("--theme", help="Thème où ranger le document.", metavar="THÈME")]
PublisherOption = Annotated[str, typer.Option("--publisher", help="Qui le publie.", metavar="ÉDITEUR")]
LicenceOption = Annotated[str, typer.Option("--licence", help="Droits sur le texte.", metavar="TEXTE")]
PrivateOption = Annotated[
    bool, typer.Option("--allow-private", help="Permettre un site interne (adresse privée ou de cette machine).")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `loos`."""
    for command in (add, remove, restore, crawl):
        app.command()(command)


def add(
    sources: Annotated[list[str], typer.Argument(help="Fichiers, ou adresses de pages.", metavar="FICHIER|ADRESSE…")],
    title: Annotated[str, typer.Option("--title", help="Titre montré sous les réponses.", metavar="TITRE")] = "",
    theme: ThemeOption = "",
    publisher: PublisherOption = "",
    url: Annotated[str, typer.Option("--url", help="Adresse de la page d’origine.", metavar="ADRESSE")] = "",
    published: Annotated[
        str, typer.Option("--published", help="Date de publication : 2024-05-31.", metavar="DATE")
    ] = "",
    licence: LicenceOption = "",
    folder: Annotated[
        str, typer.Option("--folder", help="Dossier du corpus où mettre les fichiers.", metavar="DOSSIER")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Remplacer le document du même nom ; l’ancien est gardé à part.")
    ] = False,
    allow_private: PrivateOption = False,
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ajouter au corpus des fichiers, ou des pages du web par leur adresse.

    Chaque document est lu avant d’être ajouté, et a son paragraphe dans sources.toml.

    Exemple : loos add plan-climat.pdf --title "Plan climat" --theme "Énergie" --publisher "Ville"
    """
    from ingest.check import doubts
    from ingest.entries import has_publisher

    settings = load_settings(corpus=corpus)
    if title and len(sources) > 1:
        raise typer.BadParameter("un titre vaut pour un seul document : ajoutez-les un par un.", param_hint="--title")
    entry = {"title": title, "theme": theme, "publisher": publisher, "url": url, "published": published}
    entry |= {"licence": licence}
    results: list[dict[str, Any]] = []
    for source in sources:
        try:
            path = _add_one(settings, source, entry, folder, replace, allow_private)
            results.append({"source": source, "path": path, "problem": None})
        except IngestError as error:
            results.append({"source": source, "path": None, "problem": str(error)})
    added = [result for result in results if result["path"]]
    if as_json:
        print_json(results)
    else:
        for result in added:
            print(f"Ajouté : {result['path']}")
            is_page = result["source"].startswith(("http://", "https://"))
            if not is_page and not has_publisher(settings.corpus, result["path"]):
                again = ["loos", "add", result["source"], *(["--folder", folder] if folder else [])]
                again += ["--corpus", str(corpus)] if corpus else []
                print(
                    "  Éditeur inconnu : les réponses ne diraient pas de qui sont ces mots. Recommencez ainsi : "
                    f'« {shlex.join(again)} --replace --publisher "…" », ou écrivez-le dans sources.toml.',
                    file=sys.stderr,
                )
        for doubt in doubts(settings.corpus, [result["path"] for result in added]):
            print(f"À vérifier : {doubt}", file=sys.stderr)
        _end(added, results)
    if len(added) < len(results):
        raise typer.Exit(1)


def remove(
    paths: Annotated[list[str], typer.Argument(help="Chemins dans le corpus.", metavar="DOCUMENT…")],
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Retirer des documents du corpus. Ils sont gardés à part, avec les questions de contrôle qui les citent.

    « loos restore » les remet.

    Exemple : loos remove fiches/energie.md
    """
    from ingest.holdings import questions_aside, remove_document

    folder = load_settings(corpus=corpus).corpus
    results: list[dict[str, Any]] = []
    for path in paths:
        inside = path.removeprefix(f"{folder.as_posix()}/")
        try:
            kept = remove_document(folder, inside)
            aside = questions_aside(folder, kept)
            results.append({"path": inside, "kept": str(kept), "questions": aside, "problem": None})
        except IngestError as error:
            results.append({"path": inside, "kept": None, "questions": 0, "problem": str(error)})
    removed = [result for result in results if result["kept"]]
    if as_json:
        print_json(results)
    else:
        for result in removed:
            print(f"Retiré : {result['path']}\n  Pour le remettre : loos restore '{result['kept']}'")
            if result["questions"]:
                print(f"  {result['questions']} question(s) de contrôle qui le citent sont gardées avec lui.")
        _end(removed, results)
    if len(removed) < len(results):
        raise typer.Exit(1)


def restore(
    removed: Annotated[
        Path | None,
        typer.Argument(help="Son nom, ou ce que « loos remove » a dit ; sans lui, la liste.", metavar="DOCUMENT"),
    ] = None,
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remettre dans le corpus un document retiré ou remplacé, ou en donner la liste.

    Exemple : loos restore corpus/.removed/2026-11-28T09-30-00/fiches/energie.md
    """
    from ingest.holdings import questions_aside, removed_documents, restore_document

    folder = load_settings(corpus=corpus).corpus
    if removed is None:
        found = [str(path) for path in removed_documents(folder)]
        if as_json:
            print_json(found)
        elif found:
            print("\n".join(f"loos restore '{path}'" for path in found))
        else:
            print("Aucun document retiré.", file=sys.stderr)
        return
    named = [path for path in removed_documents(folder) if path.as_posix().endswith(f"/{removed.as_posix()}")]
    chosen = named[0] if named and not removed.exists() else removed
    questions = questions_aside(folder, chosen)
    path = restore_document(folder, chosen)
    if as_json:
        print_json({"path": path, "questions": questions})
    else:
        with_them = f", avec {questions} question(s) de contrôle" if questions else ""
        print(f"Remis : {path}{with_them}\n{_BUILD}")


def crawl(
    site: Annotated[str, typer.Argument(help="Adresse du site, ou d’un dossier du site.", metavar="SITE")],
    max_pages: Annotated[int, typer.Option("--max-pages", min=1, help="Pages demandées.", metavar="NOMBRE")] = 500,
    max_depth: Annotated[
        int, typer.Option("--max-depth", min=0, help="Liens à suivre l’un après l’autre.", metavar="NOMBRE")
    ] = 10,
    max_minutes: Annotated[float, typer.Option("--max-minutes", min=0, help="Durée.", metavar="MINUTES")] = 60,
    max_megabytes: Annotated[float, typer.Option("--max-megabytes", min=0, help="Poids.", metavar="MO")] = 500,
    delay: Annotated[
        float, typer.Option("--delay", min=0, help="Pause entre deux demandes.", metavar="SECONDES")
    ] = 1.0,
    documents: Annotated[
        bool, typer.Option("--documents", help="Prendre aussi les PDF et autres fichiers liés.")
    ] = False,
    allow_private: PrivateOption = False,
    theme: ThemeOption = "",
    publisher: PublisherOption = "",
    licence: LicenceOption = "",
    progress: Annotated[
        str, typer.Option("--progress", help="bar, ou json : une ligne de JSON par étape.", metavar="FORME")
    ] = "bar",
    corpus: CorpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prendre les pages d’un site dans le corpus, ou ce qui y a changé depuis la dernière fois.

    Le plan du site est suivi, ou ses liens ; ses règles (robots.txt) sont respectées. Interrompue, la même commande
    reprend où elle en était.

    Exemple : loos crawl https://www.loos-en-gohelle.fr/ --max-pages 200 --documents
    """
    from ingest.crawl import crawl as take
    from ingest.crawl_report import CrawlLimits

    if progress not in ("bar", "json"):
        raise typer.BadParameter(f"« {progress} » : choisissez bar ou json.", param_hint="--progress")
    settings = load_settings(corpus=corpus)
    limits = CrawlLimits(max_pages, max_depth, max_minutes, max_megabytes, delay, documents)
    entry = {"theme": theme, "publisher": publisher, "licence": licence}
    given = {key: value for key, value in entry.items() if value}
    fetcher = _fetcher(settings, allow_private)
    with progress_json() if progress == "json" else _progress() as show:
        report = take(settings.corpus, site, settings.crawl, fetcher, limits, given, show)
    if as_json:
        print_json(asdict(report))
    else:
        print(_readable(report))
    if report.interrupted:
        raise typer.Exit(130)
    if not (report.new or report.changed or report.unchanged):
        raise typer.Exit(1)


def _add_one(
    settings: Settings, source: str, entry: dict[str, str], folder: str, replace: bool, allow_private: bool
) -> str:
    from ingest.add_url import add_url
    from ingest.files import read_file
    from ingest.holdings import add_document

    if "://" in source:
        return add_url(settings.corpus, source, _fetcher(settings, allow_private), entry, replace=replace)
    file = Path(source)
    if file.is_dir():
        raise UnreadableSource(f"{source} est un dossier. Donnez ses fichiers : loos add {shlex.quote(source)}/*.pdf")
    read = read_file(file, source)
    if read.problem:
        near = [] if file.exists() else get_close_matches(file.name, _names_beside(file), n=1)
        meant = f" Vouliez-vous dire « {file.with_name(near[0])} » ?" if near else ""
        raise UnreadableSource(f"{read.problem}{meant}")
    name = str(PurePosixPath(folder, file.name))
    with suppress(ValueError):
        name = file.resolve().relative_to(settings.corpus.resolve()).as_posix()  # put there by hand
    return add_document(settings.corpus, name, read.data, entry, replace=replace)


def _names_beside(file: Path) -> list[str]:
    try:
        return sorted(path.name for path in file.parent.iterdir())
    except OSError:
        return []


def _end(done: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    """What did not go, and what to do next."""
    for result in results:
        if result["problem"]:
            print(f"Erreur : {result['problem']}", file=sys.stderr)
    if done:
        print(_BUILD)


def _fetcher(settings: Settings, allow_private: bool) -> "Fetcher":
    from ingest.fetch import Fetcher

    return Fetcher(settings.contact_email or settings.contact_url, allow_private)


def _readable(report: "CrawlReport") -> str:
    from index.report_text import duration

    how = "d’après son plan (sitemap)" if report.by_sitemap else "de lien en lien"
    lines = [f"{report.site}, {how} : {report.requests} demande(s) en {duration(report.seconds)}."]
    counts = (
        f"Nouveaux : {len(report.new)} ; changés : {len(report.changed)} ; inchangés : {report.unchanged} ; "
        f"laissés de côté : {len(report.left_out)} ; en échec : {len(report.failed)}."
    )
    lines.append(counts)
    lines += _list("Nouveaux", report.new)
    lines += _list("Changés", report.changed)
    if report.gone:
        lines.append(f"\nN’existent plus sur le site, gardés dans le corpus ({len(report.gone)}) :")
        lines += [f"- {item.path}  (pour le retirer : loos remove '{item.path}')" for item in report.gone[:_LISTED]]
        lines += _and_more(len(report.gone))
    lines += _by_reason("Laissés de côté", report.left_out)
    lines += _by_reason("En échec, à réessayer par la même commande", report.failed)
    lines.append("")
    if report.documents:
        lines.append(f"{report.documents} fichier(s) liés (PDF…) ne sont pas pris : ajoutez --documents.")
    if report.deeper:
        lines.append(f"{report.deeper} adresse(s) sont plus loin que --max-depth.")
    if report.stopped:
        left = f" ; {report.waiting} adresse(s) attendent" if report.waiting else ""
        lines.append(f"Pas terminé : {report.stopped}{left}. La même commande reprend où elle en était.")
    if report.new or report.changed:
        lines.append(_BUILD)
    elif not report.unchanged:
        lines.append("Aucun document pris.")
    return "\n".join(lines).rstrip()


def _list(title: str, found: "tuple[Found, ...]") -> Iterator[str]:
    if found:
        yield f"\n{title} ({len(found)}) :"
        yield from (f"- {item.path}  {item.url}" for item in found[:_LISTED])
        yield from _and_more(len(found))


def _by_reason(title: str, found: "tuple[Found, ...]") -> Iterator[str]:
    if not found:
        return
    yield f"\n{title} ({len(found)}) :"
    for reason, count in Counter(item.reason for item in found).most_common(_LISTED):
        example = next(item.url for item in found if item.reason == reason)
        more = f" et {count - 1} autre(s)" if count > 1 else ""
        yield f"- {example}{more} : {reason}"
    if len({item.reason for item in found}) > _LISTED:
        yield "- … le détail avec --json."


def _and_more(count: int) -> list[str]:
    return [f"- … et {count - _LISTED} autre(s), avec --json."] if count > _LISTED else []


@contextmanager
def _progress() -> Iterator[Any]:
    """A line on stderr that counts, shown only in a terminal: a crawl does not know its end."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("Lecture des règles du site…") as status:

        def show(what: str, done: int, total: int) -> None:
            status.update(f"{done} adresse(s) vues, {total - done} en attente. Ctrl-C arrête sans rien perdre.")

        yield show
