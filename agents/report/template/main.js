// Views, keys and theme.

const $ = id => document.getElementById(id);

function view(name) {
  for (const each of ["overview", "episodes"]) {
    $(each).hidden = each !== name;
    $(`tab-${each}`).setAttribute("aria-pressed", each === name);
  }
}

function flipTheme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
}

async function main() {
  $("tab-overview").addEventListener("click", () => view("overview"));
  $("theme").addEventListener("click", flipTheme);
  $("help-open").addEventListener("click", () => $("help").showModal());
  const data = await Data.load();
  $("total").textContent = data.length.toLocaleString("en");
  const keys = { t: flipTheme, "?": () => $("help").showModal(), o: () => view("overview") };
  if (data.length) Object.assign(keys, episodes(data));
  document.addEventListener("keydown", event => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape" && typing) typing.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || $("help").open || !Object.hasOwn(keys, event.key)) return;
    if (keys[event.key]() !== false) event.preventDefault();
  });
  document.documentElement.dataset.ready = "true";
}

/** The viewer, and its keys. */
function episodes(data) {
  const go = i => {
    if (i === undefined) return;
    history.replaceState(null, "", `#episode-${i}`);
    list.select(i);
    viewer.show(i);
  };
  const list = new List(data, go), viewer = new Viewer(data, go);
  const filters = new Filters(data, found => {
    list.show(found);
    if (!found.length) return;
    if (list.place.has(list.current)) list.select(list.current);
    else go(found[0]);
  });
  const enter = () => { view("episodes"); list.draw(); };
  const named = Number(/^#episode-(\d+)$/.exec(location.hash)?.[1] ?? NaN);
  $("tab-episodes").disabled = false;
  $("tab-episodes").addEventListener("click", enter);
  if (named < data.length) list.current = named, enter(), viewer.show(named);
  filters.apply();
  const within = by => () => {
    const members = data.group(viewer.current);
    go(members[Math.min(Math.max(members.indexOf(viewer.current) + by, 0), members.length - 1)]);
  };
  const inView = action => () => !$("episodes").hidden && action();
  const shade = mode => inView(() => viewer.shade(mode));
  const next = inView(() => go(list.next(1))), before = inView(() => go(list.next(-1)));
  return {
    e: enter, j: next, ArrowDown: next, k: before, ArrowUp: before, g: inView(() => viewer.toggleGroup()),
    "[": inView(within(-1)), "]": inView(within(1)), 0: shade("none"), 1: shade("cost"), 2: shade("credit"), 3: shade("entropy"),
    "/": () => { enter(); $("search").focus(); },
  };
}

main();
