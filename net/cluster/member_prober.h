// MemberProber: asks the other members now and then, each over a new connection, whether they answer: so what keeps requests from getting there (a
// certificate that is not theirs, a firewall) is known before there are any. One a process, on one loop. Contract section 23.
//
// I1 a member counts as not reached after kTries probes in a row that failed, and as reached after one that did not.
// I2 one that does not show that it is the member that is meant is not reached: at its address may be another one, or a listener for clients. What is
//    of a release of before, and does not say who it is, shows by its answers that it is a listener for members.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/places.h"
#include "net/cluster/member_client.h"

namespace notifyd {

class MemberProber {
 public:
  static constexpr int64_t kEveryMs = 5'000, kAgainMs = 1'000;
  static constexpr int kTries = 2;

  struct Setup {
    MemberClient* client = nullptr;  // borrowed; that nobody else uses
    /// MeantMember::store of all of them.
    std::function<std::string()> store;
    /// Runs the task once, in so many ms, on the loop; in place of one that still waits.
    std::function<void(int64_t delay_ms, std::function<void()> task)> timer;
    /// Names of the members that are not reached: first once all were probed, then whenever they are others.
    std::function<void(std::set<std::string> unreached)> changed;
    /// A member says that it listens elsewhere than it said before (kListenersHeader); not where it does not say it. May be empty.
    std::function<void(const std::string& member, const std::string& listeners)> listens = {};
  };
  explicit MemberProber(Setup setup);
  ~MemberProber();
  MemberProber(const MemberProber&) = delete;

  /// All there are; the one that is `self` is not probed.
  void SetMembers(const std::vector<Member>& members);

 private:
  class Probe;
  void Look();
  void Tell();

  const Setup setup_;
  std::map<std::string, std::unique_ptr<Probe>> probes_;  // by name
  std::set<std::string> told_;
  bool tells_ = false;  // all were probed once
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace notifyd
