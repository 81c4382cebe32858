// Lending: the governor, shared by the shards. Any thread; each call holds a lock for a moment.
//
// I1. The grants of one namespace are posted in the order in which they were made.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "broker/flow_settings.h"
#include "broker/governor.h"
#include "broker/ports.h"
#include "broker/shared_caps.h"

namespace notifyd {

class Lending {
 public:
  /// Grants go to `switchboard` (borrowed).
  Lending(Governor::Caps caps, Switchboard* switchboard) : governor_(caps), switchboard_(switchboard) {}

  /// A core is made, which may have so many calls in flight by itself. Returns what it must be given before all else.
  std::optional<GrantChanged> Join(NamespaceNumber number, uint32_t max_in_flight) {
    std::optional<GrantChanged> own;
    Do([&](Governor::Out* out) { governor_.Join(number, max_in_flight, out); }, number, &own);
    return own;
  }
  void SetLimit(NamespaceNumber number, uint32_t max_in_flight) {
    Do([&](Governor::Out* out) { governor_.SetLimit(number, max_in_flight, out); });
  }
  void Report(NamespaceNumber number, const CoreUsage& usage) {
    Do([&](Governor::Out* out) { governor_.Report(number, usage, out); });
  }
  /// It has no core any more.
  void Gone(NamespaceNumber number) {
    Do([&](Governor::Out* out) { governor_.Gone(number, out); });
    Share([&](SharedCaps::Out* out) { caps_.Gone(number, out); });
  }
  /// What a core has at hosts of shared rules.
  void Report(NamespaceNumber number, const std::vector<SharedUse>& uses) {
    Share([&](SharedCaps::Out* out) {
      for (const SharedUse& use : uses) caps_.Report(number, use, out);
    });
  }
  void SetCaps(Governor::Caps caps) {
    Do([&](Governor::Out* out) { governor_.SetCaps(caps, out); });
  }
  void SetShared(bool shared) {
    Do([&](Governor::Out* out) { governor_.SetShared(shared, out); });
  }

 private:
  template <class Call>
  void Share(Call call) {
    std::lock_guard<std::mutex> lock(mutex_);
    SharedCaps::Out out;
    call(&out);
    for (SharedCaps::Lent& lent : out) {
      auto settings = std::make_shared<FlowSettings>();
      settings->grant = std::move(lent.grant);
      switchboard_->Post(lent.to, FlowSettingsChanged{std::move(settings)});
    }
  }

  template <class Call>
  void Do(Call call, std::optional<NamespaceNumber> self = {}, std::optional<GrantChanged>* own = nullptr) {
    std::lock_guard<std::mutex> lock(mutex_);
    out_.clear();
    call(&out_);
    // Under the lock: the next grant of the same one is made, and posted, after this.
    for (const Governor::Lent& lent : out_) {
      if (self == lent.to) *own = lent.grant;
      else switchboard_->Post(lent.to, lent.grant);
    }
  }

  std::mutex mutex_;
  Governor governor_;  // guarded by mutex_, like the next two
  SharedCaps caps_;
  Governor::Out out_;  // kept for its capacity
  Switchboard* const switchboard_;
};

}  // namespace notifyd
