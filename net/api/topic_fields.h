// What requests about topics, subscriptions and events say: their documents taken apart, and shown again. Pure. Contract section 12.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/topic_events.h"
#include "net/api/asker.h"
#include "net/api/json_fields.h"
#include "net/api/notify_fields.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {

/// So long a topic may keep its events: ten years.
inline constexpr int64_t kMostRetentionMs = 3653LL * 24 * 3600 * 1000;
inline constexpr size_t kMaxDescriptionBytes = 1000;
inline constexpr size_t kMaxSubscriptionBytes = 100;  // of its name

using TopicField = JsonField<TopicRecord>;
using SubscriptionField = JsonField<Subscription>;
/// In the order in which they are shown; behind a subscription's own come those of its template.
std::span<const TopicField> TopicFields();
std::span<const SubscriptionField> SubscriptionFields();
/// Has the template of a subscription this field of a notify?
bool IsOfTemplate(const NotifyField& field);

struct ParsedSubscription {
  std::shared_ptr<const Subscription> said;
  std::optional<WallTime> from;  // nothing: now
};

struct ParsedPublish {
  std::vector<EventItem> events;  // at least one
  bool batch = false;             // it was an array
};

struct ParsedReplay {
  std::optional<WallTime> from, to;
  std::string idempotency_key;  // empty: none
  Fingerprint fields;           // of all the others
};

/// Errors of all of them: kMalformed, kUnacceptable with a field, kForbidden, kTooLarge. `body` may be given more capacity.

/// The name in a path. Errors: kUnacceptable, /topic or /name.
Status CheckTopicName(std::string_view name);
Status CheckSubscriptionName(std::string_view name);

Result<TopicRecord> ReadTopicSettings(JsonReader* reader, const std::string& body);
Result<ParsedSubscription> ParseSubscription(SubmitParser* parser, const std::string& name, const std::string& body, const TraceContext& trace,
                                             const Asker& asker);
/// `topic`: of the path; null: each event names its own. `header_key`: the header Idempotency-Key, or null.
Result<ParsedPublish> ParsePublish(SubmitParser* parser, const std::string* topic, const std::string& body, const std::string* header_key,
                                   const TraceContext& trace, const Asker& asker);
/// One line of several that are published each by itself; `readable`: as SubmitParser::ParseLine has it.
Result<EventItem> ParseEventLine(SubmitParser* parser, const std::string* topic, std::string_view line, size_t readable, const TraceContext& trace,
                                 const Asker& asker);
/// `of_range`: with "from" and "to"; else with a key alone. An empty body says nothing.
Result<ParsedReplay> ParseReplay(JsonReader* reader, const std::string& body, const std::string* header_key, bool of_range);

}  // namespace notifyd
