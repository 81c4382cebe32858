// Sealing: whether a store seals, by which start it does (storage/seal.h), and whether it must be sealed anew. Any thread, but for Begin.
//
// What stands of it in the store, as `m` rows: "seal/<number>", a start; "seal/print", the key of the prints of idempotency keys, sealed;
// "seal/whole", from when on nothing lies in the store that is not sealed.
//
// I1  The record of a start is durable before anything is sealed by it.
// I2  A start leaves the store only once nothing is sealed by it any more.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/seal.h"

namespace notifyd {

class OrderedKv;

/// Reads a key file. Error: kUnacceptable, which says what is wrong with it (not there, of another owner, open to others, no key in it), and nothing
/// of what is in it.
Result<SealKeys> ReadSealKeys(const std::string& path);

/// The name of the first key of the file, as Sealing::needed has names. Error: as ReadSealKeys.
Result<std::string> FirstSealKey(const std::string& key_file);

/// Could a store be opened with that file that is sealed by the keys of these names (Sealing::needed; empty: it is not sealed)? Error: kUnacceptable:
/// as ReadSealKeys, or one of them is missing.
Status CheckSealKeys(const std::string& key_file, const std::string& needed);

/// Rows of the store's own, to be written and removed.
struct SealRows {
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> deletes;
};

/// How a store that may be sealed is begun with.
struct SealedStore {
  const OrderedKv& kv;
  std::function<Result<bool>()> is_empty;        // nothing is in it but the store's own rows (KeyKind::kMeta). Errors: kCorrupt, kIo
  std::function<Status(const SealRows&)> write;  // durably. Errors: kIo, kDiskFull
};

class Sealing {
 public:
  /// Seals nothing until Begin has said otherwise.
  Sealing() = default;

  /// Once, before anything is sealed or opened: reads what the store says, and the keys of `key_file` (empty: there is none). Begins a start,
  /// durably, where there are keys. Blocks. Errors: kUnacceptable where the file and the store do not fit, kCorrupt, kIo.
  Status Begin(const SealedStore& store, const std::string& key_file);

  bool on() const { return on_.load(std::memory_order_acquire); }
  /// By which pieces are made and opened now. Null where the store does not seal.
  std::shared_ptr<Seal> now() const;
  /// The names of the keys by which something in the store may be sealed, with commas between them; a name is made of its key, which it does not give
  /// away. Empty: the store does not seal.
  std::string needed() const;
  /// Something may lie in the store that is not sealed, or by another key than the first one of the file.
  bool rekey_due() const { return rekey_due_.load(std::memory_order_acquire); }

  /// The print of an idempotency key as it is stored, and back: nobody finds out what was submitted by trying who has not the key. Only where on().
  Fingerprint Keyed(const Fingerprint& print) const;
  Fingerprint Unkeyed(const Fingerprint& stored) const;

  /// A start, and what must be written, durably, before it is taken into use.
  struct Renewal {
    std::shared_ptr<Seal> seal;
    SealRows rows;
    bool rekey_due = true;  // as before, or since the key is another one; false: not any more
  };
  /// One renewal at a time, from Renew to Use, and a whole rekey is one. False: another one is under way.
  bool BeginRenewal() { return !renewing_.exchange(true); }
  void EndRenewal() { renewing_ = false; }
  /// Another start, by the first one of `keys`; null: of those that it has. Error: kUnacceptable where `keys` lack one that is still needed.
  Result<Renewal> Renew(const SealKeys* keys) const;
  /// The same where all is sealed by the present key: the starts by others go.
  Renewal Finish() const;
  /// Once its rows are durable.
  void Use(const Renewal& renewal);

 private:
  static Renewal StartAfter(const Seal& before, const SealKeys& keys, const std::vector<SealStart>& starts);
  Status Read(const OrderedKv& kv, std::vector<SealStart>* starts, std::string* print_key);

  std::atomic<bool> on_ = false, rekey_due_ = false, renewing_ = false;
  bool whole_ = false;  // at the start
  std::string print_key_;
  mutable std::mutex mutex_;
  std::shared_ptr<Seal> now_;
};

}  // namespace notifyd
