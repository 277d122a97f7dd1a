"""The chat page: everything that is Gradio's, and what has to be mended in what Gradio sends."""

import asyncio
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial
from html import escape
from typing import Any

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.routing import Match, Mount
from starlette.types import Message, Receive, Scope, Send

from chatbot.answer import Answer, Reason, Reply
from chatbot.conversation import check_question
from chatbot.errors import InvalidQuestion, NotReady
from chatbot.follow_up import Turn
from chatbot.markup import reply_html, text_html
from chatbot.messages import FRENCH
from chatbot.service import Service
from index import IndexStoreError

__all__ = ["PAGE_PATHS", "finish", "mount_page"]

log = logging.getLogger(__name__)

PAGE_PATHS = re.compile(
    r"/|/config|/theme\.css|/assets/[\w-][\w.-]*|/static/(?:[\w-]+/)+[\w-][\w.-]*"
    r"|/gradio_api/(?:queue/join|queue/data|cancel|reset|heartbeat/\w+|startup-events)"
)
"""What the page asks of Gradio. Gradio's other addresses (uploads, files, proxy, monitoring, …) stay closed."""

_TURNS = 30
"""How many questions and answers of a conversation are kept; the oldest go first."""
_CONVERSATIONS = 1000
_AT_ONCE = 50
_WAITING = 100

_Message = dict[str, Any]
"""One message of the conversation as Gradio's Chatbot takes it."""
Kept = tuple[list[_Message], list[Turn]]
"""What a conversation keeps: what is shown, and what a question may lean on."""

_ABOUT_GRADIO = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'"
)
_HEAD = (
    "<title>{title}</title>"
    '<meta name="description" content="{description}">'
    '<link rel="icon" href="static/favicon.svg" type="image/svg+xml">'
    '<link rel="stylesheet" href="static/page.css">'
    '<script src="static/page.js" data-conversation="{conversation}" data-question="{question}" data-reply="{reply}">'
    "</script>"
)


def mount_page(app: Any, service: Service) -> Callable[[], None]:
    """Mount the chat page on a FastAPI application, at `/`, after all its other routes.

    What it gives, called before the server stops, lets go of the open pages.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    async def mount() -> None:
        page = _blocks(service)
        page.max_threads = 2 * _AT_ONCE  # else 40 threads for all, whatever the queue allows
        page.state_session_capacity = _CONVERSATIONS
        page.queue(max_size=_WAITING, default_concurrency_limit=_AT_ONCE, api_open=False)
        gradio.mount_gradio_app(
            app,
            page,
            path="/",
            theme=_theme(),
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size="1kb",
            ssr_mode=False,
        )

    asyncio.run(mount())  # where no event loop runs, Gradio makes some that it never closes
    mounted = app.router.routes.pop().app
    app.router.routes.append(_PageMount("/", mounted))
    end_streams: Callable[[], None] = mounted.stop_event.set
    return end_streams


def finish(html: str, nonce: str) -> str:
    """Gradio's page in French, with our head, without its links to other sites, its scripts bearing the nonce."""
    html = _ABOUT_GRADIO.sub("", html.replace('lang="en"', f'lang="{FRENCH.language}"', 1))
    words = {
        "title": FRENCH.page_title,
        "description": FRENCH.page_introduction,
        "conversation": FRENCH.conversation,
        "question": FRENCH.question,
        "reply": FRENCH.reply,
    }
    head = _HEAD.format_map({name: escape(text) for name, text in words.items()})
    html = html.replace("<head>", f"<head>{head}", 1)
    needs_javascript = f"<noscript><p>{escape(FRENCH.page_needs_javascript)}</p></noscript>"
    return html.replace("</body>", f"{needs_javascript}</body>", 1).replace("<script", f'<script nonce="{nonce}"')


