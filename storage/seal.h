// Sealing at rest: pieces of records that nobody reads who has the disk and not the key file. Contract section 9, store.encryption_key_file. Pure but
// for the random bits of a new start; Close and Open on any thread.
//
// A piece: version:u8 (1) start:varint counter:varint, then AES-256-GCM's cipher text and tag. Opaque to merging: it is made and opened whole.
//   key of a start  HKDF-SHA256(the file's key, salt: the start's 32 random bytes, info: "notifyd-seal-1" and its number:big32)
//   nonce           4 zero bytes and the counter, big64
//   bound           the piece's own first bytes (as text: varint length, bytes), then what the caller says: which namespace, id, field and attempt it
//   is
//                   (SealBound)
//
// I1  A key and nonce are used once: each start has a key of its own, and its counter only goes up. So a start's record must be durable before a
//     piece of it is written, and a start is never begun twice.
// I2  A counter ends at kMostPieces; a new start is begun when half of them are used up (full()).
// I3  A piece opens only where it was put: another record's, field's or attempt's does not.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace notifyd {

/// The keys of store.encryption_key_file: one a line, 32 bytes as base64 or hex; empty lines and those that begin with "#" are skipped. The first one
/// seals, the others open what they sealed until it was sealed anew.
class SealKeys {
 public:
  /// Error: kUnacceptable, which names the line and nothing of what is in it.
  static Result<SealKeys> Parse(std::string_view text);

  /// By which a start says whose key it is made of: 32 bits of a hash. Never 0.
  static uint32_t NameOf(std::string_view key);
  uint32_t active() const { return NameOf(keys_.front()); }
  /// Null where there is none.
  const std::string* Find(uint32_t name) const;
  std::vector<uint32_t> Names() const;

 private:
  std::vector<std::string> keys_;
};

/// One start: kept in the store under `m` "seal/<number>".
struct SealStart {
  uint32_t number = 0;  // 1, 2, ...: never given again
  uint32_t key = 0;     // SealKeys::NameOf
  std::string salt;     // 32 bytes
  bool operator==(const SealStart&) const = default;
};
std::string SealStartName(uint32_t number);
void EncodeSealStart(const SealStart& start, std::string* out);
/// Error: kCorrupt.
Result<SealStart> DecodeSealStart(std::string_view value);

/// What a piece is. Stored, as a part of what it is bound to: never renumber.
enum class SealedField : uint8_t {
  kSpec = 1,
  kResponseBody = 2,
  kAttemptDetail = 3,
  kRememberedData = 4,
  kCallbackUrl = 5,
  kRegistrySecret = 6,
  kFingerprintKey = 7,
  kRecord = 8,  // the whole value of a record beside notifies
};
/// `id`: a notify's, or 0; `attempt`: its number, or 0; `name`: of what has no id (an fkey, a key of the registry).
std::string SealBound(uint16_t space, uint64_t id, SealedField field, uint32_t attempt, std::string_view name = {});

class Seal {
 public:
  static constexpr uint64_t kMostPieces = uint64_t{1} << 32;

  /// A new start, with fresh random bits, under the key that seals. Its record must be durable before Close is called.
  static SealStart NewStart(const SealKeys& keys, uint32_t number);

  /// `past`: all starts of the store, whose pieces are to be opened. `present`: the one to seal with.
  Seal(SealKeys keys, const std::vector<SealStart>& past, const SealStart& present);
  ~Seal();

  /// Nothing once kMostPieces are made.
  std::optional<std::string> Close(std::string_view bound, std::string_view plain);
  /// Error: kCorrupt where it is damaged or belongs elsewhere; kUnavailable where the key that it needs is not in the file.
  Result<std::string> Open(std::string_view bound, std::string_view piece) const;
  /// A new start is to be begun, long before Close has nothing to give any more.
  bool full() const { return counter_.load(std::memory_order_relaxed) >= kMostPieces / 2; }
  /// Was it sealed by another key than the one that seals now? (What a rekey looks for.) False for what is no piece.
  bool IsOld(std::string_view piece) const;
  /// The starts whose pieces it opens, the present one among them.
  std::vector<SealStart> Starts() const;
  const SealKeys& keys() const { return keys_; }
  uint32_t present() const { return present_; }

 private:
  const std::string* KeyOf(uint32_t start) const;

  const SealKeys keys_;
  std::map<uint32_t, SealStart> starts_;
  const uint32_t present_;
  std::string present_key_;
  std::atomic<uint64_t> counter_{0};
  mutable std::mutex mutex_;
  mutable std::map<uint32_t, std::string> derived_;  // by start; entries stay where they are
};

}  // namespace notifyd
