// See core_merging.h.
#include "broker/core_merging.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "broker/payload.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// So much data of remembered triggers is loaded for one request; more only where that of one is longer.
constexpr uint64_t kMostRememberedBytes = 8 << 20;

/// What planning an item anew costs, counted as if so much was merged.
constexpr size_t kBytesAPlannedItem = 64;

/// Of lines it is the broker that says how many make a request: the next one has room for them.
Status TooMuchRemembered(bool lines) {
  return Status(lines ? Code::kTooMany : Code::kTooLarge,
                "the triggers that came before have more than 8 MiB of data for what this request has up to here: send fewer at once", "/fkey");
}

}  // namespace

bool Core::Impl::MergePart::Merge(Task* task, const MergeSource& source) {
  std::vector<size_t> with_data, unmerged;
  std::unordered_set<std::string_view> seen;
  uint64_t data_bytes = 0;
  for (size_t i = 0; i < source.count(); ++i) {
    const std::string& fkey = source.fkey(i);
    if (fkey.empty()) continue;
    FkeySlot* slot = core_.fkeys_.at(fkey).get();
    if (!core_.IsRemembered(*slot) || !slot->record->remembered->HasData()) continue;
    // The first one takes it, mostly: where it does not, planning says who does.
    if (!seen.insert(fkey).second && !task->to_merge.contains(i)) continue;
    const std::shared_ptr<const RememberedTrigger>& early = slot->record->remembered;
    const uint64_t bytes = early->DataBytes();
    if (data_bytes > 0 && data_bytes + bytes > kMostRememberedBytes) {
      task->merged[i] = {early, nullptr, TooMuchRemembered(source.lines()), /*beyond=*/true};
      continue;
    }
    data_bytes += bytes;
    with_data.push_back(i);
  }
  if (with_data.empty()) return true;
  // Before anything is loaded for it: however many requests there are, one of them at a time takes memory for data.
  if (!HasTurn(task)) {
    ++task->missing;
    waiting_.push_back(task);
    return false;
  }
  for (size_t i : with_data) {
    FkeySlot* slot = core_.fkeys_.at(source.fkey(i)).get();
    if (!core_.NeedRemembered(task, slot)) continue;
    const std::shared_ptr<const RememberedTrigger>& early = slot->record->remembered;
    auto found = task->merged.find(i);
    if (found == task->merged.end() || found->second.early != early || found->second.beyond) unmerged.push_back(i);
  }
  if (task->missing > 0) return false;
  for (size_t i : unmerged) {
    const std::shared_ptr<const RememberedTrigger>& early = core_.fkeys_.at(source.fkey(i))->record->remembered;
    const size_t bytes = source.bytes(i) + early->data->size();
    if (!MayMerge(bytes)) {
      ++task->missing;
      waiting_.push_front(task);
      return false;
    }
    merged_bytes_ += bytes;
    Result<NotifySpec> merged = MergeTriggerData(source.spec(i), *early->data, core_.limits_.max_body_bytes);
    MergedEarly& out = task->merged[i] = {early, nullptr, Status::Ok()};
    if (merged.ok()) out.spec = std::make_shared<const std::string>(EncodeSpec(*merged));
    else out.refused = source.Refusal(merged.status());
  }
  // All is gone through and planned once more for each that planning found. At least one is merged a turn all the same.
  if (!task->to_merge.empty()) merged_bytes_ += kBytesAPlannedItem * source.count();
  return true;
}

const MergedEarly* Core::Impl::MergePart::Find(Task* task, size_t i, const std::shared_ptr<const RememberedTrigger>& early) {
  CHECK(task);
  if (auto found = task->merged.find(i); found != task->merged.end() && found->second.early == early) return &found->second;
  task->to_merge.insert(i);
  task->unmerged = true;
  return nullptr;
}

/// Those that wait go first, or whoever comes new would take every turn from them.
bool Core::Impl::MergePart::HasTurn(Task* task) {
  if (task->merging) return true;
  if (!merging_.expired() || (!waiting_.empty() && !serves_)) return false;
  task->merging = std::make_shared<char>();
  merging_ = task->merging;
  return true;
}

bool Core::Impl::MergePart::WantsTurn() const {
  return !waiting_.empty() && (waiting_.front()->merging || merging_.expired());
}

bool Core::Impl::MergePart::MayMerge(size_t bytes) const {
  return merged_bytes_ == 0 || merged_bytes_ + bytes <= core_.limits_.merged_bytes_a_turn;
}

void Core::Impl::MergePart::EndTurn() {
  serves_ = true;
  while (WantsTurn() && (merged_bytes_ == 0 || merged_bytes_ < core_.limits_.merged_bytes_a_turn)) {
    const size_t waiting = waiting_.size();
    Task* task = waiting_.front();
    waiting_.pop_front();
    core_.Unpark(task);
    if (waiting_.size() == waiting) break;  // it waits for the next turn
  }
  serves_ = false;
  merged_bytes_ = 0;
}

}  // namespace notifyd
