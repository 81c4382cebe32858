// Callers and hosts switched off by hand, and who calls how much.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

CoreFixture::Fields By(std::string caller, std::string host = "h:80", std::string lane = "") {
  CoreFixture::Fields fields;
  fields.lane = lane.empty() ? caller + "@" + host : lane;
  fields.caller = std::move(caller);
  fields.host = std::move(host);
  return fields;
}

HostPatch Concurrency(uint32_t n) {
  HostPatch patch;
  patch.concurrency.emplace(n);
  return patch;
}
HostPatch CallsPerSecond(double n) {
  HostPatch patch;
  patch.rate_per_s.emplace(n);
  return patch;
}
HostPatch PauseHost(bool paused) {
  HostPatch patch;
  patch.paused = paused;
  return patch;
}
CallerPatch PauseCaller(bool paused) {
  CallerPatch patch;
  patch.paused = paused;
  return patch;
}
CallerPatch SubmitsPerSecond(double n) {
  CallerPatch patch;
  patch.submits_per_s.emplace(n);
  return patch;
}

HostView SetHost(CoreFixture& f, const std::string& host, const HostPatch& patch) {
  HostChangeRequest r;
  r.host = host;
  r.patch = patch;
  return std::get<HostViewed>(f.Do(std::move(r)).body).host;
}
CallerView SetCaller(CoreFixture& f, const std::string& caller, const CallerPatch& patch) {
  CallerChangeRequest r;
  r.caller = caller;
  r.patch = patch;
  return std::get<CallerViewed>(f.Do(std::move(r)).body).caller;
}
CallersListed Callers(CoreFixture& f, CallersQuery query = {}) {
  CallersRequest r;
  r.query = std::move(query);
  return std::get<CallersListed>(f.Do(std::move(r)).body);
}
HostsListed Hosts(CoreFixture& f, HostsQuery query = {}) {
  HostsRequest r;
  r.query = std::move(query);
  return std::get<HostsListed>(f.Do(std::move(r)).body);
}
std::vector<std::string> Names(const HostsListed& listed) {
  std::vector<std::string> names;
  for (const HostView& view : listed.hosts) names.push_back(view.host);
  return names;
}
std::vector<std::string> Names(const CallersListed& listed) {
  std::vector<std::string> names;
  for (const CallerView& view : listed.callers) names.push_back(view.rates.caller);
  return names;
}

}  // namespace

// ---- hosts

TEST_CASE("host: a paused one gets no call, also after a restart, and goes on once it is resumed") {
  CoreFixture f;
  CHECK(SetHost(f, "h:80", PauseHost(true)).own.paused);
  NotifyId id = f.Submit(By("c")).id;
  NotifyId other = f.Submit(By("c", "other:80")).id;
  CHECK(f.UnderWay() == std::vector<NotifyId>{other});
  CHECK(f.Why(id) == std::vector<std::string>{"host_paused"});
  CHECK_FALSE(f.Explain(id).expected_at);
  f.Restart(CrashKind::kPower);
  CHECK(f.UnderWay() == std::vector<NotifyId>{other});
  CHECK(f.Why(id) == std::vector<std::string>{"host_paused"});
  CHECK_FALSE(SetHost(f, "h:80", PauseHost(false)).own.paused);
  CHECK(f.starts.size() == 2);
  CHECK(f.image().switches->hosts.empty());
}

