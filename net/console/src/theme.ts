// Dark or light: as the system is, until somebody says otherwise.
import { Store, keep, kept } from "./store";

export type Theme = "dark" | "light";
const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = (): Theme | null => {
  const name = kept("localStorage", "notifyd.theme");
  return name === "dark" || name === "light" ? name : null;
};
const now = (): Theme => chosen() ?? (system.matches ? "dark" : "light");

export const theme = new Store<Theme>(now());
const mark = () => (document.documentElement.dataset.theme = theme.get());
mark();
theme.watch(mark);
system.addEventListener("change", () => theme.set(now()));

export function turn(): void {
  const next: Theme = theme.get() === "dark" ? "light" : "dark";
  keep("localStorage", "notifyd.theme", next);
  theme.set(next);
}
