// What the core has in memory: notifies (entries), lanes, hosts, keys, and the tasks that wait for them. Plain structures; broker/core_impl.h says what
// holds between them (I1 to I10), broker/core_checks.cc checks it. Included by broker/core*.cc alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/due_window.h"
#include "broker/events.h"
#include "broker/lane_limits.h"
#include "broker/notify.h"
#include "broker/token_bucket.h"
#include "broker/turns.h"

namespace notifyd {

struct ExpiryTimer;
struct Task;
struct Host;
struct Lane;

struct Slot {
  enum class Kind : uint8_t { kEntry, kLane, kFkey, kIdempotency };
  explicit Slot(Kind k) : kind(k) {}
  Kind kind;
  bool known = false;
  bool loading = false;
  uint32_t pins = 0;
  uint64_t written = 0;  // the newest batch that changes it
  std::vector<Task*> waiters;
};

struct FkeySlot : Slot {
  explicit FkeySlot(std::string k) : Slot(Kind::kFkey), key(std::move(k)) {}
  std::string key;
  std::optional<FkeyRecord> record;
};

struct IdempotencySlot : Slot {
  explicit IdempotencySlot(IdempotencyKey k) : Slot(Kind::kIdempotency), key(std::move(k)) {}
  IdempotencyKey key;
  std::optional<IdempotencyRecord> record;
};

/// Where an entry is in memory, beyond being looked at.
enum class Place : uint8_t {
  kIdle,      // nowhere: it may be dropped
  kTimer,     // in a window's wheel
  kArriving,  // its lane is being loaded
  kAwaiting,  // its batch is not durable yet
  kQueue,     // in its lane's queue
  kHead,      // a fifo lane's attempted head, ready again
  kFlight,    // an attempt is under way
};

struct Entry : Slot {
  explicit Entry(NotifyId i) : Slot(Kind::kEntry), id(i) { timer.entry = this; }
  NotifyId id;
  bool exists = false;
  bool promoted = false;  // its time has come
  bool buried = false;    // in the graveyard, since page ticket buried_at
  uint64_t buried_at = 0;
  uint32_t changes = 0;  // counts changes, so that a record read meanwhile is known to be old
  uint32_t changes_at_load = 0;
  uint32_t head_bytes = 0;   // of what its head holds beyond the usual
  bool start_waits = false;  // in flight, but its spec is still being read
  bool repeats = false;      // its newest attempt was lost with a used connection: the one that follows, or is in flight, repeats that at once
  Index index = Index::kNone;
  Place place = Place::kIdle;
  uint32_t number = 0;   // of the attempt in flight
  uint64_t durable = 0;  // no attempt before this batch is synced
  WallTime created_at;
  ExpiryTimer* expiry = nullptr;  // its timer in the expiry window, where it was in memory when that was set
  std::shared_ptr<const NotifyHead> head;
  std::shared_ptr<const std::string> spec;  // null: not kept
  std::shared_ptr<NotifyRecord> full;       // as loaded, while a handler needs it
  NotifyState state;
  Lane* lane = nullptr;  // while in kQueue, kHead or kFlight
  Host* host = nullptr;
  Caller* caller = nullptr;  // while in kFlight
  struct Timer : TimerNode {
    Entry* entry = nullptr;
    DueKey key() const { return {when_ms, entry->id}; }
  } timer;

