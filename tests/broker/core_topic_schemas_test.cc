// What topics' schemas cost the core.
#include <catch2/catch.hpp>

#include "base/json_tree.h"
#include "broker/schema_cache.h"
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
  for (int i = 1; i < 12'000; ++i) values += ",1";
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

TEST_CASE("topics: schemas that are short and take long to compile are not all compiled for one request") {
  Topics f;
  TopicRecord said;
  said.schema = R"({"pattern":"^[\\p{L}\\p{N}\\p{M}\\p{P}]{3}$"})";
  Publish publish;
  publish.batch = true;
  for (int i = 0; i < 12; ++i) {
    publish.events.push_back(Topics::Item("t" + std::to_string(i), "{}"));
    f.Tell({TopicPut{publish.events.back().topic, said, {}}});
  }
  CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnavailable);
}

TEST_CASE("topics: a request whose topics have more of schemas than is kept is refused, not told to come again for ever") {
  Topics f;
  TopicRecord said;
  said.schema = "{\"x\":[0";
  while (said.schema.size() < 60'000) said.schema += ",0";
  said.schema += "]}";
  const size_t room = SchemaCache::kMaxBytes / (*Schema::Compile(said.schema))->bytes();
  Publish publish;
  publish.batch = true;
  for (size_t i = 0; i <= room; ++i) {
    publish.events.push_back(Topics::Item("t" + std::to_string(i), "{}"));
    f.Tell({TopicPut{publish.events.back().topic, said, {}}});
  }
  const auto code = [&] {
    Code last = Code::kUnavailable;
    for (size_t i = 0; i <= room && last == Code::kUnavailable; ++i) last = Topics::CodeOf(f.Try({publish}));
    return last;
  };
  CHECK(code() == Code::kUnacceptable);
  publish.events.pop_back();
  CHECK(code() == Code::kOk);
}

TEST_CASE("topics: events that take too long to judge together are told from one that does alone") {
  Topics f;
  TopicRecord said;
  said.schema = R"({"items":{"type":"number"}})";
  f.Tell({TopicPut{"a.b", said, {}}});
  std::string values = "1";
  for (int i = 1; i < 800'000; ++i) values += ",1";
  Publish publish;
  publish.batch = true;
  for (int i = 0; i < 3; ++i) publish.events.push_back(Topics::Item("a.b", "[" + values + "]"));
  const Reply& together = f.Try({publish});
  CHECK(std::get<Refused>(together.body).status.detail().find("fewer events") != std::string::npos);
  publish.events = {Topics::Item("a.b", "[" + values + "," + values + "," + values + "]")};
  const Reply& alone = f.Try({publish});
  CHECK(std::get<Refused>(alone.body).status.detail().find("fewer events") == std::string::npos);
}

}  // namespace notifyd
