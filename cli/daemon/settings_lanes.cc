#include "cli/daemon/settings_lanes.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/json_tree.h"
#include "broker/lane_limits.h"
#include "broker/spec.h"
#include "cli/daemon/settings_tables.h"

namespace notifyd {
namespace {

// Looking for the rule of a lane costs a look at each.
constexpr size_t kLaneRulesMost = 1000, kPrefixMostBytes = 1024, kPointerMostBytes = 255;

Result<uint32_t> Whole(const toml::node& node, int64_t most) {
  const auto* value = node.as_integer();
  if (!value || value->get() < 1 || value->get() > most) return Unacceptable("must be a whole number, 1 to " + std::to_string(most));
  return static_cast<uint32_t>(value->get());
}

Result<double> Rate(const toml::node& node) {
  std::optional<double> value;
  if (const auto* whole = node.as_integer()) value = static_cast<double>(whole->get());
  if (const auto* real = node.as_floating_point()) value = real->get();
  if (!value || !std::isfinite(*value) || *value < kMinLaneRate || *value > kMaxLaneRate) return Unacceptable("must be a number, 0.001 to 1000000");
  return *value;
}

/// One of a few words, by the function that reads them.
template <class T>
Result<T> Word(const toml::node& node, std::optional<T> (*parse)(std::string_view), const char* accepted) {
  const auto* text = node.as_string();
  std::optional<T> value = text ? parse(text->get()) : std::nullopt;
  if (!value) return Unacceptable(std::string("must be ") + accepted);
  return *value;
}

Result<std::string> Match(const toml::node& node) {
  const auto* text = node.as_string();
  if (!text || text->get().empty() || text->get().size() > kPrefixMostBytes)
    return Unacceptable("must be a string of 1 to " + std::to_string(kPrefixMostBytes) + " bytes");
  return text->get();
}

Result<std::string> Pointer(const toml::node& node) {
  const auto* text = node.as_string();
  if (!text || text->get().size() > kPointerMostBytes || !IsJsonPointer(text->get()))
    return Unacceptable("must be a JSON Pointer, such as \"/order/id\"");
  return text->get();
}

template <class T, class Place>
Status Take(Result<T> value, Place* place) {
  if (!value.ok()) return std::move(value).status();
  *place = *std::move(value);
  return Status::Ok();
}

Status ReadKey(const std::string& key, const toml::node& node, LaneRule* rule) {
  LaneSettings& settings = rule->settings;
  if (key == "match") return Take(Match(node), &rule->match);
  if (key == "mode") return Take(Word(node, ParseMode, "\"concurrent\" or \"fifo\""), &rule->mode);
  if (key == "concurrency") return Take(Whole(node, kMaxLaneConcurrency), &settings.concurrency);
  if (key == "rate_per_s") return Take(Rate(node), &settings.rate_per_s);
  if (key == "burst") return Take(Whole(node, kMaxLaneBurst), &settings.burst);
  if (key == "on_retry") return Take(Word(node, ParseOnRetry, "\"block\" or \"skip\""), &settings.on_retry);
  if (key == "on_failure") return Take(Word(node, ParseOnFailure, "\"continue\" or \"pause\""), &settings.on_failure);
  if (key == "order_by") return Take(Pointer(node), &rule->order_by);
  if (key == "partitions") return Take(Whole(node, kMostPartitions), &rule->partitions);
  if (key == "order_by_missing") return Take(Word(node, ParseOrderByMissing, "\"refuse\" or \"spread\""), &rule->order_by_spread);
  return Unacceptable(
      "there is no such key, only match, mode, concurrency, rate_per_s, burst, on_retry, on_failure, order_by, partitions and order_by_missing");
}

/// Keys that say nothing in lanes of the rule's mode.
Status CheckMode(const toml::table& table, const LaneRule& rule, const TablePlace& place) {
  if (!rule.mode) return Status::Ok();
  bool fifo = *rule.mode == Mode::kFifo;
  const std::vector<const char*> idle = fifo ? std::vector<const char*>{"concurrency"} : std::vector<const char*>{"on_retry", "on_failure"};
  for (const char* key : idle)
    if (const toml::node* node = table.get(key))
      return place.Blame(key, *node, std::string("says nothing in ") + ToString(*rule.mode) + " lanes");
  return Status::Ok();
}

Result<LaneRule> ReadLaneRule(const toml::table& table, const TablePlace& place) {
  LaneRule rule;
  for (const auto& [key, node] : table)
    if (Status fault = ReadKey(std::string(key.str()), node, &rule); !fault.ok())
      return place.Blame(std::string(key.str()), node, fault.detail());
  if (rule.match.empty()) return place.Blame("match", table, "is missing");
  if (Status fault = CheckMode(table, rule, place); !fault.ok()) return fault;
  if (rule.settings.burst && !rule.settings.rate_per_s)
    return place.Blame("burst", *table.get("burst"), "says nothing without rate_per_s");
  for (const char* key : {"partitions", "order_by_missing"})
    if (const toml::node* node = table.get(key); node && !rule.order_by)
      return place.Blame(key, *node, "says nothing without order_by");
  return rule;
}

}  // namespace

Result<std::vector<LaneRule>> ReadLaneRules(const toml::node& node, const std::string& file) {
  Result<std::vector<const toml::table*>> tables = TablesOf(node, "lane", kLaneRulesMost, file);
  if (!tables.ok()) return std::move(tables).status();
  std::vector<LaneRule> rules;
  for (const toml::table* table : *tables) {
    Result<LaneRule> rule = ReadLaneRule(*table, TablePlace{"lane", rules.size() + 1, file});
    if (!rule.ok()) return std::move(rule).status();
    rules.push_back(*std::move(rule));
  }
  return rules;
}

std::string LaneRulesAsToml() {
  return R"(

# Rules for lanes, none by default: what holds for all lanes whose name matches, as long as PATCH /v1/lanes says nothing else for one. The
# first rule that matches counts, whole. In this file only. Reloadable.
#
#   match        the lane's name; * stands for any run of characters, also none
#   mode         concurrent or fifo; without it lanes of both
#   concurrency  calls in flight, 1 to 100000; says nothing in fifo lanes
#   rate_per_s   attempts started a second, 0.001 to 1000000
#   burst        of them, at once after a rest, 1 to 1000000; by default what the rate gives in 10 ms, at least 1; needs a rate_per_s
#   on_retry     fifo lanes: block or skip, while the first one waits for its next attempt
#   on_failure   fifo lanes: continue or pause, once the first one failed
#   order_by     a JSON Pointer into data: what goes there is spread over fifo lanes, each name with ~0, ~1, ... behind it, by the value at it; a notify
#                with an order_by of its own goes by that. What else holds for those lanes says a rule that matches them. A subscription and a
#                schedule take it with their PUT; callbacks go by it, too
#   partitions   over how many, 1 to 1024; by default 16; needs an order_by
#   order_by_missing  refuse or spread, what has no such value; needs an order_by
#
# [[lane]]
# match = "http://billing.internal/*"
# concurrency = 8
# rate_per_s = 50.0
# burst = 10
#
# [[lane]]
# match = "orders-*"
# mode = "fifo"
# on_retry = "skip"
# on_failure = "pause"
#
# [[lane]]
# match = "customers"
# order_by = "/customer/id"
# partitions = 32
)";
}

}  // namespace notifyd
