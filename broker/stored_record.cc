#include "broker/stored_record.h"

#include "base/bytes.h"

namespace notifyd {

std::string EncodeCount(int64_t count) {
  std::string out;
  Encoder(&out).Signed(count);
  return out;
}

std::optional<int64_t> DecodeCount(std::string_view value) {
  Decoder decoder(value);
  const int64_t count = decoder.Signed();
  return decoder.done() ? std::optional(count) : std::nullopt;
}

}  // namespace notifyd
