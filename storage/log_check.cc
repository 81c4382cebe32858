#include "storage/log_check.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "base/log.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

// The format of RocksDB's logs (its wiki, "Write Ahead Log File Format"): blocks of 32 KiB, in them fragments of a header (masked crc32c
// of type and data, length, type) and data; less than a header's room at a block's end stays unused.
constexpr size_t kBlockSize = 32768, kHeaderSize = 7;
enum FragmentType : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
// A record is a write batch: sequence number (8, little-endian), count (4), operations. A mark is its first operation: tag, length, data.
constexpr size_t kBatchHeader = 12;
constexpr uint8_t kLogDataTag = 3;
constexpr size_t kMarkSize = 24;

uint64_t Little(std::string_view bytes, size_t width) {
  uint64_t v = 0;
  for (size_t i = width; i-- > 0;) v = v << 8 | static_cast<uint8_t>(bytes[i]);
  return v;
}

// RocksDB has this inside, but not in its headers.
uint32_t Crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0x82F63B78u : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  uint32_t crc = ~0u;
  for (char b : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(b)) & 0xff] ^ crc >> 8;
  return ~crc;
}

struct Fragment {
  uint8_t type = 0;
  std::string_view data;
};

/// The fragment that begins at `at`, if a whole and valid one does.
std::optional<Fragment> FragmentAt(std::string_view bytes, size_t at) {
  size_t room = std::min(bytes.size(), at / kBlockSize * kBlockSize + kBlockSize) - std::min(bytes.size(), at);
  if (room < kHeaderSize) return std::nullopt;
  std::string_view header = bytes.substr(at, kHeaderSize);
  uint8_t type = static_cast<uint8_t>(header[6]);
  size_t length = Little(header.substr(4), 2);
  if (type < kFull || type > kLast || kHeaderSize + length > room) return std::nullopt;
  uint32_t crc = Crc32c(bytes.substr(at + 6, 1 + length));
  uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
  if (masked != Little(header, 4)) return std::nullopt;
  return Fragment{type, bytes.substr(at + kHeaderSize, length)};
}

uint64_t SequenceOf(std::string_view batch) {
  return Little(batch, 8);
}
uint64_t CountOf(std::string_view batch) {
  return Little(batch.substr(8), 4);
}

/// Only asks which logs are live: no record is replayed.
class LogProbe : public rocksdb::WalFilter {
 public:
  const char* Name() const override { return "notifyd.LogProbe"; }
  void ColumnFamilyLogNumberMap(const std::map<uint32_t, uint64_t>& logs, const std::map<std::string, uint32_t>&) override {
    for (const auto& [family, log] : logs) first_log_ = std::max(first_log_, log);
  }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch&, rocksdb::WriteBatch*, bool*) override {
    return WalProcessingOption::kStopReplay;
  }
  /// Logs below this one are done with.
  uint64_t first_log() const { return first_log_; }

 private:
  uint64_t first_log_ = 0;
};

/// Follows the replay: the records' sequence numbers must go on without a gap.
class ReplayWatch : public rocksdb::WalFilter {
 public:
  explicit ReplayWatch(WalProcessingOption at_gap) : at_gap_(at_gap) {}
  const char* Name() const override { return "notifyd.ReplayWatch"; }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*, bool*) override {
    uint64_t sequence = SequenceOf(batch.Data());
    if (next_sequence_ != 0 && sequence != next_sequence_) return at_gap_;
    next_sequence_ = sequence + CountOf(batch.Data());
    return WalProcessingOption::kContinueProcessing;
  }

 private:
  WalProcessingOption at_gap_;
  uint64_t next_sequence_ = 0;
};

/// The live logs, oldest first.
std::map<uint64_t, std::filesystem::path> LogFiles(const std::string& directory, uint64_t first) {
  std::map<uint64_t, std::filesystem::path> logs;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".log" || stem.find_first_not_of("0123456789") != std::string::npos) continue;
    uint64_t number = std::stoull(stem);
    if (number >= first) logs[number] = entry.path();
  }
  return logs;
}

Result<std::string> ReadFile(const std::filesystem::path& path) {
  std::error_code error;
  std::string bytes(std::filesystem::file_size(path, error), '\0');
  std::ifstream in(path, std::ios::binary);
  if (error || !in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return Status(Code::kIo, "cannot read " + path.string());
  return bytes;
}

struct LogReport {
  uint64_t readable = 0;  // up to this sequence number the logs read without a gap
  uint64_t synced = 0;    // the highest mark
  std::string bad_from;   // "<file> from byte N on": where they stop reading; empty: they read to their end
};

Result<LogReport> ReadLogs(const std::string& directory, uint64_t first_log, const Fingerprint& store) {
  LogReport report;
  uint64_t next = 0;
  for (const auto& [number, path] : LogFiles(directory, first_log)) {
    auto bytes = ReadFile(path);
    if (!bytes.ok()) return std::move(bytes).status();
    report.synced = std::max(report.synced, FindSyncedMark(*bytes, store));
    if (!report.bad_from.empty()) continue;
    LogScan scan = ScanLog(*bytes, next);
    next = scan.next_sequence;
    if (!scan.whole) report.bad_from = path.string() + " from byte " + std::to_string(scan.good_bytes) + " on";
  }
  report.readable = next == 0 ? 0 : next - 1;
  return report;
}

/// Up to which sequence number the tables reach, and the logs that are still needed beside them. Not the number that the MANIFEST has:
/// that one is taken while later records are being written, and they are in a log alone.
rocksdb::Status Probe(rocksdb::Options options, const std::string& directory, uint64_t* first_log, uint64_t* in_tables) {
  LogProbe probe;
  options.wal_filter = &probe;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
  std::unique_ptr<rocksdb::DB> owned(db);
  if (!status.ok()) return status;
  *first_log = probe.first_log();
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) *in_tables = std::max<uint64_t>(*in_tables, file.largest_seqno);
  return status;
}

