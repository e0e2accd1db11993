// What lies in the page, opened when it is looked at.

async function open(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** Blocks of one kind; the last few that were looked at stay open. */
class Blocks {
  constructor(kind, size, keep = 24) {
    Object.assign(this, { kind, size, keep, opened: new Map() });
  }

  async at(place) {
    const number = Math.floor(place / this.size);
    if (!this.opened.has(number)) {
      if (this.opened.size >= this.keep) this.opened.delete(this.opened.keys().next().value);
      this.opened.set(number, open(`${this.kind}-${number}`));
    }
    return (await this.opened.get(number))[place % this.size];
  }
}

class Data {
  constructor(index) {
    this.index = index;
    this.length = index.step.length;
    this.words = new Blocks("words", index.inBlock[0]);
    this.tokens = new Blocks("tokens", index.inBlock[1]);
    let count = 0;
    this.place = index.recorded.map(flag => (flag ? count++ : -1));
    this.members = new Map();
    index.group.forEach((group, i) => {
      if (!this.members.has(group)) this.members.set(group, []);
      this.members.get(group).push(i);
    });
    this.haystack = null;
  }

  static load = async () => new Data(await open("index"));

  run = i => this.index.runs[this.index.run[i]];
  task = i => this.index.tasks[this.index.task[i]];
  status = i => this.index.statuses[this.index.status[i]];
  source = i => this.index.sources[this.index.source[i]];
  group = i => this.members.get(this.index.group[i]);

  /** Words and recorded tokens (or null) of an episode. */
  async episode(i) {
    const recorded = this.place[i] < 0 ? null : this.tokens.at(this.place[i]);
    return { ...(await this.words.at(i)), recorded: await recorded };
  }

  /** Everything that can be searched, in lower case, made once; whoever asked last is told how far it is. */
  searchable(progress) {
    this.progress = progress;
    return (this.haystack ??= this.read());
  }

  async read() {
    const found = [];
    for (let start = 0; start < this.length; start += this.words.size) {
      for (const row of await open(`words-${start / this.words.size}`)) {
        const said = row.answer ? [row.answer.text] : row.attempts.flatMap(each => [each.text, each.reply, each.feedback?.text]);
        found.push([this.task(found.length), row.prompt && shown(row.prompt), ...said].filter(Boolean).join("\n").toLowerCase());
      }
      this.progress(found.length / this.length);
    }
    return found;
  }
}
