"""What the page shows of a reply, and what is mended in Gradio's page: no words of others may become markup."""

import re
from dataclasses import replace
from html import unescape

import pytest

from chatbot.answer import Abstention, Answer, Citation, Reason, Sentence
from chatbot.markup import feedback_html, permalink, permalink_html, reply_html, text_html
from chatbot.messages import ENGLISH, FRENCH
from chatbot.page import PAGE_PATHS, finish
from ingest import DocumentKind, Reference

NASTY = "<img src=x onerror=alert(1)> *a* _b_ `c` [x](javascript:y) $$z$$ &amp; www.exemple.fr\n\n# Titre\n1. un"


def citation(
    number: int,
    url: str = "https://exemple.fr/page?a=1&b=2",
    kind: DocumentKind = DocumentKind.ORIGINAL,
    references: tuple[Reference, ...] = (),
) -> Citation:
    return Citation(
        number=number,
        document_id="fiche",
        title="Fiche *une*",
        heading_path=("Eau & <air>",),
        quote="Une phrase.",
        start=10,
        end=21,
        url=url,
        deep_link="/sources/fiche?quote=10-21&v=00000000#p-10",
        page=None,
        publisher="Ville",
        published="2024-03-01",
        kind=kind,
        references=references,
    )


ANSWER = Answer(
    understood=None,
    question="?",
    language="fr",
    sentences=(Sentence("Une phrase.", (1,)), Sentence("Une <autre>.", (2,))),
    citations=(citation(1), citation(2, url="javascript:alert(1)")),
    hits=(),
    confidence=0.9,
    timings_ms={},
    build_id="b",
)
ABSTENTION = Abstention(
    understood=None,
    question="?",
    language="fr",
    reason=Reason.NOT_IN_CORPUS,
    text="Rien trouvé. Voyez : Mairie, https://exemple.fr/contact.",
    nearest=(citation(1),),
    suggestions=("Quand ?",),
    confidence=0.1,
    timings_ms={},
    build_id="b",
)


def test_a_text_keeps_every_character_and_nothing_in_it_is_markup() -> None:
    html = text_html(NASTY)
    assert unescape(html) == NASTY
    assert re.fullmatch(r"(?:[\w ]|&#\d+;)*", html), "only letters, digits, spaces and character references"


def test_an_answer_is_one_line_with_a_mark_after_each_sentence() -> None:
    html = reply_html(ANSWER)
    assert "\n" not in html
    assert re.findall(r"\[(\d)\]", unescape(html)) == ["1", "2"]
    assert html.index("Une phrase") < html.index("&#91;1&#93;") < html.index("autre") < html.index("&#91;2&#93;")
    assert 'class="cite" href="/sources/fiche?quote=10-21&amp;v=00000000#p-10"' in html
    assert "Une <autre>." in unescape(html)
    assert "<autre" not in html


def test_the_sources_of_an_answer_say_where_who_and_when() -> None:
    html = unescape(reply_html(ANSWER))
    assert html.count("<li>") == 2
    assert "Fiche *une*" in html
    assert "› Eau & <air>" in html
    assert "Texte original : Ville, 1er mars 2024" in html
    assert html.count("Lire dans son contexte") == 2
    assert html.count("Page d’origine") == 1, "an address that is not one of the web is no link"
    assert "javascript:" not in html


def test_a_fiche_is_told_from_an_original_and_names_what_each_quote_rests_on() -> None:
    references = (Reference("ADEME <b>", "Titre *un*", "https://ademe.fr/?a=1&b=2"), Reference("", "", "javascript:x"))
    answer = replace(ANSWER, citations=(citation(1, kind=DocumentKind.FICHE, references=references), citation(2)))
    html = reply_html(answer)
    shown = unescape(html)
    assert "Fiche de ce service, 1er mars 2024" in shown
    assert shown.count("Texte original : Ville") == 1
    assert shown.count("D’après") == 1
    assert "ADEME <b> – <a" in shown
    assert 'href="https://ademe.fr/?a=1&amp;b=2">Titre &#42;un&#42;</a>' in html
    assert 'href="javascript' not in html
    assert "<b>" not in html


def test_the_page_of_a_paged_source_is_shown() -> None:
    html = unescape(reply_html(replace(ANSWER, citations=(replace(citation(1), page=12), citation(2)))))
    assert html.count("page 12") == 1
    assert "page None" not in html


def test_a_growing_answer_has_no_sources_yet() -> None:
    html = reply_html(ANSWER, 1)
    assert "growing" in html
    assert "autre" not in html
    assert "<ol" not in html


def test_an_abstention_shows_what_is_nearest_and_links_the_contact() -> None:
    html = reply_html(ABSTENTION)
    assert '<a href="https://exemple.fr/contact">' in html
    assert "Ce qui s’en approche le plus" in html
    assert "Les documents répondent à ces questions" in html
    assert unescape(re.sub("<[^>]*>", "", html)).startswith("Rien trouvé. Voyez : Mairie, https://exemple.fr/contact.")


def test_an_answer_to_a_question_in_english_speaks_english_around_french_quotes() -> None:
    english = Answer("?", None, "en", ANSWER.sentences, ANSWER.citations, (), 0.9, {}, "b")
    html = unescape(reply_html(english))
    assert '<div class="reply" lang="en"><div class="said"><blockquote><p class="answer" lang="fr">' in html
    assert 'href="/sources/fiche?quote=10-21&v=00000000&lang=en#p-10"' in html
    assert "Read in context" in html
    assert "1 March 2024" in html


