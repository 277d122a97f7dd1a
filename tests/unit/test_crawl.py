"""A site taken into a corpus, from a real server with the faults and traps of real sites."""

import gzip
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from contextlib import closing
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest import crawl_state, frontier, read_corpus
from ingest.add_url import add_url
from ingest.crawl import crawl
from ingest.crawl_report import CrawlLimits, CrawlReport
from ingest.crawl_state import CrawlState, Outcome
from ingest.entries import read_sections
from ingest.errors import CrawlRefused, DuplicateDocument, ForbiddenAddress, InvalidEntry, NotWritten, UnreadableSource
from ingest.fetch import Fetched, Fetcher, Limits
from ingest.holdings import remove_document
from ingest.near_duplicates import NearDuplicates
from ingest.page_reader import PageReader
from ingest.web_page import Scope, canonical_address, page_links, slug
from tests.web_server import Reply, Site, page, redirect, served

ROOT = Path(__file__).parents[2]
HASTY = Fetcher("a@ville.fr", allow_private=True, limits=Limits(step_s=1, total_s=2, tries=2, backoff_s=0.01))
TOPICS = {
    "eau": "La régie de l’eau relève les compteurs au printemps et répare les fuites du réseau public.",
    "bois": "Le bois communal est ouvert aux promeneurs, qui y trouvent des sentiers et des bancs.",
    "ecole": "L’école du centre accueille les enfants du quartier dans des salles claires et chauffées au bois.",
    "marche": "Le marché de plein air réunit les maraîchers des environs sur la grande place pavée.",
    "velo": "La piste cyclable relie la gare aux collines par l’ancienne voie ferrée des mines.",
}


def article(topic: str, links: str = "", head: str = "") -> str:
    text = f"<p>{TOPICS[topic]}</p><p>Pour en savoir plus sur ce sujet ({topic}), on s’adresse à l’accueil.</p>"
    return page(f"Page {topic}", text, links, head)


def links(*paths: str) -> str:
    return "".join(f'<a href="{path}">suite</a> ' for path in paths)


@pytest.fixture
def site():
    with served() as running:
        running.pages["/"] = article("eau", links("/bois", "/ecole"))
        running.pages["/bois"] = article("bois", links("/", "/ecole"))
        running.pages["/ecole"] = article("ecole")
        yield running


@pytest.fixture(scope="module")
def pages():
    """Starting one takes as long as ten tests."""
    with PageReader() as reader:
        yield reader


@pytest.fixture
def take(tmp_path: Path, site: Site, pages: PageReader):
    def run(path: str = "/", entry: Any = None, **limits: Any) -> CrawlReport:
        wanted = CrawlLimits(**{"pause_s": 0.0, **limits})
        return crawl(tmp_path / "corpus", site.url + path, tmp_path / "state", HASTY, wanted, entry or {}, pages=pages)

    return run


def paths(found: Any) -> list[str]:
    return sorted(item.path.rsplit("/", 1)[-1] for item in found)


def reasons(site: Site, report: CrawlReport) -> dict[str, str]:
    return {item.url.removeprefix(site.url): item.reason for item in (*report.left_out, *report.failed)}


def test_a_site_is_taken_by_its_links_with_what_its_pages_say(take: Any, site: Site, tmp_path: Path) -> None:
    dated = (
        '<meta property="article:published_time" content="2024-03-05"><meta property="og:site_name" content="La ville">'
    )
    site.pages["/bois"] = article(
        "bois", links("/", "/ecole", "https://ailleurs.fr/", "/a.png", "mailto:a@b.fr"), dated
    )
    report = take(entry={"theme": "Vie", "licence": "Libre"})
    assert paths(report.new) == ["accueil.html", "bois.html", "ecole.html"]
    assert (report.stopped, report.waiting, report.by_sitemap, report.requests) == ("", 0, False, 3)
    assert site.paths() == ["/robots.txt", "/sitemap.xml", "/", "/bois", "/ecole"]
    entries = tomllib.loads((tmp_path / "corpus" / "sources.toml").read_text())
    said = next(entry for path, entry in entries.items() if path.endswith("/bois.html"))
    assert {key: str(said[key]) for key in ("title", "theme", "licence", "publisher", "published", "url")} == {
        "title": "Page bois",
        "theme": "Vie",
        "licence": "Libre",
        "publisher": "La ville",
        "published": "2024-03-05",
        "url": f"{site.url}/bois",
    }
    corpus = read_corpus(tmp_path / "corpus")
    assert [document.title for document in corpus.documents] == ["Page eau", "Page bois", "Page ecole"]
    assert corpus.without_entry == ()
    assert "sentiers" in corpus.documents[1].text