  bool pending() const { return exists && !IsSettled(state.phase); }
  bool in_flight() const { return place == Place::kFlight; }
  OrderKey order() const { return {static_cast<uint8_t>(head->lane.mode == Mode::kFifo ? 0 : 9 - head->priority), state.due, id}; }
  /// Held under its fkey, and not yet sent for another reason.
  bool held(WallTime now) const { return state.phase == Phase::kHeld && !promoted && state.due > now; }
};

struct Lane : Slot, RingNode {
  explicit Lane(LaneKey k) : Slot(Kind::kLane), key(std::move(k)) {}
  LaneKey key;
  LaneRecord record;
  LaneSettings settings;   // its own
  LaneLimits limits;       // what holds: its own, the configuration's, the defaults
  bool stored = false;     // the store has a record of it
  bool dirty = false;      // its record goes into the open batch
  bool active = false;     // takes part; else it sleeps in the store, or is only looked at
  bool disk_tail = false;  // the store has tail keys at or above tail_next that are not in memory
  bool tail_page = false;  // a page of the tail is under way, from page_from
  bool at_horizon = false;
  std::optional<uint64_t> wake;  // to be woken once it is loaded, if this is its place in its host's list
  Host* waking = nullptr;        // the host in whose turn it is being woken
  uint32_t turns = 0;            // attempts started since it woke up
  bool served = false;           // one was started since it got its place in its host's list
  OrderKey tail_next, page_from;
  std::optional<OrderKey> spilled;  // the least key spilled while the page is under way
  std::map<OrderKey, Entry*> queue;
  std::set<OrderKey> tail_keys;  // of the tail, those in memory
  std::vector<Entry*> arriving;
  // Whose notifies came into it since it is in memory; `mixed`: of more than one caller, so that no caller's share holds it up.
  std::optional<std::string> caller;
  bool mixed = false;
  uint32_t in_flight = 0;
  uint32_t sending = 0;  // of those in flight, not settled
  IndexCounts promoted;  // of its entries, those whose time has come
  // Of its rate, where it has one. Throttled: in throttled_, until a token is there or the bucket is full.
  TokenBucket bucket;
  bool throttled = false;
  std::multimap<MonoTime, Lane*>::iterator throttle;
  uint32_t awaiting = 0;  // entries on their way into the queue that are not durable yet
  Entry* head = nullptr;  // fifo: in flight, or attempted and ready again
  uint64_t gate = 0;      // fifo: nothing starts before this batch is written

  bool fifo() const { return key.mode == Mode::kFifo; }
  TokenRate rate() const { return {limits.rate_per_s, limits.burst}; }
};

/// Where calls go, as turns know it, with what the core keeps for it.
struct Host : Target {
  std::string name;
  uint32_t refs = 0;  // entries
  size_t queued = 0;  // entries in queues of lanes
  // Lanes that sleep in the store.
  bool sleepers = false;
  bool page = false;
  bool check = false;                 // in sleeper_checks_
  size_t waking = 0;                  // lanes that were woken and have no place in the ring yet
  size_t gave_way = 0;                // places that lanes gave up since the last page of sleepers was asked for
  uint64_t cursor = 0;                // the least order that may sleep
  uint64_t fell_asleep = UINT64_MAX;  // the least order that fell asleep while a page is under way
};

/// The search for what is due at once beyond the wall window's horizon. It begins once that is ahead of the clock, and ends at the last key that
/// was given to anything due at once; what it passes over stays on disk. One is needed after a start that finds the clock behind that key.
struct AtOnceSearch {
  Horizon done{DueKey{INT64_MIN, {}}};  // so far
  uint64_t ticket = 0;                  // of the page under way; 0: none
};

/// Internal: its ttl is over.
struct ExpiryDue {
  NotifyId id;
};
/// Internal: the notifies that a bulk request found.
struct BulkApply {
  BulkRequest bulk;
  std::vector<NotifyId> ids;
  NotifyId next;
};
using TaskEvent = std::variant<SubmitRequest, TriggerRequest, FkeyGetRequest, FkeyCancelRequest, GetRequest, CancelRequest, RetryRequest,
                               ChangeReadRequest, ChangeRequest, ExplainRequest, LaneChangeRequest, BulkApply, ExpiryDue>;
struct Task {
  TaskEvent event;
  std::vector<Slot*> pinned;
  uint32_t missing = 0;
};
inline std::unique_ptr<Task> MakeTask(TaskEvent event) {
  auto task = std::make_unique<Task>();
  task->event = std::move(event);
  return task;
}

/// A key of the expiry index in memory; owned by the expiry window.
struct ExpiryTimer : TimerNode {
  explicit ExpiryTimer(NotifyId i) : id(i) {}
  NotifyId id;
  Entry* entry = nullptr;  // while that is in memory
  DueKey key() const { return {when_ms, id}; }
};

using DueEntries = DueWindow<Entry::Timer>;

}  // namespace notifyd
