// The samples: filters, gallery and list.

const LINE = { columns: 1, high: 34 };
const CARD_HIGH = 236;
const PICTURE_HIGH = 168;

function startSamples(table) {
  const filters = { search: $("search"), task: $("task"), dataset: $("dataset"), split: $("split"), score: $("score"), least: $("least"), most: $("most"), order: $("order") };
  let pictures = table.chosen.length > 0;
  fillChoices(table, filters);

  const list = new VirtualList($("view"), { layout: cards, render: renderCard, open: (place) => detail.show(place) });
  const detail = new Detail($("detail"), table, (by) => {
    const next = list.active + by;
    if (next < 0 || next >= list.items.length) return null;
    list.activate(next);
    return list.items[next];
  });

  function cards(width) {
    const columns = Math.max(1, Math.floor(width / 250));
    return { columns, high: CARD_HIGH, wide: Math.floor(width / columns) };
  }

  function renderCard(place, _, { wide }) {
    const sample = table.block(place);
    const said = table.instruction(place) || table.text("uri", place);
    const stage = new Stage(sample, "");
    const element = make(
      "div",
      { class: "card", "aria-label": [table.text("task", place), table.text("dataset", place), table.text("split", place), said].join(", ") },
      stage.element,
      make("div", { class: "about" }, make("span", { class: `chip of-${table.text("task", place)}` }, table.text("task", place)), make("span", { class: "from", dir: "auto" }, `${table.text("dataset", place)} · ${table.text("split", place)}`), scoreOf(place)),
      make("div", { class: "said", dir: "auto" }, said),
    );
    return {
      element,
      shown() {
        stage.fit(wide - 22, PICTURE_HIGH);
        clock.stages.add(stage);
        clock.start();
      },
      hidden: () => clock.stages.delete(stage),
    };
  }

  function renderLine(place) {
    const cells = [table.text("task", place), table.text("split", place), table.text("dataset", place)];
    const said = table.instruction(place) || table.text("uri", place);
    return {
      element: make(
        "div",
        { class: "row", "aria-label": [...cells, said, table.key(place)].join(", ") },
        make("span", { class: `chip of-${cells[0]}` }, cells[0]),
        make("span", {}, cells[1]),
        make("span", { dir: "auto" }, cells[2]),
        make("span", { class: "grow", dir: "auto" }, said),
        scoreOf(place),
        make("code", {}, table.key(place)),
        make("span", { class: "has", title: table.hasPicture(place) ? "with its picture" : "" }, table.hasPicture(place) ? "▣" : ""),
      ),
    };
  }

  function scoreOf(place) {
    const score = chosenScore();
    return score ? make("span", { class: "score" }, shortNumber(score.values[place])) : null;
  }

  const chosenScore = () => table.scores.find((one) => one.column === filters.score.value);

  function found() {
    const words = filters.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = ["task", "dataset", "split"]
      .filter((name) => filters[name].value !== "")
      .map((name) => [name, Number(filters[name].value)]);
    const score = chosenScore();
    const least = filters.least.value === "" ? -Infinity : filters.least.valueAsNumber;
    const most = filters.most.value === "" ? Infinity : filters.most.valueAsNumber;
    const bounded = score && (least !== -Infinity || most !== Infinity);
    const places = [];
    for (let place = 0; place < table.count; place++) {
      if (wanted.some(([name, code]) => table.code(name, place) !== code)) continue;
      if (bounded) {
        const value = score.values[place];
        if (value == null || value < least || value > most) continue;
      }
      if (words.some((word) => !table.searched[place].includes(word))) continue;
      places.push(place);
    }
    const way = filters.order.value;
    if (score && way) {
      const sign = way === "up" ? 1 : -1;
      const value = (place) => score.values[place];
      places.sort((a, b) => (value(a) == null) - (value(b) == null) || sign * (value(a) - value(b)) || a - b);
    }
    return places;
  }

  function show() {
    const places = found();
    const isFound = new Set(places);
    const seen = filters.order.value && chosenScore() ? places.filter(table.hasPicture) : table.chosen.filter((place) => isFound.has(place));
    list.set(pictures ? seen : places, pictures ? cards : (width) => ({ ...LINE, wide: width }), pictures ? renderCard : renderLine);
    $("found").textContent = `${places.length.toLocaleString("en")} of ${table.count.toLocaleString("en")} samples, ${seen.length.toLocaleString("en")} with their picture`;
    $("view").classList.toggle("empty", !list.items.length);
    $("view").dataset.empty = places.length ? "None of these has its picture in this page: see the list." : "No sample is so.";
    $("as-pictures").setAttribute("aria-pressed", String(pictures));
    $("as-list").setAttribute("aria-pressed", String(!pictures));
    for (const name of ["least", "most", "order"]) filters[name].disabled = !chosenScore();
    $("play").hidden = !pictures;
  }

  function view(asPictures) {
    pictures = asPictures;
    show();
  }

  let due = 0;
  $("filters").addEventListener("input", (event) => {
    if (event.target === filters.score) filters.least.value = filters.most.value = "";
    clearTimeout(due);
    due = setTimeout(show, event.target === filters.search ? 120 : 0);
  });
  $("filters").addEventListener("reset", () => setTimeout(show));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("as-pictures").addEventListener("click", () => view(true));
  $("as-list").addEventListener("click", () => view(false));

  const tell = (playing) => {
    $("play").textContent = playing ? "Pause traces" : "Play traces";
    $("play").setAttribute("aria-pressed", String(playing));
  };
  clock.listeners.push(tell);
  tell(clock.playing);
  $("play").addEventListener("click", () => clock.set(!clock.playing));

  function follow() {
    const asked = /^#sample=([a-z0-9_-]+)$/.exec(location.hash);
    const place = asked ? table.placeOf(asked[1]) : undefined;
    if (place === undefined) return;
    if (!list.items.includes(place)) {
      $("filters").reset();
      if (!table.hasPicture(place)) pictures = false;
      show();
    }
    $("samples").scrollIntoView();
    list.activate(list.items.indexOf(place));
    detail.show(place);
  }

  addEventListener("hashchange", follow);
  show();
  follow();

  return {
    /** Show the samples whose score lies in a bar of a chart. */
    choose(column, low, high) {
      $("filters").reset();
      Object.assign(filters.score, { value: column });
      filters.least.value = low;
      filters.most.value = high;
      show();
      $("samples").scrollIntoView();
      $("view").focus({ preventScroll: true });
    },
  };
}

function fillChoices(table, filters) {
  for (const name of ["task", "dataset", "split"]) {
    const counts = new Array(table.names(name).length).fill(0);
    for (let place = 0; place < table.count; place++) counts[table.code(name, place)]++;
    filters[name].append(make("option", { value: "" }, "all"), ...table.names(name).map((one, code) => make("option", { value: code }, `${one} (${counts[code].toLocaleString("en")})`)));
  }
  filters.score.append(make("option", { value: "" }, "any"), ...table.scores.map((one) => make("option", { value: one.column }, one.name)));
}
