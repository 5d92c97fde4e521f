"use strict";
const K = 10;
const find = (id) => document.getElementById(id);
const box = find("query");
const compare = find("compare");

// Build a node; text goes in as text, never as markup.
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

const languages = new Map(); // code -> its entry, with a hue of its own
const chosen = new Set();
const choices = new Map(); // name -> a way to answer: a model and a ranking
let models = []; // names, in the order of the service
let columns = [];
let running = null;

const ask = async (path, options) => {
  const answer = await fetch(path, options).catch(() => {
    throw new Error("the service cannot be reached");
  });
  const content = await answer.json().catch(() => ({ message: `the service answered ${answer.status}` }));
  if (!answer.ok) throw new Error(content.message);
  return content;
};

const dot = (code) => {
  const node = make("span", { class: "dot", "aria-hidden": "true" });
  node.style.setProperty("--hue", languages.get(code)?.hue ?? 0);
  return node;
};
const nameOf = (code) => languages.get(code)?.name ?? code;
const listNames = (codes) => new Intl.ListFormat("en").format(codes.map(nameOf));
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const has = (model, code) => languages.get(code).passages[model] > 0;
const areAlike = (told) => new Set(told).size === 1;

const drawChips = () => {
  const buttons = [...languages.values()].map((each) => {
    const counts = models.map((model) => each.passages[model].toLocaleString("en"));
    const alike = areAlike(counts);
    const title = alike ? null : counts.map((count, number) => `${models[number]}: ${count}`).join(", ");
    const button = make(
      "button",
      { type: "button", "aria-pressed": "false", "data-code": each.code, title },
      dot(each.code),
      each.name,
      make("small", {}, alike ? counts[0] : counts.join(" / ")),
    );
    button.addEventListener("click", () => {
      if (!chosen.delete(each.code)) chosen.add(each.code);
      press();
      search();
    });
    return button;
  });
  find("chips").replaceChildren(...buttons);
};
const press = () => {
  for (const button of find("chips").children) {
    button.setAttribute("aria-pressed", String(chosen.has(button.dataset.code)));
  }
};

// A column is one list of results with the choice that it shows.
const makeColumn = (number) => {
  const names = [...choices.keys()];
  const options = names.map((name) => make("option", { value: name }, choices.get(name).label));
  const select = make("select", { "aria-label": number ? "Second ranking" : "Ranking" }, ...options);
  select.value = names[Math.min(number, names.length - 1)];
  const summary = make("div");
  const hits = make("ol", { class: "hits" });
  select.addEventListener("change", search);
  const node = make("section", { class: "column" }, make("header", {}, select, summary), hits);
  return { node, select, summary, hits };
};

