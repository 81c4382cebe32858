#include "cli/client/topic_fields.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "cli/client/notify_fields.h"

namespace notifyd {
namespace {

using enum FieldFlag::Kind;

/// Those rows of a notify's whose field is among `names`, or with `but` those whose is not.
void AppendNotifyFlags(const std::vector<std::string_view>& names, bool but, std::vector<FieldFlag>* flags) {
  for (const FieldFlag& field : NotifyFlags())
    if ((std::find(names.begin(), names.end(), field.name) == names.end()) == but) flags->push_back(field);
}

}  // namespace

const std::vector<FieldFlag>& TopicFlags() {
  static const std::vector<FieldFlag> fields = {
      {"retention_ms", "--retention-ms", kNumber, "MS", "How long events are kept; 0: as long as their notifies."},
      {"schema", "--schema", kJson, "JSON", "JSON Schema (draft 7) that the data of each event must meet."},
      {"description", "--description", kText, "TEXT", "What it is for, for people."},
  };
  return fields;
}

const std::vector<FieldFlag>& SubscriptionFlags() {
  static const std::vector<FieldFlag> fields = [] {
    std::vector<FieldFlag> all = {
        {"topic", "--topic", kText, "PATTERN", "Which topics: words and dots, where * stands for one word and # for any number."},
        {"filter", "--filter", kJson, "JSON", "Which of their events, by data, labels, key and topic."},
        {"transform", "--transform", kJson, "JSON", "What is sent of the data: names, each with a JSON Pointer into it."},
        {"each_instance", "--each-instance", kYesOrNo, "WORD", "true: one notify for each instance of a service.", false, {"true", "false"}},
        {"paused", "--paused", kYesOrNo, "WORD", "true: events pile up and nothing is sent.", false, {"true", "false"}},
        {"enabled", "--enabled", kYesOrNo, "WORD", "false: no event matches.", false, {"true", "false"}},
        {"max_pending", "--max-pending", kNumber, "N", "Above so many that wait events are skipped; default 1000000."},
        {"from", "--from", kTime, "TIME", "Of a new one: events from that time on; default now."},
    };
    AppendNotifyFlags({"data", "body", "body_base64", "due_at", "expires_at", "fkey", "on_held", "idempotency_key"}, /*but=*/true, &all);
    for (FieldFlag& field : all) {
      if (field.name == "lane") field.help = "The lane that its notifies wait in; default subscription/NAME.";
      if (field.name == "group") field.help = "Splits the subscription's default lane.";
    }
    return all;
  }();
  return fields;
}

const std::vector<FieldFlag>& EventFlags() {
  static const std::vector<FieldFlag> fields = [] {
    std::vector<FieldFlag> all = {{"key", "--key", kText, "KEY", "What it is about: subscriptions may keep the order of events of one key."}};
    AppendNotifyFlags({"data", "body", "body_base64", "content_type", "labels", "delay_ms", "due_at", "fkey", "on_held", "idempotency_key", "caller"},
                      /*but=*/false, &all);
    return all;
  }();
  return fields;
}

const std::vector<FieldFlag>& ReplayKeyFlags() {
  static const std::vector<FieldFlag> fields = {
      {"idempotency_key", "--idempotency-key", kText, "KEY", "The same key again replays nothing again."},
  };
  return fields;
}

const std::vector<FieldFlag>& ReplayFlags() {
  static const std::vector<FieldFlag> fields = [] {
    std::vector<FieldFlag> all = ReplayKeyFlags();
    all.push_back({"from", "--from", kTime, "TIME", "Events from that time on: RFC 3339, or milliseconds since the epoch."});
    all.push_back({"to", "--to", kTime, "TIME", "Up to that time; default now."});
    return all;
  }();
  return fields;
}

}  // namespace notifyd
