// What a compiled schema is made of. Included by broker/schema*.cc alone.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/schema.h"

namespace notifyd {

/// One schema: true, false, a reference, or an object of keywords. Other schemas are named by their place in Schema::Impl::nodes, texts and values
/// look into its tree.
struct Schema::Node {
  using Value = JsonTree::Value;
  static constexpr int kNone = -1;
  enum Type : uint8_t { kNull = 1, kBoolean = 2, kObject = 4, kArray = 8, kNumber = 16, kString = 32, kInteger = 64 };

  std::optional<bool> fixed;
  int ref = kNone;    // where it is one, nothing else counts
  uint8_t types = 0;  // Type bits; 0: any
  std::optional<Value> only;
  std::optional<std::vector<Value>> one_of_values;
  // Numbers as they are written; of sizes too, which are compared as numbers.
  std::optional<std::string_view> multiple_of, maximum, exclusive_maximum, minimum, exclusive_minimum;
  std::optional<std::string_view> max_length, min_length, max_items, min_items, max_properties, min_properties;
  const re2::RE2* pattern = nullptr;

  int items = kNone;                      // of each element,
  std::optional<std::vector<int>> tuple;  // or of each by its place
  int additional_items = kNone, contains = kNone;
  bool unique_items = false;

  std::map<std::string_view, int> properties;
  std::vector<std::pair<const re2::RE2*, int>> pattern_properties;
  int additional_properties = kNone, property_names = kNone;
  std::vector<std::string_view> required;
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> needs;  // dependencies: names,
  std::vector<std::pair<std::string_view, int>> needs_schema;                     // or a schema

  std::vector<int> all_of, any_of, one_of;
  int not_this = kNone, if_this = kNone, then_this = kNone, else_this = kNone;
};

struct Schema::Impl {
  std::optional<JsonTree> tree;
  std::vector<Node> nodes;  // the first is the topmost
  std::map<std::string, std::unique_ptr<re2::RE2>> patterns;
};

}  // namespace notifyd
