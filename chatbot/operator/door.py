"""Who may come in, and which page they get: the password, the session, the forms, and what is said of failures."""

import ipaddress
import logging
from collections.abc import Callable, Collection
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from chatbot.errors import ChatbotError
from chatbot.operator.adding import in_our_words
from chatbot.operator.desk import Desk
from chatbot.operator.page import Page, Visit, page
from chatbot.operator.password import PasswordProblem
from chatbot.operator.sessions import IDLE_S, Sessions
from chatbot.operator.view import counted
from index.errors import IndexStoreError
from ingest.errors import IngestError
from ingest.plain_words import system_reason

__all__ = ["Door"]

log = logging.getLogger(__name__)

_COOKIE = "loos-operator"
_MOST_FILES = 200
_MOST_FIELDS = 100
_KEPT = "garde-"
"""What the names of a kept form's fields begin with in the form to sign in."""
_FIELDS = {
    "title": "Titre",
    "theme": "Thème",
    "publisher": "Qui le publie",
    "published": "Date de publication",
    "url": "Adresse",
    "licence": "Droits",
    "site": "Site",
    "pages": "Nombre de pages",
    "chemin": "Document",
    "replace": "Relever de nouveau si elle est déjà là",
    "documents": "Prendre aussi les fichiers liés",
}
"""What is shown of a form before it is sent after all."""
_RESUMED = {
    "/documents/modifier": ("Enregistrer ce que vous aviez écrit sur ce document ?", "Enregistrer"),
    "/documents/adresse": ("Ajouter cette page du web ?", "Ajouter la page"),
    "/documents/site": ("Relever ce site ?", "Relever le site"),
}
"""The forms in which one writes, and what is asked before each is sent after all, with its button.

The others are a press away from where they are, beside what they are about; sent blind, they would put something else
into service.
"""
_NOT_DONE = "Cela n’a pas été fait"
_SAID_OF_STATUS = {
    404: "Cette adresse n’existe pas.",
    405: "Cette adresse ne s’utilise pas ainsi.",
    408: "L’envoi s’est interrompu. Recommencez.",
    413: "C’est trop grand : envoyez moins de fichiers à la fois, ou déposez-les dans le dossier des documents.",
}


