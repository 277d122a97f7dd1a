"""The operator's password: its hash in a file that only the service's user may read."""

import hashlib
from pathlib import Path

from chatbot.errors import ChatbotError
from ingest.disk import write_whole
from ingest.plain_words import system_reason

__all__ = ["SHORTEST", "Password", "PasswordProblem"]

SHORTEST = 12
"""How many characters a password has at least: what ANSSI's guide (2021) asks for where attempts are slowed down."""

_LONGEST = 1000
_FILE = "password"
_SET = "Choisissez-en un avec « loos operator password »."


class PasswordProblem(ChatbotError):
    """No password is set, or one that cannot be taken."""


class Password:
    """The password whose hash (argon2id, the library's own cost) stands in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    def set(self, password: str) -> None:
        """Keep another password. Sessions that were opened with the one before end.

        Raises:
            PasswordProblem: it is too short or too long, or the folder cannot be written.
        """
        if len(password) < SHORTEST:
            raise PasswordProblem(
                f"Le mot de passe est trop court : {len(password)} caractères, il en faut au moins {SHORTEST}. "
                "Une phrase de quelques mots convient bien."
            )
        if len(password) > _LONGEST:
            raise PasswordProblem(f"Le mot de passe est trop long : {_LONGEST} caractères au plus.")
        from argon2 import PasswordHasher

        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._file, f"{PasswordHasher().hash(password)}\n".encode("ascii"), mode=0o600)
        except OSError as error:
            raise PasswordProblem(
                f"Impossible d’écrire {self._file} : {system_reason(error)}. Le mot de passe n’a pas changé. "
                "Vérifiez les droits du dossier."
            ) from error

    def matches(self, password: str) -> bool:
        """Whether this is the password. Takes as long for a wrong one as for the right one. Raises as `check`."""
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return PasswordHasher().verify(self._hash(), password[: _LONGEST + 1])
        except InvalidHashError as error:
            raise PasswordProblem(f"Le fichier {self._file} est abîmé. {_SET}") from error
        except VerificationError:
            return False

    def check(self) -> None:
        """Raise PasswordProblem where no password is set, or others could read its hash."""
        self._hash()
        if mode := self._file.stat().st_mode & 0o077:
            raise PasswordProblem(
                f"D’autres que le service peuvent lire {self._file} (droits {mode:03o}). Corrigez-les avec "
                f"« chmod 600 {self._file} »."
            )

    @property
    def mark(self) -> str:
        """What changes whenever the password does, even to itself; empty where none is set."""
        try:
            return hashlib.sha256(self._hash().encode()).hexdigest()
        except PasswordProblem:
            return ""

    def _hash(self) -> str:
        try:
            return self._file.read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            raise PasswordProblem(f"La page de l’opérateur n’a pas encore de mot de passe. {_SET}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise PasswordProblem(f"Le fichier {self._file} ne se lit pas ({system_reason(error)}). {_SET}") from error
