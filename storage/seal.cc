#include "storage/seal.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/crypto.h"
#include "storage/record_frame.h"

namespace notifyd {
namespace {

constexpr uint8_t kPieceVersion = 1;
constexpr ValueTag kTag = ValueTag::kRecord;
constexpr size_t kSaltBytes = 32;
constexpr std::string_view kKeyLabel = "notifyd-seal-1", kNameLabel = "notifyd-seal-name-1";

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() != 2 * kGcmKeyBytes) return std::nullopt;
  std::string out;
  int half = -1;
  for (char c : text) {
    const int digit = HexDigit(c);
    if (digit < 0) return std::nullopt;
    if (half >= 0) out.push_back(static_cast<char>(half << 4 | digit));
    half = half >= 0 ? -1 : digit;
  }
  return out;
}

std::string DeriveKey(std::string_view file_key, const SealStart& start) {
  std::string info(kKeyLabel);
  Encoder(&info).Big32(start.number);
  return HkdfSha256(file_key, start.salt, info, kGcmKeyBytes);
}

std::string NonceOf(uint64_t counter) {
  std::string out(kGcmNonceBytes - 8, '\0');
  Encoder(&out).Big64(counter);
  return out;
}

/// A piece, taken apart.
struct Piece {
  uint32_t start;
  uint64_t counter;
  std::string_view first;   // all before the cipher text
  std::string_view sealed;  // cipher text and tag
};
std::optional<Piece> Take(std::string_view bytes) {
  Decoder in(bytes);
  if (in.U8() != kPieceVersion) return std::nullopt;
  const uint64_t start = in.Varint(), counter = in.Varint();
  if (!in.ok() || start > UINT32_MAX) return std::nullopt;
  const std::string_view sealed = in.rest();
  return Piece{static_cast<uint32_t>(start), counter, bytes.substr(0, bytes.size() - sealed.size()), sealed};
}

std::string Bound(std::string_view bound, std::string_view first) {
  std::string out;
  Encoder encoder(&out);
  encoder.Text(first);
  encoder.Raw(bound);
  return out;
}

}  // namespace

Result<SealKeys> SealKeys::Parse(std::string_view text) {
  SealKeys out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = TrimBlanks(line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    std::optional<std::string> key = FromHex(line);
    if (!key) {
      Result<std::string> decoded = DecodeBase64(line);
      if (decoded.ok() && decoded->size() == kGcmKeyBytes) key = std::move(*decoded);
    }
    if (!key) return Status(Code::kUnacceptable, "line " + std::to_string(number) + " is no key of 32 bytes, as base64 or hex");
    if (out.Find(NameOf(*key)) != nullptr) return Status(Code::kUnacceptable, "line " + std::to_string(number) + " is a key that stands before");
    out.keys_.push_back(std::move(*key));
  }
  if (out.keys_.empty()) return Status(Code::kUnacceptable, "there is no key in it");
  return out;
}

uint32_t SealKeys::NameOf(std::string_view key) {
  const Digest256 digest = HmacSha256(key, kNameLabel);
  return std::max<uint32_t>(Decoder(BytesOf(digest)).Big32(), 1);
}

std::vector<uint32_t> SealKeys::Names() const {
  std::vector<uint32_t> names;
  for (const std::string& key : keys_) names.push_back(NameOf(key));
  return names;
}

const std::string* SealKeys::Find(uint32_t name) const {
  auto found = std::find_if(keys_.begin(), keys_.end(), [&](const std::string& key) { return NameOf(key) == name; });
  return found == keys_.end() ? nullptr : &*found;
}

std::string SealStartName(uint32_t number) {
  return "seal/" + std::to_string(number);
}

void EncodeSealStart(const SealStart& start, std::string* out) {
  RecordFrame frame(kTag, out);
  frame.encoder.Varint(start.number);
  frame.encoder.Big32(start.key);
  frame.encoder.Raw(start.salt);
}

Result<SealStart> DecodeSealStart(std::string_view value) {
  const Status corrupt(Code::kCorrupt, "a stored start of sealing is damaged");
  const std::optional<std::string_view> fields = UnframeRecord(kTag, value);
  if (!fields) return corrupt;
  Decoder in(*fields);
  const uint64_t number = in.Varint();
  SealStart start{static_cast<uint32_t>(number), in.Big32(), std::string(in.Raw(kSaltBytes))};
  if (!in.done() || number == 0 || number > UINT32_MAX || start.key == 0) return corrupt;
  return start;
}

std::string SealBound(uint16_t space, uint64_t id, SealedField field, uint32_t attempt, std::string_view name) {
  std::string out;
  Encoder encoder(&out);
  encoder.Big32(space);
  encoder.Big64(id);
  encoder.U8(static_cast<uint8_t>(field));
  encoder.Big32(attempt);
  encoder.Raw(name);
  return out;
}

SealStart Seal::NewStart(const SealKeys& keys, uint32_t number) {
  CHECK(number != 0);
  return {number, keys.active(), RandomBytes(kSaltBytes)};
}

Seal::Seal(SealKeys keys, const std::vector<SealStart>& past, const SealStart& present) : keys_(std::move(keys)), present_(present.number) {
  for (const SealStart& start : past) starts_[start.number] = start;
  CHECK(!starts_.contains(present.number));
  starts_[present.number] = present;
  const std::string* key = keys_.Find(present.key);
  CHECK(key != nullptr);
  present_key_ = DeriveKey(*key, present);
}

Seal::~Seal() {
  Forget(&present_key_);
  for (auto& [start, key] : derived_) Forget(&key);
}

std::optional<std::string> Seal::Close(std::string_view bound, std::string_view plain) {
  const uint64_t counter = counter_.fetch_add(1, std::memory_order_relaxed);
  if (counter >= kMostPieces) return std::nullopt;
  std::string out;
  Encoder encoder(&out);
  encoder.U8(kPieceVersion);
  encoder.Varint(present_);
  encoder.Varint(counter);
  encoder.Raw(SealGcm(present_key_, NonceOf(counter), Bound(bound, out), plain));
  return out;
}

const std::string* Seal::KeyOf(uint32_t start) const {
  if (start == present_) return &present_key_;
  std::lock_guard lock(mutex_);
  auto known = derived_.find(start);
  if (known != derived_.end()) return &known->second;
  const SealStart& past = starts_.at(start);
  const std::string* key = keys_.Find(past.key);
  return key == nullptr ? nullptr : &derived_.emplace(start, DeriveKey(*key, past)).first->second;
}

Result<std::string> Seal::Open(std::string_view bound, std::string_view piece) const {
  const std::optional<Piece> taken = Take(piece);
  if (!taken || !starts_.contains(taken->start)) return Status(Code::kCorrupt, "a sealed piece is damaged");
  const std::string* key = KeyOf(taken->start);
  if (key == nullptr) return Status(Code::kUnavailable, "the key of a sealed piece is not in store.encryption_key_file");
  std::optional<std::string> plain = OpenGcm(*key, NonceOf(taken->counter), Bound(bound, taken->first), taken->sealed);
  if (!plain) return Status(Code::kCorrupt, "a sealed piece is damaged, or is not where it was put");
  return std::move(*plain);
}

bool Seal::IsOld(std::string_view piece) const {
  const std::optional<Piece> taken = Take(piece);
  if (!taken) return false;
  auto start = starts_.find(taken->start);
  return start != starts_.end() && start->second.key != keys_.active();
}

std::vector<SealStart> Seal::Starts() const {
  std::vector<SealStart> out;
  for (const auto& [number, start] : starts_) out.push_back(start);
  return out;
}

}  // namespace notifyd
