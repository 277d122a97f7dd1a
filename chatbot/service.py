"""The running service: loads the live build and the encoder behind the page, and follows the live build."""

import logging
import threading
import time
from collections.abc import Sequence, Set

from chatbot.abstain import calibration_of
from chatbot.answer import Reply
from chatbot.conversation import check_question, reply_to, theme_questions
from chatbot.errors import NotReady
from chatbot.follow_up import Turn
from chatbot.messages import messages_for
from chatbot.settings import Settings
from chatbot.unanswered import Unanswered
from index import Build, Encoder, IndexStoreError, Searcher, Store, load_encoder
from index.errors import ForeignReader
from index.model import model_revision
from index.reader import PassageReader, Reader, load_reader

__all__ = ["Service", "reader_for"]

log = logging.getLogger(__name__)

_WATCH_S = 2.0
"""How often the service looks whether another build was published, in seconds."""
_RETRY_S, _LONGEST_RETRY_S = 30.0, 600.0
"""How long a published build that could not be served is left alone, in seconds, twice as long each time: it may be
mended under its name. One that is published meanwhile, or the same one again, is tried at once."""


def reader_for(encoder: Encoder, settings: Settings) -> Reader | None:
    """The evidence reader, None where the settings leave it out or it is not made for this encoder.

    The service then says so in its log and answers without it.
    """
    if not settings.reading_ms:
        return None
    try:
        return load_reader(settings.models, encoder)
    except ForeignReader as error:
        log.warning("%s", error)
        return None


