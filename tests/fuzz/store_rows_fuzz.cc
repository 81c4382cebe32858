// What stands in the store beside notifies, and in files beside it: the registry's rows, switches, stored records, keys, sealing, SYNCED, the
// manifest of a backup, key files, and logs. Any bytes are refused, or decode to what encodes to the same again. Input: which of them (1 byte), then
// the bytes; where they are a value, without its checksum.
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "storage/backup_manifest.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/registry_records.h"
#include "storage/seal.h"
#include "storage/stored_record.h"
#include "storage/switches_record.h"
#include "storage/synced_file.h"

using namespace notifyd;

namespace {

template <class Decode, class Encode>
void CheckValue(const std::string& value, Decode decode, Encode encode) {
  auto decoded = decode(value);
  if (!decoded.ok()) {
    CHECK(decoded.status().code() == Code::kCorrupt);
    return;
  }
  std::string once, twice;
  encode(*decoded, &once);
  auto again = decode(once);
  CHECK(again.ok());
  encode(*again, &twice);
  CHECK(once == twice);
}

/// A key that reads is exactly what its Encode gives.
template <class Decode, class Encode>
void CheckKey(std::string_view key, Decode decode, Encode encode) {
  auto decoded = decode(key);
  if (decoded) CHECK(encode(*decoded) == key);
}

void CheckRow(uint8_t kind, const std::string& value) {
  switch (kind) {
    case 0:
      return CheckValue(
          value, [](std::string_view v) { return DecodeNamespace(7, v, nullptr); },
          [](const auto& row, std::string* out) { EncodeNamespace(*row, nullptr, out); });
    case 1:
      return CheckValue(
          value, [](std::string_view v) { return DecodeToken("abc", v, nullptr); },
          [](const auto& row, std::string* out) { EncodeToken(*row, nullptr, out); });
    case 2:
      return CheckValue(value, &DecodeTokenUse, [](WallTime at, std::string* out) { EncodeTokenUse(at, out); });
    case 3:
      return CheckValue(
          value, [](std::string_view v) { return DecodeAudit({5}, v); }, [](const AuditEntry& entry, std::string* out) { EncodeAudit(entry, out); });
    case 4:
      return CheckValue(value, &DecodeRegistryHead, &EncodeRegistryHead);
    case 5:
      return CheckValue(value, &DecodeNamespaceWake, &EncodeNamespaceWake);
    case 6:
      return CheckValue(value, &DecodeSwitches, [](const auto& switches, std::string* out) { EncodeSwitches(*switches, out); });
    case 7:
      return CheckValue(
          value, [](std::string_view v) { return DecodeStoredRecord(v); },
          [](const StoredRecord& record, std::string* out) { EncodeStoredRecord(record, out); });
    case 8:
      return CheckValue(value, &DecodeCountOperand, &EncodeCountOperand);
    default:
      return CheckValue(value, &DecodeSealStart, &EncodeSealStart);
  }
}

void CheckKeys(std::string_view key) {
  CheckKey(key, &DecodeNamespaceKey, &EncodeNamespaceKey);
  CheckKey(key, &DecodeNamespaceWakeKey, &EncodeNamespaceWakeKey);
  CheckKey(key, &DecodeTokenKey, &EncodeTokenKey);
  CheckKey(key, &DecodeTokenUseKey, &EncodeTokenUseKey);
  CheckKey(key, &DecodeAuditKey, &EncodeAuditKey);
  CheckKey(key, &DecodeNotifyKey, &EncodeNotifyKey);
  CheckKey(key, &DecodeExpiryKey, &EncodeExpiryKey);
  for (KeyKind kind : {KeyKind::kLaneCounts, KeyKind::kLaneSettings}) {
    CheckKey(
        key, [&](std::string_view k) { return DecodeNamedLaneKey(kind, k); }, [&](const LaneKey& lane) { return EncodeNamedLaneKey(kind, lane); });
  }
  CheckKey(key, &DecodeSleeperKey, [](const SleeperPlace& place) { return EncodeSleeperKey(place.host, place.order); });
  const KeyPlace place = PlaceOf(key);
  CHECK(place.bare.size() <= key.size() && key.ends_with(place.bare));
  (void)DecodeDueKey(key);
  (void)DecodeSettledKey(key);
}

void CheckLog(std::string_view bytes) {
  const Fingerprint store{0x0102030405060708, 0x1112131415161718};
  const LogScan scan = ScanLog(bytes, 0);
  CHECK(scan.record_bytes <= scan.good_bytes && scan.good_bytes <= bytes.size());
  CHECK(!scan.whole || scan.good_bytes == bytes.size());
  // What reads, reads alike without what is behind it.
  const LogScan part = ScanLog(bytes.substr(0, scan.record_bytes), 0);
  CHECK(part.whole && part.next_sequence == scan.next_sequence && part.record_bytes == scan.record_bytes);
  (void)FindSyncedMark(bytes, store);
}

void CheckFile(uint8_t kind, const std::string& bytes) {
  switch (kind) {
    case 11:
      if (std::optional<SyncedRecord> record = DecodeSynced(bytes)) CHECK(bytes.starts_with(EncodeSynced(*record)));
      return;
    case 12: {
      Result<BackupManifest> manifest = DecodeBackupManifest(bytes);
      if (manifest.ok()) CHECK(EncodeBackupManifest(*manifest) == bytes);
      else CHECK(manifest.status().code() == Code::kCorrupt || manifest.status().code() == Code::kUnacceptable);
      return;
    }
    case 13: {
      Result<SealKeys> keys = SealKeys::Parse(bytes);
      if (keys.ok()) CHECK(keys->Find(keys->active()) != nullptr);
      else CHECK(keys.status().code() == Code::kUnacceptable);
      return;
    }
    default:
      CheckLog(bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const uint8_t kind = data[0] % 15;
  if (kind == 10) CheckKeys(value);
  if (kind > 10) CheckFile(kind, value);
  if (kind >= 10) return 0;
  Encoder(&value).Big32(Checksum(value));
  CheckRow(kind, value);
  return 0;
}
