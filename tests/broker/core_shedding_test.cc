// What is ready and cannot start, because its caller is paused, takes no memory that others need.
#include <map>
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
