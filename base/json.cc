#include "base/json.h"

#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

template <class T>
void AppendNumber(std::string* out, T value) {
  char digits[32];  // a double takes 24 at most, a 64-bit integer 20
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  CHECK(error == std::errc());
  out->append(digits, end);
}

}  // namespace

void JsonWriter::BeginValue() {
  if (need_comma_) out_->push_back(',');
  need_comma_ = true;
  after_key_ = false;
}

void JsonWriter::Begin(char bracket) {
  BeginValue();
  out_->push_back(bracket);
  need_comma_ = false;
  ++depth_;
}

void JsonWriter::End(char bracket) {
  CHECK(depth_ > 0 && !after_key_);
  out_->push_back(bracket);
  need_comma_ = true;
  --depth_;
}

void JsonWriter::BeginObject() {
  Begin('{');
}
void JsonWriter::EndObject() {
  End('}');
}
void JsonWriter::BeginArray() {
  Begin('[');
}
void JsonWriter::EndArray() {
  End(']');
}

void JsonWriter::Key(std::string_view key) {
  CHECK(depth_ > 0 && !after_key_);
  if (need_comma_) out_->push_back(',');
  Quote(key);
  out_->push_back(':');
  need_comma_ = false;
  after_key_ = true;
}

void JsonWriter::String(std::string_view text) {
  BeginValue();
  Quote(text);
}

void JsonWriter::Quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string repaired;
  if (!IsValidUtf8(text)) {
    repaired = RepairUtf8(text, std::string::npos);
    text = repaired;
  }
  out_->push_back('"');
  size_t plain = 0;  // where what is copied as it stands begins
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out_->append(text, plain, i - plain);
    plain = i + 1;
    out_->push_back('\\');
    switch (c) {
      case '"':
      case '\\':
        out_->push_back(static_cast<char>(c));
        break;
      case '\b':
        out_->push_back('b');
        break;
      case '\f':
        out_->push_back('f');
        break;
      case '\n':
        out_->push_back('n');
        break;
      case '\r':
        out_->push_back('r');
        break;
      case '\t':
        out_->push_back('t');
        break;
      default:
        out_->append("u00");
        out_->push_back(kHex[c >> 4]);
        out_->push_back(kHex[c & 15]);
    }
  }
  out_->append(text, plain);
  out_->push_back('"');
}

void JsonWriter::Int(int64_t value) {
  BeginValue();
  AppendNumber(out_, value);
}

void JsonWriter::Uint(uint64_t value) {
  BeginValue();
  AppendNumber(out_, value);
}

void JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return Null();
  BeginValue();
  AppendNumber(out_, value);
}

void JsonWriter::Bool(bool value) {
  Raw(value ? "true" : "false");
}
void JsonWriter::Null() {
  Raw("null");
}

void JsonWriter::Raw(std::string_view json) {
  BeginValue();
  out_->append(json);
}

}  // namespace notifyd
