// The callback consumer's messages: requests as Guzzle (PHP) takes them, and how often to try. Pure.
#pragma once

#include <vector>

#include "base/json_tree.h"
#include "base/status.h"
#include "cli/bridge/notify_draft.h"

namespace notifyd {

/// Sets what a request says; its method is GET where none is said. Error: kUnacceptable, the field within the request.
Status SetRequest(JsonTree::Value request, NotifyDraft* draft);

/// Sets what `control` says of the only one of a message's requests; of several each has one attempt. Error: kUnacceptable, the field within control.
Status SetControl(JsonTree::Value control, bool only_one, NotifyDraft* draft);

}  // namespace notifyd
