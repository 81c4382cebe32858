#include "storage/log_check.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "base/crash_point.h"
#include "base/log.h"
#include "storage/directory.h"
#include "storage/guarded_files.h"
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

#if defined(__x86_64__)
/// By the processor's instruction: the logs are read through at each start, and a table takes eight times as long.
__attribute__((target("sse4.2"))) uint32_t Crc32cOfProcessor(std::string_view bytes) {
  uint64_t crc = 0xffffffffu;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  uint32_t rest = static_cast<uint32_t>(crc);
  for (; at < bytes.size(); ++at) rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(bytes[at]));
  return ~rest;
}
#endif

// RocksDB has this inside, but not in its headers.
uint32_t Crc32c(std::string_view bytes) {
#if defined(__x86_64__)
  static const bool kHas = __builtin_cpu_supports("sse4.2") != 0;
  if (kHas) return Crc32cOfProcessor(bytes);
#endif
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

/// Asks which logs are live, and replays no record.
class LogProbe : public rocksdb::WalFilter {
 public:
  const char* Name() const override { return "notifyd.LogProbe"; }
  void ColumnFamilyLogNumberMap(const std::map<uint32_t, uint64_t>& logs, const std::map<std::string, uint32_t>&) override {
    // A family that had nothing when the others became tables still names an older log, which may be gone: as RocksDB does, the least of them counts,
    // and what is to be kept of logs in all (below).
    for (const auto& [family, log] : logs) first_log_ = std::min(first_log_, log);
  }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch&, rocksdb::WriteBatch*, bool*) override {
    return WalProcessingOption::kStopReplay;
  }
  /// Logs below this one are done with. 0: it was not asked.
  uint64_t first_log() const { return first_log_ == UINT64_MAX ? 0 : first_log_; }

 private:
  uint64_t first_log_ = UINT64_MAX;
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

std::optional<uint64_t> WholeNumber(std::string_view digits) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(number) : std::nullopt;
}

/// The logs from `first` on, oldest first.
std::map<uint64_t, std::filesystem::path> LogFiles(const std::string& directory, uint64_t first) {
  std::map<uint64_t, std::filesystem::path> logs;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    std::optional<uint64_t> number = LogNumberOf(entry.path());
    if (number && *number >= first) logs[*number] = entry.path();
  }
  return logs;
}

