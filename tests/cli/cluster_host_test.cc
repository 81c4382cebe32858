// What a member says to others, over a store that is a value in memory.
#include "cli/daemon/cluster_host.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/slowness.h"

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
    {
      std::lock_guard lock(mutex_);
      ++looks_;
    }
    while (hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::lock_guard lock(mutex_);
    return image_;
  }
  Result<bool> Bury(const MemberRow&) override { return false; }
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>&) override {
    ++acquires;
    return std::vector<NamespaceAtStart>();
  }
  bool MayStillWrite(NamespaceNumber) const override { return still_writes; }
  std::atomic<bool> still_writes{false};
  std::atomic<int> acquires{0};
  /// Namespace 2, which is the first one's, and not there before.
  void PlaceAt(const std::string& member) {
    std::lock_guard lock(mutex_);
    image_.units.resize(1);
    image_.units.push_back({2, 1, kOwn, member});
  }
  /// The first one's, and nobody's yet.
  void Add(NamespaceNumber number) {
    std::lock_guard lock(mutex_);
    image_.units.push_back({number, 1, {}, "a"});
  }
  void Renew(const std::string& name) {
    std::lock_guard lock(mutex_);
    for (MemberRow& member : image_.members)
      if (member.name == name) ++member.word.renewal;
  }
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
  Result<RegistryImage> ReadRegistry() override {
    std::lock_guard lock(mutex_);
    if (unread_) return Status(Code::kUnavailable, "no connection is left");
    return RegistryImage();
  }
  /// Tokens changed, and nobody can read how.
  void ChangeUnread() {
    std::lock_guard lock(mutex_);
    ++image_.registry;
    unread_ = true;
  }
  /// Another one leads.
  void LetOtherLead() {
    std::lock_guard lock(mutex_);
    image_.units[0].owner = kOther;
  }
  std::atomic<bool> hangs{false};  // a look is not answered
  void Forget(NamespaceNumber) override {}
  Result<std::vector<int64_t>> Release(const std::vector<UnitRow>& seen) override {
    std::lock_guard lock(mutex_);
    std::vector<int64_t> units;
    for (const UnitRow& unit : seen) units.push_back(unit.unit);
    if (units == std::vector<int64_t>{kRegistryUnit} && std::exchange(ended_, false)) image_.units[0].owner = {};
    return units;
  }
  bool IsStranded(NamespaceNumber) const override { return stranded; }
  std::atomic<bool> stranded{false};  // what was let go of cannot be released
  Status Place(const std::vector<PlacementMove>&) override { return Status::Ok(); }
  Status TellLoads(const std::map<NamespaceNumber, uint64_t>&) override { return Status::Ok(); }
  Status TellReach(const std::set<std::string>&) override { return Status::Ok(); }
  Status TellClock(int64_t ahead_ms) override {
    std::lock_guard lock(mutex_);
    clocks_.push_back(ahead_ms);
    return Status::Ok();
  }
  std::vector<int64_t> clocks() const {
    std::lock_guard lock(mutex_);
    return clocks_;
  }
  Result<bool> SetDraining(const std::string&, bool) override { return drained; }
  Result<bool> drained = true;  // set before it is asked

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
  uint64_t looks() const {
    std::lock_guard lock(mutex_);
    return looks_;
  }
  int led() const {
    std::lock_guard lock(mutex_);
    return led_;
  }

 private:
  mutable std::mutex mutex_;
  ClusterImage image_;
  bool ended_ = false, unread_ = false;
  int led_ = 0;
  uint64_t looks_ = 0;
  std::vector<int64_t> clocks_;
};

