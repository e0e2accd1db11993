// One episode: task, attempts, and beside them the token looked at, feedback and trace.

class Viewer {
  constructor(data, go) {
    Object.assign(this, { data, go, shading: new Shading(), grouped: false, current: -1 });
    this.main = document.getElementById("episode");
    this.beside = document.getElementById("beside");
  }

  async show(i) {
    this.current = i;
    const episode = await this.data.episode(i);
    if (this.current !== i) return; // another one was asked for meanwhile
    this.episode = episode;
    this.elements = new Map();
    this.drawings = []; // tokens that are shaded, and what was recorded of them
    this.pinned = null;
    this.tokenBox = episode.recorded ? make("section", "token") : null;
    this.beside.replaceChildren(...[this.tokenBox].filter(Boolean));
    const parts = [this.head(i), ...this.siblings(i)];
    if (this.grouped) parts.push(this.tools(), ...(await this.cards(i)));
    else parts.push(this.prompt(), ...(episode.answer ? this.answer(episode.answer) : this.attempts()));
    if (this.current !== i) return;
    this.main.replaceChildren(...parts);
    this.main.scrollTop = this.beside.scrollTop = 0;
    this.main.dataset.episode = i;
    if (!this.drawings.length) this.main.querySelector(".tools")?.remove();
    this.shade();
    if (this.elements.size) this.look(this.costliest());
    else this.tokenBox?.remove();
  }

  head(i) {
    const { data } = this, { index } = data, run = data.run(i), status = data.status(i);
    const facts = [
      ["reward", exact(index.reward[i])], ["step", index.step[i]], ["from", data.source(i)], ["learner", run.label], ["seed", run.seed],
      ["run", run.name], ...(index.length[i] >= 0 ? [["tokens", index.length[i]]] : []),
      ...(this.episode.id ? [["rollout", this.episode.id]] : []),
    ];
    const title = words(data.task(i), "h2", "");
    title.id = "task-id";
    return make("header", "", make("div", "head", title, make("span", `badge ${status}`, flat(status))),
      make("div", "facts", ...facts.map(([name, value]) => make("span", "", `${name} `, make("b", "", flat(value))))));
  }

  siblings(i) {
    const { data } = this, members = data.group(i), { index } = data, over = this.episode.answer;
    if (members.length < 2) return [];
    const box = make("nav", "group", over ? "over training" : "group");
    box.setAttribute("aria-label", "Group");
    members.forEach((j, number) => {
      const chip = make("button", data.status(j), `${MARKS[data.status(j)] ?? "◍"} ${over ? `step ${index.step[j]}` : number + 1}`);
      chip.type = "button";
      chip.title = `${data.status(j)}, reward ${exact(index.reward[j])}`;
      chip.setAttribute("aria-current", j === i);
      chip.addEventListener("click", () => this.go(j));
      box.append(chip);
    });
    const all = make("button", "", "all (g)");
    all.type = "button";
    all.id = "group";
    all.setAttribute("aria-pressed", this.grouped);
    all.addEventListener("click", () => this.toggleGroup());
    box.append(all);
    return [box];
  }

  toggleGroup() {
    this.grouped = !this.grouped;
    this.show(this.current);
  }

  async cards(i) {
    const { data } = this;
    return Promise.all(data.group(i).map(async (j, number) => {
      const row = await data.episode(j), last = row.answer ?? row.attempts.at(-1), said = last.feedback?.text;
      const card = make("button", "block card", make("header", "", make("b", "", row.answer ? `step ${data.index.step[j]}` : `${number + 1}`),
        make("span", `badge ${data.status(j)}`, flat(data.status(j))), `reward ${exact(data.index.reward[j])}`));
      card.append(row.recorded ? this.shaded(row.recorded) : words(last.text));
      if (said) card.append(words(said, "div", "words note"));
      card.type = "button";
      card.setAttribute("aria-current", j === i);
      card.addEventListener("click", () => { this.grouped = false; this.go(j); });
      return card;
    }));
  }

  /** All tokens of another episode of the group, shaded as these are, without their numbers. */
  shaded(recorded) {
    const elements = recorded.text.map((text, place) => {
      const element = tokenText(text);
      element.classList.add(recorded.learned[place] ? "tok" : "fixed");
      return element;
    });
    this.drawings.push([new Map(elements.map((element, place) => [place, element])), recorded]);
    return make("div", "words", ...elements);
  }

  prompt() {
    const { prompt, reference } = this.episode;
    const box = make("section", "block prompt", make("header", "", "prompt"));
    if (prompt === null || prompt === undefined) box.append(make("small", "", "not recorded with evaluations; training met no task of this name, or several"));
    else if (typeof prompt === "string") box.append(words(prompt));
    else for (const turn of prompt) box.append(make("div", "role", flat(turn.role)), words(shown(turn.content)));
    if (reference !== undefined && reference !== null) {
      const details = make("details", "", make("summary", "", "reference"));
      const plain = typeof reference === "object" ? Object.entries(reference) : [["reference", reference]];
      const list = make("dl");
      for (const [name, value] of plain) list.append(make("dt", "", flat(name)), make("dd", "", words(shown(value))));
      details.append(make("div", "event", list));
      box.append(details);
    }
    return box;
  }

