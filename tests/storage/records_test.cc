#include "storage/records.h"
#include "storage/stored_record.h"

#include <functional>

#include "broker/spec.h"

#include "contract/store_harness.h"
#include "storage/hex.h"
#include "storage/switches_record.h"

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
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kFifo, "orders"};
  envelope->host = "h:80";
  envelope->caller = "me";
  record.envelope = envelope;
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

LaneSettings FullSettings() {
  LaneSettings settings;
  settings.paused = Paused::kByFailure;
  settings.concurrency = 300;
  settings.rate_per_s = 1.5;
  settings.burst = 7;
  settings.on_retry = OnRetry::kSkip;
  settings.on_failure = OnFailure::kPause;
  return settings;
}

NotifyState RetryingState() {
  NotifyState state = Example().state;
  state.phase = Phase::kRetrying;
  state.retry_at = {5};
  state.attempts_made = 1;
  return state;
}

bool NotifyDecodes(std::string_view v) {
  return DecodeNotify({1}, v).ok();
}

Switches SomeSwitches() {
  Switches switches;
  switches.callers["bad"] = {true, 0.5};
  switches.hosts["h:80"] = {false, 300, 1.5};
  return switches;
}

std::vector<Kind> Kinds() {
  LaneRecord lane{true, {5, {1}, {2}}, true, "h:80", 3, {4}};
  Totals totals;
  totals.accepted = 300;
  totals.wall_mark = {-1, {2}};
  totals.lane_settings = 5;
  LaneSettings paused;
  paused.paused = Paused::kByRequest;
  LaneSettings noted = paused;
  noted.pause.note = std::make_shared<const PauseNote>(PauseNote{{1000}, "token t1", "why", {0x2a}});
  auto remembered = std::make_shared<const RememberedTrigger>(RememberedTrigger{"{}", {false, {2000}}});
  return {
      {"notify", Encoded(EncodeNotify, Example()),
       "0201a01f0000feffffffffffffffff010000000000d00f01066f726465727304683a3830040000026d65000d02000a687474703a2f2f682f782a"
       "e9ad90"_hex,
       NotifyDecodes},
      {"notify with everything", Encoded(EncodeNotify, MakeFullestRecord(2)),
       "0202f6bfe285e368920c92c0e285e368c6c1e285e3680002010705776169747384c0e285e36801066f72646572731073686f702e6578616d706c65"
       "3a343433072f096f726465720020313706746573746572ff0103fa013ff8000000000000e0d4033fd000000000000003e807008827070204f70304"
       "676f6e65020b2f6572726f722f636f6465042245312200046e756c6c0301ca01076e6f74207965740c687474703a2f2f632f783f790a687474703a"
       "2f2f632f7804633a38300a687474703a2f2f682f783730302d30616637363531393136636434336464383434386562323131633830333139632d62"
       "3761643662373136393230333333312d3031ff030265750275730269314d0a6f726465722e706169640473686970076e696768746c79d00fac0202"
       "8020020182c0e285e36818f70311756e65787065637465645f616e737765721274686520616e7377657220776173203530330f627573792c207472"
       "79206c617465720284c0e285e36818f71311756e65787065637465645f616e737765721274686520616e7377657220776173203530330f62757379"
       "2c20747279206c6174657201620973706563206f662032087af7ec"_hex,
       NotifyDecodes},
      {"change", Encoded(EncodeChange, StateChange{RetryingState(), AttemptRecord{1, {9}, 3, 500, "e", "d", "b"}}),
       "8202a01f0a00feffffffffffffffff01000100000001011206f403016501640162a3d235bf"_hex, [](std::string_view v) { return DecodeChanges(v).ok(); }},
      {"fkey", Encoded(EncodeFkey, FkeyRecord{{0x2a}, {1000}}), "022ad00f004f021ac4"_hex, [](std::string_view v) { return DecodeFkey(v).ok(); }},
      {"remembered trigger", Encoded(EncodeFkey, FkeyRecord{{}, {1000}, remembered}), "0200d00f03027b7da01f3e88d7bb"_hex,
       [](std::string_view v) { return DecodeFkey(v).ok(); }},
      {"fkey expiry", Encoded(EncodeFkeyExpiry, FkeyRecord{{0x2a}, {1000}}), "812ad00f155de3af"_hex,
       [](std::string_view v) { return DecodeFkeyExpiry(v).ok(); }},
      {"idempotency key", Encoded(EncodeIdempotency, IdempotencyRecord{{0x2a}, {1, 2}, {1000}}),
       "012a00000000000000010000000000000002d00ff6e9d96a"_hex, [](std::string_view v) { return DecodeIdempotency(v).ok(); }},
      {"lane", Encoded(EncodeLane, lane), "01010502020104683a38300304bc305bff"_hex, [](std::string_view v) { return DecodeLane(v).ok(); }},
      {"lane settings", Encoded(EncodeLaneSettings, FullSettings()), "013f02ac023ff80000000000000701014ce1ab7f"_hex,
       [](std::string_view v) { return DecodeLaneSettings(v).ok(); }},
      {"settings of a paused lane", Encoded(EncodeLaneSettings, paused), "01010162625904"_hex,
       [](std::string_view v) { return DecodeLaneSettings(v).ok(); }},
      {"settings of a paused lane with who and why", Encoded(EncodeLaneSettings, noted), "014101d00f08746f6b656e207431037768792ab4748601"_hex,
       [](std::string_view v) { return DecodeLaneSettings(v).ok(); }},
      {"lane counts", Encoded(EncodeLaneCounts, IndexCounts{1, 2, 300, 0, 70000}), "010204d80400e0c508c8657ce0"_hex,
       [](std::string_view v) { return DecodeLaneCounts(v).ok(); }},
      {"change of lane counts", Encoded(EncodeLaneCountsChange, IndexCounts{0, 0, -1, 1, 0}), "8100000102000c0e8508"_hex,
       [](std::string_view v) { return DecodeLaneCountsChange(v).ok(); }},
      {"switches", Encoded(EncodeSwitches, SomeSwitches()), "010103626164033fe00000000000000104683a3830063ff8000000000000ac02df0a6a64"_hex,
       [](std::string_view v) { return DecodeSwitches(v).ok(); }},
      {"sleeping lane", Encoded(EncodeSleeperLane, LaneKey{Mode::kFifo, "ab"}), "01010261621df5f860"_hex,
       [](std::string_view v) { return DecodeSleeperLane(v).ok(); }},
      {"settled", Encoded(EncodeSettled, WallTime{1000}), "01d00f166ae9b0"_hex, [](std::string_view v) { return DecodeSettled(v).ok(); }},
      {"totals", Encoded(EncodeTotals, totals), "0301ac0200000000000000000000000000000100010200000000000005010000005fd64cce"_hex,
       [](std::string_view v) { return DecodeTotals(v).ok(); }},
      {"format", Encoded(EncodeFormat, FormatRecord{1, {0x11, 0x22}}), "0101000000000000001100000000000000229964fedb"_hex,
       [](std::string_view v) { return DecodeFormat(v).ok(); }},
  };
}