Result<std::string> ReadWhole(const std::filesystem::path& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  std::string bytes(error ? 0 : size, '\0');
  std::ifstream in(path, std::ios::binary);
  if (error || !in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return Status(Code::kIo, "cannot read " + path.string());
  return bytes;
}

struct LogReport {
  struct Seen {
    uint64_t bytes = 0;
    uint64_t record_bytes = 0;  // up to the end of its last record, whatever was before this log
  };
  std::map<uint64_t, Seen> logs;
  uint64_t first = 0;     // the sequence number that their first record begins with; 0: none reads
  uint64_t readable = 0;  // up to this sequence number the logs read without a gap
  uint64_t synced = 0;    // the highest mark
  uint64_t bad_log = 0;   // in which they stop reading; 0: they read to their end
  std::string bad_from;   // where, as a sentence
};

/// What the database says without its logs.
struct ProbeReport {
  uint64_t first_log = 0;  // older ones are done with
  /// Up to which sequence number the tables reach; a compaction may have set it to zero.
  uint64_t in_tables = 0;
  /// The number that the MANIFEST has. It is taken while later records are being written, and those are in a log alone: it may be ahead.
  uint64_t in_manifest = 0;
};

/// Cuts off the zeros that were written ahead of records which never came (storage/guarded_files.h), of logs that read to their end: nothing else
/// stands behind their records. The mode of RocksDB that takes no fault would take some of them for one.
Status CutZeros(const std::string& directory, uint64_t first_log, const LogReport& report) {
  for (const auto& [number, path] : LogFiles(directory, first_log)) {
    auto seen = report.logs.find(number);
    if (seen == report.logs.end() || seen->second.record_bytes == seen->second.bytes) continue;
    std::error_code error;
    std::filesystem::resize_file(path, seen->second.record_bytes, error);
    if (error) return Status(Code::kIo, "cannot cut " + path.string() + " to its records: " + error.message());
  }
  return Status::Ok();
}

/// Says what is wrong with a log that does not read to its end.
std::string WhereItStops(std::string_view bytes, const LogScan& scan, uint64_t next, const std::filesystem::path& path,
                         const std::filesystem::path& before) {
  bool reads_by_itself = scan.good_bytes == 0 && next != 0 && ScanLog(bytes, 0).next_sequence != 0;
  if (reads_by_itself) return before.string() + " ends before what " + path.string() + " goes on with";
  return path.string() + " does not read from byte " + std::to_string(scan.good_bytes) + " on";
}

Result<LogReport> ReadLogs(const std::string& directory, uint64_t first_log, const Fingerprint& store) {
  LogReport report;
  uint64_t next = 0;
  std::filesystem::path before;
  for (const auto& [number, path] : LogFiles(directory, first_log)) {
    auto bytes = ReadWhole(path);
    if (!bytes.ok()) return std::move(bytes).status();
    report.synced = std::max(report.synced, FindSyncedMark(*bytes, store));
    LogReport::Seen& seen = report.logs[number];
    seen = {bytes->size(), ScanLog(*bytes, 0).record_bytes};
    if (report.bad_log != 0) continue;
    LogScan scan = ScanLog(*bytes, next);
    if (report.first == 0) report.first = scan.first_sequence;
    if (!scan.whole) {
      report.bad_log = number;
      report.bad_from = WhereItStops(*bytes, scan, next, path, before);
    }
    next = scan.next_sequence;
    before = path;
  }
  report.readable = next == 0 ? 0 : next - 1;
  return report;
}

Status Damaged(const std::string& what) {
  return Status(Code::kCorrupt, "the store is damaged: " + what + ", and what stood there had been written and synced");
}

std::string NumberedPath(const std::string& directory, const std::string& before, uint64_t number, const std::string& behind) {
  std::string digits = std::to_string(number);
  return (std::filesystem::path(directory) / (before + std::string(6 - std::min<size_t>(6, digits.size()), '0') + digits + behind)).string();
}

Status WrongSize(const std::string& path, uint64_t bytes, uint64_t before) {
  return Damaged(path + " has " + std::to_string(bytes) + " bytes, and had " + std::to_string(before));
}

/// Returns the name of the MANIFEST that CURRENT has; empty where that cannot be read.
std::string NamedByCurrent(const std::filesystem::path& directory) {
  const Result<std::string> bytes = ReadWhole(directory / "CURRENT");
  return bytes.ok() ? std::string(NameInCurrent(*bytes)) : std::string();
}

/// What was being added to the MANIFEST when the power went: any of its pages may have got to the disk.
struct TornEnd {
  std::filesystem::path file;
  uint64_t from = 0;
  std::string bytes;

  /// Takes it off, so that RocksDB reads what was there before. A crash leaves it off.
  Status Cut() const {
    std::error_code error;
    std::filesystem::resize_file(file, from, error);
    return error ? Status(Code::kIo, "cannot cut " + file.string() + ": " + error.message()) : Status::Ok();
  }
  /// Puts it back, for whoever looks at the damage.
  Status PutBack() const {
    std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(from));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (out) return Status::Ok();
    return Status(Code::kIo,
                  "the " + std::to_string(bytes.size()) + " bytes from there on were cut off of " + file.string() + ", and cannot be put back");
  }
  std::string Where() const { return file.string() + " does not read from byte " + std::to_string(from) + " on"; }
};

