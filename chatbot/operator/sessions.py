"""Who is signed in, and how often one may try to be."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["IDLE_S", "LONGEST_S", "Attempts", "Session", "Sessions"]

IDLE_S = 3600.0
"""A session in which nothing is done ends after so many seconds."""
LONGEST_S = 12 * 3600.0
"""Any session ends after so many seconds."""

_MOST = 50
_FREE_ATTEMPTS = 5
_LONGEST_WAIT_S = 300.0
_FORGOTTEN_S = 3600.0
_MOST_ADDRESSES = 10_000
_OVERALL = 30
_OVERALL_S = 60.0


@dataclass(slots=True)
class Session:
    """A browser that is signed in. `mark` is that of the password it signed in with, `said` what its next page says."""

    mark: str
    opened_at: float
    used_at: float
    said: list[tuple[str, str]] = field(default_factory=list)


class Sessions:
    """Sessions by their tokens, in memory alone: a restart ends them all. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def new_token() -> str:
        """A token that nobody can guess; it opens nothing yet."""
        return secrets.token_urlsafe(32)

    def open(self, mark: str) -> str:
        """The token of a new session, for the password of this mark."""
        token, now = self.new_token(), self._clock()
        with self._lock:
            self._open[_key(token)] = Session(mark, now, now)
            while len(self._open) > _MOST:
                self._open.popitem(last=False)
        return token

    def find(self, token: str, mark: str) -> Session | None:
        """The session of a token, used now; None where it is over, or the password is another one since."""
        now = self._clock()
        with self._lock:
            session = self._open.get(_key(token))
            if session is None:
                return None
            is_over = now - session.used_at > IDLE_S or now - session.opened_at > LONGEST_S
            if is_over or not mark or not hmac.compare_digest(session.mark, mark):
                del self._open[_key(token)]
                return None
            session.used_at = now
            return session

    def close(self, token: str) -> None:
        """End the session of a token, if there is one."""
        with self._lock:
            self._open.pop(_key(token), None)

    def form_token(self, token: str) -> str:
        """What a form sent from the browser that holds this token must hold too."""
        return hmac.new(self._secret, token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def is_form_token(self, given: str, token: str) -> bool:
        """Whether a form holds what belongs to the browser's token."""
        return bool(token) and hmac.compare_digest(given.encode("utf-8", "replace"), self.form_token(token).encode())


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()  # what is looked up tells no timing of the token


@dataclass(slots=True)
class _Tried:
    failures: int
    at: float


class Attempts:
    """Slows down who tries passwords: after five wrong ones an address waits two seconds, then twice as long each time,
    five minutes at most; and all addresses together may try thirty times a minute.

    An address that signed in before is not held up by what others try, so that nobody can lock the operator out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: OrderedDict[str, _Tried] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._all: list[float] = []
        self._lock = threading.Lock()

    def begin(self, address: str) -> float:
        """Count an attempt from now on, and give 0; or how many seconds to wait first, where that is too soon."""
        now = self._clock()
        with self._lock:
            tried = self._tried.get(address)
            if tried and now - tried.at > _FORGOTTEN_S:
                tried = None
            if tried and tried.failures >= _FREE_ATTEMPTS:
                wait = min(2.0 ** (tried.failures - _FREE_ATTEMPTS + 1), _LONGEST_WAIT_S)
                if (left := tried.at + wait - now) > 0:
                    return left
            self._all = [at for at in self._all if now - at < _OVERALL_S]
            if len(self._all) >= _OVERALL and address not in self._known:
                return self._all[0] + _OVERALL_S - now
            self._all.append(now)
            # It counts as a failure until it succeeds, so that many at once gain nothing.
            self._tried[address] = _Tried(tried.failures + 1 if tried else 1, now)
            self._tried.move_to_end(address)
            while len(self._tried) > _MOST_ADDRESSES:
                self._tried.popitem(last=False)
            return 0.0

    def succeeded(self, address: str) -> None:
        """Forget what this address tried."""
        with self._lock:
            self._tried.pop(address, None)
            self._known[address] = None
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
