// What a filter matched when it was counted, as filters that match nothing else later. Pure.
import type { Filter, FilterName } from "./filter";
import { isPending, kPending, type State } from "./types";

/// The earlier one of what was asked for and of now: a time to come bounds nothing. What is no time is left to the broker, which refuses it.
function bounded(filter: Filter, name: FilterName, at: string): Filter {
  const given = filter[name]?.[0];
  return given !== undefined && !(Date.parse(given) > Date.parse(at)) ? filter : { ...filter, [name]: [at] };
}

/// `now`: by the broker's clock. Of states that are settled what settles later is left out; of those that are pending, which have no such time, what is
/// accepted later. Pending ones come first: what fails of them while they are gone through is not among the settled ones then.
export function frozen(filter: Filter, now: number): Filter[] {
  const at = new Date(now).toISOString();
  const states = (filter.state ?? []) as State[];
  const pending = states.filter(isPending);
  const settled = states.filter((state) => !isPending(state));
  const parts: Filter[] = [];
  // A time at which it was settled is of none that is pending.
  if (pending.length > 0 && !filter.settled_after && !filter.settled_before) parts.push(bounded({ ...filter, state: pending }, "created_before", at));
  if (settled.length > 0 || parts.length === 0) parts.push(bounded({ ...filter, ...(settled.length > 0 ? { state: settled } : {}) }, "settled_before", at));
  return parts;
}

/// Can something that was not counted come to be matched by them? One that was accepted before may wait for its next attempt only now. Where all that are
/// pending are meant none comes to them.
export const grows = (parts: Filter[]): boolean => parts.some(({ state = [] }) => state.some((each) => isPending(each as State)) && !kPending.every((each) => state.includes(each)));
