#include "broker/spec.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;
using namespace std::string_view_literals;

namespace {

std::string RandomText(Random& random, size_t most) {
  std::string text(random.Below(most + 1), '\0');
  for (char& c : text) c = static_cast<char>(random.Next());
  return text;
}

AnswerPattern RandomPattern(Random& random) {
  AnswerPattern pattern;
  for (uint64_t k = random.Below(4); k > 0; --k)
    pattern.status.push_back(static_cast<uint16_t>(random.Chance(0.5) ? 1 + random.Below(5) : 100 + random.Below(500)));
  if (random.Chance(0.5)) pattern.contains = RandomText(random, 10);
  for (uint64_t k = random.Below(3); k > 0; --k) pattern.json.emplace_back(RandomText(random, 10), RandomText(random, 10));
  return pattern;
}

RetryPolicy RandomRetry(Random& random) {
  RetryPolicy policy;
  if (random.Chance(0.5)) policy.max_attempts = 1 + static_cast<uint32_t>(random.Below(100));
  if (random.Chance(0.5)) policy.initial_ms = static_cast<int64_t>(random.Next() >> 1 >> random.Below(60));
  if (random.Chance(0.5)) policy.factor = 1 + random.Unit() * 10;
  if (random.Chance(0.5)) policy.max_ms = static_cast<int64_t>(random.Next() >> 1 >> random.Below(60));
  if (random.Chance(0.5)) policy.jitter = random.Unit();
  for (uint64_t k = random.Below(4); k > 0; --k) policy.schedule_ms.push_back(static_cast<int64_t>(random.Below(1'000'000)));
  if (random.Chance(0.5)) policy.fatal_on = RandomPattern(random);
  if (random.Chance(0.5)) policy.later_on = RandomPattern(random);
  if (random.Chance(0.5)) policy.only_on = RandomPattern(random);
  return policy;
}

NotifySpec RandomSpec(Random& random) {
  NotifySpec spec;
  spec.url = RandomText(random, 40);
  if (random.Chance(0.5)) spec.method = static_cast<Method>(random.Below(6));
  for (uint64_t k = random.Below(4); k > 0; --k) spec.headers.emplace_back(RandomText(random, 12), RandomText(random, 12));
  if (random.Chance(0.7)) {
    spec.payload_kind = static_cast<PayloadKind>(1 + random.Below(3));
    spec.payload = RandomText(random, 300);
  }
  if (random.Chance(0.5)) spec.content_type = RandomText(random, 20);
  spec.content_type_given = random.Chance(0.5);
  if (random.Chance(0.3)) spec.group = RandomText(random, 20);
  if (random.Chance(0.5)) spec.on_held = static_cast<OnHeld>(random.Below(3));
  if (random.Chance(0.5)) spec.expect = RandomPattern(random);
  if (random.Chance(0.5)) spec.timeout_ms = static_cast<int64_t>(random.Next());
  if (random.Chance(0.5)) spec.connect_timeout_ms = static_cast<int64_t>(random.Next());
  if (random.Chance(0.3)) spec.idempotency_key = RandomText(random, 20);
  if (random.Chance(0.3)) spec.delay_ms = static_cast<int64_t>(random.Next());
  if (random.Chance(0.3)) spec.order_by = random.Chance(0.5) ? "" : "/a";
  if (random.Chance(0.3)) spec.partitions = 1 + static_cast<uint32_t>(random.Below(kMostPartitions));
  spec.order_by_spread = random.Chance(0.3);
  spec.compress = random.Chance(0.3);
  if (random.Chance(0.3)) spec.follow_redirects = random.Chance(0.5);
  if (random.Chance(0.3)) spec.ttl_ms = static_cast<int64_t>(random.Next());
  if (random.Chance(0.3)) spec.trace_state = RandomText(random, 40);
  return spec;
}

void CheckCorrupt(std::string_view bytes) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  REQUIRE_FALSE(spec.ok());
  CHECK(spec.status().code() == Code::kCorrupt);
}

std::string EncodedRetry(const RetryPolicy& policy) {
  std::string bytes;
  Encoder encoder(&bytes);
  EncodeRetry(policy, &encoder);
  return bytes;
}
std::string EncodedPattern(const AnswerPattern& pattern) {
  std::string bytes;
  Encoder encoder(&bytes);
  EncodePattern(pattern, &encoder);
  return bytes;
}

}  // namespace