TEST_CASE("host: a pause lets end what is in flight, and what waits in many lanes waits") {
  CoreFixture f;
  for (int i = 0; i < 5; ++i) f.Submit(By("c", "h:80", "lane" + std::to_string(i)));
  CHECK(f.starts.size() == 5);
  SetHost(f, "h:80", PauseHost(true));
  for (int i = 0; i < 5; ++i) f.Submit(By("c", "h:80", "lane" + std::to_string(i)));
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Pass(10'000);
  CHECK(f.starts.empty());
  CHECK(f.Stats().ready == 5);
  SetHost(f, "h:80", PauseHost(false));
  CHECK(f.starts.size() == 5);
}

TEST_CASE("switches: a call whose body is still read when its host, caller or lane is paused waits, and goes out once that is over") {
  CoreLimits limits;
  limits.max_spec_bytes = 0;
  CoreFixture f(limits);
  const Mode mode = GENERATE(Mode::kConcurrent, Mode::kFifo);
  CoreFixture::Fields fields = By("c");
  fields.mode = mode;
  const bool attempted = GENERATE(false, true);
  f.reads().CloseLoads();
  const NotifyId id = f.Submit(fields).id;
  if (attempted) {
    f.reads().OpenLoads();
    f.Run();
    f.EndFirst(Verdict::kFailure);
    f.reads().CloseLoads();
    f.Pass(60'000);
  }
  REQUIRE(f.starts.empty());
  const size_t which = GENERATE(0, 1, 2);
  if (which == 2 && mode == Mode::kFifo && attempted) return;  // the lane's pause waits for its attempted head to be read
  const auto pause = [&](bool paused) {
    LanePatch lane;
    lane.paused = paused;
    if (which == 0) SetHost(f, "h:80", PauseHost(paused));
    else if (which == 1) SetCaller(f, "c", PauseCaller(paused));
    else f.SetLane({mode, "c@h:80"}, lane);
  };
  pause(true);
  f.reads().OpenLoads();
  f.Run();
  CHECK(f.starts.empty());
  f.Restart();
  f.Pass(60'000);
  CHECK(f.starts.empty());
  pause(false);
  f.Pass(60'000);
  REQUIRE(f.UnderWay() == std::vector<NotifyId>{id});
  CHECK(f.starts[0].number == (attempted ? 2 : 1));
}

TEST_CASE("switches: calls whose bodies are still read when their host or lane is to have fewer at once wait, as many as are too many") {
  CoreLimits limits;
  limits.max_spec_bytes = 0;
  CoreFixture f(limits);
  f.reads().CloseLoads();
  for (int i = 0; i < 5; ++i) f.Submit(By("c"));
  LanePatch lane;
  lane.concurrency.emplace(2);
  if (GENERATE(false, true)) SetHost(f, "h:80", Concurrency(2));
  else f.SetLane({Mode::kConcurrent, "c@h:80"}, lane);
  f.reads().OpenLoads();
  f.Run();
  CHECK(f.starts.size() == 2);
  for (size_t settled = 0; settled < 5; ++settled) {
    REQUIRE(f.starts.size() == std::min<size_t>(2, 5 - settled));
    f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.succeeded == 5);
}

TEST_CASE("host: its own concurrency holds from then on, up and down") {
  CoreFixture f;
  SetHost(f, "h:80", Concurrency(2));
  for (int i = 0; i < 9; ++i) f.Submit(By("c", "h:80", "lane" + std::to_string(i)));
  NotifyId last = f.Submit(By("c", "h:80", "lane9")).id;
  CHECK(f.starts.size() == 2);
  CHECK(f.Why(last) == std::vector<std::string>{"host_at_cap"});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 2);
  SetHost(f, "h:80", Concurrency(4));
  CHECK(f.starts.size() == 4);
  SetHost(f, "h:80", Concurrency(1));
  f.EndFirst(Verdict::kSuccess);
  f.EndFirst(Verdict::kSuccess);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 1);
  HostPatch none;
  none.concurrency.emplace(std::nullopt);
  SetHost(f, "h:80", none);
  CHECK(f.starts.size() == 5);
}

TEST_CASE("host: its rate spaces the starts of all its lanes") {
  CoreFixture f;
  SetHost(f, "h:80", CallsPerSecond(2));
  NotifyId last;
  for (int i = 0; i < 4; ++i) last = f.Submit(By("c", "h:80", "lane" + std::to_string(i))).id;
  CHECK(f.starts.size() == 1);
  CHECK(f.Why(last) == std::vector<std::string>{"host_rate_limited"});
  f.Pass(499);
  CHECK(f.starts.size() == 1);
  f.Pass(1);
  CHECK(f.starts.size() == 2);
  f.Pass(1'000);
  CHECK(f.starts.size() == 4);
}

TEST_CASE("host: lanes that sleep on disk wait for it, and are woken once it is resumed") {
  CoreLimits limits;
  limits.max_waiting_lanes_per_host = 4;
  CoreFixture f(limits);
  SetHost(f, "h:80", PauseHost(true));
  for (int i = 0; i < 40; ++i) f.Submit(By("c", "h:80", "lane" + std::to_string(i)));
  CHECK(f.Stats().totals.sleeping_lanes > 0);
  SetHost(f, "h:80", PauseHost(false));
  for (size_t ended = 0; ended < 40 && !f.starts.empty(); ++ended) {
    f.EndFirst(Verdict::kSuccess);
    f.Pass(1);
  }
  CHECK(f.Stats().totals.succeeded == 40);
}

TEST_CASE("hosts: those of which something is known are listed by name, page by page") {
  CoreFixture f;
  SetHost(f, "z:80", PauseHost(true));
  for (const char* host : {"b:80", "a:80", "c:80"}) f.Submit(By("c", host));
  HostsListed all = Hosts(f);
  CHECK(Names(all) == std::vector<std::string>{"a:80", "b:80", "c:80", "z:80"});
  CHECK_FALSE(all.more);
  CHECK(all.hosts[0].in_flight == 1);
  CHECK(all.hosts[3].own.paused);
  CHECK(all.hosts[3].at_cap);
  HostsQuery page;
  page.limit = 2;
  page.after = "a:80";
  CHECK(Names(Hosts(f, page)) == std::vector<std::string>{"b:80", "c:80"});
  CHECK(Hosts(f, page).more);
  page.prefix = "z";
  CHECK(Names(Hosts(f, page)) == std::vector<std::string>{"z:80"});
  HostsRequest one;
  one.query.only = "b:80";
  CHECK(std::get<HostViewed>(f.Do(one).body).host.host == "b:80");
  HostsRequest none;
  none.query.only = "nowhere:80";
  CHECK(f.CodeOf(f.Do(none)) == Code::kNotFound);
}

// ---- callers

TEST_CASE("caller: nothing of a paused one is sent, also after a restart, others are") {
  CoreFixture f;
  SetCaller(f, "bad", PauseCaller(true));
  NotifyId id = f.Submit(By("bad")).id;
  NotifyId good = f.Submit(By("good")).id;
  CHECK(f.UnderWay() == std::vector<NotifyId>{good});
  CHECK(f.Why(id) == std::vector<std::string>{"caller_paused"});
  CHECK_FALSE(f.Explain(id).expected_at);
  f.Restart(CrashKind::kPower);
  CHECK(f.UnderWay() == std::vector<NotifyId>{good});
  SetCaller(f, "bad", PauseCaller(false));
  CHECK(f.starts.size() == 2);
}

TEST_CASE("caller: a pause stops lanes that wait for their turn, and one that is scheduled says so") {
  CoreLimits limits;
  limits.max_in_flight_per_host = 1;
  CoreFixture f(limits);
  f.Submit(By("first"));
  f.Submit(By("bad"));
  CoreFixture::Fields later = By("bad", "h:80", "later");
  later.when = Delay(60'000);
  NotifyId scheduled = f.Submit(later).id;
  SetCaller(f, "bad", PauseCaller(true));
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.empty());
  CHECK(f.Why(scheduled) == std::vector<std::string>{"not_due", "caller_paused"});
  SetCaller(f, "bad", PauseCaller(false));
  CHECK(f.starts.size() == 1);
}

TEST_CASE("caller: an attempted head that waits for its turn keeps it where a paused caller's notifies behind it are read and go back to the disk") {
  CoreLimits limits;
  limits.page_items = 1;
  CoreFixture f(limits);
  SetCaller(f, "bad", PauseCaller(true));
  f.Pause(kFifoLane);
  CoreFixture::Fields head = Fifo(), behind = Fifo();
  head.retry = Waits({10});
  behind.caller = "bad";
  const NotifyId id = f.Submit(head).id;
  for (int i = 0; i < 2; ++i) f.Submit(behind);
  f.reads().ClosePages();
  f.Resume(kFifoLane);
  // What is behind it is on its way into memory while it is in flight.
  f.reads().OpenPages();
  f.reads().ClosePages();
  f.Pass(10);
  REQUIRE(f.starts.size() == 1);
  SetHost(f, head.host, PauseHost(true));
  f.EndFirst(Verdict::kFailure);
  f.Pass(1'000);
  f.reads().OpenPages();
  f.Pass(10);
  CHECK(f.starts.empty());
  SetHost(f, head.host, PauseHost(false));
  f.Pass(100);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == id);
}

TEST_CASE("caller: its submits are held to its rate, in batches each, others' are not") {
  CoreFixture f;
  SetCaller(f, "fast", SubmitsPerSecond(2));
  CHECK(f.CodeOf(f.TrySubmit({By("fast"), By("fast")})) == Code::kOk);
  const Reply& reply = f.TrySubmit({By("fast")}, false);
  REQUIRE(std::holds_alternative<Refused>(reply.body));
  CHECK(std::get<Refused>(reply.body).status.code() == Code::kTooMany);
  CHECK(std::get<Refused>(reply.body).status.detail().find("fast") != std::string::npos);
  CHECK(std::get<Refused>(reply.body).retry_after_ms == 500);
  f.Submit(By("slow"));
  // A batch is refused as a whole, and takes nothing.
  f.Pass(500);
  CHECK(f.CodeOf(f.TrySubmit({By("slow"), By("fast"), By("fast")})) == Code::kTooMany);
  f.Submit(By("fast"));
  CallerPatch none;
  none.submits_per_s.emplace(std::nullopt);
  SetCaller(f, "fast", none);
  for (int i = 0; i < 10; ++i) f.Submit(By("fast"));
}

TEST_CASE("caller: what it set is there after a restart, as one record") {
  CoreFixture f;
  SetCaller(f, "a", SubmitsPerSecond(0.5));
  SetCaller(f, "b", PauseCaller(true));
  SetHost(f, "h:80", CallsPerSecond(3));
  f.Restart(CrashKind::kPower);
  REQUIRE(f.image().switches);
  CHECK(f.image().switches->callers.size() == 2);
  CHECK(SetCaller(f, "a", {}).own.submits_per_s == 0.5);
  CHECK(SetCaller(f, "b", {}).own.paused);
  CHECK(SetHost(f, "h:80", {}).own.rate_per_s == 3);
}

TEST_CASE("callers: a submit that is refused before they are known waits for them no more") {
  CoreFixture f;
  f.Post(DiskSpace{true});
  SubmitRequest r;
  r.items.push_back(CoreFixture::Item({}));
  CHECK(f.CodeOf(f.Do(std::move(r))) == Code::kDiskFull);
  f.Post(DiskSpace{false});
  f.Run();
  f.Submit({});
}

TEST_CASE("callers and hosts: no more than a bounded number have settings") {
  CoreFixture f;
  f.check_every = 1'000;
  for (size_t i = 0; i < kMostSwitched; ++i) SetCaller(f, "c" + std::to_string(i), PauseCaller(true));
  CallerChangeRequest r;
  r.caller = "another";
  r.patch = PauseCaller(true);
  CHECK(f.CodeOf(f.Do(r)) == Code::kConflict);
  SetCaller(f, "c7", PauseCaller(false));
  SetCaller(f, "another", PauseCaller(true));
}

TEST_CASE("callers: the top by what was asked for, with the last minute, hour and day") {
  CoreFixture f;
  for (int i = 0; i < 3; ++i) f.Submit(By("many"));
  CoreFixture::Fields large = By("large");
  large.data = R"({"a":")" + std::string(10'000, 'x') + R"("})";
  f.Submit(large);
  CoreFixture::Fields fails = By("fails");
  fails.retry = Waits({0}, 1);
  f.Submit(fails);
  for (size_t n = f.starts.size(); n > 0; --n) {
    const bool bad = f.starts.front().envelope->caller == "fails";
    f.EndFirst(bad ? Verdict::kFailure : Verdict::kSuccess);
  }
  CallersQuery query;
  CHECK(Names(Callers(f, query)).front() == "many");
  query.sort = CallersQuery::Sort::kBytes;
  CHECK(Names(Callers(f, query)).front() == "large");
  query.sort = CallersQuery::Sort::kFailed;
  query.limit = 1;
  CallersListed failed = Callers(f, query);
  CHECK(Names(failed) == std::vector<std::string>{"fails"});
  CHECK(failed.more);
  CHECK(failed.callers[0].rates.minute.failed == 1);
  CHECK(failed.callers[0].rates.minute.accepted == 1);
  f.Pass(120'000);
  CHECK(Callers(f, query).callers[0].rates.minute.failed == 0);
  CHECK(Callers(f, query).callers[0].rates.hour.failed == 1);
  CHECK(Callers(f, query).callers[0].rates.day.failed == 1);
  query.since_ms = 60'000;
  CHECK(Callers(f, query).callers[0].rates.since.failed == 0);
  CHECK(Callers(f, query).counted_for_ms >= 120'000);
}

TEST_CASE("callers: one with settings is listed though nothing is heard of it; one that is asked for by name, too") {
  CoreFixture f;
  SetCaller(f, "off", PauseCaller(true));
  f.Submit(By("on"));
  CHECK(Names(Callers(f)) == std::vector<std::string>{"on", "off"});
  CallersRequest one;
  one.query.only = "nobody";
  CHECK(std::get<CallerViewed>(f.Do(one).body).caller.rates.caller == "nobody");
}
