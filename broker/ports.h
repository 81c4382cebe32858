// The ports that the core needs, implemented by storage/ and net/, and by the fakes in tests/fakes.
// Answers come back as events into the EventSink that the implementation was made with; never from inside the call itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "broker/namespace.h"
#include "broker/registry_events.h"

namespace notifyd {

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

/// A store's life around the core's. Another engine is another one of these; whoever runs the core knows no more of it.
class StoreHost : public Store {
 public:
  /// Names this store among others, over restarts: 16 hex digits.
  virtual std::string name() const = 0;
  /// As they were at the last batch; all zero in a new store.
  virtual const Totals& totals() const = 0;
  /// Events go to `sink` (borrowed) from then on. Before it nothing but name() and totals() may be called.
  virtual void Start(EventSink* sink) = 0;
  /// Writes and syncs all that was committed; nothing is posted afterwards. May be called more than once, and without Start.
  virtual void Stop() = 0;
  /// Stops, and lets go of what it holds. Only Stop and the destructor may follow. Error: what failed, now or before.
  virtual Status Close() = 0;
  /// Always the same ones, in the same order. Any thread, never blocks long.
  virtual std::vector<StoreFigure> Figures() const = 0;
};

/// Makes the calls. Exactly one AttemptEnded follows each Start, whatever happens, except after the process is told to stop.
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
  /// that is not there, or is being deleted, is answered by Refused (kNotFound).
  virtual void Post(NamespaceNumber to, Event event) = 0;
  /// To the registry. `request` of what is answered: the io thread in the upper 16 bits, below them what that thread knows it by.
  virtual void Post(RegistryEvent event) = 0;
  /// One log event `audit`, and one entry of the store's.
  virtual void Audit(AuditEntry entry) = 0;
};

/// What is known of a namespace without asking its core; up to 100 ms old while it is awake.
struct NamespaceFigures {
  Totals totals;
  bool awake = false;
  uint64_t in_flight = 0, loaded = 0;
  uint64_t may_be_in_flight = 0;         // what it was lent
  uint64_t stored_bytes = 0;             // measured every 10 s while it is awake
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
