"""The chat page: everything that is Gradio's, and what has to be mended in what Gradio sends."""

import asyncio
import logging
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Mount
from starlette.types import Message, Receive, Scope, Send

from chatbot.answer import Answer, Reason, Reply
from chatbot.answer_page import asking_html
from chatbot.conversation import check_question
from chatbot.errors import InvalidQuestion, NotReady
from chatbot.follow_up import Turn
from chatbot.language import detect_language
from chatbot.markup import feedback_html, permalink_html, reply_html, text_html
from chatbot.messages import ENGLISH, FRENCH, Messages, counting
from chatbot.plain_page import page_footer, page_header
from chatbot.service import Service

__all__ = ["PAGE_PATHS", "finish", "mount_page"]

log = logging.getLogger(__name__)

PAGE_PATHS = re.compile(
    r"/|/config|/assets/[\w-][\w.-]*"
    r"|(?:/en)?/theme\.css|(?:/en)?/static/(?:[\w-]+/)+[\w-][\w.-]*|(?:/en)?/gradio_api/(?:queue/join|queue/data|app_id|cancel|reset|heartbeat/\w+|startup-events)"
)
"""What the page asks of Gradio. Gradio's other addresses (uploads, files, proxy, monitoring, …) stay closed."""

_KEPT_S = 24 * 3600
"""A conversation that nothing is asked in is forgotten after so many seconds: 20 hours at least, says RGAA 13.1."""
_TURNS = 30
"""How many questions and answers of a conversation are kept; the oldest go first."""
_CONVERSATIONS = 1000
_OFFERED = 6
"""How many questions are offered: one a theme."""
_AT_ONCE = 50
_WAITING = 100

_ENGLISH_ROOT = "/en"
"""Where the English page's own Gradio application answers; the page itself is `/?lang=en`."""

_Message = dict[str, Any]
"""One message of the conversation as Gradio's Chatbot takes it."""


@dataclass(slots=True)
class Kept:
    """What a conversation keeps, on the server alone: browsers are shown it and send none of it back.

    That is what is shown, what a question may lean on, what was asked, how often, and what waits for a reply. `free` is
    held while a question is answered: the next one waits for it. Who finds another lock there was stopped meanwhile.
    """

    messages: list[_Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    count: int = 0
    waiting: str = ""
    free: asyncio.Lock = field(default_factory=asyncio.Lock)
    used_at: float = 0.0


_ABOUT_GRADIO = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'"
)
_HEAD = (
    "<title>{page_title}</title>"
    '<meta name="description" content="{page_introduction}">'
    '<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">'
    '<link rel="stylesheet" href="/static/site.css"><link rel="stylesheet" href="/static/page.css">'
    '<script src="/static/page.js" {words}></script>'
)
_SAID_BY_SCRIPT = (
    *("conversation", "question", "reply", "queued", "queue_full", "failed", "connection_lost", "characters_left"),
    *("characters_too_many", "passage", "passage_number", "passage_failed", "previous_quote", "next_quote", "close"),
    *("feedback_thanks", "feedback_failed", "begun", "interrupted", "try_again"),
)
"""The messages that page.js says."""


