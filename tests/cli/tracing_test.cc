// What of telemetry the daemon decides: which settings it takes, and which traces it begins.
#include "cli/daemon/tracing.h"

#include <set>

#include "base/random.h"
#include "cli/daemon/settings.h"
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
