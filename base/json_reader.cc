// One walk over simdjson's on-demand document, for JsonReader, which hands out one item after the other, and for JsonTree, which keeps all.
#include "base/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"
#include "base/json_tree.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

namespace od = simdjson::ondemand;

constexpr size_t kPadding = simdjson::SIMDJSON_PADDING;
/// Behind which a parser's memory (some six times the body) is given back.
constexpr size_t kKeptCapacity = 4 << 20;
constexpr size_t kFirstCapacity = 64 << 10;
/// Values handed out for one item, `data` not counted: far above what the fields can take together.
constexpr size_t kMaxValues = 8192;
/// Keys of the objects that are open at once.
constexpr size_t kMaxOpenKeys = 1'000'000;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view TrimEnd(std::string_view text) {
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

/// RFC 8259 section 6, the whole text.
bool IsNumber(std::string_view text) {
  size_t i = 0;
  auto digits = [&] {
    size_t from = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    return i > from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  size_t first = i;
  if (!digits()) return false;
  if (text[first] == '0' && i > first + 1) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

/// A member or element on the way from the root to the value being read.
struct Step {
  std::string_view key;
  size_t index = 0;
  bool is_index = false;
};

}  // namespace

void AppendPointer(std::string_view key, std::string* pointer) {
  pointer->push_back('/');
  for (char c : key.substr(0, 300)) {
    if (c == '~') pointer->append("~0");
    else if (c == '/') pointer->append("~1");
    else pointer->push_back(c);
  }
}

std::string Quoted(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string quoted = "\"" + RepairUtf8(text, kMost);
  quoted += text.size() > kMost ? "...\"" : "\"";
  return quoted;
}

Status NotValidJson(std::string_view called, std::string_view what) {
  std::string detail = "the ";
  detail.append(called).append(" is not valid JSON").append(what.empty() ? "" : ": ").append(what);
  return Status(Code::kMalformed, std::move(detail));
}

namespace {

/// Walks a document once, in order, and writes its values down, as deep as is asked.
class JsonWalk {
 public:
  explicit JsonWalk(int max_levels) : max_levels_(max_levels) {}

  /// As JsonTree::Parse says; the values are values() then.
  bool ReadAll(std::string_view json) {
    // In brackets, so that a scalar at the top is nothing special and what follows the value is seen to be too much.
    own_text_.reserve(json.size() + 2 + kPadding);
    own_text_.append("[").append(json).append("]");
    body_ = own_text_;
    body_capacity_ = own_text_.capacity();
    check_keys_ = false;
    max_values_ = std::numeric_limits<size_t>::max();
    od::array top;
    if (parser_->iterate(body_.data(), body_.size(), body_capacity_).get(document_) || document_.get_array().get(top)) return false;
    size_t count = 0;
    for (auto element : top) {
      od::value value;
      if (++count > 1 || element.get(value) || !WalkValue(value, {}, 1, kAllLevels)) return false;
    }
    return count == 1 && document_.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }
  const std::vector<JsonValue>& values() const { return nodes_; }

 protected:
  using Parser = od::parser;

  /// `levels`: how deep below this value values are handed out; 0: this one not even.
  bool WalkValue(od::value value, std::string_view key, int level, int levels, const char* key_at = nullptr) {
    od::json_type type;
    if (auto error = value.type().get(type)) return Syntax(error);
    size_t node = nodes_.size();
    bool record = levels > 0 && record_;
    if (record) {
      if (node >= max_values_) return Fail(Code::kUnacceptable, "too many values outside of data", Pointer());
      nodes_.push_back({});
      nodes_[node].key = key;
      nodes_[node].key_at = key_at;
    }
    switch (type) {
      case od::json_type::object: {
        od::object object;
        const char* start = Here();
        if (auto error = value.get_object().get(object)) return Syntax(error);
        if (!WalkObject(object, level, levels)) return false;
        if (record) Close(node, start, JsonValue::Kind::kObject);
        return true;
      }
      case od::json_type::array: {
        od::array array;
        const char* start = Here();
        if (auto error = value.get_array().get(array)) return Syntax(error);
        if (!WalkArray(array, level, levels)) return false;
        if (record) Close(node, start, JsonValue::Kind::kArray);
        return true;
      }
      case od::json_type::string: {
        std::string_view raw = TrimEnd(value.raw_json_token());
        std::string_view text;
        if (auto error = value.get_string().get(text)) return Syntax(error);
        if (record) Set(node, JsonValue::Kind::kString, raw, text);
        return true;
      }
      default:
        return WalkScalar(value, node, record);
    }
  }

  /// Numbers, true, false and null are left where they are: the iteration steps over them.
  bool WalkScalar(od::value& value, size_t node, bool record) {
    std::string_view raw = TrimEnd(value.raw_json_token());
    JsonValue::Kind kind;
    if (raw == "null") kind = JsonValue::Kind::kNull;
    else if (raw == "true" || raw == "false") kind = JsonValue::Kind::kBool;
    else if (IsNumber(raw)) kind = JsonValue::Kind::kNumber;
    else return NotValid(Quoted(raw) + " is not a value");
    if (record) Set(node, kind, raw, raw);
    return true;
  }

  bool WalkArray(od::array array, int level, int levels) {
    if (level > max_levels_) return TooDeep();
    path_.push_back({{}, 0, true});
    for (auto element : array) {
      od::value value;
      if (auto error = element.get(value)) return Syntax(error);
      if (!WalkValue(value, {}, level + 1, levels - 1)) return false;
      ++path_.back().index;
    }
    path_.pop_back();
    return true;
  }

  bool WalkObject(od::object object, int level, int levels) {
    if (level > max_levels_) return TooDeep();
    size_t first_key = keys_.size();
    path_.push_back({});
    // An item's members are at kRecordLevels - 1.
    bool is_item = levels == kRecordLevels;
    for (auto member : object) {
      od::field field;
      std::string_view key;
      if (auto error = std::move(member).get(field)) return Syntax(error);
      const char* key_at = field.key().raw();
      if (auto error = field.unescaped_key().get(key)) return Syntax(error);
      if (check_keys_) {
        if (keys_.size() >= kMaxOpenKeys) return Fail(Code::kTooLarge, "an object has too many members");
        keys_.push_back(key);
      }
      path_.back().key = key;
      if (!WalkValue(field.value(), key, level + 1, is_item && key == "data" ? 1 : levels - 1, key_at)) return false;
    }
    path_.pop_back();
    if (check_keys_ && !KeysDiffer(first_key)) return false;
    keys_.resize(first_key);
    return true;
  }

  bool KeysDiffer(size_t first) {
    auto begin = keys_.begin() + static_cast<ptrdiff_t>(first);
    if (keys_.size() - first <= 8) {
      for (auto a = begin; a != keys_.end(); ++a)
        for (auto b = begin; b != a; ++b)
          if (*a == *b) return Repeated(*a);
      return true;
    }
    std::sort(begin, keys_.end());
    auto twice = std::adjacent_find(begin, keys_.end());
    return twice == keys_.end() ? true : Repeated(*twice);
  }

  bool Repeated(std::string_view key) {
    std::string field = Pointer();
    AppendPointer(key, &field);
    error_ = Status(Code::kUnacceptable, "the key " + Quoted(key) + " occurs twice in one object", std::move(field));
    return false;
  }

  std::string Pointer() const {
    std::string pointer;
    for (const Step& step : path_) {
      if (step.is_index) pointer += "/" + std::to_string(step.index);
      else AppendPointer(step.key, &pointer);
    }
    return pointer;
  }

  const char* Here() {
    const char* at;
    return document_.current_location().get(at) ? body_.data() + body_.size() : at;
  }

  void Set(size_t node, JsonValue::Kind kind, std::string_view raw, std::string_view text) {
    nodes_[node].kind = kind;
    nodes_[node].raw = raw;
    nodes_[node].text = text;
  }

  /// The value ended: the parser stands at what follows it.
  void Close(size_t node, const char* start, JsonValue::Kind kind) {
    if (!record_) return;
    std::string_view raw = TrimEnd(std::string_view(start, static_cast<size_t>(Here() - start)));
    Set(node, kind, raw, raw);
    nodes_[node].span = static_cast<uint32_t>(nodes_.size() - node);
  }

  bool Fail(Code code, std::string detail, std::string field = {}) {
    error_ = Status(code, std::move(detail), std::move(field));
    return false;
  }
  bool NotValid(std::string_view what = {}) {
    error_ = NotValidJson(called_, what);
    return false;
  }
  Status Empty() const { return Status(Code::kMalformed, "the " + std::string(called_) + " is empty; a JSON document is needed"); }
  bool TooDeep() { return Fail(Code::kMalformed, "the document has more than " + std::to_string(max_levels_) + " levels"); }
  bool Syntax(simdjson::error_code error) {
    switch (error) {
      case simdjson::UTF8_ERROR:
        return Fail(Code::kMalformed, "the " + std::string(called_) + " is not valid UTF-8");
      case simdjson::STRING_ERROR:
        return NotValid("a string has an escape or a surrogate that is not valid");
      case simdjson::UNESCAPED_CHARS:
        return NotValid("a string has a control character that is not escaped");
      case simdjson::UNCLOSED_STRING:
        return NotValid("a string is not closed");
      case simdjson::EMPTY:
        error_ = Empty();
        return false;
      case simdjson::MEMALLOC:
        return Fail(Code::kTooLarge, "the document is too large");
      default:
        return NotValid();
    }
  }

  /// The item, its fields, and three levels below: deep enough for "/retry/fatal_on/json/<pointer>".
  static constexpr int kRecordLevels = 5;
  static constexpr int kAllLevels = std::numeric_limits<int>::max();

  std::unique_ptr<Parser> parser_ = std::make_unique<Parser>();
  od::document document_;
  std::string_view body_;
  size_t body_capacity_ = 0;
  const int max_levels_;
  size_t max_values_ = kMaxValues;
  bool check_keys_ = true;
  bool record_ = true;  // false: it only looks for what is malformed
  std::vector<JsonValue> nodes_;
  std::vector<std::string_view> keys_;  // of all open objects
  std::vector<Step> path_;
  Status error_;
  std::string_view called_;
  std::string own_text_;  // where what was given could not be read in its place
};

}  // namespace

class JsonReader::Impl : private JsonWalk {
 public:
  Impl() : JsonWalk(kMaxLevels) { parser_ = NewParser(); }

  Status Read(std::string_view text, size_t readable, size_t max_items, bool* is_array, const OnItem& on_item, std::string_view called) {
    if (readable < text.size() + kPadding) {
      own_text_.reserve(text.size() + kPadding);
      text = own_text_.assign(text);
      readable = own_text_.capacity();
    }
    body_ = text;
    called_ = called;
    body_capacity_ = readable;
    check_keys_ = record_ = true;
    Status status = Run(max_items, is_array, &on_item);
    if (!status.ok() && status.code() != Code::kMalformed) {
      // The content was refused before the end was reached: what follows may still be malformed, and that goes first.
      check_keys_ = record_ = false;
      if (Status syntax = Run(max_items, is_array, nullptr); syntax.code() == Code::kMalformed) status = std::move(syntax);
    }
    if (parser_->capacity() > kKeptCapacity) parser_ = NewParser();
    if (print_parser_ && print_parser_->capacity() > kKeptCapacity) print_parser_.reset();
    if (nodes_.capacity() > kMaxValues * 2) nodes_ = {};
    if (keys_.capacity() > kMaxValues * 2) keys_ = {};
    if (own_text_.capacity() > kKeptCapacity) own_text_ = std::string();
    return status;
  }

  Fingerprint PrintOf(const JsonValue& item, std::string_view except) {
    if (!print_parser_) print_parser_ = NewParser();
    // The item was read from the body before, so what follows it in the body, or the body's spare capacity, is its padding.
    od::document document;
    od::object object;
    size_t offset = static_cast<size_t>(item.raw.data() - body_.data());
    CHECK(!print_parser_->iterate(item.raw.data(), item.raw.size(), body_capacity_ - offset).get(document));
    CHECK(!document.get_object().get(object));
    return PrintObject(object, except, true);
  }

  Fingerprint PrintOfText(std::string_view json) {
    if (!print_parser_) print_parser_ = NewParser();
    // As the one element of an array, so that scalars are read like all else.
    std::string text;
    text.reserve(json.size() + 2 + kPadding);
    text.append("[").append(json).append("]");
    od::document document;
    od::value value;
    CHECK(!print_parser_->iterate(text.data(), text.size(), text.capacity()).get(document));
    CHECK(!document.get_value().get(value));
    return PrintValue(value, false);
  }

 private:
  static std::unique_ptr<Parser> NewParser() {
    auto parser = std::make_unique<Parser>();
    CHECK(!parser->allocate(kFirstCapacity));
    return parser;
  }

  /// One pass over the body. Without `on_item` it only looks for what is malformed.
  Status Run(size_t max_items, bool* is_array, const OnItem* on_item) {
    error_ = Status();
    path_.clear();
    keys_.clear();
    *is_array = false;
    if (body_.empty()) return Empty();
    if (auto error = parser_->iterate(body_.data(), body_.size(), body_capacity_).get(document_)) return Syntax(error), std::move(error_);
    od::json_type type;
    if (auto error = document_.type().get(type)) return Syntax(error), std::move(error_);
    if (type == od::json_type::object) {
      od::object object;
      if (auto error = document_.get_object().get(object)) return Syntax(error), std::move(error_);
      nodes_.clear();
      if (!ReadRootObject(object) || !AtEnd()) return std::move(error_);
      return on_item ? (*on_item)(nodes_[0]) : Status();
    }
    if (type == od::json_type::array) {
      od::array array;
      if (auto error = document_.get_array().get(array)) return Syntax(error), std::move(error_);
      *is_array = true;
      if (!ReadRootArray(array, max_items, on_item) || !AtEnd()) return std::move(error_);
      return Status();
    }
    return RootScalar(type, max_items);
  }

  bool ReadRootObject(od::object object) {
    nodes_.push_back({});
    if (!WalkObject(object, 1, kRecordLevels)) return false;
    Close(0, body_.data() + body_.find('{'), JsonValue::Kind::kObject);
    return true;
  }

  bool ReadRootArray(od::array array, size_t max_items, const OnItem* on_item) {
    if (max_items == 0 && on_item) return Fail(Code::kUnacceptable, "the document must be an object");
    size_t index = 0;
    for (auto element : array) {
      od::value value;
      if (auto error = element.get(value)) return Syntax(error);
      if (on_item && index >= max_items) return Fail(Code::kTooLarge, "a batch holds at most " + std::to_string(max_items) + " items");
      nodes_.clear();
      path_.push_back({{}, index, true});
      if (!WalkValue(value, {}, 2, kRecordLevels)) return false;
      path_.pop_back();
      if (on_item) {
        Status status = (*on_item)(nodes_[0]);
        if (!status.ok()) {
          error_ = std::move(status).Within("/" + std::to_string(index));
          return false;
        }
      }
      ++index;
    }
    if (index == 0 && on_item) return Fail(Code::kUnacceptable, "a batch holds at least one item");
    return true;
  }

  Status RootScalar(od::json_type type, size_t max_items) {
    std::string_view token;
    bool good = !document_.raw_json_token().get(token);
    size_t from = body_.find_first_not_of(" \t\r\n");
    good = good && TrimEnd(token).size() == TrimEnd(body_.substr(from)).size();
    if (good && type == od::json_type::string) {
      std::string_view text;
      good = !document_.get_string().get(text);
    } else if (good) {
      token = TrimEnd(token);
      good = token == "null" || token == "true" || token == "false" || IsNumber(token);
    }
    if (!good) return NotValidJson(called_);
    return Status(Code::kUnacceptable, max_items > 0 ? "the document must be an object or an array of objects" : "the document must be an object");
  }

  bool AtEnd() {
    const char* rest;
    if (document_.current_location().get(rest)) return true;
    return NotValid("something follows the document");
  }

  // ---- prints: what is read here was checked before, so that errors are our own.

  Fingerprint PrintValue(od::value value, bool drop_nulls) {
    od::json_type type;
    CHECK(!value.type().get(type));
    if (type == od::json_type::object) {
      od::object object;
      CHECK(!value.get_object().get(object));
      return PrintObject(object, {}, drop_nulls);
    }
    std::string bytes;
    if (type == od::json_type::array) {
      od::array array;
      CHECK(!value.get_array().get(array));
      bytes.push_back('[');
      for (auto element : array) AppendPrint(PrintValue(element.value_unsafe(), drop_nulls), &bytes);
    } else if (type == od::json_type::string) {
      std::string_view text;
      CHECK(!value.get_string().get(text));
      bytes.push_back('"');
      bytes.append(text);
    } else {
      bytes = TrimEnd(value.raw_json_token());
    }
    return FingerprintOf(bytes);
  }

  Fingerprint PrintObject(od::object object, std::string_view except, bool drop_nulls) {
    std::vector<std::array<uint64_t, 4>> members;
    for (auto member : object) {
      od::field field;
      std::string_view key;
      CHECK(!std::move(member).get(field));
      CHECK(!field.unescaped_key().get(key));
      if (!except.empty() && key == except) continue;
      bool inside = drop_nulls && key != "data" && key != "json";
      od::value value = field.value();
      // raw_json_token looks without consuming: a null that is dropped is stepped over.
      if (drop_nulls && TrimEnd(value.raw_json_token()) == "null") continue;
      Fingerprint name = FingerprintOf(key);
      Fingerprint content = PrintValue(value, inside);
      members.push_back({name.high, name.low, content.high, content.low});
    }
    std::sort(members.begin(), members.end());
    std::string bytes = "{";
    for (const auto& member : members) {
      AppendPrint({member[0], member[1]}, &bytes);
      AppendPrint({member[2], member[3]}, &bytes);
    }
    return FingerprintOf(bytes);
  }

  static void AppendPrint(Fingerprint print, std::string* bytes) {
    Encoder encoder(bytes);
    encoder.Big64(print.high);
    encoder.Big64(print.low);
  }

  std::unique_ptr<Parser> print_parser_;
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;

Status JsonReader::Read(const std::string& body, size_t max_items, bool* is_array, const OnItem& on_item) {
  static_assert(kPadding <= kPaddingBytes, "the spare capacity behind a request's body must do");
  std::string_view text = WithoutByteOrderMark(body);
  return Read(text, body.capacity() - (body.size() - text.size()), max_items, is_array, on_item);
}

Status JsonReader::Read(std::string_view text, size_t readable, size_t max_items, bool* is_array, const OnItem& on_item, std::string_view called) {
  CHECK(readable >= text.size());
  return impl_->Read(text, readable, max_items, is_array, on_item, called);
}

Fingerprint JsonReader::PrintOf(const JsonValue& item, std::string_view except) {
  return impl_->PrintOf(item, except);
}

Fingerprint JsonReader::PrintOfText(std::string_view json) {
  return impl_->PrintOfText(json);
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

namespace {

thread_local uint64_t trees_parsed = 0;

}  // namespace

uint64_t JsonTree::parsed() {
  return trees_parsed;
}

Result<JsonTree> JsonTree::Parse(std::string_view json) {
  ++trees_parsed;
  auto walk = std::make_shared<JsonWalk>(kMaxDepth);
  if (json.size() >= std::numeric_limits<uint32_t>::max() / 2 || !walk->ReadAll(json)) return Status(Code::kMalformed, "not JSON");
  const JsonValue* root = walk->values().data();
  return JsonTree(std::shared_ptr<const JsonValue>(std::move(walk), root));
}

}  // namespace notifyd
