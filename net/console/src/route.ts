// The page that is shown, and all of its state, stand in the URL behind "#": it can be copied, and none of it is sent to the broker or to its logs.
import { Store, useStore } from "./store";

export interface Route {
  page: string;
  args: string[];
  query: URLSearchParams;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parse(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const [page, ...args] = path.split("/").map(decoded);
  return { page: page || "overview", args: args.filter((arg) => arg !== ""), query: new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)) };
}

export type Query = Record<string, string | string[] | null | undefined>;

/// The namespace goes along wherever a link leads.
export function href(page: string, args: string[] = [], query: Query = {}): string {
  const parts = new URLSearchParams();
  const space = "ns" in query ? query.ns : route.get().query.get("ns");
  if (space) parts.set("ns", String(space));
  for (const [name, value] of Object.entries(query)) {
    if (name === "ns" || value === null || value === undefined || value === "") continue;
    for (const each of Array.isArray(value) ? value : [value]) parts.append(name, each);
  }
  const text = parts.toString();
  return "#/" + [page, ...args].map(encodeURIComponent).join("/") + (text ? "?" + text : "");
}

export const route = new Store<Route>(parse(location.hash));
window.addEventListener("hashchange", () => route.set(parse(location.hash)));
export const useRoute = (): Route => useStore(route);

export function go(to: string, replace = false): void {
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  route.set(parse(to));
}

/// Sets some of the query of the page that is shown; null takes one away.
export function setQuery(patch: Query, replace = true): void {
  // By the address, not by what is shown: where somebody has just gone elsewhere, a dialog that closes must not take him back.
  const now = parse(location.hash);
  const query: Query = {};
  for (const name of now.query.keys()) query[name] = now.query.getAll(name);
  go(href(now.page, now.args, { ...query, ...patch }), replace);
}
