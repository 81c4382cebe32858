#include "broker/lane_limits.h"

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"

using namespace notifyd;

namespace {

const LaneKey kConcurrent{Mode::kConcurrent, "https://h/hook"};
const LaneKey kFifo{Mode::kFifo, "https://h/hook"};

LaneSettings All() {
  LaneSettings settings;
  settings.concurrency = 5;
  settings.rate_per_s = 250;
  settings.burst = 7;
  settings.on_retry = OnRetry::kSkip;
  settings.on_failure = OnFailure::kPause;
  return settings;
}

CoreLimits WithRules(std::vector<LaneRule> rules) {
  CoreLimits limits;
  limits.lane_rules = std::move(rules);
  return limits;
}

}  // namespace

TEST_CASE("lane limits: by default a concurrent lane has the common cap, a fifo lane one, and neither a rate") {
  CoreLimits limits;
  limits.max_in_flight_per_lane = 33;
  LaneLimits expected;
  expected.concurrency = 33;
  CHECK(LimitsOf(kConcurrent, {}, limits) == expected);
  expected.concurrency = 1;
  CHECK(LimitsOf(kFifo, {}, limits) == expected);
}

TEST_CASE("lane limits: what was said for the lane holds, as far as it fits the mode") {
  LaneSettings own = All();
  own.paused = Paused::kByFailure;
  CHECK(LimitsOf(kConcurrent, own, {}) == LaneLimits{Paused::kByFailure, 5, 250, 7, OnRetry::kBlock, OnFailure::kContinue});
  CHECK(LimitsOf(kFifo, own, {}) == LaneLimits{Paused::kByFailure, 1, 250, 7, OnRetry::kSkip, OnFailure::kPause});
}

TEST_CASE("lane limits: a burst that nobody said is what the rate gives in 10 ms, at least one") {
  for (auto [rate, burst] : {std::pair(0.001, 1u), {1.0, 1u}, {100.0, 1u}, {101.0, 2u}, {1000.0, 10u}, {1'000'000.0, 10'000u}}) {
    CAPTURE(rate);
    LaneSettings own;
    own.rate_per_s = rate;
    CHECK(LimitsOf(kConcurrent, own, {}).burst == burst);
  }
}

TEST_CASE("lane limits: the first rule that matches counts, whole") {
  LaneSettings one, two;
  one.concurrency = 2;
  two.concurrency = 3;
  two.rate_per_s = 10;
  CoreLimits limits = WithRules({{"other*", {}, two}, {"https://h/*", {}, one}, {"*", {}, two}});
  LaneLimits found = LimitsOf(kConcurrent, {}, limits);
  CHECK(found.concurrency == 2);
  CHECK(found.rate_per_s == 0);  // not from the rule behind it
  CHECK(LimitsOf({Mode::kConcurrent, "x"}, {}, limits).rate_per_s == 10);
}

TEST_CASE("lane limits: a rule for one mode passes the other by") {
  CoreLimits limits = WithRules({{"*", Mode::kFifo, All()}});
  CHECK(LimitsOf(kFifo, {}, limits).on_retry == OnRetry::kSkip);
  CHECK(LimitsOf(kConcurrent, {}, limits) == LimitsOf(kConcurrent, {}, {}));
}

TEST_CASE("lane limits: the lane's own settings win over the rule, field by field") {
  LaneSettings own;
  own.concurrency = 9;
  own.on_failure = OnFailure::kContinue;
  CoreLimits limits = WithRules({{"*", {}, All()}});
  LaneLimits concurrent = LimitsOf(kConcurrent, own, limits), fifo = LimitsOf(kFifo, own, limits);
  CHECK(concurrent.concurrency == 9);
  CHECK(concurrent.rate_per_s == 250);
  CHECK(concurrent.burst == 7);
  CHECK(fifo.on_retry == OnRetry::kSkip);
  CHECK(fifo.on_failure == OnFailure::kContinue);
}

TEST_CASE("lane limits: a rule never pauses") {
  LaneRule rule{"*", {}, {}};
  rule.settings.paused = Paused::kByRequest;
  CHECK(LimitsOf(kConcurrent, {}, WithRules({rule})).paused == Paused::kNo);
}

TEST_CASE("pattern of lanes: a star is any run of bytes, also none, and all else is itself") {
  for (auto [pattern, text] : {std::pair("", ""),
                               {"*", ""},
                               {"*", "abc"},
                               {"abc", "abc"},
                               {"a*c", "ac"},
                               {"a*c", "abbc"},
                               {"*c", "abcabc"},
                               {"a*", "a"},
                               {"**", "x"},
                               {"a**b", "ab"},
                               {"*a*b*", "xxaxxbxx"},
                               {"*ab", "aab"},
                               {"a?c", "a?c"},
                               {"*/*", "//"}}) {
    CAPTURE(pattern, text);
    CHECK(MatchesPattern(pattern, text));
  }
  for (auto [pattern, text] : {std::pair("", "a"),
                               {"a", ""},
                               {"a", "A"},
                               {"abc", "abcd"},
                               {"abc", "xabc"},
                               {"a*c", "abcd"},
                               {"*ab", "abb"},
                               {"a*b*c", "acb"},
                               {"a?c", "abc"},
                               {"*a", ""}}) {
    CAPTURE(pattern, text);
    CHECK_FALSE(MatchesPattern(pattern, text));
  }
}

TEST_CASE("pattern of lanes: one whose texts begin alike, over and over, does not take for ever") {
  // By comparing anew at each place these would take some 10^11 comparisons each.
  const std::string as(300'000, 'a'), text = as + as;
  for (const std::string& pattern : {"*" + as + "b", "*" + as + "b*", as + "*" + as + "b", "*b" + as + "*"})
    CHECK_FALSE(MatchesPattern(pattern, text));
  for (const std::string& pattern : {"*" + as, "*" + as + "*", as + "*" + as, "*" + as + "*" + as + "*"}) CHECK(MatchesPattern(pattern, text));
  CHECK_FALSE(MatchesPattern(as + "*" + as + "a", text));
}

TEST_CASE("pattern of lanes: it matches what the definition says") {
  // Told by recursion: slow, and plain.
  const std::function<bool(std::string_view, std::string_view)> defined = [&](std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') return defined(pattern.substr(1), text) || (!text.empty() && defined(pattern, text.substr(1)));
    return !text.empty() && pattern[0] == text[0] && defined(pattern.substr(1), text.substr(1));
  };
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern, text;
    for (size_t left = random.Below(8); left > 0; --left) pattern += "ab*"[random.Below(3)];
    for (size_t left = random.Below(9); left > 0; --left) text += "ab"[random.Below(2)];
    CAPTURE(pattern, text);
    REQUIRE(MatchesPattern(pattern, text) == defined(pattern, text));
  }
}

TEST_CASE("pattern of lanes: one with many stars does not take for ever") {
  std::string pattern, text(255, 'a');
  for (int i = 0; i < 100; ++i) pattern += "*a";
  CHECK(MatchesPattern(pattern, text));
  CHECK_FALSE(MatchesPattern(pattern + "*b", text));
}
