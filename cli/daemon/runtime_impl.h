// What the runtime is made of. Making and running stand in runtime.cc; reload, stop and restart in runtime_signals.cc; alerts in runtime_alerts.cc;
// several members in runtime_cluster.cc.
//
// All members are the first loop's but where it says otherwise. The first loop runs on the thread that called Run; with one io thread the first shard
// runs there too. All other shards, and with several io threads that one too, have a loop and a thread of their own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/daemon/alert_sampler.h"
#include "cli/daemon/board.h"
#include "cli/daemon/cell_move_host.h"
#include "cli/daemon/cluster_host.h"
#include "cli/daemon/dispatcher.h"
#include "cli/daemon/exchange.h"
#include "cli/daemon/histograms.h"
#include "cli/daemon/lending.h"
#include "cli/daemon/listeners.h"
#include "cli/daemon/profiler.h"
#include "cli/daemon/published_table.h"
#include "cli/daemon/recent_use.h"
#include "cli/daemon/registry_host.h"
#include "cli/daemon/runtime.h"
#include "cli/daemon/service_names.h"
#include "cli/daemon/shard.h"
#include "cli/daemon/start_check.h"
#include "cli/daemon/store_engines.h"
#include "cli/daemon/tracing.h"
#include "net/alerts/alert_sender.h"
#include "net/api/passing_figures.h"
#include "net/beanstalkd/beanstalkd_door.h"
#include "net/cluster/meant_member.h"
#include "net/cluster/member_client.h"
#include "net/cluster/member_prober.h"
#include "net/cluster/member_teller.h"
#include "net/cluster/words_door.h"
#include "net/command/command_runner.h"

namespace notifyd {

/// One event loop with what lives on it. `thread` is empty for the first one: that runs on the thread that calls Run.
struct IoThread {
  Loop loop;
  std::unique_ptr<MemberClient> members;  // null: there are no others
  std::unique_ptr<MemberClient> probes;   // the first loop's, where there are
  std::unique_ptr<MemberProber> prober;   // likewise
  std::unique_ptr<MemberTeller> teller;   // the first one's
  std::unique_ptr<PlainSender> sender;
  std::unique_ptr<Api> api;
  std::unique_ptr<BeanstalkdDoor> door;
  std::unique_ptr<WordsDoor> words;  // null: there are no others
  std::unique_ptr<HttpServer> server;
  HttpServer::Sockets released;  // written on its own loop, read once all have released
  std::thread thread;

  ~IoThread() {
    server.reset();
    words.reset();
    door.reset();
    api.reset();
    prober.reset();
    probes.reset();
    teller.reset();
    members.reset();
    sender.reset();
  }
};

/// The rules that submits are judged by. Any thread.
template <class Rules>
class RulesInForce {
 public:
  void Set(std::shared_ptr<const Rules> rules) {
    std::lock_guard lock(mutex_);
    rules_ = std::move(rules);
  }
  std::shared_ptr<const Rules> Get() const {
    std::lock_guard lock(mutex_);
    return rules_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Rules> rules_;
};

/// One shard with what carries its effects out.
struct ShardThread {
  std::unique_ptr<Loop> own;  // none: it runs on the first io loop
  Loop* loop = nullptr;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<Shard> shard;
  std::thread thread;
};

class Runtime::Impl : private StoreEvents {
 public:
  Impl(const Options& options, const Launch& launch, LeaseKeeper* keeper);
  ~Impl();
  Status Open(const Handover& handover);
  int Run(Signals* signals);
  bool left_threads() const { return backups_ && (backups_->left() || backup_asks_ > 0); }

