// JsonTree: a JSON text parsed strictly (by the walk of base/json_reader.cc) and kept with its spelling, for the places where a number must stay
// digit for digit or be compared exactly, which a parser that turns numbers into doubles cannot do. Immutable once parsed; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "base/status.h"

namespace notifyd {

class JsonTree {
 public:
  enum class Kind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };
  static constexpr int kMaxDepth = 256;

  /// A view of one value, or of a member's key, as good as its tree lives. A cheap copy.
  class Value {
   public:
    Kind kind() const;
    /// Returns the text as it stood, without white space around it.
    std::string_view raw() const;
    /// Returns a string without its quotes and escapes; of any other kind nothing.
    std::string_view text() const;
    /// Returns how many elements an array or members an object has; of any other kind 0. Counts them.
    size_t size() const;
    /// Of an array or object: calls `visit(key, value)` for each in order, `key` a string (in an array: the array itself).
    template <class Visit>
    void ForEach(Visit visit) const {
      const bool object = at_->kind == JsonValue::Kind::kObject;
      for (const JsonValue& value : *at_) visit(object ? Value(&value, true) : *this, Value(&value));
    }
    class Inside;
    /// Of an array or object: begins at the first of what is directly inside of it; of anything else there is nothing.
    Inside inside() const;
    /// Returns what an RFC 6901 pointer leads to; where a key occurs twice, the last. Nothing where it leads nowhere or is no pointer.
    std::optional<Value> At(std::string_view pointer) const;
    /// Does At for each of `pointers` in one pass: each node is looked at once at most, whatever their number. `visited` (may be null) is raised by
    /// how many were.
    std::vector<std::optional<Value>> AtAll(const std::vector<std::string_view>& pointers, size_t* visited = nullptr) const;

   private:
    friend class JsonTree;
    explicit Value(const JsonValue* at, bool is_key = false) : at_(at), is_key_(is_key) {}
    struct Wanted;
    void Find(const Wanted& wanted, std::vector<std::optional<Value>>* found, size_t* visited) const;
    const JsonValue* at_;
    bool is_key_;
  };

  /// Parses by RFC 8259: UTF-8, no lone surrogates, kMaxDepth levels, under 2 GiB; keys may repeat. Error: kMalformed.
  static Result<JsonTree> Parse(std::string_view json);
  Value root() const { return Value(root_.get()); }
  /// Returns how many values it has, which are what it has of memory, beside its text twice.
  size_t values() const { return root_->span; }
  /// Returns how many texts this thread has parsed so far, for tests of who does not parse one.
  static uint64_t parsed();

 private:
  explicit JsonTree(std::shared_ptr<const JsonValue> root) : root_(std::move(root)) {}
  std::shared_ptr<const JsonValue> root_;  // keeps all values, and what their views look at
};

/// A place among what is directly inside of an array or object, as good as the tree lives: ForEach for who stops early, or goes on later. A cheap
/// copy.
class JsonTree::Value::Inside {
 public:
  bool at_end() const { return at_ == end_; }
  /// Not at the end.
  Value value() const { return Value(at_); }
  /// Of a member, not of an element.
  Value key() const { return Value(at_, true); }
  void Next() { at_ += at_->span; }

 private:
  friend class Value;
  Inside(const JsonValue* at, const JsonValue* end) : at_(at), end_(end) {}
  const JsonValue* at_;
  const JsonValue* end_;
};

inline JsonTree::Value::Inside JsonTree::Value::inside() const {
  return is_key_ ? Inside(at_, at_) : Inside(at_->begin().at, at_->end().at);
}

/// Compares by value: numbers exactly (1 == 1.0 == 1e0), strings unescaped, arrays in order, objects whatever their order; of a repeated key the last
/// counts.
bool JsonEqual(JsonTree::Value a, JsonTree::Value b);

/// Are two JSON number texts the same number, however many digits they have?
bool JsonNumbersEqual(std::string_view a, std::string_view b);

/// Is it a pointer of RFC 6901: empty, or "/" before each token, "~" only as "~0" and "~1"?
bool IsJsonPointer(std::string_view text);

}  // namespace notifyd
