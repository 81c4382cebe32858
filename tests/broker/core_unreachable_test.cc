// The last resort: subscriptions whose destination was not reached for long are paused, until somebody resumes them.
#include <algorithm>
#include <catch2/catch.hpp>

#include "broker/service_events.h"
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

constexpr int64_t kDisableAfterMs = 25'000;

class Unreachable : public Topics {
 public:
  Unreachable() : Topics(Limits()) {}
  static CoreLimits Limits() {
    CoreLimits limits;
    limits.breaker.failures = 1;
    limits.breaker.disable_after_ms = kDisableAfterMs;
    return limits;
  }
  /// No attempt to the host gets through, for so long.
  void Unreached(const std::string& host, int64_t ms) {
    for (int64_t end = now.mono.ms + ms; now.mono.ms < end; Pass(500)) {
      const std::vector<StartAttempt> started(starts.begin(), starts.end());
      for (const StartAttempt& start : started) {
        if (start.envelope->host != host) continue;
        AttemptEnded e;
        e.id = start.id;
        e.result.verdict = Verdict::kFailure;
        e.result.unsent = true;
        e.result.record.number = start.number;
        e.result.record.started_at = start.at;
        e.result.record.error = "connect_failed";
        std::erase_if(starts, [&](const StartAttempt& s) { return s.id == e.id; });
        Post(std::move(e));
        Run();
      }
    }
  }
  std::vector<FlowLog> Logged(const std::string& event) const {
    std::vector<FlowLog> found;
    std::copy_if(flow_logs.begin(), flow_logs.end(), std::back_inserter(found), [&](const FlowLog& log) { return log.event == event; });
    return found;
  }
  bool Sends(const std::string& host) const {
    return std::any_of(starts.begin(), starts.end(), [&](const StartAttempt& start) { return start.envelope->host == host; });
  }
};

}  // namespace

TEST_CASE("unreachable: subscriptions to a host that was not reached for disable_after_ms are paused, over restarts, until somebody resumes them") {
  Unreachable f;
  f.Subscribe("one");
  f.Subscribe("other");
  f.Emit(Topics::Item("a.b", "{}"));
  f.Unreached("one:80", kDisableAfterMs - 5'000);
  CHECK_FALSE(f.See("one").said->paused);
  f.Unreached("one:80", 3'600'000);
  CHECK(f.See("one").said->paused);
  CHECK(f.See("one").unreachable);
  CHECK_FALSE(f.See("other").said->paused);
  CHECK(f.Stats().topics->paused == 1);
  const std::vector<FlowLog> logged = f.Logged("subscription paused");
  REQUIRE(logged.size() == 1);
  CHECK(logged[0].warning);
  CHECK(logged[0].fields.at(0).second == "one");
  CHECK(logged[0].fields.at(1).second == "one:80");
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
  f.Restart(CrashKind::kPower);
  CHECK(f.See("one").unreachable);
  f.Emit(Topics::Item("a.b", "{}"));
  HostChangeRequest resume;
  resume.host = "one:80";
  resume.patch.paused = false;
  f.Do(std::move(resume));
  f.Pass(600'000);
  CHECK_FALSE(f.Sends("one:80"));  // the host alone is not enough
  CHECK(f.See("one").pending == 2);
  f.Subscribe("one");
  CHECK_FALSE(f.See("one").said->paused);
  CHECK_FALSE(f.See("one").unreachable);
  f.Pass(1'000);
  CHECK(f.Sends("one:80"));
  f.ServeAll();
  CHECK(f.See("one").pending == 0);
  CHECK(f.Balances());
}

TEST_CASE("unreachable: so are those to a service none of whose instances was") {
  Unreachable f;
  auto tell = [&](auto ask) { f.Do(ServiceRequest{{}, std::make_shared<const ServiceAsk>(ServiceAsk{std::move(ask)})}); };
  tell(PutInstance{"cache", "a", {"http://a", 1, {}, 0}, {}});
  SubscriptionPut put = Topics::PutOf("one", {});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  envelope->host = "service://cache";
  said->envelope = envelope;
  NotifySpec spec = *DecodeSpec(*said->spec);
  spec.url = "service://cache/drop";
  said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  put.said = said;
  f.Tell({put});
  f.Emit(Topics::Item("a.b", "{}"));
  f.Unreached("service://cache", kDisableAfterMs - 5'000);
  CHECK_FALSE(f.See("one").said->paused);
  f.Unreached("service://cache", 3'600'000);
  CHECK(f.See("one").unreachable);
  CHECK(f.Logged("subscription paused").size() == 1);
  f.Restart();
  CHECK(f.See("one").unreachable);
  f.Tell({put});
  CHECK_FALSE(f.See("one").unreachable);
}

TEST_CASE("unreachable: a call that began before the breaker opened, and ends well after so long, pauses nothing") {
  Unreachable f;
  Topics::Fields fields;
  fields.lane = "long";
  fields.host = "one:80";
  const NotifyId id = f.Submit(fields).id;
  REQUIRE(f.starts.size() == 1);
  const StartAttempt long_one = f.starts[0];
  f.starts.clear();  // nobody but this test ends it
  fields.lane = "short";
  fields.retry = Waits({1'000}, 1'000);
  f.Submit(fields);
  f.Unreached("one:80", kDisableAfterMs - 5'000);  // with the probe after 10 s
  f.Pass(7'000);
  REQUIRE_FALSE(f.Sends("one:80"));  // the next one is to go after 30 s
  f.End(long_one, Verdict::kSuccess);
  f.Run();
  CHECK(f.Get(id).record->state.phase == Phase::kSucceeded);
  CHECK(f.Logged("host paused").empty());
  // The next probe in vain does.
  f.Unreached("one:80", 600'000);
  CHECK(f.Logged("host paused").size() == 1);
}

}  // namespace notifyd
