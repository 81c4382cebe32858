// What the auditor makes of requests and their answers: promise 1 (nothing is said before it is durable), and what each answer must hold.
#include <algorithm>

#include "broker/spec.h"
#include "sim/auditor.h"
#include "sim/workload.h"

namespace notifyd::sim {
namespace {

bool Matches(const ListQuery& query, const NotifyView& view) {
  const NotifyRecord& record = *view.record;
  if (query.lane && record.head->lane.name != *query.lane) return false;
  if (query.mode && record.head->lane.mode != *query.mode) return false;
  if (query.caller && record.head->caller != *query.caller) return false;
  if (query.fkey_prefix && record.head->fkey.compare(0, query.fkey_prefix->size(), *query.fkey_prefix) != 0) return false;
  if (query.below.value != 0 && record.id >= query.below) return false;
  return query.states.empty() || std::count(query.states.begin(), query.states.end(), view.state) > 0;
}

std::string Name(const RequestId& id) {
  return "request " + std::to_string(id.token);
}

}  // namespace

template <class F>
void Auditor::ForFkey(const std::string& fkey, F f) {
  auto it = by_fkey_.find(fkey);
  if (it == by_fkey_.end()) return;
  for (uint64_t token : it->second) f(&items_.at(token));
}

// ---- requests

void Auditor::OnRequest(const Event& event) {
  auto open = [&](const RequestId& id, const std::string* fkey) {
    Open entry{event, t(), 0, {}};
    if (fkey) {
      auto held = synced().fkeys.find(*fkey);
      if (held != synced().fkeys.end()) entry.held = held->second.id;
    }
    open_.emplace(id, std::move(entry));
  };
  if (const auto* submit = std::get_if<SubmitRequest>(&event)) {
    open(submit->request, nullptr);
    for (const SubmitItem& said : submit->items) {
      uint64_t token = TokenOf(*said.spec);
      auto [it, fresh] = items_.try_emplace(token);
      Item& item = it->second;
      const NotifyHead& head = *said.head;
      // One in place of another: which one it is, is known only afterwards.
      if (said.on_held == OnHeld::kReplace && !head.fkey.empty()) {
        fkey_asks_[head.fkey].cancel_t = t();
        ForFkey(head.fkey, [&](Item* other) { other->cancel_asked_t = other == &item ? other->cancel_asked_t : t(); });
      }
      if (!fresh) continue;
      item.token = token;
      item.said = said;
      item.asked_t = t();
      for (const auto& [id, other] : open_)
        if (const auto* bulk = std::get_if<BulkRequest>(&other.event)) AskOne(*bulk, &item);
      if (!head.fkey.empty()) {
        ExpectRemembered(&item);
        by_fkey_[head.fkey].push_back(token);
        // Requests under way at one time may overtake each other: one from just before may meet this one.
        const FkeyAsks& asks = fkey_asks_[head.fkey];
        if (asks.cancel_t >= 0 && t() - asks.cancel_t < kOvertakeMs) item.cancel_asked_t = t();
        if (asks.trigger_t >= 0 && t() - asks.trigger_t < kOvertakeMs) {
          item.trigger_asked_t = t();
          item.trigger_due_lowest = asks.trigger_lowest;
        }
        if (t() <= asks.remember_until_t) {
          item.trigger_due_lowest = item.trigger_asked_t == t() ? std::min(item.trigger_due_lowest, asks.remember_lowest) : asks.remember_lowest;
          item.trigger_asked_t = t();
        }
      }
      by_lane_[head.lane].push_back(token);
      lane_hosts_[head.lane].insert(head.host);
      lanes_[head.lane];
      hosts_[head.host];
    }
  } else if (const auto* trigger = std::get_if<TriggerRequest>(&event)) {
    open(trigger->request, &trigger->fkey);
    remembered_.erase(trigger->fkey);
    int64_t lowest = INT64_MIN;
    int64_t slack = profile_.wall_step_every_ms > 0 ? profile_.wall_step_ms_max : 0;
    if (trigger->when.kind == When::Kind::kDelay) lowest = clock_->now().wall.ms + trigger->when.ms - slack;
    if (trigger->when.kind == When::Kind::kAt && trigger->when.ms > clock_->now().wall.ms + slack) lowest = trigger->when.ms;
    FkeyAsks& asks = fkey_asks_[trigger->fkey];
    asks.trigger_lowest = t() - asks.trigger_t < kOvertakeMs ? std::min(asks.trigger_lowest, lowest) : lowest;
    asks.trigger_t = t();
    if (trigger->remember_ms > 0) {
      asks.remember_lowest = t() <= asks.remember_until_t ? std::min(asks.remember_lowest, lowest) : lowest;
      asks.remember_until_t = std::max(asks.remember_until_t, t() + trigger->remember_ms + 2 * slack + kOvertakeMs);
    }
    ForFkey(trigger->fkey, [&](Item* item) {
      item->trigger_due_lowest = item->trigger_asked_t < 0 ? lowest : std::min(item->trigger_due_lowest, lowest);
      item->trigger_asked_t = t();
    });
  } else if (const auto* cancel = std::get_if<FkeyCancelRequest>(&event)) {
    open(cancel->request, &cancel->fkey);
    fkey_asks_[cancel->fkey].cancel_t = t();
    remembered_.erase(cancel->fkey);  // it may be withdrawn
    ForFkey(cancel->fkey, [&](Item* item) { item->cancel_asked_t = t(); });
  } else if (const auto* cancel = std::get_if<CancelRequest>(&event)) {
    open(cancel->request, nullptr);
    cancels_asked_[cancel->id] = t();
    if (Item* item = ById(cancel->id)) item->cancel_asked_t = t();
  } else if (const auto* retry = std::get_if<RetryRequest>(&event)) {
    open(retry->request, nullptr);
    if (const NotifyRecord* record = synced().Find(retry->id)) open_[retry->request].attempts_made = record->state.attempts_made;
    retries_asked_[retry->id] = t();
    if (Item* item = ById(retry->id)) {
      item->retry_asked_t = t();
      item->pending = true;  // it may live again
      pending_.insert(item->token);
    }
  } else if (const auto* get = std::get_if<GetRequest>(&event)) {
    open(get->request, nullptr);
  } else if (const auto* get = std::get_if<FkeyGetRequest>(&event)) {
    open(get->request, &get->fkey);
  } else if (const auto* list = std::get_if<ListRequest>(&event)) {
    open(list->request, nullptr);
  } else if (const auto* stats = std::get_if<StatsRequest>(&event)) {
    open(stats->request, nullptr);
  } else if (const auto* gone = std::get_if<Disconnected>(&event)) {
    if (open_.erase(gone->request)) gone_.insert(gone->request);
  } else {
    std::visit(
        [&](const auto& e) {
          if constexpr (requires { e.request; }) open(e.request, nullptr);
        },
        event);
    OnSteering(event);
  }
}

// ---- answers

const NotifyRecord* Auditor::Durable(NotifyId id, const char* what) {
  const NotifyRecord* record = synced().Find(id);
  if (!record) Violation(std::string("P1 ") + what + " " + id.ToString() + " is answered before it is durable");
  return record;
}

void Auditor::OnReply(const Reply& reply) {
  if (gone_.count(reply.request)) return;
  auto it = open_.find(reply.request);
  if (it == open_.end()) return Violation(Name(reply.request) + " is answered twice, or was never made");
  Open open = std::move(it->second);
  open_.erase(it);
  if (open.t > t()) open.t = t();
  CheckReply(open, reply);
}

void Auditor::CheckReply(const Open& open, const Reply& reply) {
  if (const auto* refused = std::get_if<Refused>(&reply.body)) return CheckRefused(open, *refused);
  auto wrong = [&] { Violation(Name(reply.request) + " gets an answer of another kind"); };
  if (const auto* submit = std::get_if<SubmitRequest>(&open.event)) {
    const auto* submitted = std::get_if<Submitted>(&reply.body);
    return submitted ? CheckSubmitted(*submit, *submitted) : wrong();
  }
  if (const auto* trigger = std::get_if<TriggerRequest>(&open.event); trigger && !std::holds_alternative<Remembered>(reply.body)) {
    const auto* triggered = std::get_if<Triggered>(&reply.body);
    return triggered ? CheckTriggered(*trigger, *triggered) : wrong();
  }
  if (const auto* list = std::get_if<ListRequest>(&open.event)) {
    const auto* listed = std::get_if<Listed>(&reply.body);
    return listed ? CheckListed(*list, *listed) : wrong();
  }
  if (std::holds_alternative<StatsRequest>(open.event)) {
    const auto* stats = std::get_if<StatsView>(&reply.body);
    return stats ? CheckStats(*stats) : wrong();
  }
  if (const auto* retry = std::get_if<RetryRequest>(&open.event)) {
    const auto* retried = std::get_if<Retried>(&reply.body);
    if (!retried || retried->id != retry->id) return wrong();
    ++tally_.revivals;
    const NotifyRecord* record = Durable(retry->id, "the retry of");
    // It may have been sent, and have settled anew, before its answer was on its way.
    bool settled = record && (record->state.phase == Phase::kSucceeded || record->state.phase == Phase::kFailed);
    if (settled && record->state.attempts_made <= open.attempts_made)
      Violation("P1 the retry of " + retry->id.ToString() + " is answered before it is durable");
    return;
  }
  if (std::holds_alternative<FkeyCancelRequest>(open.event) && std::holds_alternative<Withdrawn>(reply.body)) return;
  if (std::holds_alternative<FkeyGetRequest>(open.event) && std::holds_alternative<RememberedViewed>(reply.body)) return;
  const auto* viewed = std::get_if<Viewed>(&reply.body);
  if (!viewed || std::holds_alternative<ChangeReadRequest>(open.event) || std::holds_alternative<ChangeRequest>(open.event))
    return CheckSteered(open, reply);
  return viewed && viewed->view.record ? CheckViewed(open, *viewed) : wrong();
}

void Auditor::CheckSubmitted(const SubmitRequest& request, const Submitted& reply) {
  if (reply.items.size() != request.items.size())
    return Violation("a submit of " + std::to_string(request.items.size()) + " is answered with " + std::to_string(reply.items.size()));
  for (size_t i = 0; i < reply.items.size(); ++i) {
    const SubmitItem& said = request.items[i];
    const SubmittedItem& got = reply.items[i];
    if (!got.refused.ok()) {
      if (!request.each) Violation("one item of a batch is refused by itself");
      if (got.refused.code() == Code::kConflict && got.id.value != 0) Durable(got.id, "the conflict with");
      if (got.refused.code() == Code::kTooMany && profile_.limits.max_pending > 1'000'000) Violation("refused as too many");
      continue;
    }
    uint64_t token = TokenOf(*said.spec);
    // What the idempotency key stood for may have been purged since.
    Item* purged = ById(got.id);
    if (got.duplicate && !synced().Find(got.id) && purged && purged->purge_asked_t >= 0) continue;
    if (purged && purged->purge_asked_t >= 0 && !synced().Find(got.id)) continue;
    const NotifyRecord* record = Durable(got.id, "the submit of");
    if (!record) continue;
    Item* item = Link(got.id, *record->spec);
    if (!item) continue;
    std::string name = got.id.ToString();
    if (got.duplicate) {
      ++tally_.duplicates;
      bool same =
          item->said.idempotency_key == said.idempotency_key && item->said.head->caller == said.head->caller && item->said.fields == said.fields;
      // One that was kept is remembered under the key of the submit that it was kept for.
      bool kept = said.on_held == OnHeld::kKeep && !said.head->fkey.empty() && item->said.head->fkey == said.head->fkey;
      if (said.idempotency_key.empty() || !(same || kept)) Violation(name + " is no duplicate of what was submitted");
    } else if (got.kept) {
      if (said.on_held != OnHeld::kKeep || item->said.head->fkey != said.head->fkey) Violation(name + " was not to be kept");
    } else {
      if (item->token != token) Violation("P1 a submit is answered with the id of another: " + name);
      if (item->acked_t >= 0) Violation("P1 " + name + " is accepted a second time");
      ++tally_.acked;
      if (!said.idempotency_key.empty()) {
        auto [key, fresh] = accepted_keys_.emplace(std::pair(said.head->caller, said.idempotency_key), token);
        if (!fresh && key->second != token) Violation(name + " is accepted although its idempotency key stands for another");
      }
    }
    if (!got.duplicate && !got.kept && item->awaited) {
      ++tally_.awaited;
      if (record->state.phase == Phase::kHeld) Violation("P1 " + name + " is held although a trigger was remembered for it");
      if (!item->awaited_mark.empty()) item->marks_acked.insert(item->awaited_mark);
    }
    if (item->acked_t < 0) item->acked_t = t();
    if (item->known_t < 0) item->known_t = t();
    if (got.lane != item->said.head->lane) Violation(name + " is answered with another lane");
    if (IsSettled(got.state) && !got.duplicate) Violation(name + " is answered as settled");
  }
}

void Auditor::CheckTriggered(const TriggerRequest& request, const Triggered& reply) {
  ++tally_.triggers;
  const NotifyRecord* record = Durable(reply.id, "the trigger of");
  if (!record) return;
  std::string name = reply.id.ToString();
  if (record->head->fkey != request.fkey) Violation(name + " is not held under " + request.fkey);
  bool held = record->state.phase == Phase::kHeld;
  if (reply.fresh && held) Violation("P1 the trigger of " + name + " is answered before it is durable");
  if (!reply.fresh && held && record->state.due.ms > clock_->HighestWall(0, t()))
    Violation("P1 the repeated trigger of " + name + " is answered, but it is still held");
  Item* item = Link(reply.id, *record->spec);
  if (item && reply.fresh && request.data) item->marks_acked.insert(request.data->substr(1));
}

void Auditor::CheckViewed(const Open& open, const Viewed& reply) {
  const NotifyRecord& view = *reply.view.record;
  std::string name = view.id.ToString();
  const NotifyRecord* record = written().Find(view.id);
  if (Item* purged = ById(view.id); !record && purged && purged->purge_asked_t >= 0) return;
  if (!record) return Violation("P1 " + name + " is shown, but is not on disk");
  Item* item = Link(view.id, *view.spec);
  if (!item) return;
  if (const auto* get = std::get_if<GetRequest>(&open.event)) {
    if (get->id != view.id) Violation(name + " is shown in place of " + get->id.ToString());
    if (get->wait_ms > 0 && !IsSettled(reply.view.state) && t() - open.t < get->wait_ms && !stopping_ && item->retry_asked_t < 0)
      Violation(name + " is shown unsettled before the wait is over");
    if (StaysCancelled(*item) && item->cancel_acked_t < open.t && reply.view.state != State::kCancelled)
      Violation("P1 " + name + " is shown as " + notifyd::ToString(reply.view.state) + " after its cancel was acknowledged");
    return;
  }
  bool by_id = std::holds_alternative<CancelRequest>(open.event);
  if (by_id && std::get<CancelRequest>(open.event).id != view.id) Violation(name + " is not the one to be cancelled");
  const std::string* fkey = nullptr;
  if (const auto* get = std::get_if<FkeyGetRequest>(&open.event)) fkey = &get->fkey;
  if (const auto* cancel = std::get_if<FkeyCancelRequest>(&open.event)) fkey = &cancel->fkey;
  if (fkey && view.head->fkey != *fkey) Violation(name + " is not held under " + *fkey);
  if (!by_id && !std::holds_alternative<FkeyCancelRequest>(open.event)) return;
  ++tally_.cancels;
  const NotifyRecord* durable = Durable(view.id, "the cancel of");
  if (durable && durable->state.phase != Phase::kCancelled && item->retry_asked_t < open.t)
    Violation("P1 the cancel of " + name + " is answered before it is durable");
  item->cancel_acked_t = t();
  item->cancel_holds_from_t = open.t;
}

void Auditor::CheckRefused(const Open& open, const Refused& reply) {
  ++tally_.refused;
  Code code = reply.status.code();
  auto known = [&](NotifyId id) {
    Item* item = ById(id);
    if (item && item->acked_t >= 0 && item->acked_t <= open.t && item->purge_asked_t < 0)
      Violation("P1 " + id.ToString() + " was acknowledged, but is not found");
  };
  switch (code) {
    case Code::kNotFound:
      if (const auto* get = std::get_if<GetRequest>(&open.event)) return known(get->id);
      if (const auto* cancel = std::get_if<CancelRequest>(&open.event)) return known(cancel->id);
      if (const auto* change = std::get_if<ChangeRequest>(&open.event)) return known(change->id);
      if (const auto* change = std::get_if<ChangeReadRequest>(&open.event)) return known(change->id);
      if (const auto* explain = std::get_if<ExplainRequest>(&open.event)) return known(explain->id);
      if (const auto* retry = std::get_if<RetryRequest>(&open.event)) return known(retry->id);
      if (const auto* trigger = std::get_if<TriggerRequest>(&open.event)) {
        const NotifyRecord* durable = synced().Find(open.held);
        const NotifyRecord* record = written().Find(open.held);
        if (durable && record && durable->state.phase == Phase::kHeld && record->state.phase == Phase::kHeld && ById(open.held) &&
            ById(open.held)->cancel_asked_t < open.t && record->state.expires_at.ms > clock_->HighestWall(open.t, t()))
          Violation("P1 the trigger of " + trigger->fkey + " finds nothing, but " + open.held.ToString() + " is held");
      }
      return;
    case Code::kConflict: {
      if (reply.holder.value != 0) Durable(reply.holder, "the conflict with");
      const auto* cancel = std::get_if<CancelRequest>(&open.event);
      if (!cancel) return;
      const NotifyRecord* durable = synced().Find(cancel->id);
      Item* item = ById(cancel->id);
      if (durable && item && !IsSettled(durable->state.phase) && item->retry_asked_t < open.t - kOvertakeMs)
        Violation("P1 the cancel of " + cancel->id.ToString() + " is refused, but that it settled is not durable");
      return;
    }
    case Code::kUnacceptable:
      return;
    case Code::kTooMany:
      if (profile_.limits.max_pending > 1'000'000) Violation("refused as too many");
      return;
    case Code::kUnavailable:
      if (!stopping_ && !disk_was_low_) Violation("refused as unavailable: " + reply.status.detail());
      return;
    case Code::kDiskFull:
      if (!disk_was_low_) Violation("refused as disk full");
      return;
    default:
      Violation("refused with code " + std::to_string(static_cast<int>(code)) + ": " + reply.status.detail());
  }
}

void Auditor::CheckListed(const ListRequest& request, const Listed& reply) {
  NotifyId last{UINT64_MAX};
  if (reply.items.size() > request.query.limit) Violation("a page of the list is over its limit");
  for (const NotifyView& view : reply.items) {
    if (view.record->id >= last) Violation("the list is not newest first");
    last = view.record->id;
    if (!Matches(request.query, view))
      Violation("the list shows " + view.record->id.ToString() + " (" + notifyd::ToString(view.state) + "), which does not match");
    Item* item = ById(view.record->id);
    if (!written().Find(view.record->id) && !(item && item->purge_asked_t >= 0))
      Violation("P1 the list shows " + view.record->id.ToString() + ", which is not on disk");
  }
  if (reply.next.value != 0 && reply.next > last) Violation("the list's cursor goes back");
}

// ---- promise 8

void Auditor::CheckStats(const StatsView& stats) {
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
  // Those whose turn it is, but whose body is still being read, count as sending: they take up their places already. Starts of this very turn
  // are on the wire before this answer, which does not count them yet: so the wire cannot be asked.
  if (stats.sending > stats.in_flight) Violation("P8 sending " + std::to_string(stats.sending) + " of " + std::to_string(stats.in_flight));
  uint64_t acked = 0, told = 0;
  for (const auto& [token, item] : items_) acked += item.acked_t >= 0 && token < kCallbackTokens;
  for (const auto& [token, item] : items_) told += item.said.head && item.said.head->callback;
  if (totals.accepted < acked || totals.accepted > items_.size() + (told > 0 ? settled : 0))
    Violation("P8 accepted " + std::to_string(totals.accepted) + ", acknowledged " + std::to_string(acked));
  if (last_totals_) {
    const Totals& last = *last_totals_;
    if (totals.accepted < last.accepted || totals.revived < last.revived || totals.succeeded < last.succeeded || totals.failed < last.failed ||
        totals.cancelled < last.cancelled || totals.expired < last.expired || totals.attempts < last.attempts || totals.retries < last.retries)
      Violation("P8 a total went back");
  }
  last_totals_ = totals;
}

}  // namespace notifyd::sim
