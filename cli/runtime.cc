#include "cli/runtime.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "broker/core.h"
#include "broker/driver.h"
#include "cli/clocks.h"
#include "cli/core_host.h"
#include "cli/dispatcher.h"
#include "cli/mailbox.h"

namespace notifyd {
namespace {

// Timer slots of the first loop; CoreHost has its own.
constexpr int kGraceSlot = 1, kFlushSlot = 2;
/// Once nothing is in flight any more, answers that are still being written get so long.
constexpr int64_t kFlushMostMs = 1000, kFlushStepMs = 5;

uint64_t ResidentBytes() {
  unsigned long long pages = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%llu %llu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void LogAttempt(const AttemptLog& log) {
  bool bad_end = log.settled && log.phase != Phase::kSucceeded && log.phase != Phase::kCancelled;
  LogLevel level = bad_end ? LogLevel::kInfo : LogLevel::kDebug;
  if (!LogEnabled(level)) return;
  const char* event = !log.settled                     ? "attempt failed"
                      : log.phase == Phase::kSucceeded ? "notify succeeded"
                      : log.phase == Phase::kFailed    ? "notify failed"
                      : log.phase == Phase::kExpired   ? "notify expired"
                                                       : "notify cancelled";
  static const NotifyHead kNoHead;
  const NotifyHead& head = log.head ? *log.head : kNoHead;
  Log(level, event,
      {{"id", log.id.ToString()},
       {"attempt", log.number},
       {"status", log.status},
       {"error", log.error},
       {"duration_ms", log.duration_ms},
       {"lane", head.lane.name},
       {"mode", ToString(head.lane.mode)},
       {"host", head.host},
       {"caller", head.caller}});
}

/// Bodies and credentials lie in there: for its owner only.
Status MakeDirectory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return Status::Ok();
  std::filesystem::create_directories(directory, error);
  if (error) return Status(Code::kIo, "cannot make the directory " + directory + ": " + error.message());
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  return Status::Ok();
}

}  // namespace

/// One event loop with what lives on it. `thread` is empty for the first one: that runs on the thread that calls Run.
struct IoThread {
  Loop loop;
  std::unique_ptr<CurlSender> sender;
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> server;
  std::thread thread;

  ~IoThread() {
    server.reset();
    api.reset();
    sender.reset();
  }
};

class Runtime::Impl {
 public:
  explicit Impl(const Options& options) : options_(options), started_at_(ReadWall()), started_boot_ms_(ReadClockMs(CLOCK_BOOTTIME)) {}

  ~Impl() {
    if (store_started_) store_->Stop();
    // What still posts while it is taken apart must not wake a loop that is gone.
    mailbox_.OnWake([] {});
  }

  Status Open() {
    if (Status made = MakeIoThreads(); !made.ok()) return made;
    if (Status opened = OpenStore(); !opened.ok()) return opened;
    MakeCore();
    return Listen();
  }

  void Run() {
    HandleSignals();
    Log(LogLevel::kInfo, "listening on " + listening_on_);
    for (size_t i = 1; i < io_.size(); ++i) io_[i]->thread = std::thread([io = io_[i].get()] { io->loop.Run(); });
    if (core_loop_) core_thread_ = std::thread([this] { core_loop_->Run(); });
    io_[0]->loop.Run();
    for (auto& io : io_)
      if (io->thread.joinable()) io->thread.join();
    if (core_thread_.joinable()) core_thread_.join();
    store_->Stop();
    store_started_ = false;
    Log(LogLevel::kInfo, "stopped");
  }

 private:
  Status MakeIoThreads() {
    for (uint32_t i = 0; i < options_.io_threads; ++i) {
      auto io = std::make_unique<IoThread>();
      Result<std::unique_ptr<CurlSender>> sender = CurlSender::Create(&io->loop, &mailbox_, options_.sender);
      if (!sender.ok()) return std::move(sender).status();
      io->sender = *std::move(sender);
      ApiOptions api = options_.api;
      api.thread = i;
      api.wall = ReadWall;
      api.ready = [this] { return !stopping_.load(std::memory_order_relaxed) && host_ && host_->ready(); };
      api.process = [this] { return ProcessNow(); };
      io->api = std::make_unique<Api>(api, &mailbox_);
      io->server = std::make_unique<HttpServer>(&io->loop, options_.http, &budget_, io->api.get());
      io->api->SetResponder([server = io->server.get()](uint64_t token, HttpResponse response) { server->Respond(token, std::move(response)); });
      io_.push_back(std::move(io));
    }
    if (options_.io_threads > 1) core_loop_ = std::make_unique<Loop>();
    return Status::Ok();
  }

  Status OpenStore() {
    if (Status made = MakeDirectory(options_.data_dir); !made.ok()) return made;
    StoreOptions store = options_.store;
    store.wall_ms = [] { return ReadWall().ms; };
    Result<std::unique_ptr<RocksStore>> opened = RocksStore::Open(store);
    if (!opened.ok()) return std::move(opened).status();
    store_ = *std::move(opened);
    const Totals& totals = store_->totals();
    Log(LogLevel::kInfo, "store opened",
        {{"directory", options_.data_dir}, {"pending", totals.pending()}, {"took_ms", ReadClockMs(CLOCK_BOOTTIME) - started_boot_ms_}});
    return Status::Ok();
  }

