// What a shared rule allows at a host, lent to several cores that do what cores do: take grants, start and end calls, and say so late.
#include "broker/shared_caps.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <memory>

#include "base/random.h"

using namespace notifyd;

namespace {

/// A core at one host.
struct Fake {
  uint64_t joined = 0;
  SharedGrant lent;
  uint32_t in_flight = 0, waiting = 0;
  uint64_t begun = 0;
  SharedUse Use(uint32_t cap, double rate = 0) const {
    SharedUse use{"h:80", 1, joined, cap, rate, lent.number, in_flight, waiting > 0 && in_flight >= lent.concurrency, false};
    return use;
  }
  void Start() {
    for (; waiting > 0 && in_flight < lent.concurrency; --waiting, ++in_flight, ++begun) {
    }
  }
};

/// Cores whose messages come at once.
class Stage {
 public:
  explicit Stage(uint32_t cap, double rate = 0) : cap_(cap), rate_(rate) {}
  Fake& At(NamespaceNumber number) { return fakes_[number]; }
  void Say(NamespaceNumber number) {
    SharedCaps::Out out;
    caps_.Report(number, fakes_.at(number).Use(cap_, rate_), &out);
    Deliver(std::move(out));
  }
  void Leave(NamespaceNumber number) {
    SharedUse use = fakes_.at(number).Use(cap_, rate_);
    use.gone = true;
    fakes_.erase(number);
    SharedCaps::Out out;
    caps_.Report(number, use, &out);
    Deliver(std::move(out));
  }
  void Gone(NamespaceNumber number) {
    fakes_.erase(number);
    SharedCaps::Out out;
    caps_.Gone(number, &out);
    Deliver(std::move(out));
  }
  void Wants(NamespaceNumber number, uint32_t calls) {
    Fake& fake = fakes_[number];
    if (fake.joined == 0) fake.joined = ++joins_;
    fake.waiting += calls;
    fake.Start();
    Say(number);
  }
  void End(NamespaceNumber number) {
    Fake& fake = fakes_.at(number);
    --fake.in_flight;
    fake.Start();
    Say(number);
  }
  uint32_t InFlight() const {
    uint32_t all = 0;
    for (const auto& [number, fake] : fakes_) all += fake.in_flight;
    return all;
  }
  void SetCap(uint32_t cap) { cap_ = cap; }
  SharedCaps& caps() { return caps_; }

