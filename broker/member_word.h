// What one of several brokers on one store says to another directly, so that this one looks there at once. Values. Contract sections 22 and 23.
#pragma once

#include <string>

#include "broker/ownership.h"

namespace notifyd {

/// All of it stands in the store, too, or would be found out there: where it is lost everything only takes longer.
struct MemberWord {
  std::string from;      // the name of who says it
  OwnerWord lease;       // of that one, as the store has confirmed it
  bool look = false;     // something was changed there: answer once it was looked at
  bool leaving = false;  // who says it stops: what it serves is to be placed elsewhere at once
  bool operator==(const MemberWord&) const = default;
};

}  // namespace notifyd
