// Which records a list takes, and which entries of the audit: one answer for every store.
#include <algorithm>

#include "broker/access_table.h"
#include "broker/effects.h"
#include "broker/flow.h"
#include "broker/ports.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

bool Wants(const std::vector<State>& states, State state) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

bool TakesByFlow(const ListQuery& query, const Envelope& envelope) {
  if (query.service && ServiceOf(envelope.host) != *query.service) return false;
  if (!query.topic && !query.subscription && !query.schedule && query.event.value == 0 && query.group.value == 0) return true;
  if (!envelope.flow) return false;
  const FlowFields& flow = *envelope.flow;
  if (query.topic && flow.topic != *query.topic) return false;
  if (query.subscription && flow.subscription != *query.subscription) return false;
  if (query.schedule && flow.schedule != *query.schedule) return false;
  if (query.event.value != 0 && flow.event != query.event) return false;
  return query.group.value == 0 || flow.group == query.group;
}

}  // namespace

Takes TakesByState(const ListEffect& list, const NotifyState& state) {
  const std::vector<State>& wanted = list.query.states;
  State seen = StateSeen(state, list.now, false);
  if (wanted.empty() || Wants(wanted, seen)) return Takes::kYes;
  // What is in flight is ready here.
  bool ready = Wants(wanted, State::kReady) || Wants(wanted, State::kSending);
  if (IsSettled(seen) || !ready) return Takes::kNo;
  if (seen == State::kReady) return Takes::kYes;
  if (state.phase != Phase::kRetrying && state.due <= list.reached) return Takes::kYes;
  return list.any_tail && state.due != kWallNever ? Takes::kWhereInTail : Takes::kNo;
}

bool TakesByEnvelope(const ListQuery& query, const Envelope& envelope, WallTime created_at, WallTime settled_at, bool settled) {
  if (query.lane && envelope.lane.name != *query.lane) return false;
  if (query.mode && envelope.lane.mode != *query.mode) return false;
  if (query.caller && envelope.caller != *query.caller) return false;
  if (query.fkey && envelope.fkey != *query.fkey) return false;
  if (query.fkey_prefix && !envelope.fkey.starts_with(*query.fkey_prefix)) return false;
  if (query.host && envelope.host != *query.host) return false;
  if (!TakesByFlow(query, envelope)) return false;
  if (query.created_after && created_at < *query.created_after) return false;
  if (query.created_before && created_at >= *query.created_before) return false;
  if (query.settled_after && (!settled || settled_at < *query.settled_after)) return false;
  if (query.settled_before && (!settled || settled_at >= *query.settled_before)) return false;
  return HasLabels(envelope, query.labels);
}

bool TakesByRest(const ListQuery& query, const NotifyRecord& record) {
  if (query.error && (record.attempts.empty() || record.attempts.back().error != *query.error)) return false;
  return !query.url_prefix || PeekUrl(*record.spec).starts_with(*query.url_prefix);
}

bool TakesEntry(const AuditQuery& query, const AuditEntry& entry) {
  if (query.who && entry.who != *query.who) return false;
  if (query.what && entry.what != *query.what) return false;
  if (query.object && entry.object != *query.object) return false;
  if (query.space && entry.space != *query.space) return false;
  if (query.there) {
    const std::shared_ptr<const NamespaceRow> row = query.there->FindNamespace(entry.space);
    if (!row || entry.at < row->created_at) return false;
  }
  return query.spaces.all || (!entry.space.empty() && query.spaces.Has(entry.space));
}

}  // namespace notifyd
