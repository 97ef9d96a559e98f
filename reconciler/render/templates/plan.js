"use strict";
(() => {
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  for (const picture of document.querySelectorAll("img")) {
    picture.addEventListener("error", () => picture.remove(), { once: true });
  }
  for (const sound of document.querySelectorAll("audio")) {
    sound.addEventListener("error", () => {
      const note = document.createElement("p");
      note.className = "missing";
      note.textContent = "The audio is not there yet, or its link has expired.";
      sound.replaceWith(note);
    }, { once: true });
  }
  const search = document.getElementById("search");
  if (search === null) return;
  const chips = [...document.querySelectorAll(".chip input")];
  const rows = [...document.querySelectorAll(".change")].map((element) => ({
    element,
    action: element.dataset.action,
    text: fold(element.querySelector(".what").textContent),
  }));
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const filter = () => {
    const words = fold(search.value).split(/\s+/).filter(Boolean);
    const wanted = new Set(chips.filter((chip) => chip.checked).map((chip) => chip.value));
    let count = 0;
    for (const row of rows) {
      const visible = wanted.has(row.action) && words.every((word) => row.text.includes(word));
      row.element.hidden = !visible;
      count += visible ? 1 : 0;
    }
    shown.textContent = count === rows.length ? "" : `${count} of ${rows.length} shown`;
    none.hidden = count !== 0;
  };
  search.addEventListener("input", filter);
  for (const chip of chips) chip.addEventListener("change", filter);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });
  filter();
})();