TEST_CASE("spec: what is at its default costs three bytes beside the URL") {
  NotifySpec spec;
  spec.url = "http://a/";
  CHECK(EncodeSpec(spec) == std::string("\x02\x00\x09http://a/", 12));
}

namespace {

/// All that version 1 knew.
NotifySpec SpecOfVersion1() {
  NotifySpec spec;
  spec.url = "http://a/";
  spec.method = Method::kPut;
  spec.headers = {{"X", "y"}};
  spec.payload_kind = PayloadKind::kBody;
  spec.payload = "hi";
  spec.content_type = "text/plain";
  spec.content_type_given = true;
  spec.group = "g";
  spec.on_held = OnHeld::kKeep;
  spec.expect = {{2, 404}, "ok", {{"/a", "1"}}};
  spec.timeout_ms = 100;
  spec.connect_timeout_ms = 1;
  spec.idempotency_key = "k";
  spec.delay_ms = 0;
  spec.ttl_ms = 64;
  return spec;
}
const std::string_view kFields1 =
    "\x09http://a/"
    "\x02"
    "\x01\x01X\x01y"
    "\x02\x02hi"
    "\x0atext/plain"
    "\x01g"
    "\x02"
    "\x07\x02\x02\x94\x03\x02ok\x01\x02/a\x01\x31"
    "\xc8\x01"
    "\x02"
    "\x01k"
    "\x00"
    "\x80\x01"sv;

}  // namespace

TEST_CASE("spec: the bytes of version 1 mean for good what they meant") {
  std::string bytes = "\x01\xff\x3f" + std::string(kFields1);
  REQUIRE(DecodeSpec(bytes).ok());
  CHECK(*DecodeSpec(bytes) == SpecOfVersion1());
  CHECK(PeekUrl(bytes) == "http://a/");
}

TEST_CASE("spec: the bytes of version 2 are what they are for good") {
  NotifySpec spec = SpecOfVersion1();
  spec.trace_state = "rojo=00f0";
  std::string bytes = "\x02\xff\x7f" + std::string(kFields1) + "\x09rojo=00f0";
  CHECK(EncodeSpec(spec) == bytes);
  REQUIRE(DecodeSpec(bytes).ok());
  CHECK(*DecodeSpec(bytes) == spec);
}

TEST_CASE("spec: the URL alone is found in any spec, and in nothing else") {
  Random random(47);
  for (int i = 0; i < 300; ++i) {
    NotifySpec spec = RandomSpec(random);
    std::string bytes = EncodeSpec(spec);
    REQUIRE(PeekUrl(bytes) == spec.url);
    bytes[0] = 3;
    REQUIRE(PeekUrl(bytes) == "");
  }
  CHECK(PeekUrl("") == "");
  CHECK(PeekUrl("\x02"sv) == "");
  CHECK(PeekUrl("\x02\x00\x09http"sv) == "");
}

TEST_CASE("spec: whatever is encoded decodes to itself") {
  Random random(42);
  for (int i = 0; i < 3000; ++i) {
    NotifySpec spec = RandomSpec(random);
    Result<NotifySpec> back = DecodeSpec(EncodeSpec(spec));
    REQUIRE(back.ok());
    REQUIRE(*back == spec);
  }
}

TEST_CASE("spec: cut at any byte, or with one too many, it is refused") {
  Random random(43);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = EncodeSpec(RandomSpec(random));
    for (size_t size = 0; size < bytes.size(); ++size) {
      std::string cut = bytes.substr(0, size);
      REQUIRE_FALSE(DecodeSpec(cut).ok());
    }
    REQUIRE_FALSE(DecodeSpec(bytes + '\0').ok());
  }
}

TEST_CASE("spec: bytes that changed are refused or decode to something that encodes again") {
  Random random(44);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = EncodeSpec(RandomSpec(random));
    bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    Result<NotifySpec> spec = DecodeSpec(bytes);
    if (spec.ok()) REQUIRE(*DecodeSpec(EncodeSpec(*spec)) == *spec);
  }
}

