#include "net/api/live.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clocks.h"
#include "net/api/figures_json.h"

namespace notifyd {
namespace {

/// To whoever has not taken so much, nothing further is sent; and he is dropped where that stays so.
constexpr size_t kMostUnsent = 64 << 10;
constexpr int64_t kDropAfterUs = 30'000'000;
/// So long after the last piece a comment shows that the connection is alive.
constexpr int64_t kCommentAfterUs = 15'000'000;
/// A timer may come so much before its time.
constexpr int64_t kEarlyMs = 20;
/// Of the hosts that fail.
constexpr size_t kHosts = 10;

}  // namespace

Live::~Live() {
  options_.listeners->fetch_sub(listeners_.size(), std::memory_order_relaxed);
}

int64_t Live::NowUs() const {
  return options_.monotonic_us ? options_.monotonic_us() : ReadClockUs(CLOCK_MONOTONIC);
}

Status Live::Open(uint64_t token, const Asker& asker) {
  const bool whole = SightOf(asker).process;
  // Whoever administers all namespaces finds a place whatever others do; one namespace does not take those of the rest.
  const size_t quarter = options_.max_listeners / 4;
  const size_t most = whole ? options_.max_listeners : options_.max_listeners - quarter;
  auto space_of_it = spaces_.find(asker.number());
  const bool has_its_part = !whole && space_of_it != spaces_.end() && space_of_it->second.listeners >= std::max<size_t>(1, quarter);
  if (has_its_part || options_.listeners->fetch_add(1, std::memory_order_relaxed) >= most) {
    if (!has_its_part) options_.listeners->fetch_sub(1, std::memory_order_relaxed);
    return Status(Code::kTooMany, "too many listen already (limits.live); ask for /v1/stats now and then instead");
  }
  HttpResponse head;
  head.content_type = kEventStream;
  // Whoever loses the connection comes again after a while that is not the same for all.
  head.body = "retry: " + std::to_string(2'000 + token % 1'000) + "\n\n";
  responder_->BeginStream(token, std::move(head));
  Listener& listener = listeners_[token];
  listener.asker = asker;
  listener.whole = whole;
  listener.sent_us = NowUs();
  Space& space = spaces_[asker.number()];
  ++space.listeners;
  // Many who come do not make it more than one event a second for those who are there.
  if (space.asked_us == 0) {
    Ask(asker.number(), &space);
  } else if (!space.events[whole].empty()) {
    Send(token, &listener, space.events[whole]);
    listener.came_us = listener.sent_us;
  }
  Arm();
  return Status::Ok();
}

void Live::Forget(uint64_t token) {
  auto found = listeners_.find(token);
  const NamespaceNumber number = found->second.asker.number();
  listeners_.erase(found);
  options_.listeners->fetch_sub(1, std::memory_order_relaxed);
  Space& space = spaces_[number];
  // An answer that is under way is that of who comes before it: it is not asked for once more.
  if (--space.listeners == 0 && !space.under_way) spaces_.erase(number);
}

bool Live::Close(uint64_t token) {
  if (!listeners_.contains(token)) return false;
  Forget(token);
  return true;
}

void Live::OnWritable(uint64_t token) {
  auto found = listeners_.find(token);
  if (found == listeners_.end()) return;
  found->second.unsent = 0;
  found->second.passed_us = 0;
}

void Live::Ask(NamespaceNumber number, Space* space) {
  space->under_way = true;
  space->asked_us = NowUs();
  NowAsk ask;
  ask.hosts = kHosts;
  switchboard_->Post(number, FiguresRequest{{options_.thread, kTokenBit | number}, std::make_shared<const FiguresAsk>(FiguresAsk{ask})});
}

void Live::Arm() {
  if (armed_ || !options_.live_timer) return;
  armed_ = true;
  options_.live_timer(kEveryMs, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    armed_ = false;
    Tick();
  });
}

void Live::Tick() {
  EndWhatIsOver();
  std::vector<uint64_t> dropped;
  for (auto& [token, listener] : listeners_) {
    if (NowUs() - listener.sent_us >= kCommentAfterUs && listener.unsent < kMostUnsent) Send(token, &listener, ":\n\n");
    if (listener.passed_us != 0 && NowUs() - listener.passed_us >= kDropAfterUs) dropped.push_back(token);
  }
  for (uint64_t token : dropped) {
    Forget(token);
    responder_->BreakStream(token);
  }
  for (auto& [number, space] : spaces_)
    if (!space.under_way && IsOver(space.asked_us)) Ask(number, &space);
  if (!listeners_.empty()) Arm();
}

bool Live::TookReply(const Reply& reply) {
  if ((reply.request.token & kTokenBit) == 0) return false;
  const auto number = static_cast<NamespaceNumber>(reply.request.token & ~kTokenBit);
  auto found = spaces_.find(number);
  if (found == spaces_.end()) return true;
  Space& space = found->second;
  space.under_way = false;
  if (space.listeners == 0) {
    spaces_.erase(found);
    return true;
  }
  const FiguresAnswered* answered = std::get_if<FiguresAnswered>(&reply.body);
  std::vector<uint64_t> listening;
  for (const auto& [token, listener] : listeners_)
    if (listener.asker.number() == number) listening.push_back(token);
  if (!answered) {
    // It was removed, or the broker stops.
    for (uint64_t token : listening) {
      Forget(token);
      responder_->EndStream(token, /*close=*/true);
    }
    return true;
  }
  const FiguresNow& now = *std::get<std::shared_ptr<const FiguresNow>>(answered->answer->what);
  const ProcessStats process = options_.process ? options_.process() : ProcessStats();
  for (std::string& event : space.events) event.clear();
  for (uint64_t token : listening) {
    Listener& listener = listeners_.at(token);
    if (const int64_t came_us = std::exchange(listener.came_us, 0); came_us != 0 && !IsOver(came_us)) continue;
    std::string& event = space.events[listener.whole];
    if (event.empty()) event = LiveEvent(now, process, options_.version, listener.whole);
    if (listener.unsent < kMostUnsent) Send(token, &listener, event);
    else if (listener.passed_us == 0) listener.passed_us = NowUs();
  }
  return true;
}

void Live::Send(uint64_t token, Listener* listener, std::string_view piece) {
  listener->unsent = responder_->Stream(token, piece);
  listener->sent_us = NowUs();
  listener->passed_us = 0;
}

/// Returns whether it is a second since then, or so little less that the timer that came is that second's.
bool Live::IsOver(int64_t since_us) const {
  return NowUs() - since_us >= (kEveryMs - kEarlyMs) * 1'000;
}

void Live::EndWhatIsOver() {
  std::vector<uint64_t> over;
  for (const auto& [token, listener] : listeners_)
    if (!holds_(listener.asker)) over.push_back(token);
  for (uint64_t token : over) {
    Forget(token);
    responder_->EndStream(token, /*close=*/true);
  }
}

void Live::End(NamespaceNumber number) {
  std::vector<uint64_t> of_it;
  for (const auto& [token, listener] : listeners_)
    if (listener.asker.number() == number) of_it.push_back(token);
  for (uint64_t token : of_it) {
    Forget(token);
    responder_->EndStream(token, /*close=*/true);
  }
}

void Live::EndAll() {
  while (!listeners_.empty()) {
    const uint64_t token = listeners_.begin()->first;
    Forget(token);
    responder_->EndStream(token, /*close=*/true);
  }
}

}  // namespace notifyd