class Door:
    """Lets in who knows the password, and hands each page who asks for it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def sign_in(self, request: Request) -> Response:
        """The form, or what it sends."""
        desk = self._desk
        towards = _path_here(request.query_params.get("suite", "/"))
        token = _token(request)
        if request.method != "POST":
            return self._form(request, towards, "")
        form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
        kept = _kept(form, _KEPT)
        to = str(form.get("renvoyer", ""))
        if to not in _RESUMED:
            to, kept = "", []
        if not desk.sessions.is_form_token(str(form.get("form", "")), token):
            why = "Ce formulaire a vieilli. Écrivez à nouveau le mot de passe."
            return self._form(request, towards, why, HTTPStatus.FORBIDDEN, to, kept)
        address = _network(request.client.host if request.client else "")
        if wait := desk.attempts.begin(address):
            log.warning("a sign-in from %s was put off for %.0f s", address, wait)
            why = f"Trop d’essais. Attendez {counted(max(1, round(wait)), 'seconde')}, puis recommencez."
            put_off = self._form(request, towards, why, HTTPStatus.TOO_MANY_REQUESTS, to, kept)
            put_off.headers["Retry-After"] = str(max(1, round(wait)))
            return put_off
        mark = desk.password.mark
        try:
            is_right, why = await run_in_threadpool(desk.password.matches, str(form.get("password", ""))), ""
        except PasswordProblem as error:
            is_right, why = False, str(error)
        if not is_right:
            log.warning("a sign-in from %s failed%s", address, f": {why}" if why else "")
            why = why or "Ce n’est pas le mot de passe."
            return self._form(request, towards, why, HTTPStatus.FORBIDDEN, to, kept)
        log.info("a sign-in from %s", address)
        desk.attempts.succeeded(address)
        desk.sessions.close(token)
        opened = desk.sessions.open(mark)  # never the token that was there before
        response: Response = RedirectResponse(towards, 303)
        if to and (session := desk.sessions.find(opened, mark)):
            visit = Visit(request, opened, session, desk.sessions.form_token(opened))
            shown = [
                (_FIELDS[name], "oui" if value == "yes" else value) for name, value in kept if name in _FIELDS and value
            ]
            question, button = _RESUMED[to]
            response = page("resume", visit, to=to, kept=kept, shown=shown, question=question, button=button)
        _give(response, request, opened)
        return response

    def session(self, visit: Visit) -> Response:
        """What a form must hold to be sent now, for the script that asks before it sends one."""
        return JSONResponse({"form": visit.form_token})

    def sign_out(self, visit: Visit) -> Response:
        """End the session."""
        self._desk.sessions.close(visit.token)
        response = RedirectResponse("/connexion", 303)
        response.delete_cookie(_cookie_name(visit.request), path="/", secure=_is_https(visit.request), httponly=True)
        return response

    def behind(self, handler: Page) -> Callable[[Request], object]:
        """A page that only who is signed in gets, and whose forms only count if they come from a page of ours."""

        async def endpoint(request: Request) -> Response:
            desk, token = self._desk, _token(request)
            session = desk.sessions.find(token, await run_in_threadpool(lambda: desk.password.mark))
            if session is None:
                return await self._turned_away(request)
            visit = Visit(request, token, session, desk.sessions.form_token(token))
            if request.method != "POST":
                return await run_in_threadpool(_handled, handler, visit)
            try:
                visit.form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS)
            except MultiPartException as error:
                raise HTTPException(400, "Le formulaire ne se lit pas. Rouvrez la page et recommencez.") from error
            try:
                if not desk.sessions.is_form_token(visit.sent("form"), token):
                    raise HTTPException(403, "Ce formulaire a vieilli. Rouvrez la page et recommencez.")
                return await run_in_threadpool(_handled, handler, visit)
            finally:
                await visit.form.close()

        return endpoint

    async def _turned_away(self, request: Request) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/connexion?{urlencode({'suite': here})}" if here != "/" else "/connexion", 303)
        if request.method == "POST":
            to = request.url.path
            if to not in _RESUMED:
                why = "La session est terminée. Connectez-vous, puis recommencez ce que vous faisiez."
                return self._form(request, "/", why, HTTPStatus.UNAUTHORIZED)
            try:
                kept = _kept(await request.form(max_files=0, max_fields=_MOST_FIELDS))
            except MultiPartException as error:
                raise HTTPException(400, "Le formulaire ne se lit pas. Rouvrez la page et recommencez.") from error
            why = "La session est terminée. Ce que vous avez écrit est gardé : connectez-vous pour l’envoyer."
            return self._form(request, "/", why, HTTPStatus.UNAUTHORIZED, to, kept)
        raise HTTPException(401, "La session est terminée. Connectez-vous.")

    def _form(
        self,
        request: Request,
        towards: str,
        why: str,
        status: int = 200,
        to: str = "",
        kept: Collection[tuple[str, str]] = (),
    ) -> Response:
        """The form to sign in with, in which another one for the path `to` is kept."""
        token = _token(request) or Sessions.new_token()
        given = {"towards": towards, "why": why, "idle_s": IDLE_S, "form": self._desk.sessions.form_token(token)}
        given |= {"to": to, "kept": [(f"{_KEPT}{name}", value) for name, value in kept]}
        response = page("sign-in", None, status, **given)
        _give(response, request, token)
        return response

    async def refused(self, request: Request, error: Exception) -> Response:
        """What stands in the place of a page that cannot be given."""
        assert isinstance(error, HTTPException)
        status = error.status_code
        known = _SAID_OF_STATUS.get(status)
        said = known if known and error.detail == HTTPStatus(status).phrase else str(error.detail)
        title = "Page introuvable" if status == HTTPStatus.NOT_FOUND and request.method == "GET" else _NOT_DONE
        response = page("problem", self._visit(request), status, title=title, why=said)
        response.headers.update(error.headers or {})
        return response

    async def failed(self, request: Request, error: Exception) -> Response:
        """What nobody foresaw."""
        log.error("%s failed", request.url.path, exc_info=error)
        said = "Une erreur inattendue s’est produite ; le journal du service la décrit. Rien n’a été mis en service."
        return page("problem", self._visit(request), 500, title=_NOT_DONE, why=said)

    def _visit(self, request: Request) -> Visit | None:
        token = _token(request)
        session = self._desk.sessions.find(token, self._desk.password.mark)
        return Visit(request, token, session, self._desk.sessions.form_token(token)) if session else None


def _handled(handler: Page, visit: Visit) -> Response:
    """What a page gives; what cannot be done is said in its words, and nothing is done."""
    try:
        return handler(visit)
    except (IngestError, IndexStoreError, ChatbotError) as error:
        return page("problem", visit, 422, title=_NOT_DONE, why=in_our_words(str(error)))
    except OSError as error:
        log.exception("%s failed", visit.request.url.path)
        where = f" ({error.filename})" if error.filename else ""
        said = f"Le disque refuse : {system_reason(error)}{where}. Vérifiez la place libre et les droits des dossiers."
        return page("problem", visit, 507, title=_NOT_DONE, why=said)


def _kept(form: FormData, prefix: str = "") -> list[tuple[str, str]]:
    """The texts of a form whose names begin so, without the key that it was sent with."""
    texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str) and name.startswith(prefix)]
    return [(name.removeprefix(prefix), value) for name, value in texts if name.removeprefix(prefix) != "form"]


def _network(address: str) -> str:
    """Whose tries of passwords are counted together: who has an IPv6 address has all of its /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return address
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def _cookie_name(request: Request) -> str:
    return f"__Host-{_COOKIE}" if _is_https(request) else _COOKIE


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _token(request: Request) -> str:
    return request.cookies.get(_cookie_name(request), "")


def _give(response: Response, request: Request, token: str) -> None:
    """Have the browser hold a token until it is closed."""
    is_https = _is_https(request)
    response.set_cookie(_cookie_name(request), token, path="/", httponly=True, samesite="strict", secure=is_https)


def _path_here(path: str) -> str:
    """A path of this application; where it could lead elsewhere, the first page."""
    is_plain = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_plain else "/"