def test_a_second_crawl_asks_conditionally_and_brings_what_changed(take: Any, site: Site, tmp_path: Path) -> None:
    def versioned(request: Any) -> Reply:
        same = request.headers.get("If-None-Match") == '"1"'
        return Reply(b"" if same else article("bois"), 304 if same else 200, {"ETag": '"1"'})

    site.pages["/bois"] = versioned
    site.pages["/velo"] = article("velo")
    site.pages["/ecole"] = article("ecole", links("/velo"))
    assert len(take().new) == 4
    sources = tmp_path / "corpus" / "sources.toml"
    sources.write_text(sources.read_text().replace("Page ecole", "L’école, vue par nous"))
    before = (tmp_path / "corpus" / read_corpus(tmp_path / "corpus").documents[0].source.path).stat().st_mtime_ns
    site.pages["/ecole"] = (
        article("ecole").replace("claires", "rénovées en 2025").replace("</head>", "<!--jeton 7--></head>")
    )
    site.pages["/"] = site.pages["/"].replace("</head>", "<!--jeton 3--></head>")
    del site.pages["/velo"]
    site.asked.clear()
    report = take()
    assert (paths(report.new), paths(report.changed), report.unchanged) == ([], ["ecole.html"], 2)
    assert paths(report.gone) == ["velo.html"]
    assert next(headers for path, headers, _ in site.asked if path == "/bois")["If-None-Match"] == '"1"'
    corpus = read_corpus(tmp_path / "corpus")
    assert (tmp_path / "corpus" / corpus.documents[0].source.path).stat().st_mtime_ns == before
    titles = {document.source.path.rsplit("/", 1)[-1]: document.title for document in corpus.documents}
    assert titles["ecole.html"] == "L’école, vue par nous"
    assert titles["velo.html"] == "Page velo"  # gone from the site, and not from the corpus
    assert paths(take().gone) == ["velo.html"]
    site.pages |= {"/velo": article("velo"), "/ecole": article("ecole", links("/velo"))}
    again = take()
    assert (paths(again.gone), again.stopped) == ([], "")


def test_what_the_operator_removed_does_not_come_back(take: Any, site: Site, tmp_path: Path) -> None:
    report = take()
    path = next(item.path for item in report.new if item.path.endswith("bois.html"))
    remove_document(tmp_path / "corpus", path)
    assert "vous l’avez retirée du corpus" in reasons(site, take())["/bois"]
    assert len(read_corpus(tmp_path / "corpus").documents) == 2


def test_what_is_in_the_corpus_by_hand_is_left_alone(take: Any, site: Site, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "foret.md").write_text("Notre texte.")
    (tmp_path / "corpus" / "sources.toml").write_text(f'["foret.md"]\nurl = "{site.url}/bois#haut"\n')
    assert reasons(site, take())["/bois"] == "elle est déjà dans le corpus : foret.md"


def test_sitemaps_are_followed_in_loops_packed_and_only_within_the_site(take: Any, site: Site) -> None:
    index = "<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{}</sitemapindex>"
    urls = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{}</urlset>"

    def loc(kind: str, *targets: str) -> str:
        return "".join(f"<{kind}><loc> {target} </loc></{kind}>" for target in targets)

    site.pages["/robots.txt"] = Reply(f"Sitemap: {site.url}/index.xml\nSitemap: {site.url}/absent.xml\n")
    inner = loc(
        "sitemap", f"{site.url}/index.xml", f"{site.url}/a.xml.gz", "https://ailleurs.fr/s.xml", f"{site.url}/bad.xml"
    )
    site.pages["/index.xml"] = Reply(index.format(inner))
    packed = urls.format(loc("url", f"{site.url}/velo?utm_source=x", f"{site.url}/marche", "https://ailleurs.fr/page"))
    site.pages["/a.xml.gz"] = Reply(gzip.compress(packed.encode()), headers={"Content-Type": "application/gzip"})
    site.pages["/bad.xml"] = Reply(f'<!DOCTYPE a [<!ENTITY x SYSTEM "{site.url}/secret">]><a>&x;')
    site.pages |= {"/velo": article("velo", links("/bois")), "/marche": article("marche")}
    report = take()
    assert report.by_sitemap
    assert paths(report.new) == ["accueil.html", "marche.html", "velo.html"]
    assert site.times("/index.xml") == 1
    assert not {"/bois", "/secret"} & set(site.paths())


