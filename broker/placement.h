// Placement: at which of several brokers each namespace is to be, as whoever leads them decides it. Pure: no clock, no store. Contract section 23.
//
// I1 what is nowhere, or at a member that is gone, is placed at once, and so is what has to be where the leader is. What is at a member that stops
//    goes at once, too, unless all do; nothing is given to such a one while there is another.
// I2 all else moves one at a time, at most one in `every_ms`, and none for `quiet_ms` after a start: the leader's, or that of a member that joined.
// I3 what is drained is emptied first. Then a move is made only where the heaviest and the lightest member are apart by a good part of what one
//    has on average, and makes no other one nearly as heavy: so a load that stays about as it is comes to rest.
// I4 a member that most others do not reach (broker/reach.h) is given nothing as long as that is so. Once it was so for `cut_ms` it is emptied as one
//    that is drained, and is given nothing again before it was reached for `back_ms`: what comes and goes moves nothing.
// I5 one that falters (it does not renew its lease, so most likely it does not reach the store, and takes nothing) is given nothing as long as there
//    is another one. What it serves stays there until it is gone; what is placed there and nobody serves is placed anew at once.
// I6 what lies in a cell of the store that a member does not know is not placed there as long as there is one to be given something who knows it, and
//    goes to such a one at once. Nor is one emptied of it for such a member.
// I7 the same views at the same times lead to the same moves.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/reach.h"

namespace notifyd {

struct PlacementRules {
  int64_t every_ms = 1'000;
  int64_t quiet_ms = 10'000;
  int64_t rest_ms = 60'000;  // one that was moved for its load stays for so long
  uint64_t slack_share = 8;  // members that differ by less than this part of the average load are even
  int64_t cut_ms = 5'000, back_ms = 30'000;
};

/// One that is alive.
struct PlacementMember {
  std::string name;
  bool draining = false;
  bool leaving = false;  // it stops, and hands over all that it serves
  Reach reach = {};      // as it says
  bool falters = false;  // it has not renewed its lease for longer than one that reaches the store takes
  std::optional<std::set<std::string>> cells = {};  // of the store, beside the home cell, that it knows; nothing: it did not say, and may know any
};

struct PlacedNamespace {
  NamespaceNumber number = kDefaultNumber;
  std::string at;            // where it is placed; empty: nowhere yet
  uint64_t load = 0;         // beside what each namespace weighs by itself, which is 1
  bool with_leader = false;  // it has to be where the leader is
  bool served = true;        // somebody who is alive has it
  std::string cell = {};     // of the store, in which it lies; empty: the home cell
};

/// As the leader sees it.
struct PlacementView {
  std::string leader;
  std::vector<PlacementMember> members;     // that are alive, the leader among them, each once
  std::vector<PlacedNamespace> namespaces;  // all, each once
};

struct PlacementMove {
  NamespaceNumber number = kDefaultNumber;
  std::string from;  // empty: nowhere
  std::string to;
  bool at_once = false;  // nobody served it
};

class Placement {
 public:
  explicit Placement(MonoTime started, PlacementRules rules = {}) : rules_(rules), quiet_until_{started.ms + rules.quiet_ms} {}

  /// What is to be placed anew now. The caller shows it as `at` from then on.
  std::vector<PlacementMove> Decide(MonoTime now, const PlacementView& view);
  /// Members that are emptied, or kept empty, since the others did not reach them.
  std::set<std::string> cut_off() const;

 private:
  struct Weights;
  struct Doubt {
    bool found = false;  // in the last view most others did not reach it
    MonoTime since;      // so long it is as `found` says
    bool cut = false;
  };
  void NoteReach(MonoTime now, const PlacementView& view);
  void NoteMembers(MonoTime now, const PlacementView& view);
  bool Drain(const PlacementView& view, Weights* weights, PlacementMove* move) const;
  bool Even(MonoTime now, const PlacementView& view, const Weights& weights, PlacementMove* move) const;

  const PlacementRules rules_;
  std::set<std::string> known_;  // members that were there in the last view
  bool seen_ = false;
  MonoTime quiet_until_, next_at_;
  std::map<NamespaceNumber, MonoTime> moved_at_;  // for their load
  std::map<std::string, Doubt> doubts_;           // of members of the last view
};

}  // namespace notifyd
