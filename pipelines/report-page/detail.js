// One sample in a dialog: its picture in motion, what is said, done and measured, and how to ask further.

class Detail {
  /** step(by) moves to a neighbour in the list and gives its place, or null. */
  constructor(dialog, table, step) {
    Object.assign(this, { dialog, table, step });
    dialog.addEventListener("close", () => this.closed());
    dialog.addEventListener("keydown", (event) => this.onKey(event));
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    new ResizeObserver(() => this.fit()).observe(dialog);
  }

  show(place) {
    this.leave();
    const { table } = this;
    const sample = table.block(place);
    const key = table.key(place);
    this.stage = sample ? new Stage(sample, `Marked picture of ${key}`) : null;
    const chips = ["task", "split", "dataset"].map((name) =>
      make("span", { class: name === "task" ? `chip of-${table.text(name, place)}` : "chip", dir: "auto" }, table.text(name, place)),
    );
    const bar = make(
      "div",
      { class: "dialog-bar" },
      make("h3", { id: "detail-key", tabindex: "-1" }, key),
      make("button", { type: "button", onclick: () => this.move(-1), "aria-label": "Previous sample" }, "‹"),
      make("button", { type: "button", onclick: () => this.move(1), "aria-label": "Next sample" }, "›"),
      make("button", { type: "button", onclick: () => this.dialog.close(), "aria-label": "Close" }, "×"),
    );
    const left = make("div", { class: "left" }, this.holder(sample), sample ? this.controls(sample) : null, sample ? further(sample) : null);
    const right = make(
      "div",
      { class: "right" },
      make("p", { class: "chips" }, ...chips),
      command(key),
      sample ? conversation(sample) : noPicture(table.instruction(place)),
      sample ? action(sample) : null,
      this.scores(place),
      sample ? this.marks(sample) : null,
      sample ? facts("Source", sample.source) : facts("Source", { uri: table.text("uri", place), shard: table.text("shard", place), start_s: table.start(place) }),
      sample && framesOf(sample) > 1 ? facts("Motion", { tracker: sample.tracker, ...sample.motion }) : null,
      make("p", { class: "small" }, "In ", make("code", {}, `shards/${table.text("shard", place)}.tar`), ". ", make("a", { href: `#sample=${key}` }, "Link to this sample"), "."),
    );
    this.dialog.replaceChildren(bar, make("div", { class: "columns" }, left, right));
    if (!this.dialog.open) this.dialog.showModal();
    history.replaceState(null, "", `#sample=${key}`);
    $("detail-key").focus({ preventScroll: true });
    this.dialog.scrollTop = 0;
    this.enter();
  }

  enter() {
    if (!this.stage) return;
    this.fit();
    clock.stages.add(this.stage);
    clock.start();
  }

  leave() {
    if (this.stage) clock.stages.delete(this.stage);
    this.stage = null;
  }

  closed() {
    this.leave();
    history.replaceState(null, "", "#samples");
    $("view").focus({ preventScroll: true });
  }

  move(by) {
    const place = this.step(by);
    if (place != null) this.show(place);
  }

  fit() {
    const holder = this.dialog.querySelector(".holder");
    if (!this.stage || !holder?.clientWidth) return;
    // A page that is far taller than wide is scrolled through, or it could not be read.
    const [wide, high] = this.stage.sample.size;
    this.stage.fit(holder.clientWidth, high > 2.2 * wide ? Infinity : innerHeight * 0.68, 2);
  }

  onKey(event) {
    if (event.target.matches("input, select, button, summary, a, pre") && event.key !== "Escape") {
      if (event.key === " " || event.key === "Enter" || event.target.matches("input, select")) return;
    }
    if (event.key === "ArrowRight") this.move(1);
    else if (event.key === "ArrowLeft") this.move(-1);
    else if (event.key === " ") clock.set(!clock.playing);
    else return;
    event.preventDefault();
  }

  holder(sample) {
    if (sample) return make("div", { class: "holder" }, this.stage.element);
    return make("div", { class: "holder none" }, "The picture of this sample is not in this page.");
  }

  controls(sample) {
    const last = framesOf(sample) - 1;
    const { stage } = this;
    const size = `${sample.was[0]} × ${sample.was[1]}`;
    if (last < 1) return make("p", { class: "small" }, `${size}; one picture, nothing moves`);
    const frame = make("output", {});
    const slider = make("input", {
      type: "range",
      min: 0,
      max: last,
      step: 0.01,
      "aria-label": "Frame",
      oninput: () => {
        stage.held = Number(slider.value);
        if (clock.playing) clock.set(false);
        stage.draw();
      },
    });
    const play = make("button", { type: "button", onclick: () => clock.set(!clock.playing) });
    const tell = (playing) => {
      if (playing) stage.held = null;
      play.textContent = playing ? "Pause" : "Play";
    };
    tell(clock.playing);
    clock.listeners = [...clock.listeners.filter((one) => !one.ofDetail), Object.assign(tell, { ofDetail: true })];
    stage.onDraw = (time) => {
      if (stage.held == null) slider.value = time;
      frame.textContent = `${(time * sample.step_s).toFixed(2)} s, frame ${Math.round(time)} of ${last}`;
    };
    const speed = make(
      "select",
      { "aria-label": "Speed", onchange: () => (stage.speed = Number(speed.value)) },
      ...[[1, "1 ×"], [0.5, "½ ×"], [0.25, "¼ ×"]].map(([value, said]) => make("option", { value }, said)),
    );
    const traces = make("input", { type: "checkbox", checked: true, onchange: () => ((stage.traces = traces.checked), stage.draw()) });
    return make("div", { class: "controls" }, play, slider, speed, make("label", {}, traces, "traces"), frame, make("span", { class: "small" }, size));
  }

