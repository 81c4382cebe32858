// What a service and an instance are on disk: the values of records kService (key: the service's name) and kInstance (the service's name, 00, the
// instance's id). Version byte first; docs/storage-format.md.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "broker/services.h"

namespace notifyd {

std::string EncodeService(const ServiceSettings& settings);
/// Error: kCorrupt.
Result<ServiceSettings> DecodeService(std::string_view bytes);
std::string EncodeInstance(const InstanceSettings& settings);
/// Error: kCorrupt.
Result<InstanceSettings> DecodeInstance(std::string_view bytes);

/// The key of an instance's record, and what it says: the service's name, and the instance's id.
std::string InstanceKey(std::string_view service, std::string_view id);
std::pair<std::string_view, std::string_view> SplitInstanceKey(std::string_view key);

}  // namespace notifyd