@pytest.mark.parametrize(
    ("robots", "taken", "refused"),
    [
        (Reply("User-agent: *\nDisallow: /bois\n"), ["accueil.html", "ecole.html"], "/bois"),
        (
            Reply("User-agent: loos\nDisallow: /ecole\n\nUser-agent: *\nDisallow: /\n"),
            ["accueil.html", "bois.html"],
            "/ecole",
        ),
        (Reply("\ufeffUser-agent: *\nDisallow: /*ois$\n"), ["accueil.html", "ecole.html"], "/bois"),
        (Reply("<html>Une page</html>"), ["accueil.html", "bois.html", "ecole.html"], ""),
        (Reply(status=404), ["accueil.html", "bois.html", "ecole.html"], ""),
        (Reply(status=403), ["accueil.html", "bois.html", "ecole.html"], ""),
        (redirect("/regles.txt"), ["accueil.html", "ecole.html"], "/bois"),
    ],
)
def test_robots_rules_are_kept(take: Any, site: Site, robots: Reply, taken: list[str], refused: str) -> None:
    site.pages |= {"/robots.txt": robots, "/regles.txt": Reply("User-agent: *\nDisallow: /bois\n")}
    report = take()
    assert paths(report.new) == taken
    assert [url for url, why in reasons(site, report).items() if "robots.txt" in why] == ([refused] if refused else [])
    assert refused not in site.paths()


@pytest.mark.parametrize(
    ("robots", "message"),
    [
        (Reply("User-agent: *\nDisallow: /\n"), "le site demande de ne pas la prendre"),
        (Reply(status=500), "par prudence, rien n’est pris"),
        (Reply(status=503, headers={"Retry-After": "0"}), "par prudence, rien n’est pris"),
        (Reply(b"U" * 600_000), "par prudence"),
    ],
)
def test_a_site_that_refuses_or_does_not_give_its_rules_is_not_taken(
    take: Any, site: Site, robots: Reply, message: str
) -> None:
    site.pages["/robots.txt"] = robots
    with pytest.raises(CrawlRefused, match=message):
        take()
    assert "/" not in site.paths()


def test_a_pause_is_made_between_two_requests_ours_or_the_sites(take: Any, site: Site) -> None:
    site.pages["/robots.txt"] = Reply("User-agent: *\nCrawl-delay: 0.3\n")
    take(pause_s=0.1)
    times = [at for path, _, at in site.asked if path != "/robots.txt"]
    assert len(times) == 4
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(times))


def test_one_page_under_several_addresses_is_taken_once(take: Any, site: Site) -> None:
    canonical = f'<link rel="canonical" href="{site.url}/bois">'
    shown = links(
        "/bois?utm_source=a", "/bois?PHPSESSID=1#haut", "/bois?vue=2", "/imprimer/bois", "/alias", "/ecole/", "/rond/1"
    )
    site.pages |= {
        "/": article("eau", shown),
        "/bois": article("bois", head=canonical),
        "/bois?vue=2": article("bois", head=canonical),
        "/imprimer/bois": article("bois").replace("on s’adresse", "s’adresser"),
        "/alias": redirect("/bois"),
        "/ecole/": article("ecole", head='<link rel="canonical" href="/ecole">'),
        "/rond/1": article("velo", head='<link rel="canonical" href="/rond/2">'),
        "/rond/2": article("velo", head='<link rel="canonical" href="/rond/1">'),
    }
    site.pages["/imprimer/bois"] = article("bois")
    report = take()
    assert paths(report.new) == ["accueil.html", "bois.html", "ecole.html", "rond-1.html"]
    assert site.times("/bois") == 2  # itself, and once as a redirect's end
    said = reasons(site, report)
    assert said["/imprimer/bois"] == f"presque le même texte que {site.url}/bois"
    assert said["/rond/2"] == f"presque le même texte que {site.url}/rond/1"


