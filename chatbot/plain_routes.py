"""The pages that need no script: documents, answers, the timeline, opinions, accessibility."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from chatbot.accessibility import accessibility_page
from chatbot.answer_page import answer_page, ask_page
from chatbot.citation_link import citation_link, find_quote, linked_span
from chatbot.conversation import check_question
from chatbot.errors import InvalidQuestion, NotReady
from chatbot.feedback import Feedback
from chatbot.markup import MAX_REASON
from chatbot.messages import FRENCH, Messages, messages_for, page_messages
from chatbot.plain_page import in_language
from chatbot.problems import RETRY_AFTER, language_of, not_ready, problem
from chatbot.service import Service
from chatbot.sources import document_page, documents_page, missing_page, missing_passage, passage_html
from chatbot.timeline import timeline_page
from index import Build

__all__ = ["plain_routes"]

_BUILD = re.compile(r"[0-9a-f]{1,64}", re.ASCII)
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'"
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
_PRIVATE = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # to none but our own forms
    "X-Robots-Tag": "noindex",
}
"""For pages that hold what someone asked or said."""

_Make = Callable[[Build, Messages], str | Response | None]
_Missing = Callable[[str, str, Messages], str]


def plain_routes(service: Service, feedback: Feedback) -> list[Route]:
    """The routes of these pages. `?lang=en` asks for English; the documents' own words stay French."""
    pages = _Pages(service, feedback)
    return [
        Route("/ask", pages.ask),
        Route("/frise", pages.timeline),
        Route("/documents", pages.documents),
        Route("/sources/{document_id}", pages.document),
        Route("/sources/{document_id}/passage", pages.passage),
        Route("/accessibilite", pages.accessibility),
        Route("/feedback", pages.feedback, methods=["POST"]),
    ]


