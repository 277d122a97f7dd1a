import json
import os
import re
import shutil
from contextlib import ExitStack
from datetime import datetime, timedelta
from importlib import import_module

import pytest

from index.build import build_index
from index.errors import (
    BusyIndex,
    CorruptIndex,
    ForeignIndex,
    IndexStoreError,
    InvalidGold,
    MissingIndex,
    RefusedBuild,
    UnknownBuild,
    UnwritableIndex,
)
from index.search import Searcher
from index.store import Store
from ingest.errors import EmptyCorpus
from tests.word_encoder import WordEncoder

ENERGY = "# Énergie\n\nLa ville pose des panneaux solaires. Ils couvrent dix toits.\n"
WATER = "# Eau\n\nUn bassin garde la pluie du village.\n"
QUESTION = {
    "id": "q1",
    "question": "Combien de toits couvrent les panneaux ?",
    "language": "fr",
    "answerable": True,
    "spans": [{"document": "energie", "quote": "Ils couvrent dix toits."}],
    "gold": ["dix"],
    "kind": "fact",
}


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "energie.md").write_text(ENERGY, encoding="utf-8")
    (folder / "eau.md").write_text(WATER, encoding="utf-8")
    (folder / "questions.jsonl").write_text(json.dumps(QUESTION) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "index")


def build(corpus, store, **changes):
    encoder = WordEncoder()
    arguments = {"model": "words", "revision": "1", "max_passage_tokens": 64, **changes}
    return build_index(corpus, store, lambda: encoder, **arguments), encoder


def files(store, build_id):
    folder = store.folder / "builds" / build_id
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_build_is_live_whole_and_searchable(corpus, store):
    report, encoder = build(corpus, store)
    assert (report.documents, report.passages, report.sentences, report.recall) == (2, 2, 3, 1.0)
    assert store.current_id() == report.build_id
    loaded = store.load()
    searcher = Searcher(loaded, encoder)
    hits = searcher.search(*searcher.encode(["bassin de pluie"]))
    assert hits[0].passage.text == "Un bassin garde la pluie du village."
    assert hits[0].rank == 1
    for passage in loaded.passages:
        assert loaded.documents[passage.document_id].text[passage.start : passage.end] == passage.text
        assert searcher.sentence_vectors(passage).shape == (len(passage.sentences), encoder.dimension)


def test_when_nothing_changed_nothing_is_loaded(corpus, store):
    first, _ = build(corpus, store)
    before = files(store, first.build_id)

    def never():
        raise AssertionError("the encoder was loaded")

    report = build_index(corpus, store, never, model="words", revision="1", max_passage_tokens=64)
    assert report.unchanged
    assert files(store, first.build_id) == before


def test_only_what_changed_is_encoded(corpus, store):
    build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    report, encoder = build(corpus, store)
    assert encoder.encoded == [
        "Eau Un bassin garde la pluie du village. Le fossé est propre.",
        "Le fossé est propre.",
    ]
    assert (report.encoded, report.reused) == (2, 4)


def test_the_same_input_gives_the_same_bytes(corpus, tmp_path):
    first, second = Store(tmp_path / "a"), Store(tmp_path / "b")
    report, _ = build(corpus, first)
    build(corpus, second, full=True)
    assert files(first, report.build_id) == files(second, report.build_id)


@pytest.mark.parametrize("change", [{"revision": "2"}, {"max_passage_tokens": 40}, {"model": "other"}])
def test_another_model_or_splitting_gives_another_build(corpus, store, change):
    first, _ = build(corpus, store)
    second, _ = build(corpus, store, **change)
    assert first.build_id != second.build_id
    assert set(store.build_ids()) == {first.build_id, second.build_id}


@pytest.mark.parametrize("what", ["_code_sha256", "version"])
def test_other_code_or_another_library_gives_another_build(corpus, store, monkeypatch, what):
    first, _ = build(corpus, store)
    assert build(corpus, store)[0].unchanged
    monkeypatch.setattr(f"index.build.{what}", lambda *_: "other")
    second, _ = build(corpus, store)
    assert second.build_id != first.build_id
    assert second.encoded == 0


