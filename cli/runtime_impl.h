// What the runtime is made of. Making and running stand in runtime.cc; reload, stop and restart in runtime_signals.cc.
//
// All members are the first loop's but where it says otherwise. The first loop runs on the thread that called Run; with one io thread the core runs
// there too, with several it has a loop and a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/core.h"
#include "broker/driver.h"
#include "cli/clocks.h"
#include "cli/core_host.h"
#include "cli/dispatcher.h"
#include "cli/histograms.h"
#include "cli/mailbox.h"
#include "cli/runtime.h"
#include "cli/start_check.h"

namespace notifyd {

/// One event loop with what lives on it. `thread` is empty for the first one: that runs on the thread that calls Run.
struct IoThread {
  Loop loop;
  std::unique_ptr<PlainSender> sender;
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> server;
  HttpServer::Sockets released;  // written on its own loop, read once all have released
  std::thread thread;

  ~IoThread() {
    server.reset();
    api.reset();
    sender.reset();
  }
};

class Runtime::Impl {
 public:
  Impl(const Options& options, const Launch& launch);
  ~Impl();
  Status Open(const Handover& handover);
  int Run(Signals* signals);

 private:
  Status Fit();
  Status MakeIoThreads();
  Status OpenStore();
  void MakeCore();
  Status Listen(const Handover& handover);
  Status Adopt(const Handover& handover, uint16_t* port);
  ProcessStats ProcessNow() const;

  /// On the thread of the signals.
  void TakeSignal(int number);
  void Reload();
  Holdings Held() const;

  // Stop: StopSignal, then drained or grace over, then FlushAndStop.
  void StopSignal(int number);
  void FlushAndStop(const char* why);
  void StopOnceFlushed(int64_t until_ms);
  void StopLoops();

  // Restart in place, in this order. Up to kHolding a stop takes over; from kSettling on it only keeps the restart from its exec, which is then
  // less than 2 kSettleMostMs + kLeaveMostMs away.
  enum class Restart { kNo, kChecking, kHolding, kSettling, kLeaving };
  void RestartSignal();
  void SuccessorChecked(const Status& checked);
  void Settle(const char* why);
  void HoldClients(const char* why);
  void Leave();
  void ReleaseSockets();
  int Succeed();

  /// Runs `task` on each io loop, then `then` on the first.
  void OnEachLoop(std::function<void(IoThread*)> task, std::function<void()> then);
  /// `then` on the first loop, once no request that had been coming since then is still not complete, or after kSettleMostMs.
  void WaitUntilReceived(int64_t since_ms, std::function<void()> then);
  /// `then` on the first loop, once no request is under way or so late it is; one that comes slowly is not waited for.
  void WaitUntilIdle(int64_t until_ms, std::function<void()> then);
  /// `then` on the first loop, once all is durable, or so late it is.
  void WaitUntilDrained(int64_t until_ms, std::function<void()> then);

  // In the order in which they are made; those below borrow from those above.
  Options asked_;    // as the settings say
  Options options_;  // the same, made to fit into the open files that the process may have
  uint64_t open_files_ = 0;
  const Launch launch_;
  const WallTime started_at_;
  const int64_t started_boot_ms_;
  std::string listening_on_;
  Histograms histograms_;

  std::atomic<bool> stopping_{false};  // any thread
  bool flushing_ = false;
  Restart restart_ = Restart::kNo;
  bool quiet_ = false;    // after HoldAttempts: nothing is in flight
  bool drained_ = false;  // after StopRequested
  std::thread checker_;

  HttpServer::Budget budget_;
  Mailbox mailbox_;
  std::unique_ptr<StoreHost> store_;
  std::vector<std::unique_ptr<IoThread>> io_;
  std::unique_ptr<Loop> core_loop_;  // with more than one io thread; else the core runs on the first loop
  std::unique_ptr<BrokerClock> clock_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<CoreHost> host_;
  std::thread core_thread_;
};

}  // namespace notifyd