/// Checks that as much of the MANIFEST reads as SYNCED says. RocksDB does not: it takes one that ends early for one to which nothing was added since,
/// and a record whose length a flipped bit made longer than the file for such an end, and would delete the tables that it then knows nothing of. A
/// missing one it sees itself; but where CURRENT names one that there never was, beside the one that there is, CURRENT is what is damaged. Returns
/// the torn end; nothing where it reads to its end, or where SYNCED does not say how much of it must read.
Result<std::optional<TornEnd>> CheckManifest(const SyncedRecord& synced, const std::string& directory) {
  const std::filesystem::path parent(directory), known = NumberedPath(directory, "MANIFEST-", synced.manifest.number, "");
  const std::string entry = (parent / "CURRENT").string(), named = NamedByCurrent(parent);
  std::error_code none;
  if (synced.manifest.number != 0 && named != known.filename() && std::filesystem::exists(known, none) &&
      !std::filesystem::exists(parent / named, none))
    return Damaged(entry + " does not name " + known.string());
  SyncedRecord::File current = CurrentManifest(directory);
  if (current.number == 0 || current.number > synced.manifest.number) return std::optional<TornEnd>();
  if (current.number < synced.manifest.number) return Damaged(entry + " is an older one");
  bool right = synced.closed ? current.bytes == synced.manifest.bytes : current.bytes >= synced.manifest.bytes;
  if (!right) return WrongSize(known.string(), current.bytes, synced.manifest.bytes);
  auto bytes = ReadWhole(known);
  if (!bytes.ok()) return std::move(bytes).status();
  const uint64_t readable = ReadableBytes(*bytes);
  TornEnd torn{known, readable, bytes->substr(readable)};
  if (readable < synced.manifest.bytes) return Damaged(torn.Where());
  return torn.bytes.empty() ? std::nullopt : std::optional(std::move(torn));
}

/// Checks that the logs have what SYNCED says. Sequence numbers of tables do not count here: a compaction sets them to zero where nothing is left to
/// order.
Status CheckLogs(const SyncedRecord& synced, const std::string& directory, const ProbeReport& probe, const LogReport& report) {
  const uint64_t first_log = probe.first_log;
  for (const SyncedRecord::File& log : synced.logs) {
    if (log.number < first_log) continue;
    const std::string path = NumberedPath(directory, "", log.number, ".log");
    auto seen = report.logs.find(log.number);
    if (seen == report.logs.end()) return Damaged(path + " is missing");
    const auto& [bytes, record_bytes] = seen->second;
    if (synced.closed && bytes != log.bytes) return WrongSize(path, bytes, log.bytes);
    if (bytes == 0 && !synced.closed) return Damaged(path + " is empty");
    // After a clean stop a log is records to its last byte; otherwise it begins with one at least.
    if (synced.closed ? record_bytes < bytes : record_bytes == 0)
      return Damaged(path + " does not read from byte " + std::to_string(record_bytes) + " on");
  }
  if (synced.logs.empty()) {
    // A start that was cut short, after which all is in tables; or a clean stop that found no log, as there always is one.
    uint64_t reached = std::max(report.readable, synced.closed ? probe.in_tables : std::max(probe.in_tables, probe.in_manifest));
    return reached >= synced.sequence ? Status::Ok() : Damaged("the logs in " + directory + " are missing");
  }
  const uint64_t newest = synced.logs.back().number;
  if (newest < first_log) return Status::Ok();
  // After a clean stop the logs may be without a record, and all of it in tables.
  bool in_logs = !synced.closed || report.readable != 0;
  if (!in_logs || report.readable >= synced.sequence) return Status::Ok();
  bool stops = report.bad_log != 0 && report.bad_log <= newest;
  return Damaged(stops ? report.bad_from : NumberedPath(directory, "", newest, ".log") + " ends too early");
}

rocksdb::Status Probe(rocksdb::Options options, const std::string& directory, ProbeReport* report) {
  LogProbe probe;
  options.wal_filter = &probe;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, directory, FamiliesOf(options, FamiliesIn(options, directory)), &handles, &db);
  if (!status.ok()) return status;
  Database owned(std::unique_ptr<rocksdb::DB>(db), std::move(handles));
  report->first_log = probe.first_log();
  report->in_manifest = db->GetLatestSequenceNumber();
  // The probe is not asked where no log is there at all.
  uint64_t first_kept = 0;
  if (db->GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep, &first_kept)) report->first_log = std::max(report->first_log, first_kept);
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) report->in_tables = std::max<uint64_t>(report->in_tables, file.largest_seqno);
  return status;
}

