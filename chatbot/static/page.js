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
  // Where a finger touches the page, a focus would bring the keyboard over it, and no key is spoken of.
  const isTouched = window.matchMedia("(hover: none)").matches;
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

  // A question that got no reply: it stands in the box again, and can be asked again at a press.
  const notice = element("p", { class: "notice", id: "interrupted" });
  const retryButton = element("button", { type: "button" }, words.tryAgain);
  let pending = ""; // the question that has no reply yet
  let isBroken = false; // Gradio's script hears nothing any more: only a new page does

  function giveBack(why) {
    const question = pending || box().value;
    pending = "";
    notice.replaceChildren(`${why} `, ...(question ? [retryButton] : []));
    $("#question").prepend(notice);
    fillBox(question);
    say(why);
    if (isBroken) remember(question);
  }

  function fillBox(text) {
    box().value = text;
    box().dispatchEvent(new Event("input", { bubbles: true }));
  }

  // In the window's history: for the page after a reload, which Gradio makes once the service is back, or we do.
  function remember(question, isToAsk = false) {
    history.replaceState({ ...history.state, lost: question, isToAsk }, "");
  }

  function forget() {
    if (!history.state?.lost) return;
    const { lost, isToAsk, ...others } = history.state;
    history.replaceState(others, "");
  }

  async function retry() {
    if (!isBroken) {
      $("#send").click();
      return;
    }
    const health = fetch("/api/health", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (await health.then((answer) => answer.ok, () => false)) {
      remember(box().value, true);
      window.location.reload();
    } else {
      notice.replaceChildren(`${words.connectionLost} `, retryButton);
      retryButton.focus();
      say(words.connectionLost);
    }
  }

  function recover() {
    const { lost, isToAsk } = history.state || {};
    if (!lost) return;
    fillBox(lost);
    if (isToAsk) {
      askAgain();
      return;
    }
    giveBack(words.interrupted);
    forget();
  }

  // Gradio's button may not be there yet, or not listen: press until something was sent.
  function askAgain(tries = 12) {
    const isSent = performance.getEntriesByType("resource").some((entry) => entry.name.includes("/queue/join"));
    if (isSent || !tries) return;
    pending = "";
    $("#send")?.click();
    window.setTimeout(() => askAgain(tries - 1), 800);
  }

  // What broke off: Gradio warns, in English, or only says « Error » over every part of the page.
  function hearTroubles() {
    for (const warning of all("[data-testid=toast-text]:not([data-heard])")) {
      warning.dataset.heard = "";
      const text = warning.textContent;
      const isFull = /queue|busy/i.test(text);
      isBroken = isBroken || (!isFull && /connection|network|server/i.test(text));
      giveBack(isFull ? words.queueFull : isBroken ? words.connectionLost : words.failed);
    }
    const lost = pending;
    const hasError = () => pending && pending === lost && $(".gradio-container [data-testid=status-tracker] .error");
    if (!hasError()) return;
    window.setTimeout(() => {
      if (!hasError()) return; // a warning, or a reply, came meanwhile
      isBroken = true;
      giveBack(words.connectionLost);
    }, 300);
  }

  // What is said to those who hear the page; the same again counts as new.
  const status = element("div", { role: "status", class: "unseen" });

  function say(...parts) {
    const texts = parts.map((part) => (typeof part === "string" ? element("p", { lang: language }, part) : part));
    if (status.textContent === texts.map((part) => part.textContent).join("")) status.replaceChildren();
    window.setTimeout(() => status.replaceChildren(...texts), status.textContent ? 0 : 50);
  }

  // The conversation changes with each sentence: read out what is final, once, instead of every change.
  let said = null;
  let asked = 0; // the number of the newest question that was brought into view
  let opened = false;
  let chosen = false;
  let wasOnStop = false;
  const box = () => $("#question textarea");

  function begin() {
    if (opened || !box()) return;
    opened = true;
    $(".skip").href = "#question"; // without scripts, the plain form's box
    count();
    recover();
    new ResizeObserver(([composer]) => {
      document.documentElement.style.setProperty("--composer", `${Math.ceil(composer.borderBoxSize[0].blockSize)}px`);
    }).observe($("#composer"));
    if (!framed && !isTouched) box().focus({ preventScroll: true });
  }

  // A question chosen further down the page: bring it, and so its answer, to the top of the window. Room for the answer is
  // made at once, so that nothing below moves when it comes.
  function follow() {
    const log = $("#conversation .message-wrap");
    const question = all("#conversation [data-testid=user]").pop();
    const number = Number((question && $(".asked", question)?.id.slice("asked-".length)) || 0);
    if (log && (!number || number < asked)) log.style.minHeight = ""; // nothing is to come
    if (number > asked) {
      const top = question.getBoundingClientRect().top;
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
    asked = number; // a question that was stopped is gone: the one before is not followed again
  }

  // The questions offered below a refusal: above the box, as far as what was asked stays in the window.
  function reveal() {
    const options = all("#conversation .options").pop();
    const question = all("#conversation [data-testid=user]").pop();
    if (!options || !question) return;
    const hidden = options.getBoundingClientRect().bottom + 16 - $("#composer").getBoundingClientRect().top;
    const room = question.getBoundingClientRect().top - 16;
    if (hidden > 0 && room > 0) window.scrollBy({ top: Math.min(hidden, room), behavior: "instant" });
  }

  function mend() {
    begin();
    follow();
    hearTroubles();
    for (const landmark of all("#conversation .placeholder-content")) set(landmark, "role", "none");
    // Gradio names the box by its label and hint together.
    const hint = $("#question [data-testid=block-info] + div");
    if (box() && hint) {
      set(hint, "id", "question-hint");
      if (isTouched && hint.textContent !== words.questionLimit) hint.textContent = words.questionLimit;
      set(box(), "aria-label", words.question);
      set(box(), "aria-describedby", "question-hint question-count");
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
    const replies = all("#conversation [data-testid=bot]");
    for (const options of all("#conversation .options")) {
      set(options, "lang", $("[lang]", replies[replies.length - 1])?.lang || language);
    }
    const last = replies.length ? $(".waiting, .notice, .reply:not(.growing) .said", replies[replies.length - 1]) : null;
    if (last !== said && (last || !replies.length)) hear(last);
    if (replies.length) for (const link of all(LEAVING)) leaveOpen(link);
  }

  // What would leave the page, and with it the conversation, opens beside it.
  const LEAVING = "header a:not([target], [aria-current]), footer a:not([target]), #passage a:not([target], [href^='#']), .reply a:not([target], .cite, .places .links a:first-child)";

  function leaveOpen(link) {
    set(link, "target", "_blank");
    link.append(element("span", { class: "unseen", lang: language }, ` (${words.newTab})`));
  }

  // A state of the conversation, told once: that something is looked for, a notice, or the reply, each part in its language.
  function hear(last) {
    said = last;
    const parts = last?.matches(".said") ? all(".understood, .abstention, .answer", last) : [];
    const spoken = parts.map((part) => element("p", { lang: part.closest("[lang]").lang }, part.textContent));
    say(...(spoken.length ? spoken : [last ? last.textContent : words.begun]));
    if (!last?.matches(".waiting")) {
      pending = "";
      forget();
    }
    count();
    reveal();
    const onStop = document.activeElement === document.body || document.activeElement?.id === "stop";
    if (wasOnStop && onStop && !last?.matches(".waiting")) box().focus({ preventScroll: true });
  }

  // One question at a time: a second one, sent before the reply, would only wait for it.
  const ASKS = "#send, #themes button, #conversation .option";

  function ask(event) {
    const isSent = event.type === "keydown" && event.key === "Enter" && !event.shiftKey && !event.isComposing;
    const source = isSent ? event.target.closest("#question textarea") : event.type === "click" && event.target.closest(ASKS);
    if (!source) return;
    const isOffered = source.matches("#themes button, #conversation .option");
    const isAgain = source.textContent.trim() === words.tryAgain; // below a question that failed
    const question = isAgain ? all("#conversation .asked").pop().textContent : isOffered ? source.textContent.trim() : box().value;
    if (pending || isBroken) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!isBroken) {
        say(words.queued);
        return;
      }
      fillBox(question);
      retry();
      return;
    }
    if (notice.contains(document.activeElement)) box().focus({ preventScroll: true });
    notice.remove();
    chosen = isOffered;
    if (!question.trim() || [...question].length > words.limit) {
      set(box(), "aria-invalid", "true");
      return; // the reply says so, maybe as before
    }
    pending = question;
    window.setTimeout(() => {
      if (pending !== question || said?.matches(".waiting")) return;
      say(words.queued);
      counter.textContent = words.queued;
    }, 1500);
  }

  // How many characters are left, shown when few are, and said when that changes for good or ill.
  const counter = element("p", { class: "count", id: "question-count" });

  function count(isTyping = false) {
    if (!counter.isConnected) $("#question").append(counter);
    const left = Number(words.limit) - [...box().value].length; // as Python counts
    const isOver = left < 0;
    const text = isOver ? fill(words.charactersTooMany, { count: -left }) : left <= 100 ? fill(words.charactersLeft, { count: left }) : "";
    const hasChanged = Boolean(text) !== Boolean(counter.textContent) || isOver !== counter.classList.contains("over");
    if (isTyping && hasChanged && text) say(text);
    counter.textContent = text;
    counter.classList.toggle("over", isOver);
    set(box(), "aria-invalid", String(isOver));
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
  let shown = 0;

  function openFrom(link) {
    const reply = link.closest(".reply");
    addresses = all(".places .links a:first-child", reply).map((place) => place.href);
    at = Math.max(0, addresses.indexOf(link.href));
    opener = link;
    // The browser's way back closes the passage, and does not leave the page.
    if (panel.hidden && !framed) history.pushState({ passage: true }, "");
    show(true);
  }

  // The text is set anew in the room that the panel leaves: what was read stays where it was.
  function keepInPlace(target, change) {
    const before = target?.getBoundingClientRect().top;
    change();
    if (target?.isConnected) window.scrollBy({ top: target.getBoundingClientRect().top - before, behavior: "instant" });
  }

  async function show(isOpening) {
    const address = new URL(addresses[at]);
    const mine = ++shown;
    number.textContent = fill(words.passageNumber, { number: at + 1, count: addresses.length });
    set(previous, "aria-disabled", String(at === 0)); // not « disabled », which would drop the focus
    set(next, "aria-disabled", String(at === addresses.length - 1));
    keepInPlace(opener, () => (panel.hidden = false));
    for (const mark of all("#conversation .cite[aria-expanded]")) mark.removeAttribute("aria-expanded");
    const mark = all(".cite", opener.closest(".reply")).find((cite) => cite.href === address.href);
    if (mark) {
      set(mark, "aria-expanded", "true");
      if (!isOpening) opener = mark; // what the focus comes back to
    }
    let html = "";
    try {
      const answer = await fetch(`${address.pathname}/passage${address.search}`, { headers: { Accept: "text/html" } });
      const isWithdrawn = answer.status === 404; // which the part that comes says in words
      if (!answer.ok && !isWithdrawn) throw new Error(String(answer.status));
      html = await answer.text();
    } catch {
      html = "";
    }
    if (panel.hidden || mine !== shown) return; // closed, or turned on, in the meantime
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
    else say(number.textContent, ...(quote ? [element("p", { lang: "fr" }, quote.textContent)] : []));
  }

  function shut() {
    if (panel.hidden) return;
    if (history.state?.passage) history.back();
    keepInPlace(opener, () => (panel.hidden = true));
    content.replaceChildren();
    for (const mark of all("#conversation .cite[aria-expanded]")) mark.removeAttribute("aria-expanded");
    if (opener?.isConnected) opener.focus();
    opener = null;
  }

  // A note in a passage leads to its source below: the page's base would make of it the address of the first page.
  function followNote(event) {
    const note = event.target.closest("#passage a[href^='#']");
    if (!note) return;
    event.preventDefault();
    const target = document.getElementById(note.getAttribute("href").slice(1));
    if (!target) return;
    set(target, "tabindex", "-1");
    target.focus();
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
    const outcome = element("p", { class: "notice", tabindex: "-1", lang: language }, text);
    $(".notice", form)?.remove();
    if (sent?.ok) form.replaceWith(outcome);
    else form.append(outcome);
    outcome.focus();
  }

  retryButton.addEventListener("click", retry);
  document.addEventListener("click", (event) => {
    if (event.target.closest("#stop, #clear")) pending = "";
    if (!event.target.closest("#clear")) return;
    shut();
    if (!framed) box().focus();
  });
  document.addEventListener("click", ask, true);
  document.addEventListener("keydown", ask, true);
  document.addEventListener("focusin", (event) => (wasOnStop = event.target.id === "stop"));
  document.addEventListener("click", openPassage);
  document.addEventListener("click", followNote);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("header [aria-current]") || !said) return;
    event.preventDefault(); // the conversation is here
    box().focus();
  });
  document.addEventListener("submit", sendOpinion);
  document.addEventListener("input", (event) => {
    if (!event.target.matches("#question textarea")) return;
    count(true);
    if (isBroken) remember(box().value);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && shut());
  window.addEventListener("popstate", () => {
    shut();
    if (isBroken) remember(box().value);
    else forget();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".skip")) return;
    event.preventDefault();
    box()?.focus();
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
