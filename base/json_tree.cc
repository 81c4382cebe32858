#include "base/json_tree.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/json_number.h"

namespace notifyd {
JsonTree::Kind JsonTree::Value::kind() const {
  if (is_key_) return Kind::kString;
  switch (at_->kind) {
    case JsonValue::Kind::kNull:
      return Kind::kNull;
    case JsonValue::Kind::kBool:
      return at_->raw == "true" ? Kind::kTrue : Kind::kFalse;
    case JsonValue::Kind::kNumber:
      return Kind::kNumber;
    case JsonValue::Kind::kString:
      return Kind::kString;
    case JsonValue::Kind::kArray:
      return Kind::kArray;
    case JsonValue::Kind::kObject:
      return Kind::kObject;
  }
  return Kind::kNull;
}

size_t JsonTree::Value::size() const {
  size_t count = 0;
  if (!is_key_) ForEach([&](Value, Value) { ++count; });
  return count;
}

std::string_view JsonTree::Value::raw() const {
  if (!is_key_) return at_->raw;
  const char* end = at_->key_at;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return std::string_view(at_->key_at - 1, static_cast<size_t>(end + 1 - (at_->key_at - 1)));
}

std::string_view JsonTree::Value::text() const {
  if (is_key_) return at_->key;
  return at_->kind == JsonValue::Kind::kString ? at_->text : std::string_view();
}

/// The tokens of several pointers as a tree: what is wanted below one value.
struct JsonTree::Value::Wanted {
  std::vector<size_t> pointers;  // those that end here, by their place
  std::unordered_map<std::string, std::unique_ptr<Wanted>> children;

  /// What is no pointer leads nowhere, and what goes deeper than any text may neither: nothing here recurses further.
  void Add(std::string_view pointer, size_t place) {
    if (!IsJsonPointer(pointer) || std::count(pointer.begin(), pointer.end(), '/') > static_cast<ptrdiff_t>(kMaxDepth)) return;
    Wanted* at = this;
    while (!pointer.empty()) {
      const size_t end = std::min(pointer.find('/', 1), pointer.size());
      std::string token;
      for (size_t i = 1; i < end; ++i) {
        if (pointer[i] == '~') token.push_back(pointer[++i] == '0' ? '~' : '/');
        else token.push_back(pointer[i]);
      }
      pointer.remove_prefix(end);
      std::unique_ptr<Wanted>& child = at->children[std::move(token)];
      if (!child) child = std::make_unique<Wanted>();
      at = child.get();
    }
    at->pointers.push_back(place);
  }
};

void JsonTree::Value::Find(const Wanted& wanted, std::vector<std::optional<Value>>* found, size_t* visited) const {
  for (size_t place : wanted.pointers) (*found)[place] = *this;
  if (wanted.children.empty() || (kind() != Kind::kObject && kind() != Kind::kArray)) return;
  // What each token leads to; of a repeated key the last, so that all of them are seen before any is gone into.
  std::unordered_map<std::string_view, std::pair<const Wanted*, std::optional<Value>>> tokens;
  for (const auto& [token, child] : wanted.children) tokens.emplace(token, std::pair(child.get(), std::nullopt));
  size_t at = 0;
  char index[24];
  ForEach([&](Value key, Value value) {
    ++*visited;
    // An element's token is its index as it is written without leading zeros.
    const std::string_view token =
        kind() == Kind::kObject ? key.text() : std::string_view(index, static_cast<size_t>(std::to_chars(index, std::end(index), at++).ptr - index));
    if (auto hit = tokens.find(token); hit != tokens.end()) hit->second.second = value;
  });
  for (const auto& [token, child] : tokens) {
    if (child.second) child.second->Find(*child.first, found, visited);
  }
}

std::vector<std::optional<JsonTree::Value>> JsonTree::Value::AtAll(const std::vector<std::string_view>& pointers, size_t* visited) const {
  std::vector<std::optional<Value>> found(pointers.size());
  Wanted wanted;
  for (size_t i = 0; i < pointers.size(); ++i) wanted.Add(pointers[i], i);
  size_t count = 0;
  Find(wanted, &found, &count);
  if (visited != nullptr) *visited += count;
  return found;
}

std::optional<JsonTree::Value> JsonTree::Value::At(std::string_view pointer) const {
  return AtAll({pointer})[0];
}

namespace {

using Member = std::pair<std::string_view, JsonTree::Value>;

/// By key; of a repeated one the last.
std::vector<Member> SortedMembers(JsonTree::Value object) {
  std::vector<Member> members;
  members.reserve(object.size());
  object.ForEach([&](JsonTree::Value key, JsonTree::Value value) { members.emplace_back(key.text(), value); });
  std::reverse(members.begin(), members.end());
  std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.first < b.first; });
  members.erase(std::unique(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.first == b.first; }), members.end());
  return members;
}

std::vector<JsonTree::Value> Elements(JsonTree::Value array) {
  std::vector<JsonTree::Value> elements;
  elements.reserve(array.size());
  array.ForEach([&](JsonTree::Value, JsonTree::Value value) { elements.push_back(value); });
  return elements;
}

}  // namespace

bool JsonEqual(JsonTree::Value a, JsonTree::Value b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case JsonTree::Kind::kNull:
    case JsonTree::Kind::kFalse:
    case JsonTree::Kind::kTrue:
      return true;
    case JsonTree::Kind::kNumber:
      return JsonNumbersEqual(a.raw(), b.raw());
    case JsonTree::Kind::kString:
      return a.text() == b.text();
    case JsonTree::Kind::kArray: {
      if (a.size() != b.size()) return false;
      std::vector<JsonTree::Value> left = Elements(a), right = Elements(b);
      return std::equal(left.begin(), left.end(), right.begin(), right.end(), JsonEqual);
    }
    case JsonTree::Kind::kObject: {
      std::vector<Member> left = SortedMembers(a), right = SortedMembers(b);
      return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                        [](const Member& x, const Member& y) { return x.first == y.first && JsonEqual(x.second, y.second); });
    }
  }
  return false;
}

bool JsonNumbersEqual(std::string_view a, std::string_view b) {
  return a == b || (IsJsonNumber(a) && IsJsonNumber(b) && CompareJsonNumbers(a, b) == 0);
}

bool IsJsonPointer(std::string_view text) {
  if (!text.empty() && text[0] != '/') return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  return true;
}

}  // namespace notifyd
