"""The systemd units of deploy/ are sound and closed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[2] / "deploy").glob("*.service"))
WORST_EXPOSURE = 20
"""Of 100, as « systemd-analyze security » counts; a unit that closes nothing has 96."""


@pytest.fixture
def analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("no systemd-analyze here to check the units with (Debian: apt-get install systemd)")
    return path


def test_there_is_a_unit_for_the_service_and_one_for_the_operators_page() -> None:
    assert [unit.name for unit in UNITS] == ["loos-operator.service", "loos.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_all_of_a_unit(unit: Path, tmp_path: Path, analyze: str) -> None:
    # The program is not installed at its place here; another one stands in for it.
    installed = tmp_path / unit.name
    text = unit.read_text(encoding="utf-8").replace("/opt/loos/.venv/bin/loos", sys.executable)
    installed.write_text(re.sub("(?m)^Documentation=.*$", "", text), encoding="utf-8")
    done = subprocess.run([analyze, "verify", str(installed)], capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_little_is_left_open_to_a_unit(unit: Path, analyze: str) -> None:
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={WORST_EXPOSURE}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a file: " + done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_leaves_what_the_program_needs(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    assert "\nMemoryDenyWriteExecute" not in text, "torch makes code while it runs"
    assert "~@resources" not in text, "documents are read in a process of its own, under limits that it sets"
    assert "\nStateDirectory=loos\n" in text
    assert "\nWorkingDirectory=/var/lib/loos\n" in text
