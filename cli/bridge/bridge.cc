#include "cli/bridge/bridge.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/clocks.h"
#include "base/crypto.h"
#include "cli/bridge/batch_item.h"

namespace notifyd {
namespace {

constexpr size_t kMostMessages = 1000;    // of one request
constexpr size_t kMostBytes = 8 << 20;    // of one request, unless a single message has more
constexpr size_t kMostNotifies = 10'000;  // contract section 5
constexpr size_t kRandomBytes = 16;
constexpr int64_t kFirstPauseMs = 100, kLongestPauseMs = 10'000, kLongestRetryAfterMs = 60'000;
constexpr int kReadAtOnce = 256;  // messages, before acknowledging is looked after again
constexpr int64_t kShowEveryMs = 200, kSleepMs = 1000, kLookEveryMs = 500, kTakeMs = 1000;
// librabbitmq calls itself for each level of a header's tables, and a frame of them may have tens of thousands.
constexpr size_t kStackBytes = 64 << 20;

/// Runs `body` on a thread with so large a stack, to which no signal comes.
class BigThread {
 public:
  explicit BigThread(std::function<void()> body) : body_(std::move(body)) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int fault = pthread_create(
        &thread_, &attributes,
        [](void* self) -> void* {
          static_cast<BigThread*>(self)->body_();
          return nullptr;
        },
        this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    NOTIFYD_CHECK(fault == 0);
  }
  ~BigThread() { pthread_join(thread_, nullptr); }
  BigThread(const BigThread&) = delete;