def test_a_canonical_address_that_leads_nowhere_is_not_believed(take: Any, site: Site) -> None:
    for path, target in (("/bois", "/absent"), ("/ecole", "/")):
        site.pages[path] = article(path[1:], head=f'<link rel="canonical" href="{target}">')
    assert paths(take().new) == ["accueil.html", "bois.html", "ecole.html"]


def test_a_calendar_and_addresses_without_end_are_left(take: Any, site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(frontier, "_MOST_ALIKE", 15)

    def month(request: Any) -> str:
        number = int(request.path.rsplit("=", 1)[-1])
        return page("Agenda", f"<p>Le mois numéro {number} de l’agenda.</p>", links(f"/agenda?mois={number + 1}"))

    class Endless(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            if path.startswith("/agenda?"):
                return month
            if path.startswith("/piege"):
                return page(
                    "Piège", f"<p>Une page du piège, {path.count('/')}.</p>", links(path + "/piege", path + "/a/b")
                )
            if path.startswith("/tri?"):
                more = [f"/tri?par={n}" for n in range(100)]
                return page("Liste", f"<p>Une liste triée, {path}.</p>", links(*more))
            return super().get(path, default)

    site.pages = Endless(site.pages)
    site.pages["/"] = article("eau", links("/agenda?mois=1", "/piege", "/tri?par=0", "/bois"))
    report = take(pages=300, depth=100)
    assert report.stopped == ""
    assert report.requests < 60
    said = set(reasons(site, report).values())
    assert {"calendrier sans fin", "adresse qui se répète sans fin"} <= said
    assert any("qui ne diffèrent que par" in reason for reason in said)
    assert "bois.html" in paths(report.new)


def test_errors_are_told_and_the_others_go_on(take: Any, site: Site) -> None:
    shown = links(
        "/absent", "/casse", "/coupe", "/lent", "/rond", "/interne", "/vide", "/image", "/secret", "/noindex", "/bois"
    )
    site.pages |= {
        "/": article("eau", shown),
        "/casse": Reply(status=500),
        "/coupe": Reply("a" * 10, announced=100),
        "/lent": Reply("a" * 100, drip_s=0.5),
        "/rond": redirect("/rond"),
        "/interne": redirect("http://169.254.169.254/"),
        "/vide": "<html><body></body></html>",
        "/image": Reply(b"a", headers={"Content-Type": "image/png"}),
        "/secret": Reply(status=401),
        "/noindex": article("velo", links("/ecole"), '<meta name="robots" content="noindex">'),
    }
    report = take()
    assert paths(report.new) == ["accueil.html", "bois.html", "ecole.html"]
    said = reasons(site, report)
    assert {"/casse", "/coupe", "/lent", "/rond"} == {item.url.removeprefix(site.url) for item in report.failed}
    assert "est redirigée vers http://169.254.169.254/ : elle est hors du site demandé" in said["/interne"]
    assert "noindex" in said["/noindex"]
    assert {"/vide", "/image", "/secret"} <= said.keys()
    assert report.gone == ()  # what never came cannot go


def test_charsets_are_read_as_the_server_or_the_page_says(take: Any, site: Site, tmp_path: Path) -> None:
    plain = article("bois", links("/ecole")).replace('<meta charset="utf-8">', "")
    site.pages["/bois"] = Reply(plain.encode("cp1252"), headers={"Content-Type": "text/html; charset=ISO-8859-1"})
    lying = article("ecole").replace("utf-8", "iso-8859-15")
    site.pages["/ecole"] = Reply(lying.encode("iso-8859-15", "replace"), headers={"Content-Type": "text/html"})
    take()
    texts = {d.source.path.rsplit("/", 1)[-1]: d.text for d in read_corpus(tmp_path / "corpus").documents}
    assert "s’adresse à l’accueil" in texts["bois.html"]
    assert "salles claires et chauffées" in texts["ecole.html"]


def test_linked_documents_come_if_asked(take: Any, site: Site) -> None:
    data = io.BytesIO()
    canvas = Canvas(data)
    canvas.drawString(72, 700, "Le plan climat de la ville tient en dix mesures.")
    canvas.save()
    pdf = Reply(data.getvalue(), headers={"Content-Type": "application/pdf"})
    site.pages |= {"/": article("eau", links("/Plan Climat.pdf", "/doc?id=3", "/vieux.doc")), "/Plan%20Climat.pdf": pdf}
    site.pages["/doc?id=3"] = pdf
    report = take()
    assert (paths(report.new), report.documents) == (["accueil.html"], 3)
    report = take(documents=True)
    assert (paths(report.new), report.documents) == (["plan-climat.pdf"], 0)
    assert reasons(site, report)["/doc?id=3"].startswith("presque le même texte")


def test_only_what_is_under_the_folder_is_taken(take: Any, site: Site) -> None:
    site.pages |= {"/vie/": article("marche", links("/bois", "/vie/velo", "/vie-privee")), "/vie/velo": article("velo")}
    assert paths(take("/vie/").new) == ["vie-velo.html", "vie.html"]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"pages": 2}, "la limite de 2 pages"),
        ({"minutes": 0}, "la limite de 0 minutes"),
        ({"megabytes": 0}, "la limite de 0 Mo"),
    ],
)
def test_a_limit_stops_and_the_same_command_goes_on(take: Any, site: Site, limits: Any, message: str) -> None:
    site.pages["/sitemap.xml"] = Reply(f"{site.url}/bois\n{site.url}/ecole\n")
    report = take(**limits)
    assert message in report.stopped
    assert report.waiting > 0
    report = take()
    assert (report.stopped, report.waiting, len(report.new)) == ("", 0, 3)
    assert site.times("/sitemap.xml") == 1
    assert site.times("/") == 1


