// retry, cancel and purge of all that match a filter: call after call by cursor, until the broker says that it is at the end. Contract section 3,
// "POST /v1/notifies/retry · /cancel · /purge".
#pragma once

#include <map>
#include <string>

#include "cli/client/context.h"

namespace notifyd {

struct BulkArguments {
  std::string operation;                       // "retry", "cancel" or "purge"
  std::map<std::string, std::string> filters;  // by the list's names; state stands among them
  std::string cursor;                          // where to go on; empty: from the oldest
  bool dry_run = false;
};
/// Says on standard error what it did, or how far it came and how to go on.
Exit Bulk(const Context& context, const BulkArguments& arguments);

}  // namespace notifyd
