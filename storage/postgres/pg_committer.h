// The commit thread of a store in PostgreSQL. What waits of a namespace (or of the registry: each is a unit) becomes one transaction: the fence, then
// a statement a kind of change, then a Sync that commits it. Units are spread over some connections, each in pipeline mode with a transaction or two
// under way; while they are, what comes gathers into the next.
//
// I1 a unit's transactions are numbered without gaps, go over one connection in their order, and each holds only if the one before is there.
// I2 Committed{batch, synced}: `batch` was committed; `synced` under a commit that waited for the disk (and the standby, where there is one), without
//    a warning, over a connection that was there when `synced` was committed. What was committed and not yet synced is kept, and sent again where a
//    crash of the server took it back.
// I3 whatever goes wrong with a transaction, its connection is given up. Over the next one the unit is acquired anew, at a new epoch, which
//    keeps older ones out and tells how far it got; then what is missing is sent again. Until then nobody hears of it.
// I4 where the lease is another's, or less is there than was synced, nothing is written any more, and WriteFailed was posted once to each. What is
//    there is looked at over each new connection: a server does not lose what it has without ending all of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/histogram.h"
#include "base/status.h"
#include "broker/membership.h"
#include "broker/ports.h"
#include "storage/encode_batch.h"
#include "storage/keys.h"
#include "storage/outlet.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_writes.h"
#include "storage/retention.h"
#include "storage/sealing.h"

namespace notifyd {

/// What a unit stands at, once it is acquired.
struct PgStand {
  int64_t epoch = 0;
  int64_t n = 0;  // of its last transaction; 0: none
  Totals totals;
  bool awake = false;
  WallTime next_wake = kWallNever;  // of one that was asleep as it was acquired
  std::optional<int64_t> written_boot_ms = {};  // as OpenedNamespace's, until something is written here
};

/// What is known of a unit over all its openings. Of the commit thread alone, but while nothing of it is under way.
class PgUnit {
 private:
  friend class PgCommitter;
  struct Sent;
  // So many rows of its log may be left from before the start, where it was trimmed every few hundred: they are trimmed with what follows.
  static constexpr int64_t kLeftRows = 2'048;
  PgUnit(int64_t number, size_t line, const PgStand& stand)
      : number_(number), line_(line), stand_(stand), synced_n_(stand.n), trimmed_n_(std::max<int64_t>(stand.n - kLeftRows, 0)) {}
  const int64_t number_;
  const size_t line_;
  PgStand stand_;  // its n: of the newest that was made
  int64_t synced_n_, trimmed_n_;
  std::deque<std::shared_ptr<Sent>> kept_;  // that are not known to be synced
  size_t kept_bytes_ = 0;
};

/// What one namespace that is open, or the registry, has the committer write.
class PgQueue {
 private:
  friend class PgCommitter;
  struct SleepMark {
    WallTime wake;
  };
  struct Audited {
    AuditEntry entry;
    std::function<void()> durable;
  };
  using Work = std::variant<WriteBatch, SleepMark, RegistryBatch, Audited>;
  PgQueue(NamespaceNumber number, std::shared_ptr<Outlet> outlet, std::shared_ptr<PgUnit> unit)
      : space_(number), outlet_(std::move(outlet)), unit_(std::move(unit)) {}

  const KeySpace space_;
  const std::shared_ptr<Outlet> outlet_;  // null: no namespace's, but the registry's or the audit's
  const std::shared_ptr<PgUnit> unit_;

  // Under the committer's mutex.
  std::deque<Work> arrived_;
  bool listed_ = false, pending_ = false, closed_ = false;

  // Of the commit thread alone.
  std::deque<Work> work_;
  bool in_turn_ = false;
  int under_way_ = 0;                             // transactions
  uint64_t last_number_ = 0, synced_number_ = 0;  // that were reported
};

class PgCommitter {
 public:
  struct Counters {
    std::atomic<uint64_t> batches = 0, groups = 0, syncs = 0, written_bytes = 0, reconnects = 0;
    std::atomic<bool> lost = false;       // a connection is, or a commit over it has had no answer for long
    std::atomic<bool> unreached = false;  // a connection is
  };
  /// Pointers are borrowed.
  struct Setup {
    PostgresOptions options;
    OwnerWord word;  // of whose the store is
    const RetentionTable* retention = nullptr;
    const Sealing* sealing = nullptr;
    std::function<int64_t()> wall_ms;
    Histogram* commits = nullptr;  // how long each synced transaction took; null: nobody asks
    uint32_t audit_serial = 0;     // of the next entry
    std::optional<PgStand> registry;                          // nothing: a member's, which may lead later
    int64_t audit_unit = kRegistryUnit;                       // under which the audit is written: the registry's, or a member's own
    PgStand audit;                                            // of a member's own
    const char* acquire = nullptr;                            // the statement that takes units anew
    bool syncs_what_it_forgets = false;                       // nothing else would: it is released in another database
    bool tracks = false;                                      // Track may be asked for: of a store with cells
    std::function<std::string(NamespaceNumber)> cell_of;      // in which one a namespace that is dropped lies, empty: here. Null: there are none
    std::function<void()> left_over;                          // rows of a namespace that is dropped are to be removed. On the thread
    std::function<void()> fenced;                             // another one owns it. On the thread; may not return
    std::function<void(std::vector<std::string>)> long_keys;  // whose operands are to be folded. On the thread
  };

