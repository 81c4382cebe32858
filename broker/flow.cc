#include "broker/flow.h"

namespace notifyd {
namespace {

// Bits of what is present. Stored: never renumber.
enum FlowBit : uint64_t {
  kPoolBit = 1 << 0,
  kPoolFallbackBit = 1 << 1,
  kInstanceBit = 1 << 2,
  kEventBit = 1 << 3,
  kTopicBit = 1 << 4,
  kSubscriptionBit = 1 << 5,
  kScheduleBit = 1 << 6,
  kGroupBit = 1 << 7,
  kKeepBit = 1 << 8,
};
constexpr uint64_t kFlowBits = (kKeepBit << 1) - 1;

std::string_view NameBehind(std::string_view url, std::string_view scheme) {
  if (!url.starts_with(scheme)) return {};
  url.remove_prefix(scheme.size());
  return url.substr(0, url.find_first_of("/?#"));
}

}  // namespace

std::string_view ServiceOf(std::string_view url) {
  return NameBehind(url, "service://");
}

std::string_view CommandOf(std::string_view url) {
  return NameBehind(url, "command:");
}

void EncodeFlow(const FlowFields& flow, Encoder* encoder) {
  uint64_t present = 0;
  if (!flow.pool.empty()) present |= kPoolBit;
  if (!flow.pool_fallback.empty()) present |= kPoolFallbackBit;
  if (!flow.instance.empty()) present |= kInstanceBit;
  if (flow.event.value != 0) present |= kEventBit;
  if (!flow.topic.empty()) present |= kTopicBit;
  if (!flow.subscription.empty()) present |= kSubscriptionBit;
  if (!flow.schedule.empty()) present |= kScheduleBit;
  if (flow.group.value != 0) present |= kGroupBit;
  if (flow.keep_response_bytes != 0) present |= kKeepBit;
  encoder->Varint(present);
  if (present & kPoolBit) encoder->Text(flow.pool);
  if (present & kPoolFallbackBit) encoder->Text(flow.pool_fallback);
  if (present & kInstanceBit) encoder->Text(flow.instance);
  if (present & kEventBit) encoder->Varint(flow.event.value);
  if (present & kTopicBit) encoder->Text(flow.topic);
  if (present & kSubscriptionBit) encoder->Text(flow.subscription);
  if (present & kScheduleBit) {
    encoder->Text(flow.schedule);
    encoder->Signed(flow.scheduled_at.ms);
  }
  if (present & kGroupBit) {
    encoder->Varint(flow.group.value);
    encoder->Varint(flow.group_place);
  }
  if (present & kKeepBit) encoder->Varint(flow.keep_response_bytes);
}

FlowFields DecodeFlow(Decoder* decoder) {
  FlowFields flow;
  const uint64_t present = decoder->Varint();
  if (present & ~kFlowBits) return decoder->Fail(), flow;
  if (present & kPoolBit) flow.pool = decoder->Text();
  if (present & kPoolFallbackBit) flow.pool_fallback = decoder->Text();
  if (present & kInstanceBit) flow.instance = decoder->Text();
  if (present & kEventBit) flow.event.value = decoder->Varint();
  if (present & kTopicBit) flow.topic = decoder->Text();
  if (present & kSubscriptionBit) flow.subscription = decoder->Text();
  if (present & kScheduleBit) {
    flow.schedule = decoder->Text();
    flow.scheduled_at.ms = decoder->Signed();
  }
  if (present & kGroupBit) {
    flow.group.value = decoder->Varint();
    flow.group_place = static_cast<uint32_t>(decoder->Varint());
  }
  if (present & kKeepBit) flow.keep_response_bytes = static_cast<uint32_t>(decoder->Varint());
  return flow;
}

}  // namespace notifyd
