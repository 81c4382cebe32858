// What the file says for contract part 3 that the core decides by, and where it finds time zones. One for all namespaces, each
// picks its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/time_zone.h"
#include "broker/services.h"

namespace notifyd {

/// A [[service]].
struct FileService {
  std::string name;
  std::vector<std::string> namespaces = {"default"};  // in which it is; "*": in all
  ServiceSettings settings;
  std::vector<std::pair<std::string, InstanceSettings>> instances;  // by id
  bool operator==(const FileService&) const = default;
};

struct FlowSettings {
  std::vector<FileService> services;
  /// Where the zones of schedules come from; empty: there is UTC alone. No setting, and the same as long as the process lives.
  FindZone find_zone = {};
  bool operator==(const FlowSettings& other) const { return services == other.services; }
};

}  // namespace notifyd
