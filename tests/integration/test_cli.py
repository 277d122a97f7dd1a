"""The command `loos` as a real process: what it prints where, and how it ends."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "build",
    "ask",
    "serve",
    "add",
    "remove",
    "restore",
    "crawl",
    "corpus check",
    "index list",
    "index verify",
    "index diff",
    "index publish",
    "index rollback",
    "index prune",
    "evaluate answers",
    "evaluate retrieval",
]


def loos(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "chatbot.cli", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "verger.md").write_text(
        "# Le verger\n\nLe verger communal compte quarante pommiers anciens. "
        "Il a été planté en 2010 par les habitants.\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def index(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    done = loos("build", "--corpus", corpus, "--index", folder)
    assert done.returncode == 0, done.stderr
    assert "en service : 1\u00a0document, 1\u00a0passage, 2\u00a0phrases." in done.stdout
    assert "À corriger dans le corpus (1) :\n- verger.md : pas de paragraphe dans sources.toml." in done.stderr
    return folder


def test_a_second_build_changes_nothing(corpus, index):
    done = loos("build", "--corpus", corpus, "--index", index, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["unchanged"] is True


def test_an_answer_is_readable_with_its_source(index):
    done = loos("ask", "Quand le verger a-t-il été planté ?", "--index", index)
    assert done.returncode == 0
    assert "Il a été planté en 2010 par les habitants. [1]" in done.stdout
    assert "[1] Le verger" in done.stdout
    assert done.stderr == ""


def test_an_answer_from_a_fiche_names_the_sources_of_each_quote(tmp_path):
    (tmp_path / "mare.md").write_text(
        "# La mare\n\nLa mare du parc abrite douze espèces de libellules.[^a][^b]\n\n"
        "[^a]: Ville – Page <https://ville.fr/mare>\n[^b]: Parc – Inventaire <https://parc.fr/i>\n"
    )
    (tmp_path / "sources.toml").write_text(
        '["mare.md"]\npublisher = "Nous"\nkind = "fiche"\nnote = "Une fiche."\npublished = 2026-01-02\n'
    )
    assert loos("build", "--corpus", tmp_path, "--index", tmp_path / "index").returncode == 0
    done = loos("ask", "Combien d'espèces de libellules abrite la mare du parc ?", "--index", tmp_path / "index")
    assert "[1] La mare — Fiche rédigée pour ce service à partir de sources publiques, 2 janvier 2026" in done.stdout
    assert "    D’après Ville – Page <https://ville.fr/mare> ; Parc – Inventaire <https://parc.fr/i>\n" in done.stdout


def test_an_answer_as_json(index):
    done = loos("ask", "Combien de pommiers compte le verger ?", "--index", index, "--json")
    reply = json.loads(done.stdout)
    assert reply["status"] == "answered"
    assert reply["citations"][0]["quote"].startswith("Le verger communal compte quarante pommiers anciens.")


def test_builds_are_listed_and_verified(index):
    listed = loos("index", "list", "--index", index)
    build_id = listed.stdout.split()[1]
    assert re.fullmatch(
        rf"\* {build_id}  \d+(er)? \w+ \d{{4}} à \d+ h \d\d  1\u00a0document, 1\u00a0passage\n", listed.stdout
    )
    assert loos("index", "verify", build_id, "--index", index).returncode == 0
    unknown = loos("index", "verify", "abc", "--index", index)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert f"Erreur : Aucune construction « abc » dans {index}/builds. Constructions : {build_id}." in unknown.stderr


def test_a_candidate_is_compared_published_and_left_again(corpus, index, tmp_path):
    folder, documents = tmp_path / "index", tmp_path / "corpus"
    shutil.copytree(index, folder)
    shutil.copytree(corpus, documents)
    (documents / "mare.md").write_text("# La mare\n\nLa mare du parc abrite douze espèces de libellules.\n")
    live = json.loads(loos("index", "list", "--index", folder, "--json").stdout)[0]["build_id"]
    done = loos("build", "--no-publish", "--progress", "json", "--json", "--corpus", documents, "--index", folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["published"], report["diff"]["added"]) == (False, [{"path": "mare.md", "title": "La mare"}])
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert {"documents", "passages", "vectors"} <= {line["what"] for line in lines}
    assert all(line.keys() == {"what", "done", "total", "remaining_s"} for line in lines)
    assert {"what": "documents", "done": 2, "total": 2, "remaining_s": 0.0} in lines
    new = report["build_id"]
    assert (folder / "reports" / f"{new}.html").is_file()
    (documents / "haie.md").write_text("La haie du parc abrite des hérissons.\n")
    diff = loos("index", "diff", "--index", folder, "--corpus", documents)
    assert "  + mare.md – La mare\n" in diff.stdout
    waiting = f"Pas encore construit (depuis {new}) :\n- ajouté : haie.md\n« loos build » en tient compte.\n"
    assert waiting in diff.stderr
    (documents / "haie.md").unlink()
    listed = loos("index", "list", "--index", folder, "--corpus", documents)
    assert (listed.stderr, len(listed.stdout.splitlines())) == ("", 2)
    for other in ("0" * 16, "1" * 16):
        (folder / "builds" / other).mkdir()
        (folder / "builds" / other / "manifest.json").write_text('{"schema": 1}')
    listed = loos("index", "list", "--index", folder, "--corpus", documents)
    assert (listed.stdout.count("a le format 1"), listed.stdout.count("Reconstruisez")) == (2, 0)
    assert listed.stderr.count("Reconstruisez") == 1
    for other in ("0" * 16, "1" * 16):
        shutil.rmtree(folder / "builds" / other)
    assert json.loads(loos("index", "diff", new, live, "--json", "--index", folder).stdout)["gone"]
    published = loos("index", "publish", new, "--index", folder)
    assert published.stdout == f"La construction {new} est en service, à la place de {live}.\n"
    back = loos("index", "rollback", "--index", folder)
    assert back.stdout == f"La construction {live} est en service, à la place de {new}.\n"
    assert loos("index", "prune", "--keep", "1", "--index", folder).stdout == f"Constructions effacées : {new}.\n"
    assert not (folder / "reports" / f"{new}.html").exists()
    gone = loos("index", "rollback", "--index", folder)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert f"Aucune construction « {new} »" in gone.stderr


def test_ctrl_c_ends_a_build_in_one_line(corpus, tmp_path):
    for number in range(400):
        (tmp_path / f"page-{number}.md").write_text(f"# Page {number}\n\nLa page numéro {number} dit ceci.\n")
    command = [sys.executable, "-m", "chatbot.cli", "build", "--progress", "json", "--corpus", tmp_path]
    with subprocess.Popen(
        [*map(str, command), "--index", str(tmp_path / "index")], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert json.loads(process.stderr.readline())["what"] == "documents"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "Interrompu."
    assert "Traceback" not in stderr


def test_a_corpus_is_checked_and_what_to_mend_is_named(corpus):
    done = loos("corpus", "check", "--corpus", corpus)
    assert done.returncode == 1
    assert "| Autres documents | 1         | 1        | 0 " in done.stdout
    assert "À corriger : 1.\n- verger.md : pas de paragraphe dans sources.toml." in done.stdout
    as_json = json.loads(loos("corpus", "check", "--corpus", corpus, "--json").stdout)
    assert list(as_json["themes"]) == ["Autres documents"]
    assert as_json["total"]["passages"] == 1
    assert len(as_json["problems"]) == 1


def test_our_corpus_needs_no_mending_and_its_table_is_in_the_docs():
    done = loos("corpus", "check")
    assert done.returncode == 0, done.stdout
    table, _, verdict = done.stdout.partition("\n\n")
    assert verdict == "Rien à corriger.\n"
    assert table in (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")


def test_retrieval_is_evaluated(tmp_path):
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "title": "", "text": "Le soleil brille."}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "soleil"}\n')
    (tmp_path / "qrels.tsv").write_text("q\ta\t1\n")
    done = loos("evaluate", "retrieval", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["system"], figures["ndcg@10"], figures["questions"], figures["passages"]) == ("hybrid", 1.0, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (
            ["ask", "EFC ?", "--index", "/nonexistent"],
            {},
            "Aucun index dans /nonexistent. Construisez-le avec « make build »",
        ),
        (["index", "verify", "--index", "/nonexistent"], {}, "« make build »"),
        (["serve", "--index", "/nonexistent"], {}, "« make build »"),
        (["build", "--corpus", "/nonexistent"], {}, "Le dossier du corpus n’existe pas : /nonexistent."),
        (["ask", ""], {}, "Écrivez d’abord une question."),
        (["ask", "x" * 10_000], {}, "10000 caractères, la limite est de 1000"),
        (["index", "list"], {"LOOS_PORT": "zéro"}, "Réglage port : la valeur 'zéro' ne convient pas"),
        (["index", "list"], {"LOOS_PROT": "1"}, "Réglage inconnu dans l’environnement : LOOS_PROT."),
        (["build"], {"LOOS_MODEL": "/nonexistent"}, "/nonexistent"),
        (["corpus", "check", "--corpus", "/nonexistent"], {}, "Le dossier du corpus n’existe pas"),
        (["evaluate", "retrieval", "/nonexistent"], {}, "/nonexistent/corpus.jsonl n’existe pas."),
    ],
)
def test_what_is_wrong_is_said_on_stderr_with_status_1(arguments, environment, message):
    done = loos(*arguments, **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Erreur : ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["bild"],
        ["ask"],
        ["serve", "--prot", "1"],
        ["evaluate", "retrieval", ".", "--system", "x"],
        ["index", "publish"],
        ["build", "--progress", "x"],
        ["build", "--no-publish", "--publish-anyway"],
    ],
)
def test_a_wrong_call_ends_with_status_2(arguments):
    done = loos(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Erreur : ")
    assert "--help » montre comment faire." in done.stderr


def test_a_port_in_use_is_named(index):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = loos("serve", "--port", port, "--index", index)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "--port" in done.stderr


def test_a_damaged_index_is_refused_with_the_command_that_mends_it(corpus, tmp_path):
    index = tmp_path / "index"
    loos("build", "--corpus", corpus, "--index", index)
    passages = next(index.glob("builds/*/passages.json"))
    passages.write_text(passages.read_text().replace("quarante", "cinquante"))
    for command in (["ask", "Combien de pommiers ?"], ["index", "verify"], ["serve"]):
        done = loos(*command, "--index", index)
        assert done.returncode == 1
        assert "passages.json : contenu modifié" in done.stderr
        assert "make build" in done.stderr
    assert loos("build", "--corpus", corpus, "--index", index).returncode == 0
    assert loos("index", "verify", "--index", index).returncode == 0
    shutil.rmtree(index)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    done = loos(*command.split(), "--help")
    assert done.returncode == 0
    assert f"Exemple : loos {command}" in done.stdout
