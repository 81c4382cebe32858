// Resolver: the addresses of names, looked up by c-ares on the loop: no thread, whatever name servers do. One a loop; loop thread only.
//
// I1  A name is asked for once at a time, however many wait for it.
// I2  What is known of a name holds for its TTL, and that it has no address, or could not be looked up, for failure_ms.
// I3  Names that are kept and names that are being asked for are bounded by max_names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/sender/destinations.h"

struct uv_loop_s;

namespace notifyd {

struct ResolverOptions {
  /// Name servers, "127.0.0.1:5353", several with commas; empty: as the system's resolv.conf says, which is looked at again when it changes.
  std::string servers;
  /// Search domains; used with `servers` alone.
  std::vector<std::string> domains;
  /// A TTL below it counts as this: what is in /etc/hosts has none, and a burst of calls need not ask for each.
  int64_t min_ttl_ms = 1000;
  int64_t failure_ms = 1000;
  /// One server's time to answer; it is asked twice.
  int query_timeout_ms = 1500;
  size_t max_names = 4096;
};

class Resolver {
 public:
  struct Answer {
    /// In the order in which they are to be tried (RFC 8305 section 4: families in turn, IPv6 first); empty: see `error`.
    std::shared_ptr<const std::vector<IpAddress>> addresses;
    /// Changes whenever the addresses do; never 0.
    uint64_t version = 0;
    /// Why there are no addresses, for people; empty where there are some.
    std::string error;
    /// The name is known not to have an address, as against: nobody could tell.
    bool gone = false;
  };
  class Waiter {
   public:
    virtual ~Waiter() = default;
    /// Called once, never from inside Look. `answer` is borrowed for the call.
    virtual void OnResolved(const Answer& answer) = 0;

   private:
    friend class Resolver;
    void* name_ = nullptr;  // what it waits for
    size_t place_ = 0;
  };

  Resolver(uv_loop_s* loop, const ResolverOptions& options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Returns what is known of `name` (lower case, no literal address), valid until the loop goes on; or null: the waiter is told once, unless Cancel
  /// is called first. `now_ms`: monotonic.
  const Answer* Look(std::string_view name, Waiter* waiter, int64_t now_ms);
  /// Forgets a waiter, which is not told then. Does nothing for one that does not wait.
  void Cancel(Waiter* waiter);
  /// Drops what is known of a name, so that the next Look asks anew: a connection to it failed.
  void Forget(std::string_view name);
  /// Returns how many names are being asked for.
  size_t asking() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
