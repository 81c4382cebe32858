// The bytes that schedules are kept as: whoever changes them reads what earlier versions wrote no more.
#include "broker/schedule_records.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/bytes.h"
#include "broker/envelope_bytes.h"
#include "broker/spec.h"

using namespace notifyd;

namespace {

std::string Hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    const char* digits = "0123456789abcdef";
    out += digits[static_cast<uint8_t>(c) >> 4];
    out += digits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

Schedule Full() {
  Schedule said;
  said.cron = "0 0 L * *";
  said.timezone = "Asia/Tokyo";
  said.start_at = WallTime{1};
  said.end_at = WallTime{-2};
  said.missed = Missed::kAll;
  said.skip_overlap = said.paused = true;
  said.jitter_ms = 300;
  Envelope envelope;
  envelope.lane = {Mode::kFifo, "l"};
  envelope.host = "h:1";
  envelope.caller = "c";
  said.envelope = std::make_shared<const Envelope>(envelope);
  said.spec = std::make_shared<const std::string>("spec");
  said.when = {When::Kind::kDelay, 0};
  said.ttl = {When::Kind::kDelay, 127};
  said.on_held = OnHeld::kKeep;
  return said;
}

template <class Decode>
void CheckNoPart(const std::string& bytes, Decode decode) {
  for (size_t size = 0; size < bytes.size(); ++size) CHECK(!decode(std::string_view(bytes).substr(0, size)).ok());
  CHECK(!decode(bytes + "x").ok());
  std::string other = bytes;
  other[0] = 9;
  CHECK(!decode(other).ok());
}

}  // namespace

TEST_CASE("schedule records: a schedule's bytes") {
  const Schedule said = Full();
  std::string envelope;
  Encoder encoder(&envelope);
  EncodeEnvelope(*said.envelope, &encoder);
  const std::string bytes = EncodeSchedule(said);
  CHECK(Hex(bytes) ==
        "010f"
        "0930203020"
        "4c202a202a"
        "00"
        "0a417369612f546f6b796f"
        "02"
        "03"
        "02"
        "ac02" +
            Hex(envelope) +
            "0473706563"
            "01"
            "8001"
            "02");
  Result<Schedule> back = DecodeSchedule(bytes);
  REQUIRE(back.ok());
  CHECK(EncodeSchedule(*back) == bytes);
  CHECK(back->missed == Missed::kAll);
  CHECK(back->ttl.ms == 127);
  CHECK(back->when.kind == When::Kind::kDelay);
  CheckNoPart(bytes, DecodeSchedule);

  ScheduleRecord record{200, WallTime{3}, std::make_shared<const Schedule>(said)};
  const std::string whole = EncodeScheduleRecord(record);
  CHECK(Hex(whole) ==
        "01"
        "c801"
        "06" +
            Hex(bytes));
  CHECK(DecodeScheduleRecord(whole)->serial == 200);
  CHECK(DecodeScheduleRecord(whole)->created_at == WallTime{3});
  CheckNoPart(whole, DecodeScheduleRecord);
}

TEST_CASE("schedule records: with order_by the lane is the one that has partitions, also where one was written with it") {
  Schedule said = Full();
  auto envelope = std::make_shared<Envelope>(*said.envelope);
  envelope->lane = {Mode::kFifo, "L~5"};
  said.envelope = envelope;
  NotifySpec spec;
  spec.order_by = "/a";
  spec.partitions = 64;
  said.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  std::string bytes = EncodeSchedule(said);
  CHECK(bytes.front() == 2);
  CHECK(DecodeSchedule(bytes)->envelope->lane.name == "L~5");
  bytes.front() = 1;
  const Result<Schedule> before = DecodeSchedule(bytes);
  REQUIRE(before.ok());
  CHECK(before->envelope->lane.name == "L");
  CHECK(DecodeSchedule(EncodeSchedule(*before))->envelope->lane.name == "L");
  bytes.front() = 3;
  CHECK_FALSE(DecodeSchedule(bytes).ok());
  spec.order_by.reset();
  said.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  bytes = EncodeSchedule(said);
  CHECK(bytes.front() == 1);
  CHECK(DecodeSchedule(bytes)->envelope->lane.name == "L~5");
}

TEST_CASE("schedule records: one that publishes, and what it published") {
  Schedule said = Full();
  const std::string before = EncodeSchedule(said);
  said.topic = "a.b";
  said.key = "k";
  const std::string bytes = EncodeSchedule(said);
  CHECK(Hex(bytes) == "011f" + Hex(before).substr(4) + "03612e62" + "016b");
  Result<Schedule> back = DecodeSchedule(bytes);
  REQUIRE(back.ok());
  CHECK(back->topic == "a.b");
  CHECK(back->key == "k");
  CheckNoPart(bytes, DecodeSchedule);
  ScheduleState state;
  state.last = NotifyId{6};
  state.last_is_event = true;
  state.runs = {{ScheduleRun::Outcome::kByHand, WallTime{3}, WallTime{4}, NotifyId{6}, 1, "", true}};
  CHECK(Hex(EncodeScheduleState(state)) == "010200000601810608060100");
  CHECK(*DecodeScheduleState(EncodeScheduleState(state)) == state);
}

TEST_CASE("schedule records: neither cron nor every_ms, or both, is no schedule") {
  Schedule said = Full();
  said.every_ms = 1000;
  CHECK(!DecodeSchedule(EncodeSchedule(said)).ok());
  said.cron.clear();
  CHECK(DecodeSchedule(EncodeSchedule(said)).ok());
  said.every_ms = 0;
  CHECK(!DecodeSchedule(EncodeSchedule(said)).ok());
}

TEST_CASE("schedule records: where a schedule stands, and its next run") {
  ScheduleState state;
  CHECK(Hex(EncodeScheduleState(state)) == "010000000000");
  state.next = {WallTime{5}, WallTime{4}};
  state.caught_up = 1;
  state.missed = 2;
  state.last = NotifyId{200};
  state.runs = {{ScheduleRun::Outcome::kMissed, WallTime{1}, WallTime{2}, {}, 3, "no"},
                {ScheduleRun::Outcome::kMade, WallTime{3}, WallTime{4}, NotifyId{6}, 1, ""}};
  const std::string bytes = EncodeScheduleState(state);
  CHECK(Hex(bytes) ==
        "0101"
        "0a08"
        "01"
        "02"
        "c801"
        "02"
        "03"
        "02"
        "04"
        "00"
        "03"
        "026e6f"
        "00"
        "06"
        "08"
        "06"
        "01"
        "00");
  CHECK(*DecodeScheduleState(bytes) == state);
  CheckNoPart(bytes, DecodeScheduleState);

  CHECK(Hex(EncodeNextRun({"ab"})) == "01026162");
  CHECK(DecodeNextRun(EncodeNextRun({"ab"}))->schedule == "ab");
  CheckNoPart(EncodeNextRun({"ab"}), DecodeNextRun);

  CHECK(Hex(EncodeRunKey({1, 2})) == "80000000000000010000000000000002");
  CHECK(*DecodeRunKey(EncodeRunKey({-7, 2})) == RunKey{-7, 2});
  CHECK(EncodeRunKey({-7, 2}) < EncodeRunKey({1, 1}));
  CHECK(!DecodeRunKey("x"));
  CHECK(KeyOfScheduleState("a") > "a");
  CHECK(KeyOfScheduleState("a") < "a-");
}
