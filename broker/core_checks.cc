// The invariants of core_impl.h, looked at over all that is in memory: for tests and the simulator.
#include <map>

#include "broker/core_impl.h"

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

void Core::Impl::CheckInvariants() const {
  wall_.CheckInvariants();
  mono_.CheckInvariants();
  expiry_.CheckInvariants();
  polls_.CheckInvariants();
  IndexCounts promoted;
  uint64_t sending = 0;
  std::map<const Host*, size_t> queued;
  std::map<const Host*, uint32_t> in_flight;
  std::map<const Caller*, uint32_t> of_caller;
  std::map<const Lane*, IndexCounts> lane_promoted;
  std::map<const Lane*, uint32_t> lane_sending;
  size_t head_bytes = 0;
  for (const auto& [id, entry] : entries_) {
    CHECK(entry->id == id);
    head_bytes += entry->head_bytes;
    if (entry->promoted && entry->index != Index::kTail && entry->index != Index::kNone)
      if (auto lane = lanes_.find(entry->head->lane); lane != lanes_.end()) ++lane_promoted[lane->second.get()][entry->index];
    if (entry->place == Place::kFlight && entry->pending()) ++lane_sending[entry->lane];
    CHECK((entry->place == Place::kTimer) == entry->timer.linked());
    if (entry->known && entry->exists) CHECK(IsLegal(*entry));
    if (entry->pending() && entry->known) CHECK(entry->index != Index::kNone);
    if (entry->promoted && entry->index != Index::kTail && entry->index != Index::kNone) ++promoted[entry->index];
    if (entry->place == Place::kFlight) ++in_flight[entry->host];
    CHECK((entry->place == Place::kFlight) == (entry->caller != nullptr));
    if (entry->caller) ++of_caller[entry->caller];
    if (entry->place == Place::kFlight && entry->pending()) ++sending;
    if (entry->place == Place::kQueue) ++queued[entry->host];
    CHECK(!entry->expiry || entry->expiry->entry == entry.get());
    if (entry->place == Place::kQueue) CHECK(entry->lane->queue.at(entry->order()) == entry.get());
  }
  CHECK(promoted == books_.promoted());
  size_t shown = 0;
  for (const auto& [id, requests] : shown_by_id_) {
    shown += requests.size();
    for (RequestId request : requests) CHECK(shown_.at(request).id == id);
  }
  CHECK(shown == shown_.size());
  CHECK(sending == pending_sending_ && head_bytes == head_bytes_);
  std::map<const Host*, size_t> waking;
  for (const auto& [key, lane] : lanes_) {
    if (lane->waking) ++waking[lane->waking];
    CHECK(!lane->wake || lane->waking);
    CHECK(!lane->fifo() || lane->in_flight <= 1);
    CHECK(lane->sending <= lane->in_flight);
    if (lane->paused()) CHECK(lane->queue.empty() && (!lane->head || lane->head->in_flight()));  // I8
    CHECK(lane->promoted == lane_promoted[lane.get()]);
    CHECK(lane->sending == lane_sending[lane.get()]);
    CHECK(!lane->disk_tail || lane->record.tail);
    CHECK(!lane->known || lane->record.dormant == (lane->record.tail && !lane->paused()));
    CHECK(!lane->MayGo() || lane->pins > 0 || lane->loading || !journal_.IsWritten(lane->written));
    // Nobody is forgotten: what could start waits for its turn, and what waits for time is registered for that.
    if (const Entry* next = NextOf(*lane); next && !lane->waits()) {
      Blocked blocked = BlockedOn(*lane, next);
      // A bucket counts in fractions: its token may be there a millisecond before it is looked for.
      CHECK(blocked || lane->throttled());
      CHECK(blocked.on != Wait::kWindow || lane->at_horizon());
      CHECK(blocked.on != Wait::kToken || lane->throttled());
    }
    // A lane that sleeps is in its host's turn, or is woken by its head.
    bool sleeps = lane->known && lane->disk_tail && !lane->active && !lane->has_attempted_head() && !lane->paused() && !lane->throttled();
    if (sleeps && !lane->wake && hosts_asked_) {
      auto host = hosts_.find(lane->record.dormant_host);
      uint64_t order = lane->record.dormant_order;
      bool in_turn = host != hosts_.end() && host->second->sleepers && (host->second->cursor <= order || host->second->fell_asleep <= order);
      CHECK(in_turn || PagesUnderWay());
    }
    for (const auto& [order, entry] : lane->queue) {
      CHECK(entry->lane == lane.get() && entry->place == Place::kQueue && entry->order() == order);
      CHECK(!lane->disk_tail || order < lane->tail_next);  // I6
    }
  }
  turns_.CheckInvariants();
  for (const auto& [caller, n] : of_caller) CHECK(caller->in_flight == n);
  for (const auto& [name, host] : hosts_) {
    turns_.CheckTarget(*host);
    CHECK(in_flight[host.get()] == host->in_flight);
    CHECK(queued[host.get()] == host->queued);
    CHECK(waking[host.get()] == host->waking);
  }
}

}  // namespace notifyd
