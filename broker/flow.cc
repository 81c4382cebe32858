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

// What is shown of FlowFields, by name; and the header that says it to receivers, where one does.
struct Shown {
  std::string_view name, header;
  std::string (*text)(const FlowFields& flow);  // empty: it has none
};
constexpr Shown kShown[] = {
    {"event", "Notify-Event", [](const FlowFields& flow) { return flow.event.value ? flow.event.ToString() : std::string(); }},
    {"topic", "Notify-Topic", [](const FlowFields& flow) { return flow.topic; }},
    {"subscription", "Notify-Subscription", [](const FlowFields& flow) { return flow.subscription; }},
    {"schedule", "Notify-Schedule", [](const FlowFields& flow) { return flow.schedule; }},
    {"scheduled_at", "", [](const FlowFields& flow) { return flow.schedule.empty() ? std::string() : FormatRfc3339(flow.scheduled_at); }},
    {"group_id", "Notify-Group", [](const FlowFields& flow) { return flow.group.value ? flow.group.ToString() : std::string(); }},
};

}  // namespace

FlowTexts TextsOf(std::string_view host, const FlowFields* flow) {
  FlowTexts texts;
  if (std::string_view service = ServiceOf(host); !service.empty()) texts.emplace_back("service", service);
  if (!flow) return texts;
  for (const Shown& shown : kShown)
    if (std::string text = shown.text(*flow); !text.empty()) texts.emplace_back(shown.name, std::move(text));
  return texts;
}

void WriteFlow(std::string_view host, const FlowFields* flow, JsonWriter* json) {
  for (const auto& [name, text] : TextsOf(host, flow)) {
    json->Key(name);
    json->String(text);
  }
}

FlowTexts HeadersOf(const FlowFields& flow) {
  FlowTexts headers;
  for (const Shown& shown : kShown) {
    if (shown.header.empty()) continue;
    if (std::string text = shown.text(flow); !text.empty()) headers.emplace_back(shown.header, std::move(text));
  }
  return headers;
}

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
