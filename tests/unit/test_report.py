"""What a build tells of itself: printed, as a page, and compared with the live one."""

import re
from dataclasses import replace

import pytest
from lxml import html

from index.build import build_index
from index.diff import NamedDocument, diff_builds, diff_gold
from index.errors import RefusedBuild
from index.gate import refusals, tolerated
from index.gold import GoldResult
from index.report import Duplicate, Timing, read_report, report_html, report_path
from index.report_text import change_words, duration, moment, percent, readable
from ingest import Corpus
from tests.unit.test_build import ENERGY, WATER, build, corpus, store  # noqa: F401  (fixtures)
from tests.word_encoder import WordEncoder

EVIL = '<script>alert("x")</script> & <b>'


def result(name, outcome, *, answerable=True, found=True):
    return GoldResult(name, f"Question {name} ?", answerable, found, outcome)


def test_a_report_tells_what_came_and_went_against_the_live_build(corpus, store):  # noqa: F811
    first, _ = build(corpus, store)
    assert (first.diff, first.live_id, first.published, first.read) == (None, None, True, 2)
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    (corpus / "vent.md").write_text("# Vent\n\nUne éolienne tourne au nord.\n", encoding="utf-8")
    (corpus / "bruit.rtf").write_text("x")
    second, _ = build(corpus, store)
    assert second.diff.added == (NamedDocument("vent.md", "Vent"),)
    assert second.diff.changed == (NamedDocument("eau.md", "Eau"),)
    assert second.diff.gone == ()
    assert (second.diff.passages_added, second.diff.passages_gone, second.live_id) == (2, 1, first.build_id)
    assert second.read == 2  # the third had not changed
    assert read_report(store, second.build_id) == second
    text = readable(second)
    assert "documents 1\u00a0ajouté, 1\u00a0modifié, 0\u00a0retiré" in text
    assert "  + vent.md – Vent" in text
    assert "Fichiers laissés de côté (1) :\n- bruit.rtf : ce format n’est pas lu." in text
    assert re.search(r"passage retrouvé +1 sur 1 +1 sur 1", text)
    assert diff_builds(store.load(second.build_id), store.load(first.build_id)).gone == second.diff.added


def test_a_document_that_says_what_another_says_is_named(corpus, store):  # noqa: F811
    long = "La mare du parc abrite douze espèces de libellules que les enfants comptent chaque printemps avec soin."
    (corpus / "mare.md").write_text(f"# Mare\n\n{long}\n", encoding="utf-8")
    (corpus / "mare-copie.md").write_text(f"# Mare, copie\n\n{long}\n", encoding="utf-8")
    report, _ = build(corpus, store)
    assert report.duplicates == (Duplicate("mare.md", "mare-copie.md", 1.0),)
    assert "- mare.md dit la même chose que mare-copie.md. Retirez l’un des deux." in readable(report)


