// What a filter's lists are compiled into, so that a value is not compared with each of them. Views of the filter's own text. Pure.
#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_number.h"
#include "base/json_tree.h"

namespace notifyd {

/// Scalars to be found among many at once.
struct ScalarSet {
  using Kind = JsonTree::Kind;
  struct ByNumber {
    bool operator()(std::string_view a, std::string_view b) const { return CompareJsonNumbers(a, b) < 0; }
  };
  std::set<std::string_view> texts;
  std::set<std::string_view, ByNumber> numbers;
  std::set<Kind> others;

  void Add(JsonTree::Value scalar) {
    if (scalar.kind() == Kind::kString) texts.insert(scalar.text());
    else if (scalar.kind() == Kind::kNumber) numbers.insert(scalar.raw());
    else others.insert(scalar.kind());
  }
  bool Holds(JsonTree::Value value) const {
    if (value.kind() == Kind::kString) return texts.contains(value.text());
    return value.kind() == Kind::kNumber ? numbers.contains(value.raw()) : others.contains(value.kind());
  }
};

/// Beginnings of texts, or their ends, to be found among many at once.
class EndSet {
 public:
  void Add(std::string_view end, bool from_behind) {
    from_behind_ = from_behind;
    ends_.push_back(end);
  }

  /// After the last one was added. None stays that begins as another does: then the one before a text is the only one that it can begin with.
  void Sort() {
    std::sort(ends_.begin(), ends_.end(), [this](std::string_view a, std::string_view b) { return Before(a, b); });
    std::vector<std::string_view> shortest;
    for (std::string_view end : ends_)
      if (shortest.empty() || !Fits(shortest.back(), end)) shortest.push_back(end);
    ends_ = std::move(shortest);
  }

  bool Holds(std::string_view text) const {
    auto behind = std::upper_bound(ends_.begin(), ends_.end(), text, [this](std::string_view a, std::string_view b) { return Before(a, b); });
    return behind != ends_.begin() && Fits(*std::prev(behind), text);
  }

 private:
  bool Fits(std::string_view end, std::string_view text) const { return from_behind_ ? text.ends_with(end) : text.starts_with(end); }
  bool Before(std::string_view a, std::string_view b) const {
    return from_behind_ ? std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend(), LessByte)
                        : std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), LessByte);
  }
  static bool LessByte(char a, char b) { return static_cast<unsigned char>(a) < static_cast<unsigned char>(b); }

  bool from_behind_ = false;
  std::vector<std::string_view> ends_;
};

}  // namespace notifyd
