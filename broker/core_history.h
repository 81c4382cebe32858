// The core's part of what a namespace did, minute by minute, what falls due, and its figures of now (contract section 16).
// Included by broker/core*.cc alone. See core_impl.h.
//
// What is counted goes to the open minute, of the wall clock. Once that is over it is closed: its record, and that of its quarter of an hour as far
// as that has come, are to be saved. They go with the next batch that goes out anyway; where none does for a minute, with one of their own. A
// namespace in which nothing happens writes nothing. What is open is saved as it is before the core sleeps or stops; kill -9 loses a minute of it.
//
// What falls due: each key of a due index counts under its minute and its day, but for what is due at once; the changes of a turn go with its batch
// (I1: after each batch, the count under a minute is how many such keys the indexes have in it).
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core_impl.h"
#include "broker/figures_events.h"
#include "broker/history_records.h"
#include "broker/host_figures.h"

namespace notifyd {

class Core::Impl::HistoryPart {
 public:
  explicit HistoryPart(Core::Impl* core);
  Handled Handle(Task* task, FiguresRequest& r);

  // ---- what happens
  void OnAccepted(const Entry& entry);
  void OnSettled(const Entry& entry);
  void OnStarted(int64_t late_ms);
  /// The attempt of the entry, whose number is still that one's, has ended.
  void OnEnded(const Entry& entry, const AttemptResult& result);
  /// One that went to an instance at that host has: of the figures of how calls there go, beside those of the service. The books of the history have
  /// it once, at the service.
  void OnEndedAt(const std::string& host, const AttemptResult& result) { hosts_.At(host, core_.now_.mono)->Ended(result, core_.now_); }
  /// A key of a due index comes (1) or goes (-1): those of the entry as it is in its index.
  void OnDueKey(const Entry& entry, int change);

  // ---- turns, time and sleep
  /// Closes the open minute where the clock has left it. Before anything of this turn is counted.
  void Roll() {
    if (core_.now_.wall.ms >= minute_begin_ && core_.now_.wall.ms - minute_begin_ < MillisOf(HistoryStep::kMinute)) return;
    CloseMinute();
  }
  /// Last of all that writes in a turn.
  void EndTurn();
  /// Saves what is open, as it is.
  void Save();
  WallTime NextWake() const;
  /// All that was counted is saved.
  bool MayRest() const { return !dirty_ && unsaved_.empty(); }

  // ---- figures
  PendingByState States() const;
  StatsView Stats() const;
  /// Null: it is not known.
  std::shared_ptr<const HostFigures> FiguresOfHost(const std::string& host) const;
  /// The destinations of which something is known, the one that was heard of last first: Destinations::kMost at most.
  bool Remembers(const std::string& host) const { return hosts_.Find(host) != nullptr; }
  const std::list<Destination>& Remembered() const { return hosts_.all(); }
  std::shared_ptr<const HostFigures> FiguresOfInstance(const std::string& service, const std::string& id) const;

 private:
  static constexpr size_t kMostLanesNow = 1000;

  void CloseMinute();
  void Put(HistoryStep step, HistoryOf of, int64_t begin_ms, std::string value);
  /// Makes the records of what is open.
  void PutOpen();
  /// Those of hosts that did most in `span`, as they are stored.
  HostSpans Busiest(SpanCounts OpenCounts::*span) const;
  Destination* HostOf(const Entry& entry);
  void WriteDueChanges();

  /// A history that is being read.
  struct Reading {
    HistoryView view;
    HistoryPoints own;            // what memory has of it
    std::set<std::string> taken;  // the keys of which that is
  };
  Handled Do(Task* task, RequestId request, const NowAsk& ask);
  Handled Do(Task* task, RequestId request, const HistoryAsk& ask);
  Handled Do(Task* task, RequestId request, const DueAsk& ask);
  Handled Do(Task* task, RequestId request, const ProcessReport& report);
  Handled Do(Task* task, RequestId request, const SendPausedAsk& ask);  // core_lane_requests.cc
  Handled Do(Task* task, RequestId request, const WaitOnAsk& ask);      // core_responses.cc, like the next two
  Handled Do(Task* task, RequestId request, const HandOverAsk& ask);
  Handled Do(Task* task, RequestId request, const EndWaitAsk& ask);
  Handled Answer(RequestId request, FiguresAnswer answer);
  bool IsOpen(const HistoryAsk& ask, const std::string& key) const;
  void AddOpen(Reading* reading) const;
  static void AddTo(HistoryPoints* points, const HistoryAsk& ask, int64_t begin_ms, std::string_view value);
  void ReadHistory(RequestId request, std::shared_ptr<Reading> reading, std::string from);
  void ReadBefore(RequestId request, std::shared_ptr<Reading> reading);
  void AnswerHistory(RequestId request, Reading* reading);
  void ReadDue(RequestId request, std::shared_ptr<DueView> view, std::string from, bool days);

  GaugeValues Gauges() const;
  std::optional<int64_t> OldestDueMs() const;
  std::vector<HostNow> HostsNow(size_t most, uint64_t* failing) const;
  std::vector<LaneNow> LanesNow() const;

  Core::Impl& core_;
  Destinations hosts_, instances_;
  SecondCounts seconds_;
  // What is open.
  uint64_t life_;  // of keys: this core's, and another one where the clock steps back
  int64_t minute_begin_, quarter_begin_;
  SpanCounts minute_, quarter_, last_minute_;
  bool dirty_ = false;  // something of the open minute is not saved
  GaugeValues gauges_;  // as they were saved last
  WallTime save_at_ = kWallNever;
  std::map<std::string, StoredRecord> unsaved_;
  const bool found_uncounted_;              // this core found keys that were never counted: the store is of before there were counts
  std::map<int64_t, int64_t> due_changes_;  // of this turn, by the minute in which something falls due
};

}  // namespace notifyd
