// What figures are made of: durations by size, counts by second and by host.
#include "broker/figures.h"

#include <catch2/catch.hpp>

#include "broker/host_figures.h"

using namespace notifyd;

namespace {

constexpr int64_t kFiguresMinute = 60'000, kFiguresHour = 3'600'000, kDay = 24 * kFiguresHour;

AttemptResult End(Verdict verdict, int64_t duration_ms, uint16_t status = 200, std::string error = "") {
  AttemptResult result;
  result.verdict = verdict;
  result.record.duration_ms = duration_ms;
  result.record.status = status;
  result.record.error = std::move(error);
  return result;
}

}  // namespace

TEST_CASE("durations: each has a size whose span holds it, and spans grow by half at most") {
  for (size_t size = 0; size < DurationCounts::kSizes; ++size) {
    const int64_t least = DurationCounts::LeastOf(size);
    CHECK(DurationCounts::SizeOf(least) == size);
    if (size + 1 == DurationCounts::kSizes) continue;
    const int64_t next = DurationCounts::LeastOf(size + 1);
    CHECK(DurationCounts::SizeOf(next - 1) == size);
    if (least > 1) CHECK(2 * next <= 3 * least);
  }
  CHECK(DurationCounts::SizeOf(-5) == 0);
  CHECK(DurationCounts::SizeOf(INT64_MAX) == DurationCounts::kSizes - 1);
}

TEST_CASE("durations: what so many per mille do not exceed is told within their sizes") {
  DurationCounts counts;
  CHECK_FALSE(counts.AtPerMille(500));
  for (int64_t ms = 1; ms <= 1000; ++ms) counts.Add(ms);
  CHECK(counts.count() == 1000);
  for (int per_mille : {10, 100, 500, 900, 990, 999}) {
    const int64_t told = counts.AtPerMille(per_mille).value();
    CHECK(told >= per_mille * 2 / 3);
    CHECK(told <= per_mille * 3 / 2);
  }
  DurationCounts one;
  one.Add(0);
  CHECK(one.AtPerMille(990) == 0);
  one += counts;
  CHECK(one.count() == 1001);
}

