// The record of what operators switched off by hand in a namespace. Pure; as records.h. Layout and an example: docs/storage-format.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/notify.h"

namespace notifyd {

void EncodeSwitches(const Switches& switches, std::string* out);
/// Error: kCorrupt.
Result<std::shared_ptr<const Switches>> DecodeSwitches(std::string_view value);

}  // namespace notifyd
