#include "broker/event_filter.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

using namespace notifyd;

namespace {

struct TakenEvent {
  std::string data = "{}";
  Labels labels = {};
  std::string key = {}, topic = "t";
};

EventFilter Compiled(const std::string& filter) {
  Result<EventFilter> compiled = EventFilter::Compile(filter);
  INFO(filter << ": " << (compiled.ok() ? "" : compiled.status().detail() + " at " + compiled.status().field()));
  REQUIRE(compiled.ok());
  return *compiled;
}

bool Matches(const std::string& filter, const TakenEvent& event) {
  Result<JsonTree> tree = JsonTree::Parse(event.data);
  REQUIRE(tree.ok());
  const JsonTree::Value root = tree->root();
  const EventFilter compiled = Compiled(filter);
  const EventFilter::Subject subject{&root, &event.labels, event.key, event.topic};
  const bool matches = compiled.Matches(subject);
  // However often it is interrupted.
  for (int64_t at_once : {0, 1, 2, 7, 1000}) {
    if (event.data.size() > 10'000 && at_once < 1000) continue;
    EventFilter::Pause pause;
    std::optional<bool> told;
    for (int i = 0; !told && i < 10'000; ++i) {
      int64_t steps = at_once;
      told = compiled.Matches(subject, &steps, &pause);
    }
    INFO(filter << " of " << event.data.substr(0, 1000) << ", " << at_once << " steps at once");
    CHECK(told == matches);
  }
  return matches;
}

/// Does the condition hold for the data? Its negation must hold where it does not.
bool Holds(const std::string& condition, const std::string& data) {
  INFO(condition << " of " << data);
  const bool holds = Matches(R"({"data":)" + condition + "}", {data});
  CHECK(Matches(R"({"data":{"$not":)" + condition + "}}", {data}) == !holds);
  CHECK(Matches(R"({"$not":{"data":)" + condition + "}}", {data}) == !holds);
  CHECK(Matches(R"({"data":{"$or":[)" + condition + "]}}", {data}) == holds);
  CHECK(Matches(R"({"$and":[{"data":)" + condition + "}]}", {data}) == holds);
  return holds;
}

struct Row {
  const char* condition;
  const char* data;
  bool holds;
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    INFO(row.condition << " of " << row.data);
    CHECK(Holds(row.condition, row.data) == row.holds);
  }
}

std::string ErrorAt(const std::string& filter) {
  Result<EventFilter> compiled = EventFilter::Compile(filter);
  INFO(filter);
  REQUIRE_FALSE(compiled.ok());
  CHECK(compiled.status().code() == Code::kUnacceptable);
  CHECK(compiled.status().detail() != "");
  return compiled.status().field();
}

}  // namespace

TEST_CASE("event filter: a scalar is met by itself, and by an array that contains it") {
  Check({{R"({"a":1})", R"({"a":1})", true},
         {R"({"a":1})", R"({"a":1.0,"b":2})", true},
         {R"({"a":1})", R"({"a":"1"})", false},
         {R"({"a":"1"})", R"({"a":1})", false},
         {R"({"a":true})", R"({"a":true})", true},
         {R"({"a":true})", R"({"a":"true"})", false},
         {R"({"a":0})", R"({"a":false})", false},
         {R"({"a":null})", R"({"a":null})", true},
         {R"({"a":null})", R"({})", false},
         {R"({"a":"x"})", R"({"a":["y","x"]})", true},
         {R"({"a":"x"})", R"({"a":["y"]})", false},
         {R"({"a":"x"})", R"({"a":[]})", false},
         {R"({"a":1})", R"({"a":[[1.0]]})", true},
         {R"({"a":"x"})", R"({"a":{"x":"x"}})", false},
         {R"({"a":"\u0078"})", R"({"a":"x"})", true},
         {R"("x")", R"("x")", true},
         {R"(5)", R"([4,5])", true},
         {R"({"a":"x"})", R"("x")", false},
         {R"({"a/b~c":1})", R"({"a/b~c":1})", true},
         {R"({"":1})", R"({"":1})", true}});
}

