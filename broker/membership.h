// Membership: what one of several brokers on one store does about the others, and about what is placed at it. Each has a lease of its own, on a row
// of its own (broker/ownership.h keeps that), and units of the store (a namespace, or the registry) belong to a member by the incarnation under which
// it has its lease. Whoever has the registry leads. Pure: it is told what the store says, and says what to ask of it. Contract sections 22 and 23.
//
// I1 a unit is asked for only where its owner is nobody, or a member whose row says that it is gone. The store looks at that once more.
// I2 a member's row says that it is gone where it gave it back, or where another one buried it: as it was seen, once it was not renewed for a
//    lease and a tenth by that one's own clock, so its own lease is over by then. That is counted from when its last renewal was seen, or from when
//    it told of it: both are later than the moment from which it counts its lease itself.
// I3 what is left is served by nobody here before it is released, and released by the epoch that was seen last, so that no release that comes late
//    takes what was acquired again since.
// I4 who may not act serves nothing, whatever this says.
// I5 nobody who is not to lead (UnfitToLead) takes the registry before those who are had their time for it (LeadTimes): one that is alive by its
//    row may be one that does not reach the store, and better anybody leads than nobody. Who leads and is not to gives it up only while another one
//    who is to renews its lease; not again soon where nobody took it; and once what it wrote as the leader is written, so that nobody takes it from
//    one who still acts.
// I6 nothing is given up for a member that does not renew its lease (Renews), nor is anything placed there (Falters) while there is another one: it
//    may be one that does not reach the store, and takes nothing until another one has what is placed at it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/ownership.h"
#include "broker/placement.h"
#include "broker/places.h"
#include "broker/reach.h"

namespace notifyd {

/// Of the store's units: the registry; a namespace's is its number.
inline constexpr int64_t kRegistryUnit = -1;

struct MemberRow {
  std::string name;
  std::string address;  // HOST:PORT at which other members reach it
  std::string version;  // of its program
  OwnerWord word;       // free: it is gone
  bool draining = false;
  Reach reach = {};  // as it says itself
  std::optional<std::set<std::string>> cells = {};  // that its settings name, likewise; nothing: it did not say
  std::optional<int64_t> clock_ahead_ms = {};       // of the store's clock, likewise
  MemberAt at() const { return {name, address, word.incarnation}; }
};

struct UnitRow {
  int64_t unit = 0;
  uint64_t epoch = 0;       // 0: nobody ever had it
  Incarnation owner;        // whose it is, unless that one is gone; zero: nobody's
  std::string placed = {};  // the member that is to have it; empty: nobody yet
  uint64_t load = 0;        // as its owner said last: PlacedNamespace::load
};

/// What the store says at one time.
struct ClusterImage {
  std::vector<MemberRow> members;  // by name
  std::vector<UnitRow> units;      // by unit: those that were owned once, or are placed
  uint64_t registry = 0;           // one more with each change of tokens and settings of namespaces
};

struct LeadTimes {
  int64_t fit_first_ms = 2'000;  // after it was seen that nobody leads only who is to lead takes the registry, then any
  int64_t anyway_ms = 10'000;    // whoever took it so gives it up to nobody for so long: those for whom it would be did not come
};

class Membership {
 public:
  explicit Membership(std::string name, LeaseTimes times = {}, LeadTimes lead_times = {})
      : name_(std::move(name)), times_(times), lead_times_(lead_times) {}

