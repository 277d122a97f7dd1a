import pytest

from index.spelling import Spelling, sound

TEXTS = [
    "La mairie, les mines, la visite.",
    "Les Gohelliades, la transition et le recensement de Loos-en-Gohelle.",
    "Le soleil, la mère et le maire disant.",
]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("goheliade", "Gohelliades"), ("transision", "transition"), ("recencement", "recensement")),
        *(("fabrik", "fabrique"), ("abitan", "habitants"), ("dernié", "dernier"), ("solleil", "soleil")),
        *(("inoguré", "inauguré"), ("terin", "terrains"), ("colege", "collège"), ("fosse", "phauce")),
    ],
)
def test_words_spelt_by_ear_sound_alike(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@pytest.mark.parametrize(
    ("one", "other"), [("paysan", "paysage"), ("disent", "disant"), ("charbon", "chardon"), ("mine", "moine")]
)
def test_other_words_do_not(one: str, other: str) -> None:
    assert sound(one) != sound(other)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("les goheliade de loos", "les Gohelliades de loos"),
        ("on est combien au dernié recencement ?", "on est combien au dernié recensement ?"),
        ("la transision à Loos ?", "la transition à Loos ?"),
        ("Transision à Loos ?", "Transision à Loos ?"),
        ("le compost au soleil", "le compost au soleil"),  # a word, though not of these documents
        ("le solleil à Solleil", "le soleil à Solleil"),  # a name stays: it may be another town's
        ("les mines méritent une visite", "les mines méritent une visite"),  # not « mairie », of the same sound
        ("ils compostent", "ils compostent"),  # a verb, of which the documents hold the noun
        ("la mer du maire", "la mer du maire"),  # too short a sound
        ("goheliade festival music program", "goheliade festival music program"),  # another language
        ("", ""),
    ],
)
def test_what_is_not_known_is_repaired_by_its_sound(asked: str, meant: str) -> None:
    known = {"min", "visit", "loos", "soleil", "mer", "mair"}
    assert Spelling(TEXTS).repaired(asked, known.__contains__, {"compost"}.__contains__) == meant