def test_vectors_made_with_another_prompt_are_not_taken_up(corpus, store, monkeypatch):
    build(corpus, store)
    monkeypatch.setattr(WordEncoder, "prompts", {"query": "", "passage": "passage : "})
    report, _ = build(corpus, store, revision="2")
    assert (report.encoded, report.reused) == (5, 0)


@pytest.mark.parametrize("how", [{}, {"full": True}])
def test_a_build_of_an_earlier_state_of_the_folder_is_the_newest_again(corpus, store, how):
    first, _ = build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    second, _ = build(corpus, store)
    long_ago = datetime.now().timestamp() - 86_400
    os.utime(store.folder / "builds" / first.build_id, (long_ago, long_ago))
    (corpus / "eau.md").write_text(WATER, encoding="utf-8")
    again, _ = build(corpus, store, publish=False, **how)
    assert (again.build_id, again.unchanged, store.current_id()) == (first.build_id, False, second.build_id)
    assert store.build_ids() == (first.build_id, second.build_id), "the newest can be put into service"
    made = store.made(first.build_id)
    assert datetime.now().astimezone() - made < timedelta(hours=1)
    assert again.made == made.isoformat(timespec="seconds")
    assert store.prune(1) == (first.build_id,), "the live one stays"


def test_where_the_folder_is_again_as_what_is_live_the_build_between_is_not_the_newest(corpus, store):
    live, _ = build(corpus, store)
    long_ago = datetime.now().timestamp() - 86_400
    os.utime(store.folder / "builds" / live.build_id, (long_ago, long_ago))
    (corpus / "eau.md").write_text(WATER + "\nLe fossé est propre.\n", encoding="utf-8")
    between, _ = build(corpus, store, publish=False)
    assert store.build_ids() == (between.build_id, live.build_id)
    (corpus / "eau.md").write_text(WATER, encoding="utf-8")
    assert build(corpus, store, publish=False)[0].unchanged
    assert store.build_ids() == (live.build_id, between.build_id)


def test_old_builds_are_pruned_but_never_the_live_one(corpus, store):
    for number in range(4):
        (corpus / "eau.md").write_text(f"{WATER}\nLigne {number} du fichier.\n", encoding="utf-8")
        report, _ = build(corpus, store, keep_builds=2)
    assert len(store.build_ids()) == 2
    assert report.build_id in store.build_ids()


def test_a_build_that_loses_a_document_to_an_unreadable_file_is_not_published(corpus, store):
    live, _ = build(corpus, store)
    (corpus / "eau.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00" + bytes(range(256)) * 10)
    with pytest.raises(RefusedBuild, match=r"eau\.md : ce n’est pas un fichier de texte"):
        build(corpus, store)
    assert store.current_id() == live.build_id
    report, _ = build(corpus, store, publish_anyway=True)
    assert store.current_id() == report.build_id
    assert report.skipped[0].startswith("eau.md")


def test_a_build_that_finds_fewer_gold_quotes_is_not_published(corpus, store):
    live, _ = build(corpus, store)
    (corpus / "energie.md").write_text("# Énergie\n\nLe vent tourne.\n", encoding="utf-8")
    with pytest.raises(
        RefusedBuild, match="le passage de 0\u00a0question de contrôle sur 1, contre 1 pour celle en service"
    ):
        build(corpus, store)
    assert store.current_id() == live.build_id


