"""A corpus of thousands of short documents that no two of which say the same, to measure builds by.

An invented town's decisions, each on a place, a partner and a sum of its own: Markdown for the most part, some HTML and
plain text. The same arguments give the same files, byte for byte.

    .venv/bin/python -m tests.evaluation.large_corpus FOLDER --documents 2000
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Decision", "decisions", "write_corpus"]

_SEED = 20_261_128
_FIRST = (
    *("Anne", "Bachir", "Camille", "Denise", "Émile", "Fatima", "Gaston", "Hélène", "Ismaël", "Jeanne", "Kamel"),
    *("Louise", "Marcel", "Nadia", "Octave", "Paulette", "Quentin", "Renée", "Samira", "Théo", "Ursule", "Victor"),
)
_LAST = (
    *("Bauduin", "Caron", "Delattre", "Evrard", "Fontaine", "Gambiez", "Hennebelle", "Jaspart", "Kowalski", "Lemaire"),
    *("Morel", "Nowak", "Obled", "Pruvost", "Quéva", "Roussel", "Szymczak", "Thellier", "Vasseur", "Wattel"),
)
_WAYS = ("rue", "place", "allée", "impasse", "avenue", "chemin", "square", "cité", "boulevard", "sentier")
_NAMES = (
    *("des Acacias", "des Bleuets", "du Charron", "de la Dentellière", "de l’Écluse", "du Fournil", "des Galibots"),
    *("du Houblon", "des Iris", "du Jardinier", "de la Kermesse", "du Lavoir", "des Mineurs", "de la Nacelle"),
    *("des Orfèvres", "du Pigeonnier", "des Quatre-Vents", "du Ruisseau", "des Saules", "de la Tannerie"),
    *("des Verriers", "du Wagonnet", "de l’Abreuvoir", "du Beffroi", "de la Clouterie", "du Dolmen"),
)
_WORKS = (
    ("la réfection des trottoirs", "mètres de bordures en grès", "Les travaux de voirie"),
    ("la plantation d’arbres fruitiers", "pommiers et poiriers", "Le verger partagé"),
    ("l’isolation de la salle des fêtes", "mètres carrés de laine de bois", "La rénovation de la salle"),
    ("la pose de panneaux solaires", "panneaux photovoltaïques", "La toiture solaire"),
    ("l’achat de livres pour la médiathèque", "livres et bandes dessinées", "Le fonds de la médiathèque"),
    ("la création d’un bassin de récupération de pluie", "mètres cubes d’eau", "Le bassin de pluie"),
    ("l’éclairage du terrain de sport", "lampes à diodes", "L’éclairage du stade"),
    ("l’ouverture d’une cantine biologique", "repas par jour", "La cantine"),
    ("l’installation d’une passerelle en bois", "planches de chêne", "La passerelle"),
    ("la rénovation des sanitaires de l’école", "lavabos", "Les sanitaires de l’école"),
    ("la mise en place d’un réseau de chaleur", "logements raccordés", "Le réseau de chaleur"),
    ("l’aménagement d’un jardin partagé", "parcelles de jardin", "Le jardin partagé"),
    ("la restauration d’une fresque de mineurs", "carreaux de céramique", "La fresque"),
    ("le remplacement des fenêtres de la mairie", "fenêtres à double vitrage", "Les fenêtres de la mairie"),
    ("la création d’une piste cyclable", "mètres de piste", "La piste cyclable"),
    ("l’organisation d’un festival de fanfares", "musiciens", "Le festival de fanfares"),
)
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_BODIES = ("le conseil municipal", "la commission des travaux", "le bureau des adjoints", "l’assemblée des habitants")
_PARTNERS = ("l’association", "la coopérative", "l’entreprise", "l’amicale", "le comité")
_NEARBY = ("un puits couvert de briques", "une ancienne forge", "un calvaire de pierre bleue", "un kiosque à musique")
_REMARKS = (
    "Les riverains ont demandé que {count} places de stationnement soient gardées pendant {weeks} semaines.",
    "Une réunion publique a rassemblé {count} personnes à la salle {name}, le {day} {month}.",
    "Le bruit du chantier ne devra pas dépasser {count} décibels entre {hour} heures et midi.",
    "Une visite guidée par {person} aura lieu chaque {weeks}e semaine du trimestre.",
    "Le rapport de {person} compte {count} pages et se consulte au guichet {weeks} de l’hôtel de ville.",
    "Les élèves de {person} ont dessiné {count} affiches pour annoncer l’ouverture.",
    "La garantie court pendant {weeks} ans et couvre {count} défauts énumérés en annexe.",
    "Un arrêté du {day} {month} interdit les camions de plus de {weeks} tonnes.",
    "Les matériaux viennent d’une carrière située à {count} kilomètres.",
    "Le solde sera versé en {weeks} fois, sur présentation de {count} factures.",
    "{person} a rappelé que le précédent chantier avait duré {count} jours de trop.",
    "Un suivi des plantations est prévu pendant {weeks} saisons par {person}.",
)
_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi")


@dataclass(frozen=True, slots=True)
class Decision:
    """One document: the name of its file, its text as Markdown, and a question that only it answers."""

    name: str
    title: str
    markdown: str
    question: str
    quote: str
    answer: str


def decisions(documents: int, seed: int = _SEED) -> Iterator[Decision]:
    """That many documents, of five to seven sections each, some 600 words."""
    draw = random.Random(seed)
    for number in range(1, documents + 1):
        yield _decision(number, draw)


def write_corpus(folder: Path, documents: int = 2000, questions: int = 200, seed: int = _SEED) -> None:
    """Write the documents, `sources.toml` and that many gold questions, a fifth of them without an answer."""
    folder.mkdir(parents=True, exist_ok=True)
    entries, gold = [], []
    every = max(1, documents // max(1, questions))
    for number, decision in enumerate(decisions(documents, seed)):
        folder_of_year = folder / f"{number % 20 + 2005}"
        folder_of_year.mkdir(exist_ok=True)
        suffix, text = _in_format(number, decision)
        path = folder_of_year / f"{decision.name}{suffix}"
        path.write_text(text, encoding="utf-8")
        relative = path.relative_to(folder).as_posix()
        title = json.dumps(decision.title, ensure_ascii=False)
        entries.append(f'["{relative}"]\ntitle = {title}\ntheme = "Décisions"\npublisher = "Ville inventée"\n')
        if number % every == 0 and len(gold) < questions:
            document = relative.removesuffix(suffix).replace("/", "-")
            gold.append(json.dumps(_gold(len(gold), decision, document), ensure_ascii=False))
    (folder / "sources.toml").write_text("\n".join(entries), encoding="utf-8")
    (folder / "questions.jsonl").write_text("\n".join(gold) + "\n", encoding="utf-8")


def _gold(number: int, decision: Decision, document: str) -> dict[str, object]:
    if number % 5 == 4:
        question = decision.question.replace("Combien coûte", "Quel architecte a dessiné")
        common = {"id": f"q{number}", "question": question, "language": "fr", "answerable": False}
        return {**common, "spans": [], "gold": [], "kind": "near"}
    common = {"id": f"q{number}", "question": decision.question, "language": "fr", "answerable": True}
    spans = [{"document": document, "quote": decision.quote}]
    return {**common, "spans": spans, "gold": [decision.answer], "kind": "fact"}


def _decision(number: int, draw: random.Random) -> Decision:
    work, unit, subject = draw.choice(_WORKS)
    place = f"{draw.choice(_WAYS)} {draw.choice(_NAMES)}"
    person = f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"
    partner = f"{draw.choice(_PARTNERS)} {draw.choice(_LAST)} et {draw.choice(_FIRST)}"
    euros, count, year = draw.randrange(2_000, 900_000), draw.randrange(12, 4_000), draw.randrange(1985, 2026)
    title = f"Décision {number} : {work}, {place}"
    price = f"{euros:,}".replace(",", " ")
    quote = f"Pour {work}, {place}, la dépense est fixée à {price} euros hors taxes."
    day = f"{draw.randrange(1, 29)} {draw.choice(_MONTHS)} {year}"
    sections = [
        f"# {title}",
        "## La décision",
        f"Réuni le {day}, {draw.choice(_BODIES)} a voté {work}, {place}. {quote} {person} a présenté le dossier au nom "
        f"de la majorité, par {draw.randrange(9, 30)} voix contre {draw.randrange(0, 9)}.",
        "## Ce qui sera fait",
        f"{subject} compte {count} {unit}. {partner[0].upper()}{partner[1:]} conduit l’opération pendant "
        f"{draw.randrange(2, 40)} semaines. On y voit {draw.choice(_NEARBY)}, à "
        f"{draw.randrange(40, 950)} mètres de la mairie. {_remark(draw)}",
    ]
    for heading in draw.sample(("Le financement", "Le calendrier", "Les habitants", "Le suivi", "L’histoire"), 4):
        sections += [f"## {heading}", _paragraph(heading, draw, euros, year), " ".join(_remarks(draw))]
    name = f"decision-{number:05d}"
    return Decision(name, title, "\n\n".join(sections) + "\n", f"Combien coûte {work}, {place} ?", quote, price)


def _paragraph(heading: str, draw: random.Random, euros: int, year: int) -> str:
    share = draw.randrange(11, 89)
    person = f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"
    match heading:
        case "Le financement":
            rate = f"{draw.randrange(1, 5)},{draw.randrange(10, 99)}"
            return (
                f"La région verse {share} % de la somme, soit {euros * share // 100} euros. Le reste vient d’un "
                f"emprunt au taux de {rate} % sur {draw.randrange(3, 25)} ans."
            )
        case "Le calendrier":
            return (
                f"Le chantier ouvre en {draw.choice(_MONTHS)} {year + 1}, ferme en {draw.choice(_MONTHS)} {year + 2}. "
                f"Une pause de {draw.randrange(3, 30)} jours est prévue pour la ducasse."
            )
        case "Les habitants":
            return (
                f"{draw.randrange(14, 900)} foyers ont répondu au questionnaire de {person}. {share} % d’entre eux "
                f"demandent un banc {draw.choice(_NAMES)}."
            )
        case "Le suivi":
            return (
                f"{person} tient le registre des remarques, ouvert le {draw.choice(_WEEKDAYS)} de "
                f"{draw.randrange(8, 12)} à {draw.randrange(13, 19)} heures. Un bilan paraît tous les "
                f"{draw.randrange(2, 18)} mois dans le bulletin n° {draw.randrange(20, 700)}."
            )
        case _:
            return (
                f"En {year - draw.randrange(20, 120)}, {person} tenait ici un atelier de {draw.randrange(3, 60)} "
                f"ouvriers. Il fut fermé après l’incendie du {draw.randrange(1, 29)} {draw.choice(_MONTHS)}, qui dura "
                f"{draw.randrange(2, 70)} heures."
            )


def _remarks(draw: random.Random) -> list[str]:
    return [_remark(draw) for _ in range(draw.randrange(1, 4))]


def _remark(draw: random.Random) -> str:
    return draw.choice(_REMARKS).format(
        count=draw.randrange(13, 900),
        weeks=draw.randrange(2, 30),
        name=draw.choice(_NAMES),
        person=f"{draw.choice(_FIRST)} {draw.choice(_LAST)}",
        day=draw.randrange(1, 29),
        month=draw.choice(_MONTHS),
        hour=draw.randrange(7, 11),
    )


def _in_format(number: int, decision: Decision) -> tuple[str, str]:
    """Three in five as Markdown, one as HTML, one as plain text."""
    blocks = decision.markdown.strip().split("\n\n")
    if number % 5 == 3:
        html = [
            f"<h{block.count('#')}>{block.lstrip('# ')}</h{block.count('#')}>"
            if block.startswith("#")
            else f"<p>{block}</p>"
            for block in blocks
        ]
        body = "\n".join(html)
        return ".html", (
            f'<!doctype html>\n<html lang="fr"><head><meta charset="utf-8"><title>{decision.title}</title></head>\n'
            f"<body><main><article>\n{body}\n</article></main></body></html>\n"
        )
    if number % 5 == 4:
        return ".txt", "\n\n".join(block.lstrip("# ") for block in blocks) + "\n"
    return ".md", decision.markdown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    write_corpus(arguments.folder, arguments.documents, arguments.questions)


if __name__ == "__main__":
    main()
