"""A request by someone who is signed in, and the page that it gets."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chatbot.messages import spaced
from chatbot.operator.sessions import Session
from chatbot.operator.view import render

__all__ = ["Page", "Visit", "page", "then"]

_LISTED = (
    ("/", "Accueil"),
    ("/documents", "Documents"),
    ("/construire", "Construire"),
    ("/constructions", "Versions"),
    ("/essayer", "Essayer"),
    ("/sans-reponse", "Questions"),
    ("/couverture", "Couverture"),
)

_UNTYPED = ("Cc", "Cs")
"""The categories of control characters and of halves of characters."""


@dataclass(slots=True)
class Visit:
    """What is asked by who is signed in. `form_token` goes into every form, `form` is what one sent."""

    request: Request
    token: str
    session: Session
    form_token: str
    form: FormData = field(default_factory=FormData)

    def asked(self, name: str) -> str:
        """A value of the address."""
        return self.request.query_params.get(name, "")

    def sent(self, name: str) -> str:
        """A text of the form, without white space at its ends. Raises HTTPException where no one can have typed it."""
        value = self.form.get(name, "")
        return _typed(value).strip() if isinstance(value, str) else ""

    def files(self, name: str) -> list[UploadFile]:
        """The files of the form; a field in which none was chosen has none. Raises as `sent`, for their names."""
        return [
            file for file in self.form.getlist(name) if isinstance(file, UploadFile) and _typed(file.filename or "")
        ]

    def say(self, text: str, *, is_problem: bool = False) -> None:
        """Have the next page say this at its head."""
        self.session.said.append(("problem" if is_problem else "done", spaced(text)))


Page = Callable[[Visit], Response]


def _typed(text: str) -> str:
    """A text as it is, refused where it holds what neither the system nor a file of text takes, such as a NUL."""
    if any(unicodedata.category(letter) in _UNTYPED and letter not in "\t\r\n" for letter in text):
        raise HTTPException(
            400,
            "Ce que vous avez envoyé contient un caractère invisible qui n’est pas du texte ; il vient souvent d’un "
            "copier-coller. Revenez à la page d’avant, effacez ce que vous aviez collé et écrivez-le à la main.",
        )
    return text


def page(template: str, visit: Visit | None, status: int = 200, **given: Any) -> Response:
    """A page from a template; nobody is signed in where `visit` is None."""
    said: list[tuple[str, str]] = []
    at = ""
    if visit:
        said, visit.session.said = visit.session.said, []
        at = f"/{visit.request.url.path.split('/')[1]}"
    form = given.pop("form", visit.form_token if visit else "")
    html = render(
        f"{template}.html", is_signed_in=visit is not None, pages=_LISTED, at=at, said=said, form_token=form, **given
    )
    return HTMLResponse(html, status)


def then(path: str) -> Response:
    """To another page, after a form did its work: reloading that page does not do it again."""
    return RedirectResponse(path, 303)
