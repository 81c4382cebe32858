// MemberTeller: takes words (broker/member_word.h, broker/alert_report.h) to other members, over the connections that MemberClient keeps. Repeats
// nothing. On one loop, on its thread. Contract section 22: an orderly hand-over waits for no periodic look.
//
// I1  Of what is told, `then` is called once; not where the teller ends first.
// I2  What is under way to one member is bounded: one that does not answer costs no more than that.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/alert_report.h"
#include "broker/member_word.h"
#include "net/cluster/meant_member.h"
#include "net/cluster/member_client.h"
#include "net/cluster/word_figures.h"

namespace notifyd {

class MemberTeller {
 public:
  /// A word that is not answered by then is lost: whoever it was for looks by itself by then.
  static constexpr int64_t kAnswerMs = 1'000;
  static constexpr size_t kMostUnderWay = 16;  // to one member
  static constexpr int kTaken = 204;           // the status of a word that was taken

  /// Both are borrowed, and outlive it.
  MemberTeller(MemberClient* client, WordFigures* figures);
  ~MemberTeller();

  /// `to`: who is at the address. `then`: whether it was taken. It may be called from inside.
  void Tell(const std::string& address, const MeantMember& to, const MemberWord& word, std::function<void(bool)> then);
  /// `then`: the status of the answer, 204 where it was taken; 0: there is none.
  void Tell(const std::string& address, const MeantMember& to, const AlertReport& report, std::function<void(int)> then);

 private:
  class Call;
  void Send(const std::string& address, std::string_view target, std::string body, std::function<void(int)> then);
  void End(uint64_t number, int status);

  MemberClient& client_;
  WordFigures& figures_;
  std::unordered_map<uint64_t, std::unique_ptr<Call>> calls_;
  std::unordered_map<std::string, size_t> under_way_;
  uint64_t sequence_ = 0;
};

}  // namespace notifyd
