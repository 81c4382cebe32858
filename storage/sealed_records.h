// Which pieces of which records are sealed (contract section 9, store.encryption_key_file), and sealing and opening them. Pure but for Sealing; any
// thread.
//
// I1  What merging, retention and lists look at is never in a piece; a piece goes through merging as it is.
// I2  One list of a record's pieces drives sealing, opening and sealing anew.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/notify.h"
#include "broker/stored_record.h"
#include "storage/registry_records.h"
#include "storage/sealing.h"

namespace notifyd {

/// Before a piece that stands where text would: no text there begins with it (it is in no UTF-8).
inline constexpr char kPieceMark = '\xF5';

/// Whether the whole value of a kind's records is sealed.
bool IsSealedKind(RecordKind kind);

// As in storage/records.h and storage/stored_record.h, sealed where the store seals. Errors of Decode and Open: kCorrupt, kUnavailable; they name the
// record.
void EncodeSealed(const Sealing& sealing, const NotifyRecord& record, std::string* out);
void EncodeSealed(const Sealing& sealing, NotifyId id, const StateChange& change, std::string* out);
void EncodeSealed(const Sealing& sealing, NamespaceNumber space, std::string_view fkey, const FkeyRecord& record, std::string* out);
void EncodeSealed(const Sealing& sealing, const IdempotencyRecord& record, std::string* out);
void EncodeSealed(const Sealing& sealing, NamespaceNumber space, const RecordKey& key, const StoredRecord& record, std::string* out);

/// What DecodeNotify gave, opened in place.
Status OpenNotify(const Sealing& sealing, NotifyRecord* record);
Result<FkeyRecord> DecodeSealedFkey(const Sealing& sealing, NamespaceNumber space, std::string_view fkey, std::string_view value);
Result<IdempotencyRecord> DecodeSealedIdempotency(const Sealing& sealing, std::string_view value);
/// `key`: behind the kind's letter.
Result<StoredRecord> DecodeSealedRecord(const Sealing& sealing, NamespaceNumber space, RecordKind kind, std::string_view key, std::string_view value);

/// The secrets of the registry's rows, by one Seal. Not for several threads at once.
class RegistrySeal : public SecretSeal {
 public:
  explicit RegistrySeal(std::shared_ptr<class Seal> seal) : seal_(std::move(seal)) {}
  /// What is to be handed to Encode and Decode: null where nothing is sealed.
  const SecretSeal* get() const { return seal_ ? this : nullptr; }
  std::string Seal(std::string_view bound, std::string_view plain) const override;
  std::optional<std::string> Open(std::string_view bound, std::string_view sealed) const override;
  /// Of the last Open that gave nothing.
  const Status& fault() const { return fault_; }
  bool opened() const { return opened_; }
  bool opened_old() const { return opened_old_; }

 private:
  const std::shared_ptr<class Seal> seal_;
  mutable Status fault_;
  mutable bool opened_ = false, opened_old_ = false;
};

/// What is not sealed, or by another key than the present one, sealed by that; nothing where all is as it should be, or it does not read. `operand`:
/// a merge operand, no value. Error: a piece that does not open, with the record's name.
Result<std::optional<std::string>> SealAnew(const Sealing& sealing, std::string_view key, std::string_view value, bool operand);

}  // namespace notifyd
