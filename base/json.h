// JsonWriter: JSON text for answers and logs, appended to a string. Not a parser. One thread a writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace notifyd {

/// Commas and colons are its own affair; that each Begin has its End, and each value of an object its Key, is the caller's (CHECKed).
class JsonWriter {
 public:
  /// Appends to `out`, which is borrowed and must outlive the writer.
  explicit JsonWriter(std::string* out) : out_(out) {}

  void BeginObject();
  void EndObject();
  void BeginArray();
  void EndArray();
  void Key(std::string_view key);
  /// Writes a string: escapes what JSON demands; what is not UTF-8 becomes U+FFFD.
  void String(std::string_view text);
  void Int(int64_t value);
  void Uint(uint64_t value);
  /// Writes the shortest text that reads back as the same number; null for NaN and infinities.
  void Double(double value);
  void Bool(bool value);
  void Null();
  /// Writes a value that is JSON text already.
  void Raw(std::string_view json);

 private:
  void BeginValue();
  void Begin(char bracket);
  void End(char bracket);
  void Quote(std::string_view text);

  std::string* out_;
  size_t depth_ = 0;
  bool need_comma_ = false;  // a value stands before this place, in the same object or array
  bool after_key_ = false;
};

}  // namespace notifyd