TEST_CASE("spec: another version is refused by its number") {
  for (std::string_view bytes : {"\x03\x00\x00"sv, "\x00\x00\x00"sv}) {
    Result<NotifySpec> spec = DecodeSpec(bytes);
    REQUIRE_FALSE(spec.ok());
    CHECK(spec.status().code() == Code::kCorrupt);
    CHECK(spec.status().detail().find("version " + std::to_string(bytes[0])) != std::string::npos);
  }
}

TEST_CASE("spec: unknown bits and enum values are refused") {
  CheckCorrupt("\x01\x80\x40\x00"sv);              // bit 13, which version 1 does not have
  CheckCorrupt("\x02\x80\x80\x01\x00"sv);          // bit 14
  CheckCorrupt("\x01\x01\x00\x06"sv);              // method 6
  CheckCorrupt("\x01\x04\x00\x04\x00"sv);          // payload kind 4
  CheckCorrupt("\x01\x04\x00\x00\x00"sv);          // payload kind none, said outright
  CheckCorrupt("\x01\x40\x00\x03"sv);              // on_held 3
  CheckCorrupt("\x02\x80\x80\x80\x01\x00"sv);      // bit 21
  CheckCorrupt("\x01\x80\x01\x00\x10"sv);          // pattern bit 4
  CheckCorrupt("\x01\x80\x01\x00\x01\x01\x06"sv);  // status 6
}

