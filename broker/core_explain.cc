// Explain: why a notify is where it is, out of what the scheduler itself looks at. Contract section 3.
#include <algorithm>
#include <string>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_pauses.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/flow_settings.h"

namespace notifyd {
namespace {

/// How many ahead are counted; beyond, it says "or more".
constexpr uint64_t kMostAhead = 1000;

std::string Number(uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

/// Who stands before a notify in its lane.
struct Ahead {
  const Entry* head = nullptr;  // the first; null: it is none, or not in memory
  uint64_t count = 0;           // kMostAhead: or more
};
/// `in_tail`: how many of those in the tail do. `blocked`: the attempted head; null: there is none, or it is not in memory.
Ahead AheadOf(const Entry& entry, const Lane& lane, uint64_t in_tail, const Entry* blocked) {
  const NotifyId blocked_head = lane.record.blocked_head;
  if (blocked_head == entry.id) return {};
  Ahead ahead{nullptr, in_tail};
  if (lane.head && lane.head != &entry) {
    ahead.head = lane.head;
    if (in_tail == 0 || ahead.head->index != Index::kTail) ++ahead.count;
  } else if (blocked_head.value != 0) {
    ahead.head = blocked;
    if (in_tail == 0 || !blocked || blocked->index != Index::kTail) ++ahead.count;
  } else if (!lane.queue.empty() && lane.queue.begin()->second != &entry && lane.queue.begin()->first < entry.order()) {
    ahead.head = lane.queue.begin()->second;
  }
  for (const auto& [key, other] : lane.queue) {
    if (ahead.count >= kMostAhead || !(key < entry.order())) break;
    if (in_tail == 0 || other->index != Index::kTail) ++ahead.count;  // those of the tail are counted there
  }
  return ahead;
}

/// Says that its time is over by when it could be sent, where that is known.
void ExplainExpiry(const NotifyState& state, Explained* out) {
  if (!out->expected_at || *out->expected_at < state.expires_at) return;
  const std::string detail = "it expires at " + FormatRfc3339(state.expires_at) + ", and cannot be sent before";
  out->reasons.insert(out->reasons.begin(), Explained::Reason{"expires", detail});
  out->expected_at.reset();
}

}  // namespace

Handled Core::Impl::Handle(Task* task, ExplainRequest& r) {
  Entry* entry = NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  if (!entry->exists) return Refuse(r.request, Code::kNotFound, "there is no such notify");
  if (!entry->pending()) return ReplyNow(r.request, Explain(*entry, nullptr, {}));
  // Whom its service has, and whether its subscription is paused, is of the catalog, which is not read yet in the first moments.
  if (!NeedCatalog(task)) return Handled::kParked;
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (!lane) return Handled::kParked;
  if (lane->has_attempted_head() && !NeedEntry(task, lane->record.blocked_head)) return Handled::kParked;
  if (entry->index != Index::kTail || !lane->record.tail) return ReplyNow(r.request, Explain(*entry, lane, {}));
  // Who stands before it in the tail is on disk.
  explaining_.emplace(next_ticket_, Explaining{r.request, entry, lane});
  ++entry->pins;
  ++lane->pins;
  AskPage({0, kMostAhead, TailCountPage{lane->key, lane->record.tail_from, entry->order()}});
  return Handled::kDone;
}

void Core::Impl::OnTailCount(const Explaining& explaining, PageLoaded& page) {
  const TailCount& tail = page.tail_count();
  ReplyNow(explaining.request, Explain(*explaining.entry, explaining.lane, {tail.count, tail.first ? tail.first->id : NotifyId{}}));
  --explaining.entry->pins;
  --explaining.lane->pins;
  MaybeDrop(explaining.entry);
  MaybeDrop(explaining.lane);
}

/// Returns why the notify is where it is. `lane`: its own where it is pending; else null.
Explained Core::Impl::Explain(const Entry& entry, const Lane* lane, const TailAhead& tail) const {
  Explained out;
  out.id = entry.id;
  out.state = StateOf(entry.state, &entry);
  const NotifyState& state = entry.state;
  auto reason = [&](const char* code, std::string detail) { out.reasons.push_back({code, std::move(detail)}); };
  switch (out.state) {
    case State::kHeld: {
      if (GroupPart::AwaitsTurn(entry)) {
        reason("group_turn", GroupPart::ExplainTurn(entry));
        break;
      }
      std::string until = state.due == kWallNever ? "" : ", or until it is due at " + FormatRfc3339(state.due);
      reason("held", "it is held under the fkey \"" + entry.envelope->fkey + "\" until that is triggered" + until);
      if (state.due != kWallNever) out.expected_at = state.due;
      break;
    }
    case State::kScheduled:
      reason("not_due", "it is due at " + FormatRfc3339(state.due));
      out.expected_at = state.due;
      if (const Entry* head = FindEntry(lane->record.blocked_head); head && head->state.next_attempt_at > state.due) ExplainHead(head, *lane, &out);
      break;
    case State::kRetrying:
      reason("waiting_to_retry",
             (state.attempts_made > 0 ? "attempt " + std::to_string(state.attempts_made) + " failed" : std::string("it could not go yet")) +
                 "; the next one is due at " + FormatRfc3339(state.next_attempt_at));
      out.expected_at = state.next_attempt_at;
      break;
    case State::kSending:
      reason("sending", "attempt " + std::to_string(entry.number) + " is in flight");
      break;
    case State::kReady:
      ExplainReady(entry, *lane, tail, &out);
      ExplainExpiry(state, &out);
      return out;
    default:
      reason("settled", std::string("it is settled: ") + ToString(out.state) + (state.reason.empty() ? "" : ", " + state.reason));
      return out;
  }
  if (out.state != State::kSending) {
    if (lane->paused()) pauses_->Explain(entry, *lane, &out);
    ExplainSwitches(entry, &out);
    ExplainBreaker(entry, &out);
  }
  ExplainExpiry(state, &out);
  return out;
}

/// Says what an operator switched off that it needs.
void Core::Impl::ExplainSwitches(const Entry& entry, Explained* out) const {
  auto reason = [&](const char* code, std::string detail) {
    out->reasons.push_back({code, std::move(detail)});
    out->expected_at.reset();
  };
  if (entry.host->settings.paused || (ServicePart::IsService(*entry.host) && services_->IsPaused(*entry.host)))
    reason("host_paused", "its host, " + std::string(ServicePart::ShownName(entry.host->name)) + ", is paused");
  if (IsPaused(entry.envelope->caller)) reason("caller_paused", "its caller, " + entry.envelope->caller + ", is paused");
}

/// Says that its host cannot be reached, and when that is tried again.
void Core::Impl::ExplainBreaker(const Entry& entry, Explained* out) const {
  auto reason = [&](const char* code, std::string detail) { out->reasons.push_back({code, std::move(detail)}); };
  if (ServicePart::IsService(*entry.host)) {
    const std::optional<std::string> none = services_->NoInstanceFor(entry);
    if (!none) return services_->ExplainBreakers(entry, out);
    reason("no_instance", *none);
    return out->expected_at.reset();
  }
  const Breaker& breaker = entry.host->breaker;
  if (!breaker.is_open()) return;
  const std::string since = "its host, " + entry.host->name + ", cannot be reached since " + FormatRfc3339(WallAt(breaker.open_since()));
  if (breaker.state() == Breaker::State::kProbing) {
    reason("breaker_open", since + "; a probe is under way since " + FormatRfc3339(WallAt(breaker.probing_since())));
    return out->AwaitOthers(now_.wall);
  }
  const WallTime probe = WallAt(std::max(breaker.next_probe(), now_.mono));
  reason("breaker_open", since + "; the next probe may go out at " + FormatRfc3339(probe));
  if (out->expected_at) out->expected_at = std::max(*out->expected_at, probe);
}

/// Says that the head of its fifo lane, where it is `head`, waits for its next attempt, or for somebody whom it may go to. Returns whether that is
/// so.
bool Core::Impl::ExplainHead(const Entry* head, const Lane& lane, Explained* out) const {
  if (!head || head->id != lane.record.blocked_head || !head->pending() || StateOf(head->state, head) != State::kRetrying) return false;
  const char* what = head->state.attempts_made > 0 ? ", failed and is attempted again at " : ", could not go yet; its first attempt is due at ";
  const std::string why = "the head of its fifo lane, " + head->id.ToString() + what + FormatRfc3339(head->state.next_attempt_at);
  out->reasons.push_back({"blocked_by_head", why});
  if (out->expected_at) out->expected_at = std::max(*out->expected_at, head->state.next_attempt_at);
  return true;
}

void Core::Impl::ExplainReady(const Entry& entry, const Lane& lane, const TailAhead& tail, Explained* out) const {
  auto reason = [&](const char* code, std::string detail) { out->reasons.push_back({code, std::move(detail)}); };
  out->expected_at = now_.wall;
  const Entry* next = NextOf(lane);
  auto waits_for = [&](Wait wait) { return BlockedBy(wait, lane, next); };
  if (waits_for(Wait::kRestart)) reason("stopping", "the broker stops or restarts and begins no attempt");
  if (waits_for(Wait::kResume)) pauses_->Explain(entry, lane, out);
  ExplainSwitches(entry, out);
  ExplainBreaker(entry, out);
  const NotifyId blocked = lane.record.blocked_head;
  const auto [head, ahead] = AheadOf(entry, lane, tail.count, FindEntry(blocked));
  bool depends = ahead > 0 && !ExplainHead(head, lane, out);  // on when calls of others end
  if (ahead > 0) {
    std::string many = ahead >= kMostAhead ? std::to_string(kMostAhead) + " or more others" : Number(ahead, "other", "others");
    NotifyId first = head ? head->id : tail.first;
    Explained of_head;
    of_head.expected_at = now_.wall;
    if (head && head->pending() && !head->in_flight()) {
      ExplainSwitches(*head, &of_head);
      ExplainBreaker(*head, &of_head);
    }
    if (!of_head.expected_at) out->expected_at.reset();
    else if (out->expected_at) out->expected_at = std::max(*out->expected_at, *of_head.expected_at);
    std::string what = of_head.reasons.empty() ? "" : " (" + of_head.reasons[0].detail + ")";
    reason("behind", "it is behind " + many + " in its lane" + (first.value != 0 ? "; the head is " + first.ToString() + what : ""));
  }
  auto at_cap = [&](const char* code, const char* whose, uint64_t in_flight, const std::string& as) {
    reason(code, std::string(whose) + " has " + Number(in_flight, "call", "calls") + " in flight, as many as it " + as);
    depends = true;
  };
  if (Blocked token = waits_for(Wait::kToken)) {
    reason("rate_limited", "its lane's rate is used up for now");
    // A token more for each that goes first; a fifo head in flight has taken its own.
    const uint64_t tokens = ahead - std::min<uint64_t>(ahead, lane.fifo() ? lane.in_flight : 0);
    const auto later_ms = static_cast<int64_t>(static_cast<double>(tokens) * 1000 / lane.rate().per_s);
    if (out->expected_at) out->expected_at = std::max(*out->expected_at, WallTime{now_.wall.ms + token.until.ms - now_.mono.ms + later_ms});
    depends = false;
  }
  if (!lane.fifo() && waits_for(Wait::kCall)) at_cap("lane_at_cap", "its lane", lane.in_flight, "may");
  if (const Host& host = *entry.host; host.awaits_token && !host.settings.paused) {
    reason("host_rate_limited", "its host's rate is used up for now");
    if (out->expected_at) out->expected_at = std::max(*out->expected_at, WallTime{now_.wall.ms + host.token->first.ms - now_.mono.ms});
  } else if (!host.settings.paused && !host.breaker.is_open() && !services_->Shuts(host) && turns_.AtShare(host)) {
    at_cap("host_at_cap", "its host", host.in_flight, host.rule && host.rule->shared ? "may while other namespaces share its rule" : "may");
  }
  const Caller* caller = turns_.FindCaller(entry.envelope->caller);
  if (!lane.mixed && caller && turns_.AtShare(*caller, *entry.host)) at_cap("caller_at_cap", "its caller", caller->in_flight, "may");
  if (turns_.full()) {
    const uint64_t calls = turns_.in_flight();
    if (grant_.max_in_flight < limits_.max_in_flight) at_cap("namespace_at_share", "its namespace", calls, "is lent while others want some, too");
    else if (limits_.own_max_in_flight) at_cap("namespace_at_cap", "its namespace", calls, "may");
    else at_cap("broker_at_cap", "the broker", calls, "may");
  }
  if (depends) out->expected_at.reset();
  if (!out->reasons.empty()) return;
  bool in_memory = entry.place != Place::kIdle || entry.index == Index::kTail;
  if (in_memory) reason("next", "its turn is next");
  else reason("loading", "it is due and on its way from the disk into its lane");
}

}  // namespace notifyd
