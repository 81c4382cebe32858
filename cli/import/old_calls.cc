#include "cli/import/old_calls.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"
#include "cli/import/local_time.h"
#include "net/notify_agent/notify_agent.h"

namespace notifyd {
namespace {

std::string ShortKey(const std::string& key) {
  constexpr size_t kMost = 255;  // of an idempotency key
  // Names in the table's own alphabet may be that long; what tells rows apart stands at the end.
  return key.size() <= kMost ? key : key.substr(key.size() - kMost);
}

}  // namespace

std::string_view OldRow::Text(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& each) { return each.first == column; });
  return found == columns.end() || !found->second ? std::string_view() : std::string_view(*found->second);
}

Result<OldCall> CallOfRow(const OldRow& row, const RowTerms& terms) {
  NotifyAgentCall call;
  for (const auto& [name, value] : row.columns) {
    if (value && !IsValidUtf8(*value)) return Status(Code::kMalformed, name + " is not UTF-8");
    std::optional<std::string_view> text;
    if (value) text = *value;
    NOTIFYD_TRY(SetNotifyAgentField(name, text, &call));
  }
  NOTIFYD_TRY(CheckNotifyAgentCall(call));
  NotifyAgentTerms how;
  how.caller = terms.caller;
  how.held = !call.fkey.empty();
  if (!call.time_delayed_send.empty()) {
    Result<WallTime> due = ParseLocalTime(call.time_delayed_send, *terms.zone);
    if (!due.ok()) return Status(due.status().code(), "timeDelayedSend: " + due.status().detail());
    how.due_at = *due;
  } else if (!how.held) {
    return Status(Code::kUnacceptable, "it has neither a time nor an fKey: nothing would ever send it");
  }
  how.idempotency_key = ShortKey("notifyagent/" + terms.database + "/" + terms.table + "/" + std::to_string(row.id));
  if (const std::string_view created = row.Text("timeCreated"); !created.empty())
    how.idempotency_key = ShortKey(how.idempotency_key + "/" + std::string(created));
  return OldCall{NotifyOfNotifyAgentCall(call, how)};
}

Result<OldCall> CallOfJob(std::string_view body, const JobTerms& terms) {
  Result<NotifyAgentCall> call = ReadNotifyAgentCall(body);
  if (!call.ok()) return std::move(call).status();
  NotifyAgentTerms how;
  how.caller = terms.caller;
  how.idempotency_key = ShortKey("beanstalkd/" + terms.server + "/" + std::to_string(terms.id));
  // Its delays have 32 bits; whatever else a server says there is not to overflow.
  if (terms.left_s) how.delay_ms = static_cast<int64_t>(std::min<uint64_t>(*terms.left_s, UINT32_MAX)) * 1000;
  return OldCall{NotifyOfNotifyAgentCall(*call, how)};
}

bool IsJobOfQueue(std::string_view body, std::string_view tube) {
  const Result<NotifyAgentCall> call = ReadNotifyAgentCall(body);
  return call.ok() && call->queue_name == tube;
}

}  // namespace notifyd
