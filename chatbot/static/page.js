// What the page does beside Gradio's own script, and what that script's settings do not reach.
(() => {
  "use strict";
  const words = document.currentScript.dataset;
  const language = document.documentElement.lang;

  // Gradio words its interface, and sets <html lang>, from the browser's languages.
  for (const [name, value] of Object.entries({ language, languages: [language] })) {
    Object.defineProperty(navigator, name, { get: () => value });
  }

  // In a frame, taking the focus or letting the browser scroll would move the page around it.
  const framed = window.top !== window;
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  function element(tag, attributes, text = "") {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  function set(target, name, value) {
    if (target.getAttribute(name) !== value) target.setAttribute(name, value);
  }

  // The conversation changes with each sentence: read out what is final, once, instead of every change.
  const status = element("div", { role: "status", class: "unseen" });
  let said = null;
  let asked = 0;
  let opened = false;
  let chosen = false;
  let busy = 0;

  function begin() {
    const box = $("#question textarea");
    if (opened || !box) return;
    opened = true;
    count(box);
    if (!framed) box.focus({ preventScroll: true });
  }

  // A question chosen further down the page: bring it, and so its answer, to the top of the window.
  function follow() {
    const questions = all("#conversation [data-testid=user]");
    if (questions.length > asked) {
      const question = questions[questions.length - 1];
      const top = question.getBoundingClientRect().top;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (top < 0 || top > window.innerHeight / 2) {
        window.scrollBy({ top: top - 16, behavior: calm ? "auto" : "smooth" });
      }
      if (chosen) {
        // What was pressed may be gone, and the focus with it.
        set(question, "tabindex", "-1");
        question.focus({ preventScroll: true });
      }
      chosen = false;
    }
    asked = questions.length;
  }

  function mend() {
    begin();
    follow();
    for (const log of all("#conversation [role=log]")) {
      set(log, "aria-live", "off");
      set(log, "aria-label", words.conversation);
    }
    // Gradio labels each message with its HTML source.
    for (const message of all("#conversation [data-testid=user], #conversation [data-testid=bot]")) {
      set(message, "role", "group");
      set(message, "aria-label", message.dataset.testid === "user" ? words.question : words.reply);
    }
    // Gradio's own warnings are in English alone: all that a page like this one gets is that the service is gone.
    for (const warning of all("[data-testid=toast-text]")) {
      if (warning.textContent !== words.connectionLost) warning.textContent = words.connectionLost;
    }
    for (const button of all("[data-testid=toast-close], .toast-header")) set(button, "aria-label", words.close);
    const replies = all("#conversation [data-testid=bot]");
    const last = replies.length ? $(".waiting, .notice, .reply:not(.growing) .said", replies[replies.length - 1]) : null;
    if (last !== said && (last || !replies.length)) {
      said = last;
      status.textContent = last ? last.textContent : "";
      if (!last || !last.matches(".waiting")) busy = 0;
    }
  }

  // One question at a time: a second one, sent before the reply, would cross the first.
  const ASKS = "#send, #themes button, #conversation .option";

  function ask(event) {
    const isSent = event.type === "keydown" && event.key === "Enter" && !event.shiftKey && !event.isComposing;
    const source = isSent ? event.target.closest("#question textarea") : event.type === "click" && event.target.closest(ASKS);
    if (!source) return;
    if (busy) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    const now = (busy = Date.now());
    chosen = source.matches("#themes button, #conversation .option");
    window.setTimeout(() => {
      if (busy === now && said === null) status.textContent = words.queued;
    }, 1500);
    window.setTimeout(() => {
      if (busy === now) busy = 0; // whatever became of it
    }, 15000);
  }

  // How many characters are left, shown when few are, and said when that changes for good or ill.
  const counter = element("p", { class: "count" });

  function count(box) {
    if (!counter.isConnected) $("#question").append(counter);
    const left = Number(words.limit) - box.value.length;
    const isOver = left < 0;
    const text = isOver ? fill(words.charactersTooMany, { count: -left }) : left <= 100 ? fill(words.charactersLeft, { count: left }) : "";
    if (Boolean(text) !== Boolean(counter.textContent) || isOver !== counter.classList.contains("over")) status.textContent = text;
    counter.textContent = text;
    counter.classList.toggle("over", isOver);
    set(box, "aria-invalid", String(isOver));
  }

  // The passage that a citation quotes, beside the conversation.
  const panel = element("aside", { id: "passage", "aria-label": words.passage, hidden: "" });
  const bar = element("div", { class: "bar" });
  const number = element("p", { class: "number" });
  const previous = element("button", { type: "button", "aria-label": words.previousQuote, title: words.previousQuote }, "‹");
  const next = element("button", { type: "button", "aria-label": words.nextQuote, title: words.nextQuote }, "›");
  const close = element("button", { type: "button" }, words.close);
  const content = element("div", {});
  let opener = null;
  let addresses = [];
  let at = 0;

  function openFrom(link) {
    const reply = link.closest(".reply");
    addresses = all(".places .links a:first-child", reply).map((place) => place.href);
    at = Math.max(0, addresses.indexOf(link.href));
    opener?.removeAttribute("aria-expanded");
    opener = link;
    if (link.matches(".cite")) set(link, "aria-expanded", "true");
    show();
  }

  async function show() {
    const address = new URL(addresses[at]);
    number.textContent = fill(words.passageNumber, { number: at + 1, count: addresses.length });
    previous.disabled = at === 0;
    next.disabled = at === addresses.length - 1;
    panel.hidden = false;
    try {
      const answer = await fetch(`${address.pathname}/passage${address.search}`);
      if (!answer.ok) throw new Error(String(answer.status));
      content.innerHTML = await answer.text(); // our own page's part, its text escaped
    } catch {
      const why = element("p", {}, `${words.passageFailed} `);
      why.append(element("a", { href: address.href }, address.pathname));
      content.replaceChildren(why);
    }
    const quote = $("mark", content);
    if (quote) {
      quote.scrollIntoView({ block: "center" });
      quote.focus({ preventScroll: true });
    } else {
      close.focus();
    }
  }

  function shut() {
    if (panel.hidden) return;
    panel.hidden = true;
    content.replaceChildren();
    opener?.removeAttribute("aria-expanded");
    if (opener?.isConnected) opener.focus();
    opener = null;
  }

  function turn(step) {
    const to = at + step;
    if (to < 0 || to >= addresses.length) return;
    at = to;
    show();
  }

  function openPassage(event) {
    const link = event.target.closest("#conversation a.cite, #conversation .places .links a:first-child");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openFrom(link);
  }

  // An opinion is sent without leaving the page.
  async function sendOpinion(event) {
    const form = event.target.closest("form.feedback");
    if (!form) return;
    event.preventDefault();
    const opinion = new URLSearchParams(new FormData(form, event.submitter));
    let text = words.feedbackFailed;
    try {
      if ((await fetch(form.action, { method: "POST", body: opinion })).ok) text = words.feedbackThanks;
    } catch {
      // said below
    }
    const thanks = element("p", { class: "notice", tabindex: "-1" }, text);
    form.replaceWith(thanks);
    thanks.focus();
  }

  document.addEventListener("click", ask, true);
  document.addEventListener("keydown", ask, true);
  document.addEventListener("click", openPassage);
  document.addEventListener("submit", sendOpinion);
  document.addEventListener("input", (event) => event.target.matches("#question textarea") && count(event.target));
  document.addEventListener("keydown", (event) => event.key === "Escape" && shut());
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".skip")) return;
    event.preventDefault();
    $("#question textarea")?.focus();
  });
  previous.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));
  close.addEventListener("click", shut);

  document.addEventListener("DOMContentLoaded", () => {
    bar.append(number, previous, next, close);
    panel.append(bar, content);
    document.body.append(status, panel);
    new MutationObserver(mend).observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-label", "aria-live"] });
  });
})();
