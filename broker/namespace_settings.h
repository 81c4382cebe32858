// What may be said of a namespace, and by whom. Pure. Contract sections 7 and 8 ("bounds of admin").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "broker/namespace.h"

namespace notifyd {

/// What holds where a namespace says nothing: what decides whether its destinations become wider.
struct NamespaceDefaults {
  bool https_only = false;
  std::optional<std::vector<uint16_t>> ports;  // nothing: any
};

/// Is each number in its range, each range of addresses readable? Error: kUnacceptable with the field ("/destinations/allow/0"). Whether a range
/// opens what only the file may open is for whoever judges destinations to say.
Status CheckSettings(const NamespaceSettings& settings);

/// What holds for a core of the namespace: what it says, else what the broker's configuration does. It has no more in flight than the broker may. A
/// burst that nobody said is what the rate gives in a second, at least 1. Its lane rules, where it has any, stand in place of the broker's.
CoreLimits LimitsOf(const CoreLimits& broker, const NamespaceSettings& settings);

/// The first field by which `after` asks for more than an admin of the namespace alone may: quotas, `max_in_flight`, and whatever widens its
/// destinations need an admin of all namespaces. Empty where there is none.
std::string NeedsAdminOfAll(const NamespaceSettings& before, const NamespaceSettings& after, const NamespaceDefaults& defaults);

}  // namespace notifyd
