// JsonTree: a JSON text parsed strictly and kept with its spelling, for the places where a number must stay digit for digit or be compared
// exactly, which a parser that turns numbers into doubles cannot do. Immutable once parsed; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace notifyd {

class JsonTree {
  struct Node;

 public:
  enum class Kind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };
  static constexpr size_t kMaxDepth = 256;

  /// A view of one value, as good as its tree lives. A cheap copy.
  class Value {
   public:
    Kind kind() const;
    /// Returns the text as it stood, without white space around it.
    std::string_view raw() const;
    /// Returns a string without its quotes and escapes; of any other kind nothing.
    std::string_view text() const;
    /// Returns how many elements an array or members an object has; of any other kind 0.
    size_t size() const;
    /// Of an array or object: calls `visit(key, value)` for each in order, `key` a string (in an array: the array itself).
    template <class Visit>
    void ForEach(Visit visit) const {
      bool object = kind() == Kind::kObject;
      uint32_t at = index_ + 1;
      for (size_t i = 0; i < size(); ++i) {
        Value key(tree_, object ? at++ : index_);
        Value value(tree_, at);
        visit(key, value);
        at = value.next();
      }
    }
    /// Returns what an RFC 6901 pointer leads to; where a key occurs twice, the last. Nothing where it leads nowhere or is no pointer.
    std::optional<Value> At(std::string_view pointer) const;
    /// Does At for each of `pointers` in one pass: each node is looked at once at most, whatever their number. `visited` (may be null) is raised by
    /// how many were.
    std::vector<std::optional<Value>> AtAll(const std::vector<std::string_view>& pointers, size_t* visited = nullptr) const;

   private:
    friend class JsonTree;
    Value(const JsonTree* tree, uint32_t index) : tree_(tree), index_(index) {}
    const Node& node() const;
    uint32_t next() const;
    struct Wanted;
    void Find(const Wanted& wanted, std::vector<std::optional<Value>>* found, size_t* visited) const;
    const JsonTree* tree_;
    uint32_t index_;
  };

  /// Parses by RFC 8259: UTF-8, no lone surrogates, kMaxDepth levels, under 4 GiB; keys may repeat. Error: kMalformed.
  static Result<JsonTree> Parse(std::string_view json);
  Value root() const { return Value(this, 0); }

 private:
  class Builder;
  /// In the order of the text; an object's keys stand before their values.
  struct Node {
    uint32_t begin = 0, end = 0;             // in text_
    uint32_t text_begin = 0, text_size = 0;  // in strings_, of a string
    uint32_t next = 0;                       // the first node behind this value
    uint32_t size = 0;
    Kind kind = Kind::kNull;
  };
  std::string text_;
  std::string strings_;
  std::vector<Node> nodes_;
};

/// Compares by value: numbers exactly (1 == 1.0 == 1e0), strings unescaped, arrays in order, objects whatever their order; of a repeated key the last
/// counts.
bool JsonEqual(JsonTree::Value a, JsonTree::Value b);

/// Are two JSON number texts the same number, however many digits they have?
bool JsonNumbersEqual(std::string_view a, std::string_view b);

/// Is it a pointer of RFC 6901: empty, or "/" before each token, "~" only as "~0" and "~1"?
bool IsJsonPointer(std::string_view text);

}  // namespace notifyd
