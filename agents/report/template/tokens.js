// Tokens: their shading, and the panel that tells the numbers of one.

const MODES = {
  none: { label: "none", key: "0" },
  cost: { label: "local cost", key: "1", about: "divergence of student from expert at the token, nats" },
  credit: { label: "future credit", key: "2", about: "factor of log q(y) in what is maximised: blue is pushed up, red down" },
  entropy: { label: "entropy", key: "3", about: "of the student, nats" },
};
const NUMBERS = {
  logp: "log-probability", entropy: "entropy, nats", cost: "local cost, nats", weight: "local weight", credit: "future credit",
};
const SPECIAL = /^<[|｜].*[|｜]>$|^<\/?s>$|^<(bos|eos|pad|unk)>$|^\[(PAD|UNK|CLS|SEP|EOS|BOS)\]$/su;

/** The token's text as an element; those that are not words of a text stand in a frame. */
function tokenText(text) {
  return SPECIAL.test(text) ? make("span", "special", flat(text)) : words(text, "span", "");
}

/** The token alone, where spaces at its ends would not be seen. */
function tokenAlone(text) {
  const [, before, inner, after] = /^( *)(.*?)( *)$/s.exec(text), dots = spaces => (spaces ? make("span", "ctl", "·".repeat(spaces.length)) : null);
  return SPECIAL.test(text) ? tokenText(text) : make("span", "", dots(before), words(inner, "span", ""), dots(after));
}

/** Where each token of an attempt lies in the attempt's text: [start, end] in code points, or null. */
function align(texts, text) {
  const target = points(text);
  let at = 0;
  return texts.map(token => {
    const own = points(token);
    if (!own.length || !own.every((c, i) => target[at + i] === c)) return null;
    at += own.length;
    return [at - own.length, at];
  });
}

class Shading {
  constructor() {
    this.mode = "cost";
  }

  /** The largest value of these episodes, which is shaded fully; never so small that noise looks like much. */
  limit(recorded) {
    const values = this.mode === "none" ? [] : recorded.flatMap(each => each[this.mode].map(Math.abs));
    return values.reduce((a, b) => Math.max(a, b), 0.05);
  }

  paint(elements, recorded, limit) {
    for (const [place, element] of elements) {
      const value = this.mode === "none" ? 0 : recorded[this.mode][place];
      const hue = this.mode === "credit" ? (value < 0 ? "down" : "up") : this.mode;
      element.style.setProperty("--hue", this.mode === "none" ? "transparent" : `var(--${hue})`);
      element.style.setProperty("--heat", `${Math.round(85 * Math.sqrt(Math.min(Math.abs(value) / limit, 1)))}%`);
    }
  }

  scale(limit) {
    if (this.mode === "none") return make("span", "scale");
    const top = short(limit), bottom = this.mode === "credit" ? `−${top}` : "0";
    return make("span", "scale", bottom, make("i", this.mode), top, make("span", "", MODES[this.mode].about));
  }
}

function bars(title, kind, top, taken) {
  const rows = top.map(([text, probability]) => {
    const bar = make("i");
    bar.style.width = `${100 * probability}%`;
    const row = make("div", `top${text === taken ? " taken" : ""}`, bar, tokenAlone(text), make("span", "", exact(probability)));
    row.setAttribute("aria-label", `${flat(text)} ${exact(probability)}`);
    return row;
  });
  return make("div", kind, make("h3", "", title), ...rows);
}

/** The panel of one token, all numbers as stored. */
function tokenPanel(recorded, place, drawn) {
  const what = make("div", "what", tokenAlone(recorded.text[place]));
  const list = make("dl", "numbers");
  const values = Object.entries(NUMBERS).map(([name, told]) => [name, told, recorded[name][place]]);
  for (const [name, told, value] of [...values, ["drawn", "log-p. when drawn", drawn]]) {
    const number = make("dd", "", exact(value));
    number.dataset.field = name;
    list.append(make("div", "", make("dt", "", told), number));
  }
  const tops = make("div", "tops", bars("student", "student", recorded.student[place], recorded.text[place]));
  if (recorded.expert) tops.append(bars("expert", "expert", recorded.expert[place], recorded.text[place]));
  else tops.append(make("div", "expert", make("h3", "", "expert"), make("small", "", "this learner has none")));
  return [make("h3", "", `token ${place + 1} of ${recorded.text.length}`), what, list, tops];
}
