"""PDF files: the characters by pdfium, put together as a person reads them; pages that are only pictures are named."""

from collections.abc import Sequence
from typing import Any

from ingest.assemble import Reading
from ingest.errors import UnreadableSource
from ingest.pdf_blocks import pdf_blocks
from ingest.pdf_fragments import Line, page_fragments
from ingest.pdf_lines import page_lines
from ingest.pdf_margins import without_running_heads

__all__ = ["MAX_PAGES", "read_pdf"]

MAX_PAGES = 2_000
"""A town's planning rules have some hundreds; more is several documents bound together."""

_FEW_CHARACTERS = 20  # a scanner's stamp, or the number on a picture
_UNREADABLE = 0.3
_LISTED = 30


def read_pdf(data: bytes, path: str) -> Reading:
    """The blocks of a PDF with their pages; scanned and unreadable pages are named in the notices, the others read.

    Raises:
        UnreadableSource: it is no PDF, is locked by a password, has too many pages, or no page with text.
    """
    import pypdfium2

    if not data:
        raise UnreadableSource(f"{path} : le fichier est vide. Remplacez-le ou retirez-le du corpus.")
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY):
            raise UnreadableSource(
                f"{path} : il est protégé par un mot de passe. Enregistrez-le sans mot de passe, ou retirez-le du "
                "corpus."
            ) from error
        raise UnreadableSource(
            f"{path} : ce n’est pas un PDF, ou il est abîmé. Enregistrez-le à nouveau en PDF depuis son application."
        ) from error
    if len(pdf) > MAX_PAGES:
        raise UnreadableSource(
            f"{path} : il a {len(pdf)} pages, la limite est de {MAX_PAGES}. Découpez-le en plusieurs fichiers."
        )
    pages: list[Sequence[Line]] = []
    scanned, unreadable, damaged = [], [], []
    for number in range(1, len(pdf) + 1):
        fragments: Sequence[Line] = ()
        try:
            page = _page(pdf, number)
            textpage = page.get_textpage()
        except pypdfium2.PdfiumError:
            damaged.append(number)
        else:
            found = page_fragments(textpage, page.get_cropbox())
            if found.unreadable > _UNREADABLE:
                unreadable.append(number)
            elif sum(len(fragment.text) for fragment in found.fragments) < _FEW_CHARACTERS and _is_drawn(page):
                scanned.append(number)
            else:
                fragments = found.fragments
            textpage.close()
            page.close()
        pages.append(fragments)
    notices = (
        *_notice(scanned, "images sans texte (scan). Passez ce PDF à la reconnaissance de caractères (OCR)"),
        *_notice(unreadable, "texte illisible (police sans table de caractères). Enregistrez ce PDF à nouveau"),
        *_notice(damaged, "page abîmée. Enregistrez ce PDF à nouveau"),
    )
    blocks = pdf_blocks([page_lines(page) for page in without_running_heads(pages)])
    if notices and not blocks:
        why = " ".join(f"{notice[0].upper()}{notice[1:]}" for notice in notices)
        raise UnreadableSource(f"{path} : aucun texte à lire. {why}")
    return Reading(blocks, notices=notices)


def _page(pdf: Any, number: int) -> Any:
    """A page with what was typed on it (into a form's fields, or as a remark that is shown) made part of it."""
    from pypdfium2 import raw

    page = pdf[number - 1]
    if any(_is_typed(page, place) for place in range(raw.FPDFPage_GetAnnotCount(page))):
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
        page.close()
        page = pdf[number - 1]
    return page


def _is_typed(page: Any, place: int) -> bool:
    """Whether a page's annotation is a field of a form or text put on the page: most are links."""
    from pypdfium2 import raw

    annotation = raw.FPDFPage_GetAnnot(page, place)
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    raw.FPDFPage_CloseAnnot(annotation)
    return kind in (raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT)


def _is_drawn(page: Any) -> bool:
    """Whether pictures or drawings are on a page: else it is blank, or says little."""
    from pypdfium2 import raw

    return any(found.type != raw.FPDF_PAGEOBJ_TEXT for found in page.get_objects(max_depth=2))


def _notice(pages: Sequence[int], problem: str) -> tuple[str, ...]:
    """« pages 3 à 5 et 8 : … », or nothing for no page."""
    if not pages:
        return ()
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    names = [str(run[0]) if len(run) == 1 else f"{run[0]} à {run[-1]}" for run in runs]
    if len(names) > _LISTED:
        names[_LISTED:] = [f"{len(names) - _LISTED} autres suites de pages"]
    listed = " et ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return (f"{'page' if len(pages) == 1 else 'pages'} {listed} : {problem}.",)