  void MakeCore() {
    const Totals& totals = store_->totals();
    clock_ = std::make_unique<BrokerClock>(totals.wall, totals.mono);
    core_ = std::make_unique<Core>(options_.core, totals, clock_->Read(), std::random_device()());
    std::vector<Dispatcher::Target> targets;
    for (auto& io : io_) targets.push_back({&io->loop, io->api.get(), io->sender.get()});
    dispatcher_ = std::make_unique<Dispatcher>(std::move(targets), /*direct=*/core_loop_ == nullptr);
    Driver::Hooks hooks;
    hooks.log = LogAttempt;
    hooks.drained = [this] { io_[0]->loop.Post([this] { FlushAndStop("nothing is in flight any more"); }); };
    hooks.fatal = [](const Status& status) {
      Log(LogLevel::kError, "the store failed, stopping at once", {{"detail", status.detail()}});
      std::_Exit(1);
    };
    driver_ = std::make_unique<Driver>(core_.get(), store_.get(), dispatcher_.get(), dispatcher_.get(), std::move(hooks));
    host_ = std::make_unique<CoreHost>(core_loop_ ? core_loop_.get() : &io_[0]->loop, &mailbox_, core_.get(), driver_.get(), clock_.get(),
                                       [this] { dispatcher_->Flush(); });
    store_->Start(&mailbox_);
    store_started_ = true;
  }

  Status Listen() {
    Result<ListenAddress> listen = ParseListen(options_.listen);
    if (!listen.ok()) return Status(Code::kUnacceptable, listen.status().detail(), "/listen");
    uint16_t port = listen->port;
    for (auto& io : io_) {
      Result<uint16_t> bound = io->server->Listen(listen->address, port, /*reuse_port=*/io_.size() > 1);
      if (!bound.ok()) return Status(Code::kIo, "cannot listen on " + listen->ToString(port) + ": " + bound.status().detail());
      port = *bound;
    }
    listening_on_ = listen->ToString(port);
    return Status::Ok();
  }

  void HandleSignals() {
    signal(SIGPIPE, SIG_IGN);
    Loop& loop = io_[0]->loop;
    for (int number : {SIGTERM, SIGINT}) loop.OnSignal(number, [this, number] { StopSignal(number); });
    for (int number : {SIGHUP, SIGUSR1})
      loop.OnSignal(number, [number] {
        Log(LogLevel::kWarn,
            number == SIGHUP ? "SIGHUP ignored: settings are read at the start only" : "SIGUSR1 ignored: restart in place is not built");
      });
  }

  // ---- stop: StopSignal, then drained or grace over, then FlushAndStop. All on the first loop.

  void StopSignal(int number) {
    if (stopping_.exchange(true)) {
      Log(LogLevel::kWarn, "second signal, stopping at once");
      std::_Exit(0);
    }
    Log(LogLevel::kInfo, "stopping", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}, {"grace_ms", options_.shutdown_grace_ms}});
    io_[0]->loop.SetTimer(kGraceSlot, options_.shutdown_grace_ms, [this] { FlushAndStop("the grace for calls in flight is over"); });
    mailbox_.Post(StopRequested{});
  }

  void FlushAndStop(const char* why) {
    if (std::exchange(flushing_, true)) return;
    Log(LogLevel::kInfo, "closing", {{"reason", why}});
    io_[0]->loop.SetTimer(kGraceSlot, -1, {});
    for (auto& io : io_)
      io->loop.Post([io = io.get()] {
        io->sender->Abort();
        io->server->Drain();
      });
    StopOnceFlushed(ReadClockMs(CLOCK_BOOTTIME) + kFlushMostMs);
  }

  void StopOnceFlushed(int64_t until_ms) {
    io_[0]->loop.SetTimer(kFlushSlot, kFlushStepMs, [this, until_ms] {
      if (budget_.connections.load() > 0 && ReadClockMs(CLOCK_BOOTTIME) < until_ms) return StopOnceFlushed(until_ms);
      for (auto& io : io_) io->loop.Stop();
      if (core_loop_) core_loop_->Stop();
    });
  }

  ApiOptions::ProcessStats ProcessNow() const {
    ApiOptions::ProcessStats stats;
    stats.pid = getpid();
    stats.started_at = started_at_;
    stats.uptime_ms = ReadClockMs(CLOCK_BOOTTIME) - started_boot_ms_;
    stats.rss_bytes = ResidentBytes();
    stats.cpu_seconds = CpuSeconds();
    stats.connections = budget_.connections.load();
    stats.buffered_bytes = budget_.bytes.load();
    StoreStats store = store_->Stats();
    stats.store_disk_bytes = store.disk_bytes;
    stats.store_wal_bytes = store.wal_bytes;
    stats.store_free_bytes = store.free_disk_bytes;
    stats.store_syncs = store.syncs;
    stats.store_groups = store.groups;
    stats.store_batches = store.batches;
    stats.memtable_bytes = store.memtable_bytes;
    stats.block_cache_bytes = store.block_cache_bytes;
    stats.table_readers_bytes = store.table_readers_bytes;
    return stats;
  }

  // In the order in which they are made; those below borrow from those above.
  const Options options_;
  const WallTime started_at_;
  const int64_t started_boot_ms_;
  std::string listening_on_;
  std::atomic<bool> stopping_{false};
  bool flushing_ = false;  // first loop only
  HttpServer::Budget budget_;
  Mailbox mailbox_;
  std::unique_ptr<RocksStore> store_;
  bool store_started_ = false;
  std::vector<std::unique_ptr<IoThread>> io_;
  std::unique_ptr<Loop> core_loop_;  // with more than one io thread; else the core runs on the first loop
  std::unique_ptr<BrokerClock> clock_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<CoreHost> host_;
  std::thread core_thread_;
};

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::Create(const Options& options) {
  auto impl = std::make_unique<Impl>(options);
  if (Status opened = impl->Open(); !opened.ok()) return opened;
  return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

void Runtime::Run() {
  impl_->Run();
}

}  // namespace notifyd
