"use strict";
// What graphs hold is put in as text alone: nothing here makes markup of a string.

const $ = (id) => document.getElementById(id);
const RELATIONS = ["exact", "close", "broad", "narrow"];
const LONG = 320; // characters after which a value is folded

const state = {
  token: "",
  by: "",
  question: null,
  shown: 0, // which candidate
  relation: 0,
  busy: false,
  filter: { type: "", property: "", against: false, queue: "doubt" },
};

// The token comes behind # in the start address, which no browser sends, and stays in this tab.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", "/");
  }
  state.token = sessionStorage.getItem("token") || "";
}

async function ask(name, content = {}) {
  let answer;
  try {
    answer = await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-kgalign-token": state.token },
      body: JSON.stringify({ by: state.by, ...content }),
      credentials: "omit",
      cache: "no-store",
    });
  } catch {
    throw new Error("The server does not answer, so this was not kept. Is `kgalign review` still running?");
  }
  if (answer.status === 401) {
    throw new Error("Open the address that the terminal shows: this tab has none of its own.");
  }
  if (!answer.ok) {
    const text = await answer.text();
    let told = text;
    try { told = JSON.parse(text).error || text; } catch { /* it is plain text */ }
    throw new Error(told);
  }
  return answer.json();
}

function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== "") made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
}

const say = (text) => { $("said").textContent = text; };
const fault = (text) => { $("fault").textContent = text; };

