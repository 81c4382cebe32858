#include "broker/topic_records.h"

#include <catch2/catch.hpp>

using namespace notifyd;
using namespace std::string_literals;

namespace {

EventRecord SomeEvent() {
  EventRecord event;
  event.topic = "a.b";
  event.published_at = {3};
  event.caller = "c";
  event.key = "k";
  event.labels = {{"l", "v"}};
  event.payload_kind = PayloadKind::kData;
  event.payload = "{}";
  event.content_type = "t";
  event.due_at = WallTime{4};
  event.trace_parent = "p";
  event.trace_state = "s";
  event.via = "w";
  return event;
}

Subscription SomeSubscription() {
  Subscription said;
  said.topic = "a.*";
  said.filter = "{}";
  said.transform = "[]";
  said.paused = true;
  said.max_pending = 7;
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kFifo, "l"};
  envelope->host = "h";
  envelope->caller = "c";
  envelope->labels = std::make_shared<const Labels>(Labels{{"x", "y"}});
  said.envelope = envelope;
  said.spec = std::make_shared<const std::string>("spec");
  said.when = {When::Kind::kDelay, 1};
  said.document = "{ }";
  return said;
}

template <class Encode, class Decode>
void CheckCut(const std::string& bytes, Encode again, Decode decode) {
  CHECK(again(*decode(bytes)) == bytes);
  for (size_t size = 0; size < bytes.size(); ++size) CHECK(decode(bytes.substr(0, size)).status().code() == Code::kCorrupt);
  CHECK(decode(bytes + "x").status().code() == Code::kCorrupt);
  CHECK(decode("\x02" + bytes.substr(1)).status().code() == Code::kCorrupt);
}

}  // namespace

TEST_CASE("topic records: the bytes of a topic and of an event") {
  TopicRecord topic;
  topic.retention_ms = 5;
  topic.schema = "{}";
  topic.description = "d";
  CHECK(EncodeTopic(topic) == "\x01\x05\x02{}\x01"s + "d");
  CHECK(EncodeEvent(SomeEvent()) == "\x01\x03"s + "a.b" + "\x06\x01" + "c" + "\x01" + "k" + "\x01\x01" + "l" + "\x01" + "v" + "\x01\x02{}\x01" + "t" +
                                        "\x01\x08\x01" + "p" + "\x01" + "s" + "\x01" + "w");
}

TEST_CASE("topic records: the bytes of a subscription, of its backlog and of what became of an event") {
  CHECK(EncodeSubscription(SomeSubscription()) ==
        "\x01\x03"s + "a.*" + "\x02{}\x02[]\x06\x07" + "\x01\x01l\x01h\x04\x10\0\x01"s + "c" + "\x01\x01x\x01y" + "\x04spec\x01\x02\0\x03{ }"s);
  SubscriptionRecord record;
  record.serial = 1;
  record.created_at = {2};
  record.live_after = {3};
  record.catching_up = true;
  record.said = std::make_shared<const Subscription>(SomeSubscription());
  const std::string said = EncodeSubscription(*record.said);
  CHECK(EncodeSubscriptionRecord(record) == "\x01\x01\x04\x03\x01"s + static_cast<char>(said.size()) + said);
  record.unreachable = true;
  CHECK(EncodeSubscriptionRecord(record) == "\x01\x01\x04\x03\x03"s + static_cast<char>(said.size()) + said);
  CHECK(DecodeSubscriptionRecord(EncodeSubscriptionRecord(record))->unreachable);
  record.left_lanes = {{Mode::kFifo, "a~1"}};
  CHECK(EncodeSubscriptionRecord(record) == "\x01\x01\x04\x03\x07"s + static_cast<char>(said.size()) + said + "\x01\x01\x03" + "a~1");
  CheckCut(EncodeSubscriptionRecord(record), EncodeSubscriptionRecord, DecodeSubscriptionRecord);
  CHECK(EncodeBacklog({5, 300}) == "\x01\x05\xac\x02"s);
  CHECK(EncodeBacklog({5, 300, {{NotifyId{300}, {"a/", "b"}}, {NotifyId{7}, {}}}}) ==
        "\x02\x05\xac\x02\x02\xac\x02\x02\x02" + "a/\x01"s + "b\x07\0"s);
  CHECK(EncodeEventPlace({}) == "\x01\0\0\0\0"s);
  CHECK(EncodeEventPlace({{1}, true, 1000, {{NotifyId{5}, 1000}}}) == "\x01\x02\x01\xe9\x07\x01\x05\xe8\x07"s);
}

TEST_CASE("topic records: what was encoded is read back; what was cut off, goes on or has another version is refused") {
  CHECK(*DecodeTopic(EncodeTopic(TopicRecord())) == TopicRecord());
  CheckCut(EncodeTopic(TopicRecord()), EncodeTopic, DecodeTopic);
  CHECK(*DecodeEvent(EncodeEvent(SomeEvent())) == SomeEvent());
  EventRecord scheduled = SomeEvent();
  scheduled.schedule = "s";
  scheduled.scheduled_at = WallTime{3};
  CHECK(EncodeEvent(scheduled).ends_with("\x01s\x06"));
  CHECK(*DecodeEvent(EncodeEvent(scheduled)) == scheduled);
  CheckCut(EncodeEvent(scheduled), EncodeEvent, DecodeEvent);
  CheckCut(EncodeEvent(SomeEvent()), EncodeEvent, DecodeEvent);
  for (std::optional<uint64_t> matched : {std::optional<uint64_t>(), std::optional<uint64_t>(0), std::optional<uint64_t>(1000)}) {
    EventPlace place{{9}, false, matched, {{NotifyId{7}, 3}, {NotifyId{12}, 1}}};
    CHECK(*DecodeEventPlace(EncodeEventPlace(place)) == place);
    CheckCut(EncodeEventPlace(place), EncodeEventPlace, DecodeEventPlace);
    place.untransformed = {"s", "t"};
    CHECK(EncodeEventPlace(place).ends_with("\x02\x01s\x01t"));
    CHECK(*DecodeEventPlace(EncodeEventPlace(place)) == place);
  }
  CheckCut(EncodeSubscription(SomeSubscription()), EncodeSubscription, DecodeSubscription);
  SubscriptionRecord record;
  record.said = std::make_shared<const Subscription>(SomeSubscription());
  CheckCut(EncodeSubscriptionRecord(record), EncodeSubscriptionRecord, DecodeSubscriptionRecord);
  CheckCut(EncodeBacklog({5, 300}), EncodeBacklog, DecodeBacklog);
}

TEST_CASE("topic records: a topic's events lie in the order of their ids, apart from those of longer names") {
  const NotifyId first{255}, second{256};
  CHECK(KeyOfEvent(second) == "\0\0\0\0\0\0\x01\0"s);
  CHECK(KeyOfTopicEvent("a", first) < KeyOfTopicEvent("a", second));
  CHECK(KeyOfTopicEvent("a", second) < KeyOfTopicEvent("a-", first));
  CHECK(KeyOfTopicEvent("a", second) < KeyOfTopicEvent("a.b", first));
}

TEST_CASE("topic records: both keys of an event say which it is") {
  const NotifyId id{(uint64_t{1} << 48) + 5};
  CHECK(EventOfKey(KeyOfEvent(id)) == id);
  CHECK(EventOfKey(KeyOfTopicEvent("a.b", id)) == id);
  CHECK(EventOfKey("short") == NotifyId{});
}
