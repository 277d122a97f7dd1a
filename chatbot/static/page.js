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

  // A question that got no reply stands in the box again, and can be sent at a press.
  const notice = element("p", { class: "notice", id: "interrupted" });
  const again = element("button", { type: "button" }, words.tryAgain);

  function offerAgain(question, why) {
    const box = $("#question textarea");
    notice.replaceChildren(`${why} `, again);
    $("#question").prepend(notice);
    box.value = question;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    status.textContent = why;
    history.replaceState({ ...history.state, lost: question }, ""); // for the page after a reload, Gradio's or ours
  }

  // After its connection broke, Gradio's script hears no reply any more: only a new page does, once there is a service to give it.
  async function retry() {
    const isBack = await fetch("/api/health").then((answer) => answer.ok, () => false);
    if (!isBack) {
      notice.replaceChildren(`${words.connectionLost} `, again);
      again.focus();
      status.textContent = "";
      window.setTimeout(() => (status.textContent = words.connectionLost), 100); // said again, though it is the same
      return;
    }
    history.replaceState({ lost: $("#question textarea").value, again: true }, "");
    window.location.reload();
  }

  function recover() {
    const { lost, again } = history.state || {};
    if (!lost) return;
    offerAgain(lost, words.interrupted);
    if (again) window.setTimeout(() => $("#send").click(), 800); // Gradio does not listen yet
  }

  // The conversation changes with each sentence: read out what is final, once, instead of every change.
  const status = element("div", { role: "status", class: "unseen" });
  let said = null;
  let asked = "";
  let opened = false;
  let chosen = false;
  let pressed = 0;
  let wasOnStop = false;

  function begin() {
    const box = $("#question textarea");
    if (opened || !box) return;
    opened = true;
    $(".skip").href = "#question"; // without scripts, the plain form's box
    count(box);
    recover();
    if (!framed) box.focus({ preventScroll: true });
  }

  // A question chosen further down the page: bring it, and so its answer, to the top of the window. Room for the answer is
  // made at once, so that nothing below moves when it comes.
  function follow() {
    const question = all("#conversation [data-testid=user]").pop();
    const id = question ? $(".asked", question)?.id : "";
    if (id && id !== asked) {
      const top = question.getBoundingClientRect().top;
      const log = $("#conversation .message-wrap");
      log.style.minHeight = `calc(${top - log.getBoundingClientRect().top}px + 85dvh)`;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (top < 0 || top > window.innerHeight / 3) {
        window.scrollBy({ top: top - 16, behavior: calm ? "auto" : "smooth" });
      }
      if (chosen) {
        // What was pressed may be gone, and the focus with it.
        set(question, "tabindex", "-1");
        question.focus({ preventScroll: true });
      }
      chosen = false;
    }
    asked = id;
  }

  let givenUp = null; // what was waiting when the connection broke

  function isWaiting() {
    return said?.matches(".waiting") && said !== givenUp;
  }

  function giveBack(why) {
    const box = $("#question textarea");
    const waiting = isWaiting() ? all("#conversation .asked").pop()?.textContent : "";
    givenUp = said;
    pressed = 0;
    if (box.value || waiting) offerAgain(box.value || waiting, why);
    else status.textContent = why;
  }

  // A reply that broke off: Gradio says « Error » over every part of the page.
  function hasBroken() {
    return isWaiting() && $(".gradio-container [data-testid=status-tracker] .error");
  }

  function mend() {
    begin();
    follow();
    for (const landmark of all("#conversation .placeholder-content")) set(landmark, "role", "none");
    // Gradio names the box by its label and hint together.
    const area = $("#question textarea");
    const hint = $("#question [data-testid=block-info] + div");
    if (area && hint) {
      hint.id = "question-hint";
      set(area, "aria-label", words.question);
      set(area, "aria-describedby", "question-hint");
    }
    for (const log of all("#conversation [role=log]")) {
      set(log, "aria-live", "off");
      set(log, "aria-label", words.conversation);
    }
    // Gradio labels each message with its HTML source.
    for (const message of all("#conversation [data-testid=user], #conversation [data-testid=bot]")) {
      set(message, "role", "group");
      set(message, "aria-label", message.dataset.testid === "user" ? words.question : words.reply);
    }
    // Gradio's own warnings are in English alone.
    for (const warning of all("[data-testid=toast-text]")) {
      if ([words.queueFull, words.connectionLost, words.failed].includes(warning.textContent)) continue;
      const isLost = /connection|network|server/i.test(warning.textContent);
      warning.textContent = /queue/i.test(warning.textContent) ? words.queueFull : isLost ? words.connectionLost : words.failed;
      giveBack(warning.textContent);
    }
    if (hasBroken()) giveBack(words.connectionLost);
    for (const button of all("[data-testid=toast-close], .toast-header")) set(button, "aria-label", words.close);
    const replies = all("#conversation [data-testid=bot]");
    const last = replies.length ? $(".waiting, .notice, .reply:not(.growing) .said", replies[replies.length - 1]) : null;
    if (last !== said && (last || !replies.length)) {
      said = last;
      status.textContent = last ? last.textContent : words.begun;
      pressed = 0;
      const box = $("#question textarea");
      if (box) count(box);
      if (wasOnStop && document.activeElement === document.body) box.focus({ preventScroll: true });
    }
  }

  // One question at a time: a second one, sent before the reply, would cross the first.
  const ASKS = "#send, #themes button, #conversation .option";

  function ask(event) {
    const isSent = event.type === "keydown" && event.key === "Enter" && !event.shiftKey && !event.isComposing;
    const source = isSent ? event.target.closest("#question textarea") : event.type === "click" && event.target.closest(ASKS);
    if (!source) return;
    if (isWaiting() || Date.now() - pressed < 1000) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    notice.remove();
    if (history.state?.lost) history.replaceState(null, "");
    chosen = source.matches("#themes button, #conversation .option");
    const typed = $("#question textarea").value;
    if (!chosen && (!typed.trim() || [...typed].length > words.limit)) return; // the reply says so, maybe as before
    const now = (pressed = Date.now());
    window.setTimeout(() => {
      if (pressed === now) status.textContent = counter.textContent = words.queued;
    }, 1500);
  }

  // How many characters are left, shown when few are, and said when that changes for good or ill.
  const counter = element("p", { class: "count" });

  function count(box, isTyping = false) {
    if (!counter.isConnected) $("#question").append(counter);
    const left = Number(words.limit) - [...box.value].length; // as Python counts
    const isOver = left < 0;
    const text = isOver ? fill(words.charactersTooMany, { count: -left }) : left <= 100 ? fill(words.charactersLeft, { count: left }) : "";
    const hasChanged = Boolean(text) !== Boolean(counter.textContent) || isOver !== counter.classList.contains("over");
    if (isTyping && hasChanged) status.textContent = text;
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
    opener = link;
    // The browser's way back closes the passage, and does not leave the page.
    if (panel.hidden && !framed) history.pushState({ passage: true }, "");
    show(true);
  }

  async function show(isOpening) {
    const address = new URL(addresses[at]);
    const asked = at;
    number.textContent = fill(words.passageNumber, { number: at + 1, count: addresses.length });
    set(previous, "aria-disabled", String(at === 0)); // not « disabled », which would drop the focus
    set(next, "aria-disabled", String(at === addresses.length - 1));
    panel.hidden = false;
    for (const mark of all("#conversation .cite[aria-expanded]")) mark.removeAttribute("aria-expanded");
    const mark = all(".cite", opener.closest(".reply")).find((cite) => cite.href === address.href);
    if (mark) {
      set(mark, "aria-expanded", "true");
      opener = mark; // what the focus comes back to
    }
    let html = "";
    try {
      const answer = await fetch(`${address.pathname}/passage${address.search}`);
      if (!answer.ok) throw new Error(String(answer.status));
      html = await answer.text();
    } catch {
      html = "";
    }
    if (panel.hidden || asked !== at) return; // closed, or turned on, in the meantime
    if (html) {
      content.innerHTML = html; // our own page's part, its text escaped
    } else {
      const why = element("p", {}, `${words.passageFailed} `);
      why.append(element("a", { href: address.href }, address.pathname));
      content.replaceChildren(why);
    }
    const quote = $("mark", content);
    quote?.scrollIntoView({ block: "center" });
    if (isOpening) (quote || close).focus({ preventScroll: true });
    else status.textContent = `${number.textContent}. ${quote ? quote.textContent : ""}`;
  }

  function shut() {
    if (panel.hidden) return;
    if (history.state?.passage) history.back();
    panel.hidden = true;
    content.replaceChildren();
    for (const mark of all("#conversation .cite[aria-expanded]")) mark.removeAttribute("aria-expanded");
    if (opener?.isConnected) opener.focus();
    opener = null;
  }

  function turn(step) {
    const to = at + step;
    if (to < 0 || to >= addresses.length) return;
    at = to;
    show(false);
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
    const fields = $("fieldset", form);
    fields.disabled = true;
    const sent = await fetch(form.action, { method: "POST", body: opinion }).catch(() => null);
    fields.disabled = false;
    const text = sent?.ok ? words.feedbackThanks : words.feedbackFailed;
    const notice = element("p", { class: "notice", tabindex: "-1", lang: language }, text);
    $(".notice", form)?.remove();
    if (sent?.ok) form.replaceWith(notice);
    else form.append(notice);
    notice.focus();
  }

  again.addEventListener("click", () => (givenUp ? retry() : $("#send").click()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#clear")) return;
    shut();
    if (!framed) $("#question textarea").focus();
  });
  document.addEventListener("click", ask, true);
  document.addEventListener("keydown", ask, true);
  document.addEventListener("focusin", (event) => (wasOnStop = event.target.id === "stop"));
  document.addEventListener("click", openPassage);
  document.addEventListener("submit", sendOpinion);
  document.addEventListener("input", (event) => event.target.matches("#question textarea") && count(event.target, true));
  document.addEventListener("keydown", (event) => event.key === "Escape" && shut());
  window.addEventListener("popstate", shut);
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
