#include "storage/sealing.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/joined.h"
#include "base/log.h"
#include "storage/keys.h"
#include "storage/ordered_kv.h"
#include "storage/record_frame.h"

namespace notifyd {
namespace {

constexpr std::string_view kRowsBegin = "seal/", kPrintName = "seal/print", kWholeName = "seal/whole";
constexpr ValueTag kPrintTag = ValueTag::kRecord;
constexpr off_t kMostFileBytes = 64 << 10;

std::string KeyName(uint32_t name) {
  std::string bytes;
  Encoder(&bytes).Big32(name);
  return HexOf(bytes);
}

std::string PrintBound() {
  return SealBound(0, 0, SealedField::kFingerprintKey, 0);
}

/// A fingerprint is one block of the cipher that keys it.
std::string BlockOf(const Fingerprint& print) {
  std::string block;
  Encoder encoder(&block);
  encoder.Big64(print.high);
  encoder.Big64(print.low);
  return block;
}

Fingerprint PrintOf(std::string_view block) {
  Decoder decoder(block);
  const uint64_t high = decoder.Big64();
  return {high, decoder.Big64()};
}

std::string PrintRow(std::string_view print_key, Seal* seal) {
  std::string out;
  RecordFrame(kPrintTag, &out).encoder.Raw(*seal->Close(PrintBound(), print_key));
  return out;
}

std::string StartRow(const SealStart& start) {
  std::string out;
  EncodeSealStart(start, &out);
  return out;
}

Status KeysAreMissing(const std::string& what, const std::set<std::string>& names) {
  return Status(Code::kUnacceptable,
                what + " is sealed by a key that is not in store.encryption_key_file (its name, made of it: " + Joined(names, ",") +
                    "): put it back, below the first one, until notifyd rekey is done",
                "/store/encryption_key_file");
}

Status NoKeyFile() {
  return Status(Code::kUnacceptable, "the store is sealed, and store.encryption_key_file is not set", "/store/encryption_key_file");
}

Status CheckMissing(const SealKeys& keys, const std::vector<SealStart>& starts, const std::string& what) {
  std::set<std::string> names;
  for (const SealStart& start : starts)
    if (keys.Find(start.key) == nullptr) names.insert(KeyName(start.key));
  return names.empty() ? Status::Ok() : KeysAreMissing(what, names);
}

}  // namespace

Result<SealKeys> ReadSealKeys(const std::string& path) {
  struct stat status {};
  auto bad = [&](const std::string& what) { return Status(Code::kUnacceptable, path + " " + what, "/store/encryption_key_file"); };
  if (stat(path.c_str(), &status) != 0) return bad(std::string("cannot be read: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return bad("is no file");
  if (status.st_mode & 077) return bad("is open to other users: chmod 600 it");
  if (status.st_uid != geteuid() && status.st_uid != 0 && geteuid() != 0) return bad("belongs to another user");
  if (status.st_size > kMostFileBytes) return bad("is too long for a file of keys");
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.good() && !in.eof()) return bad("cannot be read");
  Result<SealKeys> keys = SealKeys::Parse(text);
  Forget(&text);
  if (!keys.ok()) return bad(": " + keys.status().detail());
  return keys;
}

Result<std::string> FirstSealKey(const std::string& key_file) {
  const Result<SealKeys> keys = ReadSealKeys(key_file);
  if (!keys.ok()) return keys.status();
  return KeyName(keys->active());
}

Status CheckSealKeys(const std::string& key_file, const std::string& needed) {
  if (key_file.empty()) return needed.empty() ? Status::Ok() : NoKeyFile();
  const Result<SealKeys> keys = ReadSealKeys(key_file);
  if (!keys.ok()) return keys.status();
  std::set<std::string> missing;
  for (size_t from = 0; from < needed.size();) {
    const size_t to = std::min(needed.find(',', from), needed.size());
    missing.insert(needed.substr(from, to - from));
    from = to + 1;
  }
  for (uint32_t name : keys->Names()) missing.erase(KeyName(name));
  return missing.empty() ? Status::Ok() : KeysAreMissing("the store", missing);
}

Status Sealing::Read(const OrderedKv& kv, std::vector<SealStart>* starts, std::string* print_key) {
  const std::string from = EncodeMetaKey(kRowsBegin);
  auto it = kv.Walk(from, PrefixEnd(from), {});
  for (; it->Valid(); it->Next()) {
    const std::string_view key = it->key(), value = it->value();
    if (key == EncodeMetaKey(kWholeName)) {
      whole_ = true;
    } else if (key == EncodeMetaKey(kPrintName)) {
      const std::optional<std::string_view> piece = UnframeRecord(kPrintTag, value);
      if (!piece) return Status(Code::kCorrupt, "the store is damaged: its row seal/print does not read");
      print_key->assign(*piece);
    } else {
      Result<SealStart> start = DecodeSealStart(value);
      if (!start.ok()) return Status(Code::kCorrupt, "the store is damaged: " + start.status().detail());
      starts->push_back(*start);
    }
  }
  return it->status();
}

Status Sealing::Begin(const SealedStore& store, const std::string& key_file) {
  std::vector<SealStart> starts;
  std::string print_piece;
  NOTIFYD_TRY(Read(store.kv, &starts, &print_piece));
  if (key_file.empty()) {
    if (starts.empty()) return Status::Ok();
    return NoKeyFile();
  }
  Result<SealKeys> keys = ReadSealKeys(key_file);
  if (!keys.ok()) return std::move(keys).status();
  NOTIFYD_TRY(CheckMissing(*keys, starts, "the store"));
  uint32_t last = 0;
  for (const SealStart& start : starts) last = std::max(last, start.number);
  SealRows rows;
  if (starts.empty()) {
    const Result<bool> empty = store.is_empty();
    if (!empty.ok()) return empty.status();
    whole_ = *empty;
    if (whole_) rows.puts.emplace_back(EncodeMetaKey(kWholeName), std::string());
  }
  const SealStart present = Seal::NewStart(*keys, last + 1);
  auto seal = std::make_shared<Seal>(*keys, starts, present);
  rows.puts.emplace_back(EncodeMetaKey(SealStartName(present.number)), StartRow(present));
  if (print_piece.empty()) {
    if (!starts.empty()) return Status(Code::kCorrupt, "the store is damaged: its row seal/print is missing");
    print_key_ = RandomBytes(kAesKeyBytes);
    rows.puts.emplace_back(EncodeMetaKey(kPrintName), PrintRow(print_key_, seal.get()));
  } else {
    Result<std::string> opened = seal->Open(PrintBound(), print_piece);
    if (!opened.ok() || opened->size() != kAesKeyBytes)
      return Status(Code::kCorrupt, "the store is damaged: its row seal/print: " + (opened.ok() ? "its size" : opened.status().detail()));
    print_key_ = *std::move(opened);
  }
  NOTIFYD_TRY(store.write(rows));
  const bool old = std::any_of(starts.begin(), starts.end(), [&](const SealStart& start) { return start.key != keys->active(); });
  now_ = std::move(seal);
  rekey_due_ = old || !whole_;
  on_ = true;
  if (rekey_due_)
    Log(LogLevel::kWarn, "a rekey is due", {{"detail", old ? "some of the store is sealed by an older key" : "some of the store is not sealed"}});
  return Status::Ok();
}

std::shared_ptr<Seal> Sealing::now() const {
  if (!on()) return nullptr;
  std::lock_guard lock(mutex_);
  return now_;
}

std::string Sealing::needed() const {
  std::set<std::string> names;
  if (const std::shared_ptr<Seal> seal = now())
    for (const SealStart& start : seal->Starts()) names.insert(KeyName(start.key));
  return Joined(names, ",");
}

Fingerprint Sealing::Keyed(const Fingerprint& print) const {
  return PrintOf(AesBlock(print_key_, BlockOf(print)));
}

Fingerprint Sealing::Unkeyed(const Fingerprint& stored) const {
  return PrintOf(AesBlockBack(print_key_, BlockOf(stored)));
}

Sealing::Renewal Sealing::StartAfter(const Seal& before, const SealKeys& keys, const std::vector<SealStart>& starts) {
  const SealStart start = Seal::NewStart(keys, before.present() + 1);
  Renewal out{std::make_shared<Seal>(keys, starts, start), {}};
  out.rows.puts.emplace_back(EncodeMetaKey(SealStartName(start.number)), StartRow(start));
  return out;
}

Result<Sealing::Renewal> Sealing::Renew(const SealKeys* keys) const {
  const std::shared_ptr<Seal> before = now();
  const std::vector<SealStart> starts = before->Starts();
  if (keys) NOTIFYD_TRY(CheckMissing(*keys, starts, "some of the store"));
  return StartAfter(*before, keys ? *keys : before->keys(), starts);
}

Sealing::Renewal Sealing::Finish() const {
  const std::shared_ptr<Seal> before = now();
  const uint32_t active = before->keys().active();
  std::vector<SealStart> kept;
  std::vector<std::string> deletes;
  for (const SealStart& start : before->Starts()) {
    if (start.key == active) kept.push_back(start);
    else deletes.push_back(EncodeMetaKey(SealStartName(start.number)));
  }
  Renewal out = StartAfter(*before, before->keys(), kept);
  out.rows.deletes = std::move(deletes);
  out.rows.puts.emplace_back(EncodeMetaKey(kPrintName), PrintRow(print_key_, out.seal.get()));
  out.rows.puts.emplace_back(EncodeMetaKey(kWholeName), std::string());
  out.rekey_due = false;
  return out;
}

void Sealing::Use(const Renewal& renewal) {
  std::lock_guard lock(mutex_);
  const bool another = now_->keys().active() != renewal.seal->keys().active();
  now_ = renewal.seal;
  if (another || !renewal.rekey_due) rekey_due_ = renewal.rekey_due;
}

}  // namespace notifyd
