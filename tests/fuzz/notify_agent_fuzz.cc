// Fuzz target for NotifyAgent's calls (libFuzzer's entry point). Checked beside crashes: what is taken becomes a document that is JSON, in a lane
// that is the name of a tube.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/json_tree.h"
#include "net/notify_agent/notify_agent.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const notifyd::Result<notifyd::NotifyAgentCall> call = notifyd::ReadNotifyAgentCall(text);
  if (!call.ok()) return 0;
  CHECK(notifyd::IsTubeName(call->queue_name));
  for (const bool row : {false, true}) {
    notifyd::NotifyAgentTerms terms{.held = row, .caller = row ? "caller" : ""};
    if (row) terms.due_at = notifyd::WallTime{5};
    else terms.delay_ms = 7;
    const notifyd::Result<notifyd::JsonTree> made = notifyd::JsonTree::Parse(notifyd::NotifyOfNotifyAgentCall(*call, terms));
    CHECK(made.ok());
    CHECK(made->root().At("/lane")->text() == call->queue_name);
  }
  return 0;
}
