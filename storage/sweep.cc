#include "storage/sweep.h"

#include <algorithm>

#include "base/bytes.h"
#include "storage/records.h"

namespace notifyd {
namespace {

constexpr uint8_t kSweepVersion = 1;

void PutGroup(const TableAges::Group& group, Encoder* out) {
  out->Varint(group.entries);
  out->Varint(group.bytes);
  out->Signed(group.last_settled_ms);
}

TableAges::Group TakeGroup(Decoder* in) {
  TableAges::Group group;
  group.entries = in->Varint();
  group.bytes = in->Varint();
  group.last_settled_ms = in->Signed();
  return group;
}

bool IsOver(const TableAges::Group& group, int64_t kept_ms, int64_t now_ms) {
  if (group.entries == 0) return true;
  return now_ms >= group.last_settled_ms && now_ms - group.last_settled_ms >= kept_ms;
}

uint64_t OverBytes(const SweptTable& table, int64_t now_ms) {
  return (IsOver(table.ages->succeeded, table.retention.succeeded_ms, now_ms) ? table.ages->succeeded.bytes : 0) +
         (IsOver(table.ages->settled, table.retention.settled_ms, now_ms) ? table.ages->settled.bytes : 0);
}

uint64_t AllBytes(const TableAges& ages) {
  return ages.succeeded.bytes + ages.settled.bytes + ages.other.bytes;
}

bool Overlap(const SweptTable& a, const SweptTable& b) {
  return a.smallest <= b.largest && b.smallest <= a.largest;
}

/// Tables of one level, by key, behind each other.
std::vector<std::vector<size_t>> ByLevel(const std::vector<SweptTable>& tables) {
  std::vector<std::vector<size_t>> levels;
  for (size_t i = 0; i < tables.size(); ++i) {
    size_t level = static_cast<size_t>(std::max(tables[i].level, 0));
    if (levels.size() <= level) levels.resize(level + 1);
    levels[level].push_back(i);
  }
  for (auto& level : levels) std::sort(level.begin(), level.end(), [&](size_t a, size_t b) { return tables[a].smallest < tables[b].smallest; });
  return levels;
}

/// Does any table of `level`, whose tables lie behind each other, share a key with `table`?
bool MeetsLevel(const std::vector<SweptTable>& tables, const std::vector<size_t>& level, size_t table) {
  auto first = std::partition_point(level.begin(), level.end(), [&](size_t i) { return tables[i].largest < tables[table].smallest; });
  for (; first != level.end() && tables[*first].smallest <= tables[table].largest; ++first)
    if (*first != table && Overlap(tables[*first], tables[table])) return true;
  return false;
}

/// In a store in which little happens level 0 waits long for tables enough to be compacted. They overlap, so that all of them go together.
void PlanLevel0(const std::vector<SweptTable>& tables, const std::vector<std::vector<size_t>>& levels, int64_t now_ms, int last_level, Sweep* sweep) {
  if (levels.empty() || levels[0].empty()) return;
  uint64_t over = 0, all = 0;
  for (size_t i : levels[0]) {
    if (tables[i].busy || !tables[i].ages) return;
    over += OverBytes(tables[i], now_ms);
    all += AllBytes(*tables[i].ages);
  }
  if (over * 2 <= all) return;
  size_t below = 1;
  while (below < levels.size() && levels[below].empty()) ++below;
  sweep->rewrites.push_back({levels[0], below < levels.size() ? static_cast<int>(below) : last_level});
}

}  // namespace

void TableAges::Add(std::string_view key, std::string_view value, bool whole) {
  Group* group = &other;
  if (whole && IsOrphan(value)) {
    group = &succeeded;  // as good as nothing, from the beginning
  } else if (whole) {
    // Not one whose checksum is wrong: dropping it would hide that.
    std::optional<NotifyState> state = IsSound(value) ? PeekState(value) : std::nullopt;
    if (state && IsSettled(state->phase)) {
      group = state->phase == Phase::kSucceeded ? &succeeded : &settled;
      group->last_settled_ms = std::max(group->last_settled_ms, state->settled_at.ms);
    }
  }
  ++group->entries;
  group->bytes += key.size() + value.size();
}

std::string EncodeTableAges(const TableAges& ages) {
  std::string out;
  Encoder encoder(&out);
  encoder.U8(kSweepVersion);
  for (const TableAges::Group* group : {&ages.succeeded, &ages.settled, &ages.other}) PutGroup(*group, &encoder);
  return out;
}

std::optional<TableAges> DecodeTableAges(std::string_view bytes) {
  Decoder decoder(bytes);
  TableAges ages;
  if (decoder.U8() != kSweepVersion) return std::nullopt;
  for (TableAges::Group* group : {&ages.succeeded, &ages.settled, &ages.other}) *group = TakeGroup(&decoder);
  return decoder.done() ? std::optional(ages) : std::nullopt;
}

Sweep PlanSweep(const std::vector<SweptTable>& tables, int64_t now_ms, uint64_t most_bytes, int last_level) {
  Sweep sweep;
  const std::vector<std::vector<size_t>> levels = ByLevel(tables);
  PlanLevel0(tables, levels, now_ms, last_level, &sweep);
  for (size_t level = 1; level < levels.size(); ++level) {
    std::vector<size_t> group;
    uint64_t group_bytes = 0;
    auto end_group = [&] {
      if (!group.empty()) sweep.rewrites.push_back({std::move(group), static_cast<int>(level)});
      group.clear();
      group_bytes = 0;
    };
    for (size_t i : levels[level]) {
      const SweptTable& table = tables[i];
      uint64_t over = table.ages && !table.busy ? OverBytes(table, now_ms) : 0;
      uint64_t all = table.ages ? AllBytes(*table.ages) : 0;
      if (all == 0 || over * 2 <= all) {
        end_group();
        continue;
      }
      // A newer table within its range would be dropped with it, and what is older below it would come back. Level 0 is never dropped from.
      bool alone = true;
      for (size_t other = 1; alone && other < levels.size(); ++other) alone = !MeetsLevel(tables, levels[other], i);
      if (over == all && table.ages->other.entries == 0 && alone) {
        end_group();
        sweep.drop.push_back(i);
        continue;
      }
      if (group_bytes + table.file_bytes > most_bytes) end_group();
      group.push_back(i);
      group_bytes += table.file_bytes;
    }
    end_group();
  }
  return sweep;
}

}  // namespace notifyd
