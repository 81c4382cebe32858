// simdjson finds the structure, checks UTF-8 and unescapes the strings (refusing lone surrogates); what it leaves to its caller is checked here:
// literals, numbers, depth, leftovers.
#include "base/json_tree.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/ascii.h"

namespace notifyd {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kSpace = " \t\n\r";

std::string_view TakeDigits(std::string_view* text) {
  size_t count = 0;
  while (count < text->size() && IsDigit((*text)[count])) ++count;
  std::string_view digits = text->substr(0, count);
  text->remove_prefix(count);
  return digits;
}

bool Take(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

/// A number as its text spells it (RFC 8259 section 6).
struct NumberText {
  bool negative = false;
  std::string_view whole, fraction;
  bool exponent_negative = false;
  std::string_view exponent;
};

std::optional<NumberText> SplitNumber(std::string_view text) {
  NumberText number;
  number.negative = Take(&text, '-');
  number.whole = TakeDigits(&text);
  if (number.whole.empty() || (number.whole.size() > 1 && number.whole[0] == '0')) return std::nullopt;
  if (Take(&text, '.') && (number.fraction = TakeDigits(&text)).empty()) return std::nullopt;
  if (Take(&text, 'e') || Take(&text, 'E')) {
    number.exponent_negative = Take(&text, '-');
    if (!number.exponent_negative) Take(&text, '+');
    number.exponent = TakeDigits(&text);
    if (number.exponent.empty()) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return number;
}

/// A number as 0.DIGITS times ten to `scale`, without zeros at either end of the digits; no digits: zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t scale = 0;
  bool operator==(const Decimal&) const = default;
};

/// Nothing where the exponent is beyond what can be reckoned with.
std::optional<Decimal> ToDecimal(const NumberText& number) {
  Decimal decimal;
  decimal.digits = std::string(number.whole) + std::string(number.fraction);
  size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return Decimal{};  // -0 is 0 too
  decimal.negative = number.negative;
  std::string_view digits = number.exponent;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  constexpr size_t kReckonedDigits = 17;
  if (digits.size() > kReckonedDigits) return std::nullopt;
  int64_t exponent = 0;
  for (char c : digits) exponent = exponent * 10 + (c - '0');
  decimal.scale = (number.exponent_negative ? -exponent : exponent) + static_cast<int64_t>(number.whole.size()) - static_cast<int64_t>(first);
  decimal.digits.erase(0, first);
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  return decimal;
}

}  // namespace

/// Walks simdjson's on-demand document once, in order, and writes the nodes down.
class JsonTree::Builder {
 public:
  explicit Builder(JsonTree* tree) : tree_(tree) {}

  bool Build(std::string_view json) {
    // In brackets, so that a scalar at the top is nothing special and what follows the value is seen to be too much.
    std::string& text = tree_->text_;
    text.reserve(json.size() + 2 + simdjson::SIMDJSON_PADDING);
    text.push_back('[');
    text.append(json);
    text.push_back(']');
    ondemand::parser parser;
    ondemand::document document;
    ondemand::array top;
    document_ = &document;
    if (parser.iterate(text.data(), text.size(), text.capacity()).get(document) || document.get_array().get(top)) return false;
    size_t count = 0;
    for (auto element : top) {
      ondemand::value value;
      if (++count > 1 || element.get(value) || !Add(value, 1)) return false;
    }
    return count == 1 && document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }

 private:
  bool Add(ondemand::value value, size_t depth) {
    uint32_t index = static_cast<uint32_t>(tree_->nodes_.size());
    tree_->nodes_.emplace_back();
    // What a token's view holds behind the token itself is white space.
    std::string_view token = value.raw_json_token();
    token = token.substr(0, token.find_last_not_of(kSpace) + 1);
    if (token.empty()) return false;
    bool good;
    switch (token[0]) {
      case '[':
        good = depth <= kMaxDepth && AddArray(value, index, depth);
        break;
      case '{':
        good = depth <= kMaxDepth && AddObject(value, index, depth);
        break;
      case '"': {
        std::string_view text;
        good = !value.get_string().get(text);
        if (good) AddString(index, token, text);
        break;
      }
      default:
        good = AddLiteral(index, token);
    }
    if (!good) return false;
    tree_->nodes_[index].next = static_cast<uint32_t>(tree_->nodes_.size());
    return true;
  }

