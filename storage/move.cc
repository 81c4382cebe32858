#include "storage/move.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/crash_point.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace notifyd {
namespace {

constexpr size_t kBatchKeys = 1'000, kBatchBytes = 4 << 20;
constexpr uint64_t kSayEvery = 100'000;  // keys

/// Gathers keys, and writes them once they are many.
class Batches {
 public:
  Batches(MoveTarget* target, const std::function<void(const MoveCounts&)>& said) : target_(target), said_(said) {}

  Status Add(std::string_view key, std::string_view value) {
    rows_.emplace_back(key, value);
    bytes_ += key.size() + value.size();
    return rows_.size() < kBatchKeys && bytes_ < kBatchBytes ? Status::Ok() : Write();
  }
  void AddOver() { ++counts_.over; }
  Status Write() {
    if (rows_.empty()) return Status::Ok();
    PassCrashPoint(CrashPoint::kMoveBeforeBatch);
    NOTIFYD_TRY(target_->Write([this](KvWrites& out) {
      for (const auto& [key, value] : rows_) out.Put(key, value);
    }));
    const bool say = counts_.keys / kSayEvery != (counts_.keys + rows_.size()) / kSayEvery;
    counts_.keys += rows_.size();
    counts_.bytes += std::exchange(bytes_, 0);
    rows_.clear();
    if (say) said_(counts_);
    return Status::Ok();
  }
  const MoveCounts& counts() const { return counts_; }

 private:
  MoveTarget* const target_;
  const std::function<void(const MoveCounts&)>& said_;
  std::vector<std::pair<std::string, std::string>> rows_;
  size_t bytes_ = 0;
  MoveCounts counts_;
};

}  // namespace

Result<Fingerprint> ReadStoreId(const OrderedKv& kv) {
  std::optional<Fingerprint> id;
  NOTIFYD_TRY(kv.GetAll({EncodeMetaKey(kFormatName)}, [&](size_t, std::string_view value) {
    Result<FormatRecord> format = DecodeFormat(value);
    if (!format.ok()) return std::move(format).status();
    id = format->store;
    return Status::Ok();
  }));
  if (!id) return Status(Code::kCorrupt, "the store is damaged: its format is missing");
  return *id;
}

Result<MoveCounts> MoveStore(MoveSource* source, MoveTarget* target, const RetentionRules& rules, int64_t now_ms,
                             const std::function<void(const MoveCounts&)>& said) {
  auto elsewhere = source->Elsewhere();
  if (!elsewhere.ok()) return std::move(elsewhere).status();
  Batches batches(target, said);
  const std::unique_ptr<KvMoment> moment = source->kv().Now(KvFor::kScans);
  for (const KvPart& part : source->kv().Parts()) {
    for (auto it = moment->Walk(part.from, part.to, {.expected = KvScan::kWhole});; it->Next()) {
      if (!it->Valid()) {
        NOTIFYD_TRY(it->status());
        break;
      }
      if (elsewhere->contains(std::string(it->key()))) continue;
      if (MayDrop(it->key(), it->value(), rules, now_ms)) batches.AddOver();
      else NOTIFYD_TRY(batches.Add(it->key(), it->value()));
    }
  }
  for (const auto& [key, value] : *elsewhere) NOTIFYD_TRY(batches.Add(key, value));
  NOTIFYD_TRY(batches.Write());
  NOTIFYD_TRY(source->Held());
  PassCrashPoint(CrashPoint::kMoveBeforeFinish);
  NOTIFYD_TRY(target->Finish());
  return batches.counts();
}

}  // namespace notifyd
