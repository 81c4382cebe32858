// What the auditor makes of requests and their answers: promise 1 (nothing is said before it is durable), and that each answer is the one that
// follows from what was decided.
#include <algorithm>

#include "broker/spec.h"
#include "sim/auditor.h"
#include "sim/workload.h"

namespace notifyd::sim {
namespace {

bool Matches(const ListQuery& query, const NotifyView& view) {
  const NotifyRecord& record = *view.record;
  if (query.lane && record.envelope->lane.name != *query.lane) return false;
  if (query.mode && record.envelope->lane.mode != *query.mode) return false;
  if (query.caller && record.envelope->caller != *query.caller) return false;
  if (query.fkey_prefix && record.envelope->fkey.compare(0, query.fkey_prefix->size(), *query.fkey_prefix) != 0) return false;
  if (query.below.value != 0 && record.id >= query.below) return false;
  return query.states.empty() || std::count(query.states.begin(), query.states.end(), view.state) > 0;
}

/// Of a cancel or a retry.
bool HasBase(const Event& event) {
  const auto* cancel = std::get_if<CancelRequest>(&event);
  const auto* retry = std::get_if<RetryRequest>(&event);
  return (cancel && cancel->base) || (retry && retry->base);
}

bool Allows(uint16_t states, State state) {
  return (states >> static_cast<int>(state) & 1) != 0;
}

}  // namespace

// ---- requests

void Auditor::OnRequest(const Event& event) {
  ++seq_;
  std::visit(
      [&](const auto& e) {
        if constexpr (std::is_same_v<std::decay_t<decltype(e)>, Disconnected>) {
          if (auto it = open_.find(e.request); it != open_.end()) it->second.gone = true;
        } else if constexpr (requires { e.request; }) {
          Open open;
          open.event = event;
          open.t = t();
          open.seq = seq_;
          open.written = store_ ? written().batch : 0;
          open_.emplace(e.request, std::move(open));
        }
      },
      event);
}

bool Auditor::HasRequests() const {
  return std::any_of(open_.begin(), open_.end(), [](const auto& open) { return !open.second.gone; });
}

bool Auditor::ChangesLanes() const {
  return std::any_of(open_.begin(), open_.end(), [&](const auto& open) {
    const Model::Expected& expected = open.second.expected;
    const Event& event = open.second.event;
    const bool changes = std::holds_alternative<LaneChangeRequest>(event) || std::holds_alternative<HostChangeRequest>(event) ||
                         std::holds_alternative<CallerChangeRequest>(event);
    return changes && (!expected.decided || expected.needs > written().batch);
  });
}

// ---- answers

void Auditor::OnReply(const Reply& reply) {
  ++seq_;
  auto it = open_.find(reply.request);
  if (it == open_.end()) return Violation("P1 request " + std::to_string(reply.request.token) + " is answered twice, or was never made");
  Open open = std::move(it->second);
  open_.erase(it);
  if (!open.gone) CheckReply(open, reply);
}

void Auditor::CheckReply(const Open& open, const Reply& reply) {
  std::string name = "request " + std::to_string(reply.request.token);
  const Model::Expected& expected = open.expected;
  bool plain_read = std::holds_alternative<ListRequest>(open.event) || std::holds_alternative<LanesRequest>(open.event) ||
                    (std::holds_alternative<GetRequest>(open.event) && !expected.decided);
  if (!expected.decided && !plain_read) return Violation("P1 " + name + " is answered before anything was decided about it");
  if (expected.needs > synced().batch)
    Violation("P1 " + name + " is answered before what it depends on is durable: batch " + std::to_string(expected.needs) + ", synced " +
              std::to_string(synced().batch));
  if (const auto* refused = std::get_if<Refused>(&reply.body)) return CheckRefused(open, reply, *refused);
  if (const auto* viewed = std::get_if<Viewed>(&reply.body); viewed && std::holds_alternative<GetRequest>(open.event))
    return CheckViewed(open, name, *viewed);
  if (std::holds_alternative<LanesRequest>(open.event)) return CheckLanes(std::get<LanesRequest>(open.event), reply);
  if (std::holds_alternative<ListRequest>(open.event)) {
    const auto* listed = std::get_if<Listed>(&reply.body);
    return listed ? CheckListed(open, *listed) : Violation(name + " gets an answer of another kind");
  }
  if (const auto* done = std::get_if<BulkDone>(&reply.body); done && expected.may_be_nothing) return CheckBulk(open, name, *done);
  if (const auto* repeat = std::get_if<Triggered>(&reply.body); repeat && expected.or_repeat.value != 0) {
    if (repeat->id != expected.or_repeat || repeat->fresh) Violation("P1 " + name + " is answered as a trigger of another notify");
    return;
  }
  if (expected.body.index() != reply.body.index())
    return Violation("P1 " + name + " gets another kind of answer than was decided: " + std::to_string(reply.body.index()) + " in place of " +
                     std::to_string(expected.body.index()));
  if (HasBase(open.event)) ++(std::holds_alternative<Stale>(reply.body) ? tally_.not_as_read : tally_.as_read);
  auto same_id = [&](NotifyId said, NotifyId own) {
    if (said != own) Violation("P1 " + name + " is answered with " + said.ToString() + " in place of " + own.ToString());
  };
  auto fits = [&](State state) {
    if (!Allows(expected.states.at(0), state)) Violation("P1 " + name + " is answered with the state " + notifyd::ToString(state));
  };
  if (const auto* submitted = std::get_if<Submitted>(&reply.body)) {
    CheckSubmitted(name, expected, *submitted);
  } else if (const auto* triggered = std::get_if<Triggered>(&reply.body)) {
    ++tally_.triggers;
    const auto& own = std::get<Triggered>(expected.body);
    same_id(triggered->id, own.id);
    if (triggered->fresh != own.fresh) Violation("P1 " + name + ": a trigger is answered as " + (triggered->fresh ? "the first" : "a repeat"));
    fits(triggered->state);
  } else if (const auto* unmerged = std::get_if<Unmerged>(&reply.body)) {
    ++tally_.unmerged;
    if (*unmerged->spec != *std::get<Unmerged>(expected.body).spec) Violation("P1 " + name + " is to be merged into what the notify is not");
  } else if (const auto* retried = std::get_if<Retried>(&reply.body)) {
    ++tally_.revivals;
    same_id(retried->id, std::get<Retried>(expected.body).id);
    fits(retried->state);
  } else if (const auto* viewed = std::get_if<Viewed>(&reply.body)) {
    if (std::holds_alternative<ChangeRequest>(open.event)) ++tally_.changes;
    else if (!std::holds_alternative<ChangeReadRequest>(open.event)) ++tally_.cancels;
    CheckViewed(open, name, *viewed);
  } else if (const auto* explained = std::get_if<Explained>(&reply.body)) {
    same_id(explained->id, expected.id);
    if (explained->reasons.empty()) Violation(explained->id.ToString() + " is explained without a reason");
  } else if (const auto* done = std::get_if<BulkDone>(&reply.body)) {
    CheckBulk(open, name, *done);
  } else if (const auto* lane = std::get_if<LaneViewed>(&reply.body)) {
    const auto& own = std::get<LaneViewed>(expected.body);
    if (lane->lane.lane != own.lane.lane) Violation("P1 " + name + " is answered with another lane");
    // What is shown is read once that is durable: others may have set it since.
    const Model::Lane* now = model_.LaneOf(own.lane.lane);
    bool untouched = !now || now->settings == own.lane.own;
    if (untouched && now && now->batch > expected.needs) untouched = false;
    if (untouched && lane->lane.own != own.lane.own) Violation("P1 " + name + " is answered with other settings than it made");
    const auto& patch = std::get<LaneChangeRequest>(open.event).patch;
    tally_.pauses += patch.paused && *patch.paused;
  } else if (const auto* host = std::get_if<HostViewed>(&reply.body)) {
    const HostView& own = std::get<HostViewed>(expected.body).host;
    if (host->host.host != own.host || host->host.own.paused != own.own.paused)
      Violation("P1 " + name + " is answered with another pause than it made");
    tally_.switched_off += own.own.paused;
  } else if (const auto* caller = std::get_if<CallerViewed>(&reply.body)) {
    const CallerView& own = std::get<CallerViewed>(expected.body).caller;
    if (caller->caller.rates.caller != own.rates.caller || caller->caller.own.paused != own.own.paused)
      Violation("P1 " + name + " is answered with another pause than it made");
    tally_.switched_off += own.own.paused;
  } else if (const auto* remembered = std::get_if<RememberedViewed>(&reply.body)) {
    const auto& own = std::get<RememberedViewed>(expected.body);
    if (remembered->fkey != own.fkey || remembered->expires_at != own.expires_at || *remembered->trigger != *own.trigger)
      Violation("P1 " + name + " shows another trigger than is remembered");
  } else if (std::holds_alternative<Withdrawn>(reply.body)) {
    ++tally_.withdrawn;
  } else if (const auto* stats = std::get_if<StatsView>(&reply.body)) {
    CheckStats(std::get<StatsView>(expected.body), *stats);
  }
}

void Auditor::CheckRefused(const Open& open, const Reply& reply, const Refused& refused) {
  ++tally_.refused;
  std::string name = "request " + std::to_string(reply.request.token);
  Code code = refused.status.code();
  if (open.expected.any_refusal) return;
  if (const auto* own = std::get_if<Refused>(&open.expected.body); open.expected.decided && own) {
    if (code != own->status.code())
      Violation("P1 " + name + " is refused with code " + std::to_string(static_cast<int>(code)) + " (" + refused.status.detail() + ") in place of " +
                std::to_string(static_cast<int>(own->status.code())));
    if (refused.holder != own->holder) Violation("P1 " + name + " is refused because of " + refused.holder.ToString());
    return;
  }
  // A plain look may come when it is gone, or is not there yet.
  NotifyId read;
  if (const auto* get = std::get_if<GetRequest>(&open.event)) {
    read = get->id;
    // Whoever waits while the namespace is removed hears that.
    if (code == Code::kNotFound && get->wait_ms > 0 && removing_) return;
  }
  if (std::holds_alternative<ChangeReadRequest>(open.event) || std::holds_alternative<FkeyGetRequest>(open.event)) read = open.expected.id;
  if (code == Code::kNotFound && read.value != 0) {
    if (!WasAbsent(read, open.seq)) Violation("P1 " + name + ": " + read.ToString() + " was there all the time, but is not found");
    return;
  }
  const auto* lanes = std::get_if<LanesRequest>(&open.event);
  if (code == Code::kNotFound && lanes && lanes->query.only) return;
  // How many of a bulk retry are pending again is known to the core alone.
  const auto* bulk = std::get_if<BulkRequest>(&open.event);
  if (code == Code::kTooMany && bulk && bulk->kind == BulkKind::kRetry) return;
  Violation("P1 " + name + " is refused with code " + std::to_string(static_cast<int>(code)) + " (" + refused.status.detail() +
            "), and was carried out");
}

void Auditor::CheckSubmitted(const std::string& name, const Model::Expected& expected, const Submitted& reply) {
  const auto& own = std::get<Submitted>(expected.body);
  if (reply.items.size() != own.items.size())
    return Violation("P1 " + name + ": a submit of " + std::to_string(own.items.size()) + " is answered with " + std::to_string(reply.items.size()));
  for (size_t i = 0; i < reply.items.size(); ++i) {
    const SubmittedItem &got = reply.items[i], &due = own.items[i];
    if (expected.states[i] == Model::kAnything) continue;
    std::string item = name + ", item " + std::to_string(i);
    if (got.refused.code() != due.refused.code() || got.id != due.id) {
      Violation("P1 " + item + " is answered with " + got.id.ToString() + ", code " + std::to_string(static_cast<int>(got.refused.code())) +
                " in place of " + due.id.ToString() + ", code " + std::to_string(static_cast<int>(due.refused.code())));
      continue;
    }
    if (!got.refused.ok()) continue;
    if (got.duplicate != due.duplicate || got.kept != due.kept) Violation("P1 " + item + " is answered as if it were another kind");
    tally_.duplicates += got.duplicate;
    tally_.removed += got.removed;
    tally_.acked += !got.duplicate && !got.kept;
    if (got.removed != due.removed) Violation("P1 " + item + " is answered as if it were " + (got.removed ? "removed" : "there"));
    if (due.removed) continue;  // its id alone is known
    if (got.lane != due.lane) Violation("P1 " + item + " is answered with another lane");
    if (got.due != due.due) Violation("P6 " + item + " is answered with another due time");
    if (!Allows(expected.states[i], got.state)) Violation("P1 " + item + " is answered with the state " + notifyd::ToString(got.state));
  }
}

// ---- looks

bool Auditor::Stood(NotifyId id, const NotifyRecord& record, uint64_t seq, uint64_t batch) const {
  auto versions = versions_.find(id);
  if (versions == versions_.end()) return false;
  const std::vector<Version>& all = versions->second;
  for (size_t i = 0; i < all.size(); ++i) {
    bool over = i + 1 < all.size() && all[i + 1].seq < seq;
    if (over || all[i].batch < batch || !all[i].exists) continue;
    if (Model::SameState(all[i].state, record.state) && *all[i].spec == *record.spec) return true;
  }
  return false;
}

bool Auditor::WasAbsent(NotifyId id, uint64_t seq) const {
  auto versions = versions_.find(id);
  if (versions == versions_.end() || versions->second.empty() || versions->second.front().seq >= seq) return true;
  const std::vector<Version>& all = versions->second;
  for (size_t i = 0; i < all.size(); ++i)
    if (!all[i].exists && !(i + 1 < all.size() && all[i + 1].seq < seq)) return true;
  return false;
}

void Auditor::CheckViewed(const Open& open, const std::string& name, const Viewed& reply) {
  const NotifyRecord& record = *reply.view.record;
  const auto* get = std::get_if<GetRequest>(&open.event);
  const Model::Expected& expected = open.expected;
  NotifyId due = expected.decided ? expected.id : get->id;
  if (record.id != due) return Violation("P1 " + name + " is shown " + record.id.ToString() + " in place of " + due.ToString());
  bool as_decided = expected.viewed && Model::SameState(expected.viewed->state, record.state) && *expected.viewed->spec == *record.spec;
  if (!as_decided && !Stood(record.id, record, open.seq, get ? 0 : expected.needs))
    Violation("P1 " + name + " is shown " + record.id.ToString() + " as it never was, or is no more");
  if (IsSettled(record.state.phase) ? static_cast<uint8_t>(reply.view.state) != static_cast<uint8_t>(record.state.phase)
                                    : IsSettled(reply.view.state))
    Violation("P1 " + name + " is shown " + record.id.ToString() + " in the state " + notifyd::ToString(reply.view.state));
  if (!get || get->wait_ms == 0 || stopping_ || IsSettled(reply.view.state) || t() - open.t >= get->wait_ms) return;
  const Model::Notify* notify = model_.Find(record.id);
  bool settled_meanwhile = notify && notify->settled_t >= open.t;
  bool was_settled = expected.viewed && IsSettled(expected.viewed->state.phase);
  if (!settled_meanwhile && !was_settled) Violation("P1 " + record.id.ToString() + " is shown unsettled before the wait is over");
}

void Auditor::CheckListed(const Open& open, const Listed& reply) {
  const ListQuery& query = std::get<ListRequest>(open.event).query;
  NotifyId last{UINT64_MAX};
  if (reply.items.size() > query.limit) Violation("a page of the list is over its limit");
  for (const NotifyView& view : reply.items) {
    const NotifyRecord& record = *view.record;
    if (record.id >= last) Violation("the list is not newest first");
    last = record.id;
    if (!Matches(query, view)) Violation("the list shows " + record.id.ToString() + " (" + notifyd::ToString(view.state) + "), which does not match");
    if (!Stood(record.id, record, open.seq, 0)) Violation("P1 the list shows " + record.id.ToString() + " as it never was, or is no more");
  }
  if (reply.next.value != 0 && reply.next > last) Violation("the list's cursor goes back");
}

/// All that it should be about was there, unchanged, from before it was asked: then none was passed over.
void Auditor::CheckBulk(const Open& open, const std::string& name, const BulkDone& reply) {
  const auto& bulk = std::get<BulkRequest>(open.event);
  if (bulk.dry_run) {
    if (!open.items.empty()) Violation("P1 " + name + " only counts, and changes " + open.items.begin()->ToString());
    return;
  }
  (bulk.kind == BulkKind::kPurge ? tally_.purged : tally_.in_bulk) += reply.count;
  if (reply.count != open.items.size())
    Violation("P1 " + name + " says that " + std::to_string(reply.count) + " were changed, it were " + std::to_string(open.items.size()));
  if (reply.count > bulk.query.limit) Violation("a bulk request went over its limit");
  if (reply.next.value != 0 && reply.next <= bulk.query.above) Violation("the cursor of a bulk request goes back");
  if (reply.next.value != 0 || open.expected.may_be_nothing) return;
  const ListQuery& query = bulk.query;
  for (const auto& [id, notify] : model_.notifies()) {
    const Envelope& envelope = *notify.envelope;
    if (!notify.exists || notify.batch > open.written || id <= query.above || open.items.count(id) || model_.HasFlight(id)) continue;
    bool lasting = IsSettled(notify.state.phase) || (notify.state.phase == Phase::kHeld && notify.state.due == kWallNever);
    bool applies = bulk.kind == BulkKind::kRetry || IsSettled(notify.state.phase) == (bulk.kind == BulkKind::kPurge);
    State state = static_cast<State>(notify.state.phase);
    if (!lasting || !applies || std::count(query.states.begin(), query.states.end(), state) == 0) continue;
    if ((query.lane && envelope.lane.name != *query.lane) || (query.mode && envelope.lane.mode != *query.mode) ||
        (query.caller && envelope.caller != *query.caller) || (query.fkey_prefix && !envelope.fkey.starts_with(*query.fkey_prefix)) ||
        (query.url_prefix && !std::string(PeekUrl(*notify.spec)).starts_with(*query.url_prefix)))
      continue;
    Violation("P1 " + name + " passes over " + id.ToString());
  }
}

void Auditor::CheckLanes(const LanesRequest& request, const Reply& reply) {
  std::string name = "request " + std::to_string(reply.request.token);
  if (request.query.only) {
    if (!std::holds_alternative<LaneViewed>(reply.body)) Violation(name + " gets an answer of another kind");
    return;
  }
  const auto* listed = std::get_if<LanesListed>(&reply.body);
  if (!listed) return Violation(name + " gets an answer of another kind");
  std::optional<LaneKey> last = request.query.after;
  for (const LaneView& view : listed->lanes) {
    if (last && std::tie(view.lane.name, view.lane.mode) <= std::tie(last->name, last->mode)) Violation("the list of lanes is not in order");
    if (!view.lane.name.starts_with(request.query.prefix)) Violation("the list of lanes shows one without the prefix");
    last = view.lane;
  }
  if (listed->lanes.size() > request.query.limit) Violation("a page of lanes is over its limit");
}

// ---- promise 8

void Auditor::CheckStats(const StatsView& own, const StatsView& stats) {
  const Totals& totals = stats.totals;
  uint64_t pending = stats.held + stats.scheduled + stats.ready + stats.sending + stats.retrying;
  uint64_t settled = totals.succeeded + totals.failed + totals.cancelled + totals.expired;
  auto text = [&] {
    return "accepted " + std::to_string(totals.accepted) + " revived " + std::to_string(totals.revived) + " held " + std::to_string(stats.held) +
           " scheduled " + std::to_string(stats.scheduled) + " ready " + std::to_string(stats.ready) + " sending " + std::to_string(stats.sending) +
           " retrying " + std::to_string(stats.retrying) + " settled " + std::to_string(settled);
  };
  if (totals.accepted + totals.revived != pending + settled) Violation("P8 the books do not balance: " + text());
  if (totals.pending() != pending) Violation("P8 pending differs from the states: " + std::to_string(totals.pending()) + ", " + text());
  const Totals& due = own.totals;
  if (totals.accepted != due.accepted || totals.revived != due.revived || totals.succeeded != due.succeeded || totals.failed != due.failed ||
      totals.cancelled != due.cancelled || totals.expired != due.expired || totals.attempts != due.attempts || totals.retries != due.retries)
    Violation("P8 the totals are not what was decided: " + text());
  if (stats.sending != own.sending || stats.in_flight != own.in_flight)
    Violation("P8 sending " + std::to_string(stats.sending) + " of " + std::to_string(stats.in_flight) + " in flight, in place of " +
              std::to_string(own.sending) + " of " + std::to_string(own.in_flight));
}

}  // namespace notifyd::sim
