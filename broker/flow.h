// FlowFields: what a notify has beyond a plain one: where it goes (a service's instance), where it comes from (an event, a schedule, a group), what
// is kept of its answer. Part of its envelope; most have none. Contract part 3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/time.h"

namespace notifyd {

/// What is not said is empty, 0 or nothing.
struct FlowFields {
  // To a service (contract section 11); its name stands in the URL and in Envelope::host.
  std::string pool;
  std::string pool_fallback;
  std::string instance;  // that one, and no other
  // From an event (section 12).
  NotifyId event;
  std::string topic;
  std::string subscription;
  // From a schedule (section 15): the run of that time.
  std::string schedule;
  WallTime scheduled_at;
  // Of a group (section 13), whose turn decides where it is sequential.
  NotifyId group;
  uint32_t group_place = 0;  // 0, 1, ...
  /// So much of the answer that ends it is kept with it.
  uint32_t keep_response_bytes = 0;
  bool operator==(const FlowFields&) const = default;
  bool IsDefault() const { return *this == FlowFields(); }
};

/// "service://NAME" of a URL, its NAME; empty for any other URL. The same of Envelope::host.
std::string_view ServiceOf(std::string_view url);
/// "command:NAME" likewise.
std::string_view CommandOf(std::string_view url);

/// What a notify comes from and goes to, by name, as answers, callbacks and log lines show it: `service`, `event`, `topic`, `subscription`,
/// `schedule`, `scheduled_at` and `group_id`, those that it has. `host`: Envelope::host; `flow`: null where it has none.
using FlowTexts = std::vector<std::pair<std::string_view, std::string>>;
FlowTexts TextsOf(std::string_view host, const FlowFields* flow);
/// The same as members of a JSON object that is begun.
void WriteFlow(std::string_view host, const FlowFields* flow, JsonWriter* json);
/// The headers of its requests that say where it comes from: Notify-Event, Notify-Topic, Notify-Subscription, Notify-Schedule and Notify-Group, those
/// that it has.
FlowTexts HeadersOf(const FlowFields& flow);

/// A part of the head of a notify (docs/storage-format.md): what is at its default takes no room. A decode that fails leaves decoder->ok() false.
void EncodeFlow(const FlowFields& flow, Encoder* encoder);
FlowFields DecodeFlow(Decoder* decoder);

}  // namespace notifyd
