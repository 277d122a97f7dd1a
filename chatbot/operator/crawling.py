"""The pages of a crawl: a site taken into the documents, by the command that operators type, with its progress."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from chatbot.operator.adding import MOST_CRAWLED, SITE_PATH, add_page, in_our_words, is_web_address
from chatbot.operator.command import State
from chatbot.operator.desk import Desk
from chatbot.operator.page import Page, Visit, page, then
from chatbot.operator.view import counted

__all__ = ["crawl_pages"]

_LISTED = 50
_OPTION = re.compile(r"\s*\(--[a-z-]+\)")
"""What the command says for the terminal."""


def crawl_pages(desk: Desk) -> list[tuple[str, str, Page]]:
    """Each with its method and path."""
    pages = _Crawling(desk)
    return [
        ("GET", SITE_PATH, pages.going),
        ("POST", SITE_PATH, pages.begin),
        ("POST", f"{SITE_PATH}/arreter", pages.cancel),
        ("GET", f"{SITE_PATH}/etat", pages.progress),
    ]


class _Crawling:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: dict[str, str] = {}
        """The form of the crawl that goes on or was the last one."""

    def going(self, visit: Visit) -> Response:
        """How far the crawl is, or what the last one brought."""
        progress = self._desk.crawl.state
        result = progress.result
        return page(
            "site",
            visit,
            progress=progress,
            steps=_told(progress),
            asked=self._asked,
            result=result,
            counts=_counted(result) if result else "",
            lists=_lists(result) if result else [],
            stopped=_OPTION.sub("", result["stopped"]) if result else "",
            why=in_our_words("\n".join(progress.said)),
        )

    def begin(self, visit: Visit) -> Response:
        """Begin a crawl, unless one is going on."""
        asked = {name: visit.sent(name) for name in ("site", "pages", "documents", "theme", "publisher")}
        if why := _wrong(asked):
            return add_page(self._desk, visit, SITE_PATH, why)
        options = [asked["site"], f"--max-pages={int(asked['pages'])}"]
        options += [f"--{name}={asked[name]}" for name in ("theme", "publisher") if asked[name]]
        options += ["--documents"] if asked["documents"] == "yes" else []
        if self._desk.crawl.start(*options):
            self._asked = asked
        else:
            visit.say("Un site est déjà en train d’être relevé : le voici. Attendez la fin, puis demandez l’autre.")
        return then(SITE_PATH)

    def cancel(self, visit: Visit) -> Response:
        """Ask the crawl to stop."""
        self._desk.crawl.cancel()
        return then(SITE_PATH)

    def progress(self, visit: Visit) -> Response:
        """The crawl for the script that shows it live."""
        state = self._desk.crawl.state
        return JSONResponse(
            {"is_running": state.is_running, "seconds": round(state.seconds), "steps": _told(state)},
        )


def _wrong(asked: Mapping[str, str]) -> str:
    """What is wrong with a form, in French; empty if nothing is."""
    if not is_web_address(asked["site"]):
        return "Écrivez l’adresse du site : elle commence par https://"
    pages = asked["pages"]
    if not (pages.isdecimal() and pages.isascii() and len(pages) < 9 and 1 <= int(pages) <= MOST_CRAWLED):
        return f"Écrivez un nombre de pages, de 1 à {MOST_CRAWLED}."
    return ""


def _told(progress: State) -> list[dict[str, str | int]]:
    """How far a crawl is, in words: it does not know its end before it is there."""
    return [
        {
            "name": "Adresses du site",
            "done": step.done,
            "total": step.total,
            "told": f"{counted(step.done, 'vue')}, {step.total - step.done} en attente",
        }
        for step in progress.steps
    ]


def _counted(result: Mapping[str, Any]) -> str:
    how = "d’après le plan du site" if result["by_sitemap"] else "de lien en lien"
    return (
        f"{counted(result['requests'], 'page demandée', 'pages demandées')}, {how} : "
        f"{counted(len(result['new']), 'document nouveau', 'documents nouveaux')}, "
        f"{counted(len(result['changed']), 'changé')}, {counted(result['unchanged'], 'inchangé')}, "
        f"{counted(len(result['left_out']), 'adresse laissée de côté', 'adresses laissées de côté')}, "
        f"{counted(len(result['failed']), 'échec')}."
    )


def _lists(result: Mapping[str, Any]) -> list[tuple[str, int, list[tuple[str, str]]]]:
    """What became of addresses: a title, how many, and of each of the first what it is and a word on it."""
    lists = [
        ("Nouveaux", result["new"], False),
        ("Changés", result["changed"], False),
        ("N’existent plus sur le site, gardés dans les documents", result["gone"], False),
        ("Laissés de côté", result["left_out"], True),
        ("En échec", result["failed"], True),
    ]
    shown = []
    for title, found, is_by_reason in lists:
        rows = _by_reason(found) if is_by_reason else [(item["path"], item["url"]) for item in found]
        if found:
            shown.append((title, len(found), rows[:_LISTED]))
    return shown


def _by_reason(found: list[dict[str, str]]) -> list[tuple[str, str]]:
    """One address for each reason, and the reason with how many others it holds for; the most frequent first."""
    rows = []
    for reason, count in Counter(item["reason"] for item in found).most_common():
        example = next(item["url"] for item in found if item["reason"] == reason)
        more = f" (et {counted(count - 1, 'autre')})" if count > 1 else ""
        rows.append((example + more, in_our_words(reason)))
    return rows
