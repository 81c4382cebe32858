// FilterGuards: none that wants an event is left out, and of those that want a text that it has not none is asked.
#include "broker/filter_guards.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "broker/event_filter.h"

namespace notifyd {
namespace {

struct Left {
  std::vector<uint64_t> whos;
  int64_t steps = 0;  // that it took
};

Left Narrowed(const FilterGuards& guards, std::vector<uint64_t> whos, const std::optional<std::string>& data) {
  Left left{std::move(whos), 0};
  std::optional<JsonTree> tree;
  if (data) tree = *JsonTree::Parse(*data);
  const std::optional<JsonTree::Value> root = tree ? std::optional(tree->root()) : std::nullopt;
  int64_t steps = 0;
  guards.Narrow(root ? &*root : nullptr, &left.whos, &steps);
  left.steps = -steps;
  return left;
}

/// Is the only filter there left for this data?
bool Leaves(const std::string& filter, const std::optional<std::string>& data) {
  REQUIRE(EventFilter::Compile(filter).ok());
  FilterGuards guards;
  guards.Add(7, filter);
  return Narrowed(guards, {7}, data).whos.size() == 1;
}

class RandomFilters {
 public:
  explicit RandomFilters(uint64_t seed) : random_(seed) {}
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }
  std::string Key() { return std::string(1, static_cast<char>('a' + Below(3))); }
  std::string Scalar() {
    static const char* const scalars[] = {R"("x")", R"("y")", R"("z")", R"("\u0078")", "1", "true", "null", R"("")"};
    return scalars[Below(8)];
  }
  std::string Value(int depth) {
    if (depth == 0 || Below(3) == 0) return Scalar();
    const bool object = Below(2) == 0;
    std::string out = object ? "{" : "[";
    for (size_t i = 0, count = Below(4); i < count; ++i) {
      if (i > 0) out += ',';
      if (object) out += "\"" + Key() + "\":";
      out += Value(depth - 1);
    }
    return out + (object ? "}" : "]");
  }
  std::string Condition(int depth) {
    if (depth == 0 || Below(4) == 0) return Scalar();
    if (Below(8) == 0) return "[" + Condition(depth - 1) + "]";
    std::string out = "{";
    for (size_t i = 0, count = 1 + Below(2); i < count; ++i) {
      if (i > 0) out += ',';
      out += Member(depth);
    }
    return out + "}";
  }
  std::string Filter(int depth) {
    switch (depth > 0 ? Below(6) : 0) {
      case 1:
        return R"({"$or":[)" + Filter(depth - 1) + "," + Filter(depth - 1) + "]}";
      case 2:
        return R"({"$and":[)" + Filter(depth - 1) + "," + Filter(depth - 1) + "]}";
      case 3:
        return R"({"$not":)" + Filter(depth - 1) + "}";
      case 4:
        return R"({"topic":"x","data":)" + Condition(3) + "}";
      default:
        return R"({"data":)" + Condition(3) + "}";
    }
  }

