#include "net/api/json_shape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>

#include "base/json_reader.h"
#include "net/api/fields.h"

namespace notifyd {
namespace {

/// Beside what is sent: white space, escapes, and what an encoding leaves out.
constexpr size_t kSlackBytes = 64 << 10;
/// A body that is text may have each byte escaped ("\u0001").
constexpr size_t kMostEscape = 6;
/// Data may be shorter as a form than it is as JSON. Beyond that it costs the parser more memory than a text would.
constexpr size_t kMostOfData = 2;
/// What all other members of a notify may take.
constexpr size_t kMostBesideBytes = 1 << 20;

constexpr std::array<bool, 256> MakeLooked() {
  std::array<bool, 256> table{};
  for (char c : std::string_view("\"{}[]:,")) table[static_cast<uint8_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kLooked = MakeLooked();

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

class Scan {
 public:
  Scan(std::string_view text, const JsonShapeLimits& limits, std::vector<std::string_view>* items) : text_(text), limits_(limits), items_(items) {}

  Status Run() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
    // Anything else is small work for the parser, which words it.
    if (at_ == text_.size() || (text_[at_] != '{' && text_[at_] != '[')) return Status::Ok();
    is_array_ = text_[at_] == '[';
    if (is_array_ && limits_.max_items == 0) return Status(Code::kUnacceptable, "the document must be an object");
    object_level_ = is_array_ ? 2 : 1;
    for (; at_ < text_.size(); ++at_) {
      if ((at_ & 0xfff) == 0) NOTIFYD_TRY(CheckLengths());
      char c = text_[at_];
      // Most of what is long is of no interest.
      if (!kLooked[static_cast<uint8_t>(c)] || (c == ',' && level_ > object_level_)) continue;
      NOTIFYD_TRY(Take(c));
      if (level_ == 0) break;
    }
    if (level_ != 0 || at_ >= text_.size()) return NotValidJson(limits_.called);
    if (!Trim(text_.substr(at_ + 1)).empty()) return NotValidJson(limits_.called, "something follows the document");
    return Status::Ok();
  }

 private:
  Status Take(char c) {
    switch (c) {
      case '"':
        return TakeString();
      case '{':
      case '[':
        if (++level_ > JsonReader::kMaxLevels)
          return Status(Code::kMalformed, "the document has more than " + std::to_string(JsonReader::kMaxLevels) + " levels");
        if (level_ == 1) item_ = at_ + 1;
        if (level_ == object_level_) BeginObject();
        return Status::Ok();
      case '}':
      case ']': {
        Status status = level_ == object_level_ ? EndMember() : Status::Ok();
        if (status.ok() && level_ == object_level_) status = EndObject();
        if (status.ok() && level_ == 1 && is_array_) status = EndItem(true);
        --level_;
        return status;
      }
      case ':':
        if (level_ == object_level_ && !in_value_) in_value_ = true, value_ = at_ + 1;
        return Status::Ok();
      case ',':
        if (level_ == 1 && is_array_) return EndItem(false);
        return level_ == object_level_ ? EndMember() : Status::Ok();
      default:
        return Status::Ok();
    }
  }

  Status TakeString() {
    size_t from = at_ + 1;
    for (++at_;; ++at_) {
      size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) return NotValidJson(limits_.called, "a string is not closed");
      size_t slashes = 0;
      while (quote - slashes > from && text_[quote - slashes - 1] == '\\') ++slashes;
      at_ = quote;
      if (slashes % 2 == 0) break;
    }
    if (level_ == object_level_ && !in_value_) key_ = text_.substr(from, at_ - from);
    return CheckLengths();
  }

  void BeginObject() {
    in_value_ = has_content_type_ = false;
    data_bytes_ = 0;
    key_ = {};
    keyed_ = limits_.has_key && !is_array_;
    over_ = Status::Ok();
  }

  Status EndMember() {
    if (!in_value_) return Status::Ok();
    Status status = CheckLengths();
    if (over_.ok()) over_ = CheckMember(limits_.max_body_bytes);
    if (IsKey(key_, "content_type")) has_content_type_ = true;
    if (IsKey(key_, "idempotency_key")) keyed_ = true;
    if (IsKey(key_, "data")) data_bytes_ = Trim(text_.substr(value_, at_ - value_)).size();
    in_value_ = false;
    return status;
  }

  /// JSON is sent as it was submitted, so its length is known; a form's is the parser's to tell.
  Status EndObject() const {
    if (keyed_) return CheckItem(most_body_bytes_);
    NOTIFYD_TRY(over_);
    NOTIFYD_TRY(CheckItem(limits_.max_body_bytes));
    return data_bytes_ > limits_.max_body_bytes && !has_content_type_ ? TooLong("data") : Status::Ok();
  }

  Status CheckLengths() const {
    NOTIFYD_TRY(CheckItem(most_body_bytes_));
    return level_ < object_level_ || !in_value_ ? Status::Ok() : CheckMember(most_body_bytes_);
  }
  Status CheckItem(size_t max_body_bytes) const {
    return at_ - item_ > max_body_bytes * (kMostEscape + 2) + kMostBesideBytes ? TooLong({}) : Status::Ok();
  }
  Status CheckMember(size_t max_body_bytes) const {
    const bool is_data = IsKey(key_, "data");
    const size_t most = max_body_bytes * (is_data ? kMostOfData : kMostEscape) + kSlackBytes;
    if (at_ - value_ <= most) return Status::Ok();
    // It may be that a form would have been short enough.
    return TooLong(key_, is_data ? "; what is sent as a form has " + std::to_string(most) + " bytes of JSON at most" : std::string());
  }

  Status TooLong(std::string_view key, const std::string& more = {}) const {
    std::string field = is_array_ ? "/" + std::to_string(items_->size()) : "";
    if (!key.empty()) AppendPointer(key, &field);
    return Status(
        Code::kTooLarge,
        (key.empty() ? "the notify" : Quoted(key)) + " is longer than a body may be (" + std::to_string(limits_.max_body_bytes) + " bytes)" + more,
        std::move(field));
  }

  Status EndItem(bool last) {
    std::string_view item = Trim(text_.substr(item_, at_ - item_));
    item_ = at_ + 1;
    if (item.empty()) {
      if (last && items_->empty()) return Status(Code::kUnacceptable, "a batch holds at least one item");
      return NotValidJson(limits_.called);
    }
    if (items_->size() >= limits_.max_items) return Status(Code::kTooLarge, "a batch holds at most " + std::to_string(limits_.max_items) + " items");
    items_->push_back(item);
    return Status::Ok();
  }

  const std::string_view text_;
  const JsonShapeLimits limits_;
  const size_t most_body_bytes_ = std::max(limits_.max_body_bytes, limits_.max_keyed_body_bytes);
  std::vector<std::string_view>* const items_;
  size_t at_ = 0;
  int level_ = 0;
  int object_level_ = 1;  // of a notify's members
  bool is_array_ = false;
  size_t item_ = 0;  // where the item under way begins
  // Of the notify under way.
  std::string_view key_;
  bool in_value_ = false;
  size_t value_ = 0;  // where the member's value begins
  size_t data_bytes_ = 0;
  bool has_content_type_ = false;
  bool keyed_ = false;
  Status over_;  // the first member beyond what a notify without a key may have
};

}  // namespace

Status ReadShape(std::string_view text, const JsonShapeLimits& limits, std::vector<std::string_view>* items) {
  items->clear();
  return Scan(text, limits, items).Run();
}

bool IsKey(std::string_view raw, std::string_view name) {
  for (const char c : name) {
    if (raw.starts_with(c)) {
      raw.remove_prefix(1);
      continue;
    }
    constexpr size_t kEscapeBytes = 6;
    unsigned code = 0;
    if (!raw.starts_with("\\u") || raw.size() < kEscapeBytes) return false;
    const char* end = raw.data() + kEscapeBytes;
    if (std::from_chars(raw.data() + 2, end, code, 16).ptr != end || code != static_cast<uint8_t>(c)) return false;
    raw.remove_prefix(kEscapeBytes);
  }
  return raw.empty();
}

}  // namespace notifyd
