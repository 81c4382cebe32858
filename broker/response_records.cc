// The stored encoding of an answer, version 1.
//
//   response = version:u8 status:varint flags:u8 received_at:signed headers:varint [name:text value:text]... body:text
//
// flags: 1, there was more of the body than is kept. A count allocates nothing: each header takes two bytes or more, so a false one ends with the
// bytes.
#include "broker/response_records.h"

#include "base/bytes.h"
#include "broker/record_bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kResponseVersion = 1;
constexpr uint8_t kTruncated = 1;

}  // namespace

RecordKey ResponseKey(NotifyId id) {
  RecordKey key{RecordKind::kResponse, {}};
  Encoder(&key.key).Big64(id.value);
  return key;
}

std::string EncodeResponse(const Response& response) {
  std::string bytes;
  bytes.reserve(64 + response.body.size());
  Encoder e(&bytes);
  e.U8(kResponseVersion);
  e.Varint(response.status);
  e.U8(response.truncated ? kTruncated : 0);
  e.Signed(response.received_at.ms);
  e.Varint(response.headers.size());
  for (const auto& [name, value] : response.headers) {
    e.Text(name);
    e.Text(value);
  }
  e.Text(response.body);
  return bytes;
}

Result<Response> DecodeResponse(std::string_view bytes) {
  Decoder d(bytes);
  if (d.U8() != kResponseVersion) return UnreadableRecord("a kept answer");
  Response response;
  const uint64_t status = d.Varint();
  if (status > 999) d.Fail();
  response.status = static_cast<uint16_t>(status);
  const uint8_t flags = d.U8();
  if (flags & ~kTruncated) d.Fail();
  response.truncated = flags & kTruncated;
  response.received_at.ms = d.Signed();
  const uint64_t headers = d.Varint();
  for (uint64_t i = 0; i < headers && d.ok(); ++i) {
    std::string name(d.Text());
    response.headers.emplace_back(std::move(name), d.Text());
  }
  response.body = d.Text();
  if (!d.done()) return UnreadableRecord("a kept answer");
  return response;
}

}  // namespace notifyd
