// What gives memory back where that is full: what is ready in lanes that cannot start goes to their tails on disk, attempted heads too, as much as it
// takes, so that there is room for what can be sent. And the way back of a head: with its lane's turn. See broker/core_lanes.cc for how a lane sleeps
// and who wakes it; what waits for its caller's share sleeps without a turn, and is found here again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
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

  /// Lists the lane, where it is in a list, at the host of what it sends next, whichever the first was that went to its tail. `host` empty: as it is.
  void MoveToHost(Lane* lane, const std::string& host);
  /// The page of sleepers at that host that is there now was asked for by this: it goes on behind `next`, where there are more. False: it was not.
  bool TakePage(const std::string& host, std::optional<uint64_t> next);
  /// Of what waits at the host for its callers' shares, no more stays in memory than counts for nothing there (WaitingAt): it would keep others from
  /// being woken.
  void Trim(Host* host);
  /// Returns whether the lane, which is on disk, has no turn because it waits for that caller's share.
  bool IsApart(const std::string& caller, const Lane& lane) const;

  void CheckInvariants() const;
  /// Returns whether a lane that sleeps there without a turn will be looked for.
  bool LooksFor(const std::string& host, uint64_t order) const;

 private:
  /// What of a lane may go.
  struct Cut {
    bool any = false;
    size_t keeps = 0;   // so many of its queue stay
    bool head = false;  // its attempted head goes, too, once all of its queue has
    bool in_turn = true;
    bool of_share = false;  // it waits for its caller's share
  };
  bool IsFull() const { return core_.LoadedWeight() >= core_.limits_.max_loaded; }
  bool MayRun() const { return !core_.stopping_ && !core_.holding_ && core_.switches_.known && core_.journal_.IsWritten(batch_); }
  size_t Excess() const;
  Cut CutOf(const Lane& lane) const;
  size_t Shed(Lane* lane, size_t most);
  void Remember(const std::string& caller, const std::string& host, uint64_t order);
  void LookApart();
  size_t PlacesOf(const std::string& caller, const Host& host);
  void WakeApart(const std::string& caller, Host* host, uint64_t order, size_t most);

  Impl& core_;
  std::list<Lane*> lanes_;              // that have something waiting in memory, by when one of it started last
  std::vector<Lane*> asked_;            // whose heads are to be fetched
  std::optional<uint64_t> full_since_;  // memory is full, and was once this had been decided
  bool sheds_ = false;                  // from when it stayed full over a write until it is pressed no more
  uint64_t batch_ = 0;                  // what was shed stays in memory until this is written
  size_t looked_ = 0;                   // so many, one after another, could not be shed
  MonoTime next_round_;                 // once that is all of them
  // Where lanes sleep that wait for their callers' shares, by caller and host: the least order of those. They have no turn at their hosts, where each
  // would be read in vain, over and over; and keep it from nobody.
  std::map<std::pair<std::string, std::string>, uint64_t> apart_;
  std::pair<std::string, std::string> looked_at_;  // the last of them that was looked at
  std::map<std::string, std::string> pages_;       // under way, by host: of which caller
  std::map<std::string, uint32_t> started_;        // attempts of callers that have such, since one of those was woken beside what waits in memory
  MonoTime next_look_;                             // at them
  bool forgets_ = false;                           // there are more than it remembers: all lists are gone through anew
  MonoTime next_anew_;                             // then
};

}  // namespace notifyd
