// What holds for a host: what an operator says of it, and where they say nothing what the first rule of the file says that is for it. Decided where
// either changes, and where the host comes into memory.
#pragma once

#include <string>

#include "broker/core_impl.h"
#include "broker/flow_settings.h"

namespace notifyd {

/// All of it is called by its core alone.
struct Core::Impl::HostLimits {
  static HostSettings Of(const HostSettings& own, const HostRule* rule);
  static const HostRule* RuleOf(const Core::Impl& core, const std::string& name);
  static TokenRate RateOf(const Host& host);

  /// The host is new in memory.
  static void Begin(Core::Impl& core, Host* host);
  /// An operator says this of the host.
  static void Apply(Core::Impl& core, const std::string& name, const HostSettings& settings);
  /// The rules of core.flow_settings_ count from now on. Those before must live until this returns.
  static void ApplyRules(Core::Impl& core);
  /// Returns whether a host that nothing else keeps must stay, since a new one's rate would begin with a full bucket; then it is looked at again once
  /// its own is.
  static bool Lingers(Core::Impl& core, Host* host);

  /// What holds for it is put together anew: its settings, its rule, or what it is lent changed.
  static void Weigh(Core::Impl& core, Host* host);
};

}  // namespace notifyd
