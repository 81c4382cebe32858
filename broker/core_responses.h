// The core's part of answers: those that are kept, and those that somebody waits for since he submitted (contract section 13, "Results", "Submit and
// wait"). Included by broker/core*.cc alone. See core_impl.h.
// I1: a request in waits_ waits for the end of its notify as one in polls_ does, or it is in shown_ and its notify is read. Nothing else answers it
//     than Waited.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "broker/core_impl.h"
#include "broker/figures_events.h"
#include "broker/response.h"

namespace notifyd {

/// So much of an answer goes to whoever submitted and waits.
inline constexpr size_t kWaitedResponseBytes = 64 << 10;

class Core::Impl::ResponsePart {
 public:
  explicit ResponsePart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, ResponseRequest& r);
  Handled WaitOn(Task* task, RequestId request, const WaitOnAsk& ask);

  /// Reads what is kept of the answer that ended a notify, as of now, and hands it to `then`, in a later turn: null where nothing is kept, or it does
  /// not read. For groups, too, which show it with their members.
  void Read(NotifyId id, std::function<void(std::shared_ptr<const Response>)> then);

  // ---- submit and wait
  /// Lets a submit wait for the end of the notify that it made, or that was there before it. Answers it once `item` is durable: with the settled
  /// notify, or as it is once `wait_ms` are over.
  void Wait(RequestId request, Entry* entry, SubmittedItem item, int64_t wait_ms);
  /// The stop that follows, or is under way, hands the namespace over to another broker. `over`: that is not waited for any longer; where nothing
  /// stops, another broker has handed it over: those who waited there come here in a moment, and find the answers of what has settled by then.
  void HandOver(bool over);
  /// The broker stops: answers whoever waits for the end of a notify with what that is now, but for those whom a broker that hands over lets wait.
  void EndPolls();
  /// Its time is over, or the broker stops: answers with what the notify is now. False: it is none of these requests.
  bool AnswerUnsettled(RequestId request, const Entry& entry);
  /// Answers with the settled notify. False: it is none of these requests.
  bool AnswerSettled(RequestId request, const NotifyView& view);
  /// The settled notify was removed before it was read. False: as above.
  bool AnswerRemoved(RequestId request);
  /// Forgets answers for which nobody comes any more.
  void ForgetEarly();
  /// Returns when there will be some; kMonoNever: none are kept.
  MonoTime NextForget() const { return early_.empty() ? kMonoNever : come_until_; }
  /// Is it a submit that waits, or whose answer is not made yet?
  bool Waits(RequestId request) const { return waits_.contains(request); }
  /// Its client is gone: the notify goes on.
  void Forget(RequestId request) { waits_.erase(request); }

  // ---- attempts
  /// Says how much of its answer the attempt of that notify that starts now is to bring, and for how long that is of use to somebody.
  void SetCapture(const Entry& entry, StartAttempt* start) const;
  /// An attempt ends with this answer: for the notify's end, where that follows in this turn. Null: none came, or nobody asked for it.
  void TakeAnswer(NotifyId id, std::shared_ptr<const Response> response);
  /// That end was carried out.
  void DropAnswer() { answer_ = nullptr; }
  /// The notify is settled by now, but for its record: `attempt` ended it, or is null. Keeps the answer where that was asked for, and what whoever
  /// waits is shown.
  void OnSettling(const Entry& entry, const AttemptRecord* attempt);
  /// Shows the settled notify to `request`, which waited for that.
  void ShowSettled(RequestId request, const Entry& entry);
  /// Up to that batch all is written: what is kept of answers up to there takes no memory any more.
  void OnWritten(uint64_t batch);
  void AddHeld(HeldKinds* kinds) const {
    kinds->push_back({"response_waiters", waits_.size()});
    kinds->push_back({"unwritten_responses", unwritten_.size()});
    kinds->push_back({"early_responses", early_.size()});
  }
  /// What was kept of the answer goes: the notify is sent again, or removed.
  void Remove(const Entry& entry);

 private:
  struct Waiting {
    SubmittedItem item;
    uint64_t batch = 0;  // that makes it durable
    MonoTime until;
    std::shared_ptr<const Response> response;
  };

  static constexpr int64_t kComeMs = 5'000;  // for so long those may come who waited elsewhere
  static constexpr size_t kMostEarly = 256, kMostEarlyBytes = 4 << 20;

  bool Keeps(RequestId request) const;
  bool Awaits() const { return core_.now_.mono < come_until_; }
  void KeepEarly(NotifyId id, std::shared_ptr<const Response> answer);
  std::shared_ptr<const Response> EarlyAnswer(NotifyId id) const;

  Core::Impl& core_;
  std::map<RequestId, Waiting> waits_;
  bool hands_over_ = false;
  MonoTime come_until_{0};
  std::deque<std::pair<NotifyId, std::shared_ptr<const Response>>> early_;  // answers of what settled before whoever waits for it came
  size_t early_bytes_ = 0;
  NotifyId answered_;  // whose attempt ended last, and with what
  std::shared_ptr<const Response> answer_;
  /// Those that are being written, by batch: whoever bounds what answers take in memory counts them as long as they are there.
  std::deque<std::pair<uint64_t, std::shared_ptr<const Response>>> unwritten_;
  std::shared_ptr<NotifyRecord> whole_;  // what settles now, whole, where memory has all of it and somebody waits
};

}  // namespace notifyd
