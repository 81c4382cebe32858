#include "cli/daemon/standby.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "cli/daemon/listeners.h"
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

/// Until `over`. `keeper`: what it waits for; null: the store does not answer.
Result<Handover> AnswerAsStandby(const Options& options, const Handover& handover, const LeaseKeeper* keeper, const std::future<void>& over) {
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
  std::thread waiter([&] {
    over.wait();
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
  return released;
}

}  // namespace

Result<Handover> StandBy(const Options& options, const Handover& handover, LeaseKeeper* keeper) {
  auto acquired = std::make_shared<std::promise<void>>();
  const std::future<void> owns = acquired->get_future();
  keeper->Start([acquired] { acquired->set_value(); });
  if (owns.wait_for(kAtOnce) == std::future_status::ready) return handover;
  Result<Handover> released = AnswerAsStandby(options, handover, keeper, owns);
  if (released.ok()) Log(LogLevel::kInfo, "the store is this broker's");
  return released;
}

Result<Handover> StandByUntil(const Options& options, const Handover& handover, const std::function<bool()>& over) {
  std::atomic<bool> ended = false;
  const std::future<void> asked = std::async(std::launch::async, [&] {
    do std::this_thread::sleep_for(kAgain);
    while (!ended && !over());
  });
  Result<Handover> released = AnswerAsStandby(options, handover, nullptr, asked);
  ended = true;
  return released;
}

void FallBack(const Launch& launch, const LeaseKeeper& keeper, const char* why, const std::function<std::optional<int>()>& last) {
  Handover kept = KeepListening();
  kept.owner = keeper.word();
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
