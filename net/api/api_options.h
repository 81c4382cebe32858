// ApiOptions: what the API is made with, and what it is told of its process. Values alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/cell_move.h"
#include "broker/cluster_report.h"
#include "broker/held.h"
#include "broker/ports.h"
#include "net/access/audit_bytes.h"
#include "net/access/nonce_memory.h"
#include "net/access/token_rates.h"
#include "net/api/backup_report.h"
#include "net/api/waiters.h"

namespace notifyd {

/// The longest timeout_ms of all (contract section 3).
inline constexpr int64_t kMostTimeoutMs = 3'600'000;

/// How the runs of a command ended so far, and how many there are.
struct CommandStats {
  std::string name;
  uint64_t running = 0, waiting = 0, started = 0;
  std::vector<std::pair<const char*, uint64_t>> ended;  // by outcome, static; always the same ones
};

/// A name whose addresses are a service's instances: how many there are, and how its lookups ended so far.
struct ServiceNameStats {
  std::string name;
  uint64_t instances = 0, found = 0, failed = 0;
};

class MemberClient;  // net/cluster/member_client.h
class Places;        // broker/places.h
struct PassingFigures;
class SubmitTracer;  // net/api/submit_tracer.h

/// What the process knows beside the core, for stats and metrics.
struct ProcessStats {
  int64_t pid = 0;
  WallTime started_at;
  int64_t uptime_ms = 0;
  uint64_t rss_bytes = 0, connections = 0, waiters = 0, listeners = 0, buffered_bytes = 0, captured_bytes = 0, captured_cut = 0;
  uint64_t namespaces = 0, namespaces_awake = 0;
  double cpu_seconds = 0;
  double cpu = 0;                       // of one core, in the last seconds
  std::optional<double> commit_p99_ms;  // of the last minute; nothing: nothing was committed
  bool alerts_known = true;             // they are judged here: of several members, by one
  uint64_t alerts = 0, alerts_firing = 0;                // of the file
  uint64_t alerts_undelivered = 0, alerts_given_up = 0;  // messages: that nobody took yet, or ever
  std::vector<StoreFigure> store;
  std::vector<CommandStats> commands;
  std::vector<ServiceNameStats> service_names;
  size_t beanstalkd_connections = 0;
  std::vector<std::pair<const char*, uint64_t>> beanstalkd;   // jobs that were put over its protocol, by outcome
  std::vector<std::pair<const char*, uint64_t>> log_dropped;  // lines that each place of the log dropped
  uint64_t spans = 0, spans_dropped = 0;
  std::vector<std::pair<const char*, uint64_t>> forwarded;  // requests that were passed on to other members, by outcome; empty: there are none
  uint64_t forward_repeats = 0;
  std::optional<ClusterFigures> cluster;  // nothing: it is no member
  std::string member;                     // its name, where it is one
};

/// How far sealing the store anew has come.
struct RekeyReport {
  Status begun;                // of one that was asked for
  const char* state = "none";  // of the last one since the start: none, running, done or failed; static
  std::string detail;          // why it failed
  uint64_t left = 0;           // that was not sealed by the new key yet, at the last look
  int64_t took_ms = 0;
  bool sealed = false, due = false;
  std::string needed = {};  // the names of the keys by which something may be sealed, with commas between them
};

/// What the core of a namespace holds, or, with an empty name, what of a shard is no namespace's.
struct HeldByCore {
  size_t shard = 0;
  std::string space;
  HeldKinds kinds;
};

struct ApiOptions {
  uint32_t thread = 0;              // RequestId::thread of what it posts
  size_t max_body_bytes = 1 << 20;  // a notify's body as sent to the receiver
  bool strict_topics = false;       // events are taken for topics alone that a PUT made
  size_t max_request_bytes = 64 << 20;  // a request's body, unpacked
  size_t max_kept_bytes = 1 << 20;      // keep_response_bytes
  size_t max_batch_items = 10'000;
  size_t max_line_bytes = 8 << 20;  // of a bulk submit
  int64_t max_timeout_ms = kMostTimeoutMs;
  /// Is a URL, or a callback's, one that the file lets be called? Any thread; may say something else after a reload. Error: kUnacceptable, without a
  /// field. Empty: all are.
  std::function<Status(std::string_view url)> check_url;
  /// May a notify of that namespace and caller run that command ("command:NAME")? As check_url. Empty: there are none.
  std::function<Status(std::string_view space, std::string_view caller, std::string_view command)> check_command;
  /// The file's rules for lanes, which count where a namespace has none. Any thread; may be others after a reload. Empty: there are none.
  std::function<std::shared_ptr<const std::vector<LaneRule>>()> lane_rules;
  /// May the namespace call this URL, as far as that can be told before its name is looked up? On the loop. Error: kUnacceptable, without a field.
  /// Empty: it may call any.
  std::function<Status(NamespaceNumber number, std::string_view url)> check_destination;
  /// Names (any case) of headers whose values are shown as "***", beside those that always are (base/secrets.h).
  std::vector<std::string> secret_headers;
  std::vector<std::string> hosts;  // names under which it may be reached, beside localhost and addresses
  size_t max_waiters = 4096;       // GETs and submits that wait for the end of a notify at once, of all that share `waiters`
  std::shared_ptr<Waiters> waiters = std::make_shared<Waiters>();
  size_t max_listeners = 128;  // of /v1/live at once, of all that share `listeners`
  std::shared_ptr<std::atomic<size_t>> listeners = std::make_shared<std::atomic<size_t>>(0);
  int64_t bulk_idle_ms = 60'000;  // a bulk submit of which so long no line came is ended, whatever blanks did
  std::string version;
  /// Runs `work` on another thread, then `then` on the loop; empty: there is none, and large documents are parsed on the loop.
  std::function<void(std::function<void()> work, std::function<void()> then)> aside;
  /// Runs it on the loop, once what else waits there had its turn; empty: at once. Any thread.
  std::function<void(std::function<void()>)> later;
  /// Runs it on the loop in so many milliseconds; a later call takes the place of one that has not run. Empty: refused credentials are not held back.
  std::function<void(int64_t delay_ms, std::function<void()> task)> timer;
  /// As `timer`, of /v1/live. Empty: nobody is sent anything there but the first event.
  std::function<void(int64_t delay_ms, std::function<void()> task)> live_timer;
  /// As `timer`, of credentials that have an end. Empty: what goes on under one ends as something else happens.
  std::function<void(int64_t delay_ms, std::function<void()> task)> hold_timer;
  std::shared_ptr<NonceMemory> nonces = std::make_shared<NonceMemory>();  // of all loops, as the next
  std::shared_ptr<TokenRates> rates = std::make_shared<TokenRates>();
  /// How much of the audit is whose; of all loops.
  std::shared_ptr<AuditBytes> audit_bytes = std::make_shared<AuditBytes>();
  /// Is the disk nearly full? Any thread. Empty: that is not known.
  std::function<bool()> disk_low;
  /// Figures of all namespaces; borrowed. Null: none are known.
  const NamespaceBoard* board = nullptr;
  bool metrics_of_namespaces = false;  // /metrics has figures of each, too
  /// Reads the audit, and hands the page over on the loop. Empty: there is none.
  std::function<void(AuditQuery, std::function<void(AuditPage)> then)> list_audit;
  /// Says how far sealing the store anew has come, and begins it where `begin`. On the loop. Empty: there is no store that seals.
  std::function<RekeyReport(bool begin)> rekey;
  /// A request has come that the store will be asked to write something for, once it is read: the store may make itself ready. Empty: nobody hears
  /// it.
  std::function<void()> expects_batch;
  /// Asks the store about its backups, and hands the answer over on the loop. Empty: there are none.
  std::function<void(BackupAsk ask, std::function<void(BackupAnswer)> then)> backups;
  /// How far a namespace has come that goes to another cell of the store; nothing: it does not go, or another member moves it. On the loop, never
  /// blocks. Empty: none does.
  std::function<std::optional<CellMoveReport>(NamespaceNumber)> cell_move = {};
  /// The brokers that share the store. On the loop, never blocks. Empty: there are no others.
  std::function<ClusterReport()> cluster;
  /// Has a member's namespaces go to others, or ends that; `then` on the loop. Error: kNotFound: there is no such member; kUnavailable. Empty as
  /// `cluster` is.
  std::function<void(std::string member, bool draining, std::function<void(Status)> then)> drain;
  std::function<int64_t()> monotonic_us;          // empty: the steady clock
  std::vector<std::string> cells;                 // where a namespace may be made beside the home cell
  std::function<WallTime()> wall;                 // reads the wall clock
  std::function<bool()> ready;                    // readyz; any thread
  std::function<ProcessStats()> process;          // any thread, never blocks long; empty: nothing is known
  /// Takes a CPU profile of so many seconds: pprof's format, compressed (gzip). `then` on the loop. Error: kConflict, while another one is being
  /// taken. Empty: none can be taken.
  std::function<void(int64_t seconds, std::function<void(Result<std::string>)> then)> profile;
  /// Asks all cores what they hold. `then` on the loop. Empty: they cannot be asked.
  std::function<void(std::function<void(std::vector<HeldByCore>)> then)> held;
  /// Who serves what, of several brokers; borrowed, like the next two. Null: this one serves all.
  Places* places = nullptr;
  std::string member;                             // its own name, there where `places` is
  MemberClient* members = nullptr;                // this loop's, and there where `places` is
  PassingFigures* passing = nullptr;              // likewise
  SubmitTracer* tracer = nullptr;                 // borrowed; null: nothing is traced
  Histogram* acknowledgement = nullptr;           // borrowed; from a submit's last byte to its answer
  std::vector<const NamedHistogram*> histograms;  // borrowed; for /metrics
};

}  // namespace notifyd
