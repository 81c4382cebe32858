// What topics' schemas cost the core.
#include <catch2/catch.hpp>

#include "base/json_tree.h"
#include "broker/topics_fixture.h"

namespace notifyd {

TEST_CASE("topics: neither data nor a schema is parsed where nobody looks at it") {
  Topics f;
  TopicRecord said;
  said.description = "d";
  f.Tell({TopicPut{"a.b", said, {}}});
  uint64_t parsed = JsonTree::parsed();
  f.Emit(Topics::Item("a.b", R"({"n":1})"));
  f.Emit(Topics::Item("unsaid", R"({"n":1})"));
  CHECK(JsonTree::parsed() == parsed);
  said.schema = R"({"type":"object"})";
  f.Tell({TopicPut{"a.b", said, {}}});
  f.Restart();
  parsed = JsonTree::parsed();
  CHECK(std::get<TopicsListed>(f.Tell({TopicList{}}).what).items.size() == 1);
  CHECK(JsonTree::parsed() == parsed);
  f.Emit(Topics::Item("a.b", R"({"n":1})"));
  CHECK(JsonTree::parsed() == parsed + 2);  // the schema and the data
  f.Emit(Topics::Item("a.b", R"({"n":1})"));
  CHECK(JsonTree::parsed() == parsed + 3);
}

TEST_CASE("topics: what a trigger that came before makes of an event is judged at the same cost as the event") {
  Topics f;
  TopicRecord said;
  std::string all = "{}", values = "1";
  for (int i = 1; i < 100; ++i) all += ",{}";
  for (int i = 1; i < 3'000; ++i) values += ",1";
  said.schema = R"({"properties":{"a":{"items":{"allOf":[)" + all + "]}}}}";
  f.Tell({TopicPut{"a.b", said, {}}});
  EventItem dear = Topics::Item("a.b", "{\"a\":[" + values + "]}");
  dear.fkey = "k";
  CHECK_FALSE(f.Emit(dear).duplicate);
  TriggerRequest early;
  early.fkey = dear.fkey = "early";
  early.remember_ms = 10'000;
  early.data = "{}";
  f.Do(early);
  Publish publish;
  publish.events = {dear};
  CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnacceptable);
}

TEST_CASE("topics: a request whose topics have many schemas that are not compiled yet is taken once they are, in parts") {
  Topics f;
  TopicRecord said;
  said.schema = R"({"description":")" + std::string(60'000, 'x') + "\"}";
  Publish publish;
  publish.batch = true;
  for (int i = 0; i < 12; ++i) {
    publish.events.push_back(Topics::Item("t" + std::to_string(i), "{}"));
    f.Tell({TopicPut{publish.events.back().topic, said, {}}});
  }
  for (int i = 0; i < 2; ++i) CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnavailable);
  CHECK(std::get<Published>(f.Tell({publish}).what).events.size() == 12);
  f.Restart();
  CHECK(f.Emit(Topics::Item("t0", "{}")).matched == 0);
}

}  // namespace notifyd
