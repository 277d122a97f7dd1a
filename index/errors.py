"""Errors of the index. Messages are for the operator: what, where, how to mend, in French."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.report import BuildReport

__all__ = [
    "BusyIndex",
    "CorruptIndex",
    "DimensionMismatch",
    "ForeignIndex",
    "ForeignReader",
    "IndexStoreError",
    "InvalidGold",
    "MissingIndex",
    "RefusedBuild",
    "UnknownBuild",
    "UnknownModel",
    "UnwritableIndex",
]


class IndexStoreError(Exception):
    """Base of everything that can go wrong with models, vectors and stored builds."""


class MissingIndex(IndexStoreError):
    """No build is live in the index folder."""


class CorruptIndex(IndexStoreError):
    """A build's files are missing, half-written or changed since they were written."""


class ForeignIndex(IndexStoreError):
    """A build was made with another schema, model, revision or prompt than the ones in use."""


class ForeignReader(IndexStoreError):
    """The reader was made from another model than the encoder in use, or its file is damaged."""


class DimensionMismatch(IndexStoreError):
    """An array has another shape, type or norm than the index needs."""


class UnknownModel(IndexStoreError):
    """The encoder named in the settings cannot be loaded."""


class UnknownBuild(IndexStoreError):
    """A build id names nothing in the index folder."""


class RefusedBuild(IndexStoreError):
    """A finished build was not published, because it would serve people worse than the live one; see its `report`."""

    def __init__(self, message: str, report: "BuildReport") -> None:
        super().__init__(message)
        self.report = report


class InvalidGold(IndexStoreError):
    """A line of the gold questions is not what the format asks for."""


class UnwritableIndex(IndexStoreError):
    """The index folder cannot be written, or the disk is full."""


class BusyIndex(IndexStoreError):
    """Another process is building into the same index folder."""