Result<OpenedDb> OpenDb(rocksdb::Options options, const std::string& directory, std::vector<std::string> families, rocksdb::WALRecoveryMode mode,
                        rocksdb::WalFilter::WalProcessingOption at_gap) {
  OpenedDb opened;
  opened.filter = std::make_unique<ReplayWatch>(at_gap);
  options.wal_filter = opened.filter.get();
  options.wal_recovery_mode = mode;
  options.create_missing_column_families = true;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status status = rocksdb::DB::Open(options, directory, FamiliesOf(options, families), &handles, &db);
  if (!status.ok()) return TranslateStatus(status, "cannot open the store in " + directory, directory);
  opened.database = Database(std::unique_ptr<rocksdb::DB>(db), std::move(handles));
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
    if (scan.record_bytes == 0) scan.first_sequence = SequenceOf(head);
    scan.next_sequence = SequenceOf(head) + CountOf(head);
    scan.record_bytes = scan.good_bytes = at;
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

std::string_view NameInCurrent(std::string_view bytes) {
  return bytes.substr(0, bytes.find('\n'));
}

std::optional<uint64_t> ManifestNumberOf(std::string_view name) {
  constexpr std::string_view kPrefix = "MANIFEST-";
  return name.starts_with(kPrefix) ? WholeNumber(name.substr(kPrefix.size())) : std::nullopt;
}

uint64_t ReadableBytes(std::string_view bytes) {
  uint64_t readable = 0;
  bool open = false;
  for (size_t at = 0;;) {
    if (size_t left = kBlockSize - at % kBlockSize; left < kHeaderSize) at += left;
    if (at >= bytes.size()) break;
    std::optional<Fragment> fragment = FragmentAt(bytes, at);
    if (!fragment || (fragment->type == kFull || fragment->type == kFirst) == open) break;
    open = fragment->type == kFirst || fragment->type == kMiddle;
    at += kHeaderSize + fragment->data.size();
    if (!open) readable = at;
  }
  return bytes.find_first_not_of('\0', readable) == std::string_view::npos ? bytes.size() : readable;
}

SyncedRecord::File CurrentManifest(const std::string& directory) {
  const std::filesystem::path parent(directory);
  const std::string name = NamedByCurrent(parent);
  const std::optional<uint64_t> number = ManifestNumberOf(name);
  std::error_code error;
  const uint64_t bytes = number ? std::filesystem::file_size(parent / name, error) : 0;
  return bytes != 0 && !error ? SyncedRecord::File{*number, bytes} : SyncedRecord::File{};
}

std::optional<uint64_t> LogNumberOf(const std::string& path) {
  std::filesystem::path file(path);
  return file.extension() == ".log" ? WholeNumber(file.stem().string()) : std::nullopt;
}

Status CloseChecked(Database* database, const std::string& directory, const Fingerprint& store, const GuardedFiles& files, SyncedFile* file) {
  if (Status status = TranslateStatus(database->db()->SyncWAL(), "cannot sync"); !status.ok()) return status;
  PassCrashPoint(CrashPoint::kCloseSynced);
  SyncedRecord record;
  record.store = store;
  record.closed = true;
  record.sequence = database->db()->GetLatestSequenceNumber();
  if (Status closed = database->Close(directory); !closed.ok()) return closed;
  PassCrashPoint(CrashPoint::kCloseDatabaseClosed);
  if (Status kept = files.Check(); !kept.ok()) return kept;
  record.manifest = CurrentManifest(directory);
  // What was written, not what is there: the two are compared as the next start will. Until then SYNCED says what was synced and where, so that a
  // loss is not sealed.
  record.logs = files.Logs();
  const uint64_t first_log = record.logs.empty() ? 0 : record.logs.front().number;
  auto report = ReadLogs(directory, first_log, store);
  if (!report.ok()) return std::move(report).status();
  if (Status status = CheckLogs(record, directory, {first_log, 0, 0}, *report); !status.ok()) return status;
  if (Status status = SyncDirectory(directory); !status.ok()) return status;
  PassCrashPoint(CrashPoint::kCloseChecked);
  NOTIFYD_TRY(file->Write(std::move(record)));
  PassCrashPoint(CrashPoint::kCloseDone);
  return Status::Ok();
}

namespace {

/// Reads the logs and opens the database. `torn`: an end of the MANIFEST was cut off that may have been synced.
Result<OpenedDb> OpenRead(const rocksdb::Options& options, const std::string& directory, const Fingerprint& store,
                          const std::optional<SyncedRecord>& synced, bool make_families, bool torn) {
  using Processing = rocksdb::WalFilter::WalProcessingOption;
  LogReport report;
  std::vector<std::string> families = FamiliesIn(options, directory);
  if (make_families && std::find(families.begin(), families.end(), kNotifiesFamily) == families.end()) families.push_back(kNotifiesFamily);
  if (std::filesystem::exists(std::filesystem::path(directory) / "CURRENT")) {
    ProbeReport probe;
    rocksdb::Status status = Probe(options, directory, &probe);
    if (!status.ok()) return TranslateStatus(status, "cannot open the store in " + directory, directory);
    auto read = ReadLogs(directory, probe.first_log, store);
    if (!read.ok()) return std::move(read).status();
    report = std::move(*read);
    if (synced) {
      if (Status logs = CheckLogs(*synced, directory, probe, report); !logs.ok()) return logs;
    }
    // RocksDB deletes logs once the MANIFEST says, and that is synced, that all of them is in tables: then the end was no torn one.
    if (torn && report.first > std::max(probe.in_tables, probe.in_manifest) + 1) return Damaged("a log in " + directory + " is missing");
    if (report.synced > std::max(report.readable, probe.in_tables))
      return Damaged(report.bad_from.empty() ? "a log in " + directory + " is missing" : report.bad_from);
    if (report.bad_from.empty()) {
      if (Status cut = CutZeros(directory, probe.first_log, report); !cut.ok()) return cut;
    }
  }
  PassCrashPoint(CrashPoint::kStartLogsRead);
  // Sound logs are replayed in the mode that takes no fault; a torn end in the one that stops at it.
  if (report.bad_from.empty())
    return OpenDb(options, directory, families, rocksdb::WALRecoveryMode::kAbsoluteConsistency, Processing::kCorruptedRecord);
  auto opened = OpenDb(options, directory, families, rocksdb::WALRecoveryMode::kPointInTimeRecovery, Processing::kStopReplay);
  if (opened.ok())
    Log(LogLevel::kWarn, "a log does not read to its end; the rest is dropped, and nothing says that it had been synced",
        {{"dropped", report.bad_from}});
  return opened;
}

}  // namespace

Result<OpenedDb> OpenChecked(const rocksdb::Options& options, const std::string& directory, const Fingerprint& store,
                             const std::optional<SyncedRecord>& synced, bool make_families) {
  std::optional<TornEnd> torn;
  if (std::filesystem::exists(std::filesystem::path(directory) / "CURRENT")) {
    if (synced) {
      Result<std::optional<TornEnd>> found = CheckManifest(*synced, directory);
      if (!found.ok()) return std::move(found).status();
      torn = *std::move(found);
    } else {
      Log(LogLevel::kWarn, "nothing beside the logs says what had been synced; they are judged by what they say themselves",
          {{"directory", directory}});
    }
  }
  if (!torn) return OpenRead(options, directory, store, synced, make_families, /*torn=*/false);
  NOTIFYD_TRY(torn->Cut());
  Result<OpenedDb> opened = OpenRead(options, directory, store, synced, make_families, /*torn=*/true);
  if (opened.ok()) {
    Log(LogLevel::kWarn, "the MANIFEST does not read to its end; the rest is dropped, and nothing had been done yet of what it said",
        {{"dropped", torn->Where()}});
    return opened;
  }
  Status refusal = opened.status().code() == Code::kCorrupt ? Damaged(torn->Where()) : std::move(opened).status();
  const Status back = torn->PutBack();
  return back.ok() ? refusal : Status(refusal.code(), refusal.detail() + "; " + back.detail());
}

}  // namespace notifyd
