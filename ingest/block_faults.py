"""What should be mended in how a text file is written, seen while it is read."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.assemble import ReadBlock
from ingest.document import BlockKind, DocumentKind, Source
from ingest.normalise import normalise_text

__all__ = ["Fault", "block_faults"]

_ENDS_SENTENCE = re.compile(r"[.!?…]\s?[»”\"’)\]]*$")


@dataclass(frozen=True, slots=True)
class Fault:
    """What to mend in a document's file, in French, and the words before it, by which its line is found."""

    path: str
    text: str
    behind: str


def block_faults(blocks: Sequence[ReadBlock], source: Source) -> Iterator[Fault]:
    """Headings without a word, and calls of a fiche's notes that do not stand behind a sentence, in French."""
    before = ""
    for block in blocks:
        if block.kind is BlockKind.HEADING and not normalise_text(block.text).strip():
            where = f"après « {before} »" if before else "au début"
            yield Fault(source.path, f"un titre est vide, {where}. Écrivez-le ou retirez-le.", before)
        before = block.text[:60] or before
        for place, _ in block.marks if source.kind is DocumentKind.FICHE else ():
            said = block.text[max(0, place - 60) : place].rstrip()
            if not _ENDS_SENTENCE.search(said):
                text = f"l’appel de note derrière « …{said} » n’est pas juste après un point. Déplacez-le."
                yield Fault(source.path, text, said)
