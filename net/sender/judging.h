// Judging: from what came back to what the attempt was, apart from the transfer that it came by: a value that any thread may judge.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/secrets.h"
#include "broker/events.h"
#include "broker/notify.h"
#include "broker/response.h"
#include "net/sender/side_thread.h"

namespace notifyd {

/// Looked at behind what is recorded, so that a UTF-8 sequence which the record's end cuts is seen to be whole.
inline constexpr size_t kSequenceRestBytes = 3;
/// An answer for which more than this must be looked at is judged away from the loop: the most costly so large takes some milliseconds.
inline constexpr size_t kJudgedAtOnceBytes = 64 << 10;

/// An attempt that ended, but for its verdict and what is recorded of the answer.
struct Unjudged {
  /// With verdict, error and detail where `decided`: the answer is not looked at then.
  AttemptEnded ended;
  bool decided = false;
  AnswerPattern expect;
  std::shared_ptr<const Envelope> envelope;  // with the other patterns
  /// The beginning of the answer's body. `whole`: and its end; `cut`: more came, or was to come.
  std::string body;
  bool whole = false, cut = false;
  /// Of an answer that broke off: what it is where what came of it settles nothing, or not all that is recorded of a success came. No error: it did
  /// not break off.
  AttemptResult broken;
  size_t recorded_failure_bytes = 0, recorded_success_bytes = 0;
  SecretValues secrets;  // of the request
  /// What was captured of the answer, as it came; null: nothing.
  std::shared_ptr<Response> response;
  /// Where the last redirect that was followed led: a failure's detail says so. Empty: none was.
  std::string redirected_to;

  /// How many bytes Judge may have to look at.
  size_t bytes() const;
};

/// The verdict, the record and what was captured: without secrets, then cut.
AttemptEnded Judge(Unjudged unjudged);

/// Judges large answers on a thread of its own, which is made when the first one comes, and in the order of SideThread. All calls on the loop's
/// thread.
class JudgeThread {
 public:
  /// `done` runs on the loop for each that was added, unless Drop comes before. `loop` is borrowed. `judge` runs on the other thread.
  JudgeThread(Loop* loop, std::function<void(AttemptEnded)> done, std::function<AttemptEnded(Unjudged)> judge = Judge)
      : done_(std::move(done)), judge_(std::move(judge)), side_(loop) {}

  void Add(Unjudged unjudged);
  /// Forgets all that were added: for none of them `done` runs any more.
  void Drop() { side_.Drop(); }
  /// All that were ever added.
  uint64_t added() const { return side_.added(); }

 private:
  const std::function<void(AttemptEnded)> done_;
  const std::function<AttemptEnded(Unjudged)> judge_;
  SideThread side_;  // ends first: what it works on has the others
};

}  // namespace notifyd
