// Services: a name instead of an address (contract section 11). A service has instances, which come and go; which of them takes a call is chosen when
// the attempt starts. Plain values and choices: it knows no notify and no lane, no store, no clock; what is in flight it is told.
//
// Who may be chosen: an instance of the pool that is wanted, of a weight above 0, whose breaker lets a call begin and whose host takes one; where the
// service has a probe of its own, none whose breaker is open. Where none of that pool may, the fallback's are. Among those the service's balance
// picks, each by weight:
//   least_active  the least in flight for its weight; among equals the next in turn
//   round_robin   in turn, smoothly: one of weight 2 gets every other call, not two in a row
//   random
//   hash          rendezvous: an instance that goes moves its own share, and nobody else's
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "broker/breaker.h"

namespace notifyd {

/// Stored: never renumber.
enum class Balance : uint8_t { kLeastActive = 0, kRoundRobin = 1, kRandom = 2, kHash = 3 };
const char* ToString(Balance balance);
std::optional<Balance> ParseBalance(std::string_view word);

inline constexpr uint32_t kMostWeight = 65'535;
inline constexpr size_t kMostPools = 16;
inline constexpr uint32_t kMostFailovers = 100;

/// Asks an instance whose breaker is open whether it is back: by a GET that must answer 2xx, in place of a due notify.
struct ServiceProbe {
  std::string path;  // behind the instance's URL: "/", and a query perhaps
  int64_t timeout_ms = 5'000;
  bool operator==(const ServiceProbe&) const = default;
};

/// As it was said. What is not is empty.
struct ServiceSettings {
  Balance balance = Balance::kLeastActive;
  std::string hash_by;  // kHash: a JSON Pointer into data; empty: the lane
  std::string pool, pool_fallback;
  bool https = false;       // its instances are called by https alone
  std::string host_header;  // in place of the instances' own, for TLS too
  uint32_t failover_max = 3;
  std::optional<BreakerSettings> breaker;  // of each instance; nothing: as for hosts
  std::optional<ServiceProbe> probe;       // nothing: a due notify is the probe
  bool operator==(const ServiceSettings&) const = default;
};

struct InstanceSettings {
  std::string url;      // http or https, with a path perhaps; without a query
  uint32_t weight = 1;  // 0: it starts nothing new
  std::vector<std::string> pools;
  int64_t ttl_ms = 0;  // it is gone where it is not heard of for so long; 0: it stays
  bool operator==(const InstanceSettings&) const = default;
};

struct Instance {
  std::string id;
  InstanceSettings settings;
  MonoTime gone_at = kMonoNever;
  Breaker breaker;
  uint32_t active = 0;  // calls in flight
  int64_t turn = 0;     // of the smooth round
  bool from_file = false;
  // Of whoever keeps it.
  MonoTime timer = kMonoNever;  // when it is looked at again
  uint64_t batch = 0;           // that it was last written in
  bool counted_open = false;
  std::string host;                       // where its calls go, as Envelope::host says it of those that name it themselves
  bool host_takes = true;                 // one more call may go there now
  MonoTime host_open_since = kMonoNever;  // the breaker of that is open since then; kMonoNever: it is not
};

class Service {
 public:
  /// What a call needs, and would rather not have.
  struct Wanted {
    // Of the call itself; empty: what the service says, and any.
    std::string_view pool = {}, pool_fallback = {}, instance = {};
    uint64_t hash = 0;                                // kHash: of what it is balanced by
    const std::vector<std::string>* avoid = nullptr;  // ids; one of these is taken where there is no other
  };

  explicit Service(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  ServiceSettings settings;
  std::optional<ServiceSettings> stored;  // as the API said it, where it did
  bool from_file = false;                 // it is not that which holds, but what the file says
  std::map<std::string, std::shared_ptr<Instance>, std::less<>> instances;

  Instance* Find(std::string_view id) const;
  /// Returns which instance takes the call; null where none may.
  std::shared_ptr<Instance> Choose(const Wanted& wanted, MonoTime now, Random* random);
  /// Choose would find one.
  bool HasOne(const Wanted& wanted, MonoTime now) const;
  /// Choose would find one whose breaker is closed, and whose host can be reached.
  bool HasClosed(const Wanted& wanted) const;
  /// Choose would find one that is not to be avoided.
  bool HasAnother(const Wanted& wanted, MonoTime now) const;
  /// Those that Choose would find if their hosts took calls.
  std::vector<std::shared_ptr<Instance>> HeldBack(const Wanted& wanted, MonoTime now) const;
  /// Choose finds none, and would if hosts took calls that can be reached.
  bool WaitsForHosts(const Wanted& wanted, MonoTime now) const;
  /// There is one that may be chosen but for its breaker and its host.
  bool IsAlive(const Wanted& wanted) const;
  /// Which pools it may go to: that which is wanted, then its fallback. An empty first one: any; an empty second one: none.
  std::pair<std::string_view, std::string_view> PoolsOf(const Wanted& wanted) const;
  /// How many there are of what is wanted, in either pool, that start nothing new.
  size_t CountDraining(const Wanted& wanted) const;
  /// The earliest time at which one of them, in either pool, may be tried again whose breaker is open; kMonoNever: there is none.
  MonoTime NextProbe(const Wanted& wanted) const;
  /// The earliest time since when one of them, in either pool, is being probed; kMonoNever: none is.
  MonoTime ProbingSince(const Wanted& wanted) const;
  /// Since when all those have open breakers, their own or those of their hosts; nothing where one has not, or there is none.
  std::optional<MonoTime> OpenSince(const Wanted& wanted) const;

 private:
  using Picks = std::vector<std::shared_ptr<Instance>>;
  Picks Candidates(const Wanted& wanted, MonoTime now) const;
  bool MayTake(const Instance& instance, MonoTime now) const;
  bool IsWanted(const Wanted& wanted, const Instance& instance) const;
  template <class Takes, class See>
  void Each(const Wanted& wanted, Takes takes, See see) const;
  template <class Takes>
  Picks Of(const Wanted& wanted, Takes takes) const;
  template <class Takes>
  bool Any(const Wanted& wanted, Takes takes) const;
  std::shared_ptr<Instance> NextInTurn(const Picks& among) const;

  std::string name_;
};

/// Returns the host at which those wait who want a pool or an instance of their own of the service at `host`, "service://NAME": that with what they
/// want behind it, in place of what others want, so that nobody else waits for it. And what is wanted at such a host; it lives as long as the name.
std::string HostOf(std::string host, const Service::Wanted& wanted);
Service::Wanted WantedAt(std::string_view host);

/// Returns where a call of "service://NAME/path?query" goes at an instance: its URL, with that path and query behind it.
std::string UrlAt(std::string_view instance_url, std::string_view url);

/// Is it a service's name: [a-z0-9][a-z0-9.-]{0,99}?
bool IsServiceName(std::string_view text);
/// Is it the id of an instance, or the name of a pool: 1 to 100 of [A-Za-z0-9._:-]?
bool IsInstanceId(std::string_view text);

}  // namespace notifyd
