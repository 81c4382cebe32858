// The bytes that are kept of a group, and of what became of a member: golden, since older ones must be read for ever.
#include <catch2/catch.hpp>

#include "base/hex.h"
#include "broker/group_records.h"

namespace notifyd {
namespace {

constexpr const char* kGolden =
    "01ff0780897a0473686f7002e8070b687474703a2f2f682f63620b687474703a2f2f682f636204683a38300901016b0176016101740305c80101c801"
    "0036010a028092f401f40303a00612617474656d7074735f65786861757374656401";

GroupRecord Whole() {
  GroupRecord group;
  group.created_at = {1'000'000};
  group.settled_at = {1'000'500};
  group.caller = "shop";
  group.sequential = group.cancel_rest = group.stopped = group.keeps = true;
  group.released = 2;
  group.callback = Callback{"http://h/cb", "http://h/cb", "h:80", ""};
  group.callback_id = {9};
  group.labels = std::make_shared<const Labels>(Labels{{"k", "v"}});
  group.via = "a";
  group.trace_parent = "t";
  group.members.resize(3);
  group.members[0] = {Phase::kSucceeded, 200, 1, {1'000'100}, "", {}, {}};
  group.members[1] = {Phase::kFailed, 500, 3, {1'000'400}, "attempts_exhausted", {When::Kind::kDelay, 5}, {When::Kind::kAt, 2'000'000}};
  return group;
}

bool Same(const GroupMember& a, const GroupMember& b) {
  auto same = [](const When& x, const When& y) { return x.kind == y.kind && x.ms == y.ms; };
  return a.phase == b.phase && a.status == b.status && a.attempts_made == b.attempts_made && a.settled_at == b.settled_at && a.reason == b.reason &&
         same(a.when, b.when) && same(a.ttl, b.ttl);
}

}  // namespace

TEST_CASE("group records: golden bytes, read back whole") {
  const GroupRecord group = Whole();
  const std::string bytes = EncodeGroup(group);
  CHECK(HexOf(bytes) == kGolden);
  Result<GroupRecord> read = DecodeGroup(bytes);
  REQUIRE(read.ok());
  CHECK(read->created_at == group.created_at);
  CHECK(read->settled_at == group.settled_at);
  CHECK(read->caller == "shop");
  CHECK((read->sequential && read->cancel_rest && read->stopped && read->keeps));
  CHECK(read->released == 2);
  CHECK(read->callback == group.callback);
  CHECK(read->callback_id == NotifyId{9});
  CHECK(*read->labels == *group.labels);
  CHECK(read->via == "a");
  CHECK(read->trace_parent == "t");
  REQUIRE(read->members.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(Same(read->members[i], group.members[i]));
  CHECK(read->pending() == 1);
}

TEST_CASE("group records: one that settled behind all times is refused") {
  GroupRecord group;
  group.created_at = {5};
  group.settled_at = {6};
  std::string bytes = EncodeGroup(group);
  REQUIRE(bytes[2] == 10);  // the 5
  CHECK(DecodeGroup(bytes).ok());
  CHECK_FALSE(DecodeGroup(bytes.replace(2, 1, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")).ok());
}

TEST_CASE("group records: what is at its default takes no room") {
  GroupRecord group;
  group.created_at = {5};
  group.caller = "c";
  group.members.resize(2);
  const std::string bytes = EncodeGroup(group);
  CHECK(HexOf(bytes) == "01000a0163020101");
  Result<GroupRecord> read = DecodeGroup(bytes);
  REQUIRE(read.ok());
  CHECK_FALSE(read->was_settled());
  CHECK(read->members.size() == 2);
}

TEST_CASE("group records: that one was revived is read back, and takes no room") {
  GroupRecord group;
  group.members.resize(2);
  const size_t before = EncodeGroup(group).size();
  group.members[1].revived = true;
  const std::string bytes = EncodeGroup(group);
  CHECK(bytes.size() == before);
  CHECK(bytes.back() == 2);  // the phase of one that is not settled, to who knows no better
  Result<GroupRecord> read = DecodeGroup(bytes);
  REQUIRE(read.ok());
  CHECK_FALSE(read->members[0].revived);
  CHECK(read->members[1].revived);
  CHECK(read->pending() == 2);
}

TEST_CASE("group records: that one was revived before its group was asked to end is read back, and takes no room") {
  GroupRecord group;
  group.members.resize(2);
  const size_t before = EncodeGroup(group).size();
  group.members[1].sent_again = true;
  const std::string bytes = EncodeGroup(group);
  CHECK(bytes.size() == before);
  CHECK(bytes.back() == 0);  // as above
  Result<GroupRecord> read = DecodeGroup(bytes);
  REQUIRE(read.ok());
  CHECK_FALSE(read->members[0].sent_again);
  CHECK(read->members[1].sent_again);
  CHECK_FALSE(read->members[1].revived);
  CHECK(read->pending() == 2);
}

TEST_CASE("group records: a record that is cut off anywhere, or of another version, is corrupt") {
  const std::string bytes = EncodeGroup(Whole());
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(DecodeGroup(std::string_view(bytes).substr(0, size)).ok());
  CHECK_FALSE(DecodeGroup(bytes + "x").ok());
  std::string other = bytes;
  other[0] = 2;
  CHECK_FALSE(DecodeGroup(other).ok());
}

TEST_CASE("group records: items of the agenda") {
  GroupOutcome outcome{{7}, 300, {Phase::kCancelled, 0, 2, {1'000'000}, "cancelled", {}, {}}};
  const std::string bytes = EncodeOutcome(outcome);
  CHECK(HexOf(bytes) == "01010000000000000007ac0207000280897a0963616e63656c6c6564");
  std::optional<GroupOutcome> read = DecodeOutcome(bytes);
  REQUIRE(read);
  CHECK(read->group == NotifyId{7});
  CHECK(read->place == 300);
  CHECK(Same(read->member, outcome.member));
  CHECK(HexOf(AdvanceItem({7}, /*by_request=*/false)) == "01020000000000000007");
  CHECK(HexOf(AdvanceItem({7}, /*by_request=*/true)) == "0102000000000000000701");
  CHECK_FALSE(DecodeOutcome(AdvanceItem({7}, /*by_request=*/false)));
  CHECK(GroupOfKey(GroupKey({77})) == NotifyId{77});
}

TEST_CASE("group records: what waits for its turn is due when the one before it is, and later by its own delay") {
  GroupRecord group;
  group.sequential = true;
  group.released = 2;
  group.members.resize(6);
  group.members[0].phase = group.members[3].phase = Phase::kCancelled;
  group.members[4].when = {When::Kind::kDelay, 1'000};
  group.members[5].when = {When::Kind::kAt, 9'000};
  const auto before = [&](int64_t ms) {
    std::string places;
    for (const NotifyId id : DueInTurnBefore({10}, group, {5'000}, {ms})) places += std::to_string(id.value - 11);
    return places;
  };
  CHECK(before(5'000) == "");
  CHECK(before(5'001) == "2");
  CHECK(before(6'000) == "2");
  CHECK(before(6'001) == "24");
  CHECK(before(9'001) == "245");
  group.members[4].revived = true;
  CHECK(before(9'001) == "2");
}

}  // namespace notifyd
