// Traces drawn over their picture, in motion: one clock for all that is in view.

const PARTS = 4096; // positions are whole numbers, this many over the picture
const MOVING = "#ff9d1c";
const STILL = "#4db5ff";
const EDGE = "rgba(0, 0, 0, 0.65)";

/** Draw what is known at `time` (frames, with a fraction) of a sample's traces on a canvas of w x h. */
function drawTraces(context, w, h, sample, time, marked = null) {
  context.clearRect(0, 0, w, h);
  const count = sample.marks.length;
  const frames = count ? sample.xy.length / 2 / count : 0;
  const unit = Math.max(1, Math.min(w, h) / 260);
  const at = (frame, mark) => {
    const place = (frame * count + mark) * 2;
    return [(sample.xy[place] * w) / PARTS, (sample.xy[place + 1] * h) / PARTS];
  };
  context.lineJoin = context.lineCap = "round";
  const order = [...sample.marks.keys()].sort((a, b) => sample.marks[a][1] - sample.marks[b][1]);
  const heads = [];
  for (const mark of frames > 1 ? order : []) {
    const moves = sample.marks[mark][1];
    const seen = (frame) => sample.seen[frame * count + mark];
    const trail = (upTo, colour, width, alpha) => {
      context.globalAlpha = alpha;
      context.strokeStyle = colour;
      context.lineWidth = width;
      for (let frame = 0; frame < upTo; frame++) {
        const share = Math.min(1, upTo - frame);
        const [x0, y0] = at(frame, mark);
        const [x1, y1] = at(frame + 1, mark);
        context.setLineDash(seen(frame) && seen(frame + 1) ? [] : [2 * unit, 3 * unit]);
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share);
        context.stroke();
      }
      context.setLineDash([]);
      context.globalAlpha = 1;
    };
    const colour = moves ? MOVING : STILL;
    trail(frames - 1, colour, unit, 0.45);
    trail(time, EDGE, (moves ? 4.5 : 3) * unit, 0.9);
    trail(time, colour, (moves ? 2.5 : 1.5) * unit, 1);
    if (moves && time > 0) {
      const frame = Math.min(Math.floor(time), frames - 2);
      const [x0, y0] = at(frame, mark);
      const [x1, y1] = at(frame + 1, mark);
      heads.push([x0 + (x1 - x0) * (time - frame), y0 + (y1 - y0) * (time - frame)]);
    }
  }
  // The numbers stay readable: no line runs over a mark.
  context.globalCompositeOperation = "destination-out";
  for (const mark of frames > 1 ? sample.marks : []) disc(context, (mark[4][0] * w) / PARTS, (mark[4][1] * h) / PARTS, 6.5 * unit);
  context.globalCompositeOperation = "source-over";
  context.fillStyle = MOVING;
  context.strokeStyle = "#fff";
  context.lineWidth = 1.4 * unit;
  for (const [x, y] of heads) {
    disc(context, x, y, 3.4 * unit);
    context.stroke();
  }
  const target = sample.marks.findIndex((mark) => mark[0] === sample.target);
  for (const mark of new Set([target, marked ?? -1])) {
    if (mark >= 0) outline(context, w, h, sample.marks[mark], unit);
  }
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Frame one mark, so that it is found among many. */
function outline(context, w, h, mark, unit) {
  const [x, y] = [(mark[4][0] * w) / PARTS, (mark[4][1] * h) / PARTS];
  context.beginPath();
  if (mark[5]) {
    const [x0, y0, x1, y1] = mark[5].map((one, index) => (one * (index % 2 ? h : w)) / PARTS);
    context.rect(x0 - 2 * unit, y0 - 2 * unit, x1 - x0 + 4 * unit, y1 - y0 + 4 * unit);
  } else {
    context.arc(x, y, 11 * unit, 0, 2 * Math.PI);
  }
  for (const [colour, width] of [[EDGE, 5], ["#fff", 3.2], ["#e0007a", 1.8]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke();
  }
}

const framesOf = (sample) => (sample.marks.length ? sample.xy.length / 2 / sample.marks.length : 0);

/** How long a clip lasts on the page, in ms: its own time within bounds, then a rest on its end. */
function lengthOf(sample) {
  const frames = framesOf(sample);
  const own = 1000 * (frames - 1) * Math.max(sample.step_s, 0.001);
  return Math.min(6000, Math.max(900, own));
}

const REST_MS = 900;

/** One clock: `playing` is the user's wish, at first that of the system (prefers-reduced-motion). */
const clock = {
  playing: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  stages: new Set(),
  listeners: [],
  now: 0,
  last: 0,
  set(playing) {
    this.playing = playing;
    for (const tell of this.listeners) tell(playing);
    for (const stage of this.stages) stage.draw();
    if (playing) this.start();
  },
  start() {
    if (this.running || !this.playing || !this.stages.size) return;
    this.running = true;
    this.last = performance.now();
    requestAnimationFrame((time) => this.tick(time));
  },
  tick(time) {
    this.now += Math.max(0, time - this.last);
    this.last = time;
    for (const stage of this.stages) stage.draw();
    this.running = this.playing && this.stages.size > 0;
    if (this.running) requestAnimationFrame((next) => this.tick(next));
  },
};

/** A picture with its traces over it; add it to `clock.stages` while it is in view. */
class Stage {
  constructor(sample, alt) {
    this.sample = sample;
    this.marked = null;
    this.traces = true;
    this.speed = 1;
    this.held = null; // a frame that the user chose
    this.image = make("img", { alt, src: sample.picture, draggable: "false", decoding: "async" });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.element = make("div", { class: "stage" }, this.image, this.canvas);
  }

  /** Fit into w x h CSS pixels. */
  fit(w, h, most = 1.5) {
    const [wide, high] = this.sample.size;
    const scale = Math.min(w / wide, h / high, most);
    this.width = Math.max(1, Math.round(wide * scale));
    this.height = Math.max(1, Math.round(high * scale));
    const density = Math.min(2, devicePixelRatio || 1);
    for (const one of [this.image, this.canvas]) {
      one.style.width = `${this.width}px`;
      one.style.height = `${this.height}px`;
    }
    this.canvas.width = Math.round(this.width * density);
    this.canvas.height = Math.round(this.height * density);
    this.draw(true);
  }

  /** Where the clip stands, in frames; all of it where nothing may move. */
  time() {
    const last = framesOf(this.sample) - 1;
    if (this.held != null) return Math.min(this.held, last);
    if (!clock.playing) return last;
    const length = lengthOf(this.sample) / this.speed;
    return last * Math.min(1, (clock.now % (length + REST_MS)) / length);
  }

  draw(anew = false) {
    const time = this.time();
    const state = `${time} ${this.marked} ${this.traces}`;
    if (!anew && state === this.drawn) return;
    this.drawn = state;
    const context = this.canvas.getContext("2d");
    if (this.traces) drawTraces(context, this.canvas.width, this.canvas.height, this.sample, time, this.marked);
    else context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.onDraw?.(time);
  }
}
