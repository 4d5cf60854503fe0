// A list of any length of which only what is in view exists, moved through with the keyboard.

class VirtualList {
  /**
   * box: the element that scrolls, a listbox. layout(width) gives {columns, high, wide} in CSS pixels;
   * render(item, place, layout) gives {element, shown?, hidden?}; open(item, place) opens one.
   */
  constructor(box, { layout, render, open }) {
    Object.assign(this, { box, layout, render, open });
    this.items = [];
    this.active = 0;
    this.parts = new Map();
    this.inside = make("div", { class: "inside", role: "presentation" });
    box.append(this.inside);
    box.addEventListener("scroll", () => this.update(), { passive: true });
    box.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.measure()).observe(box);
  }

  /** Show these items from the top. */
  set(items, layout = this.layout, render = this.render) {
    Object.assign(this, { items, layout, render, active: 0 });
    this.box.scrollTop = 0;
    this.measure(true);
  }

  measure(anew = false) {
    const width = this.box.clientWidth;
    if (!width) return;
    if (!anew && width === this.width) {
      this.update();
      return;
    }
    this.width = width;
    this.shape = this.layout(width);
    const lines = Math.ceil(this.items.length / this.shape.columns);
    this.inside.style.height = `${lines * this.shape.high}px`;
    for (const place of [...this.parts.keys()]) this.drop(place);
    this.update();
  }

  update() {
    if (!this.shape) return;
    const { columns, high, wide } = this.shape;
    const first = Math.max(0, Math.floor(this.box.scrollTop / high) - 1) * columns;
    const lines = Math.ceil(this.box.clientHeight / high) + 3;
    const end = Math.min(this.items.length, first + lines * columns);
    for (const place of [...this.parts.keys()]) if (place < first || place >= end) this.drop(place);
    for (let place = first; place < end; place++) {
      if (this.parts.has(place)) continue;
      const part = this.render(this.items[place], place, this.shape);
      const { element } = part;
      element.id = `item-${place}`;
      element.setAttribute("role", "option");
      element.setAttribute("aria-posinset", place + 1);
      element.setAttribute("aria-setsize", this.items.length);
      element.style.transform = `translate(${(place % columns) * wide}px, ${Math.floor(place / columns) * high}px)`;
      element.style.width = `${wide}px`;
      element.style.height = `${high}px`;
      element.addEventListener("click", () => {
        this.activate(place);
        this.open(this.items[place], place);
      });
      this.parts.set(place, part);
      this.inside.append(element);
      part.shown?.();
    }
    this.markActive();
  }

  drop(place) {
    const part = this.parts.get(place);
    part.hidden?.();
    part.element.remove();
    this.parts.delete(place);
  }

  activate(place) {
    this.active = Math.max(0, Math.min(this.items.length - 1, place));
    if (!this.items.length || !this.shape) return;
    const top = Math.floor(this.active / this.shape.columns) * this.shape.high;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + this.shape.high > scrollTop + clientHeight) this.box.scrollTop = top + this.shape.high - clientHeight;
    this.update();
  }

  markActive() {
    for (const [place, part] of this.parts) {
      part.element.classList.toggle("active", place === this.active);
      part.element.setAttribute("aria-selected", String(place === this.active));
    }
    if (this.items.length) this.box.setAttribute("aria-activedescendant", `item-${this.active}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  onKey(event) {
    if (event.target !== this.box || event.ctrlKey || event.metaKey || event.altKey || !this.shape) return;
    const { columns, high } = this.shape;
    const page = Math.max(1, Math.floor(this.box.clientHeight / high)) * columns;
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key in steps) {
      const place = this.active + steps[event.key];
      // A step out of the grid stays where it is; a page, Home and End go as far as there is.
      const far = Math.abs(steps[event.key]) > columns;
      if (far || (place >= 0 && place < this.items.length)) this.activate(place);
    } else if (event.key === "Enter" && this.items.length) {
      this.open(this.items[this.active], this.active);
    } else if (event.key === " ") {
      clock.set(!clock.playing);
    } else {
      return;
    }
    event.preventDefault();
  }
}
