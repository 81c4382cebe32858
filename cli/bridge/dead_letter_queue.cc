#include "cli/bridge/dead_letter_queue.h"

#include <time.h>

#include <utility>
#include <vector>

#include "base/clocks.h"
#include "base/time.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

constexpr size_t kReasonMost = 1024;
constexpr int64_t kAtOnceMs = 1000;

}  // namespace

Status DeadLetterQueue::Prepare() {
  if (link_) return Status::Ok();
  Result<std::unique_ptr<AmqpLink>> link = AmqpLink::Open(address_, "notifyctl bridge amqp: dead letters");
  if (!link.ok()) return std::move(link).status();
  if (Result<AmqpLink::Counts> there = (*link)->LookAt(queue_); !there.ok()) return std::move(there).status();
  link_ = *std::move(link);
  return Status::Ok();
}

Status DeadLetterQueue::Keep(const RefusedMessage& refused) {
  // A connection on which nothing was said for long has been closed, which is told at once: it is made again, once.
  const bool fresh = !link_;
  const int64_t since_ms = ReadClockMs(CLOCK_MONOTONIC);
  Status kept = Publish(refused);
  if (!kept.ok() && !fresh && ReadClockMs(CLOCK_MONOTONIC) - since_ms < kAtOnceMs) kept = Publish(refused);
  return kept.ok() ? kept : Status(Code::kUnavailable, "the dead letter cannot be published: " + kept.detail());
}

Status DeadLetterQueue::Publish(const RefusedMessage& refused) {
  NOTIFYD_TRY(Prepare());
  std::vector<std::pair<std::string, std::string>> why = {
      {"notifyd-reason", RepairUtf8(refused.reason, kReasonMost)},
      {"notifyd-status", std::to_string(refused.status)},
      {"notifyd-queue", refused.queue},
      {"notifyd-at", FormatRfc3339(WallTime{refused.at_ms})},
  };
  if (!refused.field.empty()) why.emplace_back("notifyd-field", RepairUtf8(refused.field, kReasonMost));
  Status published = link_->Publish(queue_, *refused.message, why);
  if (!published.ok()) link_.reset();
  return published;
}

}  // namespace notifyd