def test_a_page_holds_everything_escaped_and_nothing_from_elsewhere(corpus, store):  # noqa: F811
    build(corpus, store)
    (corpus / "mal.md").write_text("# <script>alert\\(1\\)</script> & co\n\nUn texte.\n", encoding="utf-8")
    report, _ = build(corpus, store)
    evil = result(EVIL, "right")
    lost = diff_gold([evil], [replace(evil, outcome="declined")])[0]
    page = report_html(
        replace(
            report,
            skipped=(EVIL,),
            notices=(EVIL,),
            problems=(EVIL,),
            refusals=(EVIL,),
            published=False,
            duplicates=(Duplicate(EVIL, EVIL, 0.9),),
            diff=replace(report.diff, added=(NamedDocument(EVIL, EVIL),), lost=lost, gained=lost),
            timings=(Timing("total", 1.5),),
        )
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 9
    assert not re.search(r"(src|href)=|url\(|@import", page)
    tree = html.fromstring(page)
    assert tree.get("lang") == "fr"
    assert tree.xpath("//h1")[0].text_content() == f"Construction {report.build_id} du {moment(report.made)}"
    assert all(head.get("scope") in ("col", "row") for head in tree.xpath("//th"))
    assert len(tree.xpath("//table")) == len(tree.xpath("//table/caption"))
    assert "prefers-color-scheme: dark" in page
    assert "viewport" in page
    assert EVIL in tree.text_content()


def test_a_page_stays_true_once_its_build_is_published_after_all(corpus, store):  # noqa: F811
    build(corpus, store)
    (corpus / "energie.md").write_text("# Énergie\n\nLe vent tourne.\n", encoding="utf-8")
    with pytest.raises(RefusedBuild) as caught:
        build(corpus, store)
    build_id = caught.value.report.build_id
    store.publish(build_id)
    said = html.fromstring(report_path(store, build_id).read_text(encoding="utf-8")).text_content()
    assert "gardée, sans être mise en service à ce moment-là" in said
    assert "Depuis, celle-ci ou une autre a pu être mise en service" in said
    assert "Pourquoi elle n’a pas été mise en service" in said
    assert "n’est pas mise en service" not in said
    again, _ = build(corpus, store, full=True, publish_anyway=True)
    said = html.fromstring(report_path(store, again.build_id).read_text(encoding="utf-8")).text_content()
    assert "mise en service aussitôt" in said
    assert "Pourquoi" not in said


def test_a_page_is_kept_beside_the_builds_for_as_long_as_they_are(corpus, store):  # noqa: F811
    first, _ = build(corpus, store)
    assert report_path(store, first.build_id).read_text(encoding="utf-8").startswith("<!doctype html>")
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    second, _ = build(corpus, store, keep_builds=1)
    assert [path.name for path in sorted((store.folder / "reports").iterdir())] == [
        f"{second.build_id}.html",
        f"{second.build_id}.json",
    ]
    assert read_report(store, first.build_id) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00"])
def test_a_damaged_report_is_no_report(corpus, store, content):  # noqa: F811
    report, _ = build(corpus, store)
    report_path(store, report.build_id, ".json").write_bytes(content)
    assert read_report(store, report.build_id) is None
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    assert build(corpus, store)[0].live_recall == 1.0


def test_a_question_is_lost_by_each_step_down_and_gained_by_each_step_up():
    before = [result("a", "right"), result("b", "declined"), result("c", "right"), result("d", "wrong")]
    after = [
        result("a", "declined"),
        result("b", "wrong"),
        result("c", "right", found=False),
        result("d", "declined"),
        result("e", "right"),
    ]
    lost, gained = diff_gold(before, after)
    assert [change.after.id for change in lost] == ["a", "b", "c"]
    assert [change.after.id for change in gained] == ["d"]
    other = [replace(one, question="Autre ?") for one in after]
    assert diff_gold(before, other) == ((), ())


def test_to_decline_what_no_document_answers_is_said_to_be_right():
    tomorrow = result("a", "right", answerable=False, found=False)
    (lost,), _ = diff_gold([tomorrow], [replace(tomorrow, outcome="wrong")])
    assert change_words(lost) == "déclinée comme il faut avant, réponse fausse maintenant"


@pytest.mark.parametrize(
    ("questions", "lost", "is_refused"), [(99, 1, True), (100, 1, False), (200, 2, False), (200, 3, True)]
)
def test_one_answer_in_a_hundred_may_be_lost(corpus, store, questions, lost, is_refused):  # noqa: F811
    build(corpus, store)
    loaded = store.load()
    best = tuple(passage.id for passage in loaded.passages)
    before = [replace(result(str(n), "right"), best=best, said="Dix toits.") for n in range(questions)]
    after = [replace(one, outcome="declined", said="") if int(one.id) < lost else one for one in before]
    changed = replace(diff_builds(loaded, loaded), lost=diff_gold(before, after)[0])
    reasons = refusals(
        loaded,
        loaded,
        live_sources=(),
        corpus=Corpus((), (), ()),
        problems=(),
        gold=after,
        live_gold=before,
        diff=changed,
    )
    assert bool(reasons) == is_refused
    if reasons:
        assert f"{questions - lost}\u00a0traitées comme il faut contre {questions}" in reasons[0]
        assert (
            "- « Question 0 ? » (0)\n  avant : bonne réponse (passage retrouvé), « Dix toits. »\n"
            "  maintenant : pas de réponse (passage retrouvé)\n"
            "  aucun autre passage n’est passé devant : seul le choix de répondre ou non a changé\n"
        ) in reasons[0]
    assert tolerated(428) == 4


def test_wrong_answers_count_where_right_ones_stay(corpus, store):  # noqa: F811
    build(corpus, store)
    loaded = store.load()
    before = [result("a", "right"), result("b", "declined")]
    after = [result("a", "right"), result("b", "wrong")]
    changed = replace(diff_builds(loaded, loaded), lost=diff_gold(before, after)[0])
    (reason,) = refusals(
        loaded,
        loaded,
        live_sources=(),
        corpus=Corpus((), (), ()),
        problems=(),
        gold=after,
        live_gold=before,
        diff=changed,
    )
    assert (
        "sur 2\u00a0questions de contrôle : 1\u00a0traitée comme il faut contre 1, 1\u00a0réponse fausse contre 0"
        in reason
    )


class Judging:
    """Answers each question as a list says, whatever the build; counts how often it was asked."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.asked = 0

    def __call__(self, searcher, gold):
        self.asked += len(gold)
        return tuple(GoldResult(q.id, q.question, q.answerable, True, self.outcome) for q in gold)


def judged(corpus, store, judge, **changes):  # noqa: F811
    encoder = WordEncoder()
    arguments = {"model": "words", "revision": "1", "max_passage_tokens": 64, "judge": judge, **changes}
    return build_index(corpus, store, lambda: encoder, **arguments)


def test_a_build_that_answers_worse_is_kept_back_and_its_report_says_so(corpus, store):  # noqa: F811
    live = judged(corpus, store, Judging("right"))
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    worse = Judging("wrong")
    with pytest.raises(RefusedBuild, match="répond moins bien, sur 1\u00a0question") as caught:
        judged(corpus, store, worse)
    assert worse.asked == 1  # the live build's report told the rest
    assert "Combien de toits couvrent les panneaux ?" in str(caught.value)
    assert f"« loos index publish {caught.value.report.build_id} »" in str(caught.value)
    assert store.current_id() == live.build_id
    kept = read_report(store, caught.value.report.build_id)
    assert (kept.published, kept.live_gold[0].outcome, kept.gold[0].outcome) == (False, "right", "wrong")


@pytest.mark.parametrize(
    ("order", "outcome", "said"),
    [
        (("energie", "sport", "eau"), "declined", "aucun autre passage n’est passé devant : seul le choix de répondre"),
        (("energie", "eau", "sport"), "wrong", "aucun autre passage n’est passé devant : seul le choix des phrases"),
        (("sport", "energie", "eau"), "wrong", "passé devant : sport.md (document nouveau), « Un stade »"),
        (("eau", "energie", "sport"), "wrong", "passé devant : eau.md (document inchangé), « Un bassin"),
    ],
)
def test_only_what_came_before_the_passage_that_answers_is_blamed(corpus, store, order, outcome, said):  # noqa: F811
    def judge(searcher, gold):
        build = searcher.build
        is_new = "sport" in build.documents
        ranked = [name for name in (order if is_new else ("energie", "eau")) if name in build.documents]
        best = tuple(next(p.id for p in build.passages if p.document_id == name) for name in ranked)
        return tuple(GoldResult(q.id, q.question, True, True, outcome if is_new else "right", best) for q in gold)

    judged(corpus, store, judge)
    (corpus / "sport.md").write_text("# Sport\n\nUn stade\n", encoding="utf-8")
    with pytest.raises(RefusedBuild) as caught:
        judged(corpus, store, judge)
    assert said in str(caught.value)
    assert ("corriger ou retirer sport.md" in str(caught.value)) == (order[0] == "sport")


def test_a_build_that_was_kept_back_is_published_without_being_made_again(corpus, store):  # noqa: F811
    live = judged(corpus, store, Judging("right"))
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    candidate = judged(corpus, store, Judging("right"), publish=False)
    assert (candidate.published, candidate.refusals, store.current_id()) == (False, (), live.build_id)

    def never():
        raise AssertionError("the encoder was loaded")

    arguments = {"model": "words", "revision": "1", "max_passage_tokens": 64, "judge": Judging("wrong")}
    published = build_index(corpus, store, never, **arguments)
    assert published.published
    assert store.current_id() == candidate.build_id == published.build_id
    assert store.rollback() == live.build_id


def test_questions_on_what_is_new_hide_no_loss(corpus, store):  # noqa: F811
    import json

    from tests.unit.test_build import QUESTION

    judged(corpus, store, Judging("right"))
    (corpus / "vent.md").write_text("# Vent\n\nUne éolienne tourne au nord.\n", encoding="utf-8")
    (corpus / "energie.md").write_text(ENERGY.replace("solaires", "du soleil"), encoding="utf-8")
    spans = [{"document": "vent", "quote": "Une éolienne tourne au nord."}]
    new = QUESTION | {"id": "q2", "question": "Où tourne l’éolienne ?", "spans": spans, "gold": ["nord"]}
    (corpus / "questions.jsonl").write_text("".join(json.dumps(q) + "\n" for q in (QUESTION, new)), encoding="utf-8")

    def judge(searcher, gold):
        right = "vent" in searcher.build.documents
        return tuple(
            GoldResult(q.id, q.question, True, True, "right" if (q.id == "q2") == right else "declined") for q in gold
        )

    with pytest.raises(RefusedBuild, match="répond moins bien, sur 1\u00a0question"):
        judged(corpus, store, judge)


def test_words_for_times_shares_and_dates():
    said = [
        duration(s).replace("\u00a0", "_")
        for s in (0.0, 0.4, 4.6, 9.97, 59.4, 59.6, 200, 1800, 3599, 3600, 3900, 7199.7)
    ]
    assert said == [
        *(
            "moins_de_1_s",
            "moins_de_1_s",
            "5_s",
            "10_s",
            "59_s",
            "1_min",
            "3_min_20_s",
            "30_min",
            "59_min_59_s",
            "1_h",
            "1_h_05_min",
            "2_h",
        )
    ]
    assert [percent(*pair) for pair in ((0, 9), (9, 9), (427, 428), (1, 428), (1, 2))] == [
        *("0\u00a0%", "100\u00a0%", "99,8\u00a0%", "0,2\u00a0%", "50\u00a0%")
    ]
    assert moment("2026-05-01T09:05:00+02:00") == "1er mai 2026 à 9 h 05"
    assert moment("") == ""
