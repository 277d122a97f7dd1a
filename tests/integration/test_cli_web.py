"""`loos add`, `remove`, `restore` and `crawl` as real processes, against a real site."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from ingest import read_corpus
from tests.web_server import Reply, page, served

ROOT = Path(__file__).parents[2]
LINKS = (
    '<a href="/verger">Le verger</a> <a href="/prive">Privé</a> <a href="/absent">?</a> <a href="/plan.pdf">Plan</a>'
)


@pytest.fixture
def site():
    with served() as running:
        running.pages |= {
            "/robots.txt": Reply("User-agent: *\nDisallow: /prive\n", headers={"Content-Type": "text/plain"}),
            "/": page("Accueil", "<p>Le village de Saint-Exemple compte mille deux cents habitants.</p>", LINKS),
            "/verger": page(
                "Le verger", "<p>Le verger communal compte quarante pommiers anciens, plantés en 2010.</p>"
            ),
        }
        yield running


@pytest.fixture
def loos(tmp_path: Path):
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "chatbot.cli", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "LOOS_CORPUS": str(tmp_path / "corpus"), "LOOS_CRAWL": str(tmp_path / "crawl")},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


def test_a_site_is_taken_and_what_to_do_next_is_said(loos, site, tmp_path):
    refused = loos("crawl", site.url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "ajoutez --allow-private" in refused.stderr
    first = loos("crawl", site.url, "--allow-private", "--delay", "0", "--max-pages", "1", "--theme", "Village")
    assert first.returncode == 0, first.stderr
    assert "Pas terminé : la limite de 1 pages est atteinte (--max-pages) ; 3 adresse(s) attendent." in first.stdout
    second = loos("crawl", site.url, "--allow-private", "--delay", "0", "--theme", "Village")
    assert "de lien en lien : 2 demande(s) en " in second.stdout
    assert "Nouveaux : 2 ; changés : 0 ; inchangés : 0 ; laissés de côté : 2 ; en échec : 0." in second.stdout
    assert f"- {site.url}/prive : le site demande de ne pas la prendre (robots.txt)" in second.stdout
    assert f"- {site.url}/absent : cette page n’existe pas (code 404)." in second.stdout
    assert "1 fichier(s) liés (PDF…) ne sont pas pris : ajoutez --documents." in second.stdout
    assert second.stdout.endswith("Pour que le service en tienne compte : « loos build ».\n")
    corpus = read_corpus(tmp_path / "corpus")
    assert [(document.title, document.theme) for document in corpus.documents] == [
        ("Accueil", "Village"),
        ("Le verger", "Village"),
    ]


def test_ctrl_c_loses_nothing(loos, site, tmp_path):
    site.pages["/verger"] = Reply("a" * 500, drip_s=0.1)
    process = subprocess.Popen(
        [sys.executable, "-m", "chatbot.cli", "crawl", site.url, "--allow-private", "--delay", "0"],
        cwd=ROOT,
        env={**os.environ, "LOOS_CORPUS": str(tmp_path / "corpus"), "LOOS_CRAWL": str(tmp_path / "crawl")},
        stdout=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while "/verger" not in site.paths() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 130
    assert "Pas terminé : interrompu ; 3 adresse(s) attendent. La même commande reprend où elle en était." in out
    assert len(tomllib.loads((tmp_path / "corpus" / "sources.toml").read_text())) == 1


def test_files_and_pages_are_added_removed_and_restored(loos, site, tmp_path):
    file = tmp_path / "Compte rendu.txt"
    file.write_text("Le conseil du 3 mars a voté la rénovation de la halle.")
    done = loos("add", file, "--title", "Conseil du 3 mars", "--folder", "conseils", "--published", "2026-03-03")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Ajouté : conseils/Compte rendu.txt")
    again = loos("add", file, f"{site.url}/verger", tmp_path / "absent.pdf", tmp_path, "--allow-private", "--json")
    assert again.returncode == 1
    results = json.loads(again.stdout)
    added = [result["path"] for result in results]
    assert added == [None, f"web/{site.url.removeprefix('http://').replace(':', '-')}/verger.html", None, None]
    wanted = ["exactement le même", None, "le fichier ne se lit pas", "est un dossier"]
    assert all(text is None or text in result["problem"] for text, result in zip(wanted, results, strict=True))
    gone = loos("remove", "conseils/Compte rendu.txt", "absent.md")
    assert (gone.returncode, "Retiré : conseils/Compte rendu.txt" in gone.stdout) == (1, True)
    assert "absent.md : ce document n’est pas dans" in gone.stderr
    kept = loos("restore").stdout.strip()
    assert kept.startswith("loos restore '")
    assert kept.endswith("/conseils/Compte rendu.txt'")
    back = loos("restore", "Compte rendu.txt")
    assert back.stdout.startswith("Remis : conseils/Compte rendu.txt\n")
    entries = tomllib.loads((tmp_path / "corpus" / "sources.toml").read_text())
    assert entries["conseils/Compte rendu.txt"]["title"] == "Conseil du 3 mars"


def test_the_advice_of_what_was_added_is_a_command_that_works(loos, tmp_path):
    file = tmp_path / "Compte rendu.txt"
    file.write_text("Le conseil du 3 mars a voté la rénovation de la halle.")
    first = loos("add", file, "--folder", "conseils")
    (advice,) = re.findall("« loos (.*) »", first.stderr)
    assert advice == f"add '{file}' --folder conseils --replace --publisher \"…\""
    again = loos(*shlex.split(advice))
    assert (again.returncode, again.stderr) == (0, "")
    other = loos("add", file, "--folder", "conseils", "--replace", "--theme", "Vie municipale")
    assert (other.returncode, other.stderr) == (0, ""), "who publishes it is known already"
    again = loos("add", file, "--folder", "conseils", "--replace", "--published", "2999-03-03")
    assert again.stderr.startswith("À vérifier : la date de publication, 2999-03-03, est dans l’avenir")
    (tmp_path / "Mes fichiers").mkdir()
    assert f"loos add '{tmp_path}/Mes fichiers'/*.pdf" in loos("add", tmp_path / "Mes fichiers").stderr
