// Partition: the lane of what is ordered by a value of its data (contract section 13), for whoever makes notifies: one value's go into one lane.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "broker/limits.h"
#include "broker/notify.h"

namespace notifyd {

/// What the value at that JSON Pointer is ordered by; nothing where there is none.
std::optional<uint64_t> OrderHashAt(const JsonTree& data, std::string_view pointer);
/// What stands behind the name of a lane that is one of so many partitions: "~7".
std::string PartitionSuffix(uint64_t hash, uint32_t partitions);

/// The first rule for the lane, where it orders what goes there; else null.
const LaneRule* OrderRuleOf(const LaneKey& lane, const std::vector<LaneRule>& rules);

/// Gives a notify that the broker makes by itself, with that data, the lane that such a rule says. It can be refused to nobody: without the value it
/// goes where all go that have none, or, where the rule spreads those, by `turn`. `data` that is no JSON has none.
void OrderByRule(const std::vector<LaneRule>& rules, std::string_view data, uint64_t turn, Envelope* envelope);

}  // namespace notifyd
