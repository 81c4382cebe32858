// EventFilter: which events a subscription wants, by their content (contract section 12). Outpost's grammar. Pure; compiled once, immutable, any
// thread.
//
//   filter    = object over the roots "data", "labels", "key" and "topic", each with a condition, and "$and", "$or", "$not" of filters
//   condition = scalar: the value is it, or is an array that contains it
//             | array: the value is an array, and each condition in it holds for one of its elements at least
//             | object of fields: each holds; of an array: for one of its elements
//             | object of operators, beside fields or without: each holds
//   operators = $eq $neq (any JSON, compared whole) $gt $gte $lt $lte (a number or a string) $startsWith $endsWith (a string, or an array of them:
//   one
//               fits) $exist (true or false) $not (a condition) $and $or (an array of conditions)
//               $in $nin: of an array of scalars: the value, or one of its elements where it is an array, is in it; of a string: the value holds it
//               as a part, or as an element; of another scalar: the value is it, or holds it as an element
//
// Numbers compare exactly, strings by bytes, and types never convert. A field that is not there is met by $exist: false, $neq, $nin and $not alone;
// the fields of what is no object are not there, nor are those of an event without payload. Of an event whose body is no JSON nothing is known of
// "data": neither a condition on it nor what is the opposite of one holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "base/status.h"
#include "broker/notify.h"

namespace notifyd {

class EventFilter {
 public:
  static constexpr size_t kMaxConditions = 64;  // scalars and operators that are compared with something
  static constexpr size_t kMaxDepth = 8;        // objects and arrays of conditions inside each other
  static constexpr size_t kMaxBytes = 65'536;   // of its text

  /// An event, borrowed. `data` and `labels`: null where it has none; `key`: empty where it has none; `raw`: its body is no JSON.
  struct Subject {
    const JsonTree::Value* data = nullptr;
    const Labels* labels = nullptr;
    std::string_view key, topic;
    bool raw = false;
  };

  /// Error: kUnacceptable, its field a pointer within the filter.
  static Result<EventFilter> Compile(std::string_view json_text);

  /// At most linear in the event for each condition.
  bool Matches(const Subject& subject) const;

  /// Where a judgement stands that was not ended. It looks into the subject and the filter for which it was made, and is of use with these alone.
  class Pause {
   private:
    friend class EventFilter;
    struct Place {
      uint32_t node;
      std::optional<JsonTree::Value::Inside> element;
    };
    std::vector<Place> places;  // of what is inside first
  };

  /// The same, for so many steps at most that `*steps` is used up, by no more than a pass over the event: it is lowered by one for each condition
  /// that is looked at and each value that this takes. Returns nothing where it needs more, and goes on from there when it is called again with this
  /// `pause` and steps above 0; the answer does not depend on how often that is.
  std::optional<bool> Matches(const Subject& subject, int64_t* steps, Pause* pause) const;

  /// Are both the same piece of memory, so that a pause of the one is one of the other?
  bool IsSame(const EventFilter& other) const { return block_ == other.block_; }

 private:
  struct Draft;
  struct Node;
  struct Apart;
  class Compiler;
  class Flattener;
  class Judge;
  EventFilter() = default;

  // Nodes, and behind them the texts that they name: one piece of memory, since thousands of filters are judged an event, and each piece would be
  // waited for.
  std::shared_ptr<const uint64_t[]> block_;
  std::shared_ptr<const Apart> apart_;  // what few filters have
};

}  // namespace notifyd