TEST_CASE("event filter: nested objects are AND, and go into arrays of objects") {
  Check({{R"({"a":{"b":1,"c":2}})", R"({"a":{"b":1,"c":2,"d":3}})", true},
         {R"({"a":{"b":1,"c":2}})", R"({"a":{"b":1,"c":3}})", false},
         {R"({"a":{"b":1}})", R"({"a":5})", false},
         {R"({"a":{"b":1}})", R"({})", false},
         // One element has to meet all of them.
         {R"({"a":{"b":1,"c":2}})", R"({"a":[{"b":1},{"c":2}]})", false},
         {R"({"a":{"b":1,"c":2}})", R"({"a":[{"b":0},{"b":1,"c":2}]})", true},
         {R"({"a":{"b":1}})", R"({"a":[[{"b":1}]]})", true},
         {R"({"a":{"b":1}})", R"({"a":[]})", false},
         {R"({"a":{}})", R"({"a":{"b":1}})", true},
         {R"({"a":{}})", R"({"a":1})", false},
         {R"({"a":{}})", R"({})", false},
         {R"({})", R"({"a":1})", true}});
}

TEST_CASE("event filter: an array asks for each of its conditions, each of one element at least") {
  Check({{R"({"a":[1,2]})", R"({"a":[2,3,1]})", true},
         {R"({"a":[1,2]})", R"({"a":[1,3]})", false},
         {R"({"a":[1]})", R"({"a":1})", false},
         {R"({"a":[{"b":{"$gt":1}},{"c":1}]})", R"({"a":[{"c":1},{"b":2}]})", true},
         {R"({"a":[1]})", R"({})", false}});
}

TEST_CASE("event filter: $eq and $neq compare whole values") {
  Check({{R"({"a":{"$eq":1}})", R"({"a":1e0})", true},
         {R"({"a":{"$eq":1}})", R"({"a":[1]})", false},
         {R"({"a":{"$eq":[1,2]}})", R"({"a":[1.0,2]})", true},
         {R"({"a":{"$eq":[1,2]}})", R"({"a":[2,1]})", false},
         {R"({"a":{"$eq":{"x":1,"y":2}}})", R"({"a":{"y":2,"x":1}})", true},
         {R"({"a":{"$eq":{"$gt":1}}})", R"({"a":{"$gt":1}})", true},
         {R"({"a":{"$eq":null}})", R"({"a":null})", true},
         {R"({"a":{"$eq":null}})", R"({})", false},
         {R"({"a":{"$neq":1}})", R"({"a":2})", true},
         {R"({"a":{"$neq":1}})", R"({"a":"1"})", true},
         {R"({"a":{"$neq":1}})", R"({"a":1.0})", false},
         {R"({"a":{"$neq":null}})", R"({"a":null})", false}});
}

TEST_CASE("event filter: order compares numbers exactly and strings by bytes, and never one with the other") {
  Check({{R"({"a":{"$gt":1}})", R"({"a":1.0000000000000000000000001})", true},
         {R"({"a":{"$gt":9007199254740992}})", R"({"a":9007199254740993})", true},
         {R"({"a":{"$gt":1}})", R"({"a":1})", false},
         {R"({"a":{"$gte":1}})", R"({"a":1.0})", true},
         {R"({"a":{"$lt":1e999999999999}})", R"({"a":1e999999999998})", true},
         {R"({"a":{"$lte":-5}})", R"({"a":-5.1})", true},
         {R"({"a":{"$lte":-5}})", R"({"a":-4.9})", false},
         {R"({"a":{"$gte":1,"$lt":10}})", R"({"a":9.99})", true},
         {R"({"a":{"$gte":1,"$lt":10}})", R"({"a":10})", false},
         {R"({"a":{"$gt":"a"}})", R"({"a":"b"})", true},
         {R"({"a":{"$gt":"Z"}})", R"({"a":"a"})", true},
         {R"({"a":{"$lt":"\u00e9"}})", R"({"a":"z"})", true},
         {R"({"a":{"$gt":"a"}})", R"({"a":"aa"})", true},
         {R"({"a":{"$gt":1}})", R"({"a":"2"})", false},
         {R"({"a":{"$lt":"2"}})", R"({"a":1})", false},
         {R"({"a":{"$gt":1}})", R"({"a":[2]})", false},
         {R"({"a":{"$gt":1}})", R"({"a":null})", false},
         {R"({"a":{"$gte":0}})", R"({"a":false})", false}});
}

