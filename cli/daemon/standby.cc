#include "cli/daemon/standby.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/joined.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/daemon/listeners.h"
#include "cli/daemon/start_check.h"
#include "net/api/problem.h"
#include "net/loop.h"

namespace notifyd {
namespace {

// What a store that nobody else has takes to be acquired, and more.
constexpr std::chrono::milliseconds kAtOnce{1'000};
// Before a store that was lost, or not fit, as it was opened is opened anew.
constexpr std::chrono::milliseconds kAgain{250};
// A request that has been coming for longer is not waited for.
constexpr int64_t kSlowRequestMs = 200;
constexpr int kWhySlot = 1;
constexpr int64_t kWhyEveryMs = 100;
constexpr const char* kNoAnswer = "the store does not answer";
// How often it is looked whether somebody asked for a restart.
constexpr std::chrono::milliseconds kRestartLook{50};

/// Says to everybody that it is a standby.
class StandbyHandler : public HttpHandler {
 public:
  void SetServer(HttpServer* server) { server_ = server; }
  /// For what it waits. `odd`: for what a standby should not have to wait.
  void SetWhy(std::string why, bool odd) {
    why_ = std::move(why);
    odd_ = odd;
  }
  const std::string& why() const { return why_; }
  void OnRequest(uint64_t token, HttpRequest request) override {
    HttpResponse response;
    if (request.target == "/healthz") response.body = Health();
    else response = ProblemResponse(Status(Code::kUnavailable, "this broker is a standby: " + why_));
    server_->Respond(token, std::move(response));
  }
  HttpDemand Demand(const HttpRequest& request) override {
    HttpDemand demand;
    demand.probe = request.target == "/healthz" || request.target == "/readyz";
    return demand;
  }
  void OnClose(uint64_t) override {}
  HttpResponse OnRefused(int status, std::string_view detail) override { return ProblemResponse(status, detail); }

 private:
  std::string Health() const {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    json.Key("status");
    json.String("ok");
    if (odd_) {
      json.Key("detail");
      json.String(why_);
    }
    json.EndObject();
    return body;
  }

  HttpServer* server_ = nullptr;
  std::string why_;
  bool odd_ = false;
};

/// What the store itself says stands in the log: whoever asks whether a broker lives is not told where its store is.
void SetWhy(const LeaseKeeper* keeper, StandbyHandler* handler) {
  using enum LeaseKeeper::Sight;
  switch (keeper ? keeper->sight() : kSilent) {
    case kNothing:
      return handler->SetWhy("another one has the store, or the store does not answer", false);
    case kSilent:
      return handler->SetWhy(kNoAnswer, true);
    case kRefused:
      return handler->SetWhy("the store refuses it: its role lacks a right, and the log says which", true);
    case kAnothers:
      return handler->SetWhy("another one has the store", false);
    case kOwn:
      return handler->SetWhy("the store is being opened", false);
  }
}

/// A member that waits for one of the same name would wait for ever: whoever reads the log, or asks whether it lives, learns that.
void Watch(Loop* loop, const LeaseKeeper* keeper, const std::string& name, StandbyHandler* handler) {
  SetWhy(keeper, handler);
  if (!keeper) return;
  if (const std::string address = keeper->namesake(); !address.empty() && !name.empty()) {
    handler->SetWhy("another broker, at " + address + ", is a member by the name \"" + name +
                        "\" already: each needs a name of its own (cluster.name, or else cluster.advertise)",
                    true);
    return Log(LogLevel::kError, "another member has this one's name", {{"name", name}, {"address", address}, {"detail", handler->why()}});
  }
  loop->SetTimer(kWhySlot, kWhyEveryMs, [=] { Watch(loop, keeper, name, handler); });
}

Options WhatProbesReach(Options options) {
  std::erase_if(options.listeners, [](const ListenerOptions& each) { return each.beanstalkd; });
  options.cluster = {};
  options.io_threads = 1;
  return options;
}

/// Takes the signals of a standby, on its loop.
class StandbyOrders {
 public:
  /// All borrowed.
  StandbyOrders(Loop* loop, const Options* options, const Listeners* listeners, const StandbySignals& by)
      : options_(options), listeners_(listeners), by_(by), state_(std::make_shared<State>()) {
    if (!by_.signals || !by_.launch) return;
    state_->loop = loop;
    by_.signals->WhileWaiting([this, loop](int number) { loop->Post([this, number] { number == SIGHUP ? Reread() : Restart(); }); });
  }
  ~StandbyOrders() { End(); }
  StandbyOrders(const StandbyOrders&) = delete;
  StandbyOrders& operator=(const StandbyOrders&) = delete;

  /// The one that is to take this one's place is checked, and may begin. Any thread.
  bool restarts() const { return state_->restarts; }
  /// Takes no more. Who is being checked then takes the place of whoever serves.
  void End() {
    if (by_.signals) by_.signals->WhileWaiting(nullptr);
    std::lock_guard lock(state_->mutex);
    state_->loop = nullptr;
  }

 private:
  /// What the check of a successor shares with it, which may end behind it.
  struct State {
    std::mutex mutex;
    Loop* loop = nullptr;  // null: it stands by no more
    bool checking = false;
    std::atomic<bool> restarts = false;
  };

  Holdings Held() const { return {listeners_->held(), options_->data_dir}; }
  void Restart() {
    {
      std::lock_guard lock(state_->mutex);
      if (std::exchange(state_->checking, true)) return Log(LogLevel::kInfo, "a restart is under way already");
    }
    Log(LogLevel::kInfo, "restart: checking", {{"program", by_.launch->program}});
    std::thread([state = state_, launch = *by_.launch, held = Held()] {
      const Status checked = CheckSuccessor(launch, held);
      std::lock_guard lock(state->mutex);
      // Whoever serves by now has more to hand over, and asks anew.
      if (!state->loop) return void(kill(getpid(), SIGUSR1));
      state->checking = false;
      if (checked.ok()) state->restarts = true;
      else Log(LogLevel::kError, "no restart, going on as before", {{"detail", checked.detail()}});
    }).detach();
  }
  void Reread() const {
    const std::vector<std::string>& arguments = by_.launch->arguments;
    const Invocation read = ReadCommandLine({arguments.begin() + 1, arguments.end()}, by_.launch->environment);
    Status fault = read.action == Invocation::Action::kRun ? Status::Ok() : Status(Code::kUnacceptable, read.error, read.field);
    if (fault.ok()) fault = CheckStart(read.options, Held(), /*certificates=*/false);
    if (!fault.ok())
      return Log(LogLevel::kError, "settings not reloaded, all stay as they were", {{"field", fault.field()}, {"detail", fault.detail()}});
    Options asked = *options_;
    const Reloaded changed = ApplyReloadable(read.options, &asked);
    if (!changed.not_applied.empty())
      Log(LogLevel::kWarn, "settings that changed hold after a restart only", {{"names", Joined(changed.not_applied, ", ")}});
    Log(LogLevel::kInfo, "settings read, for when this standby serves",
        {{"changed", changed.applied.empty() ? "nothing" : Joined(changed.applied, ", ")}});
  }

  const Options* const options_;
  const Listeners* const listeners_;
  const StandbySignals by_;
  const std::shared_ptr<State> state_;
};

/// With the sockets of a standby, and the lease where it has one.
[[noreturn]] void BeginAnew(const StandbySignals& by, Handover sockets) {
  // What comes from now on stays pending until the successor takes it.
  by.signals->Stop();
  if (by.keeper && by.keeper->owned()) {
    sockets.owner = by.keeper->owned();
    sockets.store = by.keeper->mark();
  }
  Log(LogLevel::kInfo, "restart: starting", {{"program", by.launch->program}, {"connections", sockets.connections.size()}});
  LogFinish();
  const Status failed = BecomeSuccessor(*by.launch, std::move(sockets));
  Log(LogLevel::kError, "restart failed, stopped", {{"detail", failed.detail()}});
  LogFinish();
  std::_Exit(1);
}

/// Until `over`, or until its successor is to begin, which takes its place then. `keeper`: what it waits for; null: the store does not answer.
Result<Handover> AnswerAsStandby(const Options& options, const Handover& handover, const LeaseKeeper* keeper, const std::future<void>& over,
                                 const StandbySignals& by) {
  Loop loop;
  HttpServer::Budget budget;
  StandbyHandler handler;
  HttpServer server(&loop, options.http, &budget, &handler);
  handler.SetServer(&server);
  Listeners listeners(WhatProbesReach(options));
  NOTIFYD_TRY(listeners.Open({&server}, handover));
  SetWhy(keeper, &handler);
  Log(LogLevel::kInfo, "standby", {{"detail", handler.why()}});
  listeners.LogAddresses();
  Watch(&loop, keeper, options.cluster.on() ? options.cluster.member() : std::string(), &handler);
  Handover released;
  StandbyOrders orders(&loop, &options, &listeners, by);
  std::thread waiter([&] {
    while (over.wait_for(kRestartLook) != std::future_status::ready && !orders.restarts()) continue;
    loop.Post([&] {
      server.StopAccepting();
      server.HoldRequests();
      server.OnIdle(kSlowRequestMs, [&] {
        HttpServer::Sockets sockets = server.Release();
        if (sockets.listening >= 0) released.Add(sockets.listening);
        for (int fd : sockets.connections) released.Add(fd);
        loop.Stop();
      });
    });
  });
  loop.Run();
  waiter.join();
  orders.End();
  released.owner = handover.owner;
  released.store = handover.store;
  if (!orders.restarts()) return released;
  if (over.wait_for(std::chrono::seconds(0)) != std::future_status::ready) BeginAnew(by, std::move(released));
  // The store came at that very moment: whoever serves has more to hand over.
  kill(getpid(), SIGUSR1);
  return released;
}

}  // namespace

Result<Handover> StandBy(const Options& options, const Handover& handover, LeaseKeeper* keeper, const StandbySignals& by) {
  auto acquired = std::make_shared<std::promise<void>>();
  const std::future<void> owns = acquired->get_future();
  keeper->Start([acquired] { acquired->set_value(); });
  if (owns.wait_for(kAtOnce) == std::future_status::ready) return handover;
  Result<Handover> released = AnswerAsStandby(options, handover, keeper, owns, by);
  if (released.ok()) Log(LogLevel::kInfo, "the store is this broker's");
  return released;
}

Result<Handover> StandByUntil(const Options& options, const Handover& handover, const std::function<bool()>& over, const StandbySignals& by) {
  std::atomic<bool> ended = false;
  const std::future<void> asked = std::async(std::launch::async, [&] {
    do std::this_thread::sleep_for(kAgain);
    while (!ended && !over());
  });
  Result<Handover> released = AnswerAsStandby(options, handover, nullptr, asked, by);
  ended = true;
  return released;
}

void FallBack(const Launch& launch, const LeaseKeeper& keeper, const char* why, const std::function<std::optional<int>()>& last) {
  Handover kept = KeepListening();
  kept.owner = keeper.word();
  kept.store = keeper.mark();
  std::optional<int> code = last();
  if (keeper.went_back()) {
    Log(LogLevel::kError, "the store failed, stopping at once", {{"detail", LeaseKeeper::kWentBack}});
    code = 1;
  } else if (code == 0) {
    Log(LogLevel::kInfo, "stopped", {{"detail", why}});
  } else if (code) {
    Log(LogLevel::kError, "the store failed while it was closed",
        {{"detail", std::string(why) + "; what is not written is repeated by whoever has the store next"}});
  }
  if (code) {
    LogFinish();
    std::_Exit(*code);
  }
  Log(LogLevel::kError, "the store is not this broker's any more, going on as a standby", {{"detail", why}});
  LogFinish();
  const Status failed = BecomeSuccessor(launch, std::move(kept));
  Log(LogLevel::kError, "restart failed, stopped", {{"detail", failed.detail()}});
  LogFinish();
  std::_Exit(1);
}

}  // namespace notifyd
