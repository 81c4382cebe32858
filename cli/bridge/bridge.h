// Bridge: takes messages from an AMQP queue, submits what they stand for, and acknowledges each only once the broker has accepted it, or once it is
// kept as a dead letter. Nothing is kept outside of the queue: however it ends, it begins again where the queue is. Contract section 20, "AMQP".
//
// Two threads, so that a broker that does not answer keeps nobody from the heartbeats of the queue's connection: one owns the connection, the other
// one (that of Run) submits. Invariants: (B1) a tag is settled only after all before it are, so that acknowledging "up to it" is right; (B2) what
// came over one connection is never acknowledged over another; (B3) at most `prefetch` messages are held, and no more once they take `buffer_bytes`;
// (B4) the queue's server never waits for longer than `most_unread_ms` to get rid of what it sends: what does not fit by then is read and let go,
// with all behind it, and is the queue's again with the end of the connection, which comes once all that is held is acknowledged.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/bridge/amqp_link.h"
#include "cli/bridge/batch_plan.h"
#include "cli/bridge/bridge_counters.h"
#include "cli/bridge/intake.h"
#include "cli/bridge/message_mapping.h"
#include "cli/bridge/outage.h"
#include "cli/bridge/ports.h"
#include "cli/bridge/prefetch_plan.h"

namespace notifyd {

struct BridgeOptions {
  AmqpAddress address;
  uint16_t prefetch = 200;
  bool exclusive = false;
  bool until_empty = false;  // ends once nothing waits in the queue
  size_t buffer_bytes = 64 << 20;
  int64_t most_unread_ms = 10'000;  // RabbitMQ closes a connection that it could not write to for 30 s
  MappingOptions mapping = {};  // with the queue's name
};

class Bridge {
 public:
  /// All ports are borrowed, and called on the thread of Run.
  Bridge(BridgeOptions options, SubmitPort* submit, DeadLetterPort* dead_letters, BridgeReports reports, BridgeCounters* counters);
  ~Bridge();
  Bridge(const Bridge&) = delete;

  /// Runs until Stop, or until something is wrong that time does not mend: then it says what. What is out when it ends is finished and acknowledged,
  /// the rest stays in the queue.
  Status Run();
  /// Any thread, and from inside a signal's handler.
  void Stop();
  bool stopping() const { return stop_asked_; }

 private:
  struct Mapped;

  // The thread of Run.
  bool WaitForBroker();
  void SubmitBatches();
  void SubmitBatch(const Intake::Batch& batch);
  /// How far one request may reach, from `range.from` on.
  size_t EndOf(const std::vector<Mapped>& mapped, BatchPlan::Range range) const;
  /// Submits `range`; false where the batch is not to be gone on with.
  bool SubmitRange(const Intake::Batch& batch, const std::vector<Mapped>& mapped, BatchPlan::Range range, BatchPlan* plan);
  void Accepted(const Intake::Batch& batch, BatchPlan::Range range, const SubmitAnswer& answer);
  bool KeepDeadLetter(const Intake::Batch& batch, size_t index, int status, const std::string& reason, const std::string& field);
  void Away(uint64_t connection, const SubmitAnswer& answer);
  void SayWhetherOver();
  void Fail(Status why);

  // The thread of the queue.
  void RunQueue();
  Status Connect(std::unique_ptr<AmqpLink>* link);
  Status Serve(AmqpLink* link);
  bool MayRead() { return prefetch_.MayRead(intake_.held(), intake_.held_bytes()); }
  /// What there is, as far as it fits; with `whatever_fits` what does not is let go, with all that comes behind it over this connection.
  Status ReadSome(AmqpLink* link, bool whatever_fits);
  void LetGo();
  /// Ends it all where `message` came from a stream.
  Status RefuseStream(AmqpLink* link, const AmqpMessage& message);
  Status AcknowledgeSettled(AmqpLink* link, uint64_t* acknowledged);
  /// Stops where that is asked for once the queue is empty and all that came of it is acknowledged.
  Status LookWhetherEmpty(AmqpLink* link);
  /// Until there is something to do, a moment at most.
  void Sleep(int fd, int64_t most_ms);
  void ShowState();

  const BridgeOptions options_;
  SubmitPort* const submit_;
  DeadLetterPort* const dead_letters_;
  const BridgeReports reports_;
  BridgeCounters* const counters_;
  const std::string random_;  // tells its deliveries from any other bridge's
  const int wake_fd_;
  Intake intake_;
  std::atomic<bool> stop_asked_{false}, submits_over_{false}, failed_{false};
  Status failure_;  // written by whoever sets failed_, read once both threads are over
  // The thread of Run.
  size_t most_messages_;
  int64_t pause_ms_ = 0;
  bool said_unkeyed_ = false;
  Outage outage_;
  // The thread of the queue.
  PrefetchPlan prefetch_;
  int64_t beat_ms_ = 0, looked_ms_ = 0, read_ms_ = 0;
  // Of this connection:
  bool lets_go_ = false;    // of all that comes
  size_t filled_by_ = 0;    // how many messages fill the memory, or did when it began to let go; 0: there is room
  bool no_stream_ = false;  // the queue is known to be none
  /// How many messages had come when the last look at the queue found nothing waiting; none: it found some, or there was none over this connection.
  std::optional<uint64_t> found_empty_at_;
};

}  // namespace notifyd
