"use strict";
// What is shown beside the question when somebody asks for it. It uses what review.js holds.

async function evidence() {
  if (!candidate()) return;
  const found = (await ask("evidence", { left: state.question.iri, right: candidate().iri })).evidence;
  const place = $("evidence").lastElementChild;
  $("evidence").hidden = false;
  if (!found) {
    place.replaceChildren(make("p", {}, "The run did not judge this pair."));
  } else {
    const headings = ["evidence", "level", "left", "right", "adds", "sum", "probability"];
    const head = make("tr", {}, ...headings.map((each) => make("th", { scope: "col" }, each)));
    const rows = found.lines.map((line) => make("tr", {}, ...line.map((cell, at) =>
      make(at ? "td" : "th", at ? { dir: "auto" } : { scope: "row" }, cell))));
    place.replaceChildren(
      make("p", {}, make("strong", {}, `Probability ${found.probability.toFixed(3)}`)),
      ...found.headline.map((line) => make("p", { dir: "auto" }, line)),
      make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Evidence, line by line" },
        make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))),
      ...found.neighbours.map((line) => make("p", { dir: "auto" }, `Neighbours: ${line}`)),
      ...found.forModels.map((line) => make("p", { dir: "auto" }, `Look at: ${line}`)));
  }
  say("The evidence is shown, and it is kept that you saw it.");
  $("evidence").scrollIntoView({ block: "nearest" });
}

async function votes() {
  if (!state.question) return;
  const found = (await ask("votes", { left: state.question.iri })).votes;
  const items = found.map((vote) => make("li", {},
    make("p", {}, make("strong", { dir: "auto" }, vote.choice), ` — ${vote.asked}, ${vote.model}`),
    vote.reason ? make("p", { dir: "auto" }, vote.reason) : "",
    vote.cited.length ? make("ul", {}, ...vote.cited.map(([text, there]) =>
      make("li", { dir: "auto" }, `“${text}”${there ? "" : " (not in the question)"}`))) : ""));
  $("votes").hidden = false;
  $("votes").lastElementChild.replaceChildren(
    items.length ? make("ol", {}, ...items) : make("p", {}, "No model was asked about this entity."));
  say(`${items.length} votes are shown, and it is kept that you saw them.`);
  $("votes").scrollIntoView({ block: "nearest" });
}

let typing = 0;
function searchSoon() {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    try {
      const { found } = await ask("search", { text: $("search").value });
      $("search-count").textContent = $("search").value ? `${found.length} found` : "";
      $("found").replaceChildren(...found.map((each) => {
        const button = make("button", { type: "button" }, make("span", { dir: "auto" }, each.name), " ",
          make("small", { dir: "ltr" }, each.iri));
        button.addEventListener("click", () => { $("search-dialog").close(); doing(() => add(each.iri)); });
        return make("li", {}, button);
      }));
    } catch (error) {
      $("search-count").textContent = error.message;
    }
  }, 150);
}

async function add(iri) {
  const extra = state.question.candidates.map((each) => each.iri);
  const question = await ask("beside", { left: state.question.iri, right: iri, queue: state.filter.queue });
  const kept = state.question.candidates.filter((each) => !question.candidates.some((own) => own.iri === each.iri));
  question.candidates.push(...kept);
  const at = question.candidates.findIndex((each) => each.iri === iri);
  showQuestion(question, at);
  say(`${question.candidates[at].name} is candidate ${at + 1}${extra.includes(iri) ? "" : " now"}.`);
}

// The group that the run links: its picture is made here, element by element, of what the server drew.
function drawn([tag, attributes, inside]) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside.map((each) => (typeof each === "string" ? each : drawn(each))));
  return made;
}

async function group() {
  if (!state.question) return;
  const found = (await ask("group", { left: state.question.iri })).group;
  $("group").hidden = false;
  showGroup(found);
  say("The group is shown, and it is kept that you saw it.");
  $("group").scrollIntoView({ block: "nearest" });
}

function showGroup(found) {
  const place = $("group").lastElementChild;
  if (!found) {
    place.replaceChildren(make("p", {}, "The run links no more than two here."));
    return;
  }
  const caption = make("p", { class: "caption" });
  const words = (link) => `${link.left.name} — ${link.right.name}`;
  const handles = found.links.map((link, at) => {
    const made = make("button", {
      type: "button", disabled: link.cut,
      "aria-label": `${link.cut ? "Is cut" : "Cut"}: ${words(link)} (link ${at + 1} of ${found.links.length})`,
    }, link.cut ? "✂" : "×");
    made.style.left = `${100 * link.place[0]}%`;
    made.style.top = `${100 * link.place[1]}%`;
    for (const when of ["focus", "pointerenter"]) {
      made.addEventListener(when, () => { caption.textContent = words(link); });
    }
    made.addEventListener("click", () => doing(() => cut(link, at)));
    return made;
  });
  place.replaceChildren(
    make("p", {}, "× cuts a link: you say that the two are different. z takes it back."),
    make("div", { class: "network" }, drawn(found.picture), ...handles), caption,
    found.more ? make("p", {}, `${found.more} more are left out.`) : "");
}

