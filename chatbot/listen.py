"""A socket to listen on, before anything slow is loaded."""

import errno
import socket

from chatbot.errors import PortInUse
from ingest.plain_words import system_reason

__all__ = ["listen"]


def listen(host: str, port: int, command: str) -> socket.socket:
    """A socket bound to the address; `command` is what the operator typed.

    Raises:
        PortInUse: another program has the port, or the address is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Le port {port} de {host} est déjà pris par un autre programme. Choisissez-en un autre, par exemple "
                f"« {command} --port {port % 65535 + 1} »."
            ) from error
        raise PortInUse(
            f"Impossible d’écouter sur {host}, port {port} ({system_reason(error)}). Donnez une adresse de cette "
            "machine avec --host, par exemple 127.0.0.1."
        ) from error