 private:
  std::string Member(int depth) {
    switch (Below(8)) {
      case 0:
        return R"("$eq":)" + Value(1);
      case 1:
        return R"("$neq":)" + Scalar();
      case 2:
        return R"("$in":["x","y"])";
      case 3:
        return R"("$not":)" + Condition(depth - 1);
      case 4:
        return R"("$or":[)" + Condition(depth - 1) + "," + Condition(depth - 1) + "]";
      case 5:
        return R"("$and":[)" + Condition(depth - 1) + "," + Condition(depth - 1) + "]";
      default:
        return "\"" + Key() + "\":" + Condition(depth - 1);
    }
  }
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("filter guards: what a filter cannot hold without") {
  CHECK(Leaves(R"({"data":{"kind":"paid"}})", R"({"kind":"paid"})"));
  CHECK_FALSE(Leaves(R"({"data":{"kind":"paid"}})", R"({"kind":"open"})"));
  CHECK_FALSE(Leaves(R"({"data":{"kind":"paid"}})", R"({"other":"paid"})"));
  CHECK_FALSE(Leaves(R"({"data":{"kind":"paid"}})", R"("paid")"));
  CHECK_FALSE(Leaves(R"({"data":{"kind":{"$eq":"paid"},"n":{"$gt":1}}})", R"({"kind":"open","n":2})"));
  CHECK_FALSE(Leaves(R"({"data":{"a":{"b":"x"}}})", R"({"a":{"b":"y"}})"));
  CHECK(Leaves(R"({"data":{"a":{"b":"x"}}})", R"({"a":[{"b":"y"},[{"b":["z","x"]}]]})"));
  CHECK(Leaves(R"({"data":"x"})", R"(["y",["x"]])"));
  CHECK_FALSE(Leaves(R"({"$and":[{"topic":"t"},{"data":{"$and":[{"n":1},{"a":"x"}]}}]})", R"({"n":1,"a":"y"})"));
  // The last of a key counts, as for filters.
  CHECK_FALSE(Leaves(R"({"data":{"a":"x"}})", R"({"a":"x","a":"y"})"));
  CHECK(Leaves(R"({"data":{"a":"x"}})", R"({"a":"y","a":"x"})"));
  // No data is what no condition on data is met by.
  CHECK_FALSE(Leaves(R"({"data":{"a":"x"}})", std::nullopt));
}

TEST_CASE("filter guards: a filter that may hold otherwise is left") {
  for (const char* filter : {R"({"data":{"a":{"$neq":"x"}}})", R"({"data":{"a":{"$not":"x"}}})", R"({"data":{"$or":[{"a":"x"},{"b":"y"}]}})",
                             R"({"data":{"a":{"$in":["x"]}}})", R"({"data":{"a":1}})", R"({"$not":{"data":{"a":"x"}}})", R"({"labels":{"a":"x"}})",
                             R"({"data":{"a":["x"]}})", R"({"key":"x"})"}) {
    INFO(filter);
    CHECK(Leaves(filter, R"({"c":"z"})"));
  }
}

TEST_CASE("filter guards: of 10,000 that want a value each, those alone are left that want the event's, by one look at it") {
  FilterGuards guards;
  std::vector<uint64_t> all;
  for (uint64_t who = 0; who < 10'000; ++who) {
    guards.Add(who, R"({"data":{"customer":{"id":"c)" + std::to_string(who % 5'000) + R"("},"amount":{"$gt":10}}})");
    all.push_back(who);
  }
  for (uint64_t who = 10'000; who < 10'003; ++who) {
    guards.Add(who, R"({"data":{"amount":{"$gt":10}}})");
    all.push_back(who);
  }
  const Left left = Narrowed(guards, all, R"({"customer":{"id":"c17","name":"n"},"amount":11})");
  CHECK(left.whos == std::vector<uint64_t>{17, 5'017, 10'000, 10'001, 10'002});
  CHECK(left.steps < 10);
  // Gone again, they are not looked for.
  for (uint64_t who = 0; who < 10'000; ++who)
    guards.Remove(who, R"({"data":{"customer":{"id":"c)" + std::to_string(who % 5'000) + R"("},"amount":{"$gt":10}}})");
  CHECK_FALSE(guards.any());
  CHECK(Narrowed(guards, all, "{}").whos == all);
}

TEST_CASE("filter guards: an event that is large, or many places, are left to the filters, at a bounded cost") {
  FilterGuards guards;
  guards.Add(1, R"({"data":{"a":"x"}})");
  std::string large = "[";
  for (int i = 0; i < 10'000; ++i) large += R"({"a":"y"},)";
  large += "1]";
  CHECK(Narrowed(guards, {1}, large).whos.size() == 1);
  CHECK(Narrowed(guards, {1}, large).steps == FilterGuards::kMostLookedAt);
  std::vector<uint64_t> all;
  for (uint64_t who = 2; who < 10'000; ++who) {
    guards.Add(who, R"({"data":{"k)" + std::to_string(who) + R"(":"x"}})");
    all.push_back(who);
  }
  CHECK(Narrowed(guards, all, R"({"b":"y"})").whos == all);
  CHECK(Narrowed(guards, all, R"({"b":"y"})").steps == FilterGuards::kMostLookedAt);
}

TEST_CASE("filter guards: none that wants an event is left out, whatever filters and events are") {
  RandomFilters random(20'261);
  size_t wanted = 0, left_out = 0;
  for (int round = 0; round < 300; ++round) {
    FilterGuards guards;
    std::vector<std::string> filters;
    std::vector<EventFilter> compiled;
    std::vector<uint64_t> all;
    for (uint64_t who = 0; who < 20; ++who) {
      filters.push_back(random.Filter(2));
      Result<EventFilter> filter = EventFilter::Compile(filters.back());
      INFO(filters.back());
      REQUIRE(filter.ok());
      compiled.push_back(*std::move(filter));
      guards.Add(who, filters.back());
      all.push_back(who);
    }
    for (int event = 0; event < 20; ++event) {
      const std::string data = random.Value(4);
      const JsonTree tree = *JsonTree::Parse(data);
      const JsonTree::Value root = tree.root();
      const std::vector<uint64_t> left = Narrowed(guards, all, data).whos;
      left_out += all.size() - left.size();
      for (uint64_t who : all) {
        if (!compiled[who].Matches({&root, nullptr, "", "x"})) continue;
        ++wanted;
        INFO(filters[who] << " and " << data);
        CHECK(std::find(left.begin(), left.end(), who) != left.end());
      }
    }
  }
  CHECK(wanted > 1'000);
  CHECK(left_out > 1'000);
}

TEST_CASE("guards: an event that says one text over and over finds those that want it once") {
  constexpr uint64_t kWhos = 2'000, kTexts = 1'000;
  FilterGuards guards;
  std::vector<uint64_t> whos;
  for (uint64_t who = 1; who <= kWhos; ++who) {
    guards.Add(who, who % 2 ? R"({"data":{"id":"x"}})" : R"({"data":{"id":"y"}})");
    whos.push_back(who);
  }
  std::string data = R"({"id":["x")";
  for (uint64_t i = 1; i < kTexts; ++i) data += R"(,"x")";
  const Left left = Narrowed(guards, whos, data + "]}");
  CHECK(left.whos.size() == kWhos / 2);
  CHECK(left.steps <= static_cast<int64_t>(kTexts + kWhos));
}

}  // namespace notifyd
