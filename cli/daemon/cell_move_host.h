// CellMoveHost: carries out what rows of namespaces say of moves between cells of the store (broker/cell_move.h decides), on a thread of its own: one
// at a time, where this broker has the registry and serves the namespace. Contract section 23, growth.
//
// I1 a namespace stands still only within a step of this thread, or between two of them that follow each other at once.
// I2 it is known by its published row alone what is wanted; what was done before a crash the store says.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/cell_move.h"
#include "broker/cell_store.h"
#include "broker/registry_events.h"

namespace notifyd {

class CellMoveHost {
 public:
  /// Functions are called on its thread; `stood` may be on any.
  struct Setup {
    CellStore* store = nullptr;  // borrowed
    int64_t grace_ms = 0;        // for attempts in flight
    std::function<MonoTime()> now;
    std::function<std::vector<CellWish>()> wishes;                                  // of the published rows
    std::function<bool(NamespaceNumber)> mine;                                      // it is served here, and so is the registry
    std::function<std::string(NamespaceNumber)> cell;                               // where it lies, as published; empty: it is gone
    std::function<void(NamespaceNumber, std::function<void()> stood)> stand_still;  // Shard's, as the next three
    std::function<void(NamespaceNumber)> cut, resume;
    std::function<void(NamespaceMoved)> moved;  // to the registry
  };
  explicit CellMoveHost(Setup setup) : setup_(std::move(setup)) {}
  ~CellMoveHost() { Stop(); }

  void Start();
  /// Rows were published. Any thread, as the next two.
  void Kick();
  /// Nothing begins any more, and what is under way is given up between two steps.
  void Quiesce();
  /// As Quiesce, until Work; `then` on its thread, once nothing of a move is under way. Any thread, as Work.
  void Rest(std::function<void()> then);
  void Work();
  /// Nothing: it does not move, or another member moves it.
  std::optional<CellMoveReport> Report(NamespaceNumber number) const;
  /// Ends the thread, within the time that a step may take. No function is called any more.
  void Stop();

 private:
  struct Moving {
    CellWish wish;
    CellMove move;
    uint64_t keys = 0;
    MonoTime began, stands_since, drained_at;
    std::string waits;  // as was logged
    bool moved = false;
  };
  void Run();
  /// False: nothing is to be done for now.
  bool Round();
  void AnswerRest();
  void Compare();
  void Do(Moving* moving);
  CellMove::Answer Carry(Moving* moving);
  CellMove::Answer Stand(Moving* moving);
  CellMove::Answer Switch(Moving* moving);
  void Finished(const Moving& moving);
  void Show();

  const Setup setup_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool kicked_ = false, quiet_ = false, rests_ = false, ending_ = false;
  std::function<void()> rested_;  // to be called
  std::map<NamespaceNumber, CellMoveReport> shown_;
  std::map<NamespaceNumber, Moving> moves_;  // of the thread
  std::thread thread_;
};

}  // namespace notifyd
