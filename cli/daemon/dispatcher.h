// Dispatcher: carries replies to the io thread that asked, and attempts to the io thread that the host belongs to, or to whom runs commands, or sends
// alerts. One a shard, on its thread. Where that is the only io thread's everything is handed over directly; else one vector a thread a flush.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/histogram.h"
#include "broker/flow.h"
#include "broker/ports.h"
#include "cli/daemon/alert_sampler.h"
#include "cli/daemon/tracing.h"
#include "net/alerts/alert_sender.h"
#include "net/api/api.h"
#include "net/loop.h"
#include "net/sender/plain_sender.h"

namespace notifyd {

class Dispatcher : public Sender, public ReplySink {
 public:
  struct Target {
    Loop* loop;
    Api* api;
    PlainSender* sender;
  };
  /// `targets`: by RequestId::thread; borrowed, like `lateness`, `tracing` (null: nothing is traced) and `commands`, which takes attempts to
  /// "command:NAME" from any thread. `direct`: the shard runs on the loop of the only target.
  Dispatcher(std::vector<Target> targets, Sender* commands, bool direct, Histogram* lateness, Tracing* tracing)
      : targets_(std::move(targets)), commands_(commands), direct_(direct), lateness_(lateness), tracing_(tracing), gathered_(targets_.size()) {}

  /// Who takes the attempts of `system`, and what the sampler asked for. Borrowed; before anything comes.
  void SetAlerts(AlertSender* sender, AlertSampler* sampler) {
    alerts_ = sender;
    sampler_ = sampler;
  }

  void Start(StartAttempt attempt) override {
    lateness_->Observe(attempt.late_ms * 1000);
    if (tracing_) tracing_->Started(attempt);
    if (attempt.id.number() == kSystemNumber) {
      std::optional<StartAttempt> call = alerts_->Take(std::move(attempt));
      if (!call) return;
      attempt = *std::move(call);
    }
    if (!CommandOf(attempt.envelope->host).empty()) return commands_->Start(std::move(attempt));
    if (direct_) return targets_[0].sender->Start(std::move(attempt));
    // All calls to a host from one thread, so that its connections are reused.
    size_t thread = std::hash<std::string>()(attempt.envelope->host) % targets_.size();
    gathered_[thread].starts.push_back(std::move(attempt));
  }

  void Send(Reply reply) override {
    if (reply.request.thread == AlertSampler::kThread) return sampler_->OnReply(std::move(reply));
    if (direct_) return targets_[0].api->OnReply(std::move(reply));
    NOTIFYD_CHECK(reply.request.thread < targets_.size());
    gathered_[reply.request.thread].replies.push_back(std::move(reply));
  }

  void Flush() {
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (gathered_[i].starts.empty() && gathered_[i].replies.empty()) continue;
      auto batch = std::make_shared<Batch>(std::exchange(gathered_[i], {}));
      targets_[i].loop->Post([target = targets_[i], batch] {
        for (StartAttempt& attempt : batch->starts) target.sender->Start(std::move(attempt));
        for (Reply& reply : batch->replies) target.api->OnReply(std::move(reply));
      });
    }
  }

 private:
  struct Batch {
    std::vector<StartAttempt> starts;
    std::vector<Reply> replies;
  };
  std::vector<Target> targets_;
  Sender* commands_;
  bool direct_;
  Histogram* lateness_;
  Tracing* tracing_;
  AlertSender* alerts_ = nullptr;
  AlertSampler* sampler_ = nullptr;
  std::vector<Batch> gathered_;
};

}  // namespace notifyd