TEST_CASE("event filter: $in and $nin of an array, a string or another scalar") {
  Check({{R"({"a":{"$in":["x",1,null]}})", R"({"a":"x"})", true},
         {R"({"a":{"$in":["x",1,null]}})", R"({"a":1.0})", true},
         {R"({"a":{"$in":["x",1,null]}})", R"({"a":null})", true},
         {R"({"a":{"$in":["x",1,null]}})", R"({"a":"1"})", false},
         {R"({"a":{"$in":["x",true]}})", R"({"a":false})", false},
         {R"({"a":{"$in":["x"]}})", R"({"a":["y","x"]})", true},
         {R"({"a":{"$in":["x"]}})", R"({"a":["y"]})", false},
         {R"({"a":{"$in":["x"]}})", R"({"a":{"x":1}})", false},
         {R"({"a":{"$in":[]}})", R"({"a":"x"})", false},
         {R"({"a":{"$in":"b"}})", R"({"a":"abc"})", true},
         {R"({"a":{"$in":""}})", R"({"a":"abc"})", true},
         {R"({"a":{"$in":"d"}})", R"({"a":"abc"})", false},
         {R"({"a":{"$in":"b"}})", R"({"a":["a","b"]})", true},
         {R"({"a":{"$in":"b"}})", R"({"a":["abc"]})", false},
         {R"({"a":{"$in":5}})", R"({"a":[4,5.0]})", true},
         {R"({"a":{"$in":5}})", R"({"a":5})", true},
         {R"({"a":{"$in":5}})", R"({"a":"5"})", false},
         {R"({"a":{"$nin":["x"]}})", R"({"a":"x"})", false},
         {R"({"a":{"$nin":["x"]}})", R"({"a":"y"})", true},
         {R"({"a":{"$nin":"b"}})", R"({"a":"abc"})", false},
         {R"({"a":{"$nin":"b"}})", R"({"a":7})", true}});
}

TEST_CASE("event filter: the beginnings and ends of strings") {
  Check({{R"({"a":{"$startsWith":"ab"}})", R"({"a":"abc"})", true},
         {R"({"a":{"$startsWith":"ab"}})", R"({"a":"xab"})", false},
         {R"({"a":{"$startsWith":["x","ab"]}})", R"({"a":"abc"})", true},
         {R"({"a":{"$startsWith":["x"]}})", R"({"a":"abc"})", false},
         {R"({"a":{"$startsWith":""}})", R"({"a":""})", true},
         {R"({"a":{"$startsWith":"1"}})", R"({"a":12})", false},
         {R"({"a":{"$startsWith":"a"}})", R"({"a":["a"]})", false},
         {R"({"a":{"$endsWith":"bc"}})", R"({"a":"abc"})", true},
         {R"({"a":{"$endsWith":["x","bc"]}})", R"({"a":"abc"})", true},
         {R"({"a":{"$endsWith":"ab"}})", R"({"a":"abc"})", false},
         {R"({"a":{"$startsWith":"a","$endsWith":"c"}})", R"({"a":"abc"})", true}});
}

TEST_CASE("event filter: what is not there meets $exist: false, $neq, $nin and $not alone") {
  Check({{R"({"a":{"$exist":false}})", "{}", true},
         {R"({"a":{"$exist":true}})", "{}", false},
         {R"({"a":{"$exist":true}})", R"({"a":null})", true},
         {R"({"a":{"$exist":false}})", R"({"a":null})", false},
         {R"({"a":{"$neq":1}})", "{}", true},
         {R"({"a":{"$nin":[1]}})", "{}", true},
         {R"({"a":{"$nin":"x"}})", "{}", true},
         {R"({"a":{"$not":1}})", "{}", true},
         {R"({"a":{"$not":{"$exist":false}}})", "{}", false},
         {R"({"a":{"$gt":1}})", "{}", false},
         {R"({"a":{"$gte":""}})", "{}", false},
         {R"({"a":{"$lt":1}})", "{}", false},
         {R"({"a":{"$lte":1}})", "{}", false},
         {R"({"a":{"$in":""}})", "{}", false},
         {R"({"a":{"$startsWith":""}})", "{}", false},
         {R"({"a":{"$endsWith":""}})", "{}", false},
         {R"({"a":{"b":{"c":{"$exist":false}}}})", "{}", true},
         {R"({"a":{"b":{"$neq":1}}})", R"({"a":5})", true},
         {R"({"a":{"b":{"$exist":false}}})", R"({"a":[]})", true},
         {R"({"a":{"b":{"$exist":false}}})", R"({"a":[{"b":1}]})", false},
         {R"({"a":{"b":{"$exist":true}}})", R"({"a":[{"b":1}]})", true}});
}

