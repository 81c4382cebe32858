// The invariants of core_impl.h, looked at over all that is in memory: for tests and the simulator.
#include <algorithm>
#include <map>

#include "broker/core_services.h"
#include "broker/core_shedding.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

bool IsLegal(const Entry& entry) {
  bool in_lane = entry.place != Place::kIdle && entry.place != Place::kTimer && entry.place != Place::kFlight;
  if (in_lane && !entry.promoted) return false;
  if (entry.place == Place::kTimer && entry.promoted) return false;
  for (const LegalState& row : kLegalStates)
    if (row.index == entry.index && row.phases.Has(entry.state.phase) && row.places.Has(entry.place)) return true;
  return false;
}

}  // namespace

/// What the entries and lanes come to, to be held against the counts that the core keeps.
struct Core::Impl::Counted {
  IndexCounts promoted;
  uint64_t sending = 0;
  size_t envelope_bytes = 0;
  struct OfHost {
    size_t queued = 0, waking = 0;
    uint32_t in_flight = 0;
  };
  std::map<const Host*, OfHost> hosts;
  std::map<const Caller*, uint32_t> in_flight_of;
  std::map<const Lane*, IndexCounts> promoted_of;
  std::map<const Lane*, uint32_t> sending_of;
};

void Core::Impl::CheckEntry(const Entry& entry, Counted* counted) const {
  counted->envelope_bytes += entry.envelope_bytes;
  if (entry.known && entry.exists) CHECK(IsLegal(entry));
  if (entry.pending() && entry.known) CHECK(entry.index != Index::kNone);
  CHECK((entry.place == Place::kTimer) == entry.timer.linked());
  CHECK(!entry.expiry || entry.expiry->entry == &entry);
  if (entry.promoted && entry.index != Index::kTail && entry.index != Index::kNone) {
    ++counted->promoted[entry.index];
    if (auto lane = lanes_.find(entry.envelope->lane); lane != lanes_.end()) ++counted->promoted_of[lane->second.get()][entry.index];
  }
  CHECK((entry.place == Place::kFlight) == (entry.caller != nullptr));
  if (entry.place == Place::kFlight) {
    ++counted->hosts[entry.host].in_flight;
    ++counted->in_flight_of[entry.caller];
    counted->sending += entry.pending();
    counted->sending_of[entry.lane] += entry.pending();
  }
  if (entry.place == Place::kQueue) {
    ++counted->hosts[entry.host].queued;
    CHECK(entry.lane->queue.at(entry.order()) == &entry);
  }
}

void Core::Impl::CheckLane(const Lane& lane, Counted* counted) const {
  if (lane.waking) ++counted->hosts[lane.waking].waking;
  CHECK(!lane.wake || lane.waking);
  CHECK(!lane.fifo() || lane.in_flight <= 1);
  CHECK(lane.sending <= lane.in_flight);
  if (lane.paused() && lane.head) CHECK(lane.head->in_flight() || lane.head->although_paused);  // I8
  CHECK(lane.promoted == counted->promoted_of[&lane]);
  CHECK(lane.sending == counted->sending_of[&lane]);
  CHECK(!lane.disk_tail || lane.record.tail);
  CHECK(!lane.known || lane.record.listed == (lane.record.tail && !lane.paused()));
  CHECK(!lane.MayGo() || lane.pins > 0 || lane.loading || !journal_.IsWritten(lane.written));
  // Nobody is forgotten: what could start waits for its turn, and what waits for time is registered for that.
  if (const Entry* next = NextOf(lane); next && !lane.waits()) {
    Blocked blocked = BlockedOn(lane, next);
    // A bucket counts in fractions: its token may be there a millisecond before it is looked for.
    CHECK(blocked || lane.throttled());
    // Where the clock stepped ahead of what is loaded while it waited for its token, that brings it back first.
    CHECK(blocked.on != Wait::kWindow || lane.at_horizon() || lane.throttled());
    CHECK(blocked.on != Wait::kToken || lane.throttled());
  }
  CHECK(!lane.head_in_tail || (lane.has_attempted_head() && !lane.head && lane.disk_tail));
  // A lane that sleeps is in its host's turn, or is woken by its head where that is not in the tail, or by the resume of a caller: which one that is,
  // its tail knows.
  const auto& callers = switches_.all->callers;
  const bool any_paused = std::any_of(callers.begin(), callers.end(), [](const auto& caller) { return caller.second.paused; });
  const bool of_paused = any_paused && (!lane.caller || lane.mixed || IsPaused(*lane.caller));
  const bool by_turn = lane.has_attempted_head() ? lane.head_in_tail : !lane.active;
  const bool sleeps = lane.known && lane.disk_tail && by_turn && !lane.paused() && !lane.throttled() && !of_paused;
  if (sleeps && !lane.wake && !lane.fetching() && hosts_asked_) {
    auto host = hosts_.find(lane.record.sleeper_host);
    uint64_t order = lane.record.sleeper_order;
    bool in_turn = host != hosts_.end() && host->second->sleepers && (host->second->cursor <= order || host->second->fell_asleep <= order);
    CHECK(in_turn || PagesUnderWay() || shedding_->LooksFor(lane.record.sleeper_host, order));
  }
  for (const auto& [order, entry] : lane.queue) {
    CHECK(entry->lane == &lane && entry->place == Place::kQueue && entry->order() == order);
    CHECK(!lane.paused() || entry->although_paused);                             // I8
    CHECK(!lane.disk_tail || order < lane.tail_next || entry->although_paused);  // I6
  }
}

void Core::Impl::CheckInvariants() const {
  wall_.CheckInvariants();
  mono_.CheckInvariants();
  expiry_.CheckInvariants();
  polls_.CheckInvariants();
  turns_.CheckInvariants();
  shedding_->CheckInvariants();
  Counted counted;
  for (const auto& [id, entry] : entries_) {
    CHECK(entry->id == id);
    CheckEntry(*entry, &counted);
  }
  CHECK(counted.promoted == books_.promoted());
  CHECK(counted.sending == pending_sending_ && counted.envelope_bytes == envelope_bytes_);
  for (const auto& [key, lane] : lanes_) CheckLane(*lane, &counted);
  for (const auto& [caller, n] : counted.in_flight_of) CHECK(caller->in_flight == n);
  std::map<const Host*, uint32_t> at_instances;
  services_->CheckHosts(&at_instances);
  for (const auto& [name, host] : hosts_) {
    turns_.CheckTarget(*host);
    CHECK(host->breaker_timed == !host->breaker.calm() && host->breaker_open == host->breaker.is_open());
    CHECK(host->shut || !host->ShutByBreaker(now_.mono, services_->BreakerOf(*host)));
    CHECK(host->shut || !services_->Shuts(*host));
    const Counted::OfHost& of_host = counted.hosts[host.get()];
    CHECK(of_host.in_flight + at_instances[host.get()] == host->in_flight);
    CHECK(of_host.queued == host->queued && of_host.waking == host->waking);
  }
  size_t shown = 0;
  for (const auto& [id, requests] : shown_by_id_) {
    shown += requests.size();
    for (RequestId request : requests) CHECK(shown_.at(request).id == id);
  }
  CHECK(shown == shown_.size());
  topics_->CheckPromises();
}

}  // namespace notifyd