// One thing after the other: a key that comes while another is being kept waits for nothing and is dropped.
async function doing(work) {
  if (state.busy) return;
  state.busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await work();
    fault("");
  } catch (error) {
    fault(error.message);
  } finally {
    state.busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

// what is shown

function showTurn(turn) {
  const parts = [`${turn.left} open`, `${turn.answered} answered by you`];
  if (turn.skipped) parts.push(`${turn.skipped} skipped`);
  $("progress").textContent = parts.join(" · ");
  showLooked(turn.estimate);
  showLearning(turn.learning);
  if (turn.question) showQuestion(turn.question);
  else showEnd(turn);
}

function showEnd(turn) {
  state.question = null;
  $("case").hidden = true;
  const empty = $("empty");
  empty.hidden = false;
  const nothing = state.filter.queue === "disagreements" ? "Nobody disagrees with you" : "Nothing is left";
  empty.replaceChildren(make("h1", { tabindex: "-1", id: "end" }, nothing));
  const filtered = state.filter.type || state.filter.property || state.filter.against;
  if (turn.skipped) {
    const again = make("button", { type: "button", id: "again" }, `Ask the ${turn.skipped} skipped again`);
    again.addEventListener("click", () => doing(async () => { await ask("again"); await next(); }));
    empty.append(make("p", {}, again));
  }
  if (turn.waiting) empty.append(make("p", {}, `${turn.waiting} lie before somebody else just now.`));
  if (filtered) empty.append(make("p", {}, "A filter is set: without it there may be more."));
  empty.append(make("p", {}, "Learn now, or the same kgalign run again, learns from the answers and holds to them."));
  $("end").focus();
}

function showQuestion(question, shown = -1) {
  state.question = question;
  const open = question.candidates.findIndex((each) => !each.said);
  const disputed = question.candidates.findIndex((each) => question.words.some((word) => word.iri === each.iri));
  state.shown = shown >= 0 ? shown : Math.max(disputed >= 0 ? disputed : open, 0);
  $("empty").hidden = true;
  $("case").hidden = false;
  $("name").textContent = question.name;
  $("about").replaceChildren(question.type ? make("span", { class: "type" }, question.type) : "", " ",
    make("span", { dir: "ltr" }, question.iri));
  hide("evidence");
  hide("votes");
  hide("group");
  showWords();
  showCandidates();
  showRecords();
}

function showWords() {
  const words = state.question.words;
  $("words").hidden = !words.length;
  $("words").lastElementChild.replaceChildren(...words.map((each) => make("li", { dir: "auto" },
    make("strong", {}, each.by || "somebody"), `: ${each.verdict}${each.right ? `, ${each.right}` : ""}`,
    each.why ? make("q", {}, each.why) : "")));
}

function hide(id) {
  $(id).hidden = true;
  $(id).lastElementChild.replaceChildren();
}

function showCandidates() {
  const items = state.question.candidates.map((each, at) => {
    const button = make("button", { type: "button", "aria-pressed": String(at === state.shown) },
      make("kbd", {}, String(at + 1)), " ", make("span", { dir: "auto", class: "name" }, each.name),
      each.type ? make("span", { class: "type" }, each.type) : "",
      each.said ? make("span", { class: "word" }, each.said) : "");
    button.addEventListener("click", () => show(at));
    return make("li", { class: each.said }, button);
  });
  $("candidates").replaceChildren(...items);
  if (!items.length) $("candidates").append(make("li", {}, "No candidate: search for one, or say 0."));
}

function show(at) {
  const count = state.question ? state.question.candidates.length : 0;
  if (!count) return;
  state.shown = (at + count) % count;
  hide("evidence");
  showCandidates();
  showRecords();
  const each = state.question.candidates[state.shown];
  say(`Candidate ${state.shown + 1}: ${each.name}`);
}

function showRecords() {
  const candidate = state.question.candidates[state.shown];
  if (!candidate) {
    $("records").replaceChildren();
    return;
  }
  const head = make("tr", {},
    make("th", { scope: "col" }, make("span", { dir: "auto" }, state.question.name)),
    make("th", { scope: "col" }, make("kbd", {}, String(state.shown + 1)), " ",
      make("span", { dir: "auto" }, candidate.name)));
  const rows = candidate.rows.flatMap((row) => [propertyRow(row), valueRow(row)]);
  const table = make("table", {},
    make("caption", {}, "Both records, property by property; what differs is underlined"),
    make("thead", {}, head), make("tbody", {}, ...rows));
  const iri = make("p", { class: "iri" }, make("span", { dir: "ltr" }, candidate.iri));
  $("records").replaceChildren(iri, table);
}

function propertyRow(row) {
  const cell = (side) => make("th", { scope: "row", title: side.iri }, side.name || "—");
  const made = make("tr", { class: "property" }, cell(row.left), cell(row.right));
  if (row.note) made.lastElementChild.append(make("small", {}, ` ${row.note}`));
  return made;
}

function valueRow(row) {
  const lone = !row.left.iri || !row.right.iri;
  return make("tr", { class: lone ? "lone" : "" }, valueCell(row.leftValues), valueCell(row.rightValues));
}

function valueCell(values) {
  if (!values.length) return make("td", { class: "none" }, make("span", { class: "unseen" }, "nothing"));
  if (values.length === 1) return make("td", {}, value(values[0]));
  return make("td", {}, make("ul", {}, ...values.map((each) => make("li", {}, value(each)))));
}

function value(each) {
  const text = each.pieces.map(([words, differs]) => (differs ? make("mark", {}, words) : words));
  const length = each.pieces.reduce((sum, [words]) => sum + words.length, 0);
  const attributes = { dir: "auto", lang: each.language, title: each.iri || each.datatype };
  const made = make("span", attributes, ...text);
  const tag = each.language ? make("small", { class: "language" }, ` ${each.language}`) : "";
  const same = each.same ? make("span", { class: "unseen" }, " (the same)") : "";
  const whole = make("span", { class: each.same ? "agreed" : "" }, made, tag, same);
  if (length <= LONG) return whole;
  const start = each.pieces.map(([words]) => words).join("").slice(0, 120);
  return make("details", {}, make("summary", { dir: "auto" }, `${start}… (${length} characters)`), whole);
}

// what is answered

const candidate = () => state.question && state.question.candidates[state.shown];

async function next() {
  showTurn(await ask("next", { filter: state.filter }));
  if (state.question) $("name").focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function answer(verdict, right) {
  const question = state.question;
  if (!question) return;
  const content = { left: question.iri, right: right ? right.iri : "", verdict, queue: state.filter.queue };
  content.relation = verdict === "same" ? RELATIONS[state.relation] : "exact";
  content.why = $("comment").value;
  const kept = await ask("answer", content);
  $("comment").value = "";
  setRelation(0);
  const gave = kept.probability === null ? "" : ` The run gave it ${kept.probability.toFixed(3)}.`;
  const what = right ? `${question.name}, ${verdict}: ${right.name}.` : `${question.name}: none of them.`;
  if (kept.done || state.filter.queue === "estimate") {
    await next();
  } else {
    right.said = verdict;
    showQuestion(question);
  }
  const now = state.question && state.question.iri !== question.iri ? ` Next: ${state.question.name}` : "";
  say(`Kept: ${what}${gave}${now}`);
}

async function same(number) {
  const chosen = state.question && state.question.candidates[number - 1];
  if (chosen) await answer("same", chosen);
  else throw new Error(`There is no candidate ${number}.`);
}

async function onShown(verdict) {
  if (!state.question) return;
  if (!candidate()) throw new Error("There is no candidate: search for one, or say 0.");
  await answer(verdict, candidate());
}

async function skip() {
  if (!state.question) return;
  const name = state.question.name;
  await ask("skip", { left: state.question.iri });
  await next();
  say(`Skipped: ${name}.${state.question ? ` Next: ${state.question.name}` : ""}`);
}

async function undo() {
  const undone = await ask("undo");
  if (!undone.undone) {
    say("Nothing is left to undo.");
    return;
  }
  showTurn(await ask("next", { filter: state.filter }));
  if (!state.question || state.question.iri !== undone.undone) showQuestion(undone.question);
  $("name").focus({ preventScroll: true });
  say(`Undone: ${undone.question.name}. It is asked again.`);
}

function setRelation(number) {
  state.relation = number;
  $("relation").textContent = `Relation: ${RELATIONS[number]}`;
}

// keys and buttons

const ACTIONS = {
  same: () => doing(() => same(state.shown + 1)),
  n: () => doing(() => onShown("different")),
  u: () => doing(() => onShown("unsure")),
  0: () => doing(() => answer("nothing", null)),
  s: () => doing(skip),
  z: () => doing(undo),
  e: () => doing(evidence),
  v: () => doing(votes),
  g: () => doing(group),
  "/": () => { if (state.question) { $("search-dialog").showModal(); $("search").select(); } },
  c: () => $("comment-dialog").showModal(),
  r: () => { setRelation((state.relation + 1) % RELATIONS.length); say($("relation").textContent); },
  "?": () => $("help-dialog").showModal(),
  ArrowLeft: () => show(state.shown - 1),
  ArrowRight: () => show(state.shown + 1),
};
for (let number = 1; number <= 9; number++) ACTIONS[number] = () => doing(() => same(number));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, textarea, select")) return;
  if (!$("keys").checked && event.key !== "?") return;
  const action = Object.hasOwn(ACTIONS, event.key) && event.key !== "same" ? ACTIONS[event.key] : null;
  if (!action) return;
  if (event.key.startsWith("Arrow") && event.target.closest(".wide")) return;
  event.preventDefault();
  action();
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => ACTIONS[button.dataset.key]());
}
$("help-button").addEventListener("click", ACTIONS["?"]);
$("person-button").addEventListener("click", () => $("person-dialog").showModal());
$("filter-button").addEventListener("click", () => $("filter-dialog").showModal());
$("agreement-button").addEventListener("click", () => doing(showAgreement));
$("estimate-button").addEventListener("click", () => doing(showEstimate));
$("learn-button").addEventListener("click", () => doing(learn));
$("learned-button").addEventListener("click", () => $("learned-dialog").showModal());
$("queue").addEventListener("change", () => doing(async () => {
  setFilter();
  await next();
  say(`Queue: ${$("queue").selectedOptions[0].textContent}.`);
}));
$("search").addEventListener("input", searchSoon);
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
$("person-dialog").addEventListener("close", () => doing(async () => {
  setPerson($("person").value.trim());
  await begin();
}));
$("filter-dialog").addEventListener("close", () => doing(async () => {
  setFilter();
  await next();
}));

