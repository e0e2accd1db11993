// The list of episodes: only the rows in view exist.

const HEIGHT = 46;
const MARKS = { correct: "●", wrong: "○" };

class List {
  constructor(data, chosen) {
    Object.assign(this, { data, chosen, found: [], place: new Map(), current: -1 });
    this.box = document.getElementById("list");
    this.rows = document.getElementById("rows");
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.rows.addEventListener("click", event => {
      const row = event.target.closest(".row");
      if (row) this.chosen(Number(row.dataset.episode));
    });
  }

  show(found) {
    this.found = found;
    this.place = new Map(found.map((i, at) => [i, at]));
    this.rows.style.height = `${found.length * HEIGHT}px`;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / HEIGHT) - 4);
    const last = Math.min(this.found.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / HEIGHT) + 4);
    this.rows.replaceChildren(...this.found.slice(first, last).map((i, at) => this.row(i, first + at)));
    if (this.place.has(this.current)) this.box.setAttribute("aria-activedescendant", `row-${this.current}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  row(i, at) {
    const { data } = this, { index } = data, status = data.status(i);
    const dot = make("span", `dot ${status}`, MARKS[status] ?? "◍");
    const change = index.change[i] ? make("span", index.change[i] > 0 ? "correct" : "wrong", index.change[i] > 0 ? "↗" : "↘") : null;
    const name = words(data.task(i), "span", "name");
    const from = data.source(i) === "training" ? "" : `${data.source(i)} `;
    const head = make("div", "", dot, name, change, make("span", "at", `${from}step ${index.step[i]}`));
    const row = make("div", "row", head, make("div", "", make("span", "said", flat(index.preview[i]))));
    row.id = `row-${i}`;
    row.dataset.episode = i;
    row.style.top = `${at * HEIGHT}px`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", i === this.current);
    row.setAttribute("aria-setsize", this.found.length);
    row.setAttribute("aria-posinset", at + 1);
    row.setAttribute("aria-label", `${flat(data.task(i))}, ${status}, ${from}step ${index.step[i]}`);
    return row;
  }

  select(i) {
    this.current = i;
    const at = this.place.get(i);
    if (at !== undefined) {
      const top = at * HEIGHT, { scrollTop, clientHeight } = this.box;
      if (top < scrollTop) this.box.scrollTop = top - HEIGHT;
      else if (top + HEIGHT > scrollTop + clientHeight) this.box.scrollTop = top - clientHeight + 2 * HEIGHT;
    }
    this.draw();
  }

  /** The episode so many rows further on, or the first one. */
  next(by) {
    const at = this.place.get(this.current);
    return this.found[at === undefined ? 0 : Math.min(Math.max(at + by, 0), this.found.length - 1)];
  }
}

/** What the form asks for, and which episodes have it. */
class Filters {
  constructor(data, changed) {
    Object.assign(this, { data, changed, statuses: new Set(), turn: 0 });
    const { index } = data, of = key => [...new Set(index.runs.map(run => run[key]))];
    this.field = Object.fromEntries(
      ["search", "source", "change", "setting", "label", "seed", "from", "to", "recorded"].map(id => [id, document.getElementById(id)]),
    );
    for (const [id, values] of [["source", index.sources], ["setting", of("setting")], ["label", of("label")], ["seed", of("seed")]]) {
      this.field[id].append(...["", ...values].map(value => Object.assign(make("option", "", flat(value) || "any"), { value })));
      this.field[id].closest("label").hidden = values.length < 2;
    }
    const steps = index.step.reduce(([low, high], step) => [Math.min(low, step), Math.max(high, step)], [Infinity, 0]);
    Object.assign(this.field.from, { placeholder: steps[0] }), Object.assign(this.field.to, { placeholder: steps[1] });
    this.field.recorded.closest("label").hidden = !index.recorded.includes(1);
    const form = document.getElementById("filters");
    form.addEventListener("submit", event => event.preventDefault());
    form.addEventListener("input", () => this.apply());
    this.chips = document.getElementById("statuses");
    this.chips.append(...index.statuses.map((status, number) => {
      const chip = make("button", "", make("span", `dot ${status}`, MARKS[status] ?? "◍"), ` ${flat(status)} `, make("b"));
      chip.type = "button";
      chip.setAttribute("aria-pressed", "false");
      chip.addEventListener("click", () => {
        const on = !this.statuses.delete(number) && Boolean(this.statuses.add(number));
        chip.setAttribute("aria-pressed", on);
        this.apply();
      });
      return chip;
    }));
  }

  async apply() {
    const turn = ++this.turn, { data, field } = this, { index } = data;
    const value = id => field[id].value;
    const runs = index.runs.map(run => ["setting", "label", "seed"].every(key => !value(key) || run[key] === value(key)));
    const low = value("from") === "" ? -Infinity : Number(value("from")), high = value("to") === "" ? Infinity : Number(value("to"));
    const source = value("source") && index.sources.indexOf(value("source")), change = value("change") && Number(value("change"));
    const wanted = value("search").trim().toLowerCase(), count = document.getElementById("count");
    const texts = wanted && await data.searchable(share => { if (turn === this.turn) count.value = `reading ${Math.round(100 * share)} %`; });
    if (turn !== this.turn) return;
    const counts = index.statuses.map(() => 0), found = [];
    for (let i = 0; i < data.length; i++) {
      if (!runs[index.run[i]] || index.step[i] < low || index.step[i] > high) continue;
      if (source !== "" && index.source[i] !== source || change !== "" && index.change[i] !== change) continue;
      if (field.recorded.checked && !index.recorded[i] || wanted && !texts[i].includes(wanted)) continue;
      counts[index.status[i]]++;
      if (!this.statuses.size || this.statuses.has(index.status[i])) found.push(i);
    }
    this.chips.querySelectorAll("b").forEach((b, number) => { b.textContent = counts[number]; });
    count.value = `${found.length.toLocaleString("en")} of ${data.length.toLocaleString("en")} episodes`;
    this.changed(found);
  }
}
