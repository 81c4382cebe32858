#include "storage/id_gap.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/ids.h"
#include "storage/encode_batch.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/record_frame.h"
#include "storage/records.h"
#include "storage/registry_records.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

constexpr uint64_t kIdsOfNamespace = uint64_t{1} << 48;

std::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

Status NoneLeft() {
  return Status(Code::kUnacceptable, "the id gap is too large: a namespace would have no ids left");
}

/// Nothing where there is no such key.
Result<std::optional<std::string>> Get(rocksdb::DB* db, const std::string& key) {
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return TranslateStatus(status, "cannot read the store");
  return std::optional(std::move(value));
}

Status Raise(uint64_t gap, Totals* totals) {
  if (totals->next_id % kIdsOfNamespace + gap >= kIdsOfNamespace) return NoneLeft();
  totals->next_id += gap;
  return Status::Ok();
}

/// One namespace's: where its totals stand, and once more where it sleeps.
Status RaiseIn(rocksdb::DB* db, NamespaceNumber number, uint64_t gap, rocksdb::WriteBatch* batch) {
  const KeySpace space(number);
  Result<std::optional<std::string>> stored = Get(db, space.In(EncodeMetaKey(kTotalsName)));
  if (!stored.ok()) return std::move(stored).status();
  if (!*stored) return Status::Ok();
  Result<Totals> totals = DecodeTotals(**stored);
  if (!totals.ok()) return std::move(totals).status();
  NOTIFYD_TRY(Raise(gap, &*totals));
  EncodeNamespaceTotals(space, *totals, batch);
  Result<std::optional<std::string>> word = Get(db, EncodeNamespaceWakeKey(number));
  if (!word.ok()) return std::move(word).status();
  if (!*word) return Status::Ok();
  Result<NamespaceWake> wake = DecodeNamespaceWake(**word);
  if (!wake.ok()) return std::move(wake).status();
  if (!wake->asleep) return Status::Ok();
  NOTIFYD_TRY(Raise(gap, &wake->asleep->totals));
  EncodeWake(number, *wake, batch);
  return Status::Ok();
}

/// Those that have a row, or a word of their waking; and `default`, which may have neither.
Result<std::set<NamespaceNumber>> Numbers(rocksdb::DB* db) {
  std::set<NamespaceNumber> numbers = {kDefaultNumber};
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
  for (KeyKind kind : {KeyKind::kNamespace, KeyKind::kNamespaceWake}) {
    const std::string first(1, static_cast<char>(kind));
    for (it->Seek(first); it->Valid() && View(it->key()).starts_with(first); it->Next()) {
      const std::string_view key = View(it->key());
      std::optional<NamespaceNumber> number = kind == KeyKind::kNamespace ? DecodeNamespaceKey(key) : DecodeNamespaceWakeKey(key);
      if (!number) return Status(Code::kCorrupt, "the store is damaged: a key of the registry does not read");
      numbers.insert(*number);
    }
  }
  if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read the store");
  return numbers;
}

}  // namespace

Result<uint64_t> IdsBegin(const Database& database) {
  Result<std::optional<std::string>> value = Get(database.db(), EncodeMetaKey(kIdsName));
  if (!value.ok()) return std::move(value).status();
  if (!*value) return uint64_t{0};
  std::optional<std::string_view> fields = UnframeRecord(static_cast<uint8_t>(ValueTag::kRecord), **value);
  Decoder decoder(fields.value_or(std::string_view()));
  const uint64_t begin = decoder.Varint();
  if (!fields || !decoder.done() || begin >= kIdsOfNamespace) return Status(Code::kCorrupt, "the store is damaged: where ids begin does not read");
  return begin;
}

Status LeaveIdGap(const Database& database, const Fingerprint& store, uint64_t gap) {
  Result<uint64_t> begin = IdsBegin(database);
  if (!begin.ok()) return std::move(begin).status();
  if (gap >= kIdsOfNamespace - *begin) return NoneLeft();
  rocksdb::DB* db = database.db();
  Result<std::set<NamespaceNumber>> numbers = Numbers(db);
  if (!numbers.ok()) return std::move(numbers).status();
  rocksdb::WriteBatch batch;
  batch.PutLogData(EncodeSyncedMark(store, db->GetLatestSequenceNumber()));
  for (NamespaceNumber number : *numbers) NOTIFYD_TRY(RaiseIn(db, number, gap, &batch));
  std::string value;
  {
    RecordFrame frame(static_cast<uint8_t>(ValueTag::kRecord), &value);
    frame.encoder.Varint(*begin + gap);
  }
  batch.Put(EncodeMetaKey(kIdsName), value);
  rocksdb::WriteOptions how;
  how.sync = true;
  return TranslateStatus(db->Write(how, &batch), "cannot write");
}

}  // namespace notifyd
