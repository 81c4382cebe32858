// The ports that the core and the registry need, implemented by storage/ and net/, and by the fakes in tests/fakes.
// Answers come back as events into the EventSink that the implementation was made with; never from inside the call itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "broker/namespace.h"
#include "broker/registry_events.h"

namespace notifyd {

class AccessTable;

/// Takes events for the core. The production one is a mailbox that may be called from any thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Post(Event event) = 0;
};

/// The durable truth. One atomic write a batch, in the order of the calls; Committed (maybe one for several) or WriteFailed follows.
/// A batch that asks for a sync is reported written only once it is synced too. After a WriteFailed no further batch is written.
class Store {
 public:
  virtual ~Store() = default;
  virtual void Commit(WriteBatch batch) = 0;
  virtual void Load(LoadEffect load) = 0;
  virtual void LoadPage(PageEffect page) = 0;
  virtual void Read(ReadEffect read) = 0;
  virtual void List(ListEffect list) = 0;
  virtual void ListLanes(LanesEffect lanes) = 0;
};

/// One figure of a store, under the name that /v1/stats has it by; /metrics puts "notifyd_store_" in front, and "_total" behind what only grows.
struct StoreFigure {
  enum class Part : uint8_t { kStore, kMemory, kCommits };  // of /v1/stats
  Part part;
  const char* name;  // static, as is the next
  const char* help;
  uint64_t value;
  bool grows = false;
};

/// A namespace's part of a store: what its core knows as its Store. Destroy it only while nothing of it is under way: all batches reported, all reads
/// answered. (A Sleep may be.) Once it is destroyed nothing is posted to its sink any more.
class NamespaceStore : public Store {
 public:
  /// Says in the store that nothing of it needs a core before `wake` (kWallNever: before somebody asks), with its totals as of the batch before. Not
  /// synced, not reported. The next batch with operations takes it back in the same write: after a crash it is awake wherever anything followed.
  virtual void Sleep(WallTime wake) = 0;
};

/// `totals`: as they were at the last batch; in a namespace that has none yet all zero, but for next_id, its first one. `written_boot_ms`: when these
/// were written, in CLOCK_BOOTTIME of this machine, where the store has a clock of its own to tell that by; else Totals::wall says it, by the wall
/// clock of whoever wrote them.
struct OpenedNamespace {
  std::unique_ptr<NamespaceStore> store;
  Totals totals;
  std::optional<int64_t> written_boot_ms = {};
};

/// Whether a start must make a namespace's core. `totals`: as they were when it went to sleep; of one that is awake they are not known.
struct NamespaceAtStart {
  NamespaceNumber number = kDefaultNumber;
  bool awake = false;
  WallTime next_wake = kWallNever;
  Totals totals;
};

/// All that the registry loads, and one state for each of its namespaces, and for `default` where that has no row yet.
struct RegistryImage {
  RegistryHead head;
  std::vector<std::shared_ptr<const NamespaceRow>> namespaces;
  std::vector<std::shared_ptr<const TokenRow>> tokens;
  std::vector<std::pair<std::string, WallTime>> uses;  // of tokens, by id
  std::vector<NamespaceAtStart> states;                // by number
};

/// Where an entry of the audit stands: by time, then by a serial number of the store's.
struct AuditPlace {
  WallTime at;
  uint32_t serial = 0;
  auto operator<=>(const AuditPlace&) const = default;
};
/// Newest first. All filters that are given must hold.
struct AuditQuery {
  std::optional<std::string> who = {}, what = {}, object = {}, space = {};
  NamespaceSet spaces = NamespaceSet::All();  // of these; those that are of none only with all
  std::optional<AuditPlace> below = {};  // a page's `next`
  size_t limit = 100;
  /// Of the namespaces alone that are there, each since it was made: one of before that had its name was another one. Null: of those that were, too.
  std::shared_ptr<const AccessTable> there = {};
};
/// Whether a page takes an entry.
bool TakesEntry(const AuditQuery& query, const AuditEntry& entry);
struct AuditItem {
  AuditPlace place;
  AuditEntry entry;
};
struct AuditPage {
  Status status;
  std::vector<AuditItem> items;
  std::optional<AuditPlace> next;  // what may be left is below it; nothing: that was all
};
/// What is older is in no page.
inline constexpr int64_t kAuditKeptMs = 90LL * 24 * 3600 * 1000;

/// What a store says that is no namespace's. From any thread.
class StoreEvents {
 public:
  virtual ~StoreEvents() = default;
  /// The registry's batch `number` and all before it are written, and durable where it asked for a sync.
  virtual void OnRegistryCommitted(uint64_t number) = 0;
  /// Once. All open namespaces hear it, too.
  virtual void OnWriteFailed(Status status) = 0;
};

