// Patterns of JSON Schema: ECMA 262's regular expressions as RE2 takes them, and what they cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace re2 {
class RE2;
}

namespace notifyd {

/// Returns the RE2 pattern that means the same as one with ECMA's u flag: \uXXXX and \cX are spelled out, and \s, \S and "." stand for what ECMA has
/// them stand for. Nothing where it has an escape that ECMA does not have. What RE2 does not have stays, for RE2 to refuse.
std::optional<std::string> ToRe2Pattern(std::string_view ecma);

/// A pattern that is looked for. Immutable, any thread.
class SchemaPattern {
 public:
  static constexpr size_t kMaxSize = 20'000;

  /// Error: kUnacceptable, without a field.
  static Result<std::unique_ptr<SchemaPattern>> Compile(std::string_view ecma);
  ~SchemaPattern();

  bool Finds(std::string_view text) const;
  /// Returns what it takes at most to look for it in so many bytes, in Schema's steps. RE2 is as fast with one pattern as with another until its
  /// automaton has more states than it has memory for; from then on each byte costs as much as there are places in the pattern that it may belong to.
  uint64_t StepsFor(size_t bytes) const { return 2 + static_cast<uint64_t>(bytes) * width_ / kPlacesAStep; }
  /// Returns what it is to compile it: how many instructions its program has, or as many as its text is worth where that is more.
  size_t size() const { return size_; }
  /// Returns what it has of memory at most, with what RE2 finds out while it looks.
  size_t bytes() const { return bytes_; }

 private:
  static constexpr uint64_t kPlacesAStep = 10;

  SchemaPattern();
  std::unique_ptr<re2::RE2> pattern_;
  size_t size_ = 0, width_ = 0, bytes_ = 0;
};

}  // namespace notifyd
