"""What should be mended in how a text file is written, seen while it is read."""

import re
from collections.abc import Iterator, Sequence

from ingest.assemble import ReadBlock
from ingest.document import BlockKind, DocumentKind
from ingest.normalise import normalise_text

__all__ = ["block_faults"]

_ENDS_SENTENCE = re.compile(r"[.!?…]\s?[»”\"’)\]]*$")


def block_faults(blocks: Sequence[ReadBlock], kind: DocumentKind) -> Iterator[str]:
    """Headings without a word, and calls of a fiche's notes that do not stand behind a sentence, in French."""
    before = ""
    for block in blocks:
        if block.kind is BlockKind.HEADING and not normalise_text(block.text).strip():
            where = f"après « {before} »" if before else "au début"
            yield f"un titre est vide, {where}. Écrivez-le ou retirez-le."
        before = block.text[:60] or before
        for place, _ in block.marks if kind is DocumentKind.FICHE else ():
            said = block.text[max(0, place - 60) : place].rstrip()
            if not _ENDS_SENTENCE.search(said):
                yield f"l’appel de note derrière « …{said} » n’est pas juste après un point. Déplacez-le."