class Service:
    """Answers questions from the live build. `start()` loads it in a thread; until then `ask` waits.

    One service may be asked by many threads: what a question reads (build and encoder) is one immutable searcher,
    replaced whole when another build is published.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.index)
        self._unanswered = Unanswered(settings)
        self._searcher: Searcher | None = None
        self._build: Build | None = None
        self._failure: str | None = None
        self._failures, self._failed_on, self._retry_at = 0, self.store.live_mark(), 0.0
        self._loaded = threading.Event()
        self._stopped = threading.Event()

    def check(self) -> None:
        """Raise as `Store.check` unless a sound build of the model in use is live. Takes no time worth naming."""
        model = self.settings.model
        self.store.check(model=model, revision=model_revision(model))

    def start(self) -> None:
        """Begin to load in the background, and then follow the live build."""
        threading.Thread(target=self._load_and_watch, name="loos-service", daemon=True).start()

    def stop(self) -> None:
        """Stop following the live build, once the questions to be counted are."""
        self._stopped.set()
        self._unanswered.flush()

    @property
    def is_ready(self) -> bool:
        """Whether index and encoder are loaded."""
        return self._searcher is not None

    @property
    def failure(self) -> str | None:
        """Why loading failed, in French for the operator; None while all is well."""
        return self._failure

    @property
    def build(self) -> Build:
        """The build in service. Loaded before the encoder, so documents can be read at once.

        Raises:
            NotReady: it is not loaded yet.
        """
        build = self._build
        if build is None:
            raise NotReady(messages_for("fr").not_ready)
        return build

    def ask(
        self, question: str, language: str | None = None, turns: Sequence[Turn] = (), wait_s: float = 60.0
    ) -> Reply:
        """The reply to one question, in the language given or else in the question's own, after what was asked before.

        Raises:
            InvalidQuestion: empty or too long.
            NotReady: nothing is loaded after `wait_s` seconds, or loading failed.
        """
        check_question(question, language, self.settings)
        self._loaded.wait(wait_s)
        searcher = self._searcher
        if searcher is None:
            raise NotReady(messages_for(language or "fr").not_ready)
        reply = reply_to(question, searcher, self.settings, language, turns)
        self._unanswered.keep(reply)
        return reply

    def theme_questions(self, language: str, asked: str = "", before: Set[str] = frozenset()) -> tuple[str, ...]:
        """The questions to offer, one a theme: to begin with, or near the one `asked`; none of those asked `before`.

        None where no sound build is live.
        """
        searcher = self._searcher
        if searcher is None:
            try:
                build_id = self.store.current_id()
                if build_id is None:
                    return ()
                questions, calibrations = self.store.questions(build_id), self.store.manifest(build_id).calibrations
            except IndexStoreError as error:
                log.warning("no questions to offer: %s", error)
                return ()
            answered = {id for calibration in calibrations for id in calibration.answered}
            return theme_questions(questions, answered, language, before=before)
        build = searcher.build
        answered = set(calibration_of(build, is_read=searcher.reader is not None).answered)
        similarity = None
        if asked:
            (question,) = searcher.encode([asked])
            similarity = (build.question_vectors @ question.vector).tolist()
        return theme_questions(build.questions, answered, language, similarity, before)

    def load(self) -> None:
        """Load the live build, then the encoder. Raises as `Store.load` and `load_encoder`."""
        started = time.perf_counter()
        model = self.settings.model
        self._build = build = self.store.load(model=model, revision=model_revision(model))
        encoder = load_encoder(model, self.settings.models, threads=self.settings.threads or None)
        searcher = self._searching(build, encoder, reader_for(encoder, self.settings))
        self._try_out(searcher)
        self._searcher = searcher
        self._loaded.set()
        log.info("ready after %.1f s: build %s", time.perf_counter() - started, build.manifest.build_id)

    def _searching(self, build: Build, encoder: Encoder, reader: PassageReader | None) -> Searcher:
        return Searcher(build, encoder, reader=reader, reading_s=self.settings.reading_ms / 1000)

    def _try_out(self, searcher: Searcher) -> None:
        """One question, before others ask: the first would pay for lazy set-up, and a build that fails is not served.

        Without the reader, which who asks meanwhile would wait for; but that sets itself up with its first question.
        """
        is_first = self._searcher is None
        reply_to("Que fait la ville ?", searcher if is_first else searcher.unread, self.settings, "fr")

    def _load_and_watch(self) -> None:
        self._follow()
        self._loaded.set()
        while not self._stopped.wait(_WATCH_S):
            self._follow()

    def _follow(self) -> None:
        """Load what is live, or swap to it. What cannot be loaded leaves the build in service in place."""
        mark, searcher = self.store.live_mark(), self._searcher
        if self._failures and mark == self._failed_on and time.monotonic() < self._retry_at:
            return
        try:
            if searcher is None:
                self.load()
            elif self.store.current_id() != searcher.build.manifest.build_id:
                self._swap(searcher)
        except Exception as error:
            # The outermost layer of this thread, which must outlive whatever happens to one build.
            if not isinstance(error, IndexStoreError):
                self._failed(f"Erreur inattendue au chargement : {error}", mark, error)
            elif self.store.live_mark() == mark:  # else another was published, and this one may be gone: no fault
                self._failed(str(error), mark)
        else:
            self._failures, self._failure = 0, None

    def _failed(self, why: str, mark: tuple[int, int] | None, error: Exception | None = None) -> None:
        """Say once why what is live cannot be served, and leave it alone for a while."""
        if why != self._failure:
            log.error("%s", why, exc_info=error)
        self._failures = self._failures + 1 if mark == self._failed_on else 1
        self._failed_on, self._failure = mark, why
        self._retry_at = time.monotonic() + min(_RETRY_S * 2 ** (self._failures - 1), _LONGEST_RETRY_S)

    def _swap(self, searcher: Searcher) -> None:
        """Serve the live build from now on; questions under way are answered from the one that they began with."""
        started = time.perf_counter()
        manifest = searcher.build.manifest
        build = self.store.load(model=manifest.model, revision=manifest.revision)
        following = self._searching(build, searcher.encoder, searcher.reader)
        self._try_out(following)
        self._build, self._searcher = build, following
        log.info("now serving build %s, loaded in %.1f s", build.manifest.build_id, time.perf_counter() - started)
