"""Make sure that the tests of deploy/nginx.conf find an nginx: Debian's package, where we are root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

MISSING = """No nginx and openssl for the tests of deploy/nginx.conf. This mends it:
  apt-get install nginx openssl              (Debian, Ubuntu; as root)
The other tests do not need them."""


def find() -> str | None:
    """The path of an nginx on this machine, which is usually on root's path only; None without openssl too."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("nginx", path=places) if shutil.which("openssl") else None


def main() -> int:
    if find():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # Only the program: nothing is to listen on this machine's port 80.
        policy = Path("/usr/sbin/policy-rc.d")
        is_ours = not policy.exists()
        if is_ours:
            policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
            policy.chmod(0o755)
        try:
            subprocess.run(["apt-get", "update", "-q"], check=False)
            subprocess.run(
                ["apt-get", "install", "-y", "-q", "--no-install-recommends", "nginx", "openssl"], check=False
            )
        finally:
            if is_ours:
                policy.unlink()
    if not find():
        print(MISSING, file=sys.stderr)  # those tests are skipped, with these words
    return 0


if __name__ == "__main__":
    sys.exit(main())
