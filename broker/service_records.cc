#include "broker/service_records.h"

#include "base/bytes.h"
#include "broker/record_bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kServiceVersion = 1;

// Bits of what is present. Stored: never renumber.
enum ServiceBit : uint64_t {
  kHashByBit = 1 << 0,
  kServicePoolBit = 1 << 1,
  kServiceFallbackBit = 1 << 2,
  kHttpsBit = 1 << 3,
  kHostHeaderBit = 1 << 4,
  kBreakerBit = 1 << 5,
  kProbeBit = 1 << 6,
};
constexpr uint64_t kServiceBits = (kProbeBit << 1) - 1;

void EncodeBreaker(const BreakerSettings& breaker, Encoder* encoder) {
  encoder->U8(static_cast<uint8_t>((breaker.enabled ? 1 : 0) | (breaker.fail_on_open ? 2 : 0)));
  encoder->Varint(breaker.failures);
  encoder->Double(breaker.ratio_percent);
  encoder->Varint(breaker.window);
  encoder->Signed(breaker.open_ms);
  encoder->Signed(breaker.max_wait_ms);
  encoder->Signed(breaker.disable_after_ms);
}

BreakerSettings DecodeBreaker(Decoder* decoder) {
  BreakerSettings breaker;
  const uint8_t flags = decoder->U8();
  if (flags > 3) decoder->Fail();
  breaker.enabled = (flags & 1) != 0;
  breaker.fail_on_open = (flags & 2) != 0;
  breaker.failures = static_cast<uint32_t>(decoder->Varint());
  breaker.ratio_percent = decoder->Double();
  breaker.window = static_cast<uint32_t>(decoder->Varint());
  breaker.open_ms = decoder->Signed();
  breaker.max_wait_ms = decoder->Signed();
  breaker.disable_after_ms = decoder->Signed();
  return breaker;
}

}  // namespace

std::string EncodeService(const ServiceSettings& settings) {
  uint64_t present = 0;
  if (!settings.hash_by.empty()) present |= kHashByBit;
  if (!settings.pool.empty()) present |= kServicePoolBit;
  if (!settings.pool_fallback.empty()) present |= kServiceFallbackBit;
  if (settings.https) present |= kHttpsBit;
  if (!settings.host_header.empty()) present |= kHostHeaderBit;
  if (settings.breaker) present |= kBreakerBit;
  if (settings.probe) present |= kProbeBit;
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kServiceVersion);
  encoder.Varint(present);
  encoder.U8(static_cast<uint8_t>(settings.balance));
  encoder.Varint(settings.failover_max);
  if (present & kHashByBit) encoder.Text(settings.hash_by);
  if (present & kServicePoolBit) encoder.Text(settings.pool);
  if (present & kServiceFallbackBit) encoder.Text(settings.pool_fallback);
  if (present & kHostHeaderBit) encoder.Text(settings.host_header);
  if (settings.breaker) EncodeBreaker(*settings.breaker, &encoder);
  if (settings.probe) {
    encoder.Text(settings.probe->path);
    encoder.Signed(settings.probe->timeout_ms);
  }
  return bytes;
}

Result<ServiceSettings> DecodeService(std::string_view bytes) {
  Decoder decoder(bytes);
  ServiceSettings settings;
  if (decoder.U8() != kServiceVersion) return UnreadableRecord("a service");
  const uint64_t present = decoder.Varint();
  if (present & ~kServiceBits) decoder.Fail();
  settings.balance = TakeEnum(&decoder, Balance::kHash);
  settings.failover_max = static_cast<uint32_t>(decoder.Varint());
  settings.https = (present & kHttpsBit) != 0;
  if (present & kHashByBit) settings.hash_by = decoder.Text();
  if (present & kServicePoolBit) settings.pool = decoder.Text();
  if (present & kServiceFallbackBit) settings.pool_fallback = decoder.Text();
  if (present & kHostHeaderBit) settings.host_header = decoder.Text();
  if (present & kBreakerBit) settings.breaker = DecodeBreaker(&decoder);
  if (present & kProbeBit) {
    settings.probe.emplace().path = decoder.Text();
    settings.probe->timeout_ms = decoder.Signed();
  }
  if (!decoder.done()) return UnreadableRecord("a service");
  return settings;
}

std::string EncodeInstance(const InstanceSettings& settings) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kServiceVersion);
  encoder.Text(settings.url);
  encoder.Varint(settings.weight);
  encoder.Signed(settings.ttl_ms);
  encoder.Varint(settings.pools.size());
  for (const std::string& pool : settings.pools) encoder.Text(pool);
  return bytes;
}

Result<InstanceSettings> DecodeInstance(std::string_view bytes) {
  Decoder decoder(bytes);
  InstanceSettings settings;
  if (decoder.U8() != kServiceVersion) return UnreadableRecord("an instance");
  settings.url = decoder.Text();
  settings.weight = static_cast<uint32_t>(decoder.Varint());
  settings.ttl_ms = decoder.Signed();
  const uint64_t pools = decoder.Varint();
  for (uint64_t i = 0; i < pools && decoder.ok(); ++i) settings.pools.emplace_back(decoder.Text());
  if (!decoder.done()) return UnreadableRecord("an instance");
  return settings;
}

std::string InstanceKey(std::string_view service, std::string_view id) {
  return std::string(service).append(1, '\0').append(id);
}

std::pair<std::string_view, std::string_view> SplitInstanceKey(std::string_view key) {
  const size_t at = key.find('\0');
  if (at == key.npos) return {key, {}};
  return {key.substr(0, at), key.substr(at + 1)};
}

}  // namespace notifyd
