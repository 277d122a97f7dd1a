// Mends, before and while Gradio's own script runs, what its settings do not reach.
(() => {
  "use strict";
  const words = document.currentScript.dataset;
  const language = document.documentElement.lang;

  // Gradio words its interface, and sets <html lang>, from the browser's languages.
  for (const [name, value] of Object.entries({ language, languages: [language] })) {
    Object.defineProperty(navigator, name, { get: () => value });
  }

  // The conversation changes with each sentence: read out what is final, once, instead of every change.
  const status = document.createElement("div");
  status.setAttribute("role", "status");
  status.className = "unseen";
  let said = null;
  let asked = 0;
  let opened = false;

  // In a frame, taking the focus or letting the browser scroll would move the page around it.
  const framed = window.top !== window;

  function open() {
    const box = document.querySelector("#question textarea");
    if (opened || !box) return;
    opened = true;
    if (!framed) box.focus({ preventScroll: true });
  }

  // A question chosen further down the page: bring it, and so its answer, to the top of the window.
  function follow() {
    const questions = document.querySelectorAll("#conversation [data-testid=user]");
    if (questions.length > asked) {
      const top = questions[questions.length - 1].getBoundingClientRect().top;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (top < 0 || top > window.innerHeight / 2) {
        window.scrollBy({ top: top - 16, behavior: calm ? "auto" : "smooth" });
      }
    }
    asked = questions.length;
  }

  function set(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  function mend() {
    open();
    follow();
    for (const log of document.querySelectorAll("#conversation [role=log]")) {
      set(log, "aria-live", "off");
      set(log, "aria-label", words.conversation);
    }
    // Gradio labels each message with its HTML source.
    for (const message of document.querySelectorAll("#conversation [data-testid=user], #conversation [data-testid=bot]")) {
      set(message, "role", "group");
      set(message, "aria-label", message.dataset.testid === "user" ? words.question : words.reply);
    }
    const replies = document.querySelectorAll("#conversation [data-testid=bot]");
    const last = replies.length ? replies[replies.length - 1].querySelector(".waiting, .notice, .reply:not(.growing) > p") : null;
    if (last !== said && (last || !replies.length)) {
      said = last;
      status.textContent = last ? last.textContent : "";
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(status);
    new MutationObserver(mend).observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-label", "aria-live"] });
  });
})();
