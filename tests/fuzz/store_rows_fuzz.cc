// What stands in the store beside notifies, and in files beside it: the registry's rows, switches, stored records, keys, what a table says of the age
// of its entries, sealing, SYNCED, the manifest of a backup, key files, logs, CURRENT and a MANIFEST, and who owns a store in PostgreSQL. Any bytes
// are refused, or decode to what encodes to the same again. Input: which of them (1 byte), then the bytes; where they are a value, without its
// checksum; of a MANIFEST its pieces (Pieces).
#include <algorithm>
#include <array>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "storage/backup_manifest.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/postgres/pg_lease.h"
#include "storage/registry_records.h"
#include "storage/seal.h"
#include "storage/stored_record.h"
#include "storage/sweep.h"
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
  const LaneKey lane{Mode::kFifo, "l"};
  CheckKey(
      key, [&](std::string_view k) { return DecodeTailKey(k, lane); }, [&](const OrderKey& order) { return EncodeTailKey(lane, order); });
  // Of a table's properties, which RocksDB read; an integer may be longer than it need be.
  if (const std::optional<TableAges> ages = DecodeTableAges(key)) CHECK(DecodeTableAges(EncodeTableAges(*ages)) == ages);
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

/// CRC-32C by a table: another one than the store's.
uint32_t Crc(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < made.size(); ++i) {
      made[i] = i;
      for (int bit = 0; bit < 8; ++bit) made[i] = made[i] >> 1 ^ (made[i] & 1 ? 0x82F63B78u : 0);
    }
    return made;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

/// A file of RocksDB's log format, each piece with a right checksum, and how far it reads by what was put into it.
struct Pieces {
  static constexpr size_t kBlock = 32768, kHead = 7, kMost = 3 * kBlock;
  std::string file;
  uint64_t readable = 0;

  /// A piece is said by its type (1), its size (2) and its data, which goes on in "x" where the input ends.
  explicit Pieces(std::string_view said) {
    bool open = false, reads = true;
    while (said.size() >= 3 && file.size() < kMost) {
      const auto type = static_cast<uint8_t>(said[0]);
      size_t size = static_cast<uint8_t>(said[1]) | static_cast<uint8_t>(said[2]) << 8;
      said.remove_prefix(3);
      size_t room = kBlock - file.size() % kBlock;
      if (room < kHead) file.append(room, '\0'), room = kBlock;
      size = std::min(size, room - kHead);
      std::string data(said.substr(0, size));
      said.remove_prefix(data.size());
      data.resize(size, 'x');
      Append(type, data);
      reads = reads && type >= 1 && type <= 4 && (type <= 2) != open;
      open = type == 2 || type == 3;
      if (reads && !open) readable = file.size();
    }
    if (file.find_first_not_of('\0', readable) == std::string::npos) readable = file.size();
  }

  void Append(uint8_t type, const std::string& data) {
    const std::string with_type = static_cast<char>(type) + data;
    const uint32_t crc = Crc(with_type), masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
    for (int shift = 0; shift < 32; shift += 8) file.push_back(static_cast<char>(masked >> shift));
    file.push_back(static_cast<char>(data.size()));
    file.push_back(static_cast<char>(data.size() >> 8));
    file += with_type;
  }
};

void CheckManifest(std::string_view said) {
  Pieces pieces(said);
  std::string& file = pieces.file;
  CHECK(ReadableBytes(file) == pieces.readable);
  CHECK(ReadableBytes(std::string_view(file).substr(0, pieces.readable)) == pieces.readable);
  CHECK(ScanLog(file, 0).good_bytes <= pieces.readable);
  // One bit of it, anywhere: what reads ends before it, but where nothing of a piece stands.
  if (file.empty()) return;
  const size_t at = said.size() * 2654435761u % file.size();
  file[at] = static_cast<char>(file[at] ^ 1 << said.size() % 8);
  const uint64_t flipped = ReadableBytes(file);
  CHECK(flipped <= at || flipped == pieces.readable || at >= pieces.readable);
}

void CheckCurrent(std::string_view bytes) {
  const std::string_view name = NameInCurrent(bytes);
  CHECK(bytes.starts_with(name) && name.find('\n') == std::string_view::npos);
  CHECK(name.size() == bytes.size() || bytes[name.size()] == '\n');
  const std::optional<uint64_t> number = ManifestNumberOf(name);
  if (!number) return;
  const size_t digits = name.find_first_not_of('0', 9);
  CHECK(name.starts_with("MANIFEST-") && name.substr(std::min(digits, name.size() - 1)) == std::to_string(*number));
}

void CheckIncarnation(std::string_view bytes) {
  const Result<Incarnation> incarnation = DecodeIncarnation(bytes);
  CHECK(incarnation.ok() == (bytes.size() == 16));
  if (incarnation.ok()) CHECK(EncodeIncarnation(*incarnation) == bytes);
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
    case 14:
      return CheckLog(bytes);
    case 15:
      return CheckCurrent(bytes);
    case 16:
      return CheckManifest(bytes);
    default:
      CheckIncarnation(bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const uint8_t kind = data[0] % 18;
  if (kind == 10) CheckKeys(value);
  if (kind > 10) CheckFile(kind, value);
  if (kind >= 10) return 0;
  Encoder(&value).Big32(Checksum(value));
  CheckRow(kind, value);
  return 0;
}