TEST_CASE("event filter: $or and $and beside other keys are AND with them") {
  Check({{R"({"a":1,"$or":[{"b":1},{"b":2}]})", R"({"a":1,"b":2})", true},
         {R"({"a":1,"$or":[{"b":1},{"b":2}]})", R"({"a":0,"b":2})", false},
         {R"({"a":1,"$or":[{"b":1},{"b":2}]})", R"({"a":1,"b":3})", false},
         {R"({"a":{"$or":[1,{"$gt":5}]}})", R"({"a":6})", true},
         {R"({"a":{"$or":[1,{"$gt":5}]}})", R"({"a":3})", false},
         {R"({"a":{"$and":[{"$gt":1},{"$neq":3}]}})", R"({"a":3})", false},
         {R"({"a":{"$not":{"$gt":1,"$lt":5}}})", R"({"a":7})", true},
         {R"({"a":{"$not":{"$not":2}}})", R"({"a":2})", true},
         {R"({"a":{"b":1,"$neq":2}})", R"({"a":{"b":1}})", true}});
  CHECK(Matches(R"({"topic":"t","$or":[{"key":"k"},{"labels":{"a":"b"}}]})", {"{}", {{"a", "b"}}, "x", "t"}));
  CHECK_FALSE(Matches(R"({"topic":"u","$or":[{"key":"k"},{"labels":{"a":"b"}}]})", {"{}", {{"a", "b"}}, "x", "t"}));
  CHECK_FALSE(Matches(R"({"topic":"t","$or":[{"key":"k"},{"labels":{"a":"b"}}]})", {"{}", {{"a", "c"}}, "x", "t"}));
}

TEST_CASE("event filter: labels, key and topic") {
  const TakenEvent event{"{}", {{"env", "prod"}, {"team", "a b"}}, "order-17", "orders.created"};
  for (const char* filter : {R"({"labels":{"env":"prod"}})", R"({"labels":{"env":{"$in":["test","prod"]}}})",
                             R"({"labels":{"none":{"$exist":false}}})", R"({"labels":{}})", R"({"labels":{"$exist":true}})",
                             R"({"labels":{"$eq":{"team":"a b","env":"prod"}}})", R"({"key":"order-17"})", R"({"key":{"$startsWith":"order-"}})",
                             R"({"topic":{"$endsWith":".created"}})", R"({"topic":{"$in":"created"},"key":{"$gte":"order-17"}})", R"({})"}) {
    INFO(filter);
    CHECK(Matches(filter, event));
  }
  for (const char* filter : {R"({"labels":{"env":"PROD"}})", R"({"labels":{"none":"x"}})", R"({"labels":{"$eq":{"env":"prod"}}})",
                             R"({"key":"order-1"})", R"({"key":{"a":1}})", R"({"topic":5})", R"({"topic":["orders.created"]})"}) {
    INFO(filter);
    CHECK_FALSE(Matches(filter, event));
  }
  for (const char* filter : {R"({"key":{"$exist":false}})", R"({"labels":{"$exist":false}})", R"({"labels":{"env":{"$neq":"prod"}}})"})
    CHECK(Matches(filter, {}));
  for (const char* filter : {R"({"key":""})", R"({"labels":{}})"}) CHECK_FALSE(Matches(filter, {}));
}

TEST_CASE("event filter: on a raw body labels, key and topic alone can match") {
  const Labels labels{{"a", "b"}};
  const EventFilter::Subject raw{nullptr, &labels, "k", "t", true};
  for (const char* filter : {R"({"labels":{"a":"b"}})", R"({"key":"k"})", R"({"topic":"t"})", R"({})", R"({"$or":[{"data":{"a":1}},{"key":"k"}]})"})
    CHECK(Compiled(filter).Matches(raw));
  for (const char* filter :
       {R"({"data":{"a":1}})", R"({"data":{"a":{"$exist":false}}})", R"({"data":{"$neq":1}})", R"({"data":{}})", R"({"key":"k","data":{"$not":5}})"})
    CHECK_FALSE(Compiled(filter).Matches(raw));
  // A $not makes of what is not known nothing that is: wherever it stands, all but what is said of data decides.
  for (const char* filter :
       {R"({"$not":{"data":{"a":1}}})", R"({"$not":{"$not":{"data":{"a":1}}}})", R"({"$not":{"$and":[{"data":{"a":1}},{"key":"k"}]}})",
        R"({"$not":{"$or":[{"data":{"a":1}},{"key":"x"}]}})", R"({"key":"k","$not":{"data":{"$not":{"a":1}}}})"}) {
    INFO(filter);
    CHECK_FALSE(Compiled(filter).Matches(raw));
  }
  for (const char* filter : {R"({"$not":{"data":{"a":1},"key":"x"}})", R"({"$or":[{"$not":{"data":{"a":1}}},{"labels":{"a":"b"}}]})",
                             R"({"$not":{"$not":{"$or":[{"data":{"a":1}},{"key":"k"}]}}})"}) {
    INFO(filter);
    CHECK(Compiled(filter).Matches(raw));
  }
}