  explicit PgCommitter(Setup setup);
  ~PgCommitter();
  PgCommitter(const PgCommitter&) = delete;
  PgCommitter& operator=(const PgCommitter&) = delete;

  void Start(StoreEvents* events);
  /// Writes and syncs what is queued, then joins. Where the server is not reached for kStopMs, what is left is not written.
  void Stop();
  static constexpr int64_t kStopMs = 5'000;

  /// Waits as Committer's does, for `most` at most. Returns whether the unit is known: then it need not be acquired, and is not let go of any more;
  /// nothing where it is still being written.
  std::optional<bool> AwaitClosed(NamespaceNumber number, std::chrono::milliseconds most);
  /// Makes the queue of a namespace. `stand`: as it was acquired, passed over where the unit is known; nothing: it was known. Returns where it
  /// stands, too; nothing where it was let go of since.
  std::optional<std::pair<std::shared_ptr<PgQueue>, PgStand>> Open(NamespaceNumber number, std::shared_ptr<Outlet> outlet,
                                                                   const std::optional<PgStand>& stand);
  void Close(const std::shared_ptr<PgQueue>& queue);
  /// Begins to forget the unit of a namespace that is closed, and is to be another owner's, and returns at once. It is done once Knows says no:
  /// nothing of it is under way, or kept to be sent again.
  void BeginForget(NamespaceNumber number);
  bool Knows(NamespaceNumber number);
  /// Returns whether some of these units, the registry's too, may still be written here. Waits for `most` at most until that is over.
  bool AwaitForgotten(const std::vector<int64_t>& units, std::chrono::milliseconds most);
  /// Returns whether the unit may still be written here: a namespace that is known, or the registry where the leading has not quite ended.
  bool MayWrite(int64_t unit);
  /// Returns whether Keeps, and the connection over which the namespace is written is away.
  bool IsStranded(NamespaceNumber number);
  /// Returns whether it is open here, or something of it may not be synced yet.
  bool Keeps(NamespaceNumber number);
  /// Returns whether something may not be written, or not be synced, yet. Any thread.
  bool Unwritten();
  /// Has each transaction of the namespace note which keys it writes, from now on, or no more.
  void Track(NamespaceNumber number, bool on);
  /// Returns whether all transactions that were made before Track are committed. Each that notes its keys comes behind them, and tells; where none
  /// comes, a sync is asked for.
  bool TracksAll(NamespaceNumber number);
  /// Writes the registry, too, from now on. To be called before the first batch of it.
  void Lead(const PgStand& registry);
  /// Begins to write it no more, and returns at once: all of it must be committed, and nothing follow. It is done once MayWrite says no.
  void EndLead();
  /// Checks that the database at the other end has all that was made and is not known to be synced, or the very sessions that it was sent over, so
  /// that what was reported can be read there. Blocks until it has, some tenths of a second at most. Any thread. Errors: kUnavailable (not yet),
  /// PgStatus's.
  Status CheckIsThere(PgConnection* connection);
  /// Finds out whether the server is lost, whatever there is to write: somebody else was not answered. Any thread.
  void Doubt();
  /// Stops writing, as after any failure: the lease went.
  void GiveUp(const Status& status);

  void Commit(const std::shared_ptr<PgQueue>& queue, WriteBatch batch) { Add(queue, std::move(batch)); }
  void Commit(RegistryBatch batch) { Add(registry_, std::move(batch)); }
  /// `durable` is called on the thread.
  void Audit(AuditEntry entry, std::function<void()> durable) { Add(audit_, PgQueue::Audited{std::move(entry), std::move(durable)}); }
  void Sleep(const std::shared_ptr<PgQueue>& queue, WallTime wake) { Add(queue, PgQueue::SleepMark{wake}); }
  const Counters& counters() const { return counters_; }
  /// Returns why it stopped writing. After Stop.
  const Status& failure() const { return failure_; }

