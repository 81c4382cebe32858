// The core without any I/O: hundreds of lanes of one host that cannot keep up (contract promise 4). What is counted is attempts, not time: a
// round is one attempt for each lane.
#include "broker/core_fixture.h"

#include <algorithm>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

/// One host that answers one call after the other, in the order in which they were sent.
class Rounds : public CoreFixture {
 public:
  explicit Rounds(CoreLimits limits) : CoreFixture(Narrow(std::move(limits))) { check_every = 2003; }

  static Fields LaneOf(const std::string& name, const std::string& host = "busy:80") {
    Fields f;
    f.lane = name;
    f.host = host;
    return f;
  }
  void Fill(const Fields& lane, size_t count) { TrySubmit(std::vector<Fields>(count, lane)); }
  void Fill(size_t lanes, size_t each, Mode mode = Mode::kConcurrent) {
    for (size_t i = 0; i < lanes; ++i) {
      Fields lane = LaneOf("lane" + std::to_string(i));
      lane.mode = mode;
      Fill(lane, each);
    }
  }
  /// Has the host answer until `enough` or `most` attempts were started since; how many were.
  template <class Enough, class Each>
  size_t Serve(size_t most, Enough enough, Each each) {
    size_t before = sent.size();
    while (!enough() && sent.size() - before < most && !starts.empty()) {
      StartAttempt first = *std::find_if(starts.begin(), starts.end(), [](const StartAttempt& s) { return s.envelope->host == "busy:80"; });
      each(first);
      End(first, Verdict::kSuccess);
      Run();
    }
    return sent.size() - before;
  }
  size_t Serve(size_t count) {
    return Serve(
        count, [] { return false; }, [](const StartAttempt&) {});
  }
  /// Submits one notify in each of 20 new lanes; how many attempts were started until each of them was.
  template <class Each>
  size_t ServeLate(size_t most, Each each) {
    std::set<NotifyId> late;
    for (int i = 0; i < 20; ++i) late.insert(Submit(LaneOf("late" + std::to_string(i))).id);
    size_t seen = sent.size();
    auto all_started = [&] {
      for (; seen < sent.size(); ++seen) late.erase(sent[seen].id);
      return late.empty();
    };
    return Serve(most, all_started, each);
  }

 private:
  static CoreLimits Narrow(CoreLimits limits) {
    limits.max_in_flight_per_host = 16;
    return limits;
  }
};

constexpr auto kNothing = [](const StartAttempt&) {};

TEST_CASE("rounds: a late lane is served within a few rounds of hundreds that were filled before it") {
  size_t lanes = GENERATE(900, 2500);
  Rounds f({});
  f.Fill(lanes, 50);
  f.Serve(lanes / 2);
  size_t attempts = f.ServeLate(100 * lanes, kNothing);
  INFO(attempts << " attempts, " << lanes << " lanes");
  CHECK(attempts < 5 * lanes);
  CHECK(f.Balances());
}

TEST_CASE("rounds: a late lane is served within a few rounds of hundreds that are kept full") {
  auto [lanes, mode] = GENERATE(std::pair(600, Mode::kConcurrent), std::pair(2000, Mode::kConcurrent), std::pair(1500, Mode::kFifo));
  Rounds f({});
  size_t count = static_cast<size_t>(lanes);
  f.Fill(count, 20, mode);
  auto refill = [&](const StartAttempt& ended) {
    Fields lane = Rounds::LaneOf(ended.envelope->lane.name);
    lane.mode = ended.envelope->lane.mode;
    f.Ask(SubmitRequest{{}, {CoreFixture::Item(lane)}, false});
  };
  f.Serve(
      2 * count, [] { return false; }, refill);
  size_t attempts = f.ServeLate(40 * count, refill);
  INFO(attempts << " attempts, " << count << " lanes");
  CHECK(attempts < 5 * count);
}