TEST_CASE("spec: a count beyond what is left is refused, not allocated") {
  CheckCorrupt("\x01\x02\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv);
  CheckCorrupt("\x01\x80\x01\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv);
  CheckCorrupt("\x01\x80\x01\x00\x04\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv);
}

TEST_CASE("spec: a payload of kind none is not kept") {
  NotifySpec spec;
  spec.url = "http://a/";
  spec.payload = "left over";
  CHECK(DecodeSpec(EncodeSpec(spec))->payload == "");
}

TEST_CASE("policy: the default takes one byte") {
  CHECK(EncodedRetry(RetryPolicy()) == std::string(1, '\0'));
}

TEST_CASE("policy: the bytes are what they are for good") {
  RetryPolicy policy{3, 10, 1.5, 20, 0.5, {1, 200}, AnswerPattern{{4}, std::nullopt, {}}, std::nullopt};
  const std::string_view bytes = "\x7f\x03\x0a\x3f\xf8\0\0\0\0\0\0\x14\x3f\xe0\0\0\0\0\0\0\x02\x01\xc8\x01\x01\x01\x04"sv;
  CHECK(EncodedRetry(policy) == bytes);
  for (int version : {1, 2}) {
    Decoder decoder(bytes);
    CHECK(DecodeRetry(&decoder, version) == policy);
    CHECK(decoder.done());
  }
  policy = {};
  policy.later_on = AnswerPattern{{202}, std::nullopt, {}};
  CHECK(EncodedRetry(policy) == "\x80\x01\x01\x01\xca\x01"sv);
}

TEST_CASE("policy and pattern: whatever is encoded decodes to itself and leaves what follows") {
  Random random(45);
  for (int i = 0; i < 2000; ++i) {
    RetryPolicy policy = RandomRetry(random);
    AnswerPattern pattern = RandomPattern(random);
    std::string bytes = EncodedRetry(policy) + EncodedPattern(pattern) + "rest";
    Decoder decoder(bytes);
    REQUIRE(DecodeRetry(&decoder, 2) == policy);
    REQUIRE(DecodePattern(&decoder) == pattern);
    REQUIRE(decoder.ok());
    REQUIRE(decoder.rest() == "rest");
  }
}

TEST_CASE("policy and pattern: cut at any byte the decoder fails") {
  Random random(46);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = EncodedRetry(RandomRetry(random));
    for (size_t size = 0; size < bytes.size(); ++size) {
      std::string cut = bytes.substr(0, size);
      Decoder decoder(cut);
      DecodeRetry(&decoder, 2);
      REQUIRE_FALSE(decoder.ok());
    }
  }
}

TEST_CASE("policy: values that none can have fail") {
  auto fails = [](std::string_view bytes, int version = 2) {
    Decoder decoder(bytes);
    DecodeRetry(&decoder, version);
    return !decoder.ok();
  };
  CHECK(fails("\x80\x02"sv));         // bit 8
  CHECK(fails("\x80\x01\x00"sv, 1));  // bit 7, which version 1 does not have
  CHECK_FALSE(fails("\x80\x01\x00"sv));
  CHECK(fails("\x01\x00"sv));                                      // no attempt at all
  CHECK(fails("\x01\xff\xff\xff\xff\x7f"sv));                      // more than 32 bits of them
  CHECK(fails("\x04\x7f\xf8\0\0\0\0\0\0"sv));                      // factor NaN
  CHECK(fails("\x04\x7f\xf0\0\0\0\0\0\0"sv));                      // factor infinite
  CHECK(fails("\x04\x3f\xe0\0\0\0\0\0\0"sv));                      // factor 0.5
  CHECK(fails("\x10\x40\0\0\0\0\0\0\0"sv));                        // jitter 2
  CHECK(fails("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv));  // a wait that would be negative
  CHECK_FALSE(fails("\x04\x3f\xf0\0\0\0\0\0\0"sv));                // factor 1
}

namespace {

NotifyRecord RecordOf(const NotifySpec& spec) {
  NotifyRecord record;
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kConcurrent, "http://a/"};
  envelope->caller = "me";
  record.envelope = std::move(envelope);
  record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  record.state.due = {1000};
  return record;
}

}  // namespace

TEST_CASE("print of what can be changed: attempts do not move it") {
  NotifySpec spec;
  spec.url = "http://a/";
  NotifyRecord record = RecordOf(spec);
  Fingerprint before = PrintOfChangeable(record);
  StateChange change{record.state, AttemptRecord{1, {5}, 3, 503, "unexpected_answer", "", ""}};
  change.state.phase = Phase::kRetrying;
  change.state.retry_at = {77};
  change.state.next_attempt_at = {99};
  change.state.attempts_made = 1;
  change.state.laters = 1;
  change.state.reason = "r";
  ApplyChange(change, &record);
  record.state.at_once = true;
  CHECK(PrintOfChangeable(record) == before);
  record.state.phase = Phase::kSucceeded;
  record.state.settled_at = {2000};
  CHECK(PrintOfChangeable(record) == before);
}

TEST_CASE("print of what can be changed: each such field moves it, a default said outright does not") {
  NotifySpec spec;
  spec.url = "http://a/";
  const NotifyRecord record = RecordOf(spec);
  std::vector<Fingerprint> prints = {PrintOfChangeable(record)};
  auto add = [&](const NotifyRecord& changed) {
    Fingerprint print = PrintOfChangeable(changed);
    for (const Fingerprint& other : prints) CHECK_FALSE(print == other);
    prints.push_back(print);
  };
  auto with_head = [&](auto change) {
    NotifyRecord changed = record;
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    change(envelope.get());
    changed.envelope = std::move(envelope);
    return changed;
  };
  NotifyRecord changed = record;
  changed.state.due = {1001};
  add(changed);
  changed = record;
  changed.state.expires_at = {1001};
  add(changed);
  NotifySpec other = spec;
  other.payload_kind = PayloadKind::kData;
  other.payload = "{}";
  add(RecordOf(other));
  add(with_head([](Envelope* envelope) { envelope->priority = 5; }));
  RetryPolicy policy;
  policy.max_attempts = 3;
  add(with_head([&](Envelope* envelope) { envelope->retry = std::make_shared<const RetryPolicy>(policy); }));
  NotifyRecord same = with_head([](Envelope* envelope) { envelope->retry = std::make_shared<const RetryPolicy>(); });
  CHECK(PrintOfChangeable(same) == prints[0]);
}

TEST_CASE("print of what can be changed: a spec of version 1 prints as the same spec of version 2") {
  NotifySpec spec;
  spec.url = "http://a/";
  NotifyRecord record = RecordOf(spec);
  Fingerprint now = PrintOfChangeable(record);
  record.spec = std::make_shared<const std::string>("\x01" + record.spec->substr(1));
  REQUIRE(DecodeSpec(*record.spec).ok());
  CHECK(PrintOfChangeable(record) == now);
}