def test_a_refusal_names_what_came_before_the_passage_of_a_lost_question_and_what_to_do(corpus, store):
    build(corpus, store)
    for number in range(5):
        menu = f"# Page {number}\n\nCombien de toits couvrent les panneaux ? Les panneaux couvrent {number} toits.\n"
        (corpus / f"page {number}.md").write_text(menu, encoding="utf-8")
    with pytest.raises(RefusedBuild) as caught:
        build(corpus, store)
    assert str(caught.value).splitlines() == [
        f"La nouvelle construction {caught.value.report.build_id} est gardée mais pas mise en service : elle retrouve "
        "le passage de 0\u00a0question de contrôle sur 1, contre 1 pour celle en service (aucune perte n’est admise).",
        "- « Combien de toits couvrent les panneaux ? » (q1)",
        "  avant : passage retrouvé",
        "  maintenant : passage pas retrouvé",
        "  passé devant : page 0.md (document nouveau), « Combien de toits couvrent les panneaux ? Les panneaux "
        "couvrent 0 toits. »",
        "  et 4 autre(s) document(s) nouveau(x) ou modifié(s)",
        "Que faire, au choix :",
        "- corriger ou retirer page 0.md, qui est passé devant (« loos remove 'page 0.md' »), puis « loos build » ;",
        "- si la question n’est plus juste, ou si une autre phrase y répond aussi bien, la corriger dans "
        "questions.jsonl (son identifiant est entre parenthèses), puis « loos build » ;",
        "- accepter cette perte, et mettre en service quand même.",
        f"Pour la mettre en service quand même : « loos index publish {caught.value.report.build_id} ».",
    ]
    before, after = caught.value.report.live_gold[0], caught.value.report.gold[0]
    assert (len(after.best), before.best != after.best) == (5, True)


def test_a_refusal_says_that_the_answer_to_a_lost_question_is_gone(corpus, store):
    build(corpus, store)
    (corpus / "energie.md").write_text(ENERGY.replace("dix", "onze"), encoding="utf-8")
    with pytest.raises(RefusedBuild, match="la phrase qui y répond n’est plus dans les documents\nQue faire"):
        build(corpus, store)


def test_a_refused_build_is_kept_however_few_are(corpus, store):
    live, _ = build(corpus, store, keep_builds=1)
    (corpus / "energie.md").write_text("# Énergie\n\nLe vent tourne.\n", encoding="utf-8")
    with pytest.raises(RefusedBuild, match="est gardée"):
        build(corpus, store, keep_builds=1)
    assert len(store.build_ids()) == 2
    assert live.build_id in store.build_ids()


def test_a_document_that_gold_questions_name_and_that_is_gone_is_named(corpus, store):
    build(corpus, store)
    (corpus / "energie.md").rename(corpus / "soleil.md")
    with pytest.raises(RefusedBuild, match=r"ne sont plus là : energie\. Si c’est voulu.*questions\.jsonl"):
        build(corpus, store)


FICHE = "# Mare\n\nLa mare est verte.[^a]{} Elle est ronde.[^a]\n\n[^a]: Ville – Page <https://ville.fr/mare>\n"
FICHE_ENTRY = '["mare.md"]\npublisher = "Nous"\nkind = "fiche"\nnote = "Une fiche."\npublished = 2026-01-02\n'


def test_a_build_that_would_quote_a_fiche_without_its_source_is_not_published(corpus, store):
    (corpus / "mare.md").write_text(FICHE.format(""), encoding="utf-8")
    (corpus / "sources.toml").write_text(FICHE_ENTRY, encoding="utf-8")
    live, _ = build(corpus, store)
    (corpus / "mare.md").write_text(FICHE.format(" Elle est froide."), encoding="utf-8")
    with pytest.raises(
        RefusedBuild, match=r"sans leur source\.\n- mare\.md, ligne 3 : phrase sans source : « Elle est froide\. »"
    ):
        build(corpus, store)
    assert store.current_id() == live.build_id
    published, _ = build(corpus, store, publish_anyway=True)
    assert store.current_id() == published.build_id != live.build_id


def test_a_build_whose_words_are_no_longer_the_originals_is_not_published(corpus, store):
    (corpus / "originals").mkdir()
    (corpus / "originals" / "eau.txt").write_text(WATER, encoding="utf-8")
    (corpus / "sources.toml").write_text('["eau.md"]\npublisher = "Ville"\noriginal = "originals/eau.txt"\n')
    (corpus / "eau.md").write_text(WATER + "\nUn ajout.\n", encoding="utf-8")
    with pytest.raises(RefusedBuild, match=r"n’est plus mot à mot celui de originals/eau\.txt"):
        build(corpus, store)
    assert store.current_id() is None