class _Pages:
    def __init__(self, service: Service, feedback: Feedback) -> None:
        self._service = service
        self._feedback = feedback
        self._timelines: tuple[str, dict[str, str]] = ("", {})

    def ask(self, request: Request) -> Response:
        """A form, or with `q` the reply to it; `build` is the one that the link to it was made for."""
        messages, settings, service = self._messages(request), self._service.settings, self._service
        asked = request.query_params.get("q", "")

        def form(kept: str = "", why: str = "") -> str:
            return ask_page(messages, settings, service.theme_questions(messages.language), kept, why)

        if not asked:
            return HTMLResponse(form(), headers=_PRIVATE)
        try:
            check_question(asked, messages.language, settings)
            if not service.is_ready:
                raise NotReady
            reply = service.ask(asked, None if messages.language == FRENCH.language else messages.language)
        except InvalidQuestion as error:
            return HTMLResponse(form(asked[: settings.max_question_characters], str(error)), 422, _PRIVATE)
        except NotReady:
            why = messages.unavailable if service.failure else messages.not_ready
            return HTMLResponse(form(asked, why), 503, _PRIVATE | RETRY_AFTER)
        linked = request.query_params.get("build", "")
        return HTMLResponse(answer_page(reply, linked, messages, settings), headers=_PRIVATE)

    def timeline(self, request: Request) -> Response:
        """The timeline, made once for each build and language."""

        def page(build: Build, messages: Messages) -> str:
            of_build, pages = self._timelines
            if of_build != build.manifest.build_id:
                self._timelines = of_build, pages = build.manifest.build_id, {}
            if messages.language not in pages:
                pages[messages.language] = timeline_page(build, messages)
            return pages[messages.language]

        return self._of_build(request, page)

    def documents(self, request: Request) -> Response:
        return self._of_build(request, lambda build, messages: documents_page(build.documents.values(), messages))

    def document(self, request: Request) -> Response:
        """A document; with `quote` and `v`, which a citation has, that quote marked.

        Where the quote's words stand elsewhere than when it was cited, that place is the address to go to.
        """
        quote, version = (request.query_params.get(name) for name in ("quote", "v"))

        def page(build: Build, messages: Messages) -> str | Response | None:
            found = build.documents.get(request.path_params["document_id"])
            if found is None:
                return None
            if quote is None and version is None:
                return document_page(found, None, True, messages)
            cited = linked_span(quote)
            place = find_quote(found, cited, version or "") if cited else None
            if place and place != cited:
                return RedirectResponse(in_language(citation_link(found, *place), messages), 302, _HEADERS)
            return document_page(found, place, place is not None, messages)

        return self._of_build(request, page)

    def passage(self, request: Request) -> Response:
        """The section around a quote, to be put into the chat page."""
        quote, version = (request.query_params.get(name, "") for name in ("quote", "v"))

        def part(build: Build, messages: Messages) -> str | None:
            found, cited = build.documents.get(request.path_params["document_id"]), linked_span(quote)
            if found is None or cited is None:
                return None
            place = find_quote(found, cited, version)
            address = citation_link(found, *place) if place else f"/sources/{found.id}?quote={quote}&v={version}"
            return passage_html(found, place or cited, place is not None, messages, address)

        return self._of_build(request, part, missing_passage)

    def accessibility(self, request: Request) -> Response:
        return HTMLResponse(accessibility_page(self._messages(request), self._service.settings), headers=_HEADERS)

    async def feedback(self, request: Request) -> Response:
        """Keep an opinion, sent by the form below a reply."""
        sent = {name: texts[-1] for name, texts in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        messages = self._said_in(sent.get("lang", ""))

        def said(text: str, status: int) -> Response:
            return HTMLResponse(missing_page(messages.feedback_title, text, messages), status, _PRIVATE)

        question, reason = sent.get("question", ""), sent.get("reason", "")
        is_well_formed = (
            0 < len(question) <= self._service.settings.max_question_characters
            and len(reason) <= MAX_REASON
            and sent.get("useful") in ("yes", "no")
            and _BUILD.fullmatch(sent.get("build", ""))
        )
        if not is_well_formed:
            return said(messages.feedback_failed, 422)
        if not _is_from_here(request):
            return said(messages.feedback_failed, 403)
        is_useful = sent["useful"] == "yes"
        keep = self._feedback.keep
        is_kept = await run_in_threadpool(keep, question, sent["build"], reason, is_useful=is_useful)
        if is_kept:
            return said(messages.feedback_thanks, 200)
        return said(messages.feedback_failed, 503) if self._feedback.days else said(messages.feedback_closed, 404)

    def _of_build(self, request: Request, make: _Make, missing: _Missing = missing_page) -> Response:
        """A page made from the build in service, or why there is none: a page for people, else a problem."""
        messages = self._messages(request)
        for_people = "text/html" in request.headers.get("accept", "")
        try:
            made = make(self._service.build, messages)
        except NotReady:
            if not for_people:
                return not_ready(self._service, language_of(request))
            why = messages.unavailable if self._service.failure else messages.not_ready
            page = missing(messages.document_not_ready, why, messages)
            return HTMLResponse(page, 503, _HEADERS | RETRY_AFTER)
        if made is not None:
            return made if isinstance(made, Response) else HTMLResponse(made, headers=_HEADERS)
        if not for_people:
            language = language_of(request)
            return problem(404, messages_for(language).document_unknown_why, language)
        page = missing(messages.document_unknown, messages.document_unknown_why, messages)
        return HTMLResponse(page, 404, _HEADERS)

    def _messages(self, request: Request) -> Messages:
        return self._said_in(request.query_params.get("lang", ""))

    def _said_in(self, language: str) -> Messages:
        return page_messages(language, self._service.settings.unanswered_days)


def _is_from_here(request: Request) -> bool:
    """Whether a form was sent by a page of this service, as far as the browser tells."""
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return not origin or origin.partition("//")[2] == request.headers.get("host")
