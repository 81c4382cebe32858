// ServiceNames: what name servers say of the services of the file, put into what the cores are told of them: an instance that a name leads to is as
// one that the file says. On the loop that it is made with, but for Figures.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "broker/flow_settings.h"
#include "net/sender/name_watch.h"

namespace notifyd {

class ServiceNames {
 public:
  /// `tell` is called with what the cores are to go by from now on, whenever a name leads elsewhere. Never from inside Apply.
  ServiceNames(uv_loop_s* loop, const ResolverOptions& options, std::function<void(std::shared_ptr<const FlowSettings>)> tell);

  /// The file says this now: its names are looked up, and no others. Returns it with what is known of them.
  std::shared_ptr<const FlowSettings> Apply(const FlowSettings& flow);
  /// Of each name. Any thread.
  std::vector<NameWatch::Figures> figures() const { return watch_.figures(); }

 private:
  void Hear(const NameWatch::News& news);
  std::shared_ptr<const FlowSettings> Filled() const;

  FlowSettings said_;
  std::function<void(std::shared_ptr<const FlowSettings>)> tell_;
  std::vector<std::string> failing_;  // names of which the last lookup failed: it is logged once
  NameWatch watch_;
};

/// The service with what its name leads to in place of its instances. Their scheme is https where the service is of https alone; Host is the name
/// where an instance is an address, unless the service says another.
FileService WithInstances(const FileService& service, const std::vector<FoundInstance>& found);

}  // namespace notifyd
