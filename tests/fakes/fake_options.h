// What a FakeStore is made with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/time.h"
#include "broker/notify.h"

namespace notifyd {

/// Deliberate faults, to show that the simulator's auditor notices.
enum class StoreFault {
  kNone,
  kSyncedEarly,    // reports synced as soon as it is written
  kDropDeleteDue,  // forgets some DeleteDue
  kSkipPageItem,   // leaves an item out of some pages
  kLoseChange,     // forgets some ChangeNotify
  kLoseCounts,     // forgets some AddLaneCounts
};

struct FakeStoreOptions {
  bool simple = true;
  uint64_t seed = 1;
  // Timed mode; each is drawn from 0 up to and including the number, in the owner's milliseconds.
  int64_t write_ms_max = 2;
  int64_t sync_ms_max = 12;
  int64_t read_ms_max = 8;      // until a read runs
  int64_t answer_ms_max = 3;    // from then, or from the end of a sync, until its answer is posted
  double write_failure = 0;     // chance a group
  double read_failure = 0;      // chance a load, page, read or list
  size_t list_examined = 1000;  // records, or lanes, that one list page looks at, at most
  size_t remembered_kept = kRememberedKept;  // as LeaveOutData has it
  int64_t retention_succeeded_ms = 24 * 3600 * 1000;
  int64_t retention_settled_ms = 30LL * 24 * 3600 * 1000;
  /// For retention, read when a read runs. Empty: nothing is ever hidden.
  std::function<WallTime()> wall;
  StoreFault fault = StoreFault::kNone;
  /// Called whenever one more batch of a namespace is written; written() has it then. May be empty.
  std::function<void(NamespaceNumber number, uint64_t batch)> on_written;
};

}  // namespace notifyd
