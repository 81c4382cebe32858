// Records of a store that seals (storage/sealed_records.h). Whatever is sealed opens to what it was, under another key or name it does not; one bit
// of it changed, it is refused as corrupt, or opens to what it was in all that was sealed; and any bytes are refused by their record's name, or
// decode. What is sealed anew is so once. Input: which kind of record (1 byte), which bit is changed (3 bytes), then the value, not sealed and
// without its checksum. The key is of each run's own, as a store's is of each start's: what is refused does not depend on it.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "storage/keys.h"
#include "storage/ordered_kv.h"
#include "storage/records.h"
#include "storage/sealed_records.h"
#include "storage/stored_record.h"

using namespace notifyd;

namespace {

constexpr NamespaceNumber kSpace = 7, kOtherSpace = 8;
const NotifyId kId{uint64_t{kSpace} << 48 | 5}, kOtherId{uint64_t{kSpace} << 48 | 6};

/// A store of which nothing is there yet.
class EmptyKv : public OrderedKv {
  class Nothing : public KvCursor {
    bool Valid() const override { return false; }
    std::string_view key() const override { return {}; }
    std::string_view value() const override { return {}; }
    void Next() override {}
    void Seek(std::string_view) override {}
    Status status() const override { return Status::Ok(); }
  };
  Status GetAll(const std::vector<std::string>&, const KvTake&) const override { return Status::Ok(); }
  std::unique_ptr<KvCursor> Walk(std::string, std::string, KvScan) const override { return std::make_unique<Nothing>(); }
  std::unique_ptr<KvMoment> Now(KvFor) const override { return nullptr; }
  std::vector<KvPart> Parts() const override { return {}; }
};

const Sealing& TheSealing() {
  static const std::unique_ptr<Sealing> sealing = [] {
    const int file = ::memfd_create("keys", 0);
    const std::string key(64, 'a');
    CHECK(file >= 0 && ::fchmod(file, 0600) == 0 && ::write(file, key.data(), key.size()) == static_cast<ssize_t>(key.size()));
    auto made = std::make_unique<Sealing>();
    const EmptyKv kv;
    const SealedStore store{kv, [] { return Result<bool>(true); }, [](const SealRows&) { return Status::Ok(); }};
    CHECK(made->Begin(store, "/proc/self/fd/" + std::to_string(file)).ok());
    ::close(file);
    return made;
  }();
  return *sealing;
}

std::string WithChecksum(std::string bytes) {
  Encoder(&bytes).Big32(Checksum(bytes));
  return bytes;
}

/// One bit before the checksum is another one, and the checksum is right.
std::string Changed(std::string value, uint32_t where) {
  value.resize(value.size() - 4);
  if (!value.empty()) value[where / 8 % value.size()] = static_cast<char>(value[where / 8 % value.size()] ^ 1 << where % 8);
  return WithChecksum(std::move(value));
}

void CheckRefusal(const Status& status) {
  CHECK(status.code() == Code::kCorrupt && !status.detail().empty());
}

/// All that is sealed of a record, as texts.
using Secrets = std::vector<std::string>;

/// How a kind of record is read. `stored`: as it lies there; otherwise opened.
using Read = std::function<Result<Secrets>(std::string_view value, bool stored)>;

/// `sealed` opens to `secrets`; with one bit of it changed to those as well, or to what lies there, or not at all. `elsewhere`: at another place.
void CheckSealed(const std::string& sealed, const Secrets& secrets, uint32_t where, const Read& here, const Read& elsewhere) {
  const Result<Secrets> opened = here(sealed, /*stored=*/false);
  CHECK(opened.ok() && *opened == secrets);
  const Result<Secrets> lies = here(sealed, /*stored=*/true), other = elsewhere(sealed, /*stored=*/false);
  CHECK(lies.ok());
  if (*lies == secrets) CHECK(other.ok());  // nothing is sealed
  else CheckRefusal(other.status());
  const std::string changed = Changed(sealed, where);
  const Result<Secrets> again = here(changed, /*stored=*/false);
  if (!again.ok()) return CheckRefusal(again.status());
  const Result<Secrets> stored = here(changed, /*stored=*/true);
  CHECK(stored.ok());
  for (size_t i = 0; i < again->size(); ++i) CHECK((*again)[i] == (*stored)[i] || (i < secrets.size() && (*again)[i] == secrets[i]));
}

/// Sealed anew it opens to the same, and there is nothing left to seal.
void CheckAnew(std::string_view key, const std::string& value, bool operand, const std::function<void(const std::string&)>& opens) {
  const Result<std::optional<std::string>> anew = SealAnew(TheSealing(), key, value, operand);
  if (!anew.ok()) return CheckRefusal(anew.status());
  if (!*anew) return;
  opens(**anew);
  const Result<std::optional<std::string>> twice = SealAnew(TheSealing(), key, **anew, operand);
  CHECK(twice.ok() && !*twice);
}

// ---- notifies

Secrets SecretsOf(const NotifyRecord& record) {
  Secrets secrets = {*record.spec};
  for (const AttemptRecord& attempt : record.attempts) secrets.insert(secrets.end(), {attempt.detail, attempt.response_body});
  if (const Callback* callback = record.envelope->callback.get()) secrets.insert(secrets.end(), {callback->url, callback->notify_url});
  return secrets;
}

Result<Secrets> ReadNotify(NotifyId id, std::string_view value, bool stored) {
  auto record = DecodeNotify(id, value);
  if (!record.ok()) return record.status();
  if (!stored) NOTIFYD_TRY(OpenNotify(TheSealing(), record->get()));
  return SecretsOf(**record);
}

void CheckNotify(const std::string& value, uint32_t where) {
  const auto read = [](NotifyId id) { return [id](std::string_view bytes, bool stored) { return ReadNotify(id, bytes, stored); }; };
  if (const auto any = ReadNotify(kId, value, false); !any.ok()) CheckRefusal(any.status());
  auto record = DecodeNotify(kId, value);
  if (!record.ok()) return;
  for (AttemptRecord& attempt : (*record)->attempts) attempt.status = static_cast<uint16_t>(attempt.status & ~kSealedMark);
  const Secrets secrets = SecretsOf(**record);
  std::string plain, sealed;
  EncodeNotify(**record, &plain);
  EncodeSealed(TheSealing(), **record, &sealed);
  CheckSealed(sealed, secrets, where, read(kId), read(kOtherId));
  CHECK(!SealAnew(TheSealing(), EncodeNotifyKey(kId), sealed, false)->has_value());
  CheckAnew(EncodeNotifyKey(kId), plain, false, [&](const std::string& anew) { CHECK(ReadNotify(kId, anew, true).ok()); });
}

/// Opened as the record is that it is merged into.
Result<Secrets> ReadChange(NotifyId id, std::string_view operand, bool stored) {
  Result<NotifyChanges> changes = DecodeChanges(operand);
  if (!changes.ok()) return changes.status();
  NotifyRecord record;
  record.id = id;
  record.envelope = std::make_shared<const Envelope>();
  record.spec = std::make_shared<const std::string>();
  record.attempts = std::move(changes->attempts);
  if (!stored) NOTIFYD_TRY(OpenNotify(TheSealing(), &record));
  return SecretsOf(record);
}

void CheckChange(const std::string& value, uint32_t where) {
  const auto read = [](NotifyId id) { return [id](std::string_view bytes, bool stored) { return ReadChange(id, bytes, stored); }; };
  if (const auto any = ReadChange(kId, value, false); !any.ok()) CheckRefusal(any.status());
  CheckAnew(EncodeNotifyKey(kId), value, true, [&](const std::string& anew) { CHECK(ReadChange(kId, anew, true).ok()); });
  const Result<NotifyChanges> changes = DecodeChanges(value);
  if (!changes.ok() || changes->attempts.empty()) return;
  StateChange change{changes->state, changes->attempts.back()};
  change.attempt->status = static_cast<uint16_t>(change.attempt->status & ~kSealedMark);
  std::string sealed;
  EncodeSealed(TheSealing(), kId, change, &sealed);
  CheckSealed(sealed, {"", change.attempt->detail, change.attempt->response_body}, where, read(kId), read(kOtherId));
}

// ---- what stands beside notifies

void CheckFkey(const std::string& value, uint32_t where) {
  const auto read = [](NamespaceNumber space, std::string_view fkey) {
    return [space, fkey](std::string_view bytes, bool stored) -> Result<Secrets> {
      const Result<FkeyRecord> record = stored ? DecodeFkey(bytes) : DecodeSealedFkey(TheSealing(), space, fkey, bytes);
      if (!record.ok()) return record.status();
      return Secrets{record->remembered ? record->remembered->data.value_or("") : ""};
    };
  };
  if (const auto any = read(kSpace, "f")(value, false); !any.ok()) CheckRefusal(any.status());
  const Result<FkeyRecord> record = DecodeFkey(value);
  if (!record.ok()) return;
  std::string sealed;
  EncodeSealed(TheSealing(), kSpace, "f", *record, &sealed);
  const Secrets secrets = {record->remembered ? record->remembered->data.value_or("") : ""};
  CheckSealed(sealed, secrets, where, read(kSpace, "f"), read(kSpace, "g"));
  CheckSealed(sealed, secrets, where, read(kSpace, "f"), read(kOtherSpace, "f"));
}

void CheckIdempotency(const std::string& value) {
  if (const auto any = DecodeSealedIdempotency(TheSealing(), value); !any.ok()) CheckRefusal(any.status());
  const Result<IdempotencyRecord> record = DecodeIdempotency(value);
  if (!record.ok()) return;
  std::string sealed;
  EncodeSealed(TheSealing(), *record, &sealed);
  const Result<IdempotencyRecord> opened = DecodeSealedIdempotency(TheSealing(), sealed), stored = DecodeIdempotency(sealed);
  CHECK(opened.ok() && opened->id == record->id && opened->fields == record->fields && opened->expires_at == record->expires_at);
  CHECK(IsKeyedIdempotency(sealed) && stored.ok() && stored->fields != record->fields);
  CHECK(!SealAnew(TheSealing(), EncodeIdempotencyKey({"c", "k"}), sealed, false)->has_value());
}

void CheckRecord(RecordKind kind, const std::string& value, uint32_t where) {
  const auto read = [kind](NamespaceNumber space, std::string_view key) {
    return [kind, space, key](std::string_view bytes, bool stored) -> Result<Secrets> {
      const Result<StoredRecord> record = stored ? DecodeStoredRecord(bytes) : DecodeSealedRecord(TheSealing(), space, kind, key, bytes);
      if (!record.ok()) return record.status();
      return Secrets{record->value};
    };
  };
  if (const auto any = read(kSpace, "k")(value, false); !any.ok()) CheckRefusal(any.status());
  const Result<StoredRecord> record = DecodeStoredRecord(value);
  if (!record.ok()) return;
  std::string sealed;
  EncodeSealed(TheSealing(), kSpace, {kind, "k"}, *record, &sealed);
  CheckSealed(sealed, {record->value}, where, read(kSpace, "k"), read(kSpace, "l"));
  CheckSealed(sealed, {record->value}, where, read(kSpace, "k"), read(kOtherSpace, "k"));
}

// ---- the registry's rows

/// `decode(bytes, seal, elsewhere)`, `encode(row, seal, out)`.
template <class Decode, class Encode>
void CheckRow(const std::string& value, Decode decode, Encode encode) {
  const RegistrySeal seal(TheSealing().now());
  if (const auto any = decode(value, seal.get(), false); !any.ok()) CheckRefusal(any.status());
  const auto row = decode(value, nullptr, false);
  if (!row.ok()) return;
  std::string plain, sealed, again;
  encode(**row, nullptr, &plain);
  encode(**row, seal.get(), &sealed);
  const auto opened = decode(sealed, seal.get(), false);
  CHECK(opened.ok());
  encode(**opened, nullptr, &again);
  CHECK(again == plain);
  const bool secret = !decode(sealed, nullptr, false).ok();
  if (secret) CheckRefusal(decode(sealed, seal.get(), true).status());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const std::string value = WithChecksum(std::string(reinterpret_cast<const char*>(data) + 4, size - 4));
  const uint32_t where = static_cast<uint32_t>(data[1]) << 16 | static_cast<uint32_t>(data[2]) << 8 | data[3];
  switch (data[0] & 7) {
    case 0:
      CheckNotify(value, where);
      break;
    case 1:
      CheckChange(value, where);
      break;
    case 2:
      CheckFkey(value, where);
      break;
    case 3:
      CheckIdempotency(value);
      break;
    case 4:
      CheckRow(
          value,
          [](std::string_view v, const SecretSeal* seal, bool elsewhere) { return DecodeNamespace(elsewhere ? kOtherSpace : kSpace, v, seal); },
          EncodeNamespace);
      break;
    case 5:
      CheckRow(
          value, [](std::string_view v, const SecretSeal* seal, bool elsewhere) { return DecodeToken(elsewhere ? "xyz" : "abc", v, seal); },
          EncodeToken);
      break;
    default:
      CheckRecord(kRecordKinds[(data[0] >> 3) % std::size(kRecordKinds)], value, where);
  }
  return 0;
}
