#include "broker/partition.h"

#include <algorithm>
#include <span>

#include "base/bytes.h"
#include "base/canonical_json.h"
#include "broker/lane_limits.h"
#include "broker/spec.h"

namespace notifyd {

std::optional<uint64_t> OrderHashAt(const JsonTree& data, std::string_view pointer) {
  const std::optional<JsonTree::Value> value = data.root().At(pointer);
  return value ? std::optional(Hash64(CanonicalJson(*value))) : std::nullopt;
}

std::string PartitionSuffix(uint64_t hash, uint32_t partitions) {
  return "~" + std::to_string(hash % partitions);
}

const LaneRule* OrderRuleOf(const LaneKey& lane, const std::vector<LaneRule>& rules) {
  // Those behind the last one that orders need not be asked: where none before it matches, nothing does that orders.
  const auto last = std::find_if(rules.rbegin(), rules.rend(), [](const LaneRule& rule) { return rule.order_by.has_value(); });
  const LaneRule* rule = RuleOf(lane, std::span(rules).first(static_cast<size_t>(rules.rend() - last)));
  return rule && rule->order_by ? rule : nullptr;
}

void OrderByRule(const std::vector<LaneRule>& rules, std::string_view data, uint64_t turn, Envelope* envelope) {
  const LaneRule* rule = OrderRuleOf(envelope->lane, rules);
  if (!rule) return;
  const Result<JsonTree> tree = JsonTree::Parse(data);
  const std::optional<uint64_t> hash = tree.ok() ? OrderHashAt(*tree, *rule->order_by) : std::nullopt;
  envelope->lane.name +=
      PartitionSuffix(hash.value_or(rule->order_by_spread.value_or(false) ? turn : 0), rule->partitions.value_or(kDefaultPartitions));
  envelope->lane.mode = Mode::kFifo;
  envelope->priority = Envelope().priority;
}

}  // namespace notifyd
