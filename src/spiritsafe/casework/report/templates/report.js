"use strict";
// Comfort only: the page says everything without this script.
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);

// A browser shows <title> late and small; show it at once, as text. The element keeps its name as a label.
for (const title of document.querySelectorAll("main svg title")) {
  const owner = title.parentElement;
  owner.dataset.tip = title.textContent;
  owner.setAttribute("aria-label", title.textContent);
  title.remove();
}
document.addEventListener("pointermove", (event) => {
  const owner = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
  tip.hidden = !owner;
  if (!owner) return;
  tip.textContent = owner.dataset.tip;
  const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18;
  const fits = below + tip.offsetHeight < document.documentElement.clientHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${fits ? below : event.clientY - tip.offsetHeight - 10}px`;
});

// Pointing at a trait, its lines, its row or a member lights up what belongs together.
for (const section of document.querySelectorAll(".beside")) {
  const light = (numbers) => {
    section.classList.toggle("lit", numbers.length > 0);
    for (const part of section.querySelectorAll("[data-trait]")) {
      part.classList.toggle("on", numbers.includes(part.dataset.trait));
    }
    for (const member of section.querySelectorAll("[data-traits]")) {
      const has = member.dataset.traits.split(" ");
      member.classList.toggle("on", numbers.some((number) => has.includes(number)));
    }
  };
  section.addEventListener("pointerover", (event) => {
    const owner = event.target.closest("[data-trait], [data-traits]");
    light(owner ? (owner.dataset.trait ?? owner.dataset.traits).split(" ") : []);
  });
  section.addEventListener("pointerleave", () => light([]));
}

// A box to find an account among the members.
for (const list of document.querySelectorAll(".members")) {
  const rows = [...list.querySelectorAll("tbody tr")];
  if (rows.length < 20) continue;
  const box = document.createElement("input");
  box.type = "search";
  box.placeholder = "Find an account";
  box.setAttribute("aria-label", "Find an account");
  box.addEventListener("input", () => {
    for (const row of rows) row.hidden = !row.cells[0].textContent.includes(box.value.trim());
  });
  list.querySelector("summary").after(box);
}

// Paper cannot unfold: print what is folded, then fold it again.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
