#include "storage/sealed_records.h"

#include <utility>

#include "base/check.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/stored_record.h"

namespace notifyd {
namespace {

/// What is done with each piece of a record.
class PieceWork {
 public:
  /// `from_core`: nothing is a piece yet, whatever it begins with.
  explicit PieceWork(bool seals, bool from_core = false) : seals_(seals), from_core_(from_core) {}
  virtual ~PieceWork() = default;
  /// `text`: a piece where `sealed` says so. Returns what is to stand there: a piece where this seals, else plain. Nothing: it stays as it is.
  virtual Result<std::optional<std::string>> Do(std::string_view bound, bool sealed, std::string_view text) = 0;
  bool seals() const { return seals_; }
  bool from_core() const { return from_core_; }

 private:
  const bool seals_, from_core_;
};

using Done = Result<std::optional<std::string>>;

std::string CloseOrDie(Seal* seal, std::string_view bound, std::string_view plain) {
  std::optional<std::string> piece = seal->Close(bound, plain);
  CHECK(piece.has_value());
  return *std::move(piece);
}

class SealWork : public PieceWork {
 public:
  explicit SealWork(Seal* seal) : PieceWork(true, /*from_core=*/true), seal_(seal) {}
  Done Do(std::string_view bound, bool, std::string_view text) override { return std::optional(CloseOrDie(seal_, bound, text)); }

 private:
  Seal* const seal_;
};

class OpenWork : public PieceWork {
 public:
  explicit OpenWork(const Sealing& sealing) : PieceWork(false), sealing_(sealing) {}
  Done Do(std::string_view bound, bool sealed, std::string_view text) override {
    if (!sealed) return std::optional<std::string>();
    // As late as can be: by a start that was begun since, too.
    if (!seal_) seal_ = sealing_.now();
    if (!seal_) return Status(Code::kUnavailable, "it is sealed, and store.encryption_key_file is not set");
    Result<std::string> opened = seal_->Open(bound, text);
    if (!opened.ok()) return std::move(opened).status();
    return std::optional(*std::move(opened));
  }

 private:
  const Sealing& sealing_;
  std::shared_ptr<Seal> seal_;
};

class AnewWork : public PieceWork {
 public:
  explicit AnewWork(Seal* seal) : PieceWork(true), seal_(seal) {}
  Done Do(std::string_view bound, bool sealed, std::string_view text) override {
    if (sealed && !seal_->IsOld(text)) return std::optional<std::string>();
    changed_ = true;
    if (!sealed) return std::optional(CloseOrDie(seal_, bound, text));
    Result<std::string> opened = seal_->Open(bound, text);
    if (!opened.ok()) return std::move(opened).status();
    return std::optional(CloseOrDie(seal_, bound, *opened));
  }
  bool changed() const { return changed_; }