TEST_CASE("event filter: of an event without payload no field of data is there, nor data itself") {
  const EventFilter::Subject bare{nullptr, nullptr, "k", "t"};
  for (const char* condition : {R"({"a":{"$neq":1}})", R"({"a":{"$exist":false}})", R"({"a":{"$nin":[1,2]}})", R"({"$not":{"a":1}})",
                                R"({"$exist":false})", R"({"$neq":1})", R"({"a":{"b":{"$exist":false}}})"}) {
    INFO(condition);
    const std::string text = condition;
    CHECK(Compiled(R"({"data":)" + text + "}").Matches(bare));
    CHECK_FALSE(Compiled(R"({"$not":{"data":)" + text + "}}").Matches(bare));
  }
  for (const char* condition : {"{}", "null", R"({"a":1})", R"({"a":null})", R"({"a":{"$exist":true}})", R"({"$exist":true})", R"({"$eq":null})",
                                R"({"a":{"$lt":1}})", R"({"a":{"$in":[1]}})", "[1]"}) {
    INFO(condition);
    const std::string text = condition;
    CHECK_FALSE(Compiled(R"({"data":)" + text + "}").Matches(bare));
    CHECK(Compiled(R"({"$not":{"data":)" + text + "}}").Matches(bare));
  }
}

