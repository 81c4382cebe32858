// Short lines for the trace: what goes into and comes out of the core. Pure.
#pragma once

#include <string>

#include "broker/effects.h"
#include "broker/events.h"

namespace notifyd::sim {

std::string Describe(const Event& event);
std::string Describe(const WriteBatch& batch);
std::string Describe(const LoadEffect& load);
std::string Describe(const PageEffect& page);
std::string Describe(const StartAttempt& start);
std::string Describe(const Reply& reply);

}  // namespace notifyd::sim
