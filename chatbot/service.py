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
_RETRY_S = 30.0
"""How long a published build that could not be served is left alone, in seconds: it may be mended under its name."""


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
        self._left_alone: tuple[str | None, float] = ("", 0.0)
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
        """Stop following the live build."""
        self._stopped.set()

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
        try:
            self.load()
        except IndexStoreError as error:
            log.error("%s", error)
            self._failure = str(error)
        except Exception as error:
            # The outermost layer of this thread: without a word here, people would wait for ever.
            log.exception("loading failed")
            self._failure = f"Erreur inattendue au chargement : {error}"
        self._loaded.set()
        while not self._stopped.wait(_WATCH_S):
            try:
                self._follow()
            except Exception as error:  # as above: this thread must outlive whatever happens to one build
                log.exception("following the live build failed")
                self._failure = f"Erreur inattendue : {error}"

    def _follow(self) -> None:
        """Swap to another published build. A build that cannot be loaded leaves the one in service in place."""
        live = None
        try:
            searcher, live = self._searcher, self.store.current_id()
            if searcher is None:
                if live is not None:
                    self.load()
            elif live != searcher.build.manifest.build_id:
                if live == self._left_alone[0] and time.monotonic() < self._left_alone[1]:
                    return
                self._left_alone = live, time.monotonic() + _RETRY_S
                self._swap(searcher)
            if self._searcher is not None:
                self._failure = None
        except IndexStoreError as error:
            if self._was_replaced(live):
                return  # yet another was published, and this one may be gone: that is no fault
            if str(error) != self._failure:
                log.error("%s", error)
            self._failure = str(error)

    def _was_replaced(self, build_id: str | None) -> bool:
        try:
            return self.store.current_id() != build_id
        except IndexStoreError:
            return False

    def _swap(self, searcher: Searcher) -> None:
        """Serve the live build from now on; questions under way are answered from the one that they began with."""
        started = time.perf_counter()
        manifest = searcher.build.manifest
        build = self.store.load(model=manifest.model, revision=manifest.revision)
        following = self._searching(build, searcher.encoder, searcher.reader)
        self._try_out(following)
        self._build, self._searcher = build, following
        log.info("now serving build %s, loaded in %.1f s", build.manifest.build_id, time.perf_counter() - started)
