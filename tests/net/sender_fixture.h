// A sender on a loop of its own thread, and a sink that tests wait at.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "broker/spec.h"
#include "net/sender/plain_sender.h"
#include "support/loop_thread.h"
#include "support/slowness.h"
#include "support/tiny_receiver.h"

namespace notifyd {

inline NotifySpec SpecFor(std::string url) {
  NotifySpec spec;
  spec.url = std::move(url);
  spec.timeout_ms = 20'000;
  return spec;
}

inline NotifySpec PostOf(std::string url, std::string body) {
  NotifySpec spec = SpecFor(std::move(url));
  spec.payload_kind = PayloadKind::kBody;
  spec.payload = std::move(body);
  return spec;
}

class SenderFixture : public EventSink, public LoopThread {
 public:
  explicit SenderFixture(SenderOptions options = {}) {
    if (options.user_agent.empty()) options.user_agent = "notifyd/test";
    OnLoop([&] {
      Result<std::unique_ptr<PlainSender>> made = PlainSender::Create(&loop(), this, options);
      Must(made.ok(), "Create");
      sender_ = *std::move(made);
    });
  }
  ~SenderFixture() override {
    OnLoop([this] { sender_.reset(); });
    Stop();
  }

  void Post(Event event) override {
    Must(!inside_start_, "an end was posted from inside Start");
    if (const auto* reached = std::get_if<AttemptReached>(&event)) {
      std::lock_guard lock(mutex_);
      Must(!ended_.contains(reached->id.value) && reached_.insert(reached->id.value).second && reached->number == 3, "a connection came about late");
      changed_.notify_all();
      return;
    }
    auto& ended = std::get<AttemptEnded>(event);
    std::lock_guard lock(mutex_);
    Must(ended_.emplace(ended.id.value, std::move(ended.result)).second, "an attempt ended twice");
    changed_.notify_all();
  }

  /// On the loop's thread, like the next three.
  uint64_t judged_apart() { return sender_->judged_apart(); }
  uint64_t prepared_apart() { return sender_->prepared_apart(); }
  PlainSender& sender() { return *sender_; }
  /// What is to happen in the turn of the loop in which the next attempt starts, behind that.
  std::function<void()> behind_start;

  using Over = StartAttempt::Over;
  NotifyId Start(const NotifySpec& spec, Envelope envelope = {}, Over over = Over::kAny) {
    return StartEncoded(EncodeSpec(spec), std::move(envelope), over);
  }
  NotifyId StartEncoded(std::string spec, Envelope envelope = {}, Over over = Over::kAny) {
    StartAttempt attempt;
    attempt.id = NotifyId::Of(in_namespace, ++last_id_);
    attempt.number = 3;
    attempt.at = at;
    attempt.envelope = std::make_shared<const Envelope>(std::move(envelope));
    attempt.spec = std::make_shared<const std::string>(std::move(spec));
    attempt.over = over;
    attempt.instance = instance;
    attempt.capture_bytes = capture_bytes;
    attempt.capture_ms = capture_ms;
    attempt.tell_reached = tell_reached;
    const NotifyId id = attempt.id;
    OnLoop([&] {
      inside_start_ = true;
      sender_->Start(std::move(attempt));
      inside_start_ = false;
      if (behind_start) std::exchange(behind_start, nullptr)();
    });
    return id;
  }
  AttemptResult Wait(NotifyId id) {
    std::unique_lock lock(mutex_);
    Must(changed_.wait_for(lock, test::AtMostSeconds(60), [&] { return ended_.contains(id.value); }), "no end within a minute");
    return ended_[id.value];
  }
  void WaitReached(NotifyId id) {
    std::unique_lock lock(mutex_);
    Must(changed_.wait_for(lock, test::AtMostSeconds(60), [&] { return reached_.contains(id.value); }), "no connection within a minute");
  }
  bool Reached(NotifyId id) {
    std::lock_guard lock(mutex_);
    return reached_.contains(id.value);
  }
  AttemptResult Send(const NotifySpec& spec, Envelope envelope = {}, Over over = Over::kAny) { return Wait(Start(spec, std::move(envelope), over)); }

  size_t in_flight() {
    size_t count = 0;
    OnLoop([&] { count = sender_->in_flight(); });
    return count;
  }
  Status Reload(SenderOptions options) {
    Status status;
    OnLoop([&] { status = sender_->Reload(options); });
    return status;
  }
  /// These are all the namespaces that there are.
  void SetTable(const std::vector<NamespaceRow>& rows) {
    AccessTable table;
    for (const NamespaceRow& row : rows) table.PutNamespace(row.name, std::make_shared<const NamespaceRow>(row));
    OnLoop([&] { sender_->SetTable(std::make_shared<const AccessTable>(table)); });
  }
  void SetSelf(SenderSelf self) {
    OnLoop([&] { sender_->SetSelf(std::move(self)); });
  }
  void Abort() {
    OnLoop([this] { sender_->Abort(); });
  }
  NamespaceNumber in_namespace = kDefaultNumber;  // of the attempts that are started
  WallTime at{1'700'000'000'000};                 // and their time
  std::shared_ptr<const StartAttempt::Instance> instance;  // where they go; null: to their URLs
  uint32_t capture_bytes = 0;                              // and what they are to bring
  int64_t capture_ms = kMonoNever.ms;                      // and for how long they may wait for that
  bool tell_reached = false;

  size_t ended() {
    std::lock_guard lock(mutex_);
    return ended_.size();
  }

 private:
  std::unique_ptr<PlainSender> sender_;
  uint64_t last_id_ = 0;
  bool inside_start_ = false;  // loop thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, AttemptResult> ended_;
  std::set<uint64_t> reached_;
};

}  // namespace notifyd
