// The bytes that are kept of a history: golden, since older ones must be read for as long as they are kept.
#include "base/hex.h"
#include "broker/history_records.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

SpanCounts Counts() {
  SpanCounts counts;
  counts.accepted = 300;
  counts.succeeded = 2;
  counts.failed = 3;
  counts.cancelled = 4;
  counts.expired = 5;
  counts.attempts = 6;
  counts.attempts_failed = 7;
  counts.retries = 8;
  counts.durations.Add(1);
  counts.durations.Add(1);
  counts.durations.Add(1000);
  counts.latenesses.Add(0);
  return counts;
}

NamespaceSpan WholeHistory() {
  NamespaceSpan span;
  span.counts = Counts();
  span.gauges = {1, 2, 3, 4, 5, 6, 700};
  return span;
}

}  // namespace

TEST_CASE("history records: golden bytes of a namespace's span, read back whole") {
  const std::string bytes = EncodeSpan(WholeHistory());
  CHECK(HexOf(bytes) ==
        "0108ac02020304050607080201021301010001"
        "01020304050601f80a");
  const std::optional<NamespaceSpan> read = DecodeSpan(bytes);
  REQUIRE(read);
  CHECK(read->counts == Counts());
  CHECK(read->gauges == WholeHistory().gauges);
}

TEST_CASE("history records: golden bytes of hosts, read back whole, and one alone") {
  const HostSpans hosts = {{"a:80", {}}, {"b:443", Counts()}};
  const std::string bytes = EncodeHosts(hosts);
  CHECK(HexOf(bytes) ==
        "010204613a38300b080000000000000000000005623a3434331208ac020203040506070802010213010100"
        "01");
  CHECK(DecodeHost(bytes, "a:80") == SpanCounts());
  CHECK(DecodeHost(bytes, "b:443") == Counts());
  CHECK(DecodeHost(bytes, "c:80") == SpanCounts());
}

TEST_CASE("history records: golden bytes of what the process was like") {
  ProcessValues values;
  values.rss_bytes = 1;
  values.disk_free_bytes = 300;
  values.connections = 2;
  values.cpu_per_mille = 500;
  values.commit_p99_us = 1500;
  const std::string bytes = EncodeProcess(values);
  CHECK(HexOf(bytes) == "0101ac0202e80701b817");
  CHECK(DecodeProcess(bytes) == values);
  values.commit_p99_us.reset();
  CHECK(DecodeProcess(EncodeProcess(values)) == values);
}

TEST_CASE("history records: keys lie by step, part and time, and say what they are of") {
  const std::string key = HistoryKey(HistoryStep::kMinute, HistoryOf::kHosts, 60'000, 7);
  CHECK(HexOf(key) ==
        "010280000000000"
        "0ea600000000000000007");
  CHECK(key.starts_with(HistoryKey(HistoryStep::kMinute, HistoryOf::kHosts, 60'000)));
  CHECK(key < HistoryKey(HistoryStep::kMinute, HistoryOf::kHosts, 120'000));
  CHECK(ParseHistoryKey(key)->begin_ms == 60'000);
  CHECK(ParseHistoryKey(key)->life == 7);
  CHECK_FALSE(ParseHistoryKey("short"));
  CHECK(HexOf(DueMinuteKey(60'000)) == "800000000000ea60");
  CHECK(HexOf(DueDayKey(86'400'000)) == "648000000005265c00");
  CHECK(ParseDueMinuteKey(DueMinuteKey(60'000)) == 60'000);
  CHECK_FALSE(ParseDueMinuteKey(DueDayKey(0)));
  CHECK_FALSE(ParseDueMinuteKey(kDueSinceKey));
  // Those of days, and the mark, lie before all minutes from the epoch on.
  CHECK(DueDayKey(INT64_MAX) < std::string(kDueSinceKey));
  CHECK(std::string(kDueSinceKey) < DueMinuteKey(0));
}

TEST_CASE("history records: a value of another version, cut or with something behind it does not read") {
  auto check = [](const std::string& bytes, auto reads) {
    CHECK(reads(bytes));
    for (size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(reads(bytes.substr(0, length)));
    CHECK_FALSE(reads(bytes + '\0'));
    CHECK_FALSE(reads('\2' + bytes.substr(1)));
  };
  check(EncodeSpan(WholeHistory()), [](std::string_view bytes) { return DecodeSpan(bytes).has_value(); });
  check(EncodeHosts({{"b:443", Counts()}}), [](std::string_view bytes) { return DecodeHost(bytes, "c:80").has_value(); });
  check(EncodeProcess({}), [](std::string_view bytes) { return DecodeProcess(bytes).has_value(); });
}

TEST_CASE("history records: of a later notifyd's counts those that are known are read") {
  // Nine counts, of which the last is not known here.
  const std::string later = std::string("\x01\x09\x01\x02\x03\x04\x05\x06\x07\x08\x63", 11) + std::string(2, '\0') + std::string(6, '\0') + '\0';
  const std::optional<NamespaceSpan> read = DecodeSpan(later);
  REQUIRE(read);
  CHECK(read->counts.accepted == 1);
  CHECK(read->counts.retries == 8);
}

}  // namespace notifyd