 private:
  using Queue = std::shared_ptr<PgQueue>;
  using Unit = std::shared_ptr<PgUnit>;
  using Sent = PgUnit::Sent;
  using Clock = std::chrono::steady_clock;
  struct Line;
  struct Group;

  void Add(const Queue& queue, PgQueue::Work work);
  void Wake();
  void Run();
  bool MustLook(bool stopping);
  bool TakeArrived();
  void ForgetSome();
  bool MayForget(NamespaceNumber number, std::vector<Unit>* unsynced);
  bool MayWriteLocked(int64_t unit) const;
  bool MayLetGo(const Unit& unit);
  bool Quiet() const;
  void Wait();
  static bool HasAnswers(const Line& line);
  void Work(Line* line);
  bool Make(Line* line);
  bool MakeNext(Line* line);
  std::shared_ptr<Sent> MakeSync(Line* line, const Unit& unit);
  bool MustWait(const RegistryBatch& batch);
  void Encode(PgQueue* queue, const WriteBatch& batch, Group* group);
  void Encode(PgQueue* queue, const PgQueue::SleepMark& mark, Group* group);
  void Encode(PgQueue* queue, const RegistryBatch& batch, Group* group);
  void Encode(PgQueue* queue, const PgQueue::Audited& audited, Group* group);
  void Keep(Line* line, const std::shared_ptr<Sent>& sent, const PgWrites* writes);
  void Send(Line* line, const std::shared_ptr<Sent>& sent);
  void Receive(Line* line);
  void Take(Line* line, const PGresult* result);
  void Finish(Line* line);
  void Succeed(Line* line, const std::shared_ptr<Sent>& sent);
  void CoverOthers(const Line& line, const Sent& synced);
  void Prune(Line* line, PgUnit* unit);
  void LetGo(Line* line, int64_t unit);
  void Report(const std::shared_ptr<Sent>& sent);
  void Lose(Line* line, const Status& why);
  bool MayConnect(const Line& line) const;
  void CheckAnswers();
  void CheckLate();
  void Recover(Line* line);
  Status CheckHasAll(PgConnection* connection);
  Status SetUp(PgConnection* connection, int64_t session) const;
  void Acquire(Line* line);
  void Acquired(Line* line);
  void TellSession(Line* line, int64_t session);
  Status Resolve(Line* line, PgUnit* unit, int64_t epoch, int64_t n);
  /// `full`: it is reached, and has no room on its disk; `late`: it is reached, and a commit waits there.
  void Say(Line* line, bool lost, bool full = false, bool late = false);
  void Fail(const Status& status);
  void Settle(const Queue& queue);
  void DropAll();

  const Setup setup_;
  const std::string incarnation_;
  const Queue audit_;
  Queue registry_;  // null: another member's. Of whoever calls Lead and Commit, in turn
  StoreEvents* events_ = nullptr;
  Counters counters_;

  std::mutex mutex_;
  std::condition_variable settled_;
  std::map<NamespaceNumber, Queue> open_;  // those that were closed stay until all of theirs is written
  std::map<NamespaceNumber, Unit> units_;  // that were opened once
  Queue led_;                              // the registry's, where this one leads, or did last
  std::vector<Queue> arrived_;
  std::vector<NamespaceNumber> forgetting_;
  Unit ending_lead_;                     // the registry's, which is to be let go of
  std::set<int64_t> tracked_, untold_;   // of the former those of which something was made before
  struct Made {
    int64_t n;
    size_t line;
  };
  std::map<int64_t, Made> unsynced_;     // by unit that some line holds, the newest transaction that was made. Changed by the thread alone
  std::vector<int64_t> sessions_;        // by line, the lock of the session that has all that was reported of it; 0: none has. As above
  std::vector<DiskSpace> lines_space_;   // by line; changed by the thread alone, under the mutex
  std::vector<bool> lines_away_;         // by line: its connection is lost, and does not come back yet. As above
  bool stopping_ = false, stopped_ = false, doubted_ = false;
  Clock::time_point stop_by_ = Clock::time_point::max();
  std::optional<Status> given_up_;
  std::thread thread_;
  int wake_fd_ = -1;

  // Of the thread alone.
  std::vector<std::unique_ptr<Line>> lines_;
  bool failed_ = false;  // changed under the mutex
  Status failure_;
  uint32_t audit_serial_;
  uint64_t moment_ = 0;  // the newest of this thread's moments
  Clock::time_point stop_at_ = Clock::time_point::max();  // stop_by_, as it was looked at last
  Clock::duration connects_take_ = {};                    // as the last one did, but no more than is waited for
};

}  // namespace notifyd
