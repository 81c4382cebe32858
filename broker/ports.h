// The ports that the core needs, implemented by storage/ and net/, and by the fakes in tests/fakes.
// Answers come back as events into the EventSink that the implementation was made with; never from inside the call itself.
#pragma once

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
