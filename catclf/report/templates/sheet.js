
"use strict";
// Shows the photos of the rows, PER_PAGE at a time. Names come from strangers: they are only ever
// set as text.
const PER_PAGE = 200;
const KINDS = ["positive", "unsure", "negative", "unreadable"];
const at = (id) => document.getElementById(id);
const labels = JSON.parse(at("labels").textContent);
const rows = JSON.parse(at("rows").textContent);
const form = at("controls");
const number = new Intl.NumberFormat("en");
const folder = at("folder")?.textContent ?? "";
const copies = new Map(); // of how many photos there are near-copies, by group
for (const row of rows) copies.set(row.alike, (copies.get(row.alike) ?? 0) + 1);
const photos = (n) => number.format(n) + (n === 1 ? " photo" : " photos");

const probability = (row) => row.p ?? -1; // of what could not be read: the last
const byProbability = (a, b) => probability(b) - probability(a);
const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const UNSURE = 1; // its place among the labels
const doubt = (row) => (row.p === undefined ? 2 : Math.abs(row.p - 0.5) - (row.label === UNSURE ? 1 : 0));
const ORDERS = {
  answer: (a, b) => a.label - b.label || byProbability(a, b),
  doubt: (a, b) => doubt(a) - doubt(b),
  rising: (a, b) => (a.p ?? 2) - (b.p ?? 2),
  name: byName,
};

let chosen = [];
let page = 0;

function choose() {
  const kinds = new Set(new FormData(form).getAll("label").map(Number));
  const low = Number(form.elements.low.value);
  const high = Number(form.elements.high.value);
  at("least").value = low + "%";
  at("most").value = high + "%";
  const inside = (row) => row.p === undefined || (100 * row.p >= low && 100 * row.p <= high);
  const left = rows.filter((row) => kinds.has(row.label) && inside(row));
  left.sort(ORDERS[form.elements.order.value]);
  chosen = together(left);
  page = 0;
  show();
}

// Near-copies of a photo follow the first of them, wherever they would have come.
function together(sorted) {
  const groups = new Map();
  for (const row of sorted) {
    if (row.alike === undefined) continue;
    if (!groups.has(row.alike)) groups.set(row.alike, []);
    groups.get(row.alike).push(row);
  }
  const result = [];
  for (const row of sorted) {
    if (row.alike === undefined) result.push(row);
    else if (groups.get(row.alike)[0] === row) result.push(...groups.get(row.alike));
  }
  return result;
}

function show() {
  const pages = Math.max(1, Math.ceil(chosen.length / PER_PAGE));
  const first = page * PER_PAGE;
  const part = chosen.slice(first, first + PER_PAGE);
  const sheet = document.createDocumentFragment();
  const banded = form.elements.order.value === "answer";
  let list = null;
  let band = null;
  for (const row of part) {
    // A copy stands with its group, in the band of the group's first.
    const follows = row.alike !== undefined && list?.lastRow?.alike === row.alike;
    if (!list || (banded && row.label !== band && !follows)) {
      if (banded) sheet.append(heading(row.label));
      list = document.createElement("ul");
      list.className = "cards";
      sheet.append(list);
      band = row.label;
    }
    list.append(card(row));
    list.lastRow = row;
  }
  at("sheet").replaceChildren(sheet);
  const range = part.length ? `${number.format(first + 1)} to ${number.format(first + part.length)} of ` : "";
  at("shown").textContent = range + photos(chosen.length);
  at("place").textContent = `page ${page + 1} of ${pages}`;
  at("turn").hidden = pages === 1;
  at("back").disabled = page === 0;
  at("on").disabled = page === pages - 1;
}

function heading(label) {
  const title = document.createElement("h2");
  title.className = KINDS[label];
  title.textContent = labels[label].name;
  return title;
}

function card(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "card";
  button.title = row.name;
  if (row.picture) {
    const image = new Image();
    image.src = "data:image/jpeg;base64," + row.picture;
    image.alt = "";
    button.append(image);
  } else {
    button.append(words("none soft", row.why ?? "no picture here"));
  }
  button.append(words("answer " + KINDS[row.label], answer(row)));
  if (row.strange) button.append(words("soft", "unlike those trained on"));
  if (row.alike !== undefined) button.append(words("soft", `one of ${copies.get(row.alike)} alike`));
  button.append(words("name", row.name.slice(folder.length)));
  button.addEventListener("click", () => copy(row.path ?? row.name));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

// The probability is of the first label, whatever the answer: 99.9% cat; non-cat, 0.1% cat.
function answer(row) {
  const label = labels[row.label].name;
  if (row.p === undefined) return label;
  const share = `${(100 * row.p).toFixed(1)}% ${labels[0].name}`;
  return row.label === 0 ? share : `${label}, ${share}`;
}

function words(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

async function copy(path) {
  let said = "copied: ";
  try {
    await navigator.clipboard.writeText(path);
  } catch {
    said = "cannot be copied here: ";
  }
  at("said").textContent = said + path;
  clearTimeout(copy.timer);
  copy.timer = setTimeout(() => (at("said").textContent = ""), 4000);
}

function turn(pages) {
  page += pages;
  show();
  at("shown").scrollIntoView();
}

form.addEventListener("input", choose);
form.addEventListener("submit", (event) => event.preventDefault());
at("back").addEventListener("click", () => turn(-1));
at("on").addEventListener("click", () => turn(1));
form.reset(); // a browser may remember what was chosen, and the page not yet
choose();
