#include "cli/client/top.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "cli/client/terminal.h"
#include "cli/client/top_view.h"

namespace notifyd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPlainColumns = 200, kPlainRows = 60;

Exit Failed(const Status& fault) {
  Complain(fault.detail());
  return fault.code() == Code::kUnavailable ? kUnreachable : kRefused;
}

Exit Once(const Context& context, const TopArguments& arguments) {
  Result<TopLook> before = LookAtCounters(context.client);
  if (!before.ok()) return Failed(before.status());
  std::this_thread::sleep_for(std::chrono::milliseconds(arguments.interval_ms));
  Result<TopLook> now = LookAtCounters(context.client);
  if (!now.ok()) return Failed(now.status());
  Result<TopView> view = LookAtAll(context.client, &*before, *now, arguments.order);
  if (!view.ok()) return Failed(view.status());
  if (context.json) {
    PrintLine(TopJson(*view));
    return kDone;
  }
  for (const std::string& line : TopLines(*view, arguments.order, "", kPlainColumns, kPlainRows)) PrintLine(line);
  return kDone;
}

/// The view until somebody leaves it. A broker that goes away is said in a line, and looked for again.
class Live {
 public:
  Live(const Context& context, const TopArguments& arguments, TopLook first, TopView view)
      : client_(context.client), interval_(arguments.interval_ms), order_(arguments.order), before_(std::move(first)), view_(std::move(view)) {
    // A broker that hangs must not keep anybody in here.
    client_->GiveUpWhen([this] {
      while (!left_) {
        Terminal::Event event = terminal_.Wait(0);
        if (event.what == Terminal::Happened::kNothing) return false;
        Take(event);
      }
      return true;
    });
  }
  ~Live() { client_->GiveUpWhen(nullptr); }

  void Run() {
    auto next = Clock::now() + interval_;
    Draw();
    while (!left_) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count();
      Terminal::Event event = terminal_.Wait(static_cast<int>(std::clamp<int64_t>(left + 1, 0, INT32_MAX)));
      if (event.what == Terminal::Happened::kNothing) {
        if (Clock::now() < next) continue;
        Look();
        next = Clock::now() + interval_;
      } else {
        Take(event);
      }
      if (!left_) Draw();
    }
  }

 private:
  void Take(const Terminal::Event& event) {
    if (event.what == Terminal::Happened::kQuit || event.key == 'q' || event.key == 'Q') left_ = true;
    if (event.key == 'p') order_ = LaneOrder::kPending;
    if (event.key == 'o') order_ = LaneOrder::kOldest;
    SortLanes(order_, &view_.lanes);
  }

  void Look() {
    Result<TopLook> now = LookAtCounters(client_);
    Result<TopView> view = now.ok() ? LookAtAll(client_, &before_, *now, order_) : Result<TopView>(now.status());
    if (!view.ok()) {
      note_ = "no news: " + view.status().detail();
      return;
    }
    note_.clear();
    before_ = *std::move(now);
    view_ = *std::move(view);
    SortLanes(order_, &view_.lanes);  // a key may have come meanwhile
  }

  void Draw() {
    Terminal::Size size = terminal_.size();
    terminal_.Draw(TopLines(view_, order_, note_, size.columns, size.rows));
  }

  HttpClient* client_;
  std::chrono::milliseconds interval_;
  LaneOrder order_;
  TopLook before_;
  TopView view_;
  std::string note_;
  bool left_ = false;
  Terminal terminal_;
};

}  // namespace

Exit Top(const Context& context, const TopArguments& arguments) {
  if (arguments.once || context.json || !Terminal::Usable()) return Once(context, arguments);
  // The first look before the screen is taken: a broker that is not there is said in plain.
  Result<TopLook> first = LookAtCounters(context.client);
  if (!first.ok()) return Failed(first.status());
  Result<TopView> view = LookAtAll(context.client, nullptr, *first, arguments.order);
  if (!view.ok()) return Failed(view.status());
  Live(context, arguments, *std::move(first), *std::move(view)).Run();
  return kDone;
}

}  // namespace notifyd
