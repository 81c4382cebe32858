// Transform: what a subscription makes of an event's data before it is sent (contract section 12): an object whose members are picked by JSON
// Pointers, as {"id": "/order/id"}. Pure; compiled once, immutable, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "base/status.h"

namespace notifyd {

class Transform {
 public:
  static constexpr size_t kMaxPicks = 64;

  /// Takes an object of 1 to kMaxPicks members, each a pointer of RFC 6901. Error: kUnacceptable, its field a pointer within the transform.
  static Result<Transform> Compile(std::string_view json_text);

  /// Returns an object's JSON text with what each pointer leads to, spelled as it stood, in the order of the transform; a pointer that leads to
  /// nothing leaves its member out. The same part may be picked several times: error kTooLarge where the text would be longer than `max_bytes`, which
  /// is known before it is made.
  Result<std::string> Apply(JsonTree::Value data, size_t max_bytes) const;

 private:
  struct Pick {
    std::string key;  // as JSON
    std::string pointer;
  };
  std::vector<Pick> picks_;
};

}  // namespace notifyd
