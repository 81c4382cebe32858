// What can be done with one notify so that it is sent. Pure.
import { isPending, type Notify } from "./types";

export interface Sending {
  now: boolean; // it is due now, or starts over
  thoughPaused: boolean; // before all others of its lane, which is paused and stays so
}

/// `reasons`: the codes of why it is not sent yet; none where that is not known.
export function sendingOf(notify: Notify, reasons: string[]): Sending {
  if (!isPending(notify.state)) return { now: true, thoughPaused: false };
  // Those of its group before it have to end first, whoever asks; one in flight is sent already.
  if (notify.state === "sending" || reasons.includes("group_turn")) return { now: false, thoughPaused: false };
  // A paused subscription pauses its lane. What an operator paused beside, a host or a caller, holds it all the same.
  const paused = reasons.includes("lane_paused") || reasons.includes("subscription_paused");
  // One that is ready is due already: then it is its host alone that is asked again.
  return { now: notify.state !== "ready" || (!paused && reasons.includes("breaker_open")), thoughPaused: paused };
}
