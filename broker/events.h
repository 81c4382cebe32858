// What goes into the core. Each is a plain, owned value; the time is attached by the driver (Core::Step).
// Requests carry a RequestId and get exactly one Reply (broker/effects.h), unless a Disconnected for it comes first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/notify.h"

namespace notifyd {

/// `thread` says which io thread asked (0 up); `token` is that thread's own.
struct RequestId {
  uint32_t thread = 0;
  uint64_t token = 0;
  auto operator<=>(const RequestId&) const = default;
};

// ---- requests (from net/api)

/// When to send, as submitted: relative times become absolute in the core.
struct When {
  enum class Kind : uint8_t { kDefault, kDelay, kAt } kind = Kind::kDefault;
  int64_t ms = 0;  // kDelay: from now; kAt: wall time, at most ten years ahead (the core checks)
};

struct SubmitItem {
  std::shared_ptr<const NotifyHead> head;
  std::shared_ptr<const std::string> spec;
  When when;
  /// Ttl: kDelay is ttl_ms (>= 1), kAt is expires_at.
  When ttl;
  OnHeld on_held = OnHeld::kReject;
  std::string idempotency_key;  // empty: none
  Fingerprint fields;           // set where there is a key
};

/// One notify, or a batch that is accepted or refused as a whole and evaluated in order. Failures of a batch carry
/// "/<index>" before the field.
struct SubmitRequest {
  RequestId request;
  std::vector<SubmitItem> items;
  bool batch = false;
};

struct TriggerRequest {
  RequestId request;
  std::string fkey;
  std::optional<std::string> data;  // JSON text of an object
  When when;
};
struct FkeyGetRequest {
  RequestId request;
  std::string fkey;
};
struct FkeyCancelRequest {
  RequestId request;
  std::string fkey;
};
struct GetRequest {
  RequestId request;
  NotifyId id;
  int64_t wait_ms = 0;  // 0-60,000
};
struct CancelRequest {
  RequestId request;
  NotifyId id;
};
struct RetryRequest {
  RequestId request;
  NotifyId id;
};

/// Newest first. All filters that are given must hold.
struct ListQuery {
  std::vector<State> states;  // empty: any
  std::optional<std::string> lane;
  std::optional<Mode> mode;
  std::optional<std::string> caller;
  std::optional<WallTime> created_after;   // inclusive
  std::optional<WallTime> created_before;  // exclusive
  size_t limit = 100;                      // 1-1000
  NotifyId below;                          // the cursor: only ids below this one; 0: from the newest
};
struct ListRequest {
  RequestId request;
  ListQuery query;
};
struct StatsRequest {
  RequestId request;
};
/// The client is gone: whatever waits for it may be dropped. Changes under way go on.
struct Disconnected {
  RequestId request;
};

// ---- from the store

/// Every batch up to `batch` is written; every one up to `synced` is durable. Neither goes back.
struct Committed {
  uint64_t batch = 0;
  uint64_t synced = 0;
};
/// A write or sync failed, its outcome is unknown: the broker must stop (contract promise 1).
struct WriteFailed {
  Status status;
};
/// Free space fell below the reserve, or is back above it.
struct DiskSpace {
  bool low = false;
};

/// A notify as the store has it; `record` is null where there is none (or retention hides it).
struct LoadedNotify {
  std::shared_ptr<NotifyRecord> record;
  bool in_tail = false;  // its index entry is in its lane's tail, not in the due index
};
using LoadedValue = std::variant<LoadedNotify, std::optional<FkeyRecord>, std::optional<IdempotencyRecord>, std::optional<LaneRecord>>;
/// Answers a LoadEffect, values in the order of its keys. A read that failed: `status`, and the core stops the broker.
struct Loaded {
  uint64_t ticket = 0;
  Status status;
  std::vector<LoadedValue> values;
};

struct LoadedDue {
  DueKey key;
  LoadedNotify notify;
};
struct LoadedTail {
  OrderKey key;
  LoadedNotify notify;
};
struct DormantLane {
  uint64_t order = 0;
  LaneKey lane;
};
/// Answers a PageEffect. The vector that fits its kind is filled, in key order. `more`: the page ended at its limit, not at its end.
struct PageLoaded {
  uint64_t ticket = 0;
  Status status;
  bool more = false;
  std::vector<LoadedDue> due;
  std::vector<DueKey> expiries;
  std::vector<LoadedTail> tail;
  std::vector<DormantLane> dormant;
  std::vector<std::string> dormant_hosts;
};

/// Answers a ReadEffect.
struct ReadDone {
  RequestId request;
  Status status;
  LoadedNotify notify;
};
/// Answers a ListEffect. `next`: 0 when complete, else the id to go on below.
struct ListDone {
  RequestId request;
  Status status;
  std::vector<LoadedNotify> items;
  NotifyId next;
};

// ---- from the sender

struct AttemptEnded {
  NotifyId id;
  AttemptResult result;  // result.record.number says which attempt
};

// ---- from the wiring

/// Time passed: due timers fire. The driver sends it when Wake says so.
struct Tick {};
/// SIGTERM: refuse submits and changes, start no attempt. Emits `Drained` once nothing is in flight and all is durable.
struct StopRequested {};

using Event =
    std::variant<SubmitRequest, TriggerRequest, FkeyGetRequest, FkeyCancelRequest, GetRequest, CancelRequest, RetryRequest, ListRequest, StatsRequest,
                 Disconnected, Committed, WriteFailed, DiskSpace, Loaded, PageLoaded, ReadDone, ListDone, AttemptEnded, Tick, StopRequested>;

}  // namespace notifyd
