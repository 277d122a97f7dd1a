"""Convert PIAF (SQuAD's JSON) to a folder in BEIR's layout, for `loos evaluate retrieval` and `loos evaluate answers`.

    python -m tests.evaluation.piaf_to_beir PIAF_FOLDER OUTPUT_FOLDER [--articles PART ...] [--questions PART]

Each passage of PIAF is a document, without its article's title, and each question's answer is its own passage. A hash
of an article's title puts it in one of three parts: train on the first, choose settings on the second, report on the
third.
"""

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

from index.evaluate import read_collection

PARTS = ("training", "tuning", "reporting")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piaf", type=Path, help="folder that holds piaf.json")
    parser.add_argument("output", type=Path, help="folder to write, made if missing")
    parser.add_argument("--articles", choices=PARTS, nargs="+", default=PARTS, help="only the articles of these parts")
    parser.add_argument("--questions", choices=PARTS, help="only the questions of this part")
    arguments = parser.parse_args()
    print(convert(arguments.piaf, arguments.output, articles=arguments.articles, questions=arguments.questions))


def piaf_collection(piaf, **wanted):
    """PIAF as a collection: `convert`, read back."""
    with tempfile.TemporaryDirectory() as folder:
        convert(piaf, Path(folder), **wanted)
        return read_collection(Path(folder))


def convert(piaf, output, *, articles=PARTS, questions=None):
    """Write the folder and say what it holds. Without piaf.json, end the program with what is missing.

    `articles` leaves only the articles of some parts, `questions` only the questions of one.
    """
    source = piaf / "piaf.json"
    if not source.is_file():
        raise SystemExit(f"No piaf.json in {piaf}. PIAF (Etalab, MIT) is published as etalab-ia/piaf.")
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for article in json.loads(source.read_text(encoding="utf-8"))["data"]:
        title = article["title"]
        if part_of(title) not in articles:
            continue
        for number, paragraph in enumerate(article["paragraphs"]):
            passage = f"{title}#{number}"
            corpus.append({"_id": passage, "title": "", "text": paragraph["context"], "metadata": {"group": title}})
            if questions not in (None, part_of(title)):
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


def part_of(title: str) -> str:
    """The part an article belongs to, from its title alone."""
    digest = hashlib.sha256(title.encode("utf-8")).digest()
    if digest[0] % 2:
        return "training" if digest[1] % 5 else "tuning"
    # What was reported on before there was a reader to train: some is still only reported on, the rest trains.
    return "reporting" if digest[2] % 5 < 2 else "training"


if __name__ == "__main__":
    main()
