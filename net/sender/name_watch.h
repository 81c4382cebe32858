// NameWatch: names whose addresses are a service's instances (contract section 11, `dns`), each asked for again when what was found is over. One a
// process; loop thread only, but for Figures.
//
// I1  What was found holds until something else is found. A lookup that fails changes nothing; that a name is not there, or leads nowhere, is found
//     as any answer is.
// I2  A name is asked for once at a time: when its TTL is over, within bounds; kRetryMs after it failed or was not there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/sender/resolver.h"

namespace notifyd {

/// A name to be watched: "billing.internal:8080" leads to addresses (A, AAAA) with that port; "_http._tcp.billing.internal" to names with ports and
/// weights (SRV).
struct WatchedName {
  std::string name;   // lower case, without a dot at its end
  uint16_t port = 0;  // 0: SRV
};
/// Error: kUnacceptable, for people.
Result<WatchedName> ParseWatchedName(std::string_view text);

/// One that a name leads to.
struct FoundInstance {
  std::string id;    // "10.0.0.5:8080", "a.internal:80": unique in the name; of [A-Za-z0-9._:-], at most 100
  std::string host;  // as in a URL: an IPv6 address stands in brackets
  uint16_t port = 0;
  uint32_t weight = 1;  // 1 to 65535
  bool operator==(const FoundInstance&) const = default;
};

class NameWatch {
 public:
  /// More that one name leads to are left out.
  static constexpr size_t kMostInstances = 1000;
  static constexpr int64_t kRetryMs = 5'000;
  static constexpr int64_t kMostTtlMs = 3'600'000;

  /// What lookups of one name came to.
  struct Figures {
    std::string name;
    uint64_t instances = 0, found = 0, failed = 0;
  };
  /// Of a lookup that ended, on the loop.
  struct News {
    std::string name;
    bool changed = false;                 // it leads elsewhere
    std::vector<std::string> came, left;  // ids
    std::string error;                    // for people; empty: it did not fail
  };

  /// Of `options` count the servers, the domains, the timeout and the least TTL. `tell` is called whenever a lookup ended, never from inside Watch.
  NameWatch(uv_loop_s* loop, const ResolverOptions& options, std::function<void(const News&)> tell);
  ~NameWatch();
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

  /// From now on these are watched, by their text, and no others. Of those that were watched before what is known stays. Each must be one that
  /// ParseWatchedName takes.
  void Watch(const std::vector<std::string>& names);
  /// Returns what is known of a watched name, in order of the ids; nothing where nothing was found yet.
  std::vector<FoundInstance> Of(const std::string& name) const;
  /// Of each watched name, in order. Any thread.
  std::vector<Figures> figures() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
