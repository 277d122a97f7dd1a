"""What the guides say exists: the files and places that they link to, the commands and options that they show."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from chatbot.cli import app

ROOT = Path(__file__).parents[2]
GUIDES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INSTALLED = re.compile(r"/opt/loos/((?:deploy|docs|corpus)[\w./-]*)")


def anchors(page: Path) -> set[str]:
    """The places of a page, as GitHub names them: lower case, hyphens for spaces, no punctuation."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_links_lead_somewhere(guide: Path) -> None:
    for link in LINK.findall(guide.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if path.startswith("http"):
            continue
        page = guide.parent / path if path else guide
        assert page.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(page), f"{link}: no such title"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_commands_shown_exist(guide: Path) -> None:
    for block in BLOCK.findall(guide.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["sudo"]:
                words = words[1:]
            if words and Path(words[0]).name == "loos":
                check_command(words[1:], line)


def check_command(words: list[str], line: str) -> None:
    command = get_command(app)
    while words and getattr(command, "commands", None) and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word in known | {"--help"}, f"{line}: no option {word}"
    takes_nothing = not any(parameter.param_type_name == "argument" for parameter in command.params)
    if takes_nothing and words:
        assert words[0].startswith("--"), f"{line}: no command {words[0]}"


def test_the_files_to_install_exist() -> None:
    text = (ROOT / "docs" / "exploitation.md").read_text(encoding="utf-8")
    named = set(INSTALLED.findall(text))
    assert {"deploy/loos", "deploy/loos.service", "deploy/loos-operator.service", "deploy/nginx.conf"} <= named
    for name in named:
        assert (ROOT / name).exists(), name


def test_every_unit_speaks_of_the_guide() -> None:
    for file in (ROOT / "deploy").iterdir():
        assert "docs/exploitation.md" in file.read_text(encoding="utf-8"), file.name
