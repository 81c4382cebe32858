// What is asked of the core about services and their instances, and what it answers (contract section 11).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/resource.h"
#include "broker/services.h"

namespace notifyd {

struct HostFigures;  // broker/figures_events.h

struct ListServices {
  ResourcesQuery page;
};
struct GetService {
  std::string name;
};
struct PutService {
  std::string name;
  ServiceSettings settings;
  ResourceCondition condition;
};
/// Takes its instances out, too. What waits for it waits on.
struct DeleteService {
  std::string name;
  ResourceCondition condition;
};
/// The lists that whoever asks has already (If-None-Match).
struct KnownLists {
  KnownLists() = default;
  KnownLists(const Fingerprint& print) : prints{print} {}  // NOLINT(google-explicit-constructor): one of them is what is mostly known
  bool Has(const Fingerprint& print) const { return any || std::find(prints.begin(), prints.end(), print) != prints.end(); }

  bool any = false;  // "*": whatever it is
  std::vector<Fingerprint> prints;
};

/// `changed_from`: where the list is one of these, the answer waits until it is none that is named there, and another one; wait_ms at most. A page
/// ends before `limit` where it is long (kInstancesPageBytes).
struct ListInstances {
  std::string service;
  std::optional<KnownLists> changed_from;
  int64_t wait_ms = 0;
  ResourcesQuery page = {};
};
struct GetInstance {
  std::string service, id;
};
/// Registers, or beats. A service that is not there begins with this.
struct PutInstance {
  std::string service, id;
  InstanceSettings settings;
  ResourceCondition condition;
  size_t audit_bytes = 0;  // about what the audit keeps of it, where it is one that is there and is changed
};
struct DeleteInstance {
  std::string service, id;
  ResourceCondition condition;
};
struct ServiceAsk {
  std::variant<ListServices, GetService, PutService, DeleteService, ListInstances, GetInstance, PutInstance, DeleteInstance> what;
};

/// What an instance is for calls that start.
enum class InstanceState : uint8_t { kAlive, kDraining, kUnreachable };
inline InstanceState InstanceStateOf(const InstanceSettings& settings, Breaker::State breaker) {
  if (breaker == Breaker::State::kOpen || breaker == Breaker::State::kProbing) return InstanceState::kUnreachable;
  return settings.weight == 0 ? InstanceState::kDraining : InstanceState::kAlive;
}

/// Of instances, without what an answer says of each beside its url and pools: a page ends with the one that goes beyond.
inline constexpr size_t kInstancesPageBytes = 256 << 10;

struct InstanceView {
  std::string id;
  InstanceSettings settings;
  bool from_file = false;
  uint32_t in_flight = 0;
  std::optional<WallTime> gone_at;  // with a ttl
  Breaker::State breaker = Breaker::State::kClosed;
  std::optional<WallTime> open_since, next_probe;
  std::string bytes;  // that its ETag is made of
  std::shared_ptr<const HostFigures> figures = nullptr;  // how calls to it went; null: nothing is known
};
struct ServiceView {
  std::string name;
  ServiceSettings settings;
  bool from_file = false;
  std::array<size_t, 3> counts = {};  // of its instances, by InstanceState
  /// Where they are asked for; one view may stand in the answers to many.
  std::vector<std::shared_ptr<const InstanceView>> instances;
  std::string bytes;  // that its ETag is made of
};
struct ServiceAnswer {
  enum class Kind : uint8_t {
    kService,    // services[0], without instances
    kServices,   // services, without instances
    kInstance,   // services[0].instances[0]
    kInstances,  // services[0].instances
    kUnchanged,  // they are what was asked from
    kDeleted,
  } kind = Kind::kService;
  bool created = false;
  bool more = false;
  std::string bytes = {};  // that the ETag of what is shown is made of
  std::vector<ServiceView> services = {};
};

}  // namespace notifyd
