// The commands of notifyctl that are one question each (or the same one until its answer is complete), printed as a table or as JSON.
// Contract section 4.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cli/client/context.h"
#include "cli/client/notify_fields.h"

namespace notifyd {

/// A notify as people read it, with the ETag where there is one, for the next change: it stands in a header alone.
std::string RenderNotify(JsonTree::Value notify, const std::string& etag);

/// `values`: data, delay_ms, due_at. `remember_ms` 0: a trigger for which nothing is held is not remembered.
Exit Trigger(const Context& context, const std::string& fkey, const FieldValues& values, int64_t remember_ms);

/// `wait_ms`: how long to wait until it is settled; negative: as long as it takes; nothing: do not wait. A broker that was there and goes away while
/// it waits is looked for again for up to `reconnect_ms`.
Exit Get(const Context& context, const std::string& id, std::optional<int64_t> wait_ms, int64_t reconnect_ms);
Exit GetFkey(const Context& context, const std::string& fkey);
Exit Explain(const Context& context, const std::string& id);

/// `filters`: by the name of the query parameter. Asks for page after page until `limit` are there or the list is complete.
Exit List(const Context& context, const std::map<std::string, std::string>& filters, uint64_t limit);

/// Of what follows `if_match`, where it is empty: whatever the notify's ETag is. A shell takes the quotes of an ETag away: they are added again.
Exit Cancel(const Context& context, const std::string& id, const std::string& if_match);
Exit CancelFkey(const Context& context, const std::string& fkey);
/// `paused`: although its lane is paused.
Exit Retry(const Context& context, const std::string& id, bool paused, const std::string& if_match);
/// A merge patch of one that is pending.
Exit Change(const Context& context, const std::string& id, const FieldValues& values, const std::string& if_match);

/// kDone where it takes submits.
Exit Ready(const Context& context);
/// As whom the broker knows whoever asks, and what that one may do.
Exit Whoami(const Context& context);
/// Of one namespace, or of `all` together.
Exit Stats(const Context& context, bool all);
/// Do the books balance (contract promise 8)? kRefused where not.
Exit Verify(const Context& context, bool all);

}  // namespace notifyd
