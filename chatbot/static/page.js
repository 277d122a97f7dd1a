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

  function set(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  function mend() {
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