  scores(place) {
    const measured = this.table.scores.filter((score) => score.values[place] != null);
    const rows = measured.map((score) =>
      make("tr", {}, make("th", { scope: "row", title: score.meaning ?? "" }, score.name), make("td", { class: "number" }, `${shortNumber(score.values[place])} ${score.unit === "0..1" ? "" : score.unit}`)),
    );
    return part("Quality", make("table", {}, make("tbody", {}, ...rows)));
  }

  marks(sample) {
    const { stage } = this;
    const rows = sample.marks.map((mark, index) =>
      make(
        "li",
        { onpointerenter: () => ((stage.marked = index), stage.draw()), onpointerleave: () => ((stage.marked = null), stage.draw()) },
        make("b", {}, String(mark[0])),
        mark[1] ? make("span", { class: "fore" }, " foreground") : null,
        mark[0] === sample.target ? make("span", { class: "fore" }, " target") : null,
        mark[3] ? ` ${mark[3]}` : "",
        mark[2] ? make("q", { dir: "auto" }, mark[2]) : null,
      ),
    );
    const list = make("details", { open: rows.length < 30 }, make("summary", {}, `${rows.length} marks`), make("ol", { class: "marks" }, ...rows));
    return rows.length ? list : null;
  }
}

function part(title, ...children) {
  return make("section", {}, make("h4", {}, title), ...children);
}

/** The data set's folder, where the page lies in its meta/ on this disk. */
function ownFolder() {
  try {
    const path = location.protocol === "file:" ? decodeURIComponent(location.pathname) : "";
    return /^(.+)\/meta\/[^/]+$/.exec(path)?.[1];
  } catch {
    return undefined; // a path that is not UTF-8
  }
}

/** The command that says why; where the page lies in its data set, with the folder's own path. */
function command(key) {
  const folder = ownFolder() ?? "DIR";
  const quoted = /^[\w./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", `'\\''`)}'`;
  const code = make("code", {}, `somtom explain ${quoted} ${key}`);
  const copy = make("button", {
    type: "button",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        copy.textContent = "Selected";
      }
    },
  }, "Copy");
  return make("p", { class: "command" }, code, copy);
}

function conversation(sample) {
  const turns = sample.turns.map(([who, said]) =>
    make("div", { class: `turn ${who === "human" ? "asks" : "answers"}` }, make("b", {}, who === "human" ? "asked" : "answered"), make("p", { dir: "auto" }, said)),
  );
  return part("Conversation", ...turns);
}

function noPicture(instruction) {
  return part("Instruction", make("p", { dir: "auto" }, instruction || "none"));
}

function action(sample) {
  const { action: done, state } = sample;
  if (!done.kind && !done.values.length && !done.text) return null;
  const width = done.names.length || 1;
  const rows = done.names.map((name, index) =>
    make("tr", {}, make("th", { scope: "row", dir: "auto" }, name), ...[done.values[index], done.bins[index], state.values[index]].map((value) => make("td", { class: "number" }, shortNumber(value)))),
  );
  const head = make("thead", {}, make("tr", {}, ...["", "action", "bin", "state"].map((name) => make("th", { scope: "col" }, name))));
  const steps = done.values.length / width;
  return part(
    "Action",
    make("p", { dir: "auto" }, [done.kind, done.text].filter(Boolean).join(": ")),
    rows.length ? make("table", {}, head, make("tbody", {}, ...rows)) : null,
    steps > 1 ? make("p", { class: "small" }, `the first of ${steps} steps`) : null,
  );
}

function facts(title, values) {
  const rows = Object.entries(values)
    .filter(([, value]) => value !== "" && value !== -1 && value != null)
    .map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name.replaceAll("_", " ")), make("td", { dir: "auto" }, typeof value === "number" ? shortNumber(value) : String(value))));
  return part(title, make("table", {}, make("tbody", {}, ...rows)));
}

/** Earlier pictures and further cameras, small. */
function further(sample) {
  if (!sample.further.length) return null;
  const figures = sample.further.map(([name, uri]) => {
    const step = /^h(\d+)/.exec(name);
    const past = step ? sample.history[Number(step[1])] : null;
    const ago = past && (sample.step_s > 0 ? `${(-past[0]).toFixed(2)} s earlier` : `${-past[0]} step earlier`);
    const said = past ? [ago, past[1]].filter(Boolean).join(": ") : name.replace(".jpg", "");
    return make("figure", {}, make("img", { src: uri, alt: "" }), make("figcaption", { dir: "auto" }, said));
  });
  return make("div", { class: "further" }, ...figures);
}