TEST_CASE("figures of a host: the last five minutes count, and since when it fails is told until it succeeds") {
  Destination host("h:80");
  const Now start{{kDay}, {10 * kDay}};
  auto at = [&](int64_t later) { return Now{{start.wall.ms + later}, {start.mono.ms + later}}; };
  host.Ended(End(Verdict::kSuccess, 10), at(0));
  host.Ended(End(Verdict::kFailure, 20, 503, "unexpected_answer"), at(1'000));
  host.Ended(End(Verdict::kFailure, 30, 0, "connect"), at(2'000));
  HostFigures figures = host.Figures(at(3'000).mono);
  CHECK(figures.attempts == 3);
  CHECK(figures.failed == 2);
  CHECK(figures.failing_since == at(1'000).wall);
  CHECK(figures.last_error == "connect");
  CHECK(figures.p99_ms.value() >= 24);
  host.Ended(End(Verdict::kFatal, 5, 400, "unexpected_answer"), at(4'000));
  CHECK(host.Figures(at(5'000).mono).last_error == "status 400");
  // "Not ready yet" is neither a failure nor a success.
  host.Ended(End(Verdict::kLater, 5, 202), at(6'000));
  figures = host.Figures(at(6'000).mono);
  CHECK(figures.failed == 3);
  CHECK(figures.failing_since == at(1'000).wall);
  CHECK(host.fails());
  host.Ended(End(Verdict::kSuccess, 5), at(7'000));
  CHECK_FALSE(host.Figures(at(7'000).mono).failing_since);
  CHECK(host.Figures(at(6 * kFiguresMinute).mono).attempts == 0);
  CHECK_FALSE(host.Figures(at(6 * kFiguresMinute).mono).p50_ms);
}

TEST_CASE("figures of a host: what was accepted leaves the minute, the hour and the day, and shows as the day before") {
  Destination host("h:80");
  const MonoTime start{10 * kDay};
  host.Accepted(start);
  auto at = [&](int64_t later) { return host.Sums({start.ms + later}); };
  CHECK(at(0) == AcceptedSums{1, 1, 1, 0});
  CHECK(at(kFiguresMinute + 10'000) == AcceptedSums{0, 1, 1, 0});
  CHECK(at(kFiguresHour + 5 * kFiguresMinute) == AcceptedSums{0, 0, 1, 0});
  CHECK(at(kDay + kFiguresHour) == AcceptedSums{0, 0, 0, 1});
  CHECK(at(2 * kDay + kFiguresHour) == AcceptedSums{});
}

TEST_CASE("figures of hosts: beyond a bound the one heard of longest ago makes room, where all do as little") {
  Destinations hosts;
  for (size_t i = 0; i <= Destinations::kMost; ++i) {
    hosts.At("h" + std::to_string(i), {1000})->Accepted({1000});
    hosts.At("always", {1000})->Accepted({1000});
  }
  CHECK(hosts.all().size() == Destinations::kMost);
  CHECK(hosts.Find("h0") == nullptr);
  REQUIRE(hosts.Find("always") != nullptr);
  CHECK(hosts.Find("always")->Sums({1000}).minute == Destinations::kMost + 1);
  CHECK(hosts.Find("h5")->name() == "h5");
}

TEST_CASE("figures of hosts: one that did much stays, however many are heard of behind it, and one that fails before one that does not") {
  Destinations hosts;
  const MonoTime now{1000};
  hosts.At("busy", now)->open.quarter.accepted = 1'000;
  hosts.At("fails", now)->Ended(End(Verdict::kFailure, 5, 500, "unexpected_answer"), {{}, now});
  hosts.At("works", now)->Ended(End(Verdict::kSuccess, 5), {{}, now});
  for (size_t i = 0; i < 3 * Destinations::kMost; ++i) hosts.At("h" + std::to_string(i), now);
  CHECK(hosts.all().size() == Destinations::kMost);
  CHECK(hosts.Find("works") == nullptr);
  REQUIRE(hosts.Find("busy") != nullptr);
  CHECK(hosts.Find("busy")->open.quarter.accepted == 1'000);
  REQUIRE(hosts.Find("fails") != nullptr);
  CHECK(hosts.Find("fails")->fails());
  // What does more comes before that.
  for (size_t i = 0; i < 3 * Destinations::kMost; ++i) hosts.At("more" + std::to_string(i), now)->open.minute.accepted = 1;
  CHECK(hosts.Find("fails") == nullptr);
  CHECK(hosts.Find("busy") != nullptr);
}

TEST_CASE("figures of hosts: what one that made room did in the open spans stays until these are over, of the busiest at least") {
  Destinations hosts;
  const MonoTime now{1000};
  constexpr size_t kBusy = 100;
  for (size_t i = 0; i < kBusy; ++i) hosts.At("busy" + std::to_string(i), now)->open.minute.accepted = 10;
  for (size_t i = 0; i < 3'000; ++i) hosts.At("h" + std::to_string(i), now)->open.minute.accepted = 1;
  size_t known = 0, busy = 0, away = 0;
  hosts.EachOpen([&](const std::string& name, const OpenCounts& open) {
    ++known;
    if (open.minute.accepted != 10) return;
    ++busy;
    away += hosts.Find(name) == nullptr;
  });
  CHECK(known <= Destinations::kMost + Destinations::kMostLeft);
  CHECK(busy == kBusy);
  CHECK(away > 0);
  hosts.CloseMinute();
  for (size_t i = 0; i < kBusy; ++i) {
    INFO(i);
    OpenCounts* back = &hosts.At("busy" + std::to_string(i), now)->open;
    CHECK(back->minute.IsZero());
    CHECK(back->quarter.accepted == 10);
  }
  hosts.CloseQuarter();
  hosts.EachOpen([](const std::string&, const OpenCounts& open) { CHECK(open.IsZero()); });
}

TEST_CASE("figures of hosts: one that is not known is counted since another one made room last") {
  Destinations hosts{MonoTime{5}};
  CHECK(hosts.At("a", {10})->known_since() == MonoTime{5});
  for (int64_t i = 0; i < static_cast<int64_t>(Destinations::kMost); ++i) hosts.At("h" + std::to_string(i), {1'000 + i});
  CHECK(hosts.Find("a") == nullptr);
  CHECK(hosts.Find("h7")->known_since() == MonoTime{5});
  CHECK(hosts.At("a", {9'000})->known_since() == MonoTime{1'000 + static_cast<int64_t>(Destinations::kMost) - 1});
  CHECK(hosts.At("b", {9'500})->known_since() == MonoTime{9'000});
  CHECK(hosts.At("a", {9'900})->known_since() == MonoTime{1'000 + static_cast<int64_t>(Destinations::kMost) - 1});
}

TEST_CASE("seconds: a sum has whole ones before the present one, and a long rest leaves nothing") {
  SecondCounts seconds;
  for (int64_t s = 100; s < 110; ++s) seconds.At({s * 1000 + 500})->accepted += 2;
  CHECK(seconds.Sum({110'000}, 1, 6).accepted == 10);
  CHECK(seconds.Sum({109'999}, 1, 6).accepted == 10);
  CHECK(seconds.Sum({109'999}, 0, 1).accepted == 2);
  CHECK(seconds.Sum({112'000}, 1, 6).accepted == 6);
  seconds.At({500'000})->accepted = 1;
  CHECK(seconds.Sum({500'000}, 0, 60).accepted == 1);
}
