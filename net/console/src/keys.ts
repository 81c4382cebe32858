// Keys that work on every page.
import { href, go, route } from "./route";
import { dialogOpen } from "./ui";
import { turn } from "./theme";
import { Store } from "./store";

export const help = new Store(false);
/// g and then one of these.
export const kGo: [string, string][] = [
  ["o", "overview"],
  ["d", "destinations"],
  ["l", "lanes"],
  ["n", "notifies"],
  ["f", "fkeys"],
  ["g", "groups"],
  ["t", "topics"],
  ["s", "schedules"],
  ["c", "callers"],
  ["a", "alerts"],
];
/// The list that a page of one thing belongs to.
const kListOf: Record<string, string> = { notify: "notifies", destination: "destinations", service: "destinations", lane: "lanes", group: "groups", event: "topics", topic: "topics", subscription: "topics", schedule: "schedules", token: "tokens", submit: "notifies" };

export const listOf = (page: string): string | undefined => (Object.hasOwn(kListOf, page) ? kListOf[page] : undefined);

let went = 0; // when g was pressed

export function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const typing = target.matches("input,textarea,select,[contenteditable]");
  if (event.ctrlKey || event.metaKey || event.altKey || dialogOpen()) return;
  if (event.key === "Escape") {
    if (typing) target.blur();
    else {
      const list = listOf(route.get().page);
      if (list) history.length > 1 ? history.back() : go(href(list));
    }
    return;
  }
  if (typing) return;
  const next = Date.now() - went < 1500 ? kGo.find(([key]) => key === event.key) : undefined;
  went = 0;
  if (next) {
    event.preventDefault();
    go(href(next[1]));
  } else if (event.key === "g") {
    went = Date.now();
  } else if (event.key === "/") {
    event.preventDefault();
    document.querySelector<HTMLInputElement>("#search")?.focus();
  } else if (event.key === "?") {
    help.set(true);
  } else if (event.key === "T") {
    turn();
  } else if (["j", "k"].includes(event.key) && !target.closest("[data-list],summary,button,a,pre,dialog")) {
    const list = document.querySelector<HTMLElement>("main [data-list]");
    if (!list) return;
    event.preventDefault();
    list.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, bubbles: false }));
  }
}
