"""Make sure that the browser tests find a Chromium: Debian's package where we are root, else playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

MISSING = """No Chromium for the browser tests. Any one of these mends it:
  apt-get install chromium                   (Debian, Ubuntu; as root)
  .venv/bin/playwright install chromium      (downloads one)
  export CHROMIUM=/path/to/chromium          (one you have)"""


def find() -> str | None:
    """The path of a Chromium: `$CHROMIUM`, one on the path, or the one that playwright downloaded."""
    from playwright.sync_api import sync_playwright

    if path := os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser"):
        return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> int:
    if find():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"], check=False)
    if not find():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if not find():
        print(MISSING, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
