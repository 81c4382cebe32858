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
  Result<ClusterImage> Look() override { return image_; }
  Result<bool> Bury(const MemberRow&) override { return false; }
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>&) override { return std::vector<NamespaceAtStart>(); }
  Status Lead() override {
    image_.units[0].owner = kOwn;
    return Status::Ok();
  }
  Result<RegistryImage> ReadRegistry() override { return RegistryImage(); }
  void Forget(NamespaceNumber) override {}
  Result<std::vector<int64_t>> Release(const std::vector<UnitRow>&) override { return std::vector<int64_t>(); }
  Status Place(const std::vector<PlacementMove>&) override { return Status::Ok(); }
  Status TellLoads(const std::map<NamespaceNumber, uint64_t>&) override { return Status::Ok(); }
  Status TellReach(const std::set<std::string>&) override { return Status::Ok(); }
  Result<bool> SetDraining(const std::string&, bool) override { return true; }

 private:
  ClusterImage image_;
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

TEST_CASE("cluster host: a leader that stops says so to the others, which look for what it gives back") {
  std::mutex mutex;
  std::vector<std::pair<std::string, MemberWord>> told;
  ClusterHost::Setup setup;
  setup.name = "a";
  setup.now = [] { return MonoTime{1'000}; };
  setup.wall = [] { return WallTime{1'000}; };
  setup.lease = [] { return OwnerWord{1, 1, kOwn, false}; };
  setup.tell = [&](const std::string& address, MemberWord word, const std::function<void(bool)>&) {
    std::lock_guard lock(mutex);
    told.emplace_back(address, std::move(word));
  };
  setup.registry = [](const RegistryImage&, bool, const std::function<void()>& then) { then(); };
  setup.gained = [](const std::vector<NamespaceAtStart>&, const std::function<void()>& then) { then(); };
  setup.leave = [](NamespaceNumber, const std::function<void()>& then) { then(); };
  setup.cut = [](NamespaceNumber) {};
  setup.post = [](NamespaceNumber, const Event&) {};
  setup.namespaces = [] { return std::vector<PlacedNamespace>(); };
  setup.load = [](NamespaceNumber) { return uint64_t{0}; };
  setup.lost = [](const char*) {};
  setup.members_changed = [](const std::vector<Member>&) {};
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