def mount_page(app: Any, service: Service) -> Callable[[], None]:
    """Mount the chat page on a FastAPI application, at `/`, after all its other routes.

    What it gives, called before the server stops, lets go of the open pages.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    applications, pages = [], []

    async def mount() -> None:
        for messages, path in ((ENGLISH, _ENGLISH_ROOT), (FRENCH, "/")):
            page = _blocks(service, messages)
            pages.append(page)
            page.max_threads = 2 * _AT_ONCE  # else 40 threads for all, whatever the queue allows
            page.queue(max_size=_WAITING, default_concurrency_limit=_AT_ONCE, api_open=False)
            gradio.mount_gradio_app(
                app,
                page,
                path=path,
                theme=_theme(),
                footer_links=[],
                run_history=False,
                show_error=False,
                max_file_size="1kb",
                ssr_mode=False,
            )
            applications.append(app.router.routes.pop().app)

    asyncio.run(mount())  # where no event loop runs, Gradio makes some that it never closes
    app.router.routes.append(_PageMount(service, applications, pages))

    def end_streams() -> None:
        for mounted in applications:
            mounted.stop_event.set()

    return end_streams


def finish(html: str, nonce: str, messages: Messages, limit: int, questions: Sequence[str] = ()) -> str:
    """Gradio's page in our language, with our head, header and footer, without its links to other sites, its scripts
    bearing the nonce; without JavaScript, a form and the `questions` to begin with.

    `limit` is of a question, in characters.
    """
    html = _ABOUT_GRADIO.sub("", html.replace('lang="en"', f'lang="{messages.language}"', 1))
    said = {name.replace("_", "-"): getattr(messages, name) for name in _SAID_BY_SCRIPT} | {"limit": str(limit)}
    words = " ".join(f'data-{name}="{escape(text)}"' for name, text in said.items())
    title, introduction = escape(messages.page_title), escape(messages.page_introduction)
    head = _HEAD.format(page_title=title, page_introduction=introduction, words=words)
    html = html.replace("<head>", f"<head>{head}", 1)
    opening = (
        f"{page_header(messages, '/', 'q', messages.skip_to_question)}"
        f'<main><div class="introduction"><h1>{title}</h1><p>{introduction}</p></div>'
        f'<noscript><div class="plain-form">{asking_html(messages, limit, questions)}</div></noscript>'
    )
    html = re.sub(r"(<body[^>]*>)", lambda match: f"{match[1]}{opening}", html, count=1)
    html = html.replace("</body>", f"</main>{page_footer(messages)}</body>", 1)
    return html.replace("<script", f'<script nonce="{nonce}"')


class _PageMount(Mount):
    """Gradio's applications, asked only for what the page needs; their page is put in order on the way."""

    def __init__(self, service: Service, applications: Sequence[Any], pages: Sequence[Any]) -> None:
        """Of the English page, then of the French one."""
        self._english, french = applications
        super().__init__("/", french)
        self._service = service
        self._pages = {ENGLISH.language: pages[0], FRENCH.language: pages[1]}
        self._offered: dict[str, Sequence[str]] = {}
        self._scripts = _scripts_without_landmark()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and PAGE_PATHS.fullmatch(scope["path"]):
            return super().matches(scope)
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in self._scripts and scope["method"] in ("GET", "HEAD"):
            await Response(self._scripts[scope["path"]], media_type="text/javascript")(scope, receive, send)
        elif scope["path"].startswith(_ENGLISH_ROOT):
            await self._english({**scope, "root_path": _ENGLISH_ROOT}, receive, send)
        elif scope["path"] != "/":
            await self.app(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        else:
            await self._page(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        application, messages = self.app, FRENCH
        headers = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        asked = {**scope, "headers": headers}
        if parse_qs(scope["query_string"].decode("latin-1")).get("lang") == [ENGLISH.language]:
            application, messages = self._english, ENGLISH
            asked |= {"path": f"{_ENGLISH_ROOT}/", "raw_path": b"/en/", "root_path": _ENGLISH_ROOT}
        questions = await anyio.to_thread.run_sync(self._service.theme_questions, messages.language)
        if self._offered.get(messages.language) != questions:  # another build is live
            self._offered[messages.language] = questions
            _offer(self._pages[messages.language], questions)
        status = 500
        body = bytearray()

        async def collect(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            body.extend(message.get("body", b""))

        await application(asked, receive, collect)
        nonce = secrets.token_urlsafe(16)
        policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
        limit = self._service.settings.max_question_characters
        said = counting(messages, self._service.settings.unanswered_days)
        html = finish(body.decode("utf-8"), nonce, said, limit, questions)
        await HTMLResponse(html, status, policy)(scope, receive, send)


def _scripts_without_landmark() -> dict[str, str]:
    """Gradio's script that puts `<main>` around what it shows, by its path, with `<div>` there.

    A page has one `<main>`, and ours holds the title too.
    """
    import gradio

    assets = Path(gradio.__file__).with_name("templates") / "frontend" / "assets"
    scripts = {f"/assets/{script.name}": script.read_text(encoding="utf-8") for script in assets.glob("Blocks-*.js")}
    return {
        path: text.replace("<main ", "<div ").replace("</main>", "</div>")
        for path, text in scripts.items()
        if "<main " in text
    }


class _Conversations:
    """What the page does when something is asked, in one language.

    A conversation is that of one open page, by the hash that Gradio gives it. Each update is of the box, the
    conversation shown, the button to stop, the title over the questions offered, and these.
    """

    def __init__(self, service: Service, messages: Messages) -> None:
        self.at_first = service.theme_questions(messages.language)[:_OFFERED]
        self._service = service
        self._messages = messages
        self._language = messages.language if messages is ENGLISH else None  # on the French page, the question's own
        self._threads = anyio.CapacityLimiter(_AT_ONCE)
        self._unchanged = [_SAME] * (_OFFERED + 1)
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def kept(self, page: str) -> Kept:
        """The conversation of a page, a new one if there is none. What was not used for long is forgotten."""
        now = time.monotonic()
        kept = self._kept.setdefault(page, Kept())
        kept.used_at = now
        self._kept.move_to_end(page)
        while len(self._kept) > _CONVERSATIONS or next(iter(self._kept.values())).used_at < now - _KEPT_S:
            self._kept.popitem(last=False)
        return kept

    async def respond_to_offer(self, question: str, page: str) -> AsyncIterator[list[Any]]:
        """As `respond`, to a question that was pressed: what stands in the box stays."""
        async for _, *update in self.respond(question, page):
            yield [_SAME, *update]

    async def respond(self, question: str, page: str) -> AsyncIterator[list[Any]]:
        """Updates from a question to its reply, and at last to questions near it, once the one before has its own."""
        kept = self.kept(page)
        # What was sent may be no text; and half an emoji would not travel back.
        question = str(question or "").encode("utf-8", "replace").decode("utf-8")
        try:
            check_question(question, self._language, self._service.settings)
        except InvalidQuestion as error:
            yield [question, [*kept.messages, _said(text_html(str(error)))], _SAME, *self._unchanged]
            return
        lock = kept.free
        async with lock:
            if kept.free is lock:
                async for update in self._answered(question, kept, lock):
                    yield update

    async def _answered(self, question: str, kept: Kept, lock: asyncio.Lock) -> AsyncIterator[list[Any]]:
        service, messages = self._service, self._messages
        kept.count += 1
        id, language = f"asked-{kept.count}", self._language or detect_language(question)
        asked = f'<h2 class="asked" id="{id}" lang="{language}" dir="auto">{text_html(question)}</h2>'
        shown = [*kept.messages[2 - 2 * _TURNS :], {"role": "user", "content": asked}]
        waiting = messages.searching if service.is_ready or service.failure else messages.loading
        kept.waiting = question
        yield ["", [*shown, _said(text_html(waiting), "waiting")], _ENABLED, *self._unchanged]
        reply, why = await self._reply(question, kept.turns)
        if kept.free is not lock:
            return
        kept.waiting = ""
        if reply is None:
            again = [{"value": question, "label": messages.try_again}]
            yield [question, [*shown, _said(text_html(why), options=again)], _DISABLED, *self._unchanged]
            return
        options = [] if isinstance(reply, Answer) else [{"value": text, "label": text} for text in reply.suggestions]
        below = permalink_html(reply) + feedback_html(reply, service.settings.feedback_days)
        whole = {"role": "assistant", "content": reply_html(reply, below=below, level=3), "options": options}
        kept.messages, kept.turns = [*shown, whole], _turns_after(reply, kept.turns)
        kept.asked = [*kept.asked[1 - _TURNS :], question]
        if isinstance(reply, Answer):
            for count in range(1, len(reply.sentences)):
                growing = {"role": "assistant", "content": reply_html(reply, count, level=3)}
                yield [_SAME, [*shown, growing], _SAME, *self._unchanged]
        yield [_SAME, kept.messages, _DISABLED, *self._unchanged]
        offered = await self._near(reply.understood or reply.question, set(kept.asked))
        if offered and kept.free is lock:
            yield [_SAME, _SAME, _SAME, *self._offering(messages.other_questions, offered)]

    async def _reply(self, question: str, turns: Sequence[Turn]) -> tuple[Reply | None, str]:
        """The reply, or why there is none."""
        try:
            # Abandoned when the conversation is cleared, which would else wait for the answer.
            return await self._in_thread(partial(self._service.ask, question, self._language, turns=turns)), ""
        except (InvalidQuestion, NotReady) as error:
            return None, self._messages.unavailable if self._service.failure else str(error)
        except Exception:
            log.exception("a question on the page was not answered")
            return None, self._messages.failed

    async def _near(self, question: str, asked: set[str]) -> Sequence[str]:
        """Questions to offer after this one."""
        try:
            near: Sequence[str] = await self._in_thread(
                partial(self._service.theme_questions, self._messages.language, question, asked)
            )
        except Exception:  # the reply is there: nobody misses these
            log.exception("no questions were found to offer")
            return ()
        return near

    def stop(self, typed: str, page: str) -> list[Any]:
        """The question back in its box, unless something else stands there, and that nothing is looked for any more."""
        kept = self.kept(page)
        notice = [_said(text_html(self._messages.stopped))] if kept.waiting else []
        back = _SAME if typed else kept.waiting or _SAME
        kept.waiting, kept.free = "", asyncio.Lock()  # whoever held it was cancelled, but may not know yet
        return [back, [*kept.messages, *notice], _DISABLED, *self._unchanged]

    def begin(self, page: str) -> list[Any]:
        """A new conversation."""
        self.kept(page).free = asyncio.Lock()
        del self._kept[page]
        title, offered = self._messages.theme_questions, self._service.theme_questions(self._messages.language)
        return ["", [], _DISABLED, *self._offering(title, offered or self.at_first)]

    def _offering(self, title: str, questions: Sequence[str]) -> list[Any]:
        """The title and the buttons for these questions; a button for which there is none goes."""
        buttons = [_update(value=question, visible=bool(question)) for question in _filled(questions)]
        return [_update(value=f"## {title}", visible=bool(questions)), *buttons]

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)


def _blocks(service: Service, messages: Messages) -> Any:
    import gradio as gr

    limit = service.settings.max_question_characters
    conversations = _Conversations(service, messages)

    async def respond(question: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        async for update in conversations.respond(question, str(request.session_hash)):
            yield update

    async def respond_to_offer(question: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        async for update in conversations.respond_to_offer(question, str(request.session_hash)):
            yield update

    async def respond_to_option(chosen: gr.SelectData, request: gr.Request) -> AsyncIterator[list[Any]]:
        async for update in conversations.respond_to_offer(str(chosen.value), str(request.session_hash)):
            yield update

    def stopped(typed: str, request: gr.Request) -> list[Any]:
        return conversations.stop(typed, str(request.session_hash))

    def begun(request: gr.Request) -> list[Any]:
        return conversations.begin(str(request.session_hash))

    with gr.Blocks(title=messages.page_title, analytics_enabled=False, fill_width=True) as page:
        log_box = gr.Chatbot(
            label=messages.conversation,
            show_label=False,
            container=False,
            elem_id="conversation",
            height="auto",
            buttons=[],
            feedback_options=None,
            autoscroll=False,
            layout="bubble",
            latex_delimiters=[],
            allow_tags=False,
        )
        with gr.Column(elem_id="composer"):
            box = gr.Textbox(
                label=messages.question,
                info=f"{messages.question_limit.format(limit=limit)} {messages.question_hint}",
                lines=1,
                max_lines=6,
                elem_id="question",
            )
            with gr.Row(elem_id="actions"):
                send = gr.Button(messages.send, variant="primary", elem_id="send")
                stop = gr.Button(messages.stop, variant="secondary", elem_id="stop", interactive=False)
                clear = gr.Button(messages.clear, variant="secondary", elem_id="clear")
        with gr.Column(elem_id="themes"):
            title = gr.Markdown(f"## {messages.theme_questions}", elem_id="offered")
            buttons = [gr.Button("", size="sm", elem_id=f"offered-{place}") for place in range(_OFFERED)]
        event: dict[str, Any] = {
            "outputs": [box, log_box, stop, title, *buttons],
            "api_visibility": "private",
            "show_progress": "hidden",
            "trigger_mode": "multiple",  # « once » drops what is asked while questions to offer are still looked for
        }
        running = [
            gr.on([box.submit, send.click], respond, [box], **event),
            log_box.option_select(respond_to_option, **event),
            *(button.click(respond_to_offer, [button], **event) for button in buttons),
        ]
        stop.click(stopped, [box], cancels=running, **event)
        clear.click(begun, cancels=running, **event)
    _offer(page, conversations.at_first)
    return page


def _offer(page: Any, questions: Sequence[str]) -> None:
    """Let a page begin with these questions to offer, on its buttons."""
    offered = dict(zip((f"offered-{place}" for place in range(_OFFERED)), _filled(questions), strict=True))
    for block in page.blocks.values():
        if block.elem_id in offered:
            block.value = offered[block.elem_id]
            block.visible = bool(block.value)
        elif block.elem_id == "offered":
            block.visible = bool(questions)
    page.config = page.get_config_file()


def _filled(questions: Sequence[str]) -> list[str]:
    """As many as there are buttons: those that are left without a question are not shown."""
    return [*questions, *[""] * _OFFERED][:_OFFERED]


def _turns_after(reply: Reply, turns: list[Turn]) -> list[Turn]:
    """What the next question may lean on: this one after those before it, unless it was small talk.

    A question for the town hall clears them: what comes next is not about the topic before it.
    """
    if isinstance(reply, Answer) or reply.reason in (Reason.NOT_SAID, Reason.NOT_IN_CORPUS):
        return [*turns[1 - _TURNS :], Turn(reply.understood or reply.question, reply.said)]
    return [] if reply.reason is Reason.TOWN_SERVICE else turns


def _update(**changes: Any) -> dict[str, Any]:
    """A change of a component's properties, as Gradio's handlers give it."""
    return {"__type__": "update", **changes}


_SAME = _update()
_ENABLED, _DISABLED = _update(interactive=True), _update(interactive=False)


def _said(html: str, kind: str = "notice", options: Sequence[dict[str, str]] = ()) -> _Message:
    return {"role": "assistant", "content": f'<p class="{kind}">{html}</p>', "options": [*options]}


def _theme() -> Any:
    import gradio as gr

    fonts = ("system-ui", "sans-serif")
    return gr.themes.Base(font=fonts, font_mono=("ui-monospace", "monospace"))