async function cut(link, at) {
  const { left, right } = link;
  await ask("answer", { left: left.iri, right: right.iri, verdict: "different", why: $("comment").value });
  $("comment").value = "";
  const shown = state.question.candidates.find((each) => each.iri === right.iri);
  if (shown && left.iri === state.question.iri) {
    shown.said = "different";
    showCandidates();
  }
  showGroup((await ask("group", { left: state.question.iri })).group);
  const open = document.querySelectorAll("#group button:enabled");
  if (open.length) open[Math.min(at, open.length - 1)].focus();
  say(`Cut: ${left.name} and ${right.name} are different.`);
}

// learning and the estimate

async function learn() {
  showLearning(await ask("learn"));
}

let watching = 0;
function showLearning(told) {
  clearTimeout(watching);
  $("learn-button").disabled = told.running;
  $("learning").hidden = !told.number;
  $("learning-bar").hidden = !told.running;
  $("learned-button").hidden = told.running || !told.changes;
  if (told.running) {
    $("learning-text").textContent = `The run learns${told.task ? ` (${told.task})` : ""}. You can go on answering.`;
    if (told.share === null) $("learning-bar").removeAttribute("value");
    else $("learning-bar").value = told.share;
    watching = setTimeout(watchLearning, 700);
  } else if (told.fault) {
    $("learning-text").textContent = told.fault;
  } else if (told.changes) {
    $("learning-text").textContent = `Learned: ${told.changes.summary}.`;
    showChanges(told.changes);
  }
}

async function watchLearning() {
  try {
    const told = await ask("learning");
    showLearning(told);
    if (told.running) return;
    if (!state.question) await doing(next); // else what lies before somebody stays there
    else if (state.filter.queue === "estimate") showLooked((await ask("estimate")).lines);
  } catch (error) {
    fault(error.message);
  }
}

function showChanges(changes) {
  $("learned-summary").textContent = `${changes.summary}.`;
  const items = changes.shown.map((each) => make("li", { dir: "auto" }, make("strong", {}, each.kind), " ",
    `${each.left} — ${each.right}`, each.was ? ` (before: ${each.was})` : "",
    make("small", {}, ` ${each.tipped}`)));
  if (changes.more) items.push(make("li", {}, `and ${changes.more} more: kgalign diff shows all of two runs`));
  $("learned").replaceChildren(...items);
}

function showLooked(lines) {
  $("looked").hidden = !lines;
  $("looked").replaceChildren(...(lines || []).map((line) => make("p", {}, line)));
}

async function showEstimate() {
  const { lines } = await ask("estimate");
  $("estimate").replaceChildren(...lines.map((line) => make("p", {}, line)));
  $("estimate-dialog").showModal();
}

async function showAgreement() {
  const { pairs, disagreements } = await ask("agreement");
  const lines = pairs.map((each) => make("li", { dir: "auto" },
    `${each.first || "somebody"} and ${each.second || "somebody"}: ${each.agreed} of ${each.both} the same, ` +
    (each.kappa === null ? "kappa is not defined" : `kappa ${each.kappa.toFixed(2)}`)));
  const apart = disagreements.map((several) => {
    const button = make("button", { type: "button" }, `${several[0].left} and ${several[0].right || "nothing"}: ` +
      several.map((each) => `${each.by || "somebody"} says ${each.verdict}`).join(", "));
    button.addEventListener("click", () => {
      $("agreement-dialog").close();
      doing(async () => {
        const { left, right } = several[0];
        showQuestion(await ask("beside", { left, right, queue: "disagreements" }));
        if (right) show(state.question.candidates.findIndex((each) => each.iri === right));
      });
    });
    return make("li", {}, button);
  });
  $("agreement").replaceChildren(
    lines.length ? make("ul", {}, ...lines) : make("p", {}, "No two people have answered the same question yet."),
    make("h3", {}, `Disagreements: ${apart.length}`), make("ul", {}, ...apart));
  $("agreement-dialog").showModal();
}
