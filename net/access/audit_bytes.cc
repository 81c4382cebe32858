#include "net/access/audit_bytes.h"

#include "broker/ports.h"

namespace notifyd {
namespace {

constexpr int64_t kAuditDayMs = 24LL * 3600 * 1000;
/// Of an entry beside its texts: its key, and what the store writes around both.
constexpr uint64_t kAuditEntryBytes = 64;

}  // namespace

void AuditBytes::Add(const AuditEntry& entry) {
  if (entry.space.empty()) return;
  const uint64_t bytes = kAuditEntryBytes + entry.who.size() + entry.what.size() + entry.object.size() + entry.from.size() + entry.space.size() +
                         entry.said.size();
  std::lock_guard lock(mutex_);
  Row& row = rows_[entry.space];
  row.by_day[entry.at.ms / kAuditDayMs] += bytes;
  row.fresh += bytes;
}

void AuditBytes::Forget(std::string_view space) {
  std::lock_guard lock(mutex_);
  rows_.erase(std::string(space));
}

uint64_t AuditBytes::Of(std::string_view space, WallTime now) {
  std::lock_guard lock(mutex_);
  auto found = rows_.find(std::string(space));
  return found == rows_.end() ? 0 : SumOf(&found->second, now);
}

uint64_t AuditBytes::Measured(std::string_view space, WallTime now) {
  std::lock_guard lock(mutex_);
  auto found = rows_.find(std::string(space));
  if (found == rows_.end()) return 0;
  found->second.fresh = 0;
  return SumOf(&found->second, now);
}

uint64_t AuditBytes::Fresh(std::string_view space) const {
  std::lock_guard lock(mutex_);
  auto found = rows_.find(std::string(space));
  return found == rows_.end() ? 0 : found->second.fresh;
}

uint64_t AuditBytes::SumOf(Row* row, WallTime now) {
  std::erase_if(row->by_day, [&](const auto& day) { return (day.first + 1) * kAuditDayMs <= now.ms - kAuditKeptMs; });
  uint64_t sum = 0;
  for (const auto& [day, bytes] : row->by_day) sum += bytes;
  return sum;
}

}  // namespace notifyd
