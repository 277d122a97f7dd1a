"""Imports run one way, and each heavy library is imported in one file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("ingest", "index", "chatbot")
ONE_FILE = {
    "faiss": "index/vectors.py",
    "sentence_transformers": "index/encoder.py",
    "gradio": "chatbot/page.py",
    "fastapi": "chatbot/server.py",
    "bm25s": "index/lexical.py",
    "yasbd": "ingest/sentences.py",
    "trafilatura": "ingest/read_html.py",
    "mammoth": "ingest/read_docx.py",
    "openpyxl": "ingest/read_sheet.py",
    "protego": "ingest/robots.py",
    "tomlkit": "ingest/entries.py",
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_imports_run_one_way():
    for layer, package in enumerate(LAYERS):
        for path in (ROOT / package).rglob("*.py"):
            assert not set(imports(path)) & set(LAYERS[layer + 1 :]), path


def test_each_heavy_library_is_imported_in_one_file():
    found = {library: set() for library in ONE_FILE}
    for package in LAYERS:
        for path in (ROOT / package).rglob("*.py"):
            for library in set(imports(path)) & set(ONE_FILE):
                found[library].add(path.relative_to(ROOT).as_posix())
    assert found == {library: {path} for library, path in ONE_FILE.items()}


@pytest.mark.parametrize("module", ["chatbot.cli", "index.build", "chatbot.conversation", "chatbot.service"])
def test_nothing_heavy_is_imported_before_it_is_needed(module):
    heavy = {
        "torch",
        "sentence_transformers",
        "transformers",
        "gradio",
        "faiss",
        "bm25s",
        "trafilatura",
        "pypdfium2",
        "mammoth",
    }
    code = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_public_page_imports_nothing_of_the_operators():
    code = "import sys, chatbot.server; print(*(name for name in sys.modules if name.startswith('chatbot.operator')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("package", LAYERS)
def test_every_public_name_exists_and_packages_show_few(package):
    for path in (ROOT / package).rglob("*.py"):
        names = [
            ast.literal_eval(node.value)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        ]
        assert names or path.name == "__init__.py", f"{path} has no __all__"
        assert names == [sorted(names[0], key=lambda n: (not n.isupper(), n))] if names else True, path