 private:
  Seal* const seal_;
  bool changed_ = false;
};

bool IsPiece(std::string_view text) {
  return text.starts_with(kPieceMark);
}

/// Nothing: it stays. Empty text is nothing to seal.
Done Work(PieceWork* work, std::string_view bound, std::string_view text, bool may_be_piece = true) {
  if (text.empty()) return std::optional<std::string>();
  const bool sealed = may_be_piece && !work->from_core() && IsPiece(text);
  Done done = work->Do(bound, sealed, sealed ? text.substr(1) : text);
  if (done.ok() && *done && work->seals()) (*done)->insert(0, 1, kPieceMark);
  return done;
}

Status WorkIn(PieceWork* work, std::string_view bound, std::string* text, bool may_be_piece = true) {
  Done done = Work(work, bound, *text, may_be_piece);
  if (!done.ok()) return std::move(done).status();
  if (*done) *text = **std::move(done);
  return Status::Ok();
}

// ---- Which pieces there are

Status EachPiece(NotifyId id, AttemptRecord* attempt, PieceWork* work) {
  const uint16_t space = id.number();
  const bool sealed = attempt->status & kSealedMark;
  NOTIFYD_TRY(WorkIn(work, SealBound(space, id.value, SealedField::kAttemptDetail, attempt->number), &attempt->detail, sealed));
  NOTIFYD_TRY(WorkIn(work, SealBound(space, id.value, SealedField::kResponseBody, attempt->number), &attempt->response_body, sealed));
  attempt->status = static_cast<uint16_t>(work->seals() ? attempt->status | kSealedMark : attempt->status & ~kSealedMark);
  return Status::Ok();
}

Status EachPiece(NotifyRecord* record, PieceWork* work) {
  const NotifyId id = record->id;
  // Of one that is read without it there is none.
  if (record->spec) {
    Done spec = Work(work, SealBound(id.number(), id.value, SealedField::kSpec, 0), *record->spec);
    if (!spec.ok()) return std::move(spec).status();
    if (*spec) record->spec = std::make_shared<const std::string>(**std::move(spec));
  }
  for (AttemptRecord& attempt : record->attempts) NOTIFYD_TRY(EachPiece(id, &attempt, work));
  if (!record->envelope->callback) return Status::Ok();
  Callback callback = *record->envelope->callback;
  NOTIFYD_TRY(WorkIn(work, SealBound(id.number(), id.value, SealedField::kCallbackUrl, 0), &callback.url));
  NOTIFYD_TRY(WorkIn(work, SealBound(id.number(), id.value, SealedField::kCallbackUrl, 0, "notify_url"), &callback.notify_url));
  Envelope envelope = *record->envelope;
  envelope.callback = std::make_shared<const Callback>(std::move(callback));
  record->envelope = std::make_shared<const Envelope>(std::move(envelope));
  return Status::Ok();
}

Status EachPiece(NamespaceNumber space, std::string_view fkey, FkeyRecord* record, PieceWork* work) {
  if (!record->remembered || !record->remembered->data) return Status::Ok();
  RememberedTrigger remembered = *record->remembered;
  NOTIFYD_TRY(WorkIn(work, SealBound(space, 0, SealedField::kRememberedData, 0, fkey), &*remembered.data));
  record->remembered = std::make_shared<const RememberedTrigger>(std::move(remembered));
  return Status::Ok();
}

/// `sealed` is set as it is afterwards.
Status EachPiece(NamespaceNumber space, RecordKind kind, std::string_view key, StoredRecord* record, bool* sealed, PieceWork* work) {
  std::string name(1, static_cast<char>(kind));
  name.append(key);
  Done done = work->Do(SealBound(space, 0, SealedField::kRecord, 0, name), *sealed, record->value);
  if (!done.ok()) return std::move(done).status();
  if (*done) record->value = **std::move(done);
  *sealed = work->seals();
  return Status::Ok();
}

Status Named(const Status& fault, const std::string& what) {
  return Status(fault.code(), what + " cannot be opened: " + fault.detail());
}

Status NamedRecord(const Status& fault, RecordKind kind, std::string_view key) {
  return Named(fault, std::string("the record ") + static_cast<char>(kind) + " " + std::string(key));
}

std::string RegistryBound(std::string_view bound) {
  return SealBound(0, 0, SealedField::kRegistrySecret, 0, bound);
}

}  // namespace

bool IsSealedKind(RecordKind kind) {
  switch (kind) {
    case RecordKind::kAgenda:        // what became of members of groups, in the words of their answers
    case RecordKind::kResponse:      // a receiver's answer
    case RecordKind::kEvent:         // payload
    case RecordKind::kGroup:         // callback URL
    case RecordKind::kSchedule:      // template: URL, headers, body
    case RecordKind::kInstance:      // URL
    case RecordKind::kSubscription:  // template: URL, headers
      return true;
    case RecordKind::kTopicEvent:  // names, ids and numbers, as the rest
    case RecordKind::kBacklog:
    case RecordKind::kRun:
    case RecordKind::kTopic:
    case RecordKind::kService:
    case RecordKind::kDueCount:
    case RecordKind::kHistory:
    case RecordKind::kAlert:
      return false;
  }
  return true;
}

// ---- Sealing

void EncodeSealed(const Sealing& sealing, const NotifyRecord& record, std::string* out) {
  const std::shared_ptr<Seal> seal = sealing.now();
  if (!seal) return EncodeNotify(record, out);
  NotifyRecord sealed = record;
  SealWork work(seal.get());
  CHECK(EachPiece(&sealed, &work).ok());
  EncodeNotify(sealed, out);
}

void EncodeSealed(const Sealing& sealing, NotifyId id, const StateChange& change, std::string* out) {
  const std::shared_ptr<Seal> seal = change.attempt ? sealing.now() : nullptr;
  if (!seal) return EncodeChange(change, out);
  StateChange sealed = change;
  SealWork work(seal.get());
  CHECK(EachPiece(id, &*sealed.attempt, &work).ok());
  EncodeChange(sealed, out);
}

void EncodeSealed(const Sealing& sealing, NamespaceNumber space, std::string_view fkey, const FkeyRecord& record, std::string* out) {
  const std::shared_ptr<Seal> seal = record.remembered ? sealing.now() : nullptr;
  if (!seal) return EncodeFkey(record, out);
  FkeyRecord sealed = record;
  SealWork work(seal.get());
  CHECK(EachPiece(space, fkey, &sealed, &work).ok());
  EncodeFkey(sealed, out);
}

void EncodeSealed(const Sealing& sealing, const IdempotencyRecord& record, std::string* out) {
  if (!sealing.on()) return EncodeIdempotency(record, out);
  IdempotencyRecord keyed = record;
  keyed.fields = sealing.Keyed(record.fields);
  EncodeKeyedIdempotency(keyed, out);
}

void EncodeSealed(const Sealing& sealing, NamespaceNumber space, const RecordKey& key, const StoredRecord& record, std::string* out) {
  const std::shared_ptr<Seal> seal = IsSealedKind(key.kind) ? sealing.now() : nullptr;
  if (!seal) return EncodeStoredRecord(record, out);
  StoredRecord with = record;
  bool sealed = false;
  SealWork work(seal.get());
  CHECK(EachPiece(space, key.kind, key.key, &with, &sealed, &work).ok());
  EncodeStoredRecord(with, out, sealed);
}

// ---- Opening

Status OpenNotify(const Sealing& sealing, NotifyRecord* record) {
  if (!sealing.on()) return Status::Ok();
  OpenWork work(sealing);
  const Status opened = EachPiece(record, &work);
  return opened.ok() ? Status::Ok() : Named(opened, "the notify " + record->id.ToString());
}

Result<FkeyRecord> DecodeSealedFkey(const Sealing& sealing, NamespaceNumber space, std::string_view fkey, std::string_view value) {
  Result<FkeyRecord> record = DecodeFkey(value);
  if (!record.ok() || !sealing.on()) return record;
  OpenWork work(sealing);
  const Status opened = EachPiece(space, fkey, &*record, &work);
  if (!opened.ok()) return Named(opened, "what is remembered under the fkey " + std::string(fkey));
  return record;
}

Result<IdempotencyRecord> DecodeSealedIdempotency(const Sealing& sealing, std::string_view value) {
  Result<IdempotencyRecord> record = DecodeIdempotency(value);
  if (record.ok() && IsKeyedIdempotency(value) && sealing.on()) record->fields = sealing.Unkeyed(record->fields);
  return record;
}

Result<StoredRecord> DecodeSealedRecord(const Sealing& sealing, NamespaceNumber space, RecordKind kind, std::string_view key,
                                        std::string_view value) {
  bool sealed = false;
  Result<StoredRecord> record = DecodeStoredRecord(value, &sealed);
  if (!record.ok() || !sealed) return record;
  OpenWork work(sealing);
  const Status opened = EachPiece(space, kind, key, &*record, &sealed, &work);
  if (!opened.ok()) return NamedRecord(opened, kind, key);
  return record;
}

std::string RegistrySeal::Seal(std::string_view bound, std::string_view plain) const {
  return CloseOrDie(seal_.get(), RegistryBound(bound), plain);
}

std::optional<std::string> RegistrySeal::Open(std::string_view bound, std::string_view sealed) const {
  opened_ = true;
  opened_old_ |= seal_->IsOld(sealed);
  Result<std::string> opened = seal_->Open(RegistryBound(bound), sealed);
  if (opened.ok()) return *std::move(opened);
  fault_ = opened.status();
  return std::nullopt;
}

// ---- Sealing anew

namespace {

using Anew = Result<std::optional<std::string>>;

Anew Nothing() {
  return std::optional<std::string>();
}

Anew AnewNotify(NotifyId id, std::string_view value, AnewWork* work) {
  auto record = DecodeNotify(id, value);
  if (!record.ok()) return Nothing();
  const Status done = EachPiece(record->get(), work);
  if (!done.ok()) return Named(done, "the notify " + id.ToString());
  // An attempt of which there is nothing to seal has no piece; where it says otherwise makes no difference.
  if (!work->changed()) return Nothing();
  std::string out;
  EncodeNotify(**record, &out);
  return std::optional(std::move(out));
}

Anew AnewChanges(NotifyId id, std::string_view operand, AnewWork* work) {
  Result<NotifyChanges> changes = DecodeChanges(operand);
  if (!changes.ok()) return Nothing();
  for (AttemptRecord& attempt : changes->attempts)
    if (Status done = EachPiece(id, &attempt, work); !done.ok()) return Named(done, "the notify " + id.ToString());
  if (!work->changed()) return Nothing();
  std::string out;
  EncodeChanges(*changes, &out);
  return std::optional(std::move(out));
}

Anew AnewFkey(const KeyPlace& place, std::string_view value, AnewWork* work) {
  const std::string_view fkey = place.bare.substr(1);
  Result<FkeyRecord> record = DecodeFkey(value);
  if (!record.ok()) return Nothing();
  const Status done = EachPiece(place.number, fkey, &*record, work);
  if (!done.ok()) return Named(done, "what is remembered under the fkey " + std::string(fkey));
  if (!work->changed()) return Nothing();
  std::string out;
  EncodeFkey(*record, &out);
  return std::optional(std::move(out));
}

Anew AnewIdempotency(const Sealing& sealing, std::string_view value) {
  Result<IdempotencyRecord> record = DecodeIdempotency(value);
  if (!record.ok() || IsKeyedIdempotency(value)) return Nothing();
  std::string out;
  EncodeSealed(sealing, *record, &out);
  return std::optional(std::move(out));
}

Anew AnewRecord(const KeyPlace& place, std::string_view value, AnewWork* work) {
  const auto kind = static_cast<RecordKind>(place.bare[0]);
  const std::string_view key = place.bare.substr(1);
  bool sealed = false;
  Result<StoredRecord> record = DecodeStoredRecord(value, &sealed);
  if (!record.ok() || !IsSealedKind(kind)) return Nothing();
  const Status done = EachPiece(place.number, kind, key, &*record, &sealed, work);
  if (!done.ok()) return NamedRecord(done, kind, key);
  if (!work->changed()) return Nothing();
  std::string out;
  EncodeStoredRecord(*record, &out, sealed);
  return std::optional(std::move(out));
}

/// `decode(seal)`, `encode(row, seal, out)`, and whether a row holds secrets.
template <class Decode, class Encode, class Holds>
Anew AnewRow(const std::shared_ptr<Seal>& present, const std::string& name, Decode decode, Encode encode, Holds holds) {
  const RegistrySeal seal(present);
  auto row = decode(&seal);
  if (!row.ok()) return seal.fault().ok() ? Nothing() : Anew(Named(seal.fault(), name));
  if (!holds(**row) || (seal.opened() && !seal.opened_old())) return Nothing();
  std::string out;
  encode(**row, &seal, &out);
  return std::optional(std::move(out));
}

}  // namespace

Result<std::optional<std::string>> SealAnew(const Sealing& sealing, std::string_view key, std::string_view value, bool operand) {
  const KeyPlace place = PlaceOf(key);
  const std::shared_ptr<Seal> seal = sealing.now();
  if (!seal || place.bare.empty()) return Nothing();
  AnewWork work(seal.get());
  const auto kind = static_cast<KeyKind>(place.bare[0]);
  if (kind == KeyKind::kNotify) {
    const std::optional<NotifyId> id = DecodeNotifyKey(place.bare);
    if (!id) return Nothing();
    return operand ? AnewChanges(*id, value, &work) : AnewNotify(*id, value, &work);
  }
  if (operand) return Nothing();
  switch (kind) {
    case KeyKind::kFkey:
      return AnewFkey(place, value, &work);
    case KeyKind::kIdempotency:
      return AnewIdempotency(sealing, value);
    case KeyKind::kNamespace: {
      const std::optional<NamespaceNumber> number = DecodeNamespaceKey(place.bare);
      if (!number) return Nothing();
      return AnewRow(
          seal, "namespace " + std::to_string(*number), [&](const SecretSeal* with) { return DecodeNamespace(*number, value, with); },
          EncodeNamespace, [](const NamespaceRow& row) { return !row.keys.empty(); });
    }
    case KeyKind::kToken: {
      const std::optional<std::string> id = DecodeTokenKey(place.bare);
      if (!id) return Nothing();
      return AnewRow(
          seal, "token " + *id, [&](const SecretSeal* with) { return DecodeToken(*id, value, with); }, EncodeToken,
          [](const TokenRow& row) { return row.signing; });
    }
    default:
      return IsRecord(place.bare) ? AnewRecord(place, value, &work) : Nothing();
  }
}

}  // namespace notifyd
