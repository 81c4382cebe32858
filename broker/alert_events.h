// What requests ask of alerts, and what answers them (AlertRequest, AlertAnswered), and the figures that alerts are judged by. Plain values. Contract
// section 17.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/alerts.h"

namespace notifyd {

/// How attempts to one host went, of those that a rule takes.
struct AlertAttempts {
  std::string space, host;
  uint64_t attempts = 0, failed = 0;  // that ended in the last five minutes
  std::optional<int64_t> p99_ms;      // of them
  uint64_t failed_in_a_row = 0;       // the newest
  std::string last_error;             // of the last failure
  bool succeeded = false;             // one that was counted did; else it may have failed for longer than is known
};
/// Of a rule that is about attempts. A host that is not there was not tried since `since`.
struct AlertRuleAttempts {
  std::string rule;  // its name
  std::vector<AlertAttempts> hosts = {};
  WallTime since = {};
};
/// Something that happens and is over at once: a run that was missed, an event that was skipped.
struct AlertHappening {
  AlertWhen when = AlertWhen::kScheduleMissed;
  std::string space, object;  // the schedule's name, the subscription's
  std::string detail;
  uint64_t count = 0;  // in the last ten minutes
};
struct AlertLane {
  std::string lane;
  uint64_t pending = 0;
  std::optional<int64_t> oldest_due_age_ms;
  std::string paused;  // by whom, for people; empty: it is not
};
struct AlertHost {
  std::string host;
  bool open = false;  // its breaker; one that is not was reached
  std::string detail;
};
/// How much a caller submits, or is submitted for a host.
struct AlertRate {
  std::string name;
  double per_s = 0;             // in the last minute
  std::optional<double> ratio;  // of the last hour to an hour of the day before; nothing: too little is known of that
};
/// Of one namespace. What is nothing is not known: what fires goes on.
struct AlertSpace {
  std::string name;
  std::optional<uint64_t> pending = {};
  std::optional<int64_t> oldest_due_age_ms = {};  // 0: nothing is due
  std::optional<int64_t> lateness_p99_ms = {};    // 0: nothing started
  std::optional<double> quota_percent = {};       // of the one that is used most
  std::string quota = {};                         // its name
  std::optional<std::vector<AlertLane>> lanes = {};
  std::optional<std::vector<AlertHost>> hosts = {};  // all with an open breaker
  std::optional<std::vector<AlertRate>> callers = {}, host_rates = {};
  bool knows_day_before = true;  // false: these have been counted for too short, and no ratio says anything
  NamespaceNumber number = kDefaultNumber;
  WallTime since = {};  // what is counted of it is counted since then, at the earliest
  /// Another one of several brokers serves it: its name, empty where nobody does. Then all else is said by that one.
  std::optional<std::string> member = {};
};

struct AlertReport;
/// Another one of several brokers.
struct AlertMember {
  std::string name;
  std::shared_ptr<const AlertReport> report;  // what it said a moment ago (broker/alert_report.h); null: nothing
  bool missing = false;                       // nothing, or not of each rule, for so long that this is to be told
};

/// The figures of a moment. Answered by AlertsJudged; where the request is {}, by nothing.
struct AlertFigures {
  std::shared_ptr<const AlertSettings> settings;
  std::optional<double> disk_free_bytes, memory_bytes, cpu_percent, commit_p99_ms, backup_age_ms;
  std::optional<double> no_standby;  // 1: what is acknowledged waits for no standby of the database
  std::vector<AlertSpace> spaces;    // all that there are; of several brokers by name
  std::vector<AlertRuleAttempts> attempts;  // of the rules that are about attempts
  std::vector<AlertHappening> happenings;
  WallTime happenings_since;         // the start: nothing was counted before
  std::string member;                // of several brokers: whose they are
  std::vector<AlertMember> members;  // the others, by name
};
/// Answered by AlertsListed.
struct AlertList {};
/// Answered by AlertsListed with that one, or refused as not found.
struct AlertGet {
  std::string name;
};
/// Sends a message to each target of the alert, whatever its figures are. Answered by AlertTested once they are durable.
struct AlertTest {
  std::string name;
};
struct AlertAsk {
  std::variant<std::shared_ptr<const AlertFigures>, AlertList, AlertGet, AlertTest> what;
};

/// What of a figure it is: those parts that it has.
struct AlertCause {
  std::string space = {}, lane = {}, host = {}, caller = {}, object = {};
  std::string member = {};  // of several brokers: of whose process it is
  auto operator<=>(const AlertCause&) const = default;
};
struct AlertCauseView {
  AlertCause cause;
  WallTime since;
  double value = 0;
  std::string detail;
};
struct AlertView {
  AlertRule rule;
  enum class State : uint8_t { kOk, kPending, kFiring } state = State::kOk;  // kPending: it is so, but not for long enough yet
  std::optional<WallTime> firing_since, last_message_at;
  std::string last_message;            // "firing", "repeat", "over" or "test"; empty: none yet
  std::vector<AlertCauseView> causes;  // those that fire, kMostCausesShown at most; of a list kMostCausesListed
  uint64_t causes_count = 0;           // all that fire
  uint64_t undelivered = 0;            // messages that nobody took yet
};
inline constexpr size_t kMostCausesShown = 20, kMostCausesListed = 5;
struct AlertsListed {
  std::vector<AlertView> items;  // by name
  bool only = false;             // the one that was asked for
  uint64_t firing = 0, undelivered = 0;
  std::vector<std::string> missing = {};  // members whose figures are not known
};
struct AlertTested {
  std::vector<NotifyId> notifies;
};
/// A message that the store has not taken for a while: what an attempt of it would be made of.
struct AlertUnstored {
  NotifyId id;
  std::shared_ptr<const Envelope> envelope;  // its host: AlertTarget::id
  std::shared_ptr<const std::string> spec;   // encoded
};
struct AlertsJudged {
  uint64_t firing = 0, undelivered = 0;
  std::vector<AlertUnstored> unstored;  // each once
  uint64_t missing = 0;                 // members whose figures are not known
};
struct AlertAnswer {
  std::variant<AlertsListed, AlertTested, AlertsJudged> what;
};

}  // namespace notifyd
