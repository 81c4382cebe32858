// SenderConfig: the settings as attempts see them, and what follows from them. Never changed: a reload puts another in its place, and an attempt
// keeps the one that it began with.
#pragma once

#include <memory>
#include <string>

#include "base/secrets.h"
#include "net/sender/destination_rules.h"
#include "net/sender/destinations.h"
#include "net/sender/sender_options.h"

namespace notifyd {

struct SenderConfig {
  SenderOptions options;
  DestinationPolicy policy;  // the file's; a namespace's stands in its terms (terms.h)
  SecretNames secrets;
  std::string via;  // the broker's name in Notify-Via

  const DestinationRules& rules() const { return *options.rules; }
};

/// `policy`: of `options`, to which the broker's own listeners are added.
std::shared_ptr<const SenderConfig> MakeSenderConfig(const SenderOptions& options, DestinationPolicy policy, const SenderSelf& self);

}  // namespace notifyd
