// The playground: the conversation lives here and nowhere else; the server words everything that is shown of a run.
import { Refused, run } from "./playground_stream.js";

const CODE_AFTER_MS = 500;
const OUTCOME_AFTER_MS = [200, 400, 800, 1600, 3000, 6000, 10000];
const form = document.querySelector("form.playground");

function part(name, within = form) {
  return within.querySelector(`[data-${name}]`);
}

function put(place, html) {
  place.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
}

class Playground {
  constructor() {
    this.message = form.elements.message;
    this.history = form.elements.history;
    this.turns = part("turns");
    this.stopping = null;
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("input", (event) => this.typed(event));
    form.addEventListener("invalid", (event) => this.unfold(event.target), true);
    form.elements.model.addEventListener("change", () => this.chosen());
    part("stop").addEventListener("click", () => this.stopping?.abort());
    part("clear").addEventListener("click", (event) => this.clear(event));
  }

  get said() {
    return JSON.parse(this.history.value || "[]");
  }

  set said(turns) {
    this.history.value = JSON.stringify(turns);
    part("clear").hidden = !turns.length;
  }

  key(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    if (!part("submit").disabled) form.requestSubmit();
  }

  typed({ target }) {
    target.removeAttribute("aria-invalid");
    this.codeSoon();
  }

  // A folded field that is wrong could not be seen, nor focused.
  unfold(field) {
    const folded = field.closest("details");
    if (folded) folded.open = true;
  }

  chosen() {
    const { value, selectedOptions } = form.elements.model;
    part("price").textContent = selectedOptions[0].dataset.price;
    part("model-page").href = `/models/${value.split("/").map(encodeURIComponent).join("/")}`;
  }

  submit(event) {
    event.preventDefault();
    if (!this.stopping) this.run(new FormData(form), this.message.value);
  }

  async run(body, asked) {
    this.stopping = new AbortController();
    this.busy(true);
    part("failure").replaceChildren();
    const person = this.turn("person", asked);
    const model = this.turn("model", "", form.elements.model.value);
    this.state(model, form.dataset.running);
    this.message.value = "";
    const went = { text: "", request: "", failed: false, over: false };
    try {
      for await (const [kind, data] of run(form.dataset.run, body, this.stopping.signal)) {
        this.take(kind, data, model, went);
        if (went.over) break;
      }
      if (!went.over) this.fail(model, went, form.dataset.lost);
    } catch (error) {
      this.broken(error, model, went);
    }
    this.finish(person, model, asked, went);
  }

  take(kind, data, model, went) {
    if (kind === "begun") {
      went.request = data.request;
      part("first")?.remove(); // The key that it speaks of is there now.
    }
    if (kind === "thinking" && !went.text) this.state(model, form.dataset.thinking);
    if (kind === "text") {
      if (!went.text) this.state(model, form.dataset.running);
      went.text += data.text;
      part("turn-text", model).append(data.text);
    }
    if (kind === "failed") {
      went.failed = true;
      put(part("failure"), data.html);
    }
    if (kind === "ended") {
      went.over = true;
      this.state(model, data.said);
      put(part("turn-after", model), data.html);
      const figures = [...part("turn-after", model).querySelectorAll("dd")].slice(0, 3);
      part("said").textContent = [data.said, ...figures.map((one) => one.textContent.trim())].join(", ");
    }
  }

  broken(error, model, went) {
    if (error.name === "AbortError") {
      this.state(model, form.dataset.stopped);
      part("said").textContent = form.dataset.stopped;
      went.stopped = true;
    } else if (error instanceof Refused) {
      const { html, fields = [] } = error.told;
      went.failed = true;
      if (html) put(part("failure"), html);
      else this.fail(model, went, form.dataset.signedout);
      for (const field of fields.map((name) => form.elements[name]).filter(Boolean)) {
        field.setAttribute("aria-invalid", "true");
        this.unfold(field);
      }
    } else {
      this.fail(model, went, form.dataset.lost);
    }
  }

  fail(model, went, words) {
    went.failed = true;
    this.state(model, form.dataset.cut);
    this.notice("notice-bad", words);
  }

  notice(kind, words) {
    const made = document.createElement("p");
    made.className = `notice ${kind}`;
    made.textContent = words;
    part("failure").replaceChildren(made);
  }

  finish(person, model, asked, went) {
    let place = part("turn-after", model);
    if (went.text) {
      this.said = [...this.said, { role: "user", content: asked }, { role: "assistant", content: went.text }];
    } else {
      // Nothing came: what was asked goes back to where it can be asked again, what it cost stands by the reason.
      if (!this.message.value) this.message.value = asked;
      if (went.stopped) this.notice("", form.dataset.stopped);
      part("failure").append(...place.childNodes);
      place = part("failure").appendChild(document.createElement("div"));
      person.remove();
      model.remove();
    }
    if (went.failed) part("said").textContent = part("failure").textContent.trim();
    this.stopping = null;
    this.busy(false);
    if (went.request && !went.over) this.count(place, went.request);
    this.codeSoon();
  }

  // A run that was stopped is counted when the upstream has heard of it: asked for a few times, further and further apart.
  async count(place, request) {
    place.textContent = form.dataset.counting;
    const url = form.dataset.outcome.replace(/[0-9a-f-]{36}$/, request);
    let page = "";
    for (const pause of OUTCOME_AFTER_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      const answer = await fetch(url).catch(() => null);
      if (!answer?.ok) continue;
      const told = await answer.json();
      page = told.url;
      if (!told.html) continue;
      put(place, told.html);
      return;
    }
    place.textContent = `${form.dataset.counted} `;
    if (page) place.append(Object.assign(document.createElement("a"), { href: page, textContent: form.dataset.open }));
  }

  turn(who, text, name = "") {
    const made = document.getElementById(`turn-${who}`).content.firstElementChild.cloneNode(true);
    part("turn-text", made).textContent = text;
    const model = part("turn-model", made);
    if (model) model.textContent = name;
    this.turns.append(made);
    made.scrollIntoView({ block: "nearest" });
    return made;
  }

  state(model, words) {
    const place = part("turn-state", model);
    place.textContent = words;
    place.hidden = !words;
  }

  busy(is) {
    part("submit").disabled = is;
    part("stop").hidden = !is;
    if (is) part("said").textContent = form.dataset.running;
    part("clear").hidden = is || !this.said.length;
  }

  clear(event) {
    event.preventDefault();
    this.said = [];
    this.turns.replaceChildren();
    part("failure").replaceChildren();
    part("said").textContent = form.dataset.cleared;
    this.message.focus();
    this.codeSoon();
  }

  codeSoon() {
    clearTimeout(this.coding);
    this.coding = setTimeout(() => this.code(), CODE_AFTER_MS);
  }

  async code() {
    const answer = await fetch(form.dataset.code, { method: "POST", body: new FormData(form) }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const code of fresh.querySelectorAll("pre code")) {
      document.getElementById(code.id)?.replaceChildren(...code.childNodes);
    }
  }
}

if (form) new Playground();
