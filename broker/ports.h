// The ports that the core needs, implemented by storage/ and net/, and by the fakes in tests/fakes.
// Answers come back as events into the EventSink that the implementation was made with; never from inside the call itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"

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

}  // namespace notifyd
