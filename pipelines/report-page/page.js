// The page: its theme, tips, the section in view; then the samples, if there are any.

function startTheme() {
  const choice = $("theme");
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  try {
    choice.value = localStorage.getItem("somtom-theme") ?? "";
  } catch {
    choice.value = ""; // a page from disk may be refused a store
  }
  apply(choice.value);
  choice.addEventListener("change", () => {
    apply(choice.value);
    try {
      localStorage.setItem("somtom-theme", choice.value);
    } catch {
      // The choice holds for as long as the page is open.
    }
  });
}

function startTips() {
  const tip = $("tip");
  document.addEventListener("pointermove", (event) => {
    const of = event.target.closest?.("[data-tip]");
    tip.hidden = !of;
    if (!of) return;
    tip.textContent = of.dataset.tip;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4))}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 8 : event.clientY + 18}px`;
  });
}

function startLinks() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
      const current = [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) {
        if (id === current) {
          link.setAttribute("aria-current", "true");
          const bar = link.parentElement;
          bar.scrollLeft = link.offsetLeft - bar.offsetLeft - (bar.clientWidth - link.offsetWidth) / 2;
        } else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-15% 0px -70%" },
  );
  for (const id of links.keys()) if ($(id)) watch.observe($(id));
}

/** Show a small picture beside every link to a sample that has one, once it comes into view. */
function startThumbs(table) {
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      target.prepend(make("img", { class: "thumb", alt: "", src: table.block(table.placeOf(target.hash.slice(8))).picture }));
    }
  });
  for (const link of document.querySelectorAll("#duplicates a")) {
    const place = table.placeOf(link.hash.slice(8));
    if (place !== undefined && table.hasPicture(place)) watch.observe(link);
  }
}

startTheme();
startTips();
startLinks();
if ($("rows")) {
  const table = readTable();
  const samples = startSamples(table);
  startThumbs(table);
  document.addEventListener("click", (event) => {
    const bar = event.target.closest?.("[data-column]");
    if (bar) samples.choose(bar.dataset.column, bar.dataset.low, bar.dataset.high);
  });
}
requestAnimationFrame(() => {
  document.documentElement.dataset.readyMs = Math.round(performance.now());
});
