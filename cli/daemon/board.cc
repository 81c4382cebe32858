#include "cli/daemon/board.h"

#include <algorithm>

namespace notifyd {
namespace {

void AddRemoved(const RemovedTotals& each, Totals* sum) {
  sum->accepted += each.accepted;
  sum->revived += each.revived;
  sum->succeeded += each.succeeded;
  sum->failed += each.failed;
  sum->cancelled += each.cancelled;
  sum->expired += each.expired;
  sum->attempts += each.attempts;
  sum->retries += each.retries;
}

}  // namespace

void Board::Minute::MoveTo(int64_t new_part) {
  if (new_part <= part) return;
  const int64_t passed = std::min<int64_t>(new_part - part, kParts);
  for (int64_t i = 0; i < passed; ++i) {
    const auto place = static_cast<size_t>((new_part - i) % static_cast<int64_t>(kParts));
    submits[place] = deliveries[place] = 0;
  }
  part = new_part;
}

void Board::Put(NamespaceNumber number, const NamespaceFigures& figures) {
  const int64_t part = mono_().ms / Minute::kPartMs;
  std::lock_guard<std::mutex> lock(mutex_);
  auto [place, made] = rows_.try_emplace(number);
  Row& row = place->second;
  const Totals& totals = figures.totals;
  // The first that is heard of it is what was counted before this process.
  if (!made && (totals.accepted != row.ended.accepted || totals.attempts != row.ended.attempts)) {
    if (!row.minute) row.minute = std::make_unique<Minute>();
    row.minute->MoveTo(part);
    const auto at = static_cast<size_t>(part % static_cast<int64_t>(Minute::kParts));
    row.minute->submits[at] += static_cast<uint32_t>(totals.accepted - row.ended.accepted);
    row.minute->deliveries[at] += static_cast<uint32_t>(totals.attempts - row.ended.attempts);
  }
  row.ended = {totals.accepted, totals.revived, totals.succeeded, totals.failed, totals.cancelled, totals.expired, totals.attempts, totals.retries};
  row.by_index = totals.by_index;
  row.states = figures.states;
  row.lane_records = totals.lane_records;
  row.lane_settings = totals.lane_settings;
  row.sleeping_lanes = totals.sleeping_lanes;
  row.stored_bytes = figures.stored_bytes;
  row.in_flight = static_cast<uint32_t>(figures.in_flight);
  row.may_be_in_flight = static_cast<uint32_t>(figures.may_be_in_flight);
  row.loaded = figures.loaded;
  row.awake = figures.awake;
}

void Board::Forget(NamespaceNumber number) {
  std::lock_guard<std::mutex> lock(mutex_);
  rows_.erase(number);
}

void Board::Remove(NamespaceNumber number, const RemovedTotals& removed) {
  std::lock_guard<std::mutex> lock(mutex_);
  rows_.erase(number);
  removed_ = removed;
}

void Board::SetRemoved(const RemovedTotals& removed) {
  std::lock_guard<std::mutex> lock(mutex_);
  removed_ = removed;
}

NamespaceFigures Board::Shown(const Row& row, int64_t part) {
  NamespaceFigures figures;
  AddRemoved(row.ended, &figures.totals);
  figures.totals.by_index = row.by_index;
  figures.states = row.states;
  figures.totals.lane_records = row.lane_records;
  figures.totals.lane_settings = row.lane_settings;
  figures.totals.sleeping_lanes = row.sleeping_lanes;
  figures.awake = row.awake;
  figures.in_flight = row.in_flight;
  figures.loaded = row.loaded;
  figures.may_be_in_flight = row.may_be_in_flight;
  figures.stored_bytes = row.stored_bytes;
  if (!row.minute) return figures;
  Minute minute = *row.minute;
  minute.MoveTo(part);
  for (uint32_t count : minute.submits) figures.submits += count;
  for (uint32_t count : minute.deliveries) figures.deliveries += count;
  return figures;
}

NamespaceFigures Board::Figures(NamespaceNumber number) const {
  const int64_t part = mono_().ms / Minute::kPartMs;
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = rows_.find(number);
  return found == rows_.end() ? NamespaceFigures{} : Shown(found->second, part);
}

NamespaceFigures Board::Sum() const {
  const int64_t part = mono_().ms / Minute::kPartMs;
  NamespaceFigures sum;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [number, row] : rows_) {
    const NamespaceFigures each = Shown(row, part);
    AddRemoved(row.ended, &sum.totals);
    sum.totals.by_index += row.by_index;
    sum.states += row.states;
    sum.totals.lane_records += row.lane_records;
    sum.totals.lane_settings += row.lane_settings;
    sum.totals.sleeping_lanes += row.sleeping_lanes;
    sum.awake = sum.awake || each.awake;
    sum.in_flight += each.in_flight;
    sum.loaded += each.loaded;
    sum.may_be_in_flight += each.may_be_in_flight;
    sum.stored_bytes += each.stored_bytes;
    sum.submits += each.submits;
    sum.deliveries += each.deliveries;
  }
  AddRemoved(removed_, &sum.totals);
  return sum;
}

}  // namespace notifyd