Result<OpenedDb> OpenDb(rocksdb::Options options, const std::string& directory, rocksdb::WALRecoveryMode mode,
                        rocksdb::WalFilter::WalProcessingOption at_gap) {
  OpenedDb opened;
  opened.filter = std::make_unique<ReplayWatch>(at_gap);
  options.wal_filter = opened.filter.get();
  options.wal_recovery_mode = mode;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
  opened.db.reset(db);
  if (!status.ok()) return TranslateStatus(status, "cannot open the store in " + directory);
  return opened;
}

}  // namespace

std::string EncodeSyncedMark(const Fingerprint& store, uint64_t sequence) {
  std::string out;
  Encoder encoder(&out);
  encoder.Big64(store.high);
  encoder.Big64(store.low);
  encoder.Big64(sequence);
  return out;
}

LogScan ScanLog(std::string_view bytes, uint64_t next_sequence) {
  LogScan scan;
  scan.next_sequence = next_sequence;
  std::string head;  // the beginning of the record under way, as far as its batch header
  bool open = false;
  size_t at = 0;
  for (;;) {
    if (size_t left = kBlockSize - at % kBlockSize; left < kHeaderSize) at += left;
    if (at >= bytes.size()) break;
    std::optional<Fragment> fragment = FragmentAt(bytes, at);
    if (!fragment) break;
    bool begins = fragment->type == kFull || fragment->type == kFirst;
    if (begins == open) break;
    if (begins) head.clear();
    if (head.size() < kBatchHeader) head.append(fragment->data.substr(0, kBatchHeader - head.size()));
    open = fragment->type == kFirst || fragment->type == kMiddle;
    at += kHeaderSize + fragment->data.size();
    if (open) continue;
    if (head.size() < kBatchHeader || (scan.next_sequence != 0 && SequenceOf(head) != scan.next_sequence)) break;
    scan.next_sequence = SequenceOf(head) + CountOf(head);
    scan.good_bytes = at;
  }
  scan.whole = bytes.find_first_not_of('\0', scan.good_bytes) == std::string_view::npos;
  if (scan.whole) scan.good_bytes = bytes.size();
  return scan;
}

uint64_t FindSyncedMark(std::string_view bytes, const Fingerprint& store) {
  // Marks are looked for by their bytes, not by following records: behind damage nothing tells where a record begins.
  const std::string needle = EncodeSyncedMark(store, 0).substr(0, 16);
  constexpr size_t kBefore = kHeaderSize + kBatchHeader + 2;
  uint64_t synced = 0;
  for (size_t at = bytes.find(needle); at != std::string_view::npos; at = bytes.find(needle, at + 1)) {
    if (at < kBefore) continue;
    std::optional<Fragment> fragment = FragmentAt(bytes, at - kBefore);
    if (!fragment || (fragment->type != kFull && fragment->type != kFirst) || fragment->data.size() < kBefore - kHeaderSize + kMarkSize) continue;
    if (fragment->data[kBatchHeader] != kLogDataTag || fragment->data[kBatchHeader + 1] != kMarkSize) continue;
    synced = std::max(synced, Decoder(bytes.substr(at + 16, 8)).Big64());
  }
  return synced;
}

Status BeginLog(rocksdb::DB* db, const Fingerprint& store) {
  rocksdb::WriteBatch mark;
  mark.PutLogData(EncodeSyncedMark(store, db->GetLatestSequenceNumber()));
  rocksdb::WriteOptions how;
  how.sync = true;
  return TranslateStatus(db->Write(how, &mark), "cannot write");
}

Result<OpenedDb> OpenChecked(const rocksdb::Options& options, const std::string& directory, const Fingerprint& store) {
  using Processing = rocksdb::WalFilter::WalProcessingOption;
  LogReport report;
  if (std::filesystem::exists(std::filesystem::path(directory) / "CURRENT")) {
    uint64_t first_log = 0, in_tables = 0;
    rocksdb::Status status = Probe(options, directory, &first_log, &in_tables);
    if (!status.ok()) return TranslateStatus(status, "cannot open the store in " + directory);
    auto read = ReadLogs(directory, first_log, store);
    if (!read.ok()) return std::move(read).status();
    report = std::move(*read);
    if (report.synced > std::max(report.readable, in_tables)) {
      std::string where = report.bad_from.empty() ? "a log in " + directory + " is missing" : report.bad_from + " does not read";
      return Status(Code::kCorrupt, "the store is damaged: " + where + ", and what stood there had been written and synced");
    }
  }
  // Sound logs are replayed in the mode that takes no fault; a torn end in the one that stops at it.
  if (report.bad_from.empty()) return OpenDb(options, directory, rocksdb::WALRecoveryMode::kAbsoluteConsistency, Processing::kCorruptedRecord);
  auto opened = OpenDb(options, directory, rocksdb::WALRecoveryMode::kPointInTimeRecovery, Processing::kStopReplay);
  if (opened.ok()) Log(LogLevel::kWarn, "a log was torn at its end; what had never been synced is dropped", {{"dropped", report.bad_from}});
  return opened;
}

}  // namespace notifyd
