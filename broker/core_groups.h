// The core's part of groups: contract section 13. Included by broker/core*.cc alone. See core_impl.h.
//
// A group's record (GroupRecord) has the outcome of each member. It is behind by what the agenda still has: a member that settles adds an item to
// that, in its own batch, and the item is carried out once the record is known. That the record changed may ask for more (the next member of a
// sequential one, the end of what waits), which is an item again. So nothing is lost over a crash, and settling never waits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core_impl.h"
#include "broker/group_events.h"
#include "broker/long_polls.h"

namespace notifyd {

class Core::Impl::GroupPart {
 public:
  explicit GroupPart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, GroupRequest& r);
  /// Carries out an item of the agenda whose first byte is kGroupAgenda.
  Handled Handle(Task* task, AgendaDue& due);

  /// The notify, which has just been settled (`attempt`: by this, or null) or revived, may be a member.
  void OnChanged(const Entry& entry, const AttemptRecord* attempt);
  /// These, whose groups' records are known (NeedGroupOf), have been revived. Their records say so in the same batch: what a group cancels must never
  /// be one whose retry was acknowledged, and the agenda may be late.
  void OnRevived(Task* task, const std::vector<Entry*>& entries);
  /// Asks for the record of its group, where it is a member.
  void NeedGroupOf(Task* task, const Entry& entry);
  /// The notify has given back its place in flight: it may wait again, in a group in which nothing is to wait any more.
  void OnGivenBack(const Entry& entry);
  /// It is held until its group lets it go: nobody else does.
  static bool AwaitsTurn(const Entry& entry) { return entry.state.phase == Phase::kHeld && entry.envelope->fkey.empty(); }
  static const char* kTurnRefusal;
  /// Says why it waits (Explain).
  static std::string ExplainTurn(const Entry& entry);

  // Requests that wait for the end of a group.
  void Forget(RequestId request) {
    polls_.Remove(request);
    waiting_.erase(request);
  }
  /// Answers one of them with what the group is now; does nothing for any other.
  void EndPoll(RequestId request);
  void EndInTime();
  void EndAll();
  MonoTime NextEnd() const { return polls_.NextEnd(); }
  bool IsWaitedFor() const { return polls_.First().has_value(); }
  void AddHeld(HeldKinds* kinds) const { kinds->push_back({"group_waiters", polls_.size()}); }

 private:
  Handled Post(Task* task, const GroupRequest& r, const GroupPost& post);
  Handled Get(Task* task, const GroupRequest& r, const GroupGet& get);
  Handled Cancel(Task* task, const GroupRequest& r, const GroupCancel& cancel);
  Handled List(const GroupRequest& r, const GroupList& list);
  NotifyId Make(const GroupPost& post, GroupRecord* made);
  /// The record of a group that is there, with its slot; null where there is none, or the task must wait (task->missing).
  RecordSlot* Need(Task* task, NotifyId id, GroupRecord* record, bool even_over = false);
  /// Brings the members in `view` up to date with what memory has of them. Returns false where the task must wait for one.
  bool Overlay(Task* task, GroupView* view, bool envelopes);
  Handled Show(RequestId request, GroupView view);
  Handled Answer(Task* task, const GroupRequest& r, GroupView view);
  /// Puts the answers that are kept for members, from `place` on, into the view, as far as there is room for their bodies, and answers with it then.
  void AnswerWithResponses(RequestId request, std::shared_ptr<GroupView> view, size_t place, size_t room);
  Handled Outcomes(Task* task, AgendaDue& due, NotifyId group);
  bool NeedSentAgain(Task* task, NotifyId group, const GroupRecord& record, const std::string& first);
  bool IsOutdated(const GroupOutcome& outcome, const GroupMember& known) const;
  Handled Advance(Task* task, AgendaDue& due, NotifyId group, bool by_request);
  bool NeedWaiting(Task* task, NotifyId group, const GroupRecord& record, bool revived_too, std::vector<Entry*>* waiting, bool* in_flight);
  Handled Done(const AgendaDue& due);
  void Settled(NotifyId id, GroupRecord* record);
  void CallBack(NotifyId id, GroupRecord* record);
  void Release(Entry* entry, const GroupMember& member);
  void DropStopped(NotifyId id);
  void WakePolls(NotifyId id);

  Core::Impl& core_;
  LongPolls polls_;
  std::map<RequestId, std::shared_ptr<const GroupAsk>> waiting_;  // what each asks once its wait is over
  struct Stopped {
    uint64_t serial = 0;
    bool by_request = false;
  };
  /// Groups in which nothing is to wait any more, while a member is in flight: their items of the agenda, which stay until none is.
  std::map<NotifyId, Stopped> stopped_;
};

}  // namespace notifyd