TEST_CASE("event filter: what is refused, and where") {
  CHECK(ErrorAt(R"([])") == "");
  CHECK(ErrorAt(R"("x")") == "");
  CHECK(ErrorAt(R"({)") == "");
  CHECK(ErrorAt(R"({"date":1})") == "/date");
  CHECK(ErrorAt(R"({"$eq":1})") == "/$eq");
  CHECK(ErrorAt(R"({"data":{"a":{"$regex":"x"}}})") == "/data/a/$regex");
  CHECK(ErrorAt(R"({"data":{"a/b":{"$gt":null}}})") == "/data/a~1b/$gt");
  CHECK(ErrorAt(R"({"data":{"a":{"$lte":[1]}}})") == "/data/a/$lte");
  CHECK(ErrorAt(R"({"data":{"a":{"$in":{}}}})") == "/data/a/$in");
  CHECK(ErrorAt(R"({"data":{"a":{"$nin":[[]]}}})") == "/data/a/$nin");
  CHECK(ErrorAt(R"({"data":{"a":{"$startsWith":1}}})") == "/data/a/$startsWith");
  CHECK(ErrorAt(R"({"data":{"a":{"$endsWith":["a",1]}}})") == "/data/a/$endsWith");
  CHECK(ErrorAt(R"({"data":{"a":{"$exist":"yes"}}})") == "/data/a/$exist");
  CHECK(ErrorAt(R"({"data":{"a":{"$or":{}}}})") == "/data/a/$or");
  CHECK(ErrorAt(R"({"data":{"a":{"$and":[]}}})") == "/data/a/$and");
  CHECK(ErrorAt(R"({"data":{"a":[]}})") == "/data/a");
  CHECK(ErrorAt(R"({"$or":[{"key":"a"},{"kee":"b"}]})") == "/$or/1/kee");
  CHECK(ErrorAt(R"({"$not":5})") == "/$not");
  CHECK(ErrorAt(R"({"data":{"a":{"$or":[1,{"$x":1}]}}})") == "/data/a/$or/1/$x");
  CHECK(ErrorAt("{\"key\":\"" + std::string(70'000, 'x') + "\"}") == "");
}

TEST_CASE("event filter: 64 conditions and 8 levels are the most") {
  std::string many = "{\"data\":{";
  for (int i = 0; i < 64; ++i) many += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":" + std::to_string(i);
  Compiled(many + "}}");
  CHECK(ErrorAt(many + ",\"last\":1}}") == "/data/last");
  CHECK(ErrorAt(many + R"(},"key":{"$exist":true}})") == "/key/$exist");
  Compiled(R"({"data":{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}})");
  CHECK(ErrorAt(R"({"data":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}})") == "/data/a/b/c/d/e/f/g");
  // What is compared with may be as deep as it likes.
  Compiled(R"({"data":{"a":{"$eq":[[[[[[[[[[1]]]]]]]]]]}}})");
}

TEST_CASE("event filter: no text of an event makes it slow") {
  // Each would take hours if it were tried pair by pair.
  std::string numbers = "[0", items = "[0", needle(60'000, 'a');
  for (int i = 1; i < 9'000; ++i) items += "," + std::to_string(i) + ".5";
  for (int i = 1; i < 300'000; ++i) numbers += "," + std::to_string(-i);
  CHECK_FALSE(Matches(R"({"data":{"a":{"$in":)" + items.replace(1, 1, "0.5") + "]}}}", {"{\"a\":" + numbers + "]}"}));
  CHECK_FALSE(Matches(R"({"data":{"a":{"$in":")" + needle + "b\"}}}", {"{\"a\":\"" + std::string(2'000'000, 'a') + "\"}"}));
  // Nor beginnings and ends, of which there are as many.
  std::string ends = "[\"b\"", texts = "[\"x\"";
  for (int i = 0; i < 5'000; ++i) ends += ",\"a" + std::to_string(i) + "\"";
  for (int i = 0; i < 100'000; ++i) texts += ",{\"t\":\"ab" + std::to_string(i) + "c\"}";
  CHECK_FALSE(Matches(R"({"data":{"t":{"$startsWith":)" + ends + "]}}}", {texts + "]"}));
  CHECK_FALSE(Matches(R"({"data":{"t":{"$endsWith":)" + ends + "]}}}", {texts + "]"}));
}

TEST_CASE("event filter: beginnings and ends are found whatever others stand beside them") {
  for (const char* text : {"a", "ab", "abc", "b", "ba", "bab", "\xc3\xa9", "z", ""}) {
    const std::string data = R"({"t":")" + std::string(text) + "\"}";
    for (const char* list : {R"(["ab","abc","a\u00e9"])", R"(["b","ab","bb"])", R"(["z","\u00e9","ba"])", R"(["","q"])", R"(["abcd","aa","ac"])"}) {
      bool begins = false, ends = false;
      Result<JsonTree> tree = JsonTree::Parse(list);
      tree->root().ForEach([&](JsonTree::Value, JsonTree::Value each) {
        begins = begins || std::string_view(text).starts_with(each.text());
        ends = ends || std::string_view(text).ends_with(each.text());
      });
      INFO(text << " of " << list);
      CHECK(Matches(R"({"data":{"t":{"$startsWith":)" + std::string(list) + "}}}", {data}) == begins);
      CHECK(Matches(R"({"data":{"t":{"$endsWith":)" + std::string(list) + "}}}", {data}) == ends);
    }
  }
}

TEST_CASE("event filter: a judgement takes no more steps than it is given, but for the last one, and ends after as many as it takes at once") {
  std::string data = "[0";
  for (int i = 0; i < 20'000; ++i) data += R"(,{"a":{"b":[1,2]}})";
  Result<JsonTree> tree = JsonTree::Parse(data + "]");
  const JsonTree::Value root = tree->root();
  const EventFilter filter = Compiled(R"({"data":{"$or":[{"a":{"c":1}},{"a":{"b":3}},{"d":{"$in":[1,2]}}]}})");
  const EventFilter::Subject subject{&root, nullptr, "", "t"};
  int64_t at_once = INT64_MAX;
  EventFilter::Pause pause;
  CHECK(filter.Matches(subject, &at_once, &pause) == false);
  const int64_t all = INT64_MAX - at_once;
  CHECK(all > 3 * 20'000);
  int64_t taken = 0;
  int calls = 0;
  for (std::optional<bool> told; !told; ++calls) {
    int64_t steps = 1000;
    told = filter.Matches(subject, &steps, &pause);
    CHECK(steps > -20);
    taken += 1000 - steps;
  }
  CHECK(taken >= all - 20 * calls);
  CHECK(taken <= all + 20 * calls);
  CHECK(calls <= all / 900 + 1);
}