 private:
  const std::function<void()> body_;
  pthread_t thread_;
};

int64_t NowMs() {
  return ReadClockMs(CLOCK_MONOTONIC);
}

int64_t Longer(int64_t pause_ms) {
  return pause_ms == 0 ? kFirstPauseMs : std::min(2 * pause_ms, kLongestPauseMs);
}

void Wake(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(fd, &one, sizeof one);  // full is awake
}

std::string StatusText(const SubmitAnswer& answer) {
  return answer.status == 0 ? answer.detail : std::to_string(answer.status) + ": " + answer.detail;
}

}  // namespace

/// A message of the batch, and what became of it.
struct Bridge::Mapped {
  Result<MappedMessage> result;
  size_t bytes = 0;
};

Bridge::Bridge(BridgeOptions options, SubmitPort* submit, DeadLetterPort* dead_letters, BridgeReports reports, BridgeCounters* counters)
    : options_(std::move(options)),
      submit_(submit),
      dead_letters_(dead_letters),
      reports_(std::move(reports)),
      counters_(counters),
      random_(RandomBytes(kRandomBytes)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      intake_([this] { Wake(wake_fd_); }),
      most_messages_(kMostMessages),
      prefetch_(options_.prefetch, options_.buffer_bytes) {
  NOTIFYD_CHECK(wake_fd_ >= 0);
}

Bridge::~Bridge() {
  close(wake_fd_);
}

void Bridge::Stop() {
  stop_asked_ = true;
  Wake(wake_fd_);
}

Status Bridge::Run() {
  {
    BigThread queue([this] { RunQueue(); });
    if (WaitForBroker()) SubmitBatches();
    submits_over_ = true;
    Wake(wake_fd_);
  }
  return failed_ ? failure_ : Status::Ok();
}

// ---- the thread of Run

bool Bridge::WaitForBroker() {
  while (!intake_.stopped()) {
    const SubmitAnswer answer = submit_->Probe();
    const Acceptance verdict = AcceptanceOf(answer.status);
    if (verdict == Acceptance::kAccepted) {
      pause_ms_ = 0;
      if (outage_.End()) reports_.note("the broker is there");
      counters_->broker_there = 1;
      intake_.SetBrokerThere(true);
      return true;
    }
    if (verdict != Acceptance::kAway) {
      Fail(Status(Code::kForbidden, StatusText(answer)));
      return false;
    }
    Away(intake_.connection(), answer);
  }
  return false;
}

void Bridge::SubmitBatches() {
  while (!intake_.stopped()) {
    // Where the connection was lost while the broker was away no new one is made before it is there again.
    if (!intake_.broker_there() && !WaitForBroker()) return;
    if (std::optional<Intake::Batch> batch = intake_.Take(kMostMessages, kMostBytes, kTakeMs)) SubmitBatch(*batch);
    SayWhetherOver();
  }
}

void Bridge::SubmitBatch(const Intake::Batch& batch) {
  std::vector<Mapped> mapped;
  for (const AmqpDelivery& delivery : batch.deliveries) {
    // What is submitted again since no answer came, or none that says what became of it, may have been accepted.
    Mapped each{MapMessage(delivery.message, options_.mapping, DeliveryKeyOf(random_, batch.connection, delivery.tag))};
    if (each.result.ok()) {
      for (const std::string& notify : each.result->notifies) each.bytes += notify.size() + 1;
      counters_->labels_left_out += each.result->labels_left_out;
      counters_->unkeyed += !each.result->keyed;
      if (!each.result->keyed && !std::exchange(said_unkeyed_, true))
        reports_.note(
            "there are messages with nothing to make an idempotency key of: such a message may be submitted twice after a crash, or a lost "
            "connection to the queue");
    }
    mapped.push_back(std::move(each));
  }
  BatchPlan plan(batch.deliveries.size());
  while (!plan.done() && !intake_.Gone(batch.connection)) {
    BatchPlan::Range range = plan.Next(most_messages_);
    if (const Result<MappedMessage>& first = mapped[range.from].result; !first.ok()) {
      const int status = first.status().code() == Code::kMalformed ? 400 : first.status().code() == Code::kTooLarge ? 413 : 422;
      if (!KeepDeadLetter(batch, range.from, status, first.status().detail(), first.status().field())) return;
      plan.Settle(range.from + 1);
      continue;
    }
    range.to = EndOf(mapped, range);
    if (!SubmitRange(batch, mapped, range, &plan)) return;
  }
}

size_t Bridge::EndOf(const std::vector<Mapped>& mapped, BatchPlan::Range range) const {
  size_t bytes = 0, notifies = 0, to = range.from;
  for (; to < range.to && mapped[to].result.ok(); ++to) {
    bytes += mapped[to].bytes;
    notifies += mapped[to].result->notifies.size();
    if (to > range.from && (bytes > kMostBytes || notifies > kMostNotifies)) break;
  }
  return to;
}

bool Bridge::SubmitRange(const Intake::Batch& batch, const std::vector<Mapped>& mapped, BatchPlan::Range range, BatchPlan* plan) {
  std::string body = "[";
  std::vector<size_t> message_of;  // by the notify's place in the request
  for (size_t i = range.from; i < range.to; ++i)
    for (const std::string& notify : mapped[i].result->notifies) {
      if (!message_of.empty()) body += ',';
      body += notify;
      message_of.push_back(i);
    }
  body += ']';
  const SubmitAnswer answer = submit_->Submit(body);
  switch (AcceptanceOf(answer.status)) {
    case Acceptance::kAccepted:
      if (answer.items != message_of.size()) {
        Fail(Status(Code::kForbidden, "what answers is no notifyd: " + std::to_string(message_of.size()) + " notifies were submitted, and " +
                                          std::to_string(answer.items) + " answered for"));
        return false;
      }
      Accepted(batch, range, answer);
      plan->Settle(range.to);
      return true;
    case Acceptance::kRefused: {
      if (range.size() == 1) {
        if (!KeepDeadLetter(batch, range.from, answer.status, answer.detail, answer.field)) return false;
        plan->Settle(range.to);
        return true;
      }
      const std::optional<BatchItem> item = BatchItemOf(answer.field);
      plan->Split(range, item && item->index < message_of.size() ? std::optional(message_of[item->index]) : std::nullopt);
      return true;
    }
    case Acceptance::kAway:
      // A quota, a rate or a disk may have room for a few, a broker in a hurry time for a few, and never for as many as these.
      most_messages_ = std::max<size_t>(1, range.size() / 2);
      Away(batch.connection, answer);
      return true;
    case Acceptance::kStop:
      Fail(Status(Code::kForbidden, StatusText(answer)));
      return false;
  }
  return false;
}

void Bridge::Accepted(const Intake::Batch& batch, BatchPlan::Range range, const SubmitAnswer& answer) {
  counters_->accepted += range.size();
  counters_->notifies += answer.items;
  counters_->duplicates += answer.duplicates;
  counters_->broker_there = 1;
  pause_ms_ = 0;
  most_messages_ = std::min(2 * most_messages_, kMostMessages);
  if (!intake_.broker_there()) intake_.SetBrokerThere(true);
  SayWhetherOver();
  intake_.Settle(batch.connection, batch.deliveries[range.to - 1].tag);
}

bool Bridge::KeepDeadLetter(const Intake::Batch& batch, size_t index, int status, const std::string& reason, const std::string& field) {
  const AmqpDelivery& delivery = batch.deliveries[index];
  int64_t pause_ms = 0;
  while (!intake_.Gone(batch.connection)) {
    Status kept = dead_letters_->Keep({&delivery.message, options_.mapping.queue, status, reason, field, ReadWall().ms});
    if (kept.ok()) {
      if (pause_ms > 0) reports_.note("dead letters are kept again");
      ++counters_->dead_letters;
      reports_.note("refused (" + std::to_string(status) + "), kept as a dead letter: " + reason + (field.empty() ? "" : " (" + field + ")"));
      intake_.Settle(batch.connection, delivery.tag);
      return true;
    }
    if (kept.code() == Code::kIo) {
      Fail(std::move(kept));
      return false;
    }
    if (pause_ms == 0) reports_.note(kept.detail() + "; trying again");
    pause_ms = Longer(pause_ms);
    intake_.Pause(batch.connection, pause_ms);
  }
  return false;
}

void Bridge::Away(uint64_t connection, const SubmitAnswer& answer) {
  ++counters_->failed_submits;
  counters_->broker_there = 0;
  if (intake_.broker_there()) intake_.SetBrokerThere(false);
  if (const std::string why = StatusText(answer); outage_.Failed(why, NowMs())) reports_.note("the broker does not take submits, which wait: " + why);
  pause_ms_ = Longer(pause_ms_);
  intake_.Pause(connection, std::max(pause_ms_, std::min(answer.retry_after_ms, kLongestRetryAfterMs)));
}

void Bridge::SayWhetherOver() {
  if (intake_.broker_there() && outage_.Worked(NowMs())) reports_.note("the broker takes submits again");
}

void Bridge::Fail(Status why) {
  if (!failed_.exchange(true)) failure_ = std::move(why);
  intake_.Stop();
}

// ---- the thread of the queue

void Bridge::RunQueue() {
  int64_t pause_ms = 0;
  bool was_there = false;
  Outage outage;
  while (!submits_over_) {
    if (stop_asked_ || intake_.stopped() || !intake_.broker_there()) {
      if (stop_asked_) intake_.Stop();
      ShowState();
      Sleep(-1, kSleepMs);
      continue;
    }
    std::unique_ptr<AmqpLink> link;
    Status status = Connect(&link);
    if (status.ok()) {
      reports_.note((was_there ? "connected again to " : "connected to ") + options_.address.ToString() + ", queue " + options_.mapping.queue);
      was_there = true;
      outage.End();
      const int64_t since_ms = NowMs();
      intake_.Begin();
      status = Serve(link.get());
      counters_->connected = counters_->held = counters_->held_bytes = 0;
      prefetch_.EndConnection(filled_by_);
      if (status.ok()) link->Close();
      link.reset();
      intake_.Begin();  // what it brought and is not acknowledged is the queue's again
      if (status.ok()) continue;
      // Where each connection ends at once, and its messages with it, they are not handed out ten times a second.
      if (NowMs() - since_ms > kLongestPauseMs) pause_ms = 0;
    } else if (!was_there && (status.code() == Code::kForbidden || status.code() == Code::kNotFound)) {
      Fail(std::move(status));
      continue;
    }
    if (outage.Failed(status.detail(), NowMs()))
      reports_.note(status.detail() + (status.code() == Code::kConflict ? "; waiting for it" : "; trying again"));
    pause_ms = Longer(pause_ms);
    for (const int64_t until_ms = NowMs() + pause_ms; NowMs() < until_ms && !stop_asked_ && !intake_.stopped();) Sleep(-1, until_ms - NowMs());
  }
}

Status Bridge::Connect(std::unique_ptr<AmqpLink>* link) {
  Result<std::unique_ptr<AmqpLink>> opened = AmqpLink::Open(options_.address, "notifyctl bridge amqp: " + options_.mapping.queue);
  if (!opened.ok()) return std::move(opened).status();
  NOTIFYD_TRY((*opened)->Consume(options_.mapping.queue, prefetch_.now(), options_.exclusive));
  *link = *std::move(opened);
  counters_->connected = 1;
  ++counters_->connections;
  return Status::Ok();
}

Status Bridge::Serve(AmqpLink* link) {
  uint64_t acknowledged = 0;
  found_empty_at_.reset();
  lets_go_ = no_stream_ = false;
  read_ms_ = NowMs();
  for (;;) {
    const bool over = submits_over_ || (lets_go_ && intake_.held() == 0);
    if (stop_asked_) intake_.Stop();
    const bool fits = MayRead(), unread_for_long = !fits && NowMs() - read_ms_ > options_.most_unread_ms;
    if (!lets_go_) filled_by_ = fits ? 0 : intake_.held();
    const bool reads = !intake_.stopped() && (fits || lets_go_ || unread_for_long);
    if (reads) {
      NOTIFYD_TRY(ReadSome(link, unread_for_long));
      read_ms_ = NowMs();
    }
    NOTIFYD_TRY(AcknowledgeSettled(link, &acknowledged));
    counters_->held = intake_.held();
    counters_->held_bytes = intake_.held_bytes();
    ShowState();
    if (over) return Status::Ok();
    if (options_.until_empty && !lets_go_) NOTIFYD_TRY(LookWhetherEmpty(link));
    if (!reads && NowMs() - beat_ms_ > AmqpLink::kHeartbeatS * 1000 / 2) {
      beat_ms_ = NowMs();
      NOTIFYD_TRY(link->Beat());
    }
    Sleep(reads ? link->fd() : -1, kSleepMs);
  }
}

Status Bridge::ReadSome(AmqpLink* link, bool whatever_fits) {
  for (int i = 0; i < kReadAtOnce && (lets_go_ || MayRead() || whatever_fits); ++i) {
    AmqpDelivery delivery;
    Result<bool> came = link->Next(&delivery);
    if (!came.ok()) return std::move(came).status();
    if (!*came) return Status::Ok();
    ++counters_->received;
    if (whatever_fits && !lets_go_ && !MayRead()) LetGo();
    whatever_fits = false;
    if (lets_go_) continue;
    NOTIFYD_TRY(RefuseStream(link, delivery.message));
    intake_.Add(std::move(delivery));
  }
  Wake(wake_fd_);  // there may be more than the socket tells of
  return Status::Ok();
}

void Bridge::LetGo() {
  lets_go_ = true;
  filled_by_ = intake_.held();
  reports_.note("the messages that are held take --buffer-bytes, and nothing was read for " + std::to_string(options_.most_unread_ms / 1000) +
                " s: more of them are let go, and taken again, fewer at once, when those are done with");
}

Status Bridge::RefuseStream(AmqpLink* link, const AmqpMessage& message) {
  if (no_stream_ || message.Header("x-stream-offset") == nullptr) return Status::Ok();
  // A copy of a stream's message in a queue, as shovels make them, has the header, too; but of a stream its server says that nobody takes from it.
  Result<AmqpLink::Counts> counts = link->LookAt(options_.mapping.queue);
  if (!counts.ok()) return std::move(counts).status();
  no_stream_ = counts->consumers > 0;
  if (!no_stream_)
    Fail(Status(Code::kForbidden, options_.mapping.queue +
                                      " is a stream, and no queue: what comes to it while no bridge is connected would be left out; " +
                                      "bind a queue to where its messages come from, or have a shovel copy them into one"));
  return Status::Ok();
}

Status Bridge::AcknowledgeSettled(AmqpLink* link, uint64_t* acknowledged) {
  const uint64_t settled = intake_.settled();
  if (settled <= *acknowledged) return Status::Ok();
  NOTIFYD_TRY(link->Acknowledge(settled));
  *acknowledged = settled;
  return Status::Ok();
}

Status Bridge::LookWhetherEmpty(AmqpLink* link) {
  if (intake_.held() > 0 || NowMs() - looked_ms_ < kLookEveryMs) return Status::Ok();
  looked_ms_ = NowMs();
  Result<AmqpLink::Counts> counts = link->LookAt(options_.mapping.queue);
  if (!counts.ok()) return std::move(counts).status();
  NOTIFYD_TRY(ReadSome(link, /*whatever_fits=*/false));
  // A server counts what it has handed out as gone from the queue, and may answer before it has sent that: RabbitMQ's channel looks at the queue
  // ahead of the messages that it was handed before. So once is not enough: twice nothing waits, and nothing has come since the first time.
  const std::optional<uint64_t> found_empty_at = std::exchange(found_empty_at_, std::nullopt);
  if (counts->waiting > 0) return Status::Ok();
  if (found_empty_at == counters_->received) Stop();
  found_empty_at_ = counters_->received;
  return Status::Ok();
}

void Bridge::Sleep(int fd, int64_t most_ms) {
  pollfd entries[] = {{wake_fd_, POLLIN, 0}, {fd, POLLIN, 0}};
  poll(entries, 2, static_cast<int>(std::min(most_ms, kShowEveryMs)));
  uint64_t count = 0;
  [[maybe_unused]] ssize_t got = read(wake_fd_, &count, sizeof count);
}

void Bridge::ShowState() {
  reports_.show(!intake_.broker_there() ? "the broker" : counters_->connected == 0 ? "the queue" : "");
}

}  // namespace notifyd
