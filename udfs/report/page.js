// The samples: those that fit what is chosen are shown. Data attributes say what each one is.
"use strict";
const form = document.getElementById("choose");
const samples = [...document.querySelectorAll(".sample")];
const told = document.getElementById("told");

function fits(sample) {
  const { style, verdict, reason } = form.elements;
  return (!style.value || sample.dataset.style === style.value)
    && (!verdict.value || sample.dataset.verdict === verdict.value)
    && (!reason.value || sample.dataset.reasons.split(" ").includes(reason.value));
}

function show() {
  for (const sample of samples) sample.hidden = !fits(sample);
  const shown = samples.filter((sample) => !sample.hidden).length;
  told.textContent = `${shown} of ${samples.length} shown`;
}

function openShown(open) {
  for (const sample of samples) if (!sample.hidden) sample.open = open;
}

if (form) {
  form.hidden = false;
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  document.getElementById("open").addEventListener("click", () => openShown(true));
  document.getElementById("close").addEventListener("click", () => openShown(false));
  for (const button of document.querySelectorAll("button.pick")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      form.reset();
      form.elements.style.value = button.dataset.style;
      form.elements.reason.value = button.dataset.reason;
      setTimeout(() => {
        show();
        document.getElementById("samples").scrollIntoView();
        form.elements.style.focus();
      });
    });
  }
  show();
}