TEST_CASE("records: golden bytes of the newest version of each") {
  for (const Kind& kind : Kinds()) {
    INFO(kind.name);
    CHECK(Hex(kind.bytes) == kind.golden);
    CHECK(kind.decodes(kind.bytes));
  }
}

// What a store of format 1 holds: never to be changed.
TEST_CASE("records: golden bytes of version 1 decode to what they said") {
  std::string notify = Unhex(
      "01 01 a01f 00 00 feffffffffffffffff01 00 00 00 00 d00f 01 06 6f7264657273 04 683a3830 04 00 00 02 6d65 00 "
      "0d 01 00 0a 687474703a2f2f682f78 b8bc3b0c");
  auto plain = DecodeNotify({0x2a}, notify);
  REQUIRE(plain.ok());
  NotifyRecord example = Example();
  example.spec = std::make_shared<const std::string>("\x01" + example.spec->substr(1));
  CheckSame(**plain, example);
  REQUIRE(PeekState(notify));
  CheckSame(*PeekState(notify), example.state);

  std::string everything = Unhex(
      "0102f6bfe285e368920c92c0e285e368c6c1e285e36800020105776169747384c0e285e36801066f72646572731073686f702e6578616d706c653a34"
      "34330703096f7264657200203137067465737465727f03fa013ff8000000000000e0d4033fd000000000000003e807008827070204f70304676f6e65"
      "020b2f6572726f722f636f6465042245312200046e756c6c020182c0e285e36818f70311756e65787065637465645f616e737765721274686520616e"
      "7377657220776173203530330f627573792c20747279206c617465720284c0e285e36818f70311756e65787065637465645f616e7377657212746865"
      "20616e7377657220776173203530330f627573792c20747279206c617465720973706563206f66203281c2a8f1");
  auto full = DecodeNotify({2}, everything);
  REQUIRE(full.ok());
  CheckSame(**full, MakeFullRecord(2));

  auto change = DecodeChanges(Unhex("8102a01f0a00feffffffffffffffff010001000001011206f403016501640162471b3a7e"));
  REQUIRE(change.ok());
  CheckSame(change->state, RetryingState());
  REQUIRE(change->attempts.size() == 1);
  CheckSame(change->attempts[0], {1, {9}, 3, 500, "e", "d", "b"});

  auto fkey = DecodeFkey(Unhex("012ad00f1d54d511"));
  REQUIRE(fkey.ok());
  CHECK(fkey->id.value == 0x2a);
  CHECK(fkey->expires_at.ms == 1000);
  CHECK_FALSE(fkey->remembered);

  auto totals = DecodeTotals(Unhex("0101ac0200000000000000000000000000000100010200000000000022bf53ef"));
  REQUIRE(totals.ok());
  CHECK(totals->next_id == 1);
  CHECK(totals->accepted == 300);
  CHECK(totals->next_sleeper_order == 1);
  CHECK((totals->wall_mark == DueKey{-1, {2}}));
  CHECK(totals->lane_settings == 0);
}