  answer(answer) {
    const box = make("section", "block", make("header", "", "greedy answer in an evaluation"), words(answer.text ?? ""));
    const rest = Object.entries(answer).filter(([name, value]) => name !== "text" && value !== null && typeof value !== "undefined");
    this.beside.append(make("h3", "", "evaluation"), this.event({ kind: "", ...Object.fromEntries(rest) }, []));
    return [box];
  }

  attempts() {
    const { attempts, recorded } = this.episode, parts = [];
    if (recorded) parts.push(this.tools()), this.drawings.push([this.elements, recorded]);
    attempts.forEach((attempt, number) => {
      const { outcome } = attempt, several = attempts.length > 1;
      const title = make("header", "", several ? `attempt ${number + 1} of ${attempts.length}` : "completion");
      if (several && outcome) title.append(make("span", `badge ${outcome.status}`, flat(outcome.status)), `reward ${exact(outcome.reward)}`);
      if (!recorded) title.append(make("small", "", "tokens were not recorded"));
      const spans = [];
      this.notes(attempt, number, spans);
      const text = recorded ? this.tokens(attempt, spans) : this.plain(attempt.text, spans);
      parts.push(make("section", "block", title, text));
      const unseen = spans.filter(span => !span.elements.length);
      if (recorded && unseen.length) parts.push(make("section", "block", make("header", "", "what was graded"), this.plain(attempt.text, unseen)));
      if (attempt.reply) parts.push(make("section", "block", make("header", "", "reply of the environment"), words(attempt.reply)));
    });
    return parts;
  }

  /** Feedback and trace of an attempt; what points at the text adds to `spans`. */
  notes(attempt, number, spans) {
    const several = this.episode.attempts.length > 1 ? ` of attempt ${number + 1}` : "";
    const { feedback, outcome } = attempt;
    if (feedback) {
      const said = make("div", "said-by", words(feedback.text));
      const from = [feedback.source, feedback.reveals_reference ? "states the answer" : "", feedback.depends_on?.length ? `made from ${feedback.depends_on.join(", ")}` : ""];
      said.append(make("small", "", flat(from.filter(Boolean).join(" · "))));
      if (feedback.correction) said.append(make("div", "event", make("b", "", "correction"), words(feedback.correction)));
      this.points(said, feedback.spans ?? [], spans);
      this.beside.append(make("h3", "", `feedback${several}`), said);
    }
    const events = outcome?.trace?.events ?? [];
    if (outcome) this.beside.append(make("h3", "", `trace${several}`));
    if (outcome && outcome.answer !== null) this.beside.append(this.event({ kind: "answer as read", text: outcome.answer }, spans));
    for (const event of events) this.beside.append(this.event(event, spans));
    if (outcome && !events.length) this.beside.append(make("small", "", "no events"));
  }

  event(event, spans) {
    const { kind, name, passed, span, ...rest } = event;
    const verdict = passed === undefined ? "" : passed ? " pass" : " fail";
    const list = make("dl");
    for (const [key, value] of Object.entries(rest)) {
      if (key === "public" && value) continue; // as most are
      if (value === "" || value === null || value === false || (typeof value === "object" && !Object.keys(value).length)) continue;
      list.append(make("dt", "", flat(key.replaceAll("_", " "))), make("dd", "", words(this.lines(key, value))));
    }
    const title = [passed === undefined ? "" : passed ? "✓" : "✗", kind, name].filter(Boolean).join(" ");
    const box = make("div", `event${verdict}`, make("b", "", flat(title)), list);
    if (span) this.points(box, [span], spans);
    return box;
  }

  /** Executed lines and frames read as lines; everything else as it is. */
  lines(key, value) {
    if (!Array.isArray(value) || !value.length || typeof value[0] !== "object") return shown(value);
    return value.map(item => {
      const state = Object.entries(item.changed ?? item.locals ?? {}).map(([name, is]) => `${name} = ${is}`).join(", ");
      const where = [item.function, item.line].filter(part => part !== undefined && part !== "").join(":");
      return item.line === undefined ? shown(item) : `${where}  ${item.code ?? ""}${state ? `    ${state}` : ""}`;
    }).join("\n");
  }

