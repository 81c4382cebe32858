// FilterGuards: of many filters (broker/event_filter.h) those that may hold for an event, without asking each. A filter that cannot hold unless the
// data has a certain text at a certain place, its guard, is found by that text; what an event has at each such place is looked at once, however many
// filters name it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json_tree.h"

namespace notifyd {

class FilterGuards {
 public:
  /// Values of an event that are looked at, at most: one for which it takes more is left to the filters themselves.
  static constexpr int64_t kMostLookedAt = 4'000;

  /// `filter`: a text that EventFilter::Compile takes. `who` has no other one here. One without a guard is not kept.
  void Add(uint64_t who, std::string_view filter);
  /// As it was added; anything else changes nothing.
  void Remove(uint64_t who, std::string_view filter);

  /// Has any of them a guard?
  bool any() const { return !guarded_.empty(); }

  /// Takes those out of `whos`, which ascend, whose filter has a guard that the event does not meet. `data`: null where its body is no JSON. `*steps`
  /// is lowered by one for each value that is looked at, and for some of those whose guards it meets.
  void Narrow(const JsonTree::Value* data, std::vector<uint64_t>* whos, int64_t* steps) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using ByText = std::unordered_map<std::string, std::vector<uint64_t>, Hash, std::equal_to<>>;

  std::map<std::vector<std::string>, ByText> places_;  // by path
  std::vector<uint64_t> guarded_;                      // all of them, ascending
};

}  // namespace notifyd
