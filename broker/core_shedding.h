// What gives memory back where that is full: what is ready in lanes that cannot start goes to their tails on disk, attempted heads too, as much as it
// takes, so that there is room for what can be sent. And the way back of a head: with its lane's turn. See broker/core_lanes.cc for how a lane sleeps
// and who wakes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "broker/core_impl.h"

namespace notifyd {

/// All of it is called by its core alone.
class Core::Impl::Shedding {
 public:
  explicit Shedding(Impl* core) : core_(*core) {}
  /// What the lane has waiting in memory has changed.
  void Follow(Lane* lane);
  /// An attempt of it starts.
  void OnStart(Lane* lane);
  /// Looks at some of the lanes, and sheds of those, once all that could start in this turn has.
  void Run();
  /// When it looks again, if nothing else happens.
  MonoTime NextLook() const;

  /// The lane's attempted head, which may be in its tail, is to be fetched: in this turn's end. Until then the lane stays in memory.
  void AskHead(Lane* lane);
  void FetchHeads();
  Handled Handle(Task* task, HeadDue& r);

  void CheckInvariants() const;

 private:
  /// What of a lane may go.
  struct Cut {
    bool any = false;
    size_t keeps = 0;   // so many of its queue stay
    bool head = false;  // its attempted head goes, too, once all of its queue has
    bool in_turn = true;
  };
  bool IsFull() const { return core_.LoadedWeight() >= core_.limits_.max_loaded; }
  bool MayRun() const { return !core_.stopping_ && !core_.holding_ && core_.switches_.known && core_.journal_.IsWritten(batch_); }
  size_t Excess() const;
  static bool HasHead(const Lane& lane) { return lane.head && lane.head->place == Place::kHead; }
  Cut CutOf(const Lane& lane) const;
  size_t Shed(Lane* lane, size_t most);
  void MoveToHost(Lane* lane, const std::string& host);

  Impl& core_;
  std::list<Lane*> lanes_;              // that have something waiting in memory, by when one of it started last
  std::vector<Lane*> asked_;            // whose heads are to be fetched
  std::optional<uint64_t> full_since_;  // memory is full, and was once this had been decided
  bool sheds_ = false;                  // from when it stayed full over a write until it is pressed no more
  uint64_t batch_ = 0;                  // what was shed stays in memory until this is written
  size_t looked_ = 0;                   // so many, one after another, could not be shed
  MonoTime next_round_;                 // once that is all of them
};

}  // namespace notifyd
