#include "cli/daemon/attempt_log.h"

#include <string>
#include <vector>

#include "base/log.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

const char* EndOf(Phase phase) {
  switch (phase) {
    case Phase::kSucceeded:
      return "notify succeeded";
    case Phase::kFailed:
      return "notify failed";
    case Phase::kCancelled:
      return "notify cancelled";
    case Phase::kExpired:
      return "notify expired";
    default:
      return "notify settled";
  }
}

/// An empty text is left out.
std::string_view Said(std::string_view space) {
  return space == kDefaultNamespace ? std::string_view() : space;
}

/// Who it is about: namespace, id, caller, lane, mode, trace_id, and what it comes from and goes to, and labels, where it has some.
void AddNotify(std::string_view space, const std::string& id, const Envelope* envelope, std::vector<LogField>* fields) {
  fields->emplace_back("namespace", Said(space));
  fields->emplace_back("id", id);
  if (!envelope) return;
  fields->emplace_back("caller", envelope->caller);
  fields->emplace_back("lane", envelope->lane.name);
  fields->emplace_back("mode", ToString(envelope->lane.mode));
  fields->emplace_back("trace_id", envelope->trace_id());
  // Fields borrow; the line is written before the next one is made.
  static thread_local FlowTexts texts;
  static thread_local std::string labels;
  texts = TextsOf(envelope->host, envelope->flow.get());
  for (const auto& [name, text] : texts) fields->emplace_back(name == "event" ? "event_id" : name, text);  // a line's event is what it tells of
  if (!envelope->labels) return;
  labels.clear();
  for (const auto& [key, value] : *envelope->labels) labels.append(labels.empty() ? "" : ",").append(key).append(":").append(value);
  fields->emplace_back("labels", labels);
}

void AddOutcome(const AttemptLog& log, std::vector<LogField>* fields) {
  fields->emplace_back("status", log.status);
  fields->emplace_back("error", log.error);
  fields->emplace_back("duration_ms", log.duration_ms);
}

}  // namespace

void LogAttempt(std::string_view space, const AttemptLog& log) {
  bool attempt = log.attempt && LogEnabled(LogLevel::kDebug), end = log.settled && LogEnabled(LogLevel::kInfo);
  if (!attempt && !end) return;
  // Kept for its capacity.
  static thread_local std::vector<LogField> fields;
  std::string id = log.id.ToString();
  if (attempt) {
    fields.clear();
    AddNotify(space, id, log.envelope.get(), &fields);
    if (log.envelope) fields.emplace_back("host", log.envelope->host);
    fields.emplace_back("attempt", log.number);
    AddOutcome(log, &fields);
    Log(LogLevel::kDebug, "attempt", fields.data(), fields.size());
  }
  if (end) {
    fields.clear();
    AddNotify(space, id, log.envelope.get(), &fields);
    fields.emplace_back("attempts", log.attempts_made);
    if (log.attempt) AddOutcome(log, &fields);
    fields.emplace_back("reason", log.reason);
    Log(LogLevel::kInfo, EndOf(log.phase), fields.data(), fields.size());
  }
}

void LogLane(std::string_view space, const LaneLog& log) {
  Log(LogLevel::kWarn, "lane paused",
      {{"namespace", Said(space)},
       {"lane", log.lane.name},
       {"mode", ToString(log.lane.mode)},
       {"id", log.id.ToString()},
       {"reason", "its head ended without success"}});
}

void LogFlow(std::string_view space, const FlowLog& log) {
  std::vector<LogField> fields;
  fields.reserve(log.fields.size() + 1);
  fields.emplace_back("namespace", Said(space));
  for (const auto& [key, value] : log.fields) fields.emplace_back(key, value);
  Log(log.warning ? LogLevel::kWarn : LogLevel::kInfo, log.event, fields.data(), fields.size());
}

void LogAudit(const AuditEntry& entry) {
  Log(LogLevel::kAlways, "audit",
      {{"namespace", Said(entry.space)},
       {"who", entry.who},
       {"from", entry.from},
       {"what", entry.what},
       {"object", entry.object},
       {"count", entry.count},
       {"said", entry.said}});
}

}  // namespace notifyd