TEST_CASE("rounds: a late lane is served within a few rounds where dead hosts' backlogs fill half of memory") {
  CoreLimits limits;
  limits.max_loaded = 8192;
  Rounds f(limits);
  // Whoever is dead keeps what its share of memory holds.
  size_t dead_lanes = GENERATE(100, 400);
  for (int host = 0; host < 6; ++host)
    for (size_t i = 0; i < dead_lanes; ++i) {
      std::string name = "dead" + std::to_string(host);
      f.Fill(Rounds::LaneOf(name + "-" + std::to_string(i), name + ":80"), 20);
    }
  CHECK(f.Stats().loaded_notifies > limits.max_loaded / 2);
  constexpr size_t kLanes = 100;
  f.Fill(kLanes, 50);
  f.Serve(kLanes);
  size_t attempts = f.ServeLate(50 * kLanes, [&](const StartAttempt& ended) {
    f.Ask(SubmitRequest{{}, {CoreFixture::Item(Rounds::LaneOf(ended.envelope->lane.name))}, false});
  });
  INFO(attempts << " attempts, " << kLanes << " lanes");
  CHECK(attempts < 5 * kLanes);
}

TEST_CASE("rounds: each of thousands of lanes gets its turns, and giving way costs one write a notify at most") {
  constexpr size_t kLanes = 3000;
  Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  Rounds f({});
  f.Fill(kLanes, 30, mode);
  f.Serve(4 * kLanes);  // what was in memory beyond a quantum is on disk by now
  size_t from = f.sent.size();
  uint64_t writes = f.store().writes(), rows = f.store().rows();
  size_t attempts = f.Serve(8 * kLanes);
  // An end writes the notify, its key in the tail and its lane's counts; in a fifo lane as much.
  double writes_each = static_cast<double>(f.store().writes() - writes) / static_cast<double>(attempts);
  double rows_each = static_cast<double>(f.store().rows() - rows) / static_cast<double>(attempts);
  INFO(writes_each << " writes and " << rows_each << " rows read an attempt");
  CHECK(writes_each < 4.2);
  CHECK(rows_each < 2.0);
  std::map<std::string, size_t> turns;
  for (size_t i = from; i < f.sent.size(); ++i) ++turns[f.sent[i].envelope->lane.name];
  CHECK(turns.size() == kLanes);
  size_t most = 0;
  for (const auto& [lane, count] : turns) most = std::max(most, count);
  CHECK(most <= 16);  // 8 in the mean; two quanta more at most
}

TEST_CASE("rounds: a lane that gave way while its calls were in flight stays asleep, whatever comes before its tail") {
  Rounds f({});
  f.Fill(1400, 20);
  f.Serve(2 * 1400);
  // Each call that ends brings an urgent notify into its lane: were the lane awake for it, it would never sleep.
  auto urgent = [&](const StartAttempt& ended) {
    Fields lane = Rounds::LaneOf(ended.envelope->lane.name);
    lane.priority = 9;
    f.Ask(SubmitRequest{{}, {CoreFixture::Item(lane)}, false});
  };
  size_t attempts = f.ServeLate(50 * 1400, urgent);
  INFO(attempts << " attempts");
  CHECK(attempts < 5 * 1400);
}

TEST_CASE("rounds: lanes that gave way are all found again after a crash, each once, in fifo order") {
  constexpr size_t kLanes = 1200;
  Rounds f({});
  f.Fill(kLanes, 12, Mode::kFifo);
  f.Serve(5 * kLanes + 700);
  CrashKind crash = GENERATE(CrashKind::kKill, CrashKind::kPower);
  f.Restart(crash);
  f.sent.clear();  // what was in flight, and of a power cut what was not synced, comes again
  for (const StartAttempt& start : f.starts) f.sent.push_back(start);
  f.Pass(100);
  f.Serve(20 * kLanes);
  CHECK(f.Stats().totals.succeeded == 12 * kLanes);
  CHECK(f.Stats().totals.lane_records == 0);
  CHECK(f.Stats().totals.sleeping_lanes == 0);
  std::map<std::string, NotifyId> last;
  for (const StartAttempt& start : f.sent) {
    NotifyId& before = last[start.envelope->lane.name];
    REQUIRE(before < start.id);
    before = start.id;
  }
  CHECK(f.Balances());
}

}  // namespace
}  // namespace notifyd
