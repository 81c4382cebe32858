// Turns: who starts the next call. Targets (a host; services come) take turns, and so do the nodes (lanes) that wait at one; who shares what may be
// in flight in all is held to a share of it. Turns knows targets, nodes, the names of callers and caps: no notify, no lane's order, no store. It
// decides who is next; the caller of Next says what that one does. Not thread-safe.
//
// A node that could start a call waits in the ring of its target. A target at its share leaves the round (it is blocked) and comes back when a place
// that it may use is free. A node whose caller is at its share leaves the ring and waits with the others of that caller and target (a Flow); a caller
// that may start one more has its flows take turns, and a flow whose target is at its share waits for that; it has the target's next place, before
// the ring. No turn costs O(nodes), O(targets) or O(callers).
// I1: a node is in one list at most: its target's ring, or a flow's.
// I2: a target where anybody waits in the ring, or a flow waits for it (held), is active, blocked or stopped: it will be looked at.
// I3: a flow is never empty; it waits for its caller's share alone (in one of two lists: its target is idle or busy) or for its target's (held).
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

namespace notifyd {

struct Target;
struct Caller;
struct Flow;
struct RingNode;

/// Nodes in the order in which they take their turns. Intrusive: it owns none.
struct Ring {
  RingNode* front = nullptr;
  RingNode* back = nullptr;
  size_t size = 0;
  void PushBack(RingNode* node);
  void Remove(RingNode* node);
};

/// A part of whoever takes turns. It must not move, nor go away while it waits.
struct RingNode {
  Ring* ring = nullptr;      // that it is in
  Target* target = nullptr;  // at which it waits
  Flow* flow = nullptr;      // set where it waits for its caller's share
  RingNode* prev = nullptr;
  RingNode* next = nullptr;
  bool waits() const { return ring != nullptr; }
};

/// Where calls go: a part of the caller's own structure, which must live until it is idle().
struct Target {
  uint32_t in_flight = 0;
  Ring ring;
  size_t parked = 0;       // further nodes, that wait for their callers' shares
  std::list<Flow*> flows;  // of those that are parked
  std::list<Flow*> held;   // of those: whose callers may go on as soon as the target may
  bool active = false;     // takes part in the round
  bool blocked = false;    // at its share
  // Its own: whoever runs it said that it may have no more than so many, or none now. Where that stops it, it is in no list of Turns; it goes on when
  // one of its calls ends, or that is said otherwise (I2).
  uint32_t cap = UINT32_MAX;
  bool shut = false, stopped = false;
  bool yields = false;  // its next turn goes to those that joined the round after it
  uint32_t blocked_at = 0;
  uint64_t blocked_since = 0;

  /// Turns holds no pointer to it.
  bool idle() const { return in_flight == 0 && ring.size == 0 && parked == 0 && !active && !blocked && !stopped; }
};

/// Who submitted: known while something of it is in flight, or waits for its share.
struct Caller {
  std::string name;
  uint32_t in_flight = 0;
  uint64_t waits_since = 0;     // orders those that have as many in flight
  std::list<Flow*> waiting[2];  // flows that wait for its share alone, in turn: at idle targets, and at busy ones
  std::unordered_map<Target*, std::unique_ptr<Flow>> flows;
};

/// The nodes at one target that wait for one caller's share.
struct Flow {
  Target* target = nullptr;
  Caller* caller = nullptr;
  Ring nodes;
  enum class Waits : uint8_t { kNothing, kIdleTarget, kBusyTarget, kTarget };
  Waits waits = Waits::kNothing;
  std::list<Flow*>::iterator at;         // in the list of those
  std::list<Flow*>::iterator of_target;  // in its target's list of all
};

class Turns {
 public:
  struct Caps {
    uint32_t in_flight = 0;   // in all
    uint32_t per_target = 0;  // at one target
  };
  explicit Turns(Caps caps) : caps_(caps) {}
  /// From the next turn on. Who is blocked under the old caps stays so until ReviewBlocked.
  void SetCaps(Caps caps) { caps_ = caps; }
  /// Lets all blocked targets take part again, so that they are measured by the caps of now.
  void ReviewBlocked();

  /// A target's own cap; and whether it may start none at all.
  void SetCap(Target* target, uint32_t cap);
  void SetShut(Target* target, bool shut);

  // ---- who waits
  /// Puts the node, which waits nowhere, at the end of the target's ring.
  void Join(RingNode* node, Target* target);
  /// As Join, for one whose caller is AtShare: it waits for that, and holds up no other at the target.
  void Park(RingNode* node, Target* target, Caller* caller);
  /// Takes the node out of where it waits. Returns its target; null where it waited nowhere.
  Target* Leave(RingNode* node);

