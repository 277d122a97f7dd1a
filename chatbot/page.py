"""The chat page: everything that is Gradio's, and what has to be mended in what Gradio sends."""

import asyncio
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.routing import Match, Mount
from starlette.types import Message, Receive, Scope, Send

from chatbot.answer import Answer, Reason, Reply
from chatbot.answer_page import asking_html
from chatbot.conversation import check_question
from chatbot.errors import InvalidQuestion, NotReady
from chatbot.follow_up import Turn
from chatbot.markup import feedback_html, permalink_html, reply_html, text_html
from chatbot.messages import ENGLISH, FRENCH, Messages
from chatbot.plain_page import page_footer, page_header
from chatbot.service import Service

__all__ = ["PAGE_PATHS", "finish", "mount_page"]

log = logging.getLogger(__name__)

PAGE_PATHS = re.compile(
    r"/|/config|/assets/[\w-][\w.-]*"
    r"|(?:/en)?/theme\.css|(?:/en)?/static/(?:[\w-]+/)+[\w-][\w.-]*|(?:/en)?/gradio_api/(?:queue/join|queue/data|app_id|cancel|reset|heartbeat/\w+|startup-events)"
)
"""What the page asks of Gradio. Gradio's other addresses (uploads, files, proxy, monitoring, …) stay closed."""

_TURNS = 30
"""How many questions and answers of a conversation are kept; the oldest go first."""
_CONVERSATIONS = 1000
_AT_ONCE = 50
_WAITING = 100

_ENGLISH_ROOT = "/en"
"""Where the English page's own Gradio application answers; the page itself is `/?lang=en`."""

_Message = dict[str, Any]
"""One message of the conversation as Gradio's Chatbot takes it."""


@dataclass(slots=True)
class Kept:
    """What a conversation keeps: what is shown, what a question may lean on, what was asked, what waits for a reply."""

    messages: list[_Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    waiting: str = ""


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
    *("feedback_thanks", "feedback_failed", "begun"),
)
"""The messages that page.js says."""


def mount_page(app: Any, service: Service) -> Callable[[], None]:
    """Mount the chat page on a FastAPI application, at `/`, after all its other routes.

    What it gives, called before the server stops, lets go of the open pages.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    applications = []

    async def mount() -> None:
        for messages, path in ((ENGLISH, _ENGLISH_ROOT), (FRENCH, "/")):
            page = _blocks(service, messages)
            page.max_threads = 2 * _AT_ONCE  # else 40 threads for all, whatever the queue allows
            page.state_session_capacity = _CONVERSATIONS
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
    english, french = applications
    app.router.routes.append(_PageMount(service, english, french))

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
        f'<section class="introduction" aria-labelledby="title"><h1 id="title">{title}</h1>'
        f"<p>{introduction}</p></section>"
    )
    plain = f"<noscript><main>{asking_html(messages, limit, questions)}</main></noscript>"
    html = re.sub(r"(<body[^>]*>)", lambda match: f"{match[1]}{opening}{plain}", html, count=1)
    html = html.replace("</body>", f"{page_footer(messages)}</body>", 1)
    return html.replace("<script", f'<script nonce="{nonce}"')


class _PageMount(Mount):
    """Gradio's applications, asked only for what the page needs; their page is put in order on the way."""

    def __init__(self, service: Service, english: Any, french: Any) -> None:
        super().__init__("/", french)
        self._service = service
        self._english = english

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and PAGE_PATHS.fullmatch(scope["path"]):
            return super().matches(scope)
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_ENGLISH_ROOT):
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
        questions = await anyio.to_thread.run_sync(self._service.theme_questions, messages.language)
        html = finish(body.decode("utf-8"), nonce, messages, limit, questions)
        await HTMLResponse(html, status, policy)(scope, receive, send)


