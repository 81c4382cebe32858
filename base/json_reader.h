// JsonReader: the JSON of a request, checked to the last byte and handed out value by value. Built on simdjson's on-demand parser: its DOM
// cannot keep a number's digits, and neither notices repeated keys.
//
// What it checks (contract section 3, "HTTP API"): the grammar, UTF-8, lone surrogates and at most 64 levels (kMalformed); that no key occurs
// twice in an object, at any depth (kUnacceptable, with its pointer). Malformed wins over unacceptable wherever in the document it stands.
// One reader a thread; memory is reused from one request to the next, and given back after a large one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace notifyd {

/// One value. Values of a document lie behind each other in memory, each followed by what is inside of it; all views are borrowed from the text or
/// from who read it: a JsonReader's hold until its callback returns, a JsonTree's as long as the tree.
struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  uint32_t span = 1;             // this one and all inside of it
  std::string_view key;          // of a member: decoded; else empty
  const char* key_at = nullptr;  // of a member: behind the quote with which its key begins in the text
  std::string_view raw;          // as submitted, without whitespace around it
  std::string_view text;         // kString: decoded (may hold NUL); else raw

  struct Iterator {
    const JsonValue* at;
    const JsonValue& operator*() const { return *at; }
    Iterator& operator++() {
      at += at->span;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at != other.at; }
  };
  /// What is directly inside of an array or object.
  Iterator begin() const { return {this + 1}; }
  Iterator end() const { return {this + span}; }
};

class JsonReader {
 public:
  /// Takes one object, or one item of an array. A Status that is not ok ends the reading.
  using OnItem = std::function<Status(const JsonValue& item)>;

  JsonReader();
  ~JsonReader();

  /// Reads an object, or where `max_items` > 0 also an array of 1 to max_items values of any kind, and calls `on_item` for each; `is_array` says
  /// which it was. The inside of a member "data" of an item is checked but not handed out: it has `raw` only.
  /// A byte order mark in front of it is skipped. It is read in its place where it has kPaddingBytes of spare capacity, else copied. Errors: as
  /// above; kTooLarge for more items; those of on_item, with "/<index>" in front of their field in an array.
  Status Read(const std::string& body, size_t max_items, bool* is_array, const OnItem& on_item);

  /// The same of a text of which `readable` bytes from its beginning on may be looked at: where these are less than kPaddingBytes more than its
  /// size, it is copied. What stands in them does not matter. `called`: what it is to whoever sent it, which errors name.
  Status Read(std::string_view text, size_t readable, size_t max_items, bool* is_array, const OnItem& on_item, std::string_view called = "body");

  /// A print of an item by its content: neither the order of keys nor whitespace nor escapes matter, numbers count by their digits. Members that
  /// are null are taken as left out, but not inside "data" and "json". The item's member `except` is left out. Inside of on_item only.
  Fingerprint PrintOf(const JsonValue& item, std::string_view except);

  /// The same of any JSON text that was read as part of a document before, nulls counted.
  Fingerprint PrintOfText(std::string_view json);

  static constexpr int kMaxLevels = 64;
  static constexpr size_t kPaddingBytes = 64;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// kMalformed: "the body is not valid JSON: a string is not closed". `called`: as JsonReader::Read has it; `what`: empty where nothing more is known.
Status NotValidJson(std::string_view called, std::string_view what = {});

/// Appends "/" and the key, "~" and "/" in it escaped (RFC 6901). Of very long keys the beginning alone.
void AppendPointer(std::string_view key, std::string* pointer);

/// Text without the UTF-8 byte order mark that some editors write in front of it.
std::string_view WithoutByteOrderMark(std::string_view text);

/// The text as it may stand in a sentence for people: quoted, cut after some 60 bytes.
std::string Quoted(std::string_view text);

}  // namespace notifyd
