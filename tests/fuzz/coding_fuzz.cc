// What other machines send in coded form: bodies in gzip, deflate and br, and name servers' SRV replies. Bodies come to the same whatever reads they
// are cut into, whole or not, and no more is decoded than was asked for. Input: which coding (1 byte), how long a read is (1 byte), then the bytes.
#include <string>

#include "base/check.h"
#include "net/sender/content_coding.h"
#include "net/sender/srv_reply.h"

using namespace notifyd;

namespace {

constexpr size_t kMost = 5'000;
constexpr const char* kCodings[] = {"gzip", "deflate", "br", "gzip, deflate", "br, gzip"};

struct Decoded {
  bool well = true, whole = false;
  std::string body;
};
Decoded Decode(const char* coding, std::string_view bytes, size_t step) {
  std::unique_ptr<ContentDecoder> decoder = ContentDecoder::Create(coding);
  CHECK(decoder);
  Decoded out;
  while (out.well && !bytes.empty() && out.body.size() < kMost) {
    out.well = decoder->Decode(bytes.substr(0, step), kMost, &out.body);
    bytes.remove_prefix(std::min(step, bytes.size()));
    CHECK(out.body.size() <= kMost);
  }
  out.whole = decoder->whole();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const uint8_t choice = data[0] % 6;
  if (choice == 5) {
    std::optional<SrvReply> reply = ReadSrvReply(bytes);
    if (reply) CHECK(reply->ttl_ms >= 0 && reply->records.size() <= bytes.size());
    return 0;
  }
  const Decoded whole = Decode(kCodings[choice], bytes, bytes.size() + 1), cut = Decode(kCodings[choice], bytes, size_t{1} + data[1] % 16);
  if (whole.body.size() < kMost) CHECK(whole.well == cut.well && (!whole.well || whole.whole == cut.whole));
  // Of what turns out not to be in the coding as much was decoded before as each read allowed.
  if (whole.well && cut.well) CHECK(whole.body == cut.body);
  else CHECK(whole.body.starts_with(cut.body) || cut.body.starts_with(whole.body));
  return 0;
}
