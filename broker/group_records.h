// GroupRecord: what is kept of a group of notifies (contract section 13): what was asked for, how far it has come, and the outcome of each member,
// which outlives the member. Its stored encoding: docs/storage-format.md. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"
#include "broker/notify.h"

namespace notifyd {

inline constexpr size_t kMostGroupMembers = 1000;
/// NotifyState::reason of one that its group cancelled when another had failed.
inline constexpr const char* kGroupFailed = "group_failed";

/// What became of a member. While `phase` is none of a settled one it has no outcome, and the rest of the first five says nothing.
struct GroupMember {
  Phase phase = Phase::kWaiting;
  uint16_t status = 0;  // of the last answer; 0: there was none
  uint32_t attempts_made = 0;
  WallTime settled_at;
  std::string reason;
  /// From its release on, where its group is sequential; nothing for others.
  When when, ttl;
  /// It was settled, and sent again by hand: then it is on its own, and no failure of another cancels it. Says nothing of a settled one.
  bool revived = false;
  /// It was sent again, too, but its group has been asked to end since; or it is revived. So an outcome of it may be one from before that.
  bool sent_again = false;
  bool settled() const { return IsSettled(phase); }
};

/// The notifies of a group have the ids that follow its own, in their order.
struct GroupRecord {
  WallTime created_at;
  WallTime settled_at;  // when all of them were settled for the first time; its epoch: they never were
  std::string caller;
  bool cancel_rest = false;  // on_failure
  bool sequential = false;
  bool stopped = false;              // what waits is cancelled, by request or by on_failure
  bool keeps = false;                // the answer of some member is kept (FlowFields::keep_response_bytes)
  uint32_t released = 0;             // sequential: so many, from the first on, had their turn
  NotifyId callback_id;              // the notify that told of its end; 0: none did
  std::optional<Callback> callback;  // notify_url is empty
  std::shared_ptr<const Labels> labels;
  std::string via;           // the chain of the request that made it
  std::string trace_parent;  // as Envelope::trace_parent
  std::vector<GroupMember> members;

  bool was_settled() const { return settled_at.ms != 0; }
  size_t pending() const;
};

inline NotifyId MemberOf(NotifyId group, size_t place) {
  return {group.value + 1 + place};
}

/// Of those that wait for their turn, behind the one that has it and is due at `due`: which would be due before `before`, if each ended at the moment
/// at which it is due. Of one that was sent again by hand, and of what waits for that, nothing is said. The group must be sequential.
std::vector<NotifyId> DueInTurnBefore(NotifyId group, const GroupRecord& record, WallTime due, WallTime before);

/// Key of kind kGroup.
std::string GroupKey(NotifyId group);
/// The id in such a key.
NotifyId GroupOfKey(std::string_view key);

/// Version byte first.
std::string EncodeGroup(const GroupRecord& group);
/// Error: kCorrupt.
Result<GroupRecord> DecodeGroup(std::string_view bytes);

/// An item of the agenda: what became of a member. Its first byte is kGroupAgenda, its second kGroupOutcome; the group's id follows.
struct GroupOutcome {
  NotifyId group;
  uint32_t place = 0;
  GroupMember member;
};
inline constexpr uint8_t kGroupAgenda = 1;
inline constexpr uint8_t kGroupOutcome = 1, kGroupAdvance = 2;
/// So many bytes of an item say its kind and its group.
inline constexpr size_t kGroupItemHead = 10;
std::string EncodeOutcome(const GroupOutcome& outcome);
std::optional<GroupOutcome> DecodeOutcome(std::string_view bytes);
/// The item that lets a group go on: its next member, or the end of what waits. `by_request`: somebody wants that end, so nothing need have failed.
std::string AdvanceItem(NotifyId group, bool by_request);

}  // namespace notifyd
