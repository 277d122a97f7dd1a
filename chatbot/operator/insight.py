"""The pages that show what the documents are worth: a question tried, questions without answer, what is covered."""

import re
from dataclasses import replace
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chatbot.answer import Answer, Reply
from chatbot.citation_link import citation_link, find_quote, linked_span
from chatbot.errors import InvalidQuestion
from chatbot.feedback import Feedback
from chatbot.markup import reply_html
from chatbot.messages import FRENCH
from chatbot.operator.coverage import MOST_PLACES, Coverage, Place, corpus_map, coverage
from chatbot.operator.desk import Desk
from chatbot.operator.page import Page, Visit, page
from chatbot.sources import document_html
from chatbot.unanswered import Unanswered
from index import Build

__all__ = ["insight_pages"]

_SHAPES = 8
"""Themes are told apart by shape and colour; from the ninth on they share the last."""
_OPINIONS = 200
_SOURCE_LINK = re.compile(r'(?<=href=")(/sources/[^"#?]+\?[^"#]*)')


def insight_pages(desk: Desk) -> list[tuple[str, str, Page]]:
    """Each with its method and path."""
    pages = _Insight(desk)
    return [
        ("GET", "/essayer", pages.trial),
        ("GET", "/sans-reponse", pages.unanswered),
        ("GET", "/couverture", pages.coverage),
        ("GET", "/sources/{document_id}", pages.passage),
    ]


class _Insight:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def trial(self, visit: Visit) -> Response:
        """A question, with the replies of what is in service and of the candidate side by side."""
        desk, asked = self._desk, visit.asked("q")
        builds = [
            (name, build)
            for name, build in (("En service", desk.live()), ("Version qui attend", desk.candidate()))
            if build is not None
        ]
        if builds:
            desk.trial.prepare()
        replies: list[Reply] = []
        why = ""
        if asked and builds:
            try:
                replies = desk.trial.ask(asked, [build for _, build in builds])
            except InvalidQuestion as error:
                why = str(error)
        # The public page offers other questions after a refusal; here there is one of one's own to try.
        said = [
            reply_html(reply if isinstance(reply, Answer) else replace(reply, suggestions=()), level=3)
            for reply in replies
        ]
        shown = [
            (name, build, Markup(_opening_in(build, html)), reply)
            for (name, build), html, reply in zip(builds, said, replies, strict=False)
        ]
        return page(
            "trial",
            visit,
            422 if why else 200,
            asked=asked,
            builds=builds,
            shown=shown,
            is_same=len(said) == 2 and said[0] == said[1],
            why=why,
            limit=desk.settings.max_question_characters,
            is_loaded=desk.trial.is_loaded,
        )

    def unanswered(self, visit: Visit) -> Response:
        """The questions that went unanswered and the opinions, where they are kept."""
        settings = self._desk.settings
        feedback = Feedback(settings)
        opinions = list(feedback.opinions())[::-1] if feedback.days else []
        return page(
            "unanswered",
            visit,
            days=settings.unanswered_days,
            questions=Unanswered(settings).questions() if settings.unanswered_days else [],
            reasons={
                "not_in_corpus": "Les documents n’en parlent pas",
                "not_said": "Les documents en parlent sans le dire",
                "town_service": "Démarche municipale",
            },
            opinion_days=feedback.days,
            opinions=opinions[:_OPINIONS],
            opinion_count=len(opinions),
            useful=sum(bool(opinion["useful"]) for opinion in opinions),
        )

    def coverage(self, visit: Visit) -> Response:
        """How much there is on each theme, and the map of the passages: of the build asked for, or the candidate."""
        desk = self._desk
        live, candidate = desk.live(), desk.candidate()
        builds = [build for build in (candidate, live) if build]
        if not builds:
            return page("coverage", visit, build=None)
        build = _asked_for(builds, visit) or builds[0]
        other = next((other for other in builds if other is not build), None)
        is_candidate = build is candidate
        report = desk.report(build.manifest.build_id)
        gold = report.gold if report else ()
        is_judged = any(result.outcome for result in gold)
        right = {result.id for result in gold if (result.outcome == "right" if is_judged else result.found)}
        themes = desk.of_build(build, "coverage", lambda: coverage(build, right))
        places = desk.of_build(build, "map", lambda: corpus_map(build))
        before = {document.source.path: document.text for document in live.documents.values()} if live else {}
        new = {d.id for d in build.documents.values() if is_candidate and before.get(d.source.path) != d.text}
        # a theme looks the same in both builds
        of_live = [document.theme for document in live.documents.values()] if live else []
        order = dict.fromkeys([*of_live, *(theme.theme for theme in themes)])
        return page(
            "coverage",
            visit,
            build=build,
            other_id=other.manifest.build_id if other else "",
            is_candidate=is_candidate,
            asked="bien traitées" if is_judged else "dont le passage est retrouvé" if gold else "",
            themes=themes,
            largest={
                name: max((getattr(theme, name) for theme in themes), default=0) or 1
                for name in ("documents", "passages", "questions")
            },
            groups=_groups(build, themes, places, new),
            new=new,
            shown=len(places),
            most=MOST_PLACES,
            shapes={theme: min(number, _SHAPES - 1) for number, theme in enumerate(order)},
        )

    def passage(self, visit: Visit) -> Response:
        """A document with a passage marked, in the build asked for, or the one that has it as its link knew it."""
        desk, document_id = self._desk, visit.request.path_params["document_id"]
        cited, version = linked_span(visit.asked("quote")), visit.asked("v")
        candidate = desk.candidate()
        builds = [build for build in (candidate, desk.live()) if build and document_id in build.documents]
        if not builds:
            raise HTTPException(404, "Ce document n’est plus dans la version en service, ni dans celle qui attend.")
        wanted = _asked_for(builds, visit)
        places = {
            build.manifest.build_id: find_quote(build.documents[document_id], cited, version) if cited else None
            for build in builds
        }
        found = [build for build in builds if places[build.manifest.build_id]]
        # where both have the quote and none was asked for, the one that has it at the link's very place is meant
        at_place = next((build for build in found if places[build.manifest.build_id] == cited), None)
        build = wanted or at_place or (found or builds)[0]
        document, place = build.documents[document_id], places[build.manifest.build_id]
        html = document_html(document, place, place is not None if cited else not version, FRENCH)
        other = next((other for other in builds if other is not build), None)
        query = {"quote": visit.asked("quote"), "v": version} if cited else {}
        return page(
            "passage",
            visit,
            document=document,
            whole=Markup(html),
            build=build,
            is_candidate=build is candidate,
            is_alone=other is None and candidate is not None,
            is_same=other is not None and other.documents[document_id] == document,
            other=f"?{urlencode(query | {'version': other.manifest.build_id})}" if other else "",
        )


