// What of telemetry the daemon decides: which settings it takes, which traces it begins, and what spans it makes of what it hears.
#include "cli/daemon/tracing.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clocks.h"
#include "base/random.h"
#include "cli/daemon/settings.h"
#include "support/seen_spans.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using test::TempDir;
using Action = Invocation::Action;

namespace {

std::string RefusalOf(const std::vector<std::string>& arguments) {
  Invocation read = ReadCommandLine(arguments, {});
  CHECK(read.exit_code == 2);
  return read.error;
}

SpanExporterOptions Nowhere() {
  SpanExporterOptions options;
  options.endpoint = "http://127.0.0.1:9";
  return options;
}

constexpr char kTraced[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr int64_t kAhead = 3'600'000, kLate = 5;

/// It begins in an hour, so that a wait which began now is told from one that began when it was due.
StartAttempt AttemptOf(NotifyId id, uint32_t number = 1) {
  auto envelope = std::make_shared<Envelope>();
  envelope->trace_parent = kTraced;
  StartAttempt attempt;
  attempt.id = id;
  attempt.number = number;
  attempt.at = {ReadClockMs(CLOCK_REALTIME) + kAhead};
  attempt.late_ms = kLate;
  attempt.envelope = std::move(envelope);
  attempt.spec = std::make_shared<const std::string>();
  return attempt;
}

AttemptLog EndOf(const StartAttempt& attempt, Phase phase = Phase::kSucceeded) {
  AttemptLog log;
  log.id = attempt.id;
  log.envelope = attempt.envelope;
  log.attempt = true;
  log.number = log.attempts_made = attempt.number;
  log.phase = phase;
  log.settled = IsSettled(phase);
  return log;
}

/// So many are submitted with one request.
void Submit(Tracing* tracing, uint64_t first, size_t count) {
  SampledTraces traces;
  Submitted answer;
  for (size_t i = 0; i < count; ++i) {
    traces.emplace_back(i, kTraced);
    answer.items.emplace_back().id = NotifyId{first + i};
  }
  tracing->Submitted(traces, answer, 0);
}

/// How long waits were, in ms, by the notify's id and the attempt's number.
std::map<std::string, int64_t> WaitsOf(test::Collector* collector, Tracing* tracing) {
  tracing->Finish(20'000);
  std::map<std::string, int64_t> waits;
  for (const test::SeenSpan& span : collector->spans()) {
    if (span.name != "wait") continue;
    waits[span.attributes.at("notifyd.id") + "/" + span.attributes.at("notifyd.attempt")] = (span.end_ns - span.begin_ns) / 1'000'000;
  }
  return waits;
}

SpanExporterOptions To(const test::Collector& collector) {
  SpanExporterOptions options;
  options.endpoint = collector.url();
  return options;
}

}  // namespace

TEST_CASE("settings: a ratio is a number from 0 to 1, on the command line and in the file") {
  const Setting* ratio = FindSetting("otlp.ratio");
  REQUIRE(ratio != nullptr);
  CHECK(AcceptedText(*ratio) == "0 to 1");
  CHECK(ReadCommandLine({"--otlp-ratio=0.25"}, {}).options.otlp.ratio == 0.25);
  CHECK(ReadCommandLine({}, {"NOTIFYD_OTLP_RATIO=1"}).options.otlp.ratio == 1);
  for (const char* bad : {"-0.1", "1.5", "nan", "inf", "", "half", "0.5x"}) {
    INFO(bad);
    CHECK_THAT(RefusalOf({std::string("--otlp-ratio=") + bad}), Catch::Contains("otlp.ratio") && Catch::Contains("0 to 1"));
  }
  TempDir dir;
  for (const auto& [text, value] : {std::pair<std::string, double>{"0.5", 0.5}, {"1", 1}, {"0", 0}}) {
    Invocation read = ReadCommandLine({"--config", dir.Write("n.toml", "[otlp]\nratio = " + text + "\n")}, {});
    REQUIRE(read.action == Action::kRun);
    CHECK(read.options.otlp.ratio == value);
  }
  for (const char* bad : {"2", "-1.0", "\"0.5\"", "nan", "true"}) {
    INFO(bad);
    CHECK_THAT(RefusalOf({"--config", dir.Write("n.toml", std::string("[otlp]\nratio = ") + bad + "\n")}), Catch::Contains("otlp.ratio"));
  }
}

TEST_CASE("tracing: a trace is sampled by its id alone, a part of them that is the ratio") {
  CHECK(Tracing::IsIn(0, 0.01));
  CHECK_FALSE(Tracing::IsIn(0, 0));
  CHECK(Tracing::IsIn(UINT64_MAX, 1));
  CHECK_FALSE(Tracing::IsIn(UINT64_MAX, 0.99));
  // The first two of the sixteen digits do not count.
  CHECK(Tracing::IsIn(0xFF00000000000000, 0.01));
  Random random(7);
  int in = 0;
  for (int i = 0; i < 100'000; ++i) in += Tracing::IsIn(random.Next(), 0.1);
  CHECK(in > 9'500);
  CHECK(in < 10'500);
}

TEST_CASE("tracing: a trace that begins here is a valid one, sampled, whose parent is the submit's span") {
  Tracing all(Nowhere(), 1), none(Nowhere(), 0), some(Nowhere(), 0.5);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string begun = all.Begin();
    REQUIRE(begun.size() == 55);
    CHECK(begun.starts_with("00-"));
    CHECK(IsSampled(begun));
    CHECK(begun.find_first_not_of("0123456789abcdef-") == std::string::npos);
    CHECK(std::stoull(begun.substr(36, 16), nullptr, 16) == FirstSpan(begun.substr(3, 32)));
    CHECK(none.Begin().empty());
    const std::string half = some.Begin();
    if (!half.empty()) CHECK(Tracing::IsIn(std::stoull(half.substr(19, 16), nullptr, 16), 0.5));
    seen.insert(begun);
  }
  CHECK(seen.size() == 100);
}

TEST_CASE("tracing: spans of one notify differ, and are the same whoever asks") {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  std::set<uint64_t> spans{FirstSpan(trace)};
  for (uint64_t id = 1; id <= 100; ++id)
    for (uint32_t number = 1; number <= 20; ++number) {
      spans.insert(AttemptSpan(trace, NotifyId{id}, number));
      spans.insert(WaitSpan(trace, NotifyId{id}, number));
    }
  CHECK(spans.size() == 4'001);
  CHECK_FALSE(spans.contains(0));
  CHECK(AttemptSpan(trace, NotifyId{7}, 2) == AttemptSpan(std::string(trace), NotifyId{7}, 2));
}

TEST_CASE("tracing: sampled is what a traceparent's last bit says") {
  const std::string head = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";
  for (const char* yes : {"01", "03", "0f", "0b", "ff"}) CHECK(IsSampled(head + yes));
  for (const char* no : {"00", "02", "0a", "0e"}) CHECK_FALSE(IsSampled(head + no));
  CHECK_FALSE(IsSampled(""));
  CHECK_FALSE(IsSampled(head));
}

TEST_CASE("tracing: attempts have their spans however many others wait, and however many begin behind them") {
  Tracing tracing(Nowhere(), 1);
  Submit(&tracing, 1, 20'000);
  std::vector<StartAttempt> attempts;
  for (uint64_t i = 0; i < 100; ++i) tracing.Started(attempts.emplace_back(AttemptOf(NotifyId{100'000 + i})));
  Submit(&tracing, 200'000, 20'000);
  const uint64_t before = tracing.made();
  for (const StartAttempt& attempt : attempts) tracing.Ended("default", EndOf(attempt));
  CHECK(tracing.made() - before == 200);
}

TEST_CASE("tracing: of more waits than are kept the oldest is let go of, and begins when it was due") {
  test::Collector collector;
  Tracing tracing(To(collector), 1);
  Submit(&tracing, 1, 1);
  Submit(&tracing, 2, 20'000);
  for (uint64_t id : {uint64_t{1}, uint64_t{2}, uint64_t{20'001}}) {
    const StartAttempt attempt = AttemptOf(NotifyId{id});
    tracing.Started(attempt);
    tracing.Ended("default", EndOf(attempt));
  }
  const std::map<std::string, int64_t> waits = WaitsOf(&collector, &tracing);
  REQUIRE(waits.size() == 3);
  CHECK(waits.at(NotifyId{1}.ToString() + "/1") == kLate);
  CHECK(waits.at(NotifyId{2}.ToString() + "/1") > kAhead / 2);
  CHECK(waits.at(NotifyId{20'001}.ToString() + "/1") > kAhead / 2);
}

TEST_CASE("tracing: a namespace that leaves costs what is known of it, and takes nothing of others along") {
  test::Collector collector;
  Tracing tracing(To(collector), 1);
  const auto cost_us = [](const std::function<void()>& work) {
    const int64_t begun_us = ReadClockUs(CLOCK_THREAD_CPUTIME_ID);
    work();
    return ReadClockUs(CLOCK_THREAD_CPUTIME_ID) - begun_us;
  };
  const int64_t submit_us = cost_us([&] { Submit(&tracing, NotifyId::Of(7, 1).value, 20'000); });
  // Of none of these anything is known: a walk over what is known of the other for each would cost some hundred times as much as the submit did.
  const int64_t leave_us = cost_us([&] {
    for (NamespaceNumber number = 8; number < 10'008; ++number) tracing.Left(number);
  });
  CHECK(leave_us < 10 * submit_us);
  const auto attempt = [&](NotifyId id) {
    const StartAttempt start = AttemptOf(id);
    tracing.Started(start);
    tracing.Ended("seven", EndOf(start));
  };
  const NotifyId first = NotifyId::Of(7, 1), last = NotifyId::Of(7, 20'000), gone = NotifyId::Of(7, 5'000);
  attempt(first);
  attempt(last);
  tracing.Left(7);
  attempt(gone);
  const std::map<std::string, int64_t> waits = WaitsOf(&collector, &tracing);
  REQUIRE(waits.size() == 3);
  CHECK(waits.at(first.ToString() + "/1") > kAhead / 2);
  CHECK(waits.at(last.ToString() + "/1") > kAhead / 2);
  CHECK(waits.at(gone.ToString() + "/1") == kLate);
}

TEST_CASE("tracing: a notify that ends before its submit is answered leaves no wait behind for an attempt of later") {
  test::Collector collector;
  Tracing tracing(To(collector), 1);
  const StartAttempt first = AttemptOf(NotifyId{1}), second = AttemptOf(NotifyId{1}, 2), third = AttemptOf(NotifyId{1}, 3);
  tracing.Started(first);
  tracing.Ended("default", EndOf(first, Phase::kFailed));
  Submit(&tracing, 1, 1);
  tracing.Started(second);
  // The third is waited for from here on, whatever else is heard of the submit.
  tracing.Ended("default", EndOf(second, Phase::kRetrying));
  Submit(&tracing, 1, 1);
  tracing.Started(third);
  tracing.Ended("default", EndOf(third));
  const std::map<std::string, int64_t> waits = WaitsOf(&collector, &tracing);
  REQUIRE(waits.size() == 3);
  CHECK(waits.at(NotifyId{1}.ToString() + "/1") == kLate);
  CHECK(waits.at(NotifyId{1}.ToString() + "/2") == kLate);
  CHECK(waits.at(NotifyId{1}.ToString() + "/3") > kAhead / 2);
}

TEST_CASE("tracing: a wait that ends without an attempt has its span, also where nobody knows when it began") {
  test::Collector collector;
  Tracing tracing(To(collector), 1);
  AttemptLog cancelled = EndOf(AttemptOf(NotifyId{1}), Phase::kCancelled);
  cancelled.attempt = false;
  cancelled.number = cancelled.attempts_made = 0;
  tracing.Ended("default", cancelled);
  const std::map<std::string, int64_t> waits = WaitsOf(&collector, &tracing);
  REQUIRE(waits.size() == 1);
  CHECK(waits.at(NotifyId{1}.ToString() + "/1") == 0);
}

TEST_CASE("tracing: spans of attempts whose end is not heard of count as dropped") {
  Tracing tracing(Nowhere(), 1);
  SECTION("there are more than may be in flight") {
    const StartAttempt first = AttemptOf(NotifyId{1}), second = AttemptOf(NotifyId{2});
    tracing.Started(first);
    tracing.Started(second);
    for (uint64_t i = 3; i <= 100'001; ++i) {
      StartAttempt more = second;
      more.id = NotifyId{i};
      tracing.Started(more);
    }
    CHECK(tracing.made() == 2);
    CHECK(tracing.dropped() == 2);
    tracing.Ended("default", EndOf(first));
    CHECK(tracing.made() == 2);
    tracing.Ended("default", EndOf(second));
    CHECK(tracing.made() == 4);
  }
  SECTION("their namespace is served elsewhere by now") {
    const StartAttempt gone = AttemptOf(NotifyId::Of(7, 1)), stays = AttemptOf(NotifyId::Of(8, 1));
    tracing.Started(gone);
    tracing.Started(stays);
    tracing.Left(7);
    CHECK(tracing.made() == 2);
    CHECK(tracing.dropped() == 2);
    tracing.Ended("seven", EndOf(gone));
    CHECK(tracing.made() == 2);
    tracing.Ended("eight", EndOf(stays));
    CHECK(tracing.made() == 4);
  }
}
