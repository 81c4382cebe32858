// notifyctl top: the broker live in a terminal, or one look at it. Contract section 4.
#pragma once

#include <cstdint>

#include "cli/client/context.h"
#include "cli/client/top_data.h"

namespace notifyd {

struct TopArguments {
  int64_t interval_ms = 1000;
  bool once = false;
  LaneOrder order = LaneOrder::kPending;
};
/// Shows the broker; in one look where `once`, with JSON, or without a terminal: two counts an interval apart, so that there are rates.
Exit Top(const Context& context, const TopArguments& arguments);

}  // namespace notifyd