  // ---- the round
  struct Turn {
    RingNode* node;  // null: nobody waited at the target any more
    Target* target;
    bool of_round;  // the target's own turn; else that of a caller
  };
  /// Returns who may start a call now; nothing where none may. `node` must Leave its list before Done, whatever it does; Done must be called for each
  /// Turn before the next Next, and the target must live until then.
  std::optional<Turn> Next();
  void Done(const Turn& turn);

  // ---- calls in flight
  /// Returns the caller of that name. The pointer is good until a Leave, Park or End that leaves it with nothing.
  Caller* CallerOf(const std::string& name);
  /// Returns it where something of it is in flight or waits; else null.
  const Caller* FindCaller(const std::string& name) const;
  void Begin(Target* target, Caller* caller);
  void End(Target* target, Caller* caller);
  uint32_t in_flight() const { return in_flight_; }
  /// A call that has its turn at another target goes to this one, too: it counts here, and nowhere twice.
  void BeginBeside(Target* target);
  void EndBeside(Target* target);
  /// Lets those that are in the round take their turns before it, once.
  void Yield(Target* target) { target->yields = target->active; }
  /// The target bears one more, as far as what was said of it and of all targets goes: its share, which moves with the others, is not asked.
  bool HasRoom(const Target& target) const { return !MustStop(target) && target.in_flight < caps_.per_target; }
  /// As many as may be in flight in all are.
  bool full() const { return in_flight_ >= caps_.in_flight; }
  /// It has as many in flight as it may.
  bool AtShare(const Target& target) const { return MustStop(target) || target.in_flight >= TargetShare(); }
  /// It has as many in flight as it may have at that target.
  bool AtShare(const Caller& caller, const Target& target) const { return caller.in_flight >= CallerShare(target.in_flight > 0); }

  /// Returns how many the caller may begin at that target beyond those that wait for its share there or at others like it.
  size_t PlacesOf(const std::string& caller, const Target& target) const;

  // ---- figures
  /// Something waits that could start a call if more might be in flight in all.
  bool WantsMore() const;
  /// Among how many memory for those who wait is shared: targets in the round or blocked, and flows.
  size_t Contenders() const { return blocked_.size() + active_.size() + flows_; }
  size_t BlockedTargets() const { return blocked_.size() + at_cap_; }
  /// Callers that have something to send, and as much in flight as they may.
  size_t WaitingCallers() const;
  size_t callers() const { return callers_.size(); }
  void CheckInvariants() const;
  void CheckTarget(const Target& target) const;

 private:
  /// Places that are kept for targets with nothing in flight, from targets and from callers alike.
  uint32_t KeptForIdleTargets() const { return caps_.in_flight / 128; }
  uint32_t ShareOf(uint32_t cap, uint32_t weight, uint32_t kept) const;
  uint32_t TargetShare() const { return ShareOf(caps_.per_target, 1, 1 + KeptForIdleTargets()); }
  uint32_t CallerShare(bool busy) const { return ShareOf(caps_.in_flight, 32, 1 + (busy ? KeptForIdleTargets() : 0)); }
  static bool MustStop(const Target& target) { return target.shut || target.in_flight >= target.cap; }
  void Release(Target* target);
  void SetStopped(Target* target, bool stopped, bool shut);
  void GoOn(Target* target);
  void Activate(Target* target);
  void Block(Target* target);
  void Unblock(Target* target);
  void CountCaller(Caller* caller, int change);
  void MaybeDrop(Caller* caller);
  void AwaitShare(Caller* caller);
  void LeaveWaiting(Caller* caller);
  void Put(Flow* flow, Flow::Waits waits);
  void DropFlow(Flow* flow);
  static Flow::Waits WaitsAt(const Target& target) { return target.in_flight > 0 ? Flow::Waits::kBusyTarget : Flow::Waits::kIdleTarget; }
  /// Of the callers whose share allows it, the one with the least in flight goes on. False: there is none; else `turn` is set where its flow may.
  bool NextOfCallers(std::optional<Turn>* turn);

  Caps caps_;
  uint32_t in_flight_ = 0;
  std::deque<Target*> active_;
  // By what they had in flight when they were blocked, and since when: who comes first may go on first.
  std::set<std::tuple<uint32_t, uint64_t, Target*>> blocked_;
  std::set<std::tuple<uint32_t, uint64_t, Caller*>> waiting_[2];  // as Caller::waiting
  std::unordered_map<std::string, std::unique_ptr<Caller>> callers_;
  size_t flows_ = 0;   // of all callers
  size_t at_cap_ = 0;  // targets that their own caps alone stop
  uint64_t next_serial_ = 1;
};

}  // namespace notifyd
