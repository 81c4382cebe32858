// The core's part of rules that hold for all namespaces together (`shared`): what it is lent at the hosts that it has in memory (broker/shared_caps.h
// lends), and what it says of them. A host that nothing was lent to yet starts nothing. Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/core_impl.h"
#include "broker/shared_caps.h"

namespace notifyd {

class Core::Impl::SharedHosts {
 public:
  explicit SharedHosts(Core::Impl* core) : core_(*core) {}

  /// The host has the rule that it has, from now on: it is new in memory, or the rules are others.
  void Follow(const Host& host);
  /// It is dropped from memory.
  void Forget(const std::string& host);
  /// Returns what holds for the core at a host where `all` holds for all together: no more than was lent.
  HostSettings Bound(const std::string& host, HostSettings all) const;
  void On(const SharedGrant& grant);
  /// The file has a rule that is a shared one.
  bool HasRules() const;
  /// Appends what whoever lends needs to hear of now.
  void Take(std::vector<SharedUse>* out);

 private:
  struct Shared {
    uint64_t joined = 0;
    SharedGrant lent;
    SharedUse told;  // of another `joined`: nothing
  };
  SharedUse UseOf(const Host& host, const Shared& shared) const;
  static bool IsWorthTelling(const SharedUse& told, const SharedUse& now, uint32_t lent);

  Core::Impl& core_;
  std::map<std::string, Shared> hosts_;
  std::vector<SharedUse> gone_;  // to be told
  uint64_t last_joined_ = 0;
};

}  // namespace notifyd