/// False: it does not hold within a minute.
template <class Holds>
bool Await(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
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
  setup.tell = [](const MemberAt&, const MemberWord&, const std::function<void(bool)>&) {};
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

TEST_CASE("cluster host: where the database is lost under it, it is not said that a member is not drained") {
  ClusterHost host(SetupOf());
  auto owned = std::make_unique<TwoMembers>();
  owned->drained = Status(Code::kUnavailable, "the connection broke");
  host.Start(std::move(owned));
  std::mutex mutex;
  std::optional<Status> said;
  host.SetDraining("a", true, [&](Status status) {
    std::lock_guard lock(mutex);
    said = std::move(status);
  });
  REQUIRE(Await([&] {
    std::lock_guard lock(mutex);
    return said.has_value();
  }));
  CHECK(said->code() == Code::kOutcomeUnknown);
  host.Stop();
}

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

TEST_CASE("cluster host: a namespace is served on until whoever is to have it says that it looks out for it, or has renewed its lease since") {
  const bool says_so = GENERATE(true, false);
  std::atomic<int64_t> now_ms{1'000};
  std::atomic<bool> answers{false};
  ClusterHost::Setup setup = SetupOf();
  setup.now = [&] { return MonoTime{now_ms}; };
  setup.tell = [&](const MemberAt&, const MemberWord& word, const std::function<void(bool)>& then) {
    if (word.look && then) then(answers);
  };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<TwoMembers>();
  TwoMembers* store = owned.get();
  store->PlaceAt("a");
  host.Start(std::move(owned));
  REQUIRE(Await([&] { return host.Serves(2); }));
  // It does not reach the store: so it says, and does not renew its lease.
  answers = says_so;
  store->PlaceAt("b");
  if (!says_so) {
    for (int i = 0; i < 4; ++i) {
      const uint64_t looks = store->looks();
      now_ms += 450;
      host.Kick();
      REQUIRE(Await([&] { return store->looks() > looks + 1; }));
      CHECK(host.Serves(2));
    }
    store->Renew("b");
  }
  host.Kick();
  CHECK(Await([&] { return !host.Serves(2); }));
  // Nobody has it, for a moment; or for as long as its cell is away.
  for (bool stranded : {false, true}) {
    store->stranded = stranded;
    CHECK(host.Of(2).kind == Place::Kind::kMoving);
    CHECK(host.Of(2).member == (stranded ? "a" : ""));
  }
  host.Stop();
}

TEST_CASE("cluster host: since when it serves what came to it is said, of a namespace and of the leading, and counts anew when that comes back") {
  std::atomic<int64_t> wall_ms{5'000};
  ClusterHost::Setup setup = SetupOf();
  setup.wall = [&] { return WallTime{wall_ms}; };
  setup.tell = [](const MemberAt&, const MemberWord& word, const std::function<void(bool)>& then) {
    if (word.look && then) then(true);
  };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<TwoMembers>();
  TwoMembers* store = owned.get();
  SECTION("a namespace") {
    store->PlaceAt("a");
    host.Start(std::move(owned));
    REQUIRE(Await([&] { return host.Serves(2); }));
    CHECK(host.Of(2).since == WallTime{5'000});
    wall_ms = 6'000;
    store->PlaceAt("b");
    host.Kick();
    REQUIRE(Await([&] { return !host.Serves(2); }));
    wall_ms = 7'000;
    store->PlaceAt("a");
    host.Kick();
    REQUIRE(Await([&] { return host.Serves(2); }));
    CHECK(host.Of(2).since == WallTime{7'000});
  }
  SECTION("the leading") {
    host.Start(std::move(owned));
    REQUIRE(Await([&] { return host.leads(); }));
    CHECK(host.OfRegistry().since == WallTime{5'000});
    wall_ms = 6'000;
    store->Drain(true);
    host.Kick();
    REQUIRE(Await([&] { return store->leader() == Incarnation(); }));
    wall_ms = 7'000;
    store->Drain(false);
    host.Kick();
    REQUIRE(Await([&] { return host.leads(); }));
    CHECK(host.OfRegistry().since == WallTime{7'000});
  }
  host.Stop();
}

namespace {

/// What lies there of namespace 3 is damaged.
class Damaged : public TwoMembers {
 public:
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>& numbers) override {
    if (std::find(numbers.begin(), numbers.end(), 3) == numbers.end()) return std::vector<NamespaceAtStart>();
    ++tries;
    return Status(Code::kCorrupt, "the totals of namespace 3 are missing");
  }
  std::atomic<int> tries{0};
};

}  // namespace

TEST_CASE("cluster host: one namespace of which the store is damaged keeps no other from being taken, and is tried again now and then") {
  std::atomic<int64_t> now_ms{1'000};
  ClusterHost::Setup setup = SetupOf();
  setup.now = [&] { return MonoTime{now_ms}; };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<Damaged>();
  Damaged* store = owned.get();
  for (NamespaceNumber number : {2, 3, 4}) store->Add(number);
  const auto rounds = [&] {
    const uint64_t looks = store->looks();
    return Await([&] {
      host.Kick();
      return store->looks() > looks + 5;
    });
  };
  host.Start(std::move(owned));
  REQUIRE(Await([&] { return host.Serves(2) && host.Serves(4); }));
  CHECK_FALSE(host.Serves(3));
  CHECK(rounds());
  CHECK(store->tries == 2);  // with the others, and alone
  now_ms += 70'000;
  CHECK(Await([&] { return store->tries == 3; }));
  CHECK(rounds());
  CHECK(store->tries == 3);  // it is alone by then
  host.Stop();
}

namespace {

/// What lies there of some is damaged, and each ask takes its time.
class DamagedAmongMany : public TwoMembers {
 public:
  DamagedAmongMany(std::set<NamespaceNumber> damaged, std::function<void()> passes) : damaged_(std::move(damaged)), passes_(std::move(passes)) {}
  Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>& numbers) override {
    ++asks;
    most_asks = std::max<int>(most_asks, ++asks_since_look_);
    passes_();
    if (std::none_of(numbers.begin(), numbers.end(), [this](NamespaceNumber number) { return damaged_.contains(number); }))
      return std::vector<NamespaceAtStart>();
    return Status(Code::kCorrupt, "the totals of a namespace are missing");
  }
  Result<ClusterImage> Look() override {
    asks_since_look_ = 0;
    return TwoMembers::Look();
  }
  std::atomic<int> asks{0}, most_asks{0};

 private:
  const std::set<NamespaceNumber> damaged_;
  const std::function<void()> passes_;
  int asks_since_look_ = 0;
};

}  // namespace

TEST_CASE("cluster host: which of very many namespaces is damaged is found by few asks, and a look ends though many are, and each ask is slow") {
  constexpr NamespaceNumber kFirst = 100, kCount = 1'000;
  constexpr int kHalvings = 10;  // until one is left
  std::set<NamespaceNumber> damaged = {GENERATE(NamespaceNumber{100}, NamespaceNumber{613}, NamespaceNumber{1'099})};
  const bool many = GENERATE(false, true);
  for (NamespaceNumber number = kFirst; many && number < kFirst + kCount; number = static_cast<NamespaceNumber>(number + 50)) damaged.insert(number);
  std::atomic<int64_t> now_ms{1'000};
  ClusterHost::Setup setup = SetupOf();
  setup.now = [&] { return MonoTime{now_ms}; };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<DamagedAmongMany>(damaged, [&] { now_ms += many ? 100 : 0; });
  DamagedAmongMany* store = owned.get();
  for (NamespaceNumber number = kFirst; number < kFirst + kCount; ++number) store->Add(number);
  host.Start(std::move(owned));
  REQUIRE(Await([&] {
    host.Kick();
    for (NamespaceNumber number = kFirst; number < kFirst + kCount; ++number)
      if (host.Serves(number) == damaged.contains(number)) return false;
    return true;
  }));
  CHECK(store->most_asks <= 2 * kHalvings + 2);
  if (many) CHECK(store->asks > store->most_asks);
  else CHECK(store->asks <= 2 * kHalvings + 2);
  host.Stop();
}

TEST_CASE("cluster host: who cannot learn for a lease what changed of tokens is no member any more, though it looks, or waits for a look") {
  const bool hangs = GENERATE(false, true);
  std::atomic<int64_t> now_ms{1'000};
  std::atomic<int> lost{0};
  ClusterHost::Setup setup = SetupOf();
  setup.now = [&] { return MonoTime{now_ms}; };
  setup.lost = [&](const char*) { ++lost; };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<TwoMembers>();
  TwoMembers* store = owned.get();
  store->LetOtherLead();
  host.Start(std::move(owned));
  REQUIRE(Await([&] { return host.ready(); }));
  if (hangs) store->hangs = true;
  else store->ChangeUnread();
  const auto look_again = [&] {
    const uint64_t looks = store->looks();
    host.Kick();
    CHECK(Await([&] { return store->looks() > looks; }));
    host.Renewed();
  };
  if (hangs) REQUIRE(Await([&] { return store->looks() > 1; }));
  now_ms += LeaseTimes().lease_ms - 1;
  if (hangs) host.Renewed();
  else look_again();
  CHECK(lost == 0);
  now_ms += 1;
  if (hangs) host.Renewed();
  else look_again();
  CHECK(Await([&] { return lost > 0; }));
  store->hangs = false;
  host.Stop();
}

TEST_CASE("cluster host: by how much its clock is off is said in the store, and again once that is otherwise") {
  std::atomic<int64_t> ahead_ms{1'500};
  ClusterHost::Setup setup = SetupOf();
  setup.clock_ahead_ms = [&] { return std::optional(ahead_ms.load()); };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<TwoMembers>();
  TwoMembers* store = owned.get();
  host.Start(std::move(owned));
  REQUIRE(Await([&] { return store->clocks() == std::vector<int64_t>{1'500}; }));
  for (int64_t ms : {1'599, -40}) {
    ahead_ms = ms;
    const uint64_t looks = store->looks();
    host.Kick();
    REQUIRE(Await([&] { return store->looks() > looks + 1; }));
  }
  CHECK(store->clocks() == std::vector<int64_t>{1'500, -40});
  host.Stop();
}

TEST_CASE("cluster host: what comes back is not acquired while something is still written of it from before") {
  auto store = std::make_unique<TwoMembers>();
  TwoMembers* const members = store.get();
  members->still_writes = true;
  members->PlaceAt("a");
  ClusterHost host(SetupOf());
  host.Start(std::move(store));
  const uint64_t before = members->looks();
  CHECK(Await([&] {
    host.Kick();
    return members->looks() >= before + 5;
  }));
  CHECK(members->acquires == 0);
  members->still_writes = false;
  CHECK(Await([&] { return members->acquires > 0; }));
  host.Stop();
}

TEST_CASE("cluster host: who stops does not wait for what leaves where the store is not reached any more") {
  std::atomic<bool> leaves{false}, departed{false};
  ClusterHost::Setup setup = SetupOf();
  setup.tell = [](const MemberAt&, const MemberWord& word, const std::function<void(bool)>& then) {
    if (word.look && then) then(true);
  };
  setup.leave = [&](NamespaceNumber, const std::function<void()>&) { leaves = true; };
  ClusterHost host(std::move(setup));
  auto owned = std::make_unique<TwoMembers>();
  TwoMembers* store = owned.get();
  store->PlaceAt("a");
  host.Start(std::move(owned));
  REQUIRE(Await([&] { return host.Serves(2); }));
  store->PlaceAt("b");
  host.Kick();
  REQUIRE(Await([&] { return leaves.load(); }));
  host.Depart(60'000, [&] { departed = true; });
  const uint64_t looks = store->looks();
  REQUIRE(Await([&] { return store->looks() > looks + 2; }));
  CHECK_FALSE(departed);
  store->stranded = true;
  host.Kick();
  CHECK(Await([&] { return departed.load(); }));
  host.Stop();
}

TEST_CASE("cluster host: a leader that stops says so to the others, which look for what it gives back") {
  std::mutex mutex;
  std::vector<std::pair<std::string, MemberWord>> told;
  ClusterHost::Setup setup = SetupOf();
  setup.tell = [&](const MemberAt& to, MemberWord word, const std::function<void(bool)>&) {
    std::lock_guard lock(mutex);
    told.emplace_back(to.address, std::move(word));
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