/// A store's life around the cores' and the registry's. Another engine is another one of these; whoever runs the cores knows no more of it.
class StoreHost {
 public:
  virtual ~StoreHost() = default;
  /// Names this store among others, over restarts: 16 hex digits.
  virtual std::string name() const = 0;
  /// Before Start; blocks. Errors: kCorrupt, kIo.
  virtual Result<RegistryImage> LoadRegistry() = 0;
  /// `events` is borrowed. Before it nothing but name() and LoadRegistry() may be called.
  virtual void Start(StoreEvents* events) = 0;
  /// Blocks for a few point look-ups, and until what was still to be written of it is: on a thread that may. Any thread; once at a time for a number.
  /// `sink` is borrowed; where the disk is low it hears DiskSpace at once, as all that are open do. Errors: kCorrupt, kIo; kUnavailable: ask again.
  virtual Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) = 0;
  /// Any thread. In the order of the calls, in the same groups and syncs as the namespaces' batches. DropNamespace takes all of the namespace's keys
  /// with it; it must not be open.
  virtual void Commit(RegistryBatch batch) = 0;
  /// Any thread. Written and synced with the next group, in the order of the calls; then `durable` is called, on one of the store's threads. Never
  /// after a WriteFailed, nor where it is stopped first.
  virtual void Audit(AuditEntry entry, std::function<void()> durable) = 0;
  /// Any thread; `done` is called on one of the store's, with what was written by then, unless it is stopped first.
  virtual void ListAudit(AuditQuery query, std::function<void(AuditPage)> done) = 0;
  /// How long a namespace's settled notifies are kept; what is not set is the store's own. Any thread.
  virtual void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) = 0;
  /// Of a namespace's keys and values, as they lie on the disk and wait to get there. Measured, approximate; any thread, some ms at most.
  virtual uint64_t StoredBytes(NamespaceNumber number) const = 0;
  /// Gives back what a namespace's settled notifies took that were purged, or whose time is over: it is begun, and goes on beside everything else.
  /// Takes as long as the namespace is large (broker/reclaiming.h). Any thread.
  virtual void CompactNamespace(NamespaceNumber number) = 0;
  /// Has what that began not ended yet? Any thread.
  virtual bool IsCompacting(NamespaceNumber number) const = 0;
  /// Writes and syncs all that was committed; nothing is posted afterwards. May be called more than once, and without Start.
  virtual void Stop() = 0;
  /// Stops, and lets go of what it holds. Only Stop and the destructor may follow, of the namespaces that are open theirs. Error: what failed, now or
  /// before.
  virtual Status Close() = 0;
  /// Always the same ones, in the same order. Any thread, never blocks long.
  virtual std::vector<StoreFigure> Figures() const = 0;
  /// Whether something that was committed may not be written, or not be synced, yet: of a store that may be somebody else's from one moment to the
  /// next. Any thread.
  virtual bool Unwritten() const { return false; }
  /// Whether the namespaces that are open were told DiskSpace::low last. Any thread, never blocks.
  virtual bool DiskIsLow() const { return false; }
};

/// Makes the calls. Exactly one AttemptEnded follows each Start, whatever happens, except after the process is told to stop; before it, where
/// StartAttempt::tell_reached asks for it, AttemptReached once that is so. Who asks does not count on it.
class Sender {
 public:
  virtual ~Sender() = default;
  virtual void Start(StartAttempt attempt) = 0;
};

/// Takes answers to the requests.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void Send(Reply reply) = 0;
};

/// Carries events to whom they are for, on whatever thread that runs. Any thread; nothing of it blocks.
class Switchboard {
 public:
  virtual ~Switchboard() = default;
  /// To the namespace's core, which is woken where it sleeps. Events that one thread posts to one namespace come in order. A request to a namespace
  /// that is not there is answered by Refused (kNotFound), to one that is being deleted by its core (kConflict) or as that.
  virtual void Post(NamespaceNumber to, Event event) = 0;
  /// To the registry. `request` of what is answered: the io thread in the upper 16 bits, below them what that thread knows it by.
  virtual void Post(RegistryEvent event) = 0;
  /// One log event `audit`, and one entry of the store's. `durable` as StoreHost::Audit's.
  virtual void Audit(AuditEntry entry, std::function<void()> durable) = 0;
};

/// What is known of a namespace without asking its core; up to 100 ms old while it is awake.
struct NamespaceFigures {
  Totals totals;
  PendingByState states;
  bool awake = false;
  uint64_t in_flight = 0, loaded = 0;
  uint64_t may_be_in_flight = 0;         // what it was lent
  uint64_t stored_bytes = 0;             // StoredUse::bytes
  uint64_t submits = 0, deliveries = 0;  // accepted ones and attempts of the last minute
};

/// Figures of all namespaces, awake or asleep. Any thread.
class NamespaceBoard {
 public:
  virtual ~NamespaceBoard() = default;
  /// All zero where nothing is known of it.
  virtual NamespaceFigures Figures(NamespaceNumber number) const = 0;
  /// Of all together, in `totals` those that were removed too; `awake`: one of them is.
  virtual NamespaceFigures Sum() const = 0;
};

}  // namespace notifyd
