// AlertSampler: once a second gathers the figures that alerts are judged by, and hands them to namespace `system`, where that is done
// (broker/core_alerts.h). Of several brokers each gathers those of what it serves itself, and the one that serves `system` what the others made of
// theirs, too. It runs only while the file has alerts. What cores know it asks them, those of awake namespaces that a rule is about; what
// no core tells for a lane, a caller or a label it counts from the ends of attempts.
//
// The loop's thread, but TakeAttempt, TakeFlow, OnReply, Hear and shown, which are any thread's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/alert_meter.h"
#include "broker/alert_report.h"
#include "broker/figures_events.h"
#include "broker/places.h"
#include "broker/ports.h"
#include "cli/daemon/alert_reports.h"
#include "cli/daemon/published_table.h"
#include "net/loop.h"

namespace notifyd {

class AlertSampler {
 public:
  static constexpr int kTimerSlot = 7;
  static constexpr int64_t kEachMs = 1'000;
  /// RequestId::thread of what it asks: no io thread has it.
  static constexpr uint32_t kThread = kObserverThread;

  /// Borrowed, all of them; functions are called on the loop.
  struct Setup {
    Loop* loop = nullptr;
    Switchboard* switchboard = nullptr;
    const PublishedTable* tables = nullptr;
    const NamespaceBoard* board = nullptr;
    std::function<WallTime()> wall;
    /// Adds what is known of the process, and of the store.
    std::function<void(AlertFigures*)> add_process;
    std::function<void(AlertUnstored)> send_unstored;
    /// Of several brokers: this one's name, and which serves what; null: it is alone. `tell` takes the report to whoever judges.
    std::string member = {};
    const Places* places = nullptr;
    std::function<void(AlertReport)> tell = {};
  };
  explicit AlertSampler(Setup setup);

  /// From now on. `max_pending`: what a namespace may have pending that says nothing else.
  void SetSettings(std::shared_ptr<const AlertSettings> settings, uint64_t max_pending);
  /// Of several brokers: they are judged here from now on, or elsewhere, as at first.
  void SetJudging(bool here);
  /// What another member says. False: they are not judged here.
  bool Hear(AlertReport report);

  /// The end of an attempt.
  void TakeAttempt(const std::string& space, const AttemptLog& log);
  void TakeFlow(const std::string& space, const FlowLog& log);
  /// The answer to something that it asked.
  void OnReply(Reply reply);

  struct Shown {
    uint64_t alerts = 0, firing = 0, missing = 0;
  };
  Shown shown() const {
    return {alerts_.load(std::memory_order_relaxed), firing_.load(std::memory_order_relaxed), missing_.load(std::memory_order_relaxed)};
  }

 private:
  using Clock = int64_t;  // ms of the loop's clock
  /// What was asked, by its token.
  struct Asked {
    enum class What : uint8_t { kNow, kPaused, kLanes, kHosts, kJudge } what = What::kNow;
    std::string space, prefix;
    Clock at = 0;
  };
  /// Lanes that some rule fires at, of all that were asked for: they are gone through a page at a time, a page a tick at most.
  struct Lanes {
    std::optional<std::vector<AlertLane>> found;  // as the last time through found them
    std::vector<AlertLane> gathering;
    std::optional<LaneKey> next;  // where the next page goes on
    Clock began_at = 0;           // of this time through
    size_t pages = 0;             // of it, or of the last one
    bool asking = false;
  };
  struct Known {
    std::shared_ptr<const FiguresNow> now;
    Clock now_at = 0;
    bool asking_now = false, asking_hosts = false;
    Lanes paused;
    std::map<std::string, Lanes> lanes;                      // by the prefix of their names
    std::optional<std::vector<AlertHost>> hosts, gathering;  // with an open breaker
  };
  /// What some rule asks for.
  struct Wants {
    bool now = false, callers = false, breakers = false, paused = false;
    std::vector<std::string> lane_prefixes;
  };

  /// A namespace, and, of several brokers, the name of another one that serves it: empty where nobody does.
  struct Space {
    std::shared_ptr<const NamespaceRow> row;
    std::optional<std::string> member;
    NamespaceFigures board;  // of what is served here
  };

  void Tick();
  std::vector<Space> Spaces();
  void NoteServed(const std::vector<Space>& spaces);
  WallTime ServedSince(const std::string& space);
  void Judge(AlertFigures figures, uint64_t token);
  void Ask(const std::string& space, NamespaceNumber number, Known* known);
  void AskSleepers(const std::vector<Space>& spaces);
  void ForgetUnanswered();
  void Over(const Asked& asked);
  uint64_t NewToken(Asked::What what, const std::string& space, std::string prefix = {});
  void AddSpaces(const std::vector<Space>& spaces, AlertFigures* figures);
  AlertSpace SpaceOf(const NamespaceRow& row, const NamespaceFigures& figures);
  void TakeNow(Known* known, const Asked& asked, std::shared_ptr<const FiguresNow> now);
  void TakeHosts(Known* known, const std::string& space, const HostsListed& listed);
  void AskLanes(const std::string& space, NamespaceNumber number, Asked::What what, const std::string& prefix, Lanes* lanes);
  void TakeLanes(const Asked& asked, Lanes* lanes, const LanesListed& listed) const;
  Lanes* LanesAsked(const Asked& asked);
  static std::string PausedText(const LaneView& view);
  bool Fires(const std::string& space, const AlertLane& lane, bool (*about)(AlertWhen when)) const;
  bool IsWanted(const std::string& space, bool (*about)(AlertWhen when)) const;

  const Setup setup_;
  const Clock began_at_;
  std::shared_ptr<const AlertSettings> settings_;
  uint64_t max_pending_ = 0;
  Wants wants_;
  bool running_ = false;
  std::shared_ptr<const AccessTable> rows_of_;             // none while there are no alerts
  std::vector<std::shared_ptr<const NamespaceRow>> rows_;  // by name
  std::atomic<uint64_t> alerts_{0}, firing_{0}, missing_{0};
  std::atomic<bool> meters_{false};  // somebody counts

  std::mutex mutex_;  // guards all below; each end of an attempt takes it, so that what needs none of that is read before
  AlertMeter meter_;
  std::map<std::string, Known> known_;
  std::map<uint64_t, Asked> asked_;
  uint64_t next_token_ = 1;
  size_t judging_ = 0;
  bool judges_;
  AlertReports reports_;
  std::map<std::string, WallTime> served_since_;  // of several brokers: what this one serves
};

}  // namespace notifyd