  /// A member said at `now` itself what the store had confirmed to it: its lease is not counted from the next look, which is later. Of what was said
  /// before a look was asked for this is called first: what the store then says counts, also where it is older (a fail-over that lost something).
  void Heard(MonoTime now, const std::string& name, const OwnerWord& word);
  /// The answer to a look is there, at `now`. `own`: under which it has its lease.
  void Seen(MonoTime now, const Incarnation& own, ClusterImage image);
  /// Those that were not renewed for too long, as they were seen.
  std::vector<MemberRow> ToBury(MonoTime now) const;
  /// When the first of them is, unless it is renewed.
  MonoTime NextBurial() const;
  /// What is to be had, and nobody has. The registry among it where nobody leads, and this one is to, or nobody is who takes it.
  std::vector<int64_t> ToAcquire() const;
  /// What is served here, and is to be at another one that is alive, and renews its lease. Not what `stranded` (empty: nothing) says of: let go of
  /// it would be served by nobody for as long as a database is away; here it is refused in words.
  std::vector<int64_t> ToLeave(const std::function<bool(int64_t unit)>& stranded = {}) const;
  /// It leads, and another one is to, which is there: as most others do not reach it, which is so for long (`cut_off`), or as it is drained, and
  /// emptied by now. `leaving`: members that stop, by name: nothing is given up for them.
  bool ToYield(bool cut_off, const std::set<std::string>& leaving) const;
  /// What is one's own, is not served, and is to be at another one: as it was seen. The registry among it once it was left.
  std::vector<UnitRow> ToRelease() const;
  /// For whoever leads: `namespaces`, and whether they are to be where the leader is, with all that was seen of them and of the members. `leaving`:
  /// members that stop, by name.
  PlacementView View(std::vector<PlacedNamespace> namespaces, const std::set<std::string>& leaving) const;
  /// Something is on its way, here or between others: the store is to be looked at soon.
  bool moving() const;

  /// The store gave it: it is served from now on.
  void Acquired(int64_t unit);
  /// It is served no more; what is under way of it ends.
  void Leave(int64_t unit);
  /// All of it has ended, and is durable.
  void Left(int64_t unit) { held_.erase(unit); }

  bool Serves(int64_t unit) const;
  bool leads() const { return Serves(kRegistryUnit); }
  /// Who has it as of the last look, unless that one is gone: null.
  const MemberRow* OwnerOf(int64_t unit) const;
  const MemberRow* OwnerOf(const UnitRow& unit) const;
  /// Null: there is none, or it is gone.
  const MemberRow* FindAlive(const std::string& name) const;
  const ClusterImage& image() const { return image_; }
  /// For how long its row has been the same.
  int64_t AgeMs(MonoTime now, const std::string& name) const;

  /// A renewal of its lease was seen after `since`, or told of: it reached the store then.
  bool RenewedAfter(MonoTime since, const std::string& name) const;

  /// As of the last look; null: there is none.
  const UnitRow* Find(int64_t unit) const;

 private:
  /// By name: whom most others do not reach, and who is drained. Not all: then the drained may, too.
  std::set<std::string> UnfitToLead(const std::set<std::string>& leaving = {}) const;
  struct Sight {
    OwnerWord word;
    MonoTime since;
  };
  bool IsFor(const UnitRow& unit) const;
  /// As of the last look: nobody has the registry, or this one, which does not hold it.
  bool NobodyLeads() const;
  /// Who is to lead had its time for it.
  bool MayAnyLead() const;
  /// In that look it was seen to renew its lease in time, so it reaches the store.
  bool Renews(const std::string& name) const { return AgeMs(seen_at_, name) < times_.renew_ms; }
  /// It did not for so long that it is not just that a renewal came late, or was seen late: most likely it does not reach the store.
  bool Falters(const std::string& name) const { return AgeMs(seen_at_, name) >= times_.renew_ms + times_.renew_ms / 2; }

  const std::string name_;
  const LeaseTimes times_;
  const LeadTimes lead_times_;
  Incarnation own_;
  ClusterImage image_;
  std::map<std::string, Sight> sights_;
  std::map<int64_t, bool> held_;  // whether it is being left
  MonoTime seen_at_;              // the last look
  struct Vacancy {
    uint64_t epoch = 0;  // of the registry
    MonoTime since;
  };
  std::optional<Vacancy> vacancy_;        // while nobody leads
  std::optional<MonoTime> leads_anyway_;  // since when: it leads, and was not to when it took that
};

}  // namespace notifyd
