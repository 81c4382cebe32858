// What a compiled schema is made of. Included by broker/schema*.cc alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/schema.h"
#include "broker/schema_pattern.h"

namespace notifyd {

/// One schema: true, false, a reference, or an object of keywords. Other schemas are named by their place in Schema::Impl::nodes, texts and values
/// look into its tree. What most schemas do not say stands apart, so that a node is small: a text has thousands of them.
struct Schema::Node {
  using Value = JsonTree::Value;
  static constexpr int kNone = -1;
  enum Type : uint8_t { kNull = 1, kBoolean = 2, kObject = 4, kArray = 8, kNumber = 16, kString = 32, kInteger = 64 };
  enum class Fixed : uint8_t { kNo, kAnything, kNothing };

  /// How many there may be of something. What is more than there can be of anything counts as the most.
  struct Bounds {
    static constexpr uint64_t kAny = UINT64_MAX;
    uint64_t least = 0, most = kAny;
    bool given() const { return least > 0 || most < kAny; }
  };
  struct Values {
    std::optional<Value> only;
    bool listed = false;
    std::vector<std::string_view> texts;  // of the list, sorted,
    std::vector<Value> others;            // and what else is in it
  };
  /// Numbers as they are written.
  struct Numbers {
    std::optional<std::string_view> multiple_of, maximum, exclusive_maximum, minimum, exclusive_minimum;
  };
  struct Texts {
    Bounds length;
    const SchemaPattern* pattern = nullptr;
  };
  struct Arrays {
    Bounds size;
    int items = kNone;                      // of each element,
    std::optional<std::vector<int>> tuple;  // or of each by its place
    int additional_items = kNone, contains = kNone;
    bool unique_items = false;
  };
  struct Name {
    std::string_view text;
    int schema = kNone;  // where it is one of "properties"
  };
  struct Objects {
    Bounds size;
    std::vector<Name> names;  // all that something is said of, by their texts; the others name them by their place there
    bool has_properties = false;
    std::vector<uint32_t> required;
    std::vector<std::pair<uint32_t, std::vector<uint32_t>>> needs;  // dependencies: names,
    std::vector<std::pair<uint32_t, int>> needs_schema;             // or a schema
    std::vector<std::pair<const SchemaPattern*, int>> pattern_properties;
    int additional_properties = kNone, property_names = kNone;

    /// Must it be known which of the names are there?
    bool AsksWhichAreThere() const { return !required.empty() || !needs.empty() || !needs_schema.empty(); }
    bool JudgesMembers() const { return has_properties || !pattern_properties.empty() || additional_properties != kNone || property_names != kNone; }
  };
  struct Combined {
    std::vector<int> all_of, any_of, one_of;
    int not_this = kNone, if_this = kNone, then_this = kNone, else_this = kNone;
  };

  int ref = kNone;  // where it is one, nothing else counts
  Fixed fixed = Fixed::kNo;
  uint8_t types = 0;  // Type bits; 0: any
  // Null: nothing is said of these.
  std::unique_ptr<Values> values;
  std::unique_ptr<Numbers> numbers;
  std::unique_ptr<Texts> texts;
  std::unique_ptr<Arrays> arrays;
  std::unique_ptr<Objects> objects;
  std::unique_ptr<Combined> combined;
};

struct Schema::Impl {
  std::optional<JsonTree> tree;
  std::vector<Node> nodes;  // the first is the topmost
  std::map<std::string, std::unique_ptr<SchemaPattern>> patterns;
  size_t bytes = 0;
  size_t patterns_size = 0;  // SchemaPattern::size of all
};

}  // namespace notifyd