TEST_CASE("records: totals of version 2 are read, and have no records beside notifies") {
  auto totals = DecodeTotals(Unhex("0201ac020000000000000000000000000000010001020000000000000588a8b90f"));
  REQUIRE(totals.ok());
  CHECK(totals->accepted == 300);
  CHECK(totals->lane_settings == 5);
  CHECK(totals->records == RecordCounts());
  CHECK(totals->next_serial == 1);
  CHECK((totals->run_mark == DueKey()));
}

TEST_CASE("records: totals have what is promised in the last places for counts of records, which an earlier notifyd carries along") {
  Totals totals;
  totals.accepted = 300;
  totals.wall_mark = {-1, {2}};
  totals.lane_settings = 5;
  totals.promised = 300;
  totals.promised_bytes = 7;
  const std::string bytes = Encoded(EncodeTotals, totals);
  CHECK(Hex(bytes) == "0301ac0200000000000000000000000000000100010200000000000005010000808030ac0207b35845e2"_hex);
  auto read = DecodeTotals(bytes);
  REQUIRE(read.ok());
  CHECK(read->promised == 300);
  CHECK(read->promised_bytes == 7);
  CHECK(read->records == RecordCounts());
}

TEST_CASE("records: golden bytes of one that is kept beside notifies; what is cut off, damaged or of another version is refused") {
  std::string bytes;
  EncodeStoredRecord({"ab", {1000}}, &bytes);
  CHECK(Hex(bytes) == "01d00f026162826cf30e"_hex);
  CHECK(*DecodeStoredRecord(bytes) == StoredRecord{"ab", {1000}});
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(DecodeStoredRecord(bytes.substr(0, size)).ok());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 1;
    CHECK_FALSE(DecodeStoredRecord(damaged).ok());
  }
}

