"""Convert PIAF (SQuAD's JSON) to a folder in BEIR's layout, for `loos evaluate retrieval` and `loos evaluate answers`.

    python -m tests.evaluation.piaf_to_beir PIAF_FOLDER OUTPUT_FOLDER [--half HALF] [--questions PART]

Each passage of PIAF is a document, without its article's title, and each question's answer is its own passage. Articles
are split in two by a hash of their title: choose settings on one half, report on the other or on all. Of the choosing
half, four fifths are for training and one fifth for tuning what uses the trained.
"""

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

from index.evaluate import read_collection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    parser.add_argument("output", type=Path, help="folder to write, made if missing")
    halves = ("choosing", "reporting")
    parser.add_argument("--half", choices=halves, help="only the articles of one half")
    parser.add_argument("--questions", choices=(*halves, "training", "tuning"), help="only the questions of this part")
    arguments = parser.parse_args()
    print(convert(arguments.piaf, arguments.output, half=arguments.half, questions=arguments.questions))


def piaf_collection(piaf, **wanted):
    """PIAF as a collection: `convert`, read back."""
    with tempfile.TemporaryDirectory() as folder:
        convert(piaf, Path(folder), **wanted)
        return read_collection(Path(folder))


def convert(piaf, output, *, half=None, questions=None):
    """Write the folder and say what it holds. Without piaf.json, end the program with what is missing.

    `half` leaves only the articles of one half, `questions` only the questions of one half or part.
    """
    source = piaf / "piaf.json"
    if not source.is_file():
        raise SystemExit(f"No piaf.json in {piaf}. PIAF (Etalab, MIT) is published as etalab-ia/piaf.")
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for article in json.loads(source.read_text(encoding="utf-8"))["data"]:
        title = article["title"]
        if half and half_of(title) != half:
            continue
        for number, paragraph in enumerate(article["paragraphs"]):
            passage = f"{title}#{number}"
            corpus.append({"_id": passage, "title": "", "text": paragraph["context"], "metadata": {"group": title}})
            if questions and questions not in (half_of(title), part_of(title)):
                continue
            for question in paragraph["qas"]:
                answers = {"answers": list(dict.fromkeys(answer["text"] for answer in question["answers"]))}
                queries.append({"_id": question["id"], "text": question["question"], "metadata": answers})
                qrels.append(f"{question['id']}\t{passage}\t1")
    output.mkdir(parents=True, exist_ok=True)
    for name, lines in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (output / name).write_text(text, encoding="utf-8")
    (output / "qrels.tsv").write_text("\n".join(qrels) + "\n", encoding="utf-8")
    return f"{len(corpus)} passages, {len(queries)} questions in {output}"


def half_of(title: str) -> str:
    """The half an article belongs to, from its title alone."""
    return "choosing" if hashlib.sha256(title.encode("utf-8")).digest()[0] % 2 else "reporting"


def part_of(title: str) -> str:
    """The part of the choosing half that an article belongs to; "reporting" for the others."""
    if half_of(title) == "reporting":
        return "reporting"
    return "training" if hashlib.sha256(title.encode("utf-8")).digest()[1] % 5 else "tuning"


if __name__ == "__main__":
    main()
