// What looks at the brokers that share a store, and empties one of them. Contract section 23.
#pragma once

#include <string>

#include "cli/client/context.h"

namespace notifyd {

/// Prints members, namespaces and moves, each as a table.
Exit ShowCluster(const Context& context);
/// Begins, or ends it.
Exit DrainMember(const Context& context, const std::string& member, bool draining);

}  // namespace notifyd