const drawBar = (hits) => {
  const counts = new Map();
  for (const hit of hits) counts.set(hit.language, (counts.get(hit.language) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const parts = sorted.map(([code, count]) => {
    const part = make("i");
    part.style.flexGrow = count;
    part.style.setProperty("--hue", languages.get(code)?.hue ?? 0);
    return part;
  });
  const legend = sorted.map(([code, count]) => make("li", {}, dot(code), `${nameOf(code)} ${count}`));
  return [
    make("div", { class: "bar", "aria-hidden": "true" }, ...parts),
    make("ul", { class: "legend", "aria-label": "Languages of the results" }, ...legend),
  ];
};

const drawHit = (hit, place) => {
  const direction = languages.get(hit.language)?.direction ?? "auto";
  const own = { lang: hit.language, dir: direction };
  const head = make(
    "p",
    { class: "place" },
    `${place + 1}`,
    dot(hit.language),
    make("b", {}, nameOf(hit.language)),
    make("span", { class: "score", title: "cosine of query and passage" }, hit.score.toFixed(3)),
  );
  const parts = [head];
  if (hit.title) parts.push(make("h3", own, hit.title));
  parts.push(make("p", { ...own, class: "text" }, hit.text));
  if (hit.source) parts.push(make("p", { class: "source", dir: "auto" }, hit.source));
  return make("li", { class: "hit", tabindex: "-1", "data-id": hit.id }, ...parts);
};

const fill = async (column, query, signal) => {
  const { model, ranking } = choices.get(column.select.value);
  const asked = { query, k: K, model, ranking };
  const here = [...chosen].filter((code) => has(model, code));
  if (chosen.size) asked.languages = here.length ? here : [...chosen]; // where it has none, it says so itself
  const answer = await ask("search", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(asked),
    signal,
  });
  column.hits.replaceChildren(...answer.hits.map(drawHit));
  const count = make("p", { class: "summary" }, `Languages of the first ${answer.hits.length}`);
  const shown = answer.hits.length ? [count, ...drawBar(answer.hits)] : [make("p", { class: "summary" }, "Nothing found")];
  const missing = [...chosen].filter((code) => !here.includes(code));
  if (missing.length) shown.unshift(make("p", { class: "summary" }, `${model} has nothing in ${listNames(missing)}`));
  column.summary.replaceChildren(...shown);
  return answer.hits.length;
};

const complain = (message) => make("p", { class: "problem", role: "alert" }, message);
// One column's problem takes nothing from the other.
const fillOrComplain = (column, query, signal) =>
  fill(column, query, signal).catch((error) => {
    if (signal.aborted) return undefined;
    column.hits.replaceChildren();
    column.summary.replaceChildren(complain(error.message));
    return undefined;
  });

const search = async () => {
  const query = box.value.trim();
  running?.abort();
  store(query);
  find("start").hidden = Boolean(query) || !find("examples").children.length;
  find("columns").hidden = !query;
  if (!query) return;
  const mine = (running = new AbortController());
  find("columns").classList.add("busy");
  const counts = await Promise.all(columns.map((column) => fillOrComplain(column, query, mine.signal)));
  if (mine !== running) return;
  find("columns").classList.remove("busy");
  const found = counts.filter((each) => each !== undefined);
  find("told").textContent = found.length ? `${found.map((each) => count(each, "passage")).join(" and ")} found` : "";
};

const drawColumns = () => {
  const before = columns.map((column) => column.select.value);
  columns = [0, 1].slice(0, compare.checked ? 2 : 1).map(makeColumn);
  columns.forEach((column, number) => (column.select.value = before[number] ?? column.select.value));
  document.body.classList.toggle("comparing", compare.checked);
  find("columns").replaceChildren(...columns.map((column) => column.node));
};

// The state stands in the fragment, which browsers do not send: a link shows the same, no log holds it.
const store = (query) => {
  const state = new URLSearchParams();
  if (query) state.set("q", query);
  if (chosen.size) state.set("l", [...chosen].join(","));
  const names = columns.map((column) => column.select.value);
  if (compare.checked || names[0] !== choices.keys().next().value) names.forEach((name) => state.append("r", name));
  history.replaceState(null, "", state.size ? `#${state}` : location.pathname);
};
const restore = () => {
  const state = new URLSearchParams(location.hash.slice(1));
  box.value = state.get("q") ?? "";
  chosen.clear();
  for (const code of (state.get("l") ?? "").split(",")) if (languages.has(code)) chosen.add(code);
  const names = state.getAll("r");
  compare.checked = names.length > 1 && choices.size > 1;
  press();
  columns = []; // what the link does not name is as at first
  drawColumns();
  columns.forEach((column, number) => {
    if (choices.has(names[number])) column.select.value = names[number];
  });
  search();
};

const step = (by) => {
  const hits = [...document.querySelectorAll(".hit")];
  const place = hits.indexOf(document.activeElement.closest?.(".hit"));
  const next = place < 0 ? (by > 0 ? 0 : -1) : place + by;
  if (next < 0) box.focus();
  else hits[Math.min(next, hits.length - 1)]?.focus();
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const writes = event.target === box;
  const picks = event.target.tagName === "SELECT";
  if (event.key === "/" && !writes && !picks) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && writes) {
    event.preventDefault();
    box.value = "";
    search();
  } else if (event.key === "Escape") {
    box.focus();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !picks) {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  }
});
find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
compare.addEventListener("change", () => {
  drawColumns();
  search();
});
addEventListener("hashchange", restore);

const start = async () => {
  const [listed, about] = await Promise.all([ask("languages"), ask("about")]);
  models = about.models.map((each) => each.name);
  listed.languages.forEach((each, place, all) => {
    languages.set(each.code, { ...each, hue: Math.round((place * 360) / all.length + 215) % 360 });
  });
  const named = models.length > 1;
  for (const ranking of about.rankings) {
    for (const model of about.models.filter((each) => each.rankings.includes(ranking.name))) {
      const label = named ? `${model.name}, ${ranking.description}` : ranking.description;
      const name = named ? `${ranking.name}:${model.name}` : ranking.name;
      choices.set(name, { model: model.name, ranking: ranking.name, label });
    }
  }
  const extents = about.models.map(({ name, passages }) => {
    const spoken = [...languages.keys()].filter((code) => has(name, code)).length;
    return `${count(passages, "passage")} in ${count(spoken, "language")}`;
  });
  const extent = areAlike(extents) ? extents.slice(0, 1) : extents.map((each, number) => `${models[number]}: ${each}`);
  find("extent").textContent = extent.join("; ");
  find("toggle").hidden = choices.size < 2;
  find("demonstration").hidden = !about.demonstration;
  box.maxLength = about.query_letters;
  const offered = about.examples.map((text) => {
    const button = make("button", { type: "button", dir: "auto" }, text);
    button.addEventListener("click", () => {
      box.value = text;
      search();
    });
    return make("li", {}, button);
  });
  find("examples").replaceChildren(...offered);
  drawChips();
  restore();
  if (!matchMedia("(max-width: 40rem)").matches) box.focus();
};
start().catch((error) => find("columns").replaceChildren(complain(error.message)));