  /** Looking at `source` lights the parts of the text that it points at. */
  points(source, ranges, spans) {
    const own = ranges.map(([start, end]) => ({ start, end, elements: [] }));
    if (!own.length) return;
    spans.push(...own);
    source.classList.add("points");
    source.tabIndex = 0;
    const light = on => () => own.forEach(span => span.elements.forEach(element => element.classList.toggle("lit", on)));
    for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) source.addEventListener(event, light(on));
  }

  /** Text with the spans in it marked; an empty span marks the character before it. */
  plain(text, spans) {
    const all = points(text), box = make("div", "words");
    const ranges = spans.map(span => ({ span, start: Math.min(span.start, span.end === span.start ? Math.max(span.start - 1, 0) : span.start), end: span.end || 1 }));
    const edges = [...new Set([0, all.length, ...ranges.flatMap(({ start, end }) => [start, end])])].filter(at => at <= all.length).sort((a, b) => a - b);
    edges.slice(0, -1).forEach((start, number) => {
      const part = all.slice(start, edges[number + 1]).join(""), over = ranges.filter(range => range.start <= start && start < range.end);
      const piece = words(part, "span", over.length ? "spanned" : "");
      over.forEach(({ span }) => span.elements.push(piece));
      box.append(piece);
    });
    return box;
  }

  tools() {
    const box = make("div", "tools", "shade by ");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Shading");
    for (const [mode, { label, key }] of Object.entries(MODES)) {
      const button = make("button", "", `${label} `, make("kbd", "", key));
      button.type = "button";
      button.dataset.mode = mode;
      button.addEventListener("click", () => this.shade(mode));
      box.append(button);
    }
    return box;
  }

  shade(mode = this.shading.mode) {
    this.shading.mode = mode;
    const box = this.main.querySelector(".tools");
    if (!box) return;
    const limit = this.shading.limit(this.drawings.map(([, recorded]) => recorded));
    for (const [elements, recorded] of this.drawings) this.shading.paint(elements, recorded, limit);
    box.querySelectorAll("button").forEach(button => button.setAttribute("aria-pressed", button.dataset.mode === mode));
    box.querySelector(".scale")?.remove();
    box.append(this.shading.scale(limit));
  }

  tokens(attempt, spans) {
    const { recorded } = this.episode, [start, end] = attempt.tokens, box = make("div", "words");
    const lastInserted = attempt.inserted.at(-1)?.[1] ?? 0, texts = recorded.text.slice(start, end);
    const where = align(texts.map((text, at) => (at < lastInserted ? "" : text)), attempt.text);
    for (let place = start; place < end; place++) {
      const text = recorded.text[place], element = tokenText(text), over = where[place - start];
      if (recorded.learned[place]) this.learnable(element, place);
      else element.classList.add("fixed"), (element.title = "no part of the loss");
      const touching = over ? spans.filter(span => over[0] < Math.max(span.end, span.start) && Math.min(span.start, span.start === span.end ? span.end - 1 : span.start) < over[1]) : [];
      for (const span of touching) span.elements.push(element), element.classList.add("spanned");
      box.append(element);
    }
    return box;
  }

  learnable(element, place) {
    const { recorded } = this.episode;
    element.classList.add("tok");
    element.dataset.place = place;
    element.tabIndex = this.elements.size ? -1 : 0; // one stop for Tab; arrows go on from there
    element.setAttribute("role", "button");
    element.setAttribute("aria-label", `${flat(recorded.text[place])}, log-probability ${recorded.logp[place]}, cost ${recorded.cost[place]}, ` +
      `credit ${recorded.credit[place]}, entropy ${recorded.entropy[place]}`);
    element.addEventListener("mouseenter", () => this.look(place));
    element.addEventListener("mouseleave", () => this.pinned !== null && this.look(this.pinned));
    element.addEventListener("focus", () => this.look(place));
    element.addEventListener("click", () => this.pin(place));
    element.addEventListener("keydown", event => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Enter" || event.key === " ") this.pin(place);
      else if (by) this.step(place, by);
      else return;
      event.preventDefault();
    });
    this.elements.set(place, element);
  }

  step(place, by) {
    const places = [...this.elements.keys()], next = this.elements.get(places[places.indexOf(place) + by]);
    if (!next) return;
    this.elements.get(place).tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  pin(place) {
    this.elements.get(this.pinned)?.classList.remove("pinned");
    this.pinned = this.pinned === place ? null : place;
    this.elements.get(this.pinned)?.classList.add("pinned");
    this.look(place);
  }

  /** Where student and expert differ most: what to look at first. */
  costliest() {
    const { recorded } = this.episode, places = [...this.elements.keys()];
    return places.reduce((best, place) => (recorded.cost[place] > recorded.cost[best] ? place : best), places[0]);
  }

  look(place) {
    if (place === undefined) return;
    this.main.querySelector(".looked")?.classList.remove("looked");
    this.elements.get(place).classList.add("looked");
    const { recorded, attempts } = this.episode;
    let before = 0; // tokens that the policy made before this one
    for (const { tokens: [start, end], inserted } of attempts) {
      const fixed = at => inserted.some(([a, b]) => start + a <= at && at < start + b);
      for (let at = start; at < Math.min(end, place); at++) before += !fixed(at);
    }
    this.tokenBox.replaceChildren(...tokenPanel(recorded, place, recorded.drawn?.[before]));
    this.tokenBox.dataset.place = place;
  }
}
