// Text of models, programs and files is shown through text nodes only. What cannot be seen is made visible.

const HIDDEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e0fff}]/u;

const CONTROLS = ("NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US").split(" ");

const code = character => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** What stands for a character that cannot be seen; in signs that every font has. */
function sign(character) {
  if (character === "\n") return "↵";
  return `⟨${character === "\u007f" ? "DEL" : CONTROLS[character.codePointAt(0)] ?? code(character)}⟩`;
}

/** The text on one line, for labels and titles. */
const flat = text => Array.from(String(text), c => (HIDDEN.test(c) ? sign(c) : c)).join("");

/** An element with a class, properties by name and children, which are elements or text. */
function make(tag, kind = "", ...children) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** Append text to an element, control characters as signs; line breaks and tabs break and space as well. */
function write(element, text) {
  let plain = "";
  for (const character of String(text)) {
    if (!HIDDEN.test(character)) {
      plain += character;
      continue;
    }
    if (plain) element.append(plain);
    const mark = make("span", "ctl", sign(character));
    mark.title = code(character);
    element.append(mark);
    plain = character === "\n" || character === "\t" ? character : "";
  }
  if (plain) element.append(plain);
  return element;
}

/** An element that holds text. */
const words = (text, tag = "div", kind = "words") => write(make(tag, kind), text);

/** Code points as the offsets of spans count them, which Python counted. */
const points = text => Array.from(String(text));

/** A number as it is stored. */
const exact = value => (value === null || value === undefined ? "–" : String(value));

/** A value that may be anything, as text. */
const shown = value => (typeof value === "string" ? value : JSON.stringify(value, null, 1));

const short = value => (Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
