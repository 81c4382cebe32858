// What notifyctl shows of topics, subscriptions and events. Each is one request (team_commands.h). Contract section 12.
#pragma once

#include <string>

#include "cli/client/team_commands.h"

namespace notifyd {

const Collection& Topics();
const Collection& Subscriptions();
/// Of one topic.
Collection EventsOf(const std::string& path);
const Collection& Events();

/// The event, and below it a row for each notify that was made of it.
Exit ShowEvent(const Context& context, const std::string& id);

}  // namespace notifyd
