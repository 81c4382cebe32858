// What the file says for contract part 3 that the core decides by, and where it finds time zones. One for all namespaces, each
// picks its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time_zone.h"
#include "base/url_pattern.h"
#include "broker/notify.h"
#include "broker/services.h"
#include "broker/shared_caps.h"

namespace notifyd {

/// A [[service]].
struct FileService {
  std::string name;
  std::vector<std::string> namespaces = {"default"};  // in which it is; "*": in all
  ServiceSettings settings;
  std::vector<std::pair<std::string, InstanceSettings>> instances;  // by id
  std::string dns;  // in place of them: the name that leads to them, and then to these. The core does not look at it
  bool operator==(const FileService&) const = default;
};

/// What a [[destination]] says of whole hosts, or a [[command]] of its own. Of the former one that says nothing stands here too: the first that is
/// for a host counts.
struct HostRule {
  uint32_t place = 0;   // in the file, from 1
  UrlPattern match;     // of any path
  std::string command;  // in place of `match`: the host "command:NAME"; then an operator may say less than `concurrency`, not more
  std::vector<std::string> namespaces = {"default"};
  std::optional<uint32_t> concurrency;  // as in HostSettings
  std::optional<double> rate_per_s;
  bool shared = false;                     // these two hold for all its namespaces together, each time that a host is meant
  std::optional<BreakerSettings> breaker;  // in place of CoreLimits::breaker
  bool operator==(const HostRule&) const = default;
};
/// Returns the rule that counts for the host, "name:port" or "command:NAME"; null: none does. A service has none.
const HostRule* RuleOfHost(const std::string& host, const std::vector<HostRule>& rules);

struct FlowSettings {
  std::vector<FileService> services;
  std::vector<HostRule> hosts;
  std::vector<HostRule> commands;  // max_running of each, in `concurrency`
  /// Where the zones of schedules come from; empty: there is UTC alone. No setting, and the same as long as the process lives.
  FindZone find_zone = {};
  /// What schedules publish is of topics alone that a PUT made.
  bool strict_topics = false;
  /// What was lent of a shared rule, in place of all else: what the file says stays as it is.
  std::optional<SharedGrant> grant = {};
  bool operator==(const FlowSettings& other) const { return services == other.services && hosts == other.hosts && commands == other.commands; }
};

}  // namespace notifyd
