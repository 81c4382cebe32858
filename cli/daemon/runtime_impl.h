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
#include "cli/daemon/clocks.h"
#include "cli/daemon/core_host.h"
#include "cli/daemon/dispatcher.h"
#include "cli/daemon/histograms.h"
#include "cli/daemon/mailbox.h"
#include "cli/daemon/runtime.h"
#include "cli/daemon/start_check.h"

namespace notifyd {

/// All that is asked goes to the one core.
class ToMailbox : public Switchboard {
 public:
  explicit ToMailbox(Mailbox* mailbox) : mailbox_(mailbox) {}
  void Post(NamespaceNumber, Event event) override { mailbox_->Post(std::move(event)); }
  void Post(RegistryEvent) override {}
  void Audit(AuditEntry) override {}

 private:
  Mailbox* const mailbox_;
};

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
  void StopLoops();

  // Restart in place: these one after the other.
  void RestartSignal();
  void SuccessorChecked(const Status& checked);
  void Settle(const char* why);
  void HoldClients(const char* why);
  void Leave();
  void ReleaseSockets();
  int Succeed();

  // What the core says, on the first loop.
  void CoreQuiet();
  void CoreDrained();

  /// Runs `task` on each io loop, then `then` on the first.
  void OnEachLoop(std::function<void(IoThread*)> task, std::function<void()> then);
  /// Runs `begin` on each io loop, with a function that it calls there once it is through; then `then` on the first loop, once all are, or after
  /// `most_ms`. One at a time.
  void AwaitEach(int64_t most_ms, std::function<void(IoThread*, std::function<void()> done)> begin, std::function<void()> then);
  /// `then` on the first loop, once all is durable, or after `most_ms`.
  void AwaitDrained(int64_t most_ms, std::function<void()> then);

  /// Where it is between start and end. A stop takes over from a restart up to kHolding; from kSettling on it only keeps the restart from its exec,
  /// which is then less than 2 kSettleMostMs + kLeaveMostMs away.
  enum class Stage {
    kServing,
    kChecking,  // restart: is the program that is there now able to go on?
    kHolding,   // restart: no new attempts, those in flight may end
    kSettling,  // restart: requests become complete, then clients are held
    kLeaving,   // restart: all is made durable and answered
    kStopping,  // the grace for calls in flight
    kClosing,   // the grace for clients
  };
  enum class CoreState { kRunning, kQuiet, kDrained };  // kQuiet: nothing is in flight. kDrained: all is durable

  // In the order in which they are made; those below borrow from those above.
  Options asked_;    // as the settings say
  Options options_;  // the same, made to fit into the open files that the process may have
  uint64_t open_files_ = 0;
  const Launch launch_;
  const WallTime started_at_;
  const int64_t started_boot_ms_;
  std::string listening_on_;
  Histograms histograms_;

  std::atomic<bool> stop_asked_{false};  // any thread
  Stage stage_ = Stage::kServing;
  CoreState core_state_ = CoreState::kRunning;
  std::function<void()> on_drained_;
  std::thread checker_;

  HttpServer::Budget budget_;
  Mailbox mailbox_;
  ToMailbox switchboard_{&mailbox_};
  /// What concerns the core its own mailbox hears, too.
  struct : StoreEvents {
    void OnRegistryCommitted(uint64_t) override {}
    void OnWriteFailed(Status) override {}
  } store_events_;
  std::unique_ptr<StoreHost> store_;
  OpenedNamespace default_;
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