def _asked_for(builds: list[Build], visit: Visit) -> Build | None:
    """That of the builds which the address names, None where it names none of them."""
    return next((build for build in builds if build.manifest.build_id == visit.asked("version")), None)


def _opening_in(build: Build, html: str) -> str:
    """The same HTML, in which links to documents open them as this build has them."""
    return _SOURCE_LINK.sub(rf"\1&amp;version={build.manifest.build_id}", html)


def _groups(
    build: Build, themes: list[Coverage], places: list[Place], new: set[str]
) -> list[tuple[str, list[tuple[str, bool, list[tuple[Place, str, str]]]]]]:
    """The places by theme and document, each with its link and first words: theme, (title, is new, places)."""
    by_document: dict[str, list[tuple[Place, str, str]]] = {}
    for place in places:
        passage = build.passages[place.row]
        link, _, place_of = citation_link(build.documents[passage.document_id], passage.start, passage.end).partition(
            "#"
        )
        link = f"{link}&version={build.manifest.build_id}#{place_of}"
        heading = " › ".join(passage.heading_path[1:]) or build.documents[passage.document_id].title
        words = f"{heading} : {' '.join(passage.text.split())[:90]}…"
        by_document.setdefault(passage.document_id, []).append((place, link, words))
    return [
        (
            theme.theme,
            [
                (document.title, document.id in new, by_document[document.id])
                for document in build.documents.values()
                if document.theme == theme.theme and document.id in by_document
            ],
        )
        for theme in themes
    ]
