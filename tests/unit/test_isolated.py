"""A reader that crashes, hangs or fills the memory costs its file only."""

import signal
import subprocess
import sys

import pytest

from ingest import isolated
from ingest.errors import UnreadableSource

LOOP = """
from ingest.isolated import limit_time
def loop():
    while True:
        pass
"""
LIMIT = "from ingest.isolated import limit_memory; limit_memory();"


@pytest.mark.parametrize(
    ("child", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "sa lecture s’est arrêtée net (code -11)"),
        ("print('pas du JSON')", "sa lecture s’est arrêtée net (code 0)"),
        ("import time; time.sleep(60)", "sa lecture prend plus de 1 secondes"),
        (f"{LOOP}limit_time(0.1); loop()", "sa lecture prend plus de 30 secondes. Découpez-le"),
        (f"{LIMIT} bytes(10**10)", "sa lecture s’est arrêtée net (code 1)"),
    ],
)
def test_what_breaks_the_reader_is_a_refusal(monkeypatch, child, message):
    monkeypatch.setattr(isolated, "_CHILD", child)
    monkeypatch.setattr(isolated, "MAX_SECONDS", 1 if "sleep" in child else 30)
    with pytest.raises(UnreadableSource) as caught:
        isolated.read_isolated(b"", "a.pdf")
    assert str(caught.value).startswith("a.pdf : ")
    assert message in str(caught.value)


def test_what_loops_ends_though_nobody_waits_for_it():
    code = f"{LOOP}limit_time(0.1); limit_time(0.2); loop()"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == -signal.SIGXCPU
