// What is asked of groups and what answers that (contract section 13): GroupRequest's ask, GroupAnswered's answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/effects.h"
#include "broker/events.h"
#include "broker/group_records.h"

namespace notifyd {

/// A new group: all of its notifies are accepted, or none. Answered by a GroupView; refusals of one carry "/notifies/<index>" before the field.
struct GroupPost {
  SubmitRequest submit;         // 1 to kMostGroupMembers items, without fkeys and idempotency keys, as a batch
  std::string caller;           // whose idempotency key it is, and whose callback
  std::string idempotency_key;  // empty: none
  Fingerprint fields;           // set where there is a key, like the next
  Fingerprint fields_1;         // as print version 1 had it (SubmitItem)
  std::optional<Callback> callback;
  std::shared_ptr<const Labels> labels;  // null: none
  bool cancel_rest = false, sequential = false;
  std::string via;           // the request's chain
  std::string trace_parent;  // as Envelope::trace_parent
};
/// What an answer shows a group for.
enum class GroupAs : uint8_t { kSeen, kMade, kDuplicate };
/// Answered by a GroupView, or refused as not found. The last two are the core's own: of whom waited.
struct GroupGet {
  NotifyId id;
  GroupAs as = GroupAs::kSeen;
  bool waited = false;
  bool envelopes = false;  // GroupView::envelopes is wanted
};
/// Cancels those of its notifies that wait. Answered by a GroupView once durable; refused where all are settled (kConflict).
struct GroupCancel {
  NotifyId id;
};
/// Newest first. Answered by a GroupsListed.
struct GroupList {
  size_t limit = 100;  // 1-1000
  NotifyId below;      // only those below this one; 0: from the newest
};
struct GroupAsk {
  std::variant<GroupPost, GroupGet, GroupCancel, GroupList> what;
  int64_t wait_ms = 0;  // GroupPost, GroupGet: until all are settled, so long at most; 0-60,000
};

/// So many of each state, by its number.
using StateCounts = std::array<uint32_t, static_cast<size_t>(State::kExpired) + 1>;

struct GroupView {
  NotifyId id;
  GroupRecord record;         // its members as they are now; none in a list
  std::vector<State> states;  // of its members; empty in a list
  StateCounts counts{};       // of its members; in a list those that are not settled count as ready
  /// The answers that are kept for its members, by place; null where none is, or no more of them are shown.
  std::vector<std::shared_ptr<const Response>> responses;
  std::vector<std::shared_ptr<const Envelope>> envelopes = {};  // of its members, by place, where that was asked for; null where one is gone
  GroupAs as = GroupAs::kSeen;
  bool waited = false;  // wait_ms was asked for
  bool gone = false;    // a duplicate whose group is not there any more: nothing but `id` is known
  bool unchanged = false;  // Reply::unchanged
  bool brief = false;   // there is no room to show more than `id` and whether it is settled
  bool settled() const { return record.pending() == 0; }
};
struct GroupsListed {
  std::vector<GroupView> groups;
  NotifyId next;  // 0: complete
};
struct GroupAnswer {
  std::variant<GroupView, GroupsListed> what;
};

}  // namespace notifyd
