// The governor against cores that take and give back at random, with reports and grants that are long under way: what is in flight in all stays
// within the cap at every moment, whatever crosses on the way, and nobody who wants some waits for ever.
#include <deque>
#include <map>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "broker/governor.h"

using namespace notifyd;

namespace {

/// One core: it starts calls as far as the grant that it has taken allows, and ends them at random.
struct FakeCore {
  uint32_t limit = 0;
  GrantChanged grant{0, 0, 0};
  uint32_t in_flight = 0;
  uint32_t work = 0;  // calls that wait
  bool hung = false;  // its calls do not end
  CoreUsage told;
  std::deque<GrantChanged> to_core;
  std::deque<CoreUsage> to_governor;

  CoreUsage Usage() const {
    CoreUsage usage;
    usage.grant = grant.number;
    usage.in_flight = in_flight;
    usage.wants_in_flight = work > 0 && in_flight >= grant.max_in_flight;
    usage.over = in_flight > grant.max_in_flight;
    return usage;
  }
};

class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed), cap_(1 + static_cast<uint32_t>(random_.Below(random_.Chance(0.5) ? 20 : 300))), governor_({cap_, 1000}) {
    shared_ = random_.Chance(0.8);
    Call([&](Governor::Out* out) { governor_.SetShared(shared_, out); });
    most_ = shared_ ? 1 + random_.Below(12) : 1;
  }

  void Go() {
    for (int step = 0; step < 3'000; ++step) {
      Move(random_.Below(100));
      Look();
    }
    // All calls end from now on: everybody is served.
    for (auto& [number, core] : cores_) core.hung = false;
    for (int round = 0; round < 20'000 && Busy(); ++round) {
      for (auto& [number, core] : cores_) {
        Deliver(number, &core);
        if (core.in_flight > 0 && random_.Chance(0.5)) --core.in_flight;
        Start(number, &core);
      }
      Look();
    }
    CHECK_FALSE(Busy());
  }

 private:
  template <class F>
  void Call(F f) {
    Governor::Out out;
    f(&out);
    for (Governor::Lent& lent : out) {
      REQUIRE(cores_.count(lent.to));
      cores_[lent.to].to_core.push_back(lent.grant);
    }
    governor_.CheckInvariants();
  }

  bool Busy() const {
    for (const auto& [number, core] : cores_)
      if (core.work > 0 || core.in_flight > 0) return true;
    return false;
  }

  void Start(NamespaceNumber number, FakeCore* core) {
    while (core->work > 0 && core->in_flight < std::min(core->grant.max_in_flight, core->limit)) {
      --core->work;
      ++core->in_flight;
    }
    CoreUsage now = core->Usage();
    if (!IsWorthReporting(core->told, now)) return;
    core->told = now;
    core->to_governor.push_back(now);
    (void)number;
  }

  void Deliver(NamespaceNumber number, FakeCore* core) {
    if (!core->to_core.empty()) {
      REQUIRE(core->to_core.front().number > core->grant.number);
      core->grant = core->to_core.front();
      core->to_core.pop_front();
      Start(number, core);
    }
    if (!core->to_governor.empty()) {
      CoreUsage usage = core->to_governor.front();
      core->to_governor.pop_front();
      Call([&](Governor::Out* out) { governor_.Report(number, usage, out); });
    }
  }

  void Move(uint64_t dice) {
    if (cores_.empty() || (dice < 4 && cores_.size() < most_)) {
      const auto number = shared_ ? static_cast<NamespaceNumber>(2 + random_.Below(40)) : kDefaultNumber;
      if (cores_.count(number)) return;
      FakeCore& core = cores_[number];
      core.limit = random_.Chance(0.2) ? 1 + static_cast<uint32_t>(random_.Below(cap_)) : 1'000'000;
      core.hung = random_.Chance(0.2);
      Call([&](Governor::Out* out) { governor_.Join(number, core.limit, out); });
      return;
    }
    auto it = cores_.begin();
    std::advance(it, static_cast<ptrdiff_t>(random_.Below(cores_.size())));
    auto& [number, core] = *it;
    if (dice < 6) {
      // It sleeps only with nothing in flight; what is under way to and from it is lost.
      if (core.in_flight > 0 || core.work > 0) return;
      const NamespaceNumber gone = number;
      cores_.erase(it);
      Call([&](Governor::Out* out) { governor_.Gone(gone, out); });
    } else if (dice < 8) {
      core.limit = random_.Chance(0.5) ? 1 + static_cast<uint32_t>(random_.Below(cap_)) : 1'000'000;
      Call([&](Governor::Out* out) { governor_.SetLimit(number, core.limit, out); });
    } else if (dice < 9) {
      core.hung = !core.hung;
    } else if (dice < 35) {
      if (core.work < 1000) core.work += 1 + static_cast<uint32_t>(random_.Below(random_.Chance(0.2) ? 2 * cap_ : 3));
      Start(number, &core);
    } else if (dice < 70) {
      if (core.hung || core.in_flight == 0) return;
      core.in_flight -= 1 + static_cast<uint32_t>(random_.Below(core.in_flight));
      Start(number, &core);
    } else {
      Deliver(number, &core);
    }
  }

  void Look() {
    uint64_t in_flight = 0, may = 0;
    for (auto& [number, core] : cores_) {
      in_flight += core.in_flight;
      // The most that it may have, whatever it has been told yet.
      uint32_t most = std::max(core.grant.max_in_flight, core.in_flight);
      for (const GrantChanged& grant : core.to_core) most = std::max(most, grant.max_in_flight);
      may += most;
    }
    REQUIRE(in_flight <= cap_);
    REQUIRE(may <= cap_);
    REQUIRE(governor_.lent_in_flight() <= cap_);
  }

  Random random_;
  uint32_t cap_;
  size_t most_ = 1;
  bool shared_ = true;
  Governor governor_;
  std::map<NamespaceNumber, FakeCore> cores_;
};

}  // namespace

TEST_CASE("governor: whatever crosses on the way, all that is in flight is within the cap, and everybody is served") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    World(seed).Go();
  }
}

TEST_CASE("governor: ten thousand that are awake cost no more a call than ten") {
  // Steps are counted by what is said, which bounds what a call does beyond the look-up of its core.
  Governor governor({1024, 65'536});
  Governor::Out out;
  governor.SetShared(true, &out);
  std::map<NamespaceNumber, uint64_t> numbers;
  size_t most = 0;
  auto take = [&] {
    most = std::max(most, out.size());
    for (const auto& lent : out) numbers[lent.to] = lent.grant.number;
    out.clear();
  };
  for (NamespaceNumber number = 2; number < 10'002; ++number) {
    governor.Join(number, 1'000'000, &out);
    take();
  }
  Random random(5);
  for (int i = 0; i < 50'000; ++i) {
    const auto number = static_cast<NamespaceNumber>(2 + random.Below(10'000));
    CoreUsage usage;
    usage.grant = numbers[number];
    usage.in_flight = 0;
    usage.wants_in_flight = random.Chance(0.3);
    governor.Report(number, usage, &out);
    take();
  }
  CHECK(most <= 10);
  CHECK(governor.lent_in_flight() <= 1024);
}
