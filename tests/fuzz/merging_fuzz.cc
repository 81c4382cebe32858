// However operands come to a value, it is the same one: all at once, one after the other, two of them made one first, or as PostgreSQL keeps them, in
// one row behind each other. Any bytes are merged; what is damaged stays damaged. Input: which key (1 byte), then texts, each behind its length (1
// byte): the value (of length 255: there is none), and operands. The checksum of a text whose first byte has the bit 40 is made right.
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "storage/keys.h"
#include "storage/merging.h"
#include "storage/postgres/pg_tables.h"
#include "storage/records.h"

using namespace notifyd;

namespace {

std::string KeyOf(uint8_t choice) {
  switch (choice % 5) {
    case 0:
      return EncodeNotifyKey({7});
    case 1:
      return EncodeFkeyKey("order");
    case 2:
      return EncodeNamedLaneKey(KeyKind::kLaneCounts, {Mode::kFifo, "orders"});
    case 3:
      return EncodeRecordKey(RecordKind::kDueCount, "s");
    default:
      return KeySpace(300).In(EncodeNotifyKey({7}));
  }
}

std::string Sound(std::string_view text) {
  std::string out(text);
  if (out.empty() || !(out[0] & 0x40)) return out;
  out[0] = static_cast<char>(out[0] & ~0x40);
  Encoder(&out).Big32(Checksum(out));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Decoder input(std::string_view(reinterpret_cast<const char*>(bytes), size));
  const std::string key = KeyOf(input.U8());
  std::optional<std::string> value;
  std::vector<std::string> operands;
  if (const size_t length = input.U8(); length != 255) value = Sound(input.Raw(std::min<size_t>(length, input.rest().size())));
  while (input.ok() && !input.rest().empty() && operands.size() < 6) {
    const size_t length = input.U8();
    operands.push_back(Sound(input.Raw(std::min(length, input.rest().size()))));
  }
  if (!input.ok() || operands.empty()) return 0;

  const std::optional<std::string_view> base = value ? std::optional<std::string_view>(*value) : std::nullopt;
  const std::vector<std::string_view> all(operands.begin(), operands.end());
  const std::string merged = MergeFull(key, base, all);
  CHECK(!merged.empty());

  std::string ops;
  for (const std::string& operand : operands) AppendOperand(operand, &ops);
  CHECK(FoldRow(key, base, ops) == merged);
  CHECK(FoldRow(key, base, std::nullopt) == value);
  (void)FoldRow(key, base, std::string_view(ops).substr(0, ops.size() - 1));

  const bool well = !IsDamaged(merged) && !IsOrphan(merged);
  if (!well) return 0;
  // One after the other; and the first two, or the last two, made one.
  std::optional<std::string> step = value;
  for (const std::string& operand : operands) step = MergeFull(key, step ? std::optional<std::string_view>(*step) : std::nullopt, {operand});
  CHECK(*step == merged);
  if (operands.size() < 2) return 0;
  for (size_t at : {size_t{0}, operands.size() - 2}) {
    std::string both;
    if (!MergePartial(key, operands[at], operands[at + 1], &both)) continue;
    std::vector<std::string_view> fewer = all;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(at));
    fewer[at] = both;
    CHECK(MergeFull(key, base, fewer) == merged);
  }
  return 0;
}
