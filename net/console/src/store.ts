// Store: one value that components watch.
import { useEffect, useState } from "preact/hooks";

export class Store<T> {
  private watchers = new Set<() => void>();
  constructor(private value: T) {}
  get(): T {
    return this.value;
  }
  set(value: T): void {
    if (value === this.value) return;
    this.value = value;
    for (const watcher of [...this.watchers]) watcher();
  }
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

export function useStore<T>(store: Store<T>): T {
  const [, again] = useState(0);
  useEffect(() => {
    const watcher = () => again((n) => n + 1);
    watcher();
    return store.watch(watcher);
  }, [store]);
  return store.get();
}

/// What a browser keeps by name; nothing where it refuses to.
export function kept(where: "localStorage" | "sessionStorage", name: string): string | null {
  try {
    return window[where].getItem(name);
  } catch {
    return null;
  }
}
export function keep(where: "localStorage" | "sessionStorage", name: string, value: string | null): void {
  try {
    if (value === null) window[where].removeItem(name);
    else window[where].setItem(name, value);
  } catch {
    // Then it is forgotten with the page.
  }
}

/// Is the tab looked at? A hidden one asks for nothing.
export const visible = new Store(!document.hidden);
document.addEventListener("visibilitychange", () => visible.set(!document.hidden));