 private:
  void Deliver(SharedCaps::Out first) {
    std::deque<SharedCaps::Lent> under_way(first.begin(), first.end());
    for (int i = 0; !under_way.empty(); ++i) {
      REQUIRE(i < 10'000);  // they come to rest
      const SharedCaps::Lent lent = under_way.front();
      under_way.pop_front();
      auto found = fakes_.find(lent.to);
      if (found == fakes_.end() || found->second.joined != lent.grant.joined) continue;
      found->second.lent = lent.grant;
      found->second.Start();
      SharedCaps::Out out;
      caps_.Report(lent.to, found->second.Use(cap_, rate_), &out);
      under_way.insert(under_way.end(), out.begin(), out.end());
      caps_.CheckInvariants();
      if (cap_ > 0) CHECK(InFlight() <= std::max(cap_, most_));
    }
    most_ = std::max(cap_, InFlight());
  }

  uint32_t cap_, most_ = 0;
  double rate_;
  uint64_t joins_ = 0;
  SharedCaps caps_;
  std::map<NamespaceNumber, Fake> fakes_;
};

}  // namespace

TEST_CASE("shared caps: one alone has all, and others get as much once they want it") {
  Stage s(10);
  s.Wants(1, 100);
  CHECK(s.At(1).in_flight == 10);
  s.Wants(2, 100);
  for (int i = 0; i < 20; ++i) s.End(1);
  CHECK(s.At(1).in_flight == 5);
  CHECK(s.At(2).in_flight == 5);
  s.Wants(3, 1);
  for (int i = 0; i < 5; ++i) s.End(1), s.End(2);
  CHECK(s.At(3).begun == 1);
  CHECK(s.InFlight() == 10);
  // Who has nothing any more leaves all of it to the others.
  s.Gone(2);
  for (int i = 0; i < 10; ++i) s.End(1);
  CHECK(s.At(1).in_flight == 9);
}

TEST_CASE("shared caps: what lies idle goes to who wants it") {
  Stage s(4);
  s.Wants(1, 4);
  for (int i = 0; i < 4; ++i) s.End(1);
  CHECK(s.At(1).lent.concurrency == 4);
  s.Wants(2, 10);
  CHECK(s.At(2).in_flight == 4);
  s.Leave(1);
  s.Wants(1, 1);
  s.End(2);
  s.End(2);
  CHECK(s.At(1).begun == 1);
}

TEST_CASE("shared caps: where there are fewer than want one they take turns, and a call that hangs holds up no other's turn") {
  Stage s(2);
  for (NamespaceNumber number = 1; number <= 7; ++number) s.Wants(number, 1'000);
  CHECK(s.InFlight() == 2);
  const bool hangs = GENERATE(false, true);
  for (int i = 0; i < 400; ++i)
    for (NamespaceNumber number = 1; number <= (hangs ? 6 : 7); ++number)
      if (s.At(number).in_flight > 0) s.End(number);
  CHECK(s.InFlight() == 2);
  for (NamespaceNumber number = 1; number <= (hangs ? 6 : 7); ++number) {
    CAPTURE(number);
    CHECK(s.At(number).begun >= 50);
    for (NamespaceNumber other = 1; other < number; ++other) CHECK(s.At(number).begun <= 2 * s.At(other).begun);
  }
}

TEST_CASE("shared caps: a cap that is lowered is kept once what is in flight has ended, one that is raised at once") {
  Stage s(8);
  s.Wants(1, 100);
  s.Wants(2, 100);
  for (int i = 0; i < 10; ++i) s.End(1);
  CHECK(s.InFlight() == 8);
  s.SetCap(3);
  s.Say(1);
  s.Say(2);
  for (int i = 0; i < 20; ++i)
    for (NamespaceNumber number : {1, 2})
      if (s.At(number).in_flight > 1) s.End(number);
  CHECK(s.InFlight() <= 3);
  CHECK(s.caps().lent("h:80") == 3);
  s.SetCap(6);
  s.Say(1);
  s.Say(2);
  CHECK(s.InFlight() == 6);
}

TEST_CASE("shared caps: a rule that says nothing of calls at once bounds none; one that comes to do so bounds all, whoever has how many") {
  Stage s(0, 1'000);
  s.Wants(1, 10);
  s.Wants(2, 10);
  CHECK(s.InFlight() == 20);
  s.SetCap(4);
  s.Say(1);
  s.Say(2);
  for (NamespaceNumber number : {1, 2}) CHECK(s.At(number).lent.concurrency <= 4);
  s.Wants(1, 20);
  s.Wants(2, 20);
  CHECK(s.InFlight() == 20);
  for (int i = 0; i < 10; ++i) s.End(1), s.End(2);
  CHECK(s.InFlight() == 4);
  s.SetCap(0);
  s.Say(1);
  s.Say(2);
  CHECK(s.InFlight() == 40);
}

TEST_CASE("shared caps: a rate is lent in equal parts to those that have the host") {
  Stage s(0, 12);
  s.Wants(1, 0);
  CHECK(s.At(1).lent.rate_per_s == 12);
  CHECK(s.At(1).lent.alone);
  CHECK(s.At(1).lent.concurrency == UINT32_MAX);
  s.Wants(2, 0);
  s.Wants(3, 0);
  for (NamespaceNumber number : {1, 2, 3}) CHECK(s.At(number).lent.rate_per_s == 4);
  CHECK_FALSE(s.At(3).lent.alone);
  s.Leave(2);
  for (NamespaceNumber number : {1, 3}) CHECK(s.At(number).lent.rate_per_s == 6);
}

TEST_CASE("shared caps: a grant to one that had the host before is none of who has it now") {
  SharedCaps caps;
  SharedCaps::Out out;
  caps.Report(1, {"h:80", 1, 7, 4, 0, 0, 0, true, false}, &out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].grant.joined == 7);
  CHECK(out[0].grant.concurrency == 4);
  out.clear();
  caps.Report(1, {"h:80", 1, 8, 4, 0, 0, 0, true, false}, &out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].grant.joined == 8);
  CHECK(caps.lent("h:80") == 4);
  caps.CheckInvariants();
}

TEST_CASE("shared caps: whatever comes when, no more than the cap is in flight, and all that waits is sent") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const auto cap = static_cast<uint32_t>(1 + random.Below(6));
    const NamespaceNumber cores = static_cast<NamespaceNumber>(2 + random.Below(6));
    SharedCaps caps;
    std::map<NamespaceNumber, Fake> fakes;
    std::map<NamespaceNumber, std::deque<SharedGrant>> grants;  // under way, each in order
    std::map<NamespaceNumber, std::deque<SharedUse>> uses;
    uint64_t asked = 0, ended = 0, joins = 0;
    for (NamespaceNumber number = 1; number <= cores; ++number) fakes[number].joined = ++joins;
    const auto in_flight = [&] {
      uint32_t all = 0;
      for (const auto& [number, fake] : fakes) all += fake.in_flight;
      return all;
    };
    for (int step = 0; step < 3'000; ++step) {
      const auto number = static_cast<NamespaceNumber>(1 + random.Below(cores));
      Fake& fake = fakes[number];
      const uint64_t what = random.Below(step < 2'000 ? 6 : 5);
      if (what == 0 && fake.in_flight > 0) --fake.in_flight, ++ended;
      if (what == 1 && !grants[number].empty()) {
        const SharedGrant grant = grants[number].front();
        grants[number].pop_front();
        if (grant.joined == fake.joined && grant.number > fake.lent.number) fake.lent = grant;
      }
      if (what == 2) uses[number].push_back(fake.Use(cap));
      if (what == 3 && !uses[number].empty()) {
        SharedCaps::Out out;
        caps.Report(number, uses[number].front(), &out);
        uses[number].pop_front();
        for (const SharedCaps::Lent& lent : out) grants[lent.to].push_back(lent.grant);
        caps.CheckInvariants();
        CHECK(caps.lent("h:80") <= cap);
      }
      if (what == 4 && fake.in_flight == 0 && fake.waiting == 0 && random.Below(10) == 0) {
        SharedUse gone = fake.Use(cap);
        gone.gone = true;
        uses[number].push_back(gone);
        fake = Fake{++joins, {}, 0, 0, fake.begun};
      }
      if (what == 5) ++fake.waiting, ++asked;
      fake.Start();
      CHECK(in_flight() <= cap);
    }
    // From here on nothing new comes, and all messages arrive.
    for (int round = 0; round < 20'000 && ended < asked; ++round)
      for (auto& [number, fake] : fakes) {
        if (fake.in_flight > 0) --fake.in_flight, ++ended;
        for (; !grants[number].empty(); grants[number].pop_front())
          if (const SharedGrant& grant = grants[number].front(); grant.joined == fake.joined && grant.number > fake.lent.number) fake.lent = grant;
        fake.Start();
        uses[number].push_back(fake.Use(cap));
        for (; !uses[number].empty(); uses[number].pop_front()) {
          SharedCaps::Out out;
          caps.Report(number, uses[number].front(), &out);
          for (const SharedCaps::Lent& lent : out) grants[lent.to].push_back(lent.grant);
        }
        CHECK(in_flight() <= cap);
      }
    CHECK(ended == asked);
  }
}
