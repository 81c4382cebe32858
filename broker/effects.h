// What comes out of the core: what the driver carries out through the ports, in the order in which it stands in Effects.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/events.h"
#include "broker/notify.h"

namespace notifyd {

// ---- writes. One batch is atomic.

struct PutNotify {
  std::shared_ptr<const NotifyRecord> record;  // replaces whatever was there, changes included
};
/// Applied over what is there (ApplyChange), without reading it.
struct ChangeNotify {
  NotifyId id;
  std::shared_ptr<const StateChange> change;
};
struct PutDue {
  Clock clock;
  DueKey key;
};
struct DeleteDue {
  Clock clock;
  DueKey key;
};
struct PutExpiry {
  DueKey key;
};
struct DeleteExpiry {
  DueKey key;
};
struct PutTail {
  LaneKey lane;
  OrderKey key;
};
struct DeleteTail {
  LaneKey lane;
  OrderKey key;
};
struct PutLane {
  LaneKey lane;
  LaneRecord record;
};
struct DeleteLane {
  LaneKey lane;
};
struct PutDormant {
  std::string host;
  DormantLane lane;
};
struct DeleteDormant {
  std::string host;
  DormantLane lane;
};
struct PutFkey {
  std::string fkey;
  FkeyRecord record;
};
/// Sets expires_at where the record still names `id`, without reading it; nothing else.
struct ExpireFkey {
  std::string fkey;
  NotifyId id;
  WallTime expires_at;
};
struct PutIdempotency {
  IdempotencyKey key;
  IdempotencyRecord record;
};
/// The index of failed, cancelled and expired ones, by state, then id. The store drops entries by itself once retention is over.
struct PutSettled {
  Phase phase;
  NotifyId id;
  WallTime settled_at;
};
struct DeleteSettled {
  Phase phase;
  NotifyId id;
};

using WriteOp = std::variant<PutNotify, ChangeNotify, PutDue, DeleteDue, PutExpiry, DeleteExpiry, PutTail, DeleteTail, PutLane, DeleteLane,
                             PutDormant, DeleteDormant, PutFkey, ExpireFkey, PutIdempotency, PutSettled, DeleteSettled>;

/// Numbered 1, 2, ... without gaps. May be empty of ops: then it only asks for the sync of what came before.
struct WriteBatch {
  uint64_t number = 0;
  bool sync = false;
  std::vector<WriteOp> ops;
  Totals totals;
};

// ---- reads. A load, page, read or list sees at least every batch that was reported Committed before it was asked for.

using LoadKey = std::variant<NotifyId, std::string /* fkey */, IdempotencyKey, LaneKey>;
struct LoadEffect {
  uint64_t ticket = 0;
  std::vector<LoadKey> keys;
};

/// Due index of one clock: keys >= from, time < to_ms; with records.
struct DuePage {
  Clock clock;
  DueKey from;
  int64_t to_ms;
};
struct ExpiryPage {
  DueKey from;
  int64_t to_ms;
};
/// A lane's tail: keys >= from; with records.
struct TailPage {
  LaneKey lane;
  OrderKey from;
};
/// Lanes that sleep at a host: order >= from.
struct DormantPage {
  std::string host;
  uint64_t from;
};
/// Hosts that have sleeping lanes: names > after, in order.
struct DormantHostsPage {
  std::string after;
};
struct PageEffect {
  uint64_t ticket = 0;
  size_t limit = 0;
  std::variant<DuePage, ExpiryPage, TailPage, DormantPage, DormantHostsPage> page;
};
struct ReadEffect {
  RequestId request;
  NotifyId id;
};
/// `now` decides between scheduled, ready and retrying; kSending is taken as "waiting or retrying and due", and the core sorts it out.
struct ListEffect {
  RequestId request;
  ListQuery query;
  Now now;
};

// ---- attempts

struct StartAttempt {
  NotifyId id;
  uint32_t number = 0;
  WallTime at;
  std::shared_ptr<const NotifyHead> head;
  std::shared_ptr<const std::string> spec;
};

// ---- replies

/// The state as users see it, laid over a record: only the core knows what is in flight.
struct NotifyView {
  std::shared_ptr<const NotifyRecord> record;
  State state = State::kHeld;
};

struct SubmittedItem {
  NotifyId id;
  State state = State::kHeld;
  WallTime due;  // kWallNever: held without one
  LaneKey lane;
  bool duplicate = false;  // idempotency key seen before
  bool kept = false;       // on_held keep
};
struct Refused {
  Status status;
  NotifyId holder;  // kConflict: the notify that is in the way; 0 where none is
};
struct Submitted {
  std::vector<SubmittedItem> items;
  bool batch = false;
};
struct Triggered {
  NotifyId id;
  State state = State::kReady;
  bool fresh = true;  // 202; false: a repeat, 200
};
/// A view of one notify: answers get, cancel (200) and FkeyGet, FkeyCancel.
struct Viewed {
  NotifyView view;
};
struct Retried {
  NotifyId id;
  State state = State::kReady;
};
struct Listed {
  std::vector<NotifyView> items;
  NotifyId next;
};
struct StatsView {
  uint64_t held = 0, scheduled = 0, ready = 0, sending = 0, retrying = 0;
  Totals totals;
  // What the core has in memory.
  uint64_t loaded_notifies = 0, lanes = 0, hosts = 0, spec_bytes = 0, parked = 0, in_flight = 0;
};
struct Reply {
  RequestId request;
  std::variant<Refused, Submitted, Triggered, Viewed, Retried, Listed, StatsView> body;
};

/// An attempt ended, or a notify settled: for logs and metrics.
struct AttemptLog {
  NotifyId id;
  std::shared_ptr<const NotifyHead> head;
  uint32_t number = 0;
  uint16_t status = 0;
  int64_t duration_ms = 0;
  std::string error;
  bool settled = false;
  Phase phase = Phase::kWaiting;  // where settled
};

/// In the order in which the driver carries them out.
struct Effects {
  std::vector<WriteBatch> writes;
  std::vector<LoadEffect> loads;
  std::vector<PageEffect> pages;
  std::vector<ReadEffect> reads;
  std::vector<ListEffect> lists;
  std::vector<StartAttempt> starts;
  std::vector<Reply> replies;
  std::vector<AttemptLog> logs;
  /// Set once, after StopRequested: nothing is in flight any more and all is durable.
  bool drained = false;
  /// Set where the broker must stop at once, unclean: a write failed, or the store could not be read.
  std::optional<Status> fatal;
};

}  // namespace notifyd