// The estimate is a sample with an order of its own: no filter goes with it.
function setFilter() {
  const queue = $("queue").value;
  const none = queue === "estimate";
  state.filter = {
    type: none ? "" : $("type").value,
    property: none ? "" : $("property").value,
    against: !none && $("against").checked,
    queue,
  };
  $("filter-button").disabled = none;
  $("filter-button").classList.toggle("set", Boolean(state.filter.type || state.filter.property || state.filter.against));
}

function setPerson(name) {
  state.by = name;
  sessionStorage.setItem("by", name);
  $("person").value = name;
  $("person-button").textContent = name || "Name";
}

async function begin() {
  setFilter();
  const found = await ask("begin", { filter: state.filter });
  for (const [id, iris] of [["type", found.types], ["property", found.properties]]) {
    const chosen = $(id).value;
    const options = iris.map((iri) => make("option", { value: iri }, iri));
    $(id).replaceChildren(make("option", { value: "" }, "any"), ...options);
    $(id).value = chosen;
  }
  $("against-line").hidden = !found.votes;
  showTurn(found);
}

takeToken();
const known = sessionStorage.getItem("by") ?? (document.body.dataset.by || null);
if (!state.token) fault("Open the address that the terminal shows: it lets you in.");
else if (known === null) $("person-dialog").showModal();
else doing(async () => { setPerson(known); await begin(); });
