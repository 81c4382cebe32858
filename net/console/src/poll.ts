// Asking again: no faster than once a second, not at all while the tab is hidden, more slowly while nothing answers.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./api";
import { useStore, visible } from "./store";

export const kFastestMs = 1000;

export interface Polled<T> {
  data: T | null;
  error: Problem | null;
  at: number; // when `data` came; 0: it did not yet
  again: () => void;
}

/// `key`: what is asked; another one forgets what was answered. `ms` 0: asked once, and by `again`.
export function usePoll<T>(key: string, fn: (signal: AbortSignal) => Promise<T>, ms = 0): Polled<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: Problem | null; at: number }>({ key, data: null, error: null, at: 0 });
  const [turn, setTurn] = useState(0);
  const shown = useStore(visible);
  const latest = useRef(fn);
  latest.current = fn;
  useEffect(() => {
    if (!shown) return;
    const abort = new AbortController();
    let timer = 0;
    let failures = 0;
    const run = async () => {
      try {
        const data = await latest.current(abort.signal);
        failures = 0;
        if (!abort.signal.aborted) setState({ key, data, error: null, at: Date.now() });
      } catch (error) {
        if (abort.signal.aborted) return;
        failures += 1;
        const problem = error instanceof Problem ? error : new Problem(-1, "", String(error));
        // What was there stays while nothing answers; a refusal takes its place.
        setState((before) => ({ key, data: before.key === key && problem.status === 0 ? before.data : null, error: problem, at: before.at }));
      }
      if (abort.signal.aborted) return;
      const every = ms > 0 ? Math.max(ms, kFastestMs) : failures > 0 ? 3000 : 0;
      if (every > 0) timer = window.setTimeout(run, failures > 0 ? Math.min(10_000, Math.max(every, 1000 * 2 ** Math.min(failures, 4))) : every);
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, ms, turn, shown]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  return state.key === key ? { data: state.data, error: state.error, at: state.at, again } : { data: null, error: null, at: 0, again };
}
