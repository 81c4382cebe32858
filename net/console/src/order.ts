// In which order a lane sends what is due in it, as far as a list of that tells. Pure. Contract, promise 3: by due time, then submission; in a concurrent
// lane those of a higher priority first. When something was created says nothing: what is changed or sent again by hand goes to where it is due then.
import type { Lane, Notify } from "./types";

/// The states of which a list is taken here.
export const kDue = "ready,sending,retrying";

const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byOrder = (a: Notify, b: Notify): number => (b.priority ?? 0) - (a.priority ?? 0) || text(a.due_at ?? "", b.due_at ?? "") || text(a.id, b.id);

/// Those that are ready, in order. Null where it is not known: one that was attempted may be the head, which stays in front whatever comes before it in
/// order, or one that was sent again; it makes no difference where it is in front either way.
function lineOf(due: Notify[]): Notify[] | null {
  const line = due.filter((each) => each.state === "ready").sort(byOrder);
  return line.slice(1).some((each) => each.mode === "fifo" && each.attempts_made > 0) ? null : line;
}

/// Who is sent next behind this one, of all that are ready, sending or retrying in its lane. Null: nobody; undefined: that is not known.
export function nextBehind(id: string, due: Notify[]): Notify | null | undefined {
  const line = lineOf(due);
  const self = due.find((each) => each.id === id);
  if (!line || !self) return undefined;
  return line[line.indexOf(self) + 1] ?? null; // what is in flight, or waits to be tried again, stands in front of the line
}

/// The head, of all that are ready, sending or retrying in the lane; undefined: it is not known. The lane says when it was due.
export function headOf(lane: Lane, due: Notify[]): Notify | undefined {
  const fifo = lane.mode === "fifo";
  const those = due.filter((each) => each.due_at === lane.oldest_due_at && (fifo || each.state === "ready")).sort(byOrder);
  const sending = those.find((each) => each.state === "sending");
  if (sending || those.length < 2) return sending ?? those[0];
  return fifo && those.some((each) => each.attempts_made > 0) ? undefined : those[0];
}
