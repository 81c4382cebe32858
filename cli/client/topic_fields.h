// The fields of topics, subscriptions and events as flags. Contract section 12.
#pragma once

#include <vector>

#include "cli/client/field_flags.h"

namespace notifyd {

const std::vector<FieldFlag>& TopicFlags();
/// Its own, and behind them those of its template.
const std::vector<FieldFlag>& SubscriptionFlags();
const std::vector<FieldFlag>& EventFlags();
/// Of a range of events, and of one.
const std::vector<FieldFlag>& ReplayFlags();
const std::vector<FieldFlag>& ReplayKeyFlags();

}  // namespace notifyd
