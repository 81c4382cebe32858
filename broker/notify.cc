#include "broker/notify.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace notifyd {
namespace {

constexpr std::array<const char*, 9> kStates = {"held", "scheduled", "ready", "sending", "retrying", "succeeded", "failed", "cancelled", "expired"};
constexpr std::array<const char*, 2> kModes = {"concurrent", "fifo"};
constexpr std::array<const char*, 6> kMethods = {"POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"};
constexpr std::array<const char*, 3> kOnHeld = {"reject", "replace", "keep"};
constexpr std::array<const char*, 2> kOnRetry = {"block", "skip"};
constexpr std::array<const char*, 2> kOnFailure = {"continue", "pause"};

template <class E, size_t N>
std::optional<E> Find(const std::array<const char*, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (text == names[i]) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace

bool HasLabels(const Envelope& envelope, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
    return envelope.labels && std::find(envelope.labels->begin(), envelope.labels->end(), each) != envelope.labels->end();
  });
}

const char* ToString(State state) {
  return kStates[static_cast<size_t>(state)];
}
const char* ToString(Mode mode) {
  return kModes[static_cast<size_t>(mode)];
}
const char* ToString(Method method) {
  return kMethods[static_cast<size_t>(method)];
}
const char* ToString(OnHeld on_held) {
  return kOnHeld[static_cast<size_t>(on_held)];
}
State StateSeen(const NotifyState& state, const Now& now, bool in_lane) {
  if (IsSettled(state.phase)) return static_cast<State>(state.phase);  // the settled ones have one number in both
  if (in_lane) return State::kReady;
  switch (state.phase) {
    case Phase::kHeld:
      return state.due > now.wall ? State::kHeld : State::kReady;
    case Phase::kWaiting:
      return state.at_once || state.due <= now.wall ? State::kReady : State::kScheduled;
    default:
      return state.retry_at > now.mono ? State::kRetrying : State::kReady;
  }
}

Index IndexOf(const NotifyState& state, bool in_tail) {
  if (IsSettled(state.phase)) return Index::kNone;
  if (state.phase == Phase::kHeld && state.due == kWallNever) return Index::kHeld;
  if (in_tail) return Index::kTail;
  if (state.phase == Phase::kRetrying) return Index::kRetrying;
  if (state.phase == Phase::kWaiting) return Index::kDue;
  return Index::kHeldDue;
}

std::optional<State> ParseState(std::string_view text) {
  return Find<State>(kStates, text);
}
std::optional<Mode> ParseMode(std::string_view text) {
  return Find<Mode>(kModes, text);
}
std::optional<Method> ParseMethod(std::string_view text) {
  return Find<Method>(kMethods, text);
}
std::optional<OnHeld> ParseOnHeld(std::string_view text) {
  return Find<OnHeld>(kOnHeld, text);
}

const char* ToString(OnRetry on_retry) {
  return kOnRetry[static_cast<size_t>(on_retry)];
}
const char* ToString(OnFailure on_failure) {
  return kOnFailure[static_cast<size_t>(on_failure)];
}
std::optional<OnRetry> ParseOnRetry(std::string_view text) {
  return Find<OnRetry>(kOnRetry, text);
}
std::optional<OnFailure> ParseOnFailure(std::string_view text) {
  return Find<OnFailure>(kOnFailure, text);
}

const RetryPolicy& Envelope::retry_policy() const {
  static const RetryPolicy kDefault;
  return retry ? *retry : kDefault;
}

void ApplyChange(const StateChange& change, NotifyRecord* record) {
  record->state = change.state;
  if (!change.attempt) return;
  record->attempts.push_back(*change.attempt);
  if (record->attempts.size() > kAttemptsKept)
    record->attempts.erase(record->attempts.begin(), record->attempts.end() - static_cast<ptrdiff_t>(kAttemptsKept));
}

void LeaveOutData(FkeyRecord* record, size_t kept) {
  if (!record->remembered || !record->remembered->data || record->remembered->data->size() <= kept) return;
  auto without = std::make_shared<RememberedTrigger>();
  without->due = record->remembered->due;
  without->left_out = record->remembered->data->size();
  record->remembered = std::move(without);
}

}  // namespace notifyd