 private:
  Status Fit();
  void MakeTracing();
  Status MakeIoThreads();
  Status OpenStore();
  void EndCommands();
  std::optional<int> EndToBeginAnew();
  /// Says so where tokens are asked for and none could make another, or change anything.
  void WarnOfNoAdmin() const;
  void MakeAlerts();
  void SetAlerts(const Options& options);
  void SendUnstored(AlertUnstored message);
  void AddProcess(AlertFigures* figures);
  void TellJudge(const AlertReport& report);
  Status MakeShards();
  Status OpenAll();
  bool Ready() const;
  void MakeShard(const std::shared_ptr<const FlowSettings>& flow);
  // Where it is one of several members (runtime_cluster.cc).
  void MakeCluster();
  void JoinCluster();
  void ServeCluster(ApiOptions* api, Loop* loop);
  void NameSelf(const Handover& handover);
  void TellSelf(const std::vector<Member>& members);
  void TakeRegistry(RegistryImage image, bool leads, std::function<void()> then);
  void YieldRegistry(std::function<void()> then);
  void GainNamespaces(const std::vector<NamespaceAtStart>& states, std::function<void()> then);
  void LeaveNamespace(NamespaceNumber number, std::function<void()> then);
  void CutNamespace(NamespaceNumber number);
  void MakeCellMoves();
  ShardThread* ShardThreadOf(NamespaceNumber number) const;
  void ReplyOfRegistry(RegistryReply reply);

  Status Listen(const Handover& handover);
  /// Its name in Notify-Via: that of the store, and so of all brokers that share it.
  std::string Via() const { return "notifyd-" + store_->name(); }
  ProcessStats ProcessNow();
  /// Has what the process is like kept in the history, once a minute.
  void ReportProcess();
  /// What people who look into the process are shown. `loop`: where they are answered.
  void ServeDebug(ApiOptions* api, Loop* loop);
  void ServeStore(ApiOptions* api, Loop* loop);
  void ServeMembers(IoThread* io, ApiOptions* api);
  void ProbeMembers(IoThread* io, const MemberClient::Tls& tls);
  HttpHandler* MakeWords(IoThread* io);
  void MakeServer(IoThread* io);
  BeanstalkdOptions DoorOptions();

  /// On the thread of the signals.
  void TakeSignal(int number);
  void Reload();
  Holdings Held() const;

  // Stop: StopSignal, then, of a member, the others have what it serves, then StopCores, then drained or grace over, then FlushAndStop.
  void StopSignal(int number);
  void StopCores(int number, int64_t grace_ms);
  void GiveUpStranded();
  void FlushAndStop(const char* why);
  void AnswerTheRest(std::function<void()> then);
  void StopLoops();

  // Restart in place: these one after the other.
  void RestartSignal();
  void SuccessorChecked(const Status& checked);
  void Settle(const char* why);
  void HoldClients(const char* why);
  void Leave();
  void ReleaseSockets();
  int Succeed();

  // What the shards say, on the first loop.
  void ShardQuiet();
  void ShardDrained();

  // What the store says, on a thread of its own.
  void OnRegistryCommitted(uint64_t number) override { exchange_.Post(RegistryEvent(RegistryCommitted{number})); }
  void OnWriteFailed(Status status) override;
  void Publish(std::shared_ptr<const AccessTable> table);

  /// Runs `task` on each io loop, then `then` on the first.
  void OnEachLoop(std::function<void(IoThread*)> task, std::function<void()> then);
  /// Runs `task` on each shard's loop, then `then` on the first.
  void OnEachShard(std::function<void(Shard*)> task, std::function<void()> then);
  /// Runs `begin` on each io loop, with a function that it calls there once it is through; then `then` on the first loop, once all are, or after
  /// `most_ms`. One at a time.
  void AwaitEach(int64_t most_ms, std::function<void(IoThread*, std::function<void()> done)> begin, std::function<void()> then);
  /// `then` on the first loop, once all is durable, or after `most_ms`.
  void AwaitDrained(int64_t most_ms, std::function<void()> then);

