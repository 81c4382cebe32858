#include "storage/records.h"

#include <functional>

#include "broker/spec.h"

#include "contract/store_harness.h"
#include "storage/hex.h"

namespace notifyd {
namespace {

template <class Encode, class Record>
std::string Encoded(Encode encode, const Record& record) {
  std::string out;
  encode(record, &out);
  return out;
}

// The example of docs/storage-format.md.
NotifyRecord Example() {
  NotifyRecord record;
  record.id = {0x2a};
  record.created_at = {1000};
  auto head = std::make_shared<NotifyHead>();
  head->lane = {Mode::kFifo, "orders"};
  head->host = "h:80";
  head->caller = "me";
  record.head = head;
  NotifySpec spec;
  spec.url = "http://h/x";
  record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  record.state.due = {2000};
  return record;
}

struct Kind {
  const char* name;
  std::string bytes;
  std::string golden;
  std::function<bool(std::string_view)> decodes;
};

std::vector<Kind> Kinds() {
  NotifyState state = Example().state;
  state.phase = Phase::kRetrying;
  state.retry_at = {5};
  state.attempts_made = 1;
  LaneRecord lane{true, {5, {1}, {2}}, true, "h:80", 3, {4}};
  Totals totals;
  totals.accepted = 300;
  totals.wall_mark = {-1, {2}};
  return {
      {"notify", Encoded(EncodeNotify, Example()),
       "01 01 a01f 00 00 feffffffffffffffff01 00 00 00 00 d00f 01 06 6f7264657273 04 683a3830 04 00 00 02 6d65 00 "
       "0d 01 00 0a 687474703a2f2f682f78 b8bc3b0c"_hex,
       [](std::string_view v) { return DecodeNotify({1}, v).ok(); }},
      {"notify with everything", Encoded(EncodeNotify, MakeFullRecord(2)),
       "0102f6bfe285e368920c92c0e285e368c6c1e285e36800020105776169747384c0e285e36801066f72646572731073686f702e6578616d706c653a34"
       "34330703096f7264657200203137067465737465727f03fa013ff8000000000000e0d4033fd000000000000003e807008827070204f70304676f6e65"
       "020b2f6572726f722f636f6465042245312200046e756c6c020182c0e285e36818f70311756e65787065637465645f616e737765721274686520616e"
       "7377657220776173203530330f627573792c20747279206c617465720284c0e285e36818f70311756e65787065637465645f616e7377657212746865"
       "20616e7377657220776173203530330f627573792c20747279206c617465720973706563206f66203281c2a8f1"_hex,
       [](std::string_view v) { return DecodeNotify({1}, v).ok(); }},
      {"change", Encoded(EncodeChange, StateChange{state, AttemptRecord{1, {9}, 3, 500, "e", "d", "b"}}),
       "8102a01f0a00feffffffffffffffff010001000001011206f403016501640162471b3a7e"_hex,
       [](std::string_view v) { return DecodeChanges(v).ok(); }},
      {"fkey", Encoded(EncodeFkey, FkeyRecord{{0x2a}, {1000}}),
       "012ad00f1d54d511"_hex,
       [](std::string_view v) { return DecodeFkey(v).ok(); }},
      {"fkey expiry", Encoded(EncodeFkeyExpiry, FkeyRecord{{0x2a}, {1000}}),
       "812ad00f155de3af"_hex,
       [](std::string_view v) { return DecodeFkeyExpiry(v).ok(); }},
      {"idempotency key", Encoded(EncodeIdempotency, IdempotencyRecord{{0x2a}, {1, 2}, {1000}}),
       "012a00000000000000010000000000000002d00ff6e9d96a"_hex,
       [](std::string_view v) { return DecodeIdempotency(v).ok(); }},
      {"lane", Encoded(EncodeLane, lane),
       "01010502020104683a38300304bc305bff"_hex,
       [](std::string_view v) { return DecodeLane(v).ok(); }},
      {"sleeping lane", Encoded(EncodeDormantLane, LaneKey{Mode::kFifo, "ab"}),
       "01010261621df5f860"_hex,
       [](std::string_view v) { return DecodeDormantLane(v).ok(); }},
      {"settled", Encoded(EncodeSettled, WallTime{1000}),
       "01d00f166ae9b0"_hex,
       [](std::string_view v) { return DecodeSettled(v).ok(); }},
      {"totals", Encoded(EncodeTotals, totals),
       "0101ac0200000000000000000000000000000100010200000000000022bf53ef"_hex,
       [](std::string_view v) { return DecodeTotals(v).ok(); }},
      {"format", Encoded(EncodeFormat, FormatRecord{1, {0x11, 0x22}}),
       "0101000000000000001100000000000000229964fedb"_hex,
       [](std::string_view v) { return DecodeFormat(v).ok(); }},
  };
}

TEST_CASE("records: golden bytes of version 1 of each") {
  for (const Kind& kind : Kinds()) {
    INFO(kind.name);
    CHECK(Hex(kind.bytes) == kind.golden);
    CHECK(kind.decodes(kind.bytes));
  }
}

TEST_CASE("records: every truncation is refused") {
  for (const Kind& kind : Kinds()) {
    INFO(kind.name);
    for (size_t size = 0; size < kind.bytes.size(); ++size) REQUIRE_FALSE(kind.decodes(kind.bytes.substr(0, size)));
    REQUIRE_FALSE(kind.decodes(kind.bytes + '\0'));
  }
}

TEST_CASE("records: every single flipped bit is refused") {
  for (const Kind& kind : Kinds()) {
    INFO(kind.name);
    for (size_t bit = 0; bit < kind.bytes.size() * 8; ++bit) {
      std::string damaged = kind.bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      REQUIRE_FALSE(kind.decodes(damaged));
    }
  }
}

// With the checksum put right, only the fields themselves can give the damage away.
TEST_CASE("records: fields out of range are refused though the checksum is right") {
  auto sealed = [](std::string body) {
    Encoder(&body).Big32(Checksum(body));
    return body;
  };
  std::string good = Encoded(EncodeNotify, Example());
  good.resize(good.size() - 4);
  REQUIRE(DecodeNotify({1}, sealed(good)).ok());
  std::string bad_version = good, bad_phase = good, left_over = good + "x";
  bad_version[0] = 2;
  bad_phase[1] = 4;
  CHECK_FALSE(DecodeNotify({1}, sealed(bad_version)).ok());
  CHECK_FALSE(DecodeNotify({1}, sealed(bad_phase)).ok());
  CHECK_FALSE(DecodeNotify({1}, sealed(left_over)).ok());
  for (size_t size = 1; size < good.size(); ++size) {
    INFO(size);
    CHECK_FALSE(DecodeNotify({1}, sealed(good.substr(0, size))).ok());
  }
}

TEST_CASE("records: a damaged record says what is damaged") {
  auto result = DecodeFkey("nonsense");
  REQUIRE_FALSE(result.ok());
  CHECK(result.status().code() == Code::kCorrupt);
  CHECK(result.status().detail() == "a stored fkey is damaged");
}

TEST_CASE("records: all fields survive, extreme numbers too") {
  NotifyRecord record = MakeFullRecord(2);
  record.created_at = {INT64_MIN};
  record.state.due = kWallNever;
  record.state.retry_at = kMonoNever;
  record.state.attempts_made = UINT32_MAX;
  record.spec = std::make_shared<const std::string>(std::string(100'000, '\0') + "\xff");
  auto decoded = DecodeNotify(record.id, Encoded(EncodeNotify, record));
  REQUIRE(decoded.ok());
  CheckSame(**decoded, record);
  REQUIRE(PeekState(Encoded(EncodeNotify, record)));
  CheckSame(*PeekState(Encoded(EncodeNotify, record)), record.state);
}

TEST_CASE("records: of too many attempts the newest are kept") {
  NotifyRecord record = Example();
  for (uint32_t n = 1; n <= 25; ++n) record.attempts.push_back(MakeAttempt(n));
  auto decoded = DecodeNotify(record.id, Encoded(EncodeNotify, record));
  REQUIRE(decoded.ok());
  REQUIRE((*decoded)->attempts.size() == kAttemptsKept);
  CHECK((*decoded)->attempts.front().number == 6);
  CHECK((*decoded)->attempts.back().number == 25);
}

}  // namespace
}  // namespace notifyd
