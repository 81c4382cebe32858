// AuditBytes: about how many bytes the audit keeps of each namespace, which count to what the namespace stores: else whoever may change something in
// one that has no room left would fill the disk with what is written of that. One for all loops, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "broker/registry_events.h"

namespace notifyd {

class AuditBytes {
 public:
  /// It is written, or was. One of no namespace counts to none.
  void Add(const AuditEntry& entry);
  /// The namespace is gone: what is kept of it is none of the next one's of its name.
  void Forget(std::string_view space);
  /// All that is kept of the namespace.
  uint64_t Of(std::string_view space, WallTime now);
  /// The same; Fresh counts from here.
  uint64_t Measured(std::string_view space, WallTime now);
  /// What was added since Measured.
  uint64_t Fresh(std::string_view space) const;

 private:
  struct Row {
    std::map<int64_t, uint64_t> by_day;  // what is older than the audit keeps is taken out as it is looked at
    uint64_t fresh = 0;
  };
  static uint64_t SumOf(Row* row, WallTime now);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Row> rows_;
};

}  // namespace notifyd
