// Makes live what works without: the progress of a rebuild, and files dropped onto their field.
"use strict";

const progress = document.querySelector(".progress");
if (progress) {
  const bars = document.getElementById("bars");
  const said = document.getElementById("progress-said");
  let saidAt = 0;

  const duration = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) return `${whole}\u00a0s`;
    const minutes = Math.floor(whole / 60);
    if (minutes < 60) return `${minutes}\u00a0min\u00a0${String(whole % 60).padStart(2, "0")}\u00a0s`;
    return `${Math.floor(minutes / 60)}\u00a0h\u00a0${String(minutes % 60).padStart(2, "0")}\u00a0min`;
  };

  const row = (step) => {
    const item = document.createElement("li");
    const label = document.createElement("label");
    const bar = document.createElement("progress");
    const count = document.createElement("span");
    bar.max = step.total || 1;
    bar.value = step.done;
    label.append(`${step.name} `, bar);
    count.textContent = step.told;
    item.append(label, " ", count);
    return item;
  };

  const look = async () => {
    let wait = 1000;
    try {
      const answer = await fetch(`${progress.dataset.page}/etat`, { headers: { Accept: "application/json" } });
      if (answer.status === 401) return location.reload();
      const state = await answer.json();
      if (!state.is_running) return location.replace(progress.dataset.page);
      document.getElementById("seconds").textContent = duration(state.seconds);
      const checking = document.getElementById("checking");
      if (checking) checking.hidden = !state.is_checking;
      if (state.steps.length) bars.replaceChildren(...state.steps.map(row));
      // A screen reader hears of it twice a minute, not each second.
      if (Date.now() - saidAt > 30000 && state.steps.length) {
        said.textContent = bars.lastElementChild.textContent;
        saidAt = Date.now();
      }
    } catch {
      wait = 5000; // the page of the operator may be starting anew
    }
    setTimeout(look, wait);
  };
  progress.querySelector("a.button").parentElement.hidden = true;
  setTimeout(look, 500);
}

const field = document.querySelector(".drop");
if (field) {
  const input = field.querySelector("input");
  const chosen = document.getElementById("files-chosen");
  const limit = Number(input.form.dataset.limitMb);

  const tell = () => {
    const files = [...input.files];
    const size = files.reduce((sum, file) => sum + file.size, 0) / 1e6;
    const name = files.length === 1 ? files[0].name : `${files.length} fichiers`;
    const isTooLarge = size > limit;
    input.setCustomValidity(isTooLarge ? `C’est plus de ${limit} Mo : choisissez moins de fichiers à la fois.` : "");
    chosen.textContent = files.length ? `${name}, ${size < 1 ? "moins de 1" : Math.round(size)}\u00a0Mo` : "";
  };
  input.addEventListener("change", tell);
  tell(); // some may have been chosen before this script ran
  for (const name of ["dragenter", "dragover"]) {
    field.addEventListener(name, (event) => {
      event.preventDefault();
      field.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) field.addEventListener(name, () => field.classList.remove("over"));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    tell();
  });
}

// A form is sent once, however often its button is pressed; and only while the session goes on, so that neither what was
// typed nor the chosen files are lost: one may sign in elsewhere and press again.
const session = () => fetch("/session", { headers: { Accept: "application/json" } });

for (const form of document.querySelectorAll('form[method="post"]')) {
  const warning = document.createElement("p");
  warning.className = "notice wrong";
  warning.setAttribute("role", "alert");

  const warn = (...words) => {
    delete form.dataset.sent;
    form.append(warning);
    warning.replaceChildren(...words);
  };

  form.addEventListener("submit", async (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    if (!form.closest("main") || form.action.includes("/connexion")) return;
    event.preventDefault();
    let answer;
    try {
      answer = await session();
    } catch {
      return warn("La page de l’opérateur ne répond pas. Rien n’est envoyé ni perdu\u00a0: réessayez dans un instant.");
    }
    if (answer.status === 401) {
      const link = document.createElement("a");
      link.href = "/connexion";
      link.target = "_blank";
      link.textContent = "connectez-vous dans un autre onglet";
      return warn("La session est terminée. Rien n’est envoyé ni perdu\u00a0: ", link, ", puis pressez ce bouton de nouveau.");
    }
    if (answer.ok) form.elements.namedItem("form").value = (await answer.json()).form;
    warning.remove();
    form.submit();
  });
}

window.addEventListener("pageshow", async (event) => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  // A page that the browser kept is not shown to who comes back after the end of the session.
  if (event.persisted && document.querySelector(".leave") && (await session()).status === 401) location.reload();
});
