#include "cli/daemon/runtime.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <random>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/zone_database.h"
#include "broker/figures_events.h"
#include "broker/flow_settings.h"
#include "cli/daemon/audit_count.h"
#include "cli/daemon/descriptors.h"
#include "cli/daemon/runtime_impl.h"
#include "cli/daemon/standby.h"
#include "net/api/steps.h"
#include "net/gzip.h"

namespace notifyd {
namespace {

/// Of each io loop: the refusals that are held back; /v1/live, and credentials that end while something goes on under them.
constexpr int kApiSlot = 3, kLiveSlot = 10, kHoldSlot = 13;
/// In the middle of each minute, so that none has two of them. Not before the process is a minute old.
constexpr int64_t kReportEveryMs = 60'000, kReportAtMs = 30'000;
/// How long programs get to go where the store is lost.
constexpr std::chrono::milliseconds kCommandsMost{500};
/// How long a stop waits for the collector to take the last spans.
constexpr int64_t kSpansMostMs = 1000;

uint64_t ResidentBytes() {
  unsigned long long pages = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%llu %llu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

RekeyReport ReportRekey(Status begun, RekeyState state) {
  const char* phase = std::array{"none", "running", "done", "failed"}[static_cast<size_t>(state.phase)];  // by RekeyState::Phase
  return {std::move(begun), phase, std::move(state.detail), state.entries, state.took_ms, state.sealed, state.due, std::move(state.needed)};
}

BackupReport ReportBackup(BackupState state) {
  const char* phase = std::array{"running", "done", "failed"}[static_cast<size_t>(state.phase)];  // by BackupState::Phase
  return {std::move(state.name), phase, std::move(state.detail), state.started_at, state.finished_at, state.files, state.bytes, state.copied_bytes};
}

constexpr int kBackupAsksMost = 2;

/// Blocks on the disk.
BackupAnswer AnswerOf(Backups* backups, const BackupAsk& ask) {
  if (!backups) return {Status(Code::kNotImplemented, "backups of a store in PostgreSQL are PostgreSQL's own"), {}};
  if (ask.kind == BackupAsk::Kind::kRemove) return {backups->Remove(ask.name), {}};
  BackupAnswer answer;
  if (ask.kind == BackupAsk::Kind::kList) {
    Result<std::vector<BackupState>> list = backups->List();
    if (!list.ok()) return {std::move(list).status(), {}};
    for (BackupState& state : *list) answer.backups.push_back(ReportBackup(std::move(state)));
    return answer;
  }
  Result<BackupState> one = ask.kind == BackupAsk::Kind::kMake ? backups->Begin(ask.name, ask.full) : backups->Get(ask.name);
  if (!one.ok()) return {std::move(one).status(), {}};
  answer.backups.push_back(ReportBackup(*std::move(one)));
  return answer;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Runtime::Impl::Impl(const Options& options, const Launch& launch, LeaseKeeper* keeper)
    : asked_(options),
      options_(options),
      launch_(launch),
      keeper_(keeper),
      started_at_(ReadWall()),
      started_boot_ms_(ReadClockMs(CLOCK_BOOTTIME)),
      board_([] { return MonoTime{ReadClockMs(CLOCK_BOOTTIME)}; }),
      lending_({}, &exchange_) {}

Runtime::Impl::~Impl() {
  if (keeper_) keeper_->OnRenewed(nullptr);
  budget_.relieved = nullptr;
  if (checker_.joinable()) checker_.join();
  commands_.reset();
  if (alert_sender_) alert_sender_->Stop();
  if (cell_moves_) cell_moves_->Stop();
  if (store_) store_->Stop();
  if (cluster_) cluster_->Stop();
  // What still posts while it is taken apart finds nobody.
  exchange_.Disconnect();
  for (auto& shard : shards_)
    if (shard->shard) shard->shard->Close();
}

Status Runtime::Impl::Open(const Handover& handover) {
  if (Status fits = Fit(); !fits.ok()) return fits;
  MakeTracing();
  MakeCluster();
  if (Status made = MakeIoThreads(); !made.ok()) return made;
  if (keeper_) keeper_->OnLost([this](const char* why) { FallBack(launch_, *keeper_, why, [this] { return EndToBeginAnew(); }); });
  if (Status opened = OpenStore(); !opened.ok()) return opened;
  MakeAlerts();
  if (Status made = MakeShards(); !made.ok()) return made;
  return Listen(handover);
}

int Runtime::Impl::Run(Signals* signals) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);  // whoever started this process may have ignored it, and then no child's end could be taken
  listeners_->LogAddresses();
  ReportProcess();
  (signals_ = signals)->Serve([this](int number) { TakeSignal(number); });
  for (size_t i = 1; i < io_.size(); ++i) io_[i]->thread = std::thread([io = io_[i].get()] { io->loop.Run(); });
  for (auto& shard : shards_)
    if (shard->own) shard->thread = std::thread([loop = shard->loop] { loop->Run(); });
  io_[0]->loop.Run();
  for (auto& io : io_)
    if (io->thread.joinable()) io->thread.join();
  for (auto& shard : shards_)
    if (shard->thread.joinable()) shard->thread.join();
  if (checker_.joinable()) checker_.join();
  if (tracing_) tracing_->Finish(kSpansMostMs);
  PassCrashPoint(CrashPoint::kStopDrained);
  if (cell_moves_) cell_moves_->Stop();
  // The store waits for nobody. The cluster's thread, and whoever opens or measures a namespace beside the loops, need it until they have ended.
  store_->Stop();
  if (cluster_) cluster_->Stop();
  for (auto& shard : shards_) shard->shard->Close();
  Status closed;
  {
    std::lock_guard lock(closing_mutex_);
    closed = store_->Close();
    closed_code_ = closed.ok() ? 0 : 1;
  }
  // From here on signals stay pending; what was taken before is in stop_asked_.
  signals->Stop();
  if (!closed.ok()) {
    // Nothing was acknowledged since, but what had been may be gone with the directory, say.
    Log(LogLevel::kError, "the store failed while it was closed", {{"detail", closed.detail()}});
    return 1;
  }
  if (stage_ == Stage::kLeaving && !stop_asked_) return Succeed();
  listeners_->RemoveFiles();
  Log(LogLevel::kInfo, "stopped");
  return 0;
}

Status Runtime::Impl::Fit() {
  open_files_ = RaiseOpenFiles();
  Result<DescriptorPlan> plan = FitDescriptors(open_files_, &options_);
  if (!plan.ok()) return std::move(plan).status();
  if (plan->lowered) {
    Log(LogLevel::kWarn, "open files are few: limits are lowered to fit",
        {{"limit", plan->limit}, {"clients", plan->clients}, {"calls", plan->calls}, {"store", plan->store}});
  } else {
    Log(LogLevel::kInfo, "open files", {{"limit", plan->limit}, {"clients", plan->clients}, {"calls", plan->calls}, {"store", plan->store}});
  }
  return Status::Ok();
}

void Runtime::Impl::MakeTracing() {
  const OtlpOptions& otlp = options_.otlp;
  if (otlp.endpoint.empty()) return;
  SpanExporterOptions exporter;
  exporter.endpoint = otlp.endpoint;
  exporter.encoding = otlp.encoding == "json" ? OtlpEncoding::kJson : OtlpEncoding::kProtobuf;
  exporter.headers = otlp.headers;
  exporter.ca_file = options_.sender.ca_file;
  exporter.version = options_.api.version;
  tracing_ = std::make_unique<Tracing>(std::move(exporter), otlp.ratio);
}

Status Runtime::Impl::MakeIoThreads() {
  // Freed memory stays with the allocator where something small was left above it; that takes a moment, so no loop does it.
  budget_.relieved = [this] { io_[0]->loop.Post([this] { io_[0]->loop.Aside([] { malloc_trim(0); }, [] {}); }); };
  if (options_.cluster.on() && options_.api.places == nullptr)
    return Status(Code::kUnacceptable, "cluster.advertise: this store is one broker's alone, so that there are no other members");
  rules_.Set(options_.sender.rules);
  if (keeper_) options_.sender.may_call = [keeper = keeper_] { return keeper->MayAct(); };
  commands_ = std::make_unique<CommandRunner>(&attempt_ends_, std::make_shared<const CommandRules>(options_.commands), options_.sender);
  lane_rules_.Set(std::make_shared<const std::vector<LaneRule>>(options_.core.lane_rules));
  tubes_.Set(std::make_shared<const std::vector<BeanstalkdTube>>(options_.tubes));
  Result<std::shared_ptr<const AuthSettings>> auth = ReadAuthSettings(options_.auth);
  if (!auth.ok()) return std::move(auth).status();
  for (uint32_t i = 0; i < options_.io_threads; ++i) {
    auto io = std::make_unique<IoThread>();
    Result<std::unique_ptr<PlainSender>> sender = PlainSender::Create(&io->loop, &attempt_ends_, options_.sender);
    if (!sender.ok()) return std::move(sender).status();
    io->sender = *std::move(sender);
    ApiOptions api = options_.api;
    api.thread = i;
    api.wall = ReadWall;
    api.bulk_idle_ms = options_.http.request_timeout_ms;
    api.aside = [loop = &io->loop](std::function<void()> work, std::function<void()> then) { loop->Aside(std::move(work), std::move(then)); };
    api.later = [loop = &io->loop](std::function<void()> task) { loop->Post(std::move(task)); };
    api.timer = [loop = &io->loop](int64_t delay_ms, std::function<void()> task) { loop->SetTimer(kApiSlot, delay_ms, std::move(task)); };
    api.live_timer = [loop = &io->loop](int64_t delay_ms, std::function<void()> task) { loop->SetTimer(kLiveSlot, delay_ms, std::move(task)); };
    api.hold_timer = [loop = &io->loop](int64_t delay_ms, std::function<void()> task) { loop->SetTimer(kHoldSlot, delay_ms, std::move(task)); };
    api.ready = [this] { return Ready(); };
    api.process = [this] { return ProcessNow(); };
    api.check_url = [this](std::string_view url) { return rules_.Get()->CheckUrl(url); };
    api.check_command = [this](std::string_view space, std::string_view caller, std::string_view command) {
      return commands_->Check(space, caller, command);
    };
    api.lane_rules = [this] { return lane_rules_.Get(); };
    api.check_destination = [sender = io->sender.get()](NamespaceNumber number, std::string_view url) {
      return sender->CheckDestination(number, url);
    };
    api.board = &board_;
    ServeStore(&api, &io->loop);
    ServeCluster(&api, &io->loop);
    ServeDebug(&api, &io->loop);
    api.tracer = tracing_.get();
    api.acknowledgement = &histograms_.acknowledgement.histogram;
    api.histograms = histograms_.All();
    ServeMembers(io.get(), &api);
    io->api = std::make_unique<Api>(api, &exchange_);
    io->api->SetAuth(*auth);
    MakeServer(io.get());
    io->loop.MeasureTurns(&histograms_.loop_lag.histogram);
    io_.push_back(std::move(io));
  }
  return Status::Ok();
}

/// The door stands between the server and the API.
void Runtime::Impl::MakeServer(IoThread* io) {
  io->door = std::make_unique<BeanstalkdDoor>(DoorOptions(), io->api.get());
  HttpHandler* handler = cluster_ ? MakeWords(io) : io->door.get();
  io->server = std::make_unique<HttpServer>(&io->loop, options_.http, &budget_, handler);
  if (io->words) io->words->SetResponder(io->server.get());
  if (keeper_) io->server->AnswerOnlyWhile([keeper = keeper_] { return keeper->MayAct(); });
  io->door->SetResponder(io->server.get());
  io->api->SetResponder(io->door.get());
}

BeanstalkdOptions Runtime::Impl::DoorOptions() {
  BeanstalkdOptions door;
  door.max_job_bytes = options_.api.max_body_bytes;
  door.tubes = [this] { return tubes_.Get(); };
  door.wall = ReadWall;
  door.connections = [this] { return listeners_ ? listeners_->beanstalkd_connections() : 0; };
  door.figures = &beanstalkd_figures_;
  return door;
}

/// What the store is asked beside the cores. `loop`: where that is answered.
void Runtime::Impl::ServeStore(ApiOptions* api, Loop* loop) {
  api->list_audit = [this, loop](AuditQuery query, std::function<void(AuditPage)> then) {
    store_->ListAudit(std::move(query), [loop, then = std::move(then)](AuditPage page) {
      loop->Post([then, page = std::make_shared<AuditPage>(std::move(page))] { then(std::move(*page)); });
    });
  };
  api->disk_low = [this] { return store_->DiskIsLow(); };
  api->rekey = [this](bool begin) {
    Status begun = begin ? rekey_() : Status::Ok();
    return ReportRekey(std::move(begun), rekeyed_());
  };
  api->expects_batch = [this] { expect_(); };
  api->backups = [this, loop](BackupAsk ask, std::function<void(BackupAnswer)> then) {
    // A directory that does not answer, another machine's, takes no more of the pool's threads than these.
    if (backup_asks_.fetch_add(1) >= kBackupAsksMost) {
      --backup_asks_;
      return loop->Post([then] { then({Status(Code::kUnavailable, "the backup directory has not answered those that asked before"), {}}); });
    }
    auto answer = std::make_shared<BackupAnswer>();
    loop->Aside(
        [this, backups = backups_, ask = std::move(ask), answer] {
          *answer = AnswerOf(backups.get(), ask);
          --backup_asks_;
        },
        [then, answer] { then(std::move(*answer)); });
  };
}

void Runtime::Impl::ServeDebug(ApiOptions* api, Loop* loop) {
  api->profile = [this, loop](int64_t seconds, std::function<void(Result<std::string>)> then) {
    Status begun =
        profiler_.Begin(seconds * 1000, [loop, then](std::string profile) { loop->Post([then, packed = Gzip(profile)] { then(packed); }); });
    if (!begun.ok()) then(begun);
  };
  api->held = [this, loop](std::function<void(std::vector<HeldByCore>)> then) {
    struct Gathered {
      std::mutex mutex;
      std::vector<HeldByCore> cores;
      size_t left;
    };
    auto gathered = std::make_shared<Gathered>();
    gathered->left = shards_.size();
    for (size_t i = 0; i < shards_.size(); ++i)
      shards_[i]->loop->Post([gathered, i, loop, then, shard = shards_[i]->shard.get()] {
        std::lock_guard<std::mutex> lock(gathered->mutex);
        for (auto& [space, kinds] : shard->held()) gathered->cores.push_back({i, std::move(space), std::move(kinds)});
        if (--gathered->left == 0) loop->Post([gathered, then] { then(std::move(gathered->cores)); });
      });
  };
}

Status Runtime::Impl::OpenStore() {
  StoreOptions store = options_.store;
  store.wall_ms = [] { return ReadWall().ms; };
  store.commit_histogram = &histograms_.commit.histogram;
  store.owner = keeper_;
  Result<OpenedStore> opened = OpenStoreHost(store);
  if (!opened.ok()) return std::move(opened).status();
  store_ = std::move(opened->host);
  if (tracing_) tracing_->SetInstance(store_->name());
  rekey_ = std::move(opened->rekey);
  rekeyed_ = std::move(opened->rekeyed);
  expect_ = std::move(opened->expect);
  cluster_store_ = std::move(opened->cluster);
  backups_ = std::move(opened->backups);
  store_lost_ = std::move(opened->lost);
  cell_store_ = opened->cell_moves;
  Result<RegistryImage> image = store_->LoadRegistry();
  if (!image.ok()) return std::move(image).status();
  PassCrashPoint(CrashPoint::kStartRegistryRead);
  image_ = *std::move(image);
  return Status::Ok();
}

void Runtime::Impl::MakeShard(const std::shared_ptr<const FlowSettings>& flow) {
  auto made = std::make_unique<ShardThread>();
  if (!shards_.empty() || io_.size() > 1) {
    made->own = std::make_unique<Loop>();
    made->own->MeasureTurns(&histograms_.loop_lag.histogram);
  }
  made->loop = made->own ? made->own.get() : &io_[0]->loop;
  std::vector<Dispatcher::Target> targets;
  for (auto& io : io_) targets.push_back({&io->loop, io->api.get(), io->sender.get()});
  made->dispatcher =
      std::make_unique<Dispatcher>(std::move(targets), commands_.get(), /*direct=*/!made->own, &histograms_.lateness.histogram, tracing_.get());
  made->dispatcher->SetAlerts(alert_sender_.get(), alert_sampler_.get());
  Shard::Setup setup;
  setup.loop = made->loop;
  setup.store = store_.get();
  setup.lost = store_lost_;
  setup.sender = made->dispatcher.get();
  setup.replies = made->dispatcher.get();
  setup.switchboard = &exchange_;
  setup.tables = &tables_;
  setup.lending = &lending_;
  setup.board = &board_;
  setup.audit_bytes = options_.api.audit_bytes.get();
  setup.flush = [dispatcher = made->dispatcher.get()] { dispatcher->Flush(); };
  setup.log = [attempt = &histograms_.attempt.histogram, tracing = tracing_.get(), sampler = alert_sampler_.get()](const std::string& space,
                                                                                                                   const AttemptLog& log) {
    if (log.attempt) attempt->Observe(log.duration_ms * 1000);
    if (tracing) tracing->Ended(space, log);
    sampler->TakeAttempt(space, log);
    LogAttempt(space, log);
  };
  if (tracing_) setup.gone = [this](NamespaceNumber number) { tracing_->Left(number); };
  setup.lane_log = [](const std::string& space, const LaneLog& log) { LogLane(space, log); };
  setup.flow_log = [sampler = alert_sampler_.get()](const std::string& space, const FlowLog& log) {
    sampler->TakeFlow(space, log);
    if (!IsForAlertsAlone(log.event)) LogFlow(space, log);
  };
  setup.quiet = [this] { io_[0]->loop.Post([this] { ShardQuiet(); }); };
  setup.drained = [this] { io_[0]->loop.Post([this] { ShardDrained(); }); };
  setup.fatal = [this](const Status& status) { OnWriteFailed(status); };
  setup.among_members = cluster_ != nullptr;
  setup.summon = [cluster = cluster_.get()](NamespaceNumber number, Event event) { cluster->Summon(number, std::move(event)); };
  setup.seed = [] { return std::random_device()(); };
  made->shard = std::make_unique<Shard>(std::move(setup), std::make_shared<const CoreLimits>(options_.core));
  made->shard->SetFlow(flow);
  shards_.push_back(std::move(made));
}

Status Runtime::Impl::MakeShards() {
  options_.flow.find_zone = FindSystemZone;
  options_.flow.strict_topics = options_.api.strict_topics;
  service_names_ = std::make_unique<ServiceNames>(io_[0]->loop.raw(), options_.sender.resolver, [this](std::shared_ptr<const FlowSettings> flow) {
    OnEachShard([flow](Shard* shard) { shard->SetFlow(flow); }, [] {});
  });
  const std::shared_ptr<const FlowSettings> flow = service_names_->Apply(options_.flow);
  for (uint32_t i = 0; i < ShardsOf(options_); ++i) MakeShard(flow);
  RegistryHost::Setup setup;
  setup.loop = shards_[0]->loop;
  setup.store = store_.get();
  setup.switchboard = &exchange_;
  setup.board = &board_;
  setup.publish = [this](std::shared_ptr<const AccessTable> table) { Publish(std::move(table)); };
  setup.reply = [this](RegistryReply reply) { ReplyOfRegistry(std::move(reply)); };
  setup.log = [this](const AuditEntry& entry) { exchange_.Told(entry); };
  setup.gone = [this](const std::string& space) { options_.api.audit_bytes->Forget(space); };
  exchange_.SetAuditBytes(options_.api.audit_bytes);
  const NamespaceDefaults defaults{options_.sender.https_only, DestinationPolicy::PortsOf(options_.sender.ports)};
  registry_ = std::make_unique<RegistryHost>(std::move(setup), RegistryLimits{.defaults = defaults});
  lending_.SetCaps({options_.core.max_in_flight, options_.core.max_loaded});
  std::vector<Shard*> shards;
  for (auto& shard : shards_) shards.push_back(shard->shard.get());
  exchange_.Connect(std::move(shards), cluster_ ? nullptr : registry_.get(), store_.get());
  MakeCellMoves();
  if (!cluster_) return OpenAll();
  JoinCluster();
  return Status::Ok();
}

/// All that the store has is served here.
Status Runtime::Impl::OpenAll() {
  registry_->Load(image_);
  store_->Start(this);
  CountAudit(store_.get(), options_.api.audit_bytes, image_, ReadWall());
  registry_->Begin();
  size_t awake = 0;
  for (const NamespaceAtStart& state : image_.states) {
    if (state.number == kDefaultNumber) continue;
    if (state.totals.accepted > 0) {
      NamespaceFigures figures;
      figures.totals = state.totals;
      figures.states = PendingByStateOf(state.totals.by_index, {}, 0);
      board_.Put(state.number, figures);
    }
    Shard* shard = exchange_.ShardOf(state.number);
    if (state.awake) shard->BeginAwake(state.number);
    else shard->BeginAsleep(state.number, state.next_wake);
    awake += state.awake ? 1 : 0;
  }
  const size_t namespaces = image_.namespaces.size();
  image_ = {};
  if (Status opened = shards_[0]->shard->OpenForGood(kDefaultNumber); !opened.ok()) return opened;
  Log(LogLevel::kInfo, "store opened",
      {{"directory", options_.data_dir},
       {"pending", board_.Figures(kDefaultNumber).totals.pending()},
       {"namespaces", namespaces},
       {"awake", awake},
       {"took_ms", ReadClockMs(CLOCK_BOOTTIME) - started_boot_ms_}});
  WarnOfNoAdmin();
  SetAlerts(options_);
  return Status::Ok();
}

void Runtime::Impl::Publish(std::shared_ptr<const AccessTable> table) {
  // Beside `default` and `system`.
  lending_.SetShared(table->namespaces() > 2);
  for (auto& io : io_)
    io->loop.Post([api = io->api.get(), sender = io->sender.get(), table] {
      api->SetTable(table);
      sender->SetTable(table);
    });
  commands_->SetTable(table);
  tables_.Set(std::move(table));
  for (auto& shard : shards_) shard->loop->Post([shard = shard->shard.get()] { shard->TableChanged(); });
  if (cluster_) cluster_->Kick();
  if (cell_moves_) cell_moves_->Kick();
}

/// No program of this process goes on beside those of the next owner, but for one that does not go.
void Runtime::Impl::EndCommands() {
  auto ended = std::make_shared<std::promise<void>>();
  commands_->Abort([ended] { ended->set_value(); });
  ended->get_future().wait_for(kCommandsMost);
}

void Runtime::Impl::OnWriteFailed(Status status) {
  // A member that another one buried begins anew.
  if (cluster_ && status.code() == Code::kConflict) keeper_->Fenced();
  // Whoever found that the lease is over takes the process elsewhere; that nothing is written any more comes of the same.
  while (keeper_ && keeper_->lost()) pause();
  // The store says it to the registry and to each core: the first that hears it ends the process.
  if (failed_.test_and_set()) return;
  Log(LogLevel::kError, "the store failed, stopping at once", {{"detail", status.detail()}});
  LogFinish();
  std::_Exit(1);
}

Status Runtime::Impl::Listen(const Handover& handover) {
  std::vector<HttpServer*> servers;
  for (auto& io : io_) servers.push_back(io->server.get());
  listeners_ = std::make_unique<Listeners>(options_);
  if (Status opened = listeners_->Open(servers, handover); !opened.ok()) return opened;
  PassCrashPoint(CrashPoint::kStartListening);
  listeners_->WatchCertificates(&io_[0]->loop, kCertificatesSlot);
  NameSelf(handover);
  for (auto& io : io_) {
    io->sender->SetSelf({Via(), listeners_->own()});
    io->api->SetSelf(self_);
  }
  return Status::Ok();
}

ProcessStats Runtime::Impl::ProcessNow() {
  ProcessStats stats;
  stats.pid = getpid();
  stats.started_at = started_at_;
  stats.uptime_ms = ReadClockMs(CLOCK_BOOTTIME) - started_boot_ms_;
  stats.rss_bytes = ResidentBytes();
  stats.cpu_seconds = CpuSeconds();
  const RecentUse::Use recent = recent_.Read({started_boot_ms_ + stats.uptime_ms}, stats.cpu_seconds);
  stats.cpu = recent.cpu;
  stats.commit_p99_ms = recent.commit_p99_ms;
  stats.connections = budget_.connections.load();
  stats.waiters = options_.api.waiters->load();
  stats.listeners = options_.api.listeners->load();
  stats.buffered_bytes = budget_.bytes.load();
  stats.captured_bytes = options_.sender.captured->used();
  stats.captured_cut = options_.sender.captured->cut();
  stats.namespaces = tables_.Get()->namespaces();
  for (const auto& shard : shards_) stats.namespaces_awake += shard->shard->awake();
  stats.store = store_->Figures();
  stats.log_dropped = LogDropped();
  stats.beanstalkd_connections = listeners_ ? listeners_->beanstalkd_connections() : 0;
  stats.beanstalkd = {{"taken", beanstalkd_figures_.jobs.load()},
                      {"refused", beanstalkd_figures_.refused.load()},
                      {"turned_away", beanstalkd_figures_.turned_away.load()}};
  if (tracing_) stats.spans = tracing_->made(), stats.spans_dropped = tracing_->dropped();
  if (options_.api.places != nullptr) {
    for (size_t i = 0; i < PassingFigures::kOutcomes; ++i) stats.forwarded.emplace_back(PassingFigures::kNames[i], passing_.outcomes[i].load());
    stats.forward_repeats = passing_.repeated.load();
  }
  if (cluster_) {
    stats.cluster = cluster_->figures();
    stats.member = options_.store.postgres.member;
    stats.alerts_known = cluster_->Serves(kSystemNumber);
    stats.cluster->epoch = keeper_->word().epoch;
    stats.cluster->lease_left_ms = keeper_->left_ms();
    stats.cluster->words_sent = words_.sent.load();
    stats.cluster->words_failed = words_.failed.load();
    stats.cluster->words_received = words_.received.load();
    stats.cluster->alerts_missing = alert_sampler_->shown().missing;
  }
  stats.alerts = alert_sampler_->shown().alerts;
  stats.alerts_firing = alert_sampler_->shown().firing;
  const Totals messages = board_.Figures(kSystemNumber).totals;
  stats.alerts_undelivered = messages.pending();
  stats.alerts_given_up = messages.failed;
  for (const CommandFigures& command : commands_->Figures())
    stats.commands.push_back({command.name,
                              command.running,
                              command.waiting,
                              command.started,
                              {{"succeeded", command.succeeded},
                               {"temporary", command.temporary},
                               {"failed", command.failed},
                               {"timeout", command.timed_out},
                               {"not_started", command.not_started}}});
  for (const NameWatch::Figures& name : service_names_->figures())
    stats.service_names.push_back({name.name, name.instances, name.found, name.failed});
  return stats;
}

void Runtime::Impl::ReportProcess() {
  const ProcessStats stats = ProcessNow();
  const bool here = !cluster_ || cluster_->Serves(kSystemNumber);
  if (here && stage_ == Stage::kServing && stats.uptime_ms >= kReportEveryMs) {
    ProcessReport report;
    report.values.rss_bytes = stats.rss_bytes;
    report.values.connections = stats.connections;
    report.values.cpu_per_mille = static_cast<int64_t>(stats.cpu * 1e3);
    if (stats.commit_p99_ms) report.values.commit_p99_us = static_cast<int64_t>(*stats.commit_p99_ms * 1e3);
    for (const StoreFigure& figure : stats.store)
      if (std::string_view(figure.name) == "free_bytes") report.values.disk_free_bytes = figure.value;
    exchange_.Post(kSystemNumber, FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{report})});
  }
  const int64_t into_minute_ms = (ReadWall().ms + kReportEveryMs - kReportAtMs) % kReportEveryMs;
  io_[0]->loop.SetTimer(kReportSlot, kReportEveryMs - into_minute_ms, [this] { ReportProcess(); });
}

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::Create(const Options& options, const Launch& launch, const Handover& handover, LeaseKeeper* keeper) {
  auto impl = std::make_unique<Impl>(options, launch, keeper);
  if (Status opened = impl->Open(handover); !opened.ok()) return opened;
  return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

bool Runtime::left_threads() const {
  return impl_->left_threads();
}

int Runtime::Run(Signals* signals) {
  return impl_->Run(signals);
}

}  // namespace notifyd