def test_a_depth_holds_what_is_beyond_until_it_is_wanted(take: Any, site: Site) -> None:
    site.pages |= {"/": article("eau", links("/bois")), "/bois": article("bois", links("/ecole"))}
    report = take(depth=1)
    assert (paths(report.new), report.deeper) == (["accueil.html", "bois.html"], 1)
    assert paths(take(depth=2).new) == ["ecole.html"]


def test_a_site_that_answers_no_more_ends_the_crawl(take: Any, site: Site) -> None:
    site.pages["/"] = article("eau", links(*(f"/p{number}" for number in range(15))))
    site.pages["*"] = Reply(status=500)
    site.pages |= {"/robots.txt": Reply(status=404), "/sitemap.xml": Reply(status=404)}
    report = take()
    assert "le site ne répond plus (10 échecs à la suite)" in report.stopped
    assert report.waiting == 5


def test_what_is_known_of_a_site_reaches_the_disk_every_few_pages(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "site.sqlite"

    def on_the_disk() -> int:
        with closing(sqlite3.connect(file)) as other:
            return int(other.execute("select count(*) from page where outcome = 'new'").fetchone()[0])

    with CrawlState(file) as state:
        state.begin_round()
        seen = []
        for number in range(25):
            url = f"https://v.fr/{number}"
            for link in range(5):
                state.find(f"https://v.fr/{number + link}", 1, listed=False)
            state.settle(url, Outcome.NEW)
            assert state.count(Outcome.NEW) == number + 1
            seen.append(number + 1 - on_the_disk())
        assert max(seen) == crawl_state._COMMIT_PAGES - 1
        assert seen.count(0) == 5
        monkeypatch.setattr(crawl_state, "_COMMIT_S", 0.0)  # a site that answers slowly: each page by itself
        state.settle("https://v.fr/3", Outcome.NEW)
        assert on_the_disk() == 25
        state.find("https://v.fr/last", 1, listed=False, outcome=Outcome.NEW)
        assert on_the_disk() == 25
    assert on_the_disk() == 26, "what was noted last is there once it is closed"


def test_a_killed_crawl_goes_on_where_it_was(site: Site, tmp_path: Path, pages: PageReader) -> None:
    names = [f"/p{number}" for number in range(12)]
    site.pages["/"] = article("eau", links(*names))
    for number, name in enumerate(names):
        site.pages[name] = page(f"Page {number}", f"<p>{' '.join(f'mot{number}x{i}' for i in range(40))}.</p>")
    code = """
import sys
from pathlib import Path
from ingest.add_url import add_url
from ingest.crawl import crawl
from ingest.crawl_report import CrawlLimits
from ingest.fetch import Fetcher
fetcher = Fetcher("a", allow_private=True)
crawl(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), fetcher, CrawlLimits(pause_s=0.05))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "corpus"), f"{site.url}/", str(tmp_path / "state")]
    for kind in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        asked = len(site.asked)
        until = time.monotonic() + 60
        while len(site.asked) < asked + 5 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(kind)
        process.wait(30)
        read_corpus(tmp_path / "corpus")  # it is sound, whatever stopped
    limits = CrawlLimits(pause_s=0)
    report = crawl(tmp_path / "corpus", f"{site.url}/", tmp_path / "state", HASTY, limits, pages=pages)
    assert (len(report.new), report.stopped) == (13, "")
    # What was not committed, or being written, is asked again: after each of the two ends.
    assert max(site.times(name) for name in names) <= 3
    assert sum(site.times(name) for name in names) <= len(names) + 8
    assert read_corpus(tmp_path / "corpus").without_entry == ()


def test_two_crawls_of_one_site_do_not_mix(take: Any, site: Site, tmp_path: Path) -> None:
    site.pages["/bois"] = lambda request: failed.append(second()) or article("bois")
    failed: list[str] = []

    def second() -> str:
        with pytest.raises(CrawlRefused) as caught:
            take()
        return str(caught.value)

    take()
    assert ["déjà en train d’être relevé" in text for text in failed] == [True]


def test_what_is_wrong_is_told_before_anything_is_asked(take: Any, site: Site, tmp_path: Path) -> None:
    with pytest.raises(ForbiddenAddress):
        crawl(tmp_path, "file:///etc/", tmp_path, HASTY, CrawlLimits())
    with pytest.raises(InvalidEntry, match="clé inconnue"):
        take(entry={"editeur": "A"})
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "sources.toml").write_text("[a")
    with pytest.raises(InvalidEntry, match="n’est pas un fichier TOML"):
        take()
    assert site.asked == []


def test_the_state_may_be_lost_and_the_same_files_are_written_again(take: Any, site: Site, tmp_path: Path) -> None:
    before = paths(take().new)
    for file in (tmp_path / "state").iterdir():
        file.unlink()
    take()
    assert sorted(p.name for p in (tmp_path / "corpus" / "web").rglob("*.html")) == before


def test_one_page_is_added_by_its_address(site: Site, tmp_path: Path) -> None:
    path = add_url(tmp_path, f"{site.url}/bois", HASTY, {"theme": "Nature", "title": ""})
    assert path == f"web/{site.url.removeprefix('http://').replace(':', '-')}/bois.html"
    document = read_corpus(tmp_path).documents[0]
    assert (document.title, document.theme, document.source.url) == ("Page bois", "Nature", f"{site.url}/bois")
    assert site.paths() == ["/bois"]


def test_a_page_added_by_hand_and_then_crawled_is_one_document(take: Any, site: Site, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    site.pages["/foret"] = article("bois", head=f'<link rel="canonical" href="{site.url}/bois">')
    site.pages["/ecole"] = article("ecole", links("/bois"), head='<link rel="canonical" href="/absente">')
    home = f"web/{site.url.removeprefix('http://').replace(':', '-')}"
    assert add_url(corpus, f"{site.url}/foret", HASTY) == f"{home}/bois.html"
    assert add_url(corpus, f"{site.url}/ecole", HASTY) == f"{home}/ecole.html"
    take()
    found = sorted(document.source.path.removeprefix(f"{home}/") for document in read_corpus(corpus).documents)
    assert found == ["accueil.html", "bois.html", "ecole.html"]
    site.pages["/bois"] = article("bois").replace("bancs", "tables")
    with pytest.raises(DuplicateDocument, match=r"bois\.html : un autre document a déjà ce nom"):
        add_url(corpus, f"{site.url}/foret", HASTY)


def test_what_a_person_wrote_of_a_page_stays_when_it_is_replaced(site: Site, tmp_path: Path) -> None:
    path = add_url(tmp_path, f"{site.url}/bois", HASTY, {"theme": "Nature"})
    sources = tmp_path / "sources.toml"
    text = sources.read_text(encoding="utf-8").replace("Page bois", "Nos bois").replace("Nature", "Forêts")
    text = re.sub(r"(?m)^publisher = .*$", 'publisher = "Ville, service des espaces verts"', text)
    sources.write_text(re.sub(r"(?m)^retrieved = .*$", "retrieved = 2020-01-01", text), encoding="utf-8")
    site.pages["/bois"] = article("bois").replace("bancs", "tables")
    assert add_url(tmp_path, f"{site.url}/bois", HASTY, replace=True) == path
    said = read_sections(tmp_path)[path]
    assert (said["title"], said["theme"], said["publisher"]) == (
        "Nos bois",
        "Forêts",
        "Ville, service des espaces verts",
    )
    assert said["retrieved"] == date.today().isoformat()
    assert "tables" in read_corpus(tmp_path).documents[0].text
    add_url(tmp_path, f"{site.url}/bois", HASTY, {"title": "Les bois"}, replace=True)
    assert read_sections(tmp_path)[path]["title"] == "Les bois"


def test_addresses_that_look_alike_are_documents_of_their_own(site: Site, tmp_path: Path) -> None:
    looks = ("/a-b", "/a.b", "/a", "/a/b", "/a_b")
    for look in looks:
        site.pages[look] = page(look, f"<p>La page {look} de la ville parle de ses jardins et de ses bancs.</p>")
    added = [add_url(tmp_path, f"{site.url}{look}", HASTY) for look in looks]
    assert len(set(added)) == len({document.id for document in read_corpus(tmp_path).documents}) == len(looks)
    for look in looks:
        site.pages[look] = page(look, f"<p>La page {look} de la ville parle de ses jardins et de ses arbres.</p>")
    assert [add_url(tmp_path, f"{site.url}{look}", HASTY, replace=True) for look in looks] == added
    (tmp_path / "notre.md").write_text("Notre texte.", encoding="utf-8")
    with (tmp_path / "sources.toml").open("a", encoding="utf-8") as opened:
        opened.write(f'\n["notre.md"]\nurl = "{site.url}/bois"\n')
    with pytest.raises(DuplicateDocument, match=r"cette adresse est déjà dans le corpus : notre\.md"):
        add_url(tmp_path, f"{site.url}/bois", HASTY)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("HTTPS://Ville.fr:443/a/../b/?utm_source=x&b=2&a=1&PHPSESSID=9&fbclid=3#haut", "https://ville.fr/b/?a=1&b=2"),
        ("http://ville.fr", "http://ville.fr/"),
        ("https://ville.fr/a//b/;jsessionid=3", "https://ville.fr/a/b/"),
        ("https://ville.fr//autre.fr/x", "https://ville.fr/autre.fr/x"),
        ("https://ville.fr/Plan climat.pdf", "https://ville.fr/Plan%20climat.pdf"),
        *(
            (url, "")
            for url in ("mailto:a@b.fr", "javascript:x()", "tel:0321", "//ville.fr", "http://a:b@ville.fr/", "http://[")
        ),
    ],
)
def test_an_address_has_one_spelling(url: str, wanted: str) -> None:
    assert canonical_address(url) == wanted
    assert canonical_address(wanted) == wanted


def test_links_of_a_broken_page_are_found() -> None:
    html = (
        "<base href='/vie/'><a href=a>x<a href='b c'><a href='http://['><p><a rel=nofollow href=d><iframe src='e'><a>"
    )
    assert page_links(html.encode(), "https://v.fr/x").links == (
        "https://v.fr/vie/a",
        "https://v.fr/vie/b%20c",
        "https://v.fr/vie/e",
    )
    assert page_links(b"<p>", "https://v.fr/") == page_links(b"<!-- -->", "https://v.fr/")
    assert page_links(b"<meta name=robots content=NONE><a href=/a>", "https://v.fr/").links == ()


def test_a_scope_is_a_folder_of_a_host() -> None:
    scope = Scope.of("https://www.ville.fr/vie/ecoles")
    held = ["https://ville.fr/vie/", "http://www.ville.fr/vie", "https://ville.fr/vie/a/b"]
    assert [scope.holds(url) for url in held] == [True] * 3
    left = [
        "https://ville.fr/",
        "https://ville.fr/vieux",
        "https://a.ville.fr/vie/",
        "https://ville.fr:8443/vie/",
        "https://ville.fr.mal.fr/vie/",
    ]
    assert [scope.holds(url) for url in left] == [False] * 5


def test_a_site_at_home_elsewhere_is_asked_there() -> None:
    scope = Scope.of("http://ville.fr/").at("https://www.ville.fr")
    assert scope.spelled("http://ville.fr/a?b=http://ville.fr") == "https://www.ville.fr/a?b=http://ville.fr"
    assert scope.spelled("https://autre.fr/a") == "https://autre.fr/a"
    assert scope.at("https://autre.fr") == scope


def test_a_damaged_state_is_told(take: Any, site: Site, tmp_path: Path) -> None:
    take()
    file = next((tmp_path / "state").glob("*.sqlite"))
    file.write_bytes(b"rien " * 1000)
    with pytest.raises(NotWritten, match="Effacez ce fichier"):
        take()
    (tmp_path / "fichier").write_text("")
    with pytest.raises(NotWritten, match="ne s’écrit pas"):
        crawl(tmp_path / "corpus", site.url, tmp_path / "fichier", HASTY, CrawlLimits())


def test_a_page_made_to_stop_its_reader_is_refused_and_the_next_is_read() -> None:
    good = Fetched("https://v.fr/a", article("bois", links("/b")).encode(), ".html")
    attributes = " ".join(f"a{number}=1" for number in range(200_000))
    bad = Fetched("https://v.fr/b", f"<html><body><p {attributes}>Texte.</p>".encode(), ".html")
    with PageReader() as pages:
        read = pages.read(good, "a.html")
        assert (read.links.links, read.document and read.document.title) == (("https://v.fr/b",), "Page bois")
        pages.max_seconds = 0.5
        with pytest.raises(UnreadableSource, match=r"b\.html : sa lecture prend plus de 0\.5 secondes"):
            pages.read(bad, "b.html")
        pages.max_seconds = 60
        assert pages.read(good, "a.html") == read
        assert pages._process is not None
        pages._process.kill()
        with pytest.raises(UnreadableSource, match="s’est arrêtée net"):
            pages.read(good, "a.html")
        assert pages.read(good, "a.html") == read
        process = pages._process
        question = {"url": "https://v.fr/b", "suffix": ".html", "path": "b", "length": len(bad.data), "seconds": 0.1}
        process.stdin.write(json.dumps(question).encode() + b"\n" + bad.data)
        process.stdin.flush()
        assert process.wait(60) == -signal.SIGXCPU, "it ends, though nobody waits for it"
        with pytest.raises(UnreadableSource, match=r"a\.html : sa lecture prend plus de 60 secondes\. Ouvrez-la"):
            pages.read(good, "a.html")
        assert pages.read(Fetched("https://v.fr/", b"", ".html"), "v.html").problem.startswith("le fichier est vide")


def test_a_slug_is_short_and_safe() -> None:
    assert slug("https://v.fr/", ".html") == "accueil.html"
    assert slug("https://v.fr/%2e%2e/%00/Été.php?id=3", ".html") == "ete-id-3.html"
    long = slug("https://v.fr/" + "mot-" * 60, ".pdf")
    assert len(long) < 90
    assert long != slug("https://v.fr/" + "mot-" * 61, ".pdf")


def test_texts_nearly_the_same_are_told_from_texts_of_one_mould() -> None:
    words = [f"mot{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300)]
    known = NearDuplicates()
    _, runs, numbers = known.of(" ".join(words), "a")
    known.add("a", runs, numbers)
    assert known.of(" ".join(["autre", *words[1:]]), "b")[0] == "a"
    assert known.of(" ".join([*words[:150], "2024", *words[150:]]), "b")[0] == ""
    assert known.of(" ".join(words[:200]), "b")[0] == ""
    assert known.of(" ".join(words), "a")[0] == ""


def test_the_state_is_one_plain_file(take: Any, tmp_path: Path) -> None:
    take()
    file = next((tmp_path / "state").glob("*.sqlite"))
    assert sqlite3.connect(file).execute("pragma integrity_check").fetchone() == ("ok",)
