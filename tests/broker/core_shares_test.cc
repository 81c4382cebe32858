// The core without any I/O: what hosts and callers may have in flight of all that may be (contract promise 4).
#include "broker/core_fixture.h"

#include <algorithm>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

Fields To(const std::string& host, const std::string& caller = "unknown") {
  Fields f;
  f.host = host + ":80";
  f.lane = host;
  f.caller = caller;
  return f;
}

size_t UnderWayOf(const CoreFixture& f, const std::string& caller) {
  return static_cast<size_t>(std::count_if(f.starts.begin(), f.starts.end(), [&](const StartAttempt& s) { return s.envelope->caller == caller; }));
}

bool Started(const CoreFixture& f, NotifyId id) {
  return std::any_of(f.sent.begin(), f.sent.end(), [&](const StartAttempt& s) { return s.id == id; });
}

TEST_CASE("shares: one caller's thousand hung hosts leave room for another caller") {
  CoreFixture f;
  f.check_every = 500;
  for (int i = 0; i < 1100; ++i) f.Submit(To("hung" + std::to_string(i), "careless"));
  CHECK(f.starts.size() == 992);  // of 1,024: thirty-two times what is free but one
  NotifyId healthy = f.Submit(To("healthy", "other")).id;
  CHECK(f.starts.back().id == healthy);
  NotifyId careless = f.Submit(To("idle", "careless")).id;
  CHECK_FALSE(Started(f, careless));
  CHECK(f.Why(careless) == std::vector<std::string>{"caller_at_cap"});
  // Its share grows as soon as one of its calls ends.
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 993);
  f.core().CheckInvariants();
}

TEST_CASE("shares: beside one caller's thousand hung hosts another caller's host has several calls at once") {
  CoreFixture f;
  f.check_every = 500;
  for (int i = 0; i < 1100; ++i) f.Submit(To("hung" + std::to_string(i), "careless"));
  f.TrySubmit(std::vector<Fields>(200, To("healthy", "other")));
  CHECK(UnderWayOf(f, "other") >= 10);
}

TEST_CASE("shares: two callers with a thousand hung hosts each leave room for a third") {
  CoreFixture f;
  f.check_every = 500;
  for (int i = 0; i < 1000; ++i) {
    f.Submit(To("hung-a" + std::to_string(i), "a"));
    f.Submit(To("hung-b" + std::to_string(i), "b"));
  }
  CHECK(UnderWayOf(f, "a") <= 505);
  CHECK(UnderWayOf(f, "b") <= 505);
  for (int i = 0; i < 10; ++i) {
    NotifyId id = f.Submit(To("healthy" + std::to_string(i), "c")).id;
    CHECK(f.starts.back().id == id);
  }
}

TEST_CASE("shares: slots are kept for hosts that have nothing in flight, where all notifies are of one caller") {
  CoreFixture f;
  f.check_every = 500;
  // 300 hung hosts with a backlog each: without kept slots they would come to rest with 3 or 4 calls each and 3 slots free.
  for (int round = 0; round < 10; ++round)
    for (int i = 0; i < 300; ++i) f.Submit(To("hung" + std::to_string(i)));
  CHECK(f.starts.size() == 985);
  for (int i = 0; i < 7; ++i) {
    NotifyId id = f.Submit(To("healthy" + std::to_string(i))).id;
    CHECK(f.starts.back().id == id);
  }
}

TEST_CASE("shares: a caller's hung hosts leave his healthy one as many calls at once as each of them has") {
  CoreFixture f;
  f.check_every = 500;
  for (int i = 0; i < 300; ++i)
    for (int host = 0; host < 10; ++host) f.Submit(To("hung" + std::to_string(host)));
  size_t hung = f.starts.size();
  f.TrySubmit(std::vector<Fields>(200, To("healthy")));
  CHECK(f.starts.size() - hung >= hung / 10 / 2);
}

TEST_CASE("shares: one caller with healthy hosts may use nearly all of the cap") {
  CoreFixture f;
  f.check_every = 500;
  for (int i = 0; i < 16; ++i)
    for (int lane = 0; lane < 4; ++lane) {
      Fields fields = To("host" + std::to_string(i));
      fields.lane += std::to_string(lane);
      f.TrySubmit(std::vector<Fields>(64, fields));
    }
  CHECK(f.starts.size() > 970);
}