TEST_CASE("records: what version 1 did not know is refused in it, though the checksum is right") {
  auto sealed = [](std::string body) {
    Encoder(&body).Big32(Checksum(body));
    return body;
  };
  std::string body = Unhex("01 01 a01f 00 00 feffffffffffffffff01 00 00 00 00 d00f 01 06 6f7264657273 04 683a3830 04 00 00 02 6d65 00 00");
  REQUIRE(NotifyDecodes(sealed(body)));
  size_t flags = body.size() - 6;
  for (char flag : {4, 8}) {
    std::string with = body;
    with[flags] = flag;
    CHECK_FALSE(NotifyDecodes(sealed(with)));
  }
  CHECK(DecodeFkey(sealed(Unhex("01 2a d00f"))).ok());
  CHECK_FALSE(DecodeFkey(sealed(Unhex("01 2a d00f 00"))).ok());
  CHECK(DecodeFkey(sealed(Unhex("02 2a d00f 00"))).ok());
}

TEST_CASE("records: a notify of defaults takes one byte more than in version 1") {
  CHECK(Encoded(EncodeNotify, Example()).size() == 60 + 1);
}

TEST_CASE("records: settings and flags that none can have are refused though the checksum is right") {
  auto settings = [](const std::string& fields) {
    std::string body = "\x01" + Unhex(fields);
    Encoder(&body).Big32(Checksum(body));
    return DecodeLaneSettings(body).ok();
  };
  CHECK(settings("00"));
  CHECK(settings("3f 02 01 3ff0000000000000 01 01 01"));
  CHECK_FALSE(settings("40"));                   // bit 6
  CHECK_FALSE(settings("01 03"));                // paused by whom
  CHECK_FALSE(settings("02 00"));                // nothing at a time
  CHECK_FALSE(settings("02 8080808010"));        // more than 32 bits
  CHECK_FALSE(settings("04 7ff8000000000000"));  // a rate that is no number
  CHECK_FALSE(settings("04 7ff0000000000000"));  // infinite
  CHECK_FALSE(settings("04 0000000000000000"));  // none at all
  CHECK_FALSE(settings("08 00"));                // a burst of none
  CHECK_FALSE(settings("10 02"));
  CHECK_FALSE(settings("20 02"));
  auto fkey = [](const std::string& flags) {
    std::string body = Unhex("02 00 d00f") + Unhex(flags);
    Encoder(&body).Big32(Checksum(body));
    return DecodeFkey(body).ok();
  };
  CHECK(fkey("05 00"));
  CHECK_FALSE(fkey("09 00"));  // bit 3
  CHECK_FALSE(fkey("04 00"));  // at once, and yet not remembered
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
  bad_version[0] = 3;
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
  NotifyRecord record = MakeFullestRecord(2);
  record.state.laters = UINT32_MAX;
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

TEST_CASE("records: that an attempt's answer broke off is kept beside its status") {
  NotifyRecord record = MakeFullRecord(2);
  for (uint16_t status : {0, 200, 599, 999}) {
    for (bool truncated : {false, true}) {
      AttemptRecord attempt = MakeAttempt(1);
      attempt.status = status;
      attempt.truncated = truncated;
      record.attempts = {attempt};
      auto decoded = DecodeNotify({2}, Encoded(EncodeNotify, record));
      REQUIRE(decoded.ok());
      CHECK((*decoded)->attempts[0].status == status);
      CHECK((*decoded)->attempts[0].truncated == truncated);
    }
  }
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

TEST_CASE("store name: what it is made of its id is that for good, and half of the hash at most") {
  CHECK(NameOfStore({0x5b0f3c1de2a94e6f, 0x8a7b6c5d4e3f2a1b}) == "a69f44c783ec84c4");
  CHECK(NameOfStore({0x5b0f3c1de2a94e6f, 0x8a7b6c5d4e3f2a1c}) != NameOfStore({0x5b0f3c1de2a94e6f, 0x8a7b6c5d4e3f2a1b}));
}

}  // namespace
}  // namespace notifyd
