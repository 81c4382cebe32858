// A stored spec whose payload stays where it is: what an attempt decodes, however large that is. Pure, any thread.
#pragma once

#include <string_view>

#include "base/status.h"
#include "broker/spec.h"

namespace notifyd {

/// DecodeSpecInto, but that `payload` is borrowed from `bytes`, and the spec's own empty.
Status DecodeSpecInto(std::string_view bytes, NotifySpec* spec, std::string_view* payload);

}  // namespace notifyd
