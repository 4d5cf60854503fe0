// The table of samples, as the page carries it, and small tools to make elements without HTML text.

/** Make an element; texts among the children stay texts, so nothing of a data set is taken for HTML. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const $ = (id) => document.getElementById(id);

/** 0.1234 as 0.123, 12345 as 12,345. */
function shortNumber(value) {
  if (value == null) return "–";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

function readTable() {
  const data = JSON.parse($("rows").textContent);
  const { coded, instruction, keys, rows } = data;
  const places = new Map(keys.map((key, place) => [key, place]));
  const pictured = new Set(data.pictured);
  const blocks = new Map();
  const text = (name, place) => (coded[name] ? coded[name].names[coded[name].codes[place]] : "");
  return {
    count: keys.length,
    scores: data.scores,
    names: (name) => coded[name].names,
    code: (name, place) => coded[name].codes[place],
    key: (place) => keys[place],
    text,
    instruction: (place) => (instruction.names.length ? instruction.names[instruction.codes[place]] : ""),
    start: (place) => data.start_s[place] ?? null,
    placeOf: (key) => places.get(key),
    hasPicture: (place) => pictured.has(rows[place]),
    /** The chosen order: any beginning of it has something of every source, task and split. */
    chosen: data.pictured.map((row) => rows.indexOf(row)),
    /** What the page carries of a sample with a picture; read when it is first asked for. */
    block(place) {
      if (!pictured.has(rows[place])) return null;
      if (!blocks.has(place)) blocks.set(place, JSON.parse($(`sample-${rows[place]}`).textContent));
      return blocks.get(place);
    },
    /** One lower-case text a sample, in which a search looks. */
    searched: keys.map((key, place) =>
      [key, text("uri", place), instruction.names.length ? instruction.names[instruction.codes[place]] : ""].join("\n").toLowerCase(),
    ),
  };
}