TEST_CASE("shares: a lane whose caller is at its share holds up no other at its host, and goes on when it is not") {
  CoreLimits limits;
  limits.max_in_flight = 20;
  CoreFixture f(limits);
  for (int i = 0; i < 30; ++i) f.Submit(To("hung" + std::to_string(i), "careless"));
  CHECK(f.starts.size() == 19);
  Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  std::vector<NotifyId> waiting;
  for (int i = 0; i < 5; ++i) {
    Fields fields = To("shared", "careless");
    fields.lane = "careless" + std::to_string(i);
    fields.mode = mode;
    waiting.push_back(f.Submit(fields).id);
  }
  Fields other = To("shared", "other");
  other.mode = mode;
  NotifyId first = f.Submit(other).id;
  CHECK(f.starts.back().id == first);
  f.End(f.starts.back(), Verdict::kSuccess);
  f.Run();
  CHECK(f.starts.size() == 19);
  // All that hung ends: everything is sent, each once.
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  for (NotifyId id : waiting) CHECK(f.StateOf(id) == State::kSucceeded);
  CHECK(f.sent.size() == 36);
  f.Pass(100);
  CHECK(f.Stats().hosts == 0);
  CHECK(f.Stats().lanes == 0);
}

TEST_CASE("shares: one of a caller at his share holds up nobody else's in the same lane") {
  CoreLimits limits;
  limits.max_in_flight = 20;
  CoreFixture f(limits);
  for (int i = 0; i < 30; ++i) f.Submit(To("hung" + std::to_string(i), "careless"));
  CHECK(f.starts.size() == 19);
  Fields fields = To("shared", "careless"), other = To("shared", "other");
  fields.mode = other.mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  NotifyId first = f.Submit(fields).id;
  CHECK_FALSE(Started(f, first));
  std::vector<NotifyId> others;
  for (int i = 0; i < 5; ++i) others.push_back(f.Submit(other).id);
  for (int i = 0; i < 6; ++i) {
    CHECK(f.starts.size() == 20);
    f.End(f.starts.back(), Verdict::kSuccess);
    f.Run();
  }
  CHECK(f.StateOf(first) == State::kSucceeded);
  for (NotifyId id : others) CHECK(f.StateOf(id) == State::kSucceeded);
  f.core().CheckInvariants();
}

TEST_CASE("shares: cancelled, paused, expired and overtaken while it waits for its caller's share") {
  CoreLimits limits;
  limits.max_in_flight = 10;
  CoreFixture f(limits);
  for (int i = 0; i < 9; ++i) f.Submit(To("hung" + std::to_string(i), "careless"));
  NotifyId parked = f.Submit(To("fine", "careless")).id;
  CHECK(f.starts.size() == 9);
  SECTION("cancelled") {
    CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(parked)) == Code::kOk);
  }
  SECTION("paused") {
    f.Pause({Mode::kConcurrent, "fine"});
  }
  SECTION("expired") {
    Fields fields = To("fine2", "careless");
    fields.ttl = Delay(10);
    NotifyId id = f.Submit(fields).id;
    f.Pass(20);
    CHECK(f.StateOf(id) == State::kExpired);
  }
  SECTION("overtaken in its lane by one of another caller") {
    Fields urgent = To("fine", "other");
    urgent.priority = 9;
    NotifyId id = f.Submit(urgent).id;
    CHECK(f.starts.back().id == id);
  }
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Resume({Mode::kConcurrent, "fine"});
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stats().totals.pending() == 0);
  CHECK(f.Balances());
}

TEST_CASE("shares: lanes of a caller at its share keep others' lanes of their host neither asleep nor waiting") {
  CoreLimits limits;
  limits.max_in_flight = 40;
  limits.max_waiting_lanes_per_host = 8;
  CoreFixture f(limits);
  for (int i = 0; i < 60; ++i) f.Submit(To("hung" + std::to_string(i), "careless"));
  for (int i = 0; i < 12; ++i) {
    Fields fields = To("shared", "careless");
    fields.lane = "careless" + std::to_string(i);
    f.Submit(fields);
  }
  Fields other = To("shared", "other");
  other.lane = "other";
  NotifyId id = f.Submit(other).id;
  f.Pass(10);
  CHECK(Started(f, id));
}

TEST_CASE("limits changed: fewer calls a host than are under way") {
  CoreFixture f;
  for (int i = 0; i < 10; ++i) f.Submit(Fields{});
  auto fresh = std::make_shared<CoreLimits>();
  fresh->max_in_flight_per_host = 3;
  f.Post(LimitsChanged{fresh});
  f.Run();
  f.Submit(Fields{});
  CHECK(f.starts.size() == 10);
  while (f.starts.size() > 3) f.EndFirst(Verdict::kSuccess);
  CHECK(f.sent.size() == 10);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.sent.size() == 11);
}

}  // namespace
}  // namespace notifyd