class _PageMount(Mount):
    """Gradio's application, asked only for what the page needs; its page is put in order on the way."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and PAGE_PATHS.fullmatch(scope["path"]):
            return super().matches(scope)
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        status = 500
        body = bytearray()

        async def collect(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            body.extend(message.get("body", b""))

        headers = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        await self.app({**scope, "headers": headers}, receive, collect)
        nonce = secrets.token_urlsafe(16)
        policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
        await HTMLResponse(finish(body.decode("utf-8"), nonce), status, policy)(scope, receive, send)


def _blocks(service: Service) -> Any:
    import gradio as gr

    settings = service.settings
    limit = settings.max_question_characters

    threads = anyio.CapacityLimiter(_AT_ONCE)

    async def respond(question: str, kept: Kept) -> AsyncIterator[tuple[Any, Any, Any]]:
        """The box, the conversation shown and the conversation kept, again and again as the answer grows."""
        messages, turns = kept
        question = question.encode("utf-8", "replace").decode("utf-8")  # half an emoji would not travel back
        try:
            check_question(question, None, settings)
        except InvalidQuestion as error:
            yield question, [*messages, _said(text_html(str(error)))], gr.skip()
            return
        messages = [
            *messages[2 - 2 * _TURNS :],
            {"role": "user", "content": f'<p class="asked">{text_html(question)}</p>'},
        ]
        waiting = FRENCH.searching if service.is_ready or service.failure else FRENCH.loading
        yield "", [*messages, _said(text_html(waiting), "waiting")], gr.skip()
        try:
            # Abandoned when the conversation is cleared, which would else wait for the answer.
            ask = partial(service.ask, question, turns=turns)
            reply = await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=threads)
        except (InvalidQuestion, NotReady) as error:
            why = FRENCH.unavailable if service.failure else str(error)
            yield question, [*messages, _said(text_html(why))], gr.skip()
            return
        except Exception:
            log.exception("a question on the page was not answered")
            yield question, [*messages, _said(text_html(FRENCH.failed))], gr.skip()
            return
        if isinstance(reply, Answer):
            for count in range(1, len(reply.sentences)):
                yield gr.skip(), [*messages, {"role": "assistant", "content": reply_html(reply, count)}], gr.skip()
        options = [] if isinstance(reply, Answer) else [{"value": text, "label": text} for text in reply.suggestions]
        messages = [*messages, {"role": "assistant", "content": reply_html(reply), "options": options}]
        yield gr.skip(), messages, (messages, _turns_after(reply, turns))

    async def respond_to_option(kept: Kept, chosen: gr.SelectData) -> AsyncIterator[tuple[Any, Any, Any]]:
        async for update in respond(str(chosen.value), kept):
            yield update

    with gr.Blocks(title=FRENCH.page_title, analytics_enabled=False, fill_width=True) as page:
        kept = gr.State(([], []), time_to_live=6 * 3600)
        gr.Markdown(f"# {FRENCH.page_title}\n\n{FRENCH.page_introduction}", elem_id="introduction")
        log_box = gr.Chatbot(
            label=FRENCH.conversation,
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
            label=FRENCH.question,
            info=FRENCH.question_hint.format(limit=limit),
            lines=1,
            max_lines=6,
            elem_id="question",
        )
        with gr.Row(elem_id="actions"):
            send = gr.Button(FRENCH.send, variant="primary", elem_id="send")
            clear = gr.Button(FRENCH.clear, variant="secondary", elem_id="clear")
        event: dict[str, Any] = {
            "outputs": [box, log_box, kept],
            "api_visibility": "private",
            "show_progress": "hidden",
        }
        running = [
            gr.on([box.submit, send.click], respond, [box, kept], **event),
            log_box.option_select(respond_to_option, [kept], **event),
        ]
        if questions := _theme_questions(service):
            with gr.Column(elem_id="themes"):
                gr.Markdown(f"## {FRENCH.theme_questions}")
                for question in questions:
                    button = gr.Button(question, size="sm")
                    running.append(button.click(respond, [button, kept], **event))
        clear.click(lambda: ("", [], ([], [])), cancels=running, **event)
    return page


def _turns_after(reply: Reply, turns: list[Turn]) -> list[Turn]:
    """What the next question may lean on: this one after those before it, unless it was small talk.

    A question for the town hall clears them: what comes next is not about the topic before it.
    """
    if isinstance(reply, Answer) or reply.reason in (Reason.NOT_SAID, Reason.NOT_IN_CORPUS):
        return [*turns[1 - _TURNS :], Turn(reply.understood or reply.question, reply.said)]
    return [] if reply.reason is Reason.TOWN_SERVICE else turns


def _said(html: str, kind: str = "notice") -> _Message:
    return {"role": "assistant", "content": f'<p class="{kind}">{html}</p>'}


def _theme_questions(service: Service) -> tuple[str, ...]:
    """The questions of the live build that the page offers; none where there is no readable build."""
    try:
        build_id = service.store.current_id()
        questions = service.store.questions(build_id) if build_id else ()
    except IndexStoreError as error:
        log.warning("no questions to offer: %s", error)
        return ()
    return tuple(question.question for question in questions if question.kind == "theme")


def _theme() -> Any:
    import gradio as gr

    fonts = ("system-ui", "sans-serif")
    return gr.themes.Base(font=fonts, font_mono=("ui-monospace", "monospace"))
