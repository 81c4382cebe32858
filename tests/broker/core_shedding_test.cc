// What is ready and cannot start, because its caller or its host is paused or cannot be reached, takes no memory that others need.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

constexpr size_t kMemory = 100;

CoreLimits SmallMemory() {
  CoreLimits limits;
  limits.max_loaded = kMemory;
  limits.lookahead_ms = 2'000;
  limits.page_items = 8;
  return limits;
}

CoreFixture::Fields NotifyTo(std::string host, std::string lane, std::string caller = "shop") {
  CoreFixture::Fields fields;
  fields.host = std::move(host);
  fields.lane = std::move(lane);
  fields.caller = std::move(caller);
  return fields;
}

void PauseHost(CoreFixture& f, const std::string& host, bool paused) {
  HostChangeRequest r;
  r.host = host;
  r.patch.paused = paused;
  REQUIRE(CoreFixture::CodeOf(f.Do(std::move(r))) == Code::kOk);
}

void PauseCaller(CoreFixture& f, const std::string& caller, bool paused) {
  CallerChangeRequest r;
  r.caller = caller;
  r.patch.paused = paused;
  REQUIRE(CoreFixture::CodeOf(f.Do(std::move(r))) == Code::kOk);
}

std::string Padded(size_t i) {
  return std::to_string(1'000 + i);
}

/// So many notifies that wait at the host, two each of as many lanes as it takes; of the first of a lane it says which that is.
std::map<std::string, std::vector<NotifyId>> BacklogOf(CoreFixture& f, size_t notifies, const std::string& host, Mode mode) {
  std::map<std::string, std::vector<NotifyId>> ids;
  for (size_t i = 0; i < notifies; ++i) {
    CoreFixture::Fields fields = NotifyTo(host, host + Padded(i % (notifies / 2)));
    fields.mode = mode;
    fields.retry = Waits({5'000});
    ids[fields.lane].push_back(f.Submit(fields).id);
  }
  return ids;
}

/// Notifies of another caller: one that is due at once and one that is due later, to that host. Both must go out in their time, while memory has no
/// more than it may.
void OthersGoOn(CoreFixture& f, const std::string& host, const std::string& name) {
  CoreFixture::Fields later = NotifyTo(host, name + "-later", "other");
  later.when = Delay(5'000);
  const NotifyId delayed = f.Submit(later).id;
  const NotifyId now = f.Submit(NotifyTo(host, name + "-now", "other")).id;
  f.Pass(2'000);
  CHECK(f.StateOf(now) == State::kSending);
  f.Pass(10'000);
  CHECK(f.StateOf(delayed) == State::kSending);
  CHECK(f.core().usage().loaded <= kMemory);
  CHECK_FALSE(f.core().usage().over);
}

/// Ends all calls well until there are none; each lane's must begin in their order.
void SendAll(CoreFixture& f, const std::map<std::string, std::vector<NotifyId>>& ids) {
  const size_t before = f.sent.size() - f.starts.size();
  for (int i = 0; i < 20'000 && f.Stats().totals.pending() > 0; ++i) {
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.pending() == 0);
  std::map<std::string, std::vector<NotifyId>> sent;
  for (size_t i = before; i < f.sent.size(); ++i)
    if (ids.contains(f.sent[i].envelope->lane.name)) sent[f.sent[i].envelope->lane.name].push_back(f.sent[i].id);
  CHECK(sent == ids);
}

}  // namespace

TEST_CASE("memory: lanes of a paused caller that slept at a host are not woken into memory, and all go out once it is resumed") {
  const Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  const bool restarts = GENERATE(false, true);
  CoreFixture f(SmallMemory());
  f.check_every = 50;
  PauseHost(f, "h:80", true);
  const auto ids = BacklogOf(f, 600, "h:80", mode);
  REQUIRE(f.Stats().totals.sleeping_lanes > 0);
  PauseCaller(f, "shop", true);
  if (restarts) f.Restart();
  PauseHost(f, "h:80", false);
  f.Pass(10'000);
  CHECK(f.starts.empty());
  CHECK(f.core().usage().loaded <= kMemory);
  OthersGoOn(f, "h:80", "same");
  OthersGoOn(f, "else:80", "else");
  PauseCaller(f, "shop", false);
  SendAll(f, ids);
}

TEST_CASE("memory: what a paused caller submits to ever new lanes is not kept there, and all goes out once it is resumed") {
  const Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  CoreFixture f(SmallMemory());
  f.check_every = 50;
  PauseCaller(f, "shop", true);
  auto ids = BacklogOf(f, 600, "h:80", mode);
  CHECK(f.core().usage().loaded <= kMemory);
  OthersGoOn(f, "h:80", "same");
  OthersGoOn(f, "else:80", "else");
  if (GENERATE(false, true)) f.Restart();
  PauseCaller(f, "shop", false);
  SendAll(f, ids);
}

TEST_CASE("memory: lanes of two callers, of which the second is paused, are not woken into memory either, nor kept there behind a call") {
  const Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  const bool on_disk = GENERATE(false, true);
  CoreFixture f(SmallMemory());
  f.check_every = 50;
  PauseCaller(f, "shop", true);
  if (on_disk) PauseHost(f, "h:80", true);
  std::map<std::string, std::vector<NotifyId>> ids;
  for (size_t i = 0; i < 300; ++i) {
    CoreFixture::Fields fields = NotifyTo("h:80", "both" + Padded(i), "other");
    fields.mode = mode;
    ids[fields.lane].push_back(f.Submit(fields).id);
    fields.caller = "shop";
    ids[fields.lane].push_back(f.Submit(fields).id);
  }
  if (on_disk) {
    f.Restart();
    PauseHost(f, "h:80", false);
  }
  for (int i = 0; i < 20'000 && f.Stats().totals.succeeded < 300; ++i) {
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.succeeded == 300);
  OthersGoOn(f, "h:80", "same");
  OthersGoOn(f, "else:80", "else");
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  PauseCaller(f, "shop", false);
  for (int i = 0; i < 20'000 && f.Stats().totals.pending() > 0; ++i) {
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.pending() == 0);
}

TEST_CASE("memory: behind a notify of a paused caller that is cancelled, its lane on disk goes on with another's") {
  CoreFixture f(SmallMemory());
  f.check_every = 50;
  PauseCaller(f, "shop", true);
  BacklogOf(f, 200, "h:80", Mode::kConcurrent);  // memory is short
  CoreFixture::Fields first = NotifyTo("h:80", "both"), second = NotifyTo("h:80", "both", "other");
  first.mode = second.mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  const NotifyId held_up = f.Submit(first).id, behind = f.Submit(second).id;
  f.Pass(1'000);
  CHECK(f.StateOf(behind) == State::kReady);
  CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(held_up)) == Code::kOk);
  f.Pass(1'000);
  CHECK(f.StateOf(behind) == State::kSending);
}

TEST_CASE("memory: of two callers that were paused each goes on with its own resume") {
  CoreFixture f(SmallMemory());
  f.check_every = 50;
  PauseCaller(f, "shop", true);
  PauseCaller(f, "till", true);
  BacklogOf(f, 200, "h:80", Mode::kConcurrent);
  std::vector<NotifyId> ids;
  for (size_t i = 0; i < 200; ++i) ids.push_back(f.Submit(NotifyTo("h:80", "till" + Padded(i), "till")).id);
  f.Pass(10'000);
  REQUIRE(f.starts.empty());
  PauseCaller(f, "till", false);
  for (int i = 0; i < 2'000 && f.Stats().totals.succeeded < ids.size(); ++i) {
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.succeeded == ids.size());
  PauseCaller(f, "shop", false);
  for (int i = 0; i < 2'000 && f.Stats().totals.pending() > 0; ++i) {
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.pending() == 0);
}

TEST_CASE("memory: a namespace that is lent less gives back what waits at hosts that are shut, and goes on") {
  const Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  CoreLimits limits = SmallMemory();
  limits.max_loaded = 1'000;
  CoreFixture f(limits);
  f.check_every = 50;
  std::map<std::string, std::vector<NotifyId>> ids;
  for (size_t host = 0; host < 10; ++host) {
    PauseHost(f, "shut" + Padded(host) + ":80", true);
    ids.merge(BacklogOf(f, 100, "shut" + Padded(host) + ":80", mode));
  }
  REQUIRE(f.core().usage().loaded > 2 * kMemory);
  f.Post(GrantChanged{1, 1'000, kMemory});
  f.Run();
  f.Pass(1'000);
  CHECK_FALSE(f.core().usage().over);
  OthersGoOn(f, "else:80", "else");
  if (GENERATE(false, true)) f.Restart();
  for (size_t host = 0; host < 10; ++host) PauseHost(f, "shut" + Padded(host) + ":80", false);
  SendAll(f, ids);
}

TEST_CASE("memory: a namespace that is lent less gives back what waits for a caller that is paused, and goes on") {
  CoreLimits limits = SmallMemory();
  limits.max_loaded = 1'000;
  CoreFixture f(limits);
  f.check_every = 50;
  PauseCaller(f, "shop", true);
  const auto ids = BacklogOf(f, 400, "h:80", GENERATE(Mode::kConcurrent, Mode::kFifo));
  REQUIRE(f.core().usage().loaded > 2 * kMemory);
  f.Post(GrantChanged{1, 1'000, kMemory});
  f.Run();
  f.Pass(1'000);
  CHECK_FALSE(f.core().usage().over);
  OthersGoOn(f, "h:80", "same");
  PauseCaller(f, "shop", false);
  SendAll(f, ids);
}

TEST_CASE("memory: a namespace that is lent less gives back what waits behind calls that hang") {
  CoreLimits limits = SmallMemory();
  limits.max_loaded = 1'000;
  CoreFixture f(limits);
  f.check_every = 50;
  const Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  if (mode == Mode::kConcurrent) {
    LanePatch one;
    one.concurrency.emplace(1);
    for (size_t lane = 0; lane < 4; ++lane) f.SetLane({mode, "hangs" + Padded(lane)}, one);
  }
  std::map<std::string, std::vector<NotifyId>> ids;
  for (size_t i = 0; i < 400; ++i) {
    CoreFixture::Fields fields = NotifyTo("h:80", "hangs" + Padded(i % 4));
    fields.mode = mode;
    ids[fields.lane].push_back(f.Submit(fields).id);
  }
  REQUIRE(f.starts.size() == 4);
  constexpr size_t kLent = 40;
  REQUIRE(f.core().usage().loaded > 2 * kLent);
  f.Post(GrantChanged{1, 1'000, kLent});
  f.Run();
  f.Pass(1'000);
  CHECK_FALSE(f.core().usage().over);
  OthersGoOn(f, "h:80", "same");
  SendAll(f, ids);
}

namespace {

/// As many fifo lanes at the host, with two notifies each, whose heads have failed once and are due again in five seconds. No breaker opens.
std::map<std::string, std::vector<NotifyId>> AttemptedHeads(CoreFixture& f, size_t lanes, const std::string& host) {
  std::map<std::string, std::vector<NotifyId>> ids;
  for (size_t i = 0; i < lanes; ++i) {
    CoreFixture::Fields fields = NotifyTo(host, host + Padded(i));
    fields.mode = Mode::kFifo;
    fields.retry = Waits({5'000});
    ids[fields.lane].push_back(f.Submit(fields).id);
    REQUIRE(f.starts.size() == 1);
    f.EndFirst(Verdict::kFailure);
    ids[fields.lane].push_back(f.Submit(fields).id);
  }
  return ids;
}

CoreLimits WithoutBreakers() {
  CoreLimits limits = SmallMemory();
  limits.breaker.enabled = false;
  return limits;
}

}  // namespace

TEST_CASE("memory: attempted heads of fifo lanes at hosts that are paused, more than memory holds, keep nothing else from being sent") {
  const bool of_caller = GENERATE(false, true);
  CoreFixture f(WithoutBreakers());
  f.check_every = 50;
  const auto ids = AttemptedHeads(f, 3 * kMemory, "h:80");
  if (of_caller) PauseCaller(f, "shop", true);
  else PauseHost(f, "h:80", true);
  f.Pass(20'000);
  CHECK(f.starts.empty());
  CHECK(f.core().usage().loaded <= kMemory);
  OthersGoOn(f, "else:80", "else");
  for (const auto& [lane, each] : ids) {
    REQUIRE(f.StateOf(each[0]) == State::kReady);
    REQUIRE(f.Get(each[0]).record->state.attempts_made == 1);
  }
  if (GENERATE(false, true)) f.Restart();
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  if (of_caller) PauseCaller(f, "shop", false);
  else PauseHost(f, "h:80", false);
  SendAll(f, ids);
}

TEST_CASE("memory: attempted heads of lanes that wait for their tokens, more than memory holds, keep nothing else from being sent") {
  CoreLimits limits = WithoutBreakers();
  limits.lane_rules = {{"h:80*", std::nullopt, {}}};
  limits.lane_rules[0].settings.rate_per_s = 0.02;
  limits.lane_rules[0].settings.burst = 1;
  CoreFixture f(limits);
  f.check_every = 50;
  const auto ids = AttemptedHeads(f, 3 * kMemory, "h:80");
  f.Pass(10'000);
  CHECK(f.starts.empty());
  CHECK(f.core().usage().loaded <= kMemory);
  const uint64_t batch = f.image().batch;
  f.Pass(3'000);
  CHECK(f.image().batch - batch <= 3);
  OthersGoOn(f, "h:80", "other");
  OthersGoOn(f, "else:80", "else");
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  // Each lane keeps to its rate though it was on disk: none is sent before its token, and then each once.
  f.Pass(10'000);
  CHECK(f.starts.empty());
  if (GENERATE(false, true)) f.Restart();
  SendAll(f, ids);
}

TEST_CASE("memory: what waits for the share of a caller whose calls hang, more than memory holds, keeps nothing else from being sent") {
  constexpr uint32_t kInFlight = 32;
  CoreLimits limits = WithoutBreakers();
  limits.max_in_flight = kInFlight;
  CoreFixture f(limits);
  f.check_every = 50;
  const bool heads = GENERATE(false, true);
  std::map<std::string, std::vector<NotifyId>> ids;
  for (size_t host = 0; host < 2 * kMemory; ++host) {
    const std::string name = "hangs" + Padded(host) + ":80";
    ids.merge(heads ? AttemptedHeads(f, 3, name) : BacklogOf(f, 6, name, Mode::kFifo));
  }
  f.Pass(20'000);
  REQUIRE(f.starts.size() >= kInFlight - 4);
  REQUIRE(f.starts.size() < kInFlight);
  CHECK(f.core().usage().loaded <= kMemory);
  const uint64_t batch = f.image().batch;
  f.Pass(3'000);
  CHECK(f.image().batch - batch <= 3);
  // More than count for nothing there, before another's.
  for (size_t i = 0; i < 40; ++i) f.Submit(NotifyTo("else:80", "mine" + Padded(i)));
  f.Pass(1'000);
  CoreFixture::Fields later = NotifyTo("else:80", "later", "other");
  later.when = Delay(5'000);
  const NotifyId delayed = f.Submit(later).id, now = f.Submit(NotifyTo("else:80", "now", "other")).id;
  f.Pass(2'000);
  CHECK(f.StateOf(now) == State::kSending);
  const auto started = std::find_if(f.starts.begin(), f.starts.end(), [&](const StartAttempt& start) { return start.id == now; });
  f.End(StartAttempt(*started), Verdict::kSuccess);
  f.Run();
  f.Pass(10'000);
  CHECK(f.StateOf(delayed) == State::kSending);
  CHECK(f.core().usage().loaded <= kMemory);
  // It rests, though all places are taken.
  REQUIRE(f.starts.size() == kInFlight);
  CHECK(f.core().NextWake().mono > f.now.mono);
  if (GENERATE(false, true)) {
    f.Restart();
    f.Pass(5'000);
  }
  f.sent.assign(f.starts.begin(), f.starts.end());  // of those that hang
  SendAll(f, ids);
}

TEST_CASE("memory: what waited for its caller's share on disk has its turn at a host where others always wait") {
  CoreLimits limits = WithoutBreakers();
  limits.max_in_flight = 32;
  CoreFixture f(limits);
  f.check_every = 50;
  for (size_t host = 0; host < 2 * kMemory; ++host) BacklogOf(f, 4, "hangs" + Padded(host) + ":80", Mode::kFifo);
  std::set<uint64_t> mine;
  for (size_t i = 0; i < 40; ++i) mine.insert(f.Submit(NotifyTo("h:80", "mine" + Padded(i))).id.value);
  f.Pass(10'000);
  size_t others = 0;
  const auto submit_other = [&] { f.Submit(NotifyTo("h:80", "other" + Padded(++others % 100), "other")); };
  while (others < 200) submit_other();
  for (int i = 0; i < 20'000 && !mine.empty(); ++i) {
    if (f.starts.empty()) {
      f.Pass(10);
      continue;
    }
    if (f.starts[0].envelope->caller == "other") submit_other();
    mine.erase(f.EndFirst(Verdict::kSuccess).value);
  }
  CHECK(mine.empty());
}

TEST_CASE("memory: where more wait for their callers' shares on disk than it knows, all come back though one of them cannot") {
  CoreLimits limits = WithoutBreakers();
  limits.max_in_flight = 32;
  CoreFixture f(limits);
  f.check_every = 500;
  constexpr size_t kHosts = 1'200;
  for (size_t host = 0; host < kHosts; ++host) BacklogOf(f, 2, "hangs" + Padded(host) + ":80", Mode::kFifo);
  f.Pass(20'000);
  PauseHost(f, "hangs" + Padded(100) + ":80", true);
  for (int i = 0; i < 20'000 && f.Stats().totals.pending() > 2; ++i) {
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.pending() == 2);
}

TEST_CASE("memory: attempted heads at a host whose breaker is open keep nothing else from being sent, and go first once it is there again") {
  CoreLimits limits = SmallMemory();
  limits.breaker.failures = 1'000'000;
  CoreFixture f(limits);
  f.check_every = 50;
  const auto ids = AttemptedHeads(f, 3 * kMemory, "h:80");
  auto breaking = std::make_shared<CoreLimits>(limits);
  breaking->breaker.failures = 1;
  f.Post(LimitsChanged{breaking});
  CoreFixture::Fields last = NotifyTo("h:80", "last");
  last.retry = Waits({5'000});
  f.Submit(last);
  AttemptEnded away;
  away.id = f.starts.at(0).id;
  away.result.verdict = Verdict::kFailure;
  away.result.record.number = 1;
  away.result.record.error = "connect_failed";
  away.result.unsent = true;
  f.starts.clear();
  f.Post(std::move(away));
  f.Run();
  // Each probe is in vain.
  for (int i = 0; i < 600; ++i) {
    f.Pass(100);
    while (!f.starts.empty()) {
      AttemptEnded vain;
      vain.id = f.starts.front().id;
      vain.result.verdict = Verdict::kFailure;
      vain.result.record.number = f.starts.front().number;
      vain.result.record.error = "connect_failed";
      vain.result.unsent = true;
      f.starts.pop_front();
      f.Post(std::move(vain));
      f.Run();
    }
  }
  CHECK(f.core().usage().loaded <= kMemory);
  OthersGoOn(f, "else:80", "else");
  SendAll(f, ids);
}

TEST_CASE("memory: an attempted head that went to the disk is cancelled, retried, changed and explained as any other") {
  CoreFixture f(WithoutBreakers());
  f.check_every = 50;
  auto ids = AttemptedHeads(f, 3 * kMemory, "h:80");
  PauseHost(f, "h:80", true);
  f.Pass(20'000);
  const size_t in_tails = static_cast<size_t>(std::count_if(ids.begin(), ids.end(), [&](const auto& each) {
    const NotifyRecord& head = *f.image().Find(each.second[0]);
    return f.image().InTail(head);
  }));
  REQUIRE(in_tails > kMemory);
  size_t at = 0;
  for (auto& [lane, each] : ids) {
    CHECK(f.Why(each[0]) == std::vector<std::string>{"host_paused"});
    CHECK(f.Why(each[1]) == std::vector<std::string>{"host_paused", "behind"});
    switch (at++ % 4) {
      case 0:
        CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(each[0])) == Code::kOk);
        each.erase(each.begin());
        break;
      case 1:
        CHECK(CoreFixture::CodeOf(f.ById<RetryRequest>(each[0])) == Code::kOk);
        break;
      case 2:
        CHECK(CoreFixture::CodeOf(f.Change(each[0], [](ChangeRequest& change) {
                auto envelope = std::make_shared<Envelope>(*change.base->envelope);
                envelope->retry = std::make_shared<RetryPolicy>(Waits({1'000}));
                change.envelope = std::move(envelope);
              })) == Code::kOk);
        break;
      default: {
        // Paused and resumed, or free to be passed: the order holds.
        f.Pause({Mode::kFifo, lane});
        f.Resume({Mode::kFifo, lane});
        LanePatch skip;
        skip.on_retry.emplace(OnRetry::kSkip);
        f.SetLane({Mode::kFifo, lane}, skip);
      }
    }
  }
  f.Pass(5'000);
  OthersGoOn(f, "else:80", "else");
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  PauseHost(f, "h:80", false);
  SendAll(f, ids);
}

TEST_CASE("memory: full of what cannot start it comes to rest: nothing is read and written over and over") {
  CoreFixture f(WithoutBreakers());
  f.check_every = 50;
  PauseHost(f, "queued:80", true);
  AttemptedHeads(f, 2 * kMemory, "h:80");
  BacklogOf(f, 200, "queued:80", Mode::kConcurrent);
  PauseHost(f, "h:80", true);
  f.Pass(20'000);
  OthersGoOn(f, "else:80", "else");
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Pass(1'000);
  const uint64_t batch = f.image().batch;
  f.Pass(3'000);
  CHECK(f.image().batch - batch <= 3);  // what is counted by the minute, and nothing else
}
