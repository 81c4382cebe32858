#include "broker/namespace_settings.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>

namespace notifyd {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("namespace settings: what is out of range is refused by its field") {
  struct Case {
    std::function<void(NamespaceSettings*)> change;
    const char* field;
  };
  const Case table[] = {
      {[](auto* s) { s->max_pending = 20'000'000'000; }, "/max_pending"},
      {[](auto* s) { s->max_stored_bytes = uint64_t{1} << 51; }, "/max_stored_bytes"},
      {[](auto* s) { s->submits_per_s = 0; }, "/submits_per_s"},
      {[](auto* s) { s->submits_per_s = std::numeric_limits<double>::quiet_NaN(); }, "/submits_per_s"},
      {[](auto* s) { s->burst = 5; }, "/burst"},
      {[](auto* s) { s->max_in_flight = 0; }, "/max_in_flight"},
      {[](auto* s) { s->retention_succeeded_ms = -1; }, "/retention_succeeded_ms"},
      {[](auto* s) { s->retention_settled_ms = std::numeric_limits<int64_t>::max(); }, "/retention_settled_ms"},
      {[](auto* s) { s->timeout_ms = 0; }, "/timeout_ms"},
      {[](auto* s) {
         s->destinations.allow = Texts{"10.0.0.0/8", "x"};
       },
       "/destinations/allow/1"},
      {[](auto* s) { s->destinations.allow = Texts{"private"}; }, "/destinations/allow/0"},
      {[](auto* s) {
         s->destinations.deny = Texts{"private", "10.0.0.0/99"};
       },
       "/destinations/deny/1"},
      {[](auto* s) { s->destinations.ports = std::vector<uint16_t>{}; }, "/destinations/ports"},
      {[](auto* s) {
         s->destinations.ports = std::vector<uint16_t>{80, 0};
       },
       "/destinations/ports/1"},
      {[](auto* s) { s->lane_rules.resize(257); }, "/lane_rules"},
      {[](auto* s) {
         s->lane_rules.resize(65, {"*a*", std::nullopt, {}});
       },
       "/lane_rules"},
      {[](auto* s) {
         s->lane_rules.resize(1, {"a" + std::string(66, '*'), std::nullopt, {}});
       },
       "/lane_rules"},
  };
  CHECK(CheckSettings({}).ok());
  NamespaceSettings most;
  most.lane_rules.resize(64, {"*a*", std::nullopt, {}});
  most.lane_rules.resize(256, {"a*b", std::nullopt, {}});
  CHECK(CheckSettings(most).ok());
  for (const Case& each : table) {
    NamespaceSettings settings;
    each.change(&settings);
    const Status status = CheckSettings(settings);
    CHECK(status.code() == Code::kUnacceptable);
    CHECK(status.field() == each.field);
  }
}

TEST_CASE("settings: a core's limits are the namespace's where it says some, else the broker's") {
  CoreLimits broker;
  broker.max_pending = 1000;
  broker.max_in_flight = 100;
  broker.retention_succeeded_ms = 5;
  broker.lane_rules.push_back({"a*", std::nullopt, {}});
  CoreLimits none = LimitsOf(broker, {});
  CHECK(none.max_pending == 1000);
  CHECK(!none.own_max_pending);
  CHECK(none.submits_per_s == 0);
  CHECK_FALSE(none.max_stored_bytes);
  CHECK(none.max_in_flight == 100);
  CHECK_FALSE(none.own_max_in_flight);
  CHECK(none.retention_succeeded_ms == 5);
  CHECK(none.lane_rules == broker.lane_rules);

  NamespaceSettings own;
  own.max_pending = 7;
  own.max_stored_bytes = 8;
  own.submits_per_s = 2.5;
  own.max_in_flight = 9;
  own.retention_succeeded_ms = 10;
  own.retention_settled_ms = 11;
  own.lane_rules.push_back({"b*", std::nullopt, {}});
  CoreLimits limits = LimitsOf(broker, own);
  CHECK(limits.max_pending == 7);
  CHECK(limits.max_stored_bytes == 8u);
  CHECK(limits.own_max_pending == own.max_pending.has_value());
  CHECK(limits.submits_per_s == 2.5);
  CHECK(limits.submit_burst == 3);  // what the rate gives in a second
  CHECK(limits.max_in_flight == 9);
  CHECK(limits.own_max_in_flight);
  CHECK(limits.retention_succeeded_ms == 10);
  CHECK(limits.retention_settled_ms == 11);
  CHECK(limits.lane_rules == own.lane_rules);
  own.submits_per_s = 0.1;
  CHECK(LimitsOf(broker, own).submit_burst == 1);
  own.burst = 40;
  CHECK(LimitsOf(broker, own).submit_burst == 40);
  own.max_in_flight = 1'000;  // the broker's cap holds for all
  CHECK(LimitsOf(broker, own).max_in_flight == 100);
  CHECK_FALSE(LimitsOf(broker, own).own_max_in_flight);
}

TEST_CASE("namespace settings: what an admin of the namespace alone may not change") {
  NamespaceSettings with;
  with.max_pending = 10;
  with.destinations.allow = Texts{"10.0.0.0/8"};
  with.destinations.deny = Texts{"private", "192.0.2.0/24"};
  with.destinations.https_only = true;
  with.destinations.ports = std::vector<uint16_t>{80, 443};
  struct Case {
    std::function<void(NamespaceSettings*)> change;
    const char* field;
  };
  const Case table[] = {
      {[](auto* s) { s->max_pending.reset(); }, "/max_pending"},
      {[](auto* s) { s->max_pending = 9; }, "/max_pending"},
      {[](auto* s) { s->max_stored_bytes = 1; }, "/max_stored_bytes"},
      {[](auto* s) { s->submits_per_s = 1; }, "/submits_per_s"},
      {[](auto* s) { s->burst = 1; }, "/burst"},
      {[](auto* s) { s->max_in_flight = 1; }, "/max_in_flight"},
      {[](auto* s) { s->retention_settled_ms = 1; }, ""},
      {[](auto* s) { s->timeout_ms = 1; }, ""},
      {[](auto* s) { s->lane_rules.resize(1); }, ""},
      {[](auto* s) { s->destinations.allow = Texts{"10.1.0.0/16"}; }, ""},
      {[](auto* s) { s->destinations.allow = Texts{}; }, ""},
      {[](auto* s) { s->destinations.allow.reset(); }, "/destinations/allow"},
      {[](auto* s) {
         s->destinations.allow = Texts{"10.0.0.0/8", "192.168.0.0/16"};
       },
       "/destinations/allow"},
      {[](auto* s) {
         s->destinations.deny = Texts{"private", "192.0.0.0/8", "198.51.100.0/24"};
       },
       ""},
      {[](auto* s) { s->destinations.deny = Texts{"192.0.2.0/24"}; }, "/destinations/deny"},
      {[](auto* s) {
         s->destinations.deny = Texts{"private", "192.0.2.0/25"};
       },
       "/destinations/deny"},
      {[](auto* s) { s->destinations.deny.reset(); }, "/destinations/deny"},
      {[](auto* s) { s->destinations.https_only.reset(); }, "/destinations/https_only"},
      {[](auto* s) { s->destinations.https_only = false; }, "/destinations/https_only"},
      {[](auto* s) { s->destinations.ports = std::vector<uint16_t>{443}; }, ""},
      {[](auto* s) {
         s->destinations.ports = std::vector<uint16_t>{443, 8080};
       },
       "/destinations/ports"},
      {[](auto* s) { s->destinations.ports.reset(); }, "/destinations/ports"},
  };
  for (const Case& each : table) {
    NamespaceSettings after = with;
    each.change(&after);
    CHECK(NeedsAdminOfAll(with, after, {}) == each.field);
  }
  NamespaceSettings bare, open;
  open.destinations.https_only = false;
  CHECK(NeedsAdminOfAll(bare, open, {.https_only = false}).empty());
  CHECK(NeedsAdminOfAll(bare, open, {.https_only = true}) == "/destinations/https_only");
  CHECK(NeedsAdminOfAll(with, with, {}).empty());
  // Ports of the file are what those who say none have.
  const NamespaceDefaults file{.https_only = false, .ports = std::vector<uint16_t>{443}};
  open = {};
  open.destinations.ports = std::vector<uint16_t>{443, 80};
  CHECK(NeedsAdminOfAll(bare, open, file) == "/destinations/ports");
  CHECK(NeedsAdminOfAll(open, bare, file).empty());
  CHECK(NeedsAdminOfAll(bare, open, {}).empty());
}

}  // namespace
}  // namespace notifyd