def test_a_build_reports_what_to_mend_in_its_corpus(corpus, store):
    question = {**QUESTION, "spans": [{"document": "energie", "quote": "absente"}], "gold": ["absente"]}
    (corpus / "questions.jsonl").write_text(json.dumps(question) + "\n", encoding="utf-8")
    report, _ = build(corpus, store)
    assert [problem.split(" : ")[0].split(",")[0] for problem in report.problems] == [
        *("eau.md", "energie.md", "questions.jsonl")
    ]


def test_a_build_that_forgets_who_published_a_document_is_not_published(corpus, store):
    (corpus / "sources.toml").write_text('["eau.md"]\npublisher = "Ville"\n', encoding="utf-8")
    live, _ = build(corpus, store)
    (corpus / "sources.toml").unlink()
    with pytest.raises(RefusedBuild, match=r"de qui viennent eau\.md\. Remettez"):
        build(corpus, store)
    assert store.current_id() == live.build_id


def test_an_empty_corpus_leaves_the_live_build(corpus, store):
    live, _ = build(corpus, store)
    (corpus / "eau.md").unlink()
    (corpus / "energie.md").unlink()
    with pytest.raises(EmptyCorpus):
        build(corpus, store)
    assert store.current_id() == live.build_id


def test_every_damaged_file_is_noticed_and_a_rebuild_mends_it(corpus, store):
    report, _ = build(corpus, store)
    folder = store.folder / "builds" / report.build_id
    for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
        path = folder / name
        whole = path.read_bytes()
        for damaged in (whole[: len(whole) // 2], b"", bytes([whole[0] ^ 1]) + whole[1:]):
            path.write_bytes(damaged)
            with pytest.raises((CorruptIndex, ForeignIndex), match="make build"):
                store.load()
        path.unlink()
        with pytest.raises(CorruptIndex, match="make build"):
            store.load()
        assert not build(corpus, store)[0].unchanged
        assert path.read_bytes() == whole
        assert store.problems(report.build_id) == ()


def test_a_file_that_does_not_belong_does_no_harm(corpus, store):
    report, _ = build(corpus, store)
    (store.folder / "builds" / report.build_id / ".DS_Store").write_text("x")
    assert store.problems(report.build_id) == ()


def test_a_manifest_of_another_build_is_refused(corpus, store):
    first, _ = build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nAutre chose arrive.\n", encoding="utf-8")
    second, _ = build(corpus, store)
    folders = store.folder / "builds"
    for name in ("manifest.json", "manifest.sha256"):
        shutil.copy(folders / first.build_id / name, folders / second.build_id / name)
    with pytest.raises(CorruptIndex, match="celui d’une autre construction"):
        store.load()


def test_two_builds_at_once_do_not_meet(corpus, store):
    first, _ = build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nAutre chose arrive.\n", encoding="utf-8")
    with Store(store.folder).lock(), pytest.raises(BusyIndex, match="Attendez qu’elle finisse"):
        build(corpus, store)
    assert store.current_id() == first.build_id
    assert not build(corpus, store)[0].unchanged


class Meanwhile(WordEncoder):
    """Someone does something else while the passages are encoded."""

    def __init__(self, act):
        super().__init__()
        self._act = act

    def read_passages(self, *given):
        self._act()
        return super().read_passages(*given)


@pytest.mark.parametrize("anyway", [False, True])
def test_a_rollback_while_a_build_is_made_works_at_once_and_is_not_undone_by_it(corpus, store, anyway):
    first, _ = build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nUne erreur.\n", encoding="utf-8")
    second, _ = build(corpus, store)
    (corpus / "vent.md").write_text("# Vent\n\nUne éolienne tourne au nord.\n", encoding="utf-8")
    encoder = Meanwhile(Store(store.folder).rollback)
    arguments = {"model": "words", "revision": "1", "max_passage_tokens": 64}
    with pytest.raises(RefusedBuild, match="quelqu’un a changé l’index en service") as caught:
        build_index(corpus, store, lambda: encoder, publish_anyway=anyway, **arguments)
    third = caught.value.report
    assert f"({second.build_id}, puis {first.build_id})" in str(caught.value)
    assert (store.current_id(), third.published) == (first.build_id, False)
    again, encoder = build(corpus, store)
    assert (again.build_id, again.live_id, again.published) == (third.build_id, first.build_id, True)
    assert (encoder.encoded, again.refusals) == ([], ())


@pytest.fixture
def two(corpus, store):
    """A build that answers the gold question, and one that came after it and does not; the first is live."""
    first, _ = build(corpus, store)
    (corpus / "energie.md").write_text("# Énergie\n\nLe vent tourne.\n", encoding="utf-8")
    second, _ = build(corpus, store, publish_anyway=True)
    store.publish(first.build_id)
    (corpus / "vent.md").write_text("# Vent\n\nUne éolienne tourne au nord.\n", encoding="utf-8")
    return first.build_id, second.build_id


def built_while(corpus, store, when_the_model_loads, when_passages_are_read):
    """What becomes of a build during which someone changes what is live, at two moments."""

    def load():
        when_the_model_loads()
        return Meanwhile(when_passages_are_read)

    with pytest.raises(RefusedBuild) as caught:
        build_index(corpus, store, load, model="words", revision="1", max_passage_tokens=64)
    return caught.value.report


def test_a_build_is_compared_with_what_it_replaces_whatever_was_live_for_a_moment(corpus, store, two):
    first, second = two
    other = Store(store.folder)
    report = built_while(corpus, store, lambda: other.publish(second), lambda: other.publish(first))
    assert (report.live_id, store.current_id(), report.published) == (first, first, False)
    assert ["contre 1 pour celle en service" in reason for reason in report.refusals] == [True]


def test_a_build_that_is_refused_after_a_change_was_not_compared_with_what_is_live(corpus, store, two):
    first, second = two
    other = Store(store.folder)
    report = built_while(corpus, store, lambda: other.publish(second), lambda: None)
    assert (report.live_id, store.current_id()) == (first, second)
    assert f"({first}, puis {second}), et elle n’a pas été comparée à celui-ci" in report.refusals[-1]


def test_a_build_that_another_put_live_meanwhile_is_not_refused(corpus, store):
    first, _ = build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nAutre chose arrive.\n", encoding="utf-8")
    kept, _ = build(corpus, store, publish=False)
    encoder = Meanwhile(lambda: Store(store.folder).publish(kept.build_id))
    arguments = {"model": "words", "revision": "1", "max_passage_tokens": 64}
    report = build_index(corpus, store, lambda: encoder, full=True, **arguments)
    assert (report.build_id, report.published, report.refusals) == (kept.build_id, True, ())
    assert [was.build_id for was in store.history()] == [first.build_id, kept.build_id]


@pytest.mark.parametrize("step", ["index.build._compared", "index.build._decided"])
def test_a_finished_build_is_not_made_again_where_someone_else_changes_what_is_live(corpus, store, monkeypatch, step):
    """Before the decision, the build is kept for the next one; after it, only old builds stay."""
    build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nAutre chose arrive.\n", encoding="utf-8")
    monkeypatch.setattr("index.store._LIVE_WAIT_S", 0.1)
    package, _, name = step.rpartition(".")
    work = getattr(import_module(package), name)
    with ExitStack() as other:

        def then_held(*given, **options):
            done = work(*given, **options)
            other.enter_context(Store(store.folder).live_lock())
            return done

        with monkeypatch.context() as patched, ExitStack() as expected:
            patched.setattr(step, then_held)
            if name == "_compared":
                expected.enter_context(pytest.raises(BusyIndex, match="change en ce moment"))
            report, _ = build(corpus, store, keep_builds=1)
            assert (report.published, report.build_id) == (True, store.current_id())
            assert len(store.build_ids()) == 2
    again, encoder = build(corpus, store)
    assert (again.published, encoder.encoded) == (True, [])
    assert again.unchanged == (name == "_decided")


def test_what_killed_builds_left_behind_is_cleared(corpus, store):
    build(corpus, store)
    draft = store.folder / "builds" / ".abc-1234"
    draft.mkdir()
    (draft / "passages.npy").write_bytes(b"half")
    (store.folder / ".current-xyz").write_text("abc")
    (corpus / ".vent.md.123.tmp").write_text("# Vent")
    assert len(store.build_ids()) == 1
    (corpus / "questions.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(InvalidGold):  # before it needs the place, whatever becomes of the build
        build(corpus, store, full=True)
    assert not draft.exists()
    assert not (store.folder / ".current-xyz").exists()
    assert not (corpus / ".vent.md.123.tmp").exists()


def test_a_damaged_pointer_to_the_live_build_is_mended_by_a_build(corpus, store):
    report, _ = build(corpus, store)
    (store.folder / "current").write_bytes(b"\xff\xfe")
    with pytest.raises(CorruptIndex, match="make build"):
        store.load()
    build(corpus, store)
    assert store.load().manifest.build_id == report.build_id


def test_another_model_does_not_hide_that_a_document_would_be_lost(corpus, store):
    live, _ = build(corpus, store)
    (corpus / "eau.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00" + bytes(range(256)) * 10)
    with pytest.raises(RefusedBuild, match=r"eau\.md"):
        build(corpus, store, revision="2")
    assert store.current_id() == live.build_id


def test_a_corpus_of_stop_words_is_explained(corpus, store):
    (corpus / "eau.md").unlink()
    (corpus / "energie.md").unlink()
    (corpus / "et.md").write_text("Et de la.\n", encoding="utf-8")
    (corpus / "questions.jsonl").unlink()
    with pytest.raises(IndexStoreError, match="Aucun mot à indexer"):
        build(corpus, store)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "ligne 1 : ce n’est pas du JSON valide"),
        ("{}", "ligne 1 : « id » manque"),
        (json.dumps(QUESTION | {"genre": "x"}), "ligne 1 : « genre » est inconnu"),
        (json.dumps(QUESTION | {"kind": "x"}), "ligne 1 : « kind » vaut 'x'"),
        (json.dumps(QUESTION) + "\n" + json.dumps(QUESTION), "ligne 2 : l’identifiant « q1 » sert déjà"),
    ],
)
def test_a_wrong_gold_question_is_explained(corpus, store, line, message):
    (corpus / "questions.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InvalidGold) as caught:
        build(corpus, store)
    assert message in str(caught.value)


def test_a_quote_that_is_not_in_its_document_is_never_served(corpus, store):
    report, _ = build(corpus, store)
    folder = store.folder / "builds" / report.build_id
    documents = (folder / "documents.json").read_bytes().replace(b"pluie", b"neige")
    (folder / "documents.json").write_bytes(documents)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    import hashlib

    manifest["files"]["documents.json"] = hashlib.sha256(documents).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "manifest.sha256").write_text(hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest())
    with pytest.raises(CorruptIndex, match="ne correspond plus à son document"):
        store.load()


