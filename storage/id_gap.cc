#include "storage/id_gap.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/ids.h"
#include "storage/encode_batch.h"
#include "storage/keys.h"
#include "storage/record_frame.h"
#include "storage/records.h"
#include "storage/registry_records.h"

namespace notifyd {
namespace {

constexpr uint64_t kIdsOfNamespace = uint64_t{1} << 48;

Status NoneLeft() {
  return Status(Code::kUnacceptable, "the id gap is too large: a namespace would have no ids left");
}

/// Nothing where there is no such key.
Result<std::optional<std::string>> Get(const OrderedKv& kv, const std::string& key) {
  std::optional<std::string> found;
  Status status = kv.GetAll({key}, [&](size_t, std::string_view value) {
    found = value;
    return Status::Ok();
  });
  if (!status.ok()) return status;
  return found;
}

/// One namespace's: where its totals stand, and once more where it sleeps.
Status RaiseIn(const OrderedKv& kv, NamespaceNumber number, uint64_t gap, KvWrites* out) {
  const KeySpace space(number);
  Result<std::optional<std::string>> stored = Get(kv, space.In(EncodeMetaKey(kTotalsName)));
  if (!stored.ok()) return std::move(stored).status();
  if (*stored) {
    Result<Totals> totals = DecodeTotals(**stored);
    if (!totals.ok()) return std::move(totals).status();
    NOTIFYD_TRY(RaiseIds(gap, &*totals));
    EncodeNamespaceTotals(space, *totals, out);
  }
  Result<std::optional<std::string>> word = Get(kv, EncodeNamespaceWakeKey(number));
  if (!word.ok()) return std::move(word).status();
  if (!*word) return Status::Ok();
  Result<NamespaceWake> wake = DecodeNamespaceWake(**word);
  if (!wake.ok()) return std::move(wake).status();
  if (!wake->asleep) return Status::Ok();
  NOTIFYD_TRY(RaiseIds(gap, &wake->asleep->totals));
  EncodeWake(number, *wake, out);
  return Status::Ok();
}

/// Adds those that have a row, or a word of their waking; and `default`, which may have neither.
Status AddNumbers(const OrderedKv& kv, std::set<NamespaceNumber>* numbers) {
  numbers->insert(kDefaultNumber);
  for (KeyKind kind : {KeyKind::kNamespace, KeyKind::kNamespaceWake}) {
    const std::string first(1, static_cast<char>(kind));
    auto it = kv.Walk(first, PrefixEnd(first), {.values = false, .expected = KvScan::kWhole});
    for (; it->Valid(); it->Next()) {
      std::optional<NamespaceNumber> number = kind == KeyKind::kNamespace ? DecodeNamespaceKey(it->key()) : DecodeNamespaceWakeKey(it->key());
      if (!number) return Status(Code::kCorrupt, "the store is damaged: a key of the registry does not read");
      numbers->insert(*number);
    }
    if (Status status = it->status(); !status.ok()) return status;
  }
  return Status::Ok();
}

}  // namespace

Result<uint64_t> IdsBegin(const OrderedKv& kv) {
  Result<std::optional<std::string>> value = Get(kv, EncodeMetaKey(kIdsName));
  if (!value.ok()) return std::move(value).status();
  return *value ? DecodeIdsBegin(**value) : uint64_t{0};
}

std::string EncodeIdsBegin(uint64_t begin) {
  std::string value;
  RecordFrame(ValueTag::kRecord, &value).encoder.Varint(begin);
  return value;
}

Result<uint64_t> DecodeIdsBegin(std::string_view value) {
  std::optional<std::string_view> fields = UnframeRecord(ValueTag::kRecord, value);
  Decoder decoder(fields.value_or(std::string_view()));
  const uint64_t begin = decoder.Varint();
  if (!fields || !decoder.done() || begin >= kIdsOfNamespace) return Status(Code::kCorrupt, "the store is damaged: where ids begin does not read");
  return begin;
}

Status RaiseIds(uint64_t gap, Totals* totals) {
  if (totals->next_id % kIdsOfNamespace + gap >= kIdsOfNamespace) return NoneLeft();
  totals->next_id += gap;
  return Status::Ok();
}

Status EncodeIdGap(const OrderedKv& kv, uint64_t gap, KvWrites* out, std::set<NamespaceNumber> others) {
  Result<uint64_t> begin = IdsBegin(kv);
  if (!begin.ok()) return std::move(begin).status();
  if (gap >= kIdsOfNamespace - *begin) return NoneLeft();
  NOTIFYD_TRY(AddNumbers(kv, &others));
  for (NamespaceNumber number : others) NOTIFYD_TRY(RaiseIn(kv, number, gap, out));
  out->Put(EncodeMetaKey(kIdsName), EncodeIdsBegin(*begin + gap));
  return Status::Ok();
}

}  // namespace notifyd
