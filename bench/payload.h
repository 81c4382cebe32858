// What notifies carry: bodies such as web hooks have. Neither constant, which a store would compress to nothing, nor random, which it could not
// compress at all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace notifyd::bench {

/// What --help says of it.
inline constexpr const char* kPayloadHelp =
    "bytes of a notify's data: JSON such as web hooks carry (ids, a kind of event, times, a customer, an amount, some words), different in each";

/// A pool of bodies, made once. Any thread after that. I1: a body has exactly the size asked for, and begins with {"n":NUMBER.
class Payloads {
 public:
  /// Makes a pool of bodies of `bytes` each, 40 at least.
  Payloads(uint64_t seed, uint64_t bytes);
  /// Appends the body of this number to `out`. Numbers that are thousands apart share all but the number itself.
  void Append(uint64_t number, std::string* out) const;

 private:
  uint64_t bytes_;
  std::vector<std::string> pool_;  // what follows the number, a little too long
};

}  // namespace notifyd::bench
