// The core's part of lanes that are paused until some time (contract section 3, paused_until). Included by broker/core*.cc alone. See core_impl.h.
//
// They stand in the namespace's switches, all of them in memory, with when. That a lane is paused its settings say; both are written in one batch.
// The time follows the wall clock, as due times do.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::PausePart {
 public:
  explicit PausePart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, LanePauseOver& r);

  /// Says in `settings`, which have the lane's pause as the request makes it, since when, by whom and why. One that is paused already keeps since
  /// when.
  void Note(const Lane& lane, const LaneChangeRequest& request, LaneSettings* settings) const;
  /// For settings of a lane that pauses now.
  static PauseNoteRef NoteOf(PauseNote note) { return {std::make_shared<const PauseNote>(std::move(note))}; }
  /// Of one that pauses with a subscription. The words are what such a pause is known by, also in a store of before: never change them.
  static PauseNoteRef NoteOfSubscription(WallTime since, const std::string& by, const std::string& subscription);
  /// Is the lane paused with subscriptions, and by nobody and nothing else? Then it goes on with them.
  bool IsOfSubscription(const Lane& lane) const;

  /// The lane's settings hold from now on, if they are others than those that do.
  void ChangeSettings(Lane* lane, const LaneSettings& settings);
  /// What a change of them says of the time. Error: too many lanes are paused until some time.
  Status ChangeEnd(const Lane& lane, const LaneSettings& settings, const LanePatch& patch);
  /// Puts or takes away (kWallNever) the time. Returns false, and does nothing, where there would be too many. The switches must be known.
  bool PutEnd(const LaneKey& lane, WallTime until);
  WallTime EndOf(const LaneKey& lane) const;

  /// Says of a notify whose lane is paused by whom that is, its subscription, somebody else or both, and when it goes on by itself.
  void Explain(const Entry& entry, const Lane& lane, Explained* out) const;

  /// In each turn: begins to resume those whose time has come.
  void Fire();
  /// When it wants a turn; kWallNever: it does not.
  WallTime NextEnd() const { return core_.stopping_ || core_.closed_ ? kWallNever : next_end_; }
  bool MayRest() const { return ending_.empty(); }
  /// The switches are known, or are others.
  void FindNextEnd();

 private:
  std::string Said(const Lane& lane) const;

  Core::Impl& core_;
  std::set<LaneKey> ending_;        // whose resume is under way
  WallTime next_end_ = kWallNever;  // of those whose resume is not
};

}  // namespace notifyd