  bool AddArray(ondemand::value value, uint32_t index, size_t depth) {
    uint32_t begin = Offset(value.raw_json_token().data());
    uint32_t size = 0;
    ondemand::array array;
    if (value.get_array().get(array)) return false;
    for (auto element : array) {
      ondemand::value child;
      if (element.get(child) || !Add(child, depth + 1)) return false;
      ++size;
    }
    return Close(index, Kind::kArray, begin, size);
  }

  bool AddObject(ondemand::value value, uint32_t index, size_t depth) {
    uint32_t begin = Offset(value.raw_json_token().data());
    uint32_t size = 0;
    ondemand::object object;
    if (value.get_object().get(object)) return false;
    for (auto member : object) {
      ondemand::field field;
      if (std::move(member).get(field)) return false;
      std::string_view raw_key = KeyToken(field.key().raw());
      std::string_view key;
      if (field.unescaped_key().get(key)) return false;
      uint32_t key_index = static_cast<uint32_t>(tree_->nodes_.size());
      tree_->nodes_.emplace_back();
      AddString(key_index, raw_key, key);
      tree_->nodes_[key_index].next = key_index + 1;
      if (!Add(field.value(), depth + 1)) return false;
      ++size;
    }
    return Close(index, Kind::kObject, begin, size);
  }

  void AddString(uint32_t index, std::string_view raw, std::string_view text) {
    Node& node = tree_->nodes_[index];
    node.kind = Kind::kString;
    node.text_begin = static_cast<uint32_t>(tree_->strings_.size());
    node.text_size = static_cast<uint32_t>(text.size());
    tree_->strings_.append(text);
    SetSpan(&node, raw);
  }

  /// Looking at a token does not step over it: the loop around this does.
  bool AddLiteral(uint32_t index, std::string_view token) {
    Node& node = tree_->nodes_[index];
    if (token == "null") node.kind = Kind::kNull;
    else if (token == "true") node.kind = Kind::kTrue;
    else if (token == "false") node.kind = Kind::kFalse;
    else if (SplitNumber(token)) node.kind = Kind::kNumber;
    else return false;
    SetSpan(&node, token);
    return true;
  }

  /// The bracket that closed a container is the last thing before whatever comes next.
  bool Close(uint32_t index, Kind kind, uint32_t begin, uint32_t size) {
    const char* location;
    if (document_->current_location().get(location)) return false;  // the bracket that wraps the text is always there
    uint32_t end = Offset(location);
    while (end > begin && kSpace.find(tree_->text_[end - 1]) != std::string_view::npos) --end;
    Node& node = tree_->nodes_[index];
    node.kind = kind;
    node.begin = begin;
    node.end = end;
    node.size = size;
    return true;
  }

  std::string_view KeyToken(const char* behind_quote) const {
    const char* end = behind_quote;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    return std::string_view(behind_quote - 1, static_cast<size_t>(end + 1 - (behind_quote - 1)));
  }
  uint32_t Offset(const char* at) const { return static_cast<uint32_t>(at - tree_->text_.data()); }
  void SetSpan(Node* node, std::string_view raw) const {
    node->begin = Offset(raw.data());
    node->end = node->begin + static_cast<uint32_t>(raw.size());
  }

  JsonTree* tree_;
  ondemand::document* document_ = nullptr;
};

Result<JsonTree> JsonTree::Parse(std::string_view json) {
  JsonTree tree;
  if (json.size() >= std::numeric_limits<uint32_t>::max() / 2 || !Builder(&tree).Build(json)) return Status(Code::kMalformed, "not JSON");
  return tree;
}

const JsonTree::Node& JsonTree::Value::node() const {
  return tree_->nodes_[index_];
}
JsonTree::Kind JsonTree::Value::kind() const {
  return node().kind;
}
size_t JsonTree::Value::size() const {
  return node().size;
}
uint32_t JsonTree::Value::next() const {
  return node().next;
}
std::string_view JsonTree::Value::raw() const {
  return std::string_view(tree_->text_).substr(node().begin, node().end - node().begin);
}
std::string_view JsonTree::Value::text() const {
  return std::string_view(tree_->strings_).substr(node().text_begin, node().text_size);
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
  if (a == b) return true;
  std::optional<NumberText> left = SplitNumber(a), right = SplitNumber(b);
  if (!left || !right) return false;
  std::optional<Decimal> left_value = ToDecimal(*left), right_value = ToDecimal(*right);
  return left_value && right_value && *left_value == *right_value;
}

bool IsJsonPointer(std::string_view text) {
  if (!text.empty() && text[0] != '/') return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  return true;
}

}  // namespace notifyd
