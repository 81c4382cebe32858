// What a member says to others, over a store that is a value in memory.
#include "cli/daemon/cluster_host.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace notifyd;

namespace {

constexpr Incarnation kOwn{1, 1}, kOther{2, 2};

/// Of two members, "a" and "b", of which the first who asks leads.
class TwoMembers : public ClusterStore {
 public:
  TwoMembers() {
    image_.members = {{"a", "a:1", "1", {1, 1, kOwn, false}}, {"b", "b:1", "1", {1, 1, kOther, false}}};
    image_.units = {{kRegistryUnit, 0, {}}};
  }
  Result<ClusterImage> Look() override {
    std::lock_guard lock(mutex_);
    return image_;
  }
  Result<bool> Bury(const MemberRow&) override { return false; }
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>&) override { return std::vector<NamespaceAtStart>(); }
  Status Lead() override {
    std::lock_guard lock(mutex_);
    ++led_;
    image_.units[0].owner = kOwn;
    return Status::Ok();
  }
  void EndLead() override {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  Result<RegistryImage> ReadRegistry() override { return RegistryImage(); }
  void Forget(NamespaceNumber) override {}
  Result<std::vector<int64_t>> Release(const std::vector<UnitRow>& seen) override {
    std::lock_guard lock(mutex_);
    std::vector<int64_t> units;
    for (const UnitRow& unit : seen) units.push_back(unit.unit);
    if (units == std::vector<int64_t>{kRegistryUnit} && std::exchange(ended_, false)) image_.units[0].owner = {};
    return units;
  }
  Status Place(const std::vector<PlacementMove>&) override { return Status::Ok(); }
  Status TellLoads(const std::map<NamespaceNumber, uint64_t>&) override { return Status::Ok(); }
  Status TellReach(const std::set<std::string>&) override { return Status::Ok(); }
  Result<bool> SetDraining(const std::string&, bool) override { return true; }

  /// By the operator's word, "a" is drained, or is so no more.
  void Drain(bool draining) {
    std::lock_guard lock(mutex_);
    image_.members[0].draining = draining;
  }
  /// Whose the registry is.
  Incarnation leader() const {
    std::lock_guard lock(mutex_);
    return image_.units[0].owner;
  }
  int led() const {
    std::lock_guard lock(mutex_);
    return led_;
  }

 private:
  mutable std::mutex mutex_;
  ClusterImage image_;
  bool ended_ = false;
  int led_ = 0;
};

/// False: it does not hold within a minute.
template <class Holds>
bool Await(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace

namespace {

/// Of "a", whose functions do at once what they are asked, or nothing.
ClusterHost::Setup SetupOf() {
  ClusterHost::Setup setup;
  setup.name = "a";
  setup.now = [] { return MonoTime{1'000}; };
  setup.wall = [] { return WallTime{1'000}; };
  setup.lease = [] { return OwnerWord{1, 1, kOwn, false}; };
  setup.tell = [](const std::string&, const MemberWord&, const std::function<void(bool)>&) {};
  setup.registry = [](const RegistryImage&, bool, const std::function<void()>& then) { then(); };
  setup.yield = [](const std::function<void()>& then) { then(); };
  setup.gained = [](const std::vector<NamespaceAtStart>&, const std::function<void()>& then) { then(); };
  setup.leave = [](NamespaceNumber, const std::function<void()>& then) { then(); };
  setup.cut = [](NamespaceNumber) {};
  setup.post = [](NamespaceNumber, const Event&) {};
  setup.namespaces = [] { return std::vector<PlacedNamespace>(); };
  setup.load = [](NamespaceNumber) { return uint64_t{0}; };
  setup.lost = [](const char*) {};
  setup.members_changed = [](const std::vector<Member>&) {};
  return setup;
}

}  // namespace

TEST_CASE("cluster host: a leader that is drained gives it up once all it wrote is written, and may lead again later") {
  std::mutex mutex;
  std::function<void()> written;
  ClusterHost::Setup setup = SetupOf();
  setup.yield = [&](std::function<void()> then) {
    std::lock_guard lock(mutex);
    written = std::move(then);
  };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<TwoMembers>();
  TwoMembers* store = owned.get();
  host.Start(std::move(owned));
  REQUIRE(Await([&] { return host.leads(); }));
  store->Drain(true);
  host.Kick();
  REQUIRE(Await([&] {
    std::lock_guard lock(mutex);
    return written != nullptr;
  }));
  CHECK_FALSE(host.leads());  // nothing new is begun
  CHECK(host.OfRegistry().kind == Place::Kind::kMoving);
  CHECK(store->leader() == kOwn);  // nobody else takes it yet
  written();
  REQUIRE(Await([&] { return store->leader() == Incarnation(); }));
  CHECK(store->led() == 1);
  store->Drain(false);
  host.Kick();
  REQUIRE(Await([&] { return host.leads(); }));
  CHECK(store->led() == 2);
  host.Stop();
}

TEST_CASE("cluster host: a leader that stops says so to the others, which look for what it gives back") {
  std::mutex mutex;
  std::vector<std::pair<std::string, MemberWord>> told;
  ClusterHost::Setup setup = SetupOf();
  setup.tell = [&](const std::string& address, MemberWord word, const std::function<void(bool)>&) {
    std::lock_guard lock(mutex);
    told.emplace_back(address, std::move(word));
  };
  ClusterHost host(std::move(setup));
  host.Start(std::make_unique<TwoMembers>());
  // By the store's word, too.
  REQUIRE(Await([&] { return host.Members().size() == 2 && host.Members()[0].leading; }));
  std::atomic<bool> departed{false};
  host.Depart(1'000, [&] { departed = true; });
  REQUIRE(Await([&] { return departed.load(); }));
  host.Stop();
  const auto says_it_leaves = [](const auto& each) { return each.first == "b:1" && each.second.look && each.second.leaving; };
  CHECK(std::count_if(told.begin(), told.end(), says_it_leaves) == 1);
}
