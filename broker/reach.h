// Reach: which of several brokers cannot be reached by most of the others, as they tell it. Who is reached by nobody else serves what it has to those
// clients alone that come to it: so nothing is placed there. Pure. Contract section 23.
#pragma once

#include <map>
#include <set>
#include <string>

namespace notifyd {

/// What a member says of the others.
struct Reach {
  bool told = false;
  std::set<std::string> unreached;  // names of those that did not answer it
};

/// Leaves out, one after the other, whoever is not reached by more than half of those that are left and say something, the least reached first; of
/// several one that the leader does not reach, then one that is not the leader. So of two that do not reach each other the leader stays, of more
/// the larger part, whoever leads. `members`: those that are alive, by name. Returns who was left out, never all.
std::set<std::string> FindCutOff(const std::map<std::string, Reach>& members, const std::string& leader);

}  // namespace notifyd