def test_foreign_missing_and_unknown_builds_are_refused(corpus, store):
    with pytest.raises(MissingIndex, match="make build"):
        store.load()
    report, _ = build(corpus, store)
    with pytest.raises(ForeignIndex, match="« words », attendu « embedded »"):
        store.load(model="embedded")
    with pytest.raises(ForeignIndex, match="make build"):
        store.load(model="words", revision="2")
    with pytest.raises(UnknownBuild, match=report.build_id):
        store.load("abc")
    path = store.folder / "builds" / report.build_id / "manifest.json"
    path.write_text(re.sub(r'"schema": ?\d+', '"schema": 99', path.read_text()))
    with pytest.raises(ForeignIndex, match="format 99"):
        store.load()
    shutil.rmtree(path.parent)
    with pytest.raises(CorruptIndex, match="a disparu"):
        store.load()


def test_a_crash_before_the_rename_leaves_the_live_build(corpus, store, monkeypatch):
    live, _ = build(corpus, store)
    (corpus / "eau.md").write_text(WATER + "\nAutre chose arrive.\n", encoding="utf-8")

    def crash(self, draft, build_id):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "_put_in_place", crash)
        with pytest.raises(
            UnwritableIndex, match=r"il n’y a plus de place sur le disque\. L’index en service n’a pas changé"
        ):
            build(corpus, store)
    assert store.current_id() == live.build_id
    assert store.load().manifest.build_id == live.build_id
    assert store.build_ids() == (live.build_id,)
    assert build(corpus, store)[0].unchanged is False
