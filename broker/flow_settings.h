// What the file says for contract part 3 that the core decides by. Plain values; one for all namespaces, each picks its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

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
  bool operator==(const FlowSettings&) const = default;
};

}  // namespace notifyd
