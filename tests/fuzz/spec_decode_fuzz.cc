// Any bytes are refused as corrupt, or decode to a spec that encodes to the same again.
#include "base/check.h"
#include "broker/spec.h"

using namespace notifyd;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (spec.ok()) {
    Result<NotifySpec> again = DecodeSpec(EncodeSpec(*spec));
    CHECK(again.ok() && *again == *spec);
    CHECK(PeekUrl(bytes) == spec->url);
  } else {
    CHECK(spec.status().code() == Code::kCorrupt);
  }

  for (int version : {1, 2}) {
    Decoder decoder(bytes);
    RetryPolicy policy = DecodeRetry(&decoder, version);
    if (!decoder.ok()) continue;
    std::string encoded;
    Encoder encoder(&encoded);
    EncodeRetry(policy, &encoder);
    Decoder second(encoded);
    CHECK(DecodeRetry(&second, 2) == policy && second.done());
  }
  return 0;
}
