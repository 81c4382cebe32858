#include "storage/synced_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/system_error.h"
#include "storage/directory.h"

namespace notifyd {
namespace {

// Versions of the record. Never renumber.
constexpr uint8_t kSyncedVersion = 1;
constexpr int kPlaces = 2;

std::string PathIn(const std::string& directory) {
  return directory + "/" + SyncedFile::kName;
}

Status IoError(const std::string& what, const std::string& path) {
  return SystemError(what + " " + path);
}

std::optional<SyncedRecord> Newer(std::optional<SyncedRecord> one, std::optional<SyncedRecord> other) {
  if (!one || (other && other->serial > one->serial)) return other;
  return one;
}

void EncodeFile(const SyncedRecord::File& file, Encoder* encoder) {
  encoder->Varint(file.number);
  encoder->Varint(file.bytes);
}

SyncedRecord::File DecodeFile(Decoder* decoder) {
  SyncedRecord::File file;
  file.number = decoder->Varint();
  file.bytes = decoder->Varint();
  return file;
}

/// What a file of this record and no other looks like.
std::string WholeFile(const SyncedRecord& record) {
  std::string place = EncodeSynced(record);
  place.resize(SyncedFile::kPlaceSize);
  return place + place;
}

}  // namespace

std::string EncodeSynced(const SyncedRecord& record) {
  std::string out;
  Encoder encoder(&out);
  encoder.U8(kSyncedVersion);
  encoder.Big64(record.store.high);
  encoder.Big64(record.store.low);
  encoder.Big64(record.serial);
  encoder.U8(record.closed ? 1 : 0);
  encoder.Big64(record.sequence);
  EncodeFile(record.manifest, &encoder);
  encoder.Varint(record.logs.size());
  for (const SyncedRecord::File& log : record.logs) EncodeFile(log, &encoder);
  encoder.Big32(Checksum(out));
  return out;
}

std::optional<SyncedRecord> DecodeSynced(std::string_view bytes) {
  Decoder decoder(bytes);
  SyncedRecord record;
  if (decoder.U8() != kSyncedVersion) return std::nullopt;
  record.store.high = decoder.Big64();
  record.store.low = decoder.Big64();
  record.serial = decoder.Big64();
  record.closed = decoder.U8() != 0;
  record.sequence = decoder.Big64();
  record.manifest = DecodeFile(&decoder);
  uint64_t logs = decoder.Varint();
  if (!decoder.ok() || logs > SyncedFile::kLogsMost) return std::nullopt;
  for (uint64_t i = 0; i < logs; ++i) record.logs.push_back(DecodeFile(&decoder));
  // There is one way to write a record, so that the checksum is right exactly where the bytes are the same.
  if (!decoder.ok() || !bytes.starts_with(EncodeSynced(record))) return std::nullopt;
  return record;
}

Result<std::optional<SyncedRecord>> SyncedFile::Read(const std::string& directory, const Fingerprint& store) {
  std::string path = PathIn(directory);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open() && errno == ENOENT) return std::optional<SyncedRecord>();
  if (!file.open()) return IoError("cannot open", path);
  std::optional<SyncedRecord> newest;
  for (int place = 0; place < kPlaces; ++place) {
    std::array<char, kPlaceSize> bytes;
    ssize_t size = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(place * kPlaceSize));
    if (size < 0) return IoError("cannot read", path);
    newest = Newer(newest, DecodeSynced({bytes.data(), static_cast<size_t>(size)}));
  }
  if (!newest) return Status(Code::kCorrupt, "the store is damaged: " + path + " does not read");
  if (newest->store != store) return Status(Code::kCorrupt, "the store is damaged: " + path + " belongs to another store than FORMAT beside it");
  return newest;
}

Result<SyncedFile> SyncedFile::Open(const std::string& directory, const SyncedRecord& record) {
  std::string path = PathIn(directory);
  auto before = Read(directory, record.store);
  if (!before.ok()) return std::move(before).status();
  if (!*before) {
    if (Status made = MakeFileWhole(directory, kName, WholeFile(record)); !made.ok()) return made;
  }
  SyncedFile synced(path, Descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC)));
  if (!synced.file_.open()) return IoError("cannot open", path);
  synced.record_.serial = *before ? (*before)->serial : record.serial;
  if (Status written = synced.Write(record); !written.ok()) return written;
  return synced;
}

Status SyncedFile::WriteSoon(SyncedRecord record) {
  record.serial = record_.serial + 1;
  if (record.logs.size() > kLogsMost) record.logs.erase(record.logs.begin(), record.logs.end() - kLogsMost);
  record_ = std::move(record);
  return Put(1);
}

Status SyncedFile::Write(SyncedRecord record) {
  // The second place is the one that WriteSoon writes. It is on the disk before the first one is touched.
  if (Status written = WriteSoon(std::move(record)); !written.ok()) return written;
  if (Status synced = Sync(); !synced.ok()) return synced;
  if (Status written = Put(0); !written.ok()) return written;
  return Sync();
}

Status SyncedFile::Put(int place) {
  std::string bytes = EncodeSynced(record_);
  ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(static_cast<size_t>(place) * kPlaceSize));
  return written == static_cast<ssize_t>(bytes.size()) ? Status::Ok() : IoError("cannot write", path_);
}

Status SyncedFile::Sync() {
  return ::fdatasync(file_.get()) == 0 ? Status::Ok() : IoError("cannot sync", path_);
}

}  // namespace notifyd
