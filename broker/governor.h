// Governor: lends what the cores of a broker share, calls in flight and loaded notifies, by events into them and reports out of them, so that each
// core stays pure. It knows numbers of namespaces and amounts: no notify, no core. It reads no clock. Not thread-safe. Contract section 7,
// "fairness".
//
// What is lent to a core it may use up; what is taken back counts until the core says that it works under the new grant and uses no more than that.
// Who wants more gets up to 8 times what stays free (dynamic thresholds, Choudhury and Hahne 1998): one that wants all gets 8/9 of it, two 8/17 each,
// and so on; who has more than that as others come gives it back. A reserve beyond that is for those who have nothing. A namespace that is alone has
// all. I1: what counts as lent, in all, is within the cap (but where the cap was lowered, or memory is used beyond its grant by what was in flight
// already). I2: who wants more and has nothing gets something as soon as there is anything, before those who have some; where there is nothing, the
// one who has had the most, longest, gives some back. I3: who wants no more is left what he uses, while others wait. Each call costs O(log n) for n cores that are awake; one that
// sleeps is not known here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "broker/events.h"
#include "broker/limits.h"

namespace notifyd {

/// Whether the governor needs to hear of `now`, given what it was told last. What changes all the time and decides nothing need not be reported.
bool IsWorthReporting(const CoreUsage& told, const CoreUsage& now);

class Governor {
 public:
  struct Caps {
    uint32_t in_flight = 0;
    size_t loaded = 0;
  };
  /// To be given to the core, before whatever comes for it later.
  struct Lent {
    NamespaceNumber to = 0;
    GrantChanged grant;
  };
  using Out = std::vector<Lent>;

  explicit Governor(Caps caps) : in_flight_(caps.in_flight), loaded_(caps.loaded) {}

  /// What there is in all, as the settings say now.
  void SetCaps(Caps caps, Out* out);
  /// Whether there are namespaces beside `default` and `system`, be they awake or not. Only where there are none one of them may have all.
  void SetShared(bool shared, Out* out);
  /// A core is made, and has nothing: what it gets must reach it before its first turn. `max_in_flight`: its own limit.
  void Join(NamespaceNumber number, uint32_t max_in_flight, Out* out);
  /// A known one's own limit changed.
  void SetLimit(NamespaceNumber number, uint32_t max_in_flight, Out* out);
  /// A known one says what it uses.
  void Report(NamespaceNumber number, const CoreUsage& usage, Out* out);
  /// It is asleep or removed: nothing of it is in flight or loaded any more.
  void Gone(NamespaceNumber number, Out* out);

  /// What counts as lent, in all.
  uint64_t lent_in_flight() const { return in_flight_.charged(); }
  uint64_t lent_loaded() const { return loaded_.charged(); }
  void CheckInvariants() const;

 private:
  /// One core's share of one resource.
  struct Share {
    NamespaceNumber number = 0;
    uint64_t sent = 0;     // what was lent last
    uint64_t charged = 0;  // what counts: the most that it may use until it says otherwise
    uint64_t limit = 0;
    uint64_t used = 0;   // as reported
    uint64_t since = 0;  // orders those that have as much
    uint64_t given = 0;  // reports that had come when it was last given more
    bool wants = false;
    bool current = false;  // it works under what was sent last
    // As it stands in the lender's sets.
    bool hungry = false, holds = false, idle = false;
    uint64_t at_sent = 0, at_since = 0;
  };
  /// One resource.
  class Lender {
   public:
    explicit Lender(uint64_t cap) : cap_(cap) {}
    void SetCap(uint64_t cap) { cap_ = cap; }
    void SetAlone(bool alone) { alone_ = alone; }
    void Join(Share* share);
    void Leave(Share* share);
    void SetLimit(Share* share, uint64_t limit);
    /// `current`: it works under what was sent last.
    void Report(Share* share, bool current, uint64_t used, bool wants);
    /// Lends, or takes back, in one step. Returns whose grant is another now; null where nothing is to be done.
    Share* Step();
    uint64_t charged() const { return charged_; }
    uint64_t cap() const { return cap_; }
    void Check(uint64_t charged, uint64_t sent) const;

   private:
    using Order = std::set<std::tuple<uint64_t, uint64_t, Share*>>;
    static constexpr int64_t kWeight = 8;
    /// Who was given more uses it only after a while (what is on disk must be read first): it is not idle before so many reports came, of anybody.
    static constexpr uint64_t kReportsToUse = 64;
    uint64_t Reserve() const { return alone_ ? 0 : std::max<uint64_t>(cap_ / 64, 1); }
    /// What one that has nothing gets at first. `system` gets more: alerts are told when others have all, and some of those who are told may hang.
    uint64_t First(const Share& of) const { return std::max<uint64_t>(cap_ / (of.number == kSystemNumber ? 16 : 256), 1); }
    int64_t Free() const { return static_cast<int64_t>(cap_) - static_cast<int64_t>(charged_); }
    /// As Free, once all that was taken back is there.
    int64_t FreeSoon() const { return static_cast<int64_t>(cap_) - static_cast<int64_t>(sent_); }
    /// Returns what one that has `has` may have where so much is free beside that: then kWeight times what is left free.
    static int64_t FairOf(uint64_t has, int64_t free) { return kWeight * (static_cast<int64_t>(has) + free) / (kWeight + 1); }
    /// What an idle one is left though others wait, so that it need not ask for each of the few things that it does: a 64th of all there is, and a
    /// 32nd for all idle ones together.
    uint64_t Kept() const { return std::min(cap_ / 64, cap_ / 32 / std::max<size_t>(idle_.size(), 1)); }
    /// A change of so little is not worth its messages.
    static bool IsTooLittle(uint64_t of, int64_t change) { return change < std::max<int64_t>(static_cast<int64_t>(of) / 64, 1); }
    void Unlist(Share* share);
    void List(Share* share);
    void Charge(Share* share, uint64_t charged);
    void Send(Share* share, uint64_t amount);
    Share* Give();
    Share* TakeBack();
    Share* TakeBackIdle();

    uint64_t cap_;
    bool alone_ = false;
    uint64_t charged_ = 0, sent_ = 0;  // of all
    uint64_t next_since_ = 1;
    uint64_t reports_ = 0;
    Order hungry_;   // that want more: by what they have, then who came first
    Order holders_;  // that have something: the last one has the most, of those the one who has had it longest
    Order idle_;     // of those: that use little of it and want no more
  };
  struct Core {
    uint64_t number = 0;  // of its last grant
    uint64_t sent_in_flight = 0, sent_loaded = 0;
    Share in_flight, loaded;
  };

  Core& At(NamespaceNumber number);
  void ReviewAlone();
  /// Takes so many steps at most of each resource; the rest comes with the calls that follow: each change is answered by a report.
  void Settle(size_t steps, Out* out);
  void Tell(NamespaceNumber number, Core* core, Out* out);

  std::map<NamespaceNumber, Core> cores_;
  Lender in_flight_, loaded_;
  bool shared_ = false;
  uint64_t next_number_ = 1;  // of all grants: one that was under way when its core ended is older than any that the next core gets
};

}  // namespace notifyd
