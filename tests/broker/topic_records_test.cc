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
  event.matched = 1;
  return event;
}

}  // namespace

TEST_CASE("topic records: the bytes of a topic and of an event") {
  TopicRecord topic;
  topic.retention_ms = 5;
  topic.schema = "{}";
  topic.description = "d";
  CHECK(EncodeTopic(topic) == "\x01\x05\x02{}\x01"s + "d");
  CHECK(EncodeEvent(SomeEvent()) ==
        "\x01\x03"s + "a.b" + "\x06\x01" + "c" + "\x01" + "k" + "\x01\x01" + "l" + "\x01" + "v" + "\x01\x02{}\x01" + "t" + "\x02");
}

TEST_CASE("topic records: what was encoded is read back") {
  CHECK(*DecodeTopic(EncodeTopic(TopicRecord())) == TopicRecord());
  for (std::optional<uint64_t> matched : {std::optional<uint64_t>(), std::optional<uint64_t>(0), std::optional<uint64_t>(1000)}) {
    EventRecord event = SomeEvent();
    event.matched = matched;
    CHECK(*DecodeEvent(EncodeEvent(event)) == event);
  }
}

TEST_CASE("topic records: what was cut off, goes on or has another version is refused") {
  const std::string topic = EncodeTopic(TopicRecord()), event = EncodeEvent(SomeEvent());
  for (size_t size = 0; size < topic.size(); ++size) CHECK(DecodeTopic(topic.substr(0, size)).status().code() == Code::kCorrupt);
  for (size_t size = 0; size < event.size(); ++size) CHECK(DecodeEvent(event.substr(0, size)).status().code() == Code::kCorrupt);
  CHECK(DecodeTopic(topic + "x").status().code() == Code::kCorrupt);
  CHECK(DecodeEvent(event + "x").status().code() == Code::kCorrupt);
  CHECK(DecodeTopic("\x02" + topic.substr(1)).status().code() == Code::kCorrupt);
  CHECK(DecodeEvent("\x02" + event.substr(1)).status().code() == Code::kCorrupt);
}

TEST_CASE("topic records: a topic's events lie in the order of their ids, apart from those of longer names") {
  const NotifyId first{255}, second{256};
  CHECK(KeyOfEvent(second) == "\0\0\0\0\0\0\x01\0"s);
  CHECK(KeyOfTopicEvent("a", first) < KeyOfTopicEvent("a", second));
  CHECK(KeyOfTopicEvent("a", second) < KeyOfTopicEvent("a-", first));
  CHECK(KeyOfTopicEvent("a", second) < KeyOfTopicEvent("a.b", first));
}
