// SharedCaps: lends what a rule of the file allows at one host to all namespaces together (contract section 7, `shared`), as the governor lends what
// the broker's cores share: by events into them and reports out of them, so that each core stays pure. It knows numbers of namespaces, hosts and
// amounts. It reads no clock. Not thread-safe.
//
// Calls at once are lent whole: who wants more gets it while some are free, the one with the least first; where none are, what lies idle is taken
// back, then from the one who has the most. Where there are fewer than namespaces that want one, they take turns. A rate is lent in equal parts to
// those that have anything for the host.
// I1: what counts as lent of a host, in all, is within its cap (but where that was lowered, or a rule became a shared one under calls in flight):
//     what is taken back counts until the core says that it works under the new grant and uses no more than that.
// I2: while one that wants some waits, nothing lies free, and nobody has two more than it but while that is on its way back.
// A call costs O(log n) for n namespaces at the host; one by which such a one comes or goes costs O(n) where there is a rate.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.h"

namespace notifyd {

/// What a core may do at a host of a shared rule, from now on.
struct SharedGrant {
  std::string host;
  uint64_t joined = 0;       // SharedUse::joined of the one that it is for; any other drops it
  uint64_t number = 0;       // of this grant; each is higher than those before it
  uint32_t concurrency = 0;  // calls at once; UINT32_MAX where the rule says nothing of them
  double rate_per_s = 0;     // 0: the rule says nothing of it
  bool alone = true;         // nobody else has any part of that rate
  bool operator==(const SharedGrant&) const = default;
};

/// What a core has at such a host.
struct SharedUse {
  std::string host;
  uint32_t rule = 0;         // HostRule::place
  uint64_t joined = 0;       // tells this time that the core has the host from those before
  uint32_t concurrency = 0;  // what the rule says for all together; 0: nothing
  double rate_per_s = 0;     // likewise
  uint64_t grant = 0;        // SharedGrant::number of the last one that it took
  uint32_t in_flight = 0;
  bool wants = false;  // something waits there for the grant alone
  bool gone = false;   // it has nothing for the host any more
  bool operator==(const SharedUse&) const = default;
};

class SharedCaps {
 public:
  struct Lent {
    NamespaceNumber to = 0;
    SharedGrant grant;
  };
  using Out = std::vector<Lent>;

  void Report(NamespaceNumber number, const SharedUse& use, Out* out);
  /// It is asleep or removed.
  void Gone(NamespaceNumber number, Out* out);
  /// Returns what counts as lent of a host, in all.
  uint64_t lent(const std::string& host) const;
  void CheckInvariants() const;

 private:
  struct Key {
    std::string host;
    uint32_t rule = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Member {
    NamespaceNumber number = 0;
    uint64_t joined = 0, grant = 0;
    uint32_t sent = 0;     // what was lent last
    uint32_t charged = 0;  // what counts: the most that it may use until it says otherwise
    uint32_t used = 0;     // as reported
    double rate_per_s = 0;
    bool wants = false;
    bool current = false;  // it works under what was sent last
    uint64_t since = 0;    // orders those that have as much
    // As it stands in the pool's sets.
    bool hungry = false, holds = false, idle = false;
    uint32_t at_sent = 0;
    uint64_t at_since = 0;
  };
  using Order = std::set<std::tuple<uint32_t, uint64_t, Member*>>;
  /// One host of one rule.
  struct Pool {
    uint32_t concurrency = 0;
    double rate_per_s = 0;
    std::map<NamespaceNumber, Member> members;
    uint64_t charged = 0, sent = 0;  // of all
    Order hungry;                    // that want more: by what they have, then who came first
    size_t without = 0;              // of those, the ones that have nothing
    Order holders;                   // that have something: the last one has the most, of those the one who has had it longest
    Order idle;                      // of those: that want no more and do not use it all
  };

  static void Unlist(Member* member, Pool* pool);
  static void List(Member* member, Pool* pool);
  static void Charge(Member* member, Pool* pool, uint32_t charged);
  void Send(Member* member, Pool* pool, uint32_t amount);
  /// Lends, or takes back, in one step. Returns whose grant is another now; null where nothing is to be done.
  Member* Step(Pool* pool);
  Member* Give(Pool* pool);
  Member* TakeBack(Pool* pool);
  void Leave(const Key& key, NamespaceNumber number, Out* out);
  void Settle(const Key& key, Pool* pool, Out* out);
  void ShareRate(const Key& key, Pool* pool, Out* out);
  void Tell(const Key& key, const Pool& pool, Member* member, Out* out);

  std::map<Key, Pool> pools_;
  std::map<NamespaceNumber, std::set<Key>> of_;
  uint64_t next_number_ = 1, next_since_ = 1;
};

}  // namespace notifyd