def test_the_page_of_gradio_is_put_in_order() -> None:
    html = finish(
        '<html\n\tlang="en">\n<head>\n<meta property="og:url" content="https://gradio.app/" />\n'
        '<meta\n\tname="twitter:image"\n\tcontent="https://exemple.com/x.jpg"\n/>\n<script>a</script></head>'
        '<body style="margin: 0"><script type="module" src="./a.js"></script></body></html>',
        "abc",
        FRENCH,
        1000,
        ("Et <l’eau> ?",),
    )
    assert 'lang="fr"' in html
    assert "gradio.app" not in html
    assert "exemple.com" not in html
    assert html.count("<script") == html.count('<script nonce="abc"') == 3
    assert html.index("<body") < html.index("<header") < html.index("<h1>") < html.index("<noscript>")
    assert '<form class="question" action="/ask"' in html
    assert "Et &lt;l’eau&gt; ?</a>" in html
    assert html.index("a.js") < html.index("<footer")
    english = finish('<html lang="en"><head></head><body></body></html>', "abc", ENGLISH, 1000)
    assert 'lang="en"' in english
    assert ENGLISH.page_title in english


def test_a_reply_has_a_page_of_its_own_unless_nothing_was_asked_of_the_documents() -> None:
    assert permalink(replace(ANSWER, question="Où & quand ?")) == "/ask?q=O%C3%B9+%26+quand+%3F&build=b"
    assert permalink(replace(ANSWER, understood="Qui ?")) == "/ask?q=Qui+%3F&build=b", "a link stands alone"
    assert permalink(replace(ANSWER, language="en")).endswith("&lang=en")
    assert permalink(ABSTENTION)
    assert permalink(replace(ABSTENTION, reason=Reason.GREETING)) == ""
    assert permalink_html(replace(ABSTENTION, reason=Reason.GREETING)) == ""


def test_an_opinion_is_asked_for_only_where_it_is_kept() -> None:
    assert feedback_html(ANSWER, 0) == ""
    assert feedback_html(replace(ABSTENTION, reason=Reason.THANKS), 30) == ""
    html = feedback_html(replace(ANSWER, question='"><script>'), 30)
    assert "\n" not in html
    assert "<script" not in html
    assert "30 jours" in unescape(html)
    assert re.findall(r'type="submit"( disabled)?', html) == [" disabled", "", ""], "Enter says neither yes nor no"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/config", "/theme.css", "/assets/index-DphvyggB.js", "/static/js/iframeResizer.contentWindow.min.js"),
        *("/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/heartbeat/abc123", "/gradio_api/cancel"),
        "/gradio_api/reset",
        *("/en/gradio_api/queue/join", "/en/theme.css", "/en/static/js/iframeResizer.contentWindow.min.js"),
    ],
)
def test_what_the_page_needs_of_gradio_is_open(path: str) -> None:
    assert PAGE_PATHS.fullmatch(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://x", "/gradio_api/info"),
        *("/gradio_api/call/respond", "/gradio_api/run/predict", "/gradio_api/api/predict", "/gradio_api/stream/x"),
        *("/gradio_api/openapi.json", "/gradio_api/deep_link", "/gradio_api/component_server", "/login", "/monitoring"),
        *("/en", "/en/", "/en/config", "/en/gradio_api/upload", "/en/gradio_api/file=/etc/passwd"),
        *("/svelte/x", "/file=/etc/passwd", "/api/ask", "/sources/x", "/static/page.css", "/robots.txt", "//", ""),
    ],
)
def test_all_else_of_gradio_is_closed(path: str) -> None:
    assert not PAGE_PATHS.fullmatch(path)


def test_a_list_is_shown_as_a_list() -> None:
    listed = (Sentence("Deux piliers :", (1,)), Sentence("la mémoire ;", (1,), True), Sentence("l’avenir.", (1,), True))
    html = unescape(reply_html(replace(ANSWER, sentences=listed, citations=(citation(1),))))
    assert re.search(
        r'<p class="answer" lang="fr">Deux piliers : .*</p><ul class="answer" lang="fr"><li>la mémoire', html
    )
    assert html.count("<li>l") == 2
    assert replace(ANSWER, sentences=listed).text == "Deux piliers : [1]\n- la mémoire ; [1]\n- l’avenir. [1]"


def test_what_was_understood_stands_before_the_reply() -> None:
    html = unescape(reply_html(replace(ANSWER, understood="Et <l’eau> ?")))
    assert '<p class="understood">Compris comme\u00a0: «\u00a0Et <l’eau> ?\u00a0»</p>' in html
    assert html.index("Compris comme") < html.index("Une phrase")
    assert "understood" not in reply_html(ANSWER)


def test_a_partial_answer_shows_the_quote_that_comes_close_and_what_it_rests_on() -> None:
    near = replace(
        ABSTENTION,
        reason=Reason.NOT_SAID,
        nearest=(citation(1, references=(Reference("Ville", "Bilan", "https://exemple.fr/b"),)),),
    )
    html = unescape(reply_html(near))
    assert "Voir aussi" in html
    assert f'<q class="quote" lang="fr">{near.nearest[0].quote}</q>' in html
    assert "D’après" in html
    assert "<q" in reply_html(ABSTENTION), "what is nearest is quoted too"
    assert "<q" not in reply_html(ANSWER), "an answer holds its quotes already"


def test_the_words_that_answer_are_stressed_and_stay_text():
    quote = "C’est <1901> & rien."
    cited = replace(citation(1), quote=quote, start=10, end=30, answer=(16, 22))
    answer = replace(ANSWER, sentences=(Sentence(quote, (1,)),), citations=(cited,))
    assert f"{text_html('C’est ')}<strong>{text_html('<1901>')}</strong>" in reply_html(answer)
    outside = replace(answer, citations=(replace(cited, answer=(40, 44)),))
    assert "<strong>" not in reply_html(outside)