  /// Where it is between start and end. A stop takes over from a restart up to kHolding; from kSettling on it only keeps the restart from its exec,
  /// which is then less than 2 kSettleMostMs + kLeaveMostMs + kLastWordMs away.
  enum class Stage {
    kServing,
    kChecking,  // restart: is the program that is there now able to go on?
    kHolding,   // restart: no new attempts, those in flight may end
    kSettling,  // restart: requests become complete, then clients are held
    kLeaving,   // restart: all is made durable and answered
    kStopping,  // the grace for calls in flight
    kClosing,   // the grace for clients
  };
  /// A timer of the first loop: when certificates are read again.
  static constexpr int kCertificatesSlot = 8;
  static constexpr int kReportSlot = 9;
  static constexpr int kProbeSlot = 11;
  enum class CoresState { kRunning, kQuiet, kDrained };  // of all shards. kQuiet: nothing is in flight. kDrained: all is durable

  // In the order in which they are made; those below borrow from those above.
  Options asked_;    // as the settings say
  Options options_;  // the same, made to fit into the open files that the process may have
  uint64_t open_files_ = 0;
  const Launch launch_;
  LeaseKeeper* const keeper_;
  const WallTime started_at_;
  const int64_t started_boot_ms_;
  Histograms histograms_;
  PassingFigures passing_;
  WordFigures words_;
  OwnMember self_;  // set before any loop runs
  RecentUse recent_{&histograms_.commit.histogram};

  std::atomic<bool> stop_asked_{false};     // any thread
  std::atomic<Signals*> signals_{nullptr};  // once it runs
  std::atomic_flag failed_;              // any thread: the store failed
  std::mutex closing_mutex_;             // held while the store is closed, as the next
  std::optional<int> closed_code_;       // the exit code of a stop, once it is
  Stage stage_ = Stage::kServing;
  bool departed_ = false;               // a member that stops has handed over, or given that up
  std::set<NamespaceNumber> stranded_;  // as a stop saw last
  CoresState cores_state_ = CoresState::kRunning;
  size_t quiet_shards_ = 0, drained_shards_ = 0;
  std::function<void()> on_drained_;
  std::thread checker_;

  RulesInForce<DestinationRules> rules_;
  RulesInForce<std::vector<LaneRule>> lane_rules_;
  RulesInForce<std::vector<BeanstalkdTube>> tubes_;
  RulesInForce<std::set<std::string>> unreached_;  // members, by name
  RulesInForce<std::string> own_listeners_;        // as the other members are told them
  std::map<std::string, std::string> told_listeners_;  // as those say, by member; on the first loop
  BeanstalkdFigures beanstalkd_figures_;
  HttpServer::Budget budget_;
  std::unique_ptr<Listeners> listeners_;
  Exchange exchange_;
  AttemptEnds attempt_ends_{&exchange_};
  PublishedTable tables_;
  Board board_;
  Lending lending_;  // as options_ say
  std::unique_ptr<StoreHost> store_;
  std::unique_ptr<ClusterStore> cluster_store_;  // until the cluster begins
  std::unique_ptr<ClusterHost> cluster_;         // null: it has the store for itself
  std::function<bool(NamespaceNumber)> store_lost_;
  CellStore* cell_store_ = nullptr;           // the store's
  std::unique_ptr<CellMoveHost> cell_moves_;  // null: the store has no cells
  std::function<Status()> rekey_;  // OpenedStore's, as the next
  std::function<RekeyState()> rekeyed_;
  std::function<void()> expect_;
  std::shared_ptr<Backups> backups_;
  std::atomic<int> backup_asks_{0};  // that a thread of the pool is at
  RegistryImage image_;  // until all is loaded
  std::unique_ptr<Tracing> tracing_;  // null: nothing is traced
  std::unique_ptr<CommandRunner> commands_;
  std::vector<std::unique_ptr<IoThread>> io_;
  std::unique_ptr<AlertSender> alert_sender_;
  std::unique_ptr<AlertSampler> alert_sampler_;
  bool telling_ = false;      // of a member, on the first loop: a report is on its way to whoever judges alerts
  int64_t tell_from_ms_ = 0;  // the next one is told then at the earliest
  std::vector<std::unique_ptr<ShardThread>> shards_;
  std::unique_ptr<ServiceNames> service_names_;
  std::unique_ptr<RegistryHost> registry_;
  ProfileThread profiler_;
};

}  // namespace notifyd