class _Conversations:
    """What the page does when something is asked, in one language.

    Each of its updates are the box, the conversation shown, the conversation kept, the button to stop, the title over
    the questions offered, and these.
    """

    def __init__(self, service: Service, messages: Messages) -> None:
        self.at_first = service.theme_questions(messages.language)
        self._service = service
        self._messages = messages
        self._language = messages.language if messages is ENGLISH else None  # on the French page, the question's own
        self._threads = anyio.CapacityLimiter(_AT_ONCE)
        self._unchanged = [_SAME] * (len(self.at_first) + 1)

    async def respond(self, question: str, kept: Kept) -> AsyncIterator[list[Any]]:
        """Updates from a question to its reply, and at last to questions near it."""
        service, messages = self._service, self._messages
        # What was sent may be no text; and half an emoji would not travel back.
        question = str(question or "").encode("utf-8", "replace").decode("utf-8")
        try:
            check_question(question, self._language, service.settings)
        except InvalidQuestion as error:
            yield [question, [*kept.messages, _said(text_html(str(error)))], _SAME, _SAME, *self._unchanged]
            return
        shown = [
            *kept.messages[2 - 2 * _TURNS :],
            {"role": "user", "content": f'<h2 class="asked">{text_html(question)}</h2>'},
        ]
        waiting = messages.searching if service.is_ready or service.failure else messages.loading
        started = replace(kept, waiting=question)
        yield ["", [*shown, _said(text_html(waiting), "waiting")], started, _ENABLED, *self._unchanged]
        try:
            # Abandoned when the conversation is cleared, which would else wait for the answer.
            reply = await self._in_thread(partial(service.ask, question, self._language, turns=kept.turns))
        except (InvalidQuestion, NotReady) as error:
            why = messages.unavailable if service.failure else str(error)
            yield [question, [*shown, _said(text_html(why))], kept, _DISABLED, *self._unchanged]
            return
        except Exception:
            log.exception("a question on the page was not answered")
            yield [question, [*shown, _said(text_html(messages.failed))], kept, _DISABLED, *self._unchanged]
            return
        if isinstance(reply, Answer):
            for count in range(1, len(reply.sentences)):
                growing = {"role": "assistant", "content": reply_html(reply, count, level=3)}
                yield [_SAME, [*shown, growing], _SAME, _SAME, *self._unchanged]
        options = [] if isinstance(reply, Answer) else [{"value": text, "label": text} for text in reply.suggestions]
        below = permalink_html(reply) + feedback_html(reply, service.settings.feedback_days)
        shown = [*shown, {"role": "assistant", "content": reply_html(reply, below=below, level=3), "options": options}]
        kept = Kept(shown, _turns_after(reply, kept.turns), [*kept.asked[1 - _TURNS :], question])
        yield [_SAME, shown, kept, _DISABLED, *self._unchanged]
        near = reply.understood or reply.question
        offer = partial(service.theme_questions, messages.language, near, set(kept.asked))
        if offered := await self._in_thread(offer):
            yield [_SAME, _SAME, _SAME, _SAME, *self._offering(messages.other_questions, offered)]

    def stop(self, kept: Kept) -> list[Any]:
        """The question back in its box, and that nothing is looked for any more."""
        notice = [_said(text_html(self._messages.stopped))] if kept.waiting else []
        back = kept.waiting or _SAME
        return [back, [*kept.messages, *notice], replace(kept, waiting=""), _DISABLED, *self._unchanged]

    def begin(self) -> list[Any]:
        """A new conversation."""
        return ["", [], Kept(), _DISABLED, *self._offering(self._messages.theme_questions, self.at_first)]

    def _offering(self, title: str, questions: Sequence[str]) -> list[Any]:
        """The title and the buttons for these questions; a button for which there is none goes."""
        filled = [*questions, *[""] * len(self.at_first)][: len(self.at_first)]
        buttons = [_update(value=question, visible=bool(question)) for question in filled]
        return [_update(value=f"## {title}"), *buttons]

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)


def _blocks(service: Service, messages: Messages) -> Any:
    import gradio as gr

    limit = service.settings.max_question_characters
    conversations = _Conversations(service, messages)

    async def respond_to_option(kept: Kept, chosen: gr.SelectData) -> AsyncIterator[list[Any]]:
        async for update in conversations.respond(str(chosen.value), kept):
            yield update

    with gr.Blocks(title=messages.page_title, analytics_enabled=False, fill_width=True) as page:
        kept = gr.State(Kept(), time_to_live=6 * 3600)
        log_box = gr.Chatbot(
            label=messages.conversation,
            show_label=False,
            container=False,
            elem_id="conversation",
            height="auto",
            buttons=[],
            feedback_options=None,
            layout="bubble",
            latex_delimiters=[],
            allow_tags=False,
        )
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
        with gr.Column(elem_id="themes", visible=bool(conversations.at_first)):
            title = gr.Markdown(f"## {messages.theme_questions}")
            buttons = [gr.Button(question, size="sm") for question in conversations.at_first]
        event: dict[str, Any] = {
            "outputs": [box, log_box, kept, stop, title, *buttons],
            "api_visibility": "private",
            "show_progress": "hidden",
            "trigger_mode": "multiple",  # « once » drops what is asked while questions to offer are still looked for
        }
        running = [
            gr.on([box.submit, send.click], conversations.respond, [box, kept], **event),
            log_box.option_select(respond_to_option, [kept], **event),
            *(button.click(conversations.respond, [button, kept], **event) for button in buttons),
        ]
        stop.click(conversations.stop, [kept], cancels=running, **event)
        clear.click(conversations.begin, cancels=running, **event)
    return page


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


def _said(html: str, kind: str = "notice") -> _Message:
    return {"role": "assistant", "content": f'<p class="{kind}">{html}</p>'}


def _theme() -> Any:
    import gradio as gr

    fonts = ("system-ui", "sans-serif")
    return gr.themes.Base(font=fonts, font_mono=("ui-monospace", "monospace"))
