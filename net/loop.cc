// Loop on libuv. All but Post, Wake and Stop belong to the loop's thread.
// I1: a loop that is at work is not woken: it looks for what was posted at the end of its turn, and again before it sleeps (state_). Only who finds
//     it asleep, or about to be, pays for a system call, and is the only one to do so until it is awake. libuv's own uv_async_t writes each time, and
//     its loop spins until the writer, which it may just have put off its processor, says that it is done.
// I2: the turn callback runs in the prepare phase: after the I/O and timers of the turn, before the poll whose timeout libuv computes
//     afterwards. What it posts, arms or closes is therefore never slept on.
// I3: a loop that lingers is at work by I1, so that nobody pays for waking it; each of its turns looks at sockets, too.
// I4: the time at work between two prepare phases is what passed, less what libuv says it slept: it handles I/O inside the poll.
#include "net/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clocks.h"

namespace notifyd {

namespace {

/// A turn of a loop that lingers, and that was shorter, found nothing to do.
constexpr uint64_t kEmptyTurnNs = 20'000;

}  // namespace

class Loop::Impl {
 public:
  explicit Impl(const std::atomic<int64_t>* ahead_ms) : ahead_ms_(ahead_ms) {
    // A write to a client that has gone is an error code, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    CHECK(uv_loop_init(&loop_) == 0);
    loop_.data = this;
    wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(wake_fd_ >= 0);
    CHECK(uv_poll_init(&loop_, &wake_, wake_fd_) == 0);
    CHECK(uv_prepare_init(&loop_, &prepare_) == 0);
    CHECK(uv_idle_init(&loop_, &stay_) == 0);
    wake_.data = prepare_.data = this;
    CHECK(uv_poll_start(&wake_, UV_READABLE, [](uv_poll_t* handle, int, int) { static_cast<Impl*>(handle->data)->TakeWake(); }) == 0);
    CHECK(uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<Impl*>(handle->data)->EndTurn(); }) == 0);
  }

  ~Impl() {
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void*) {
          if (!uv_is_closing(handle)) uv_close(handle, nullptr);
        },
        nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
    close(wake_fd_);
  }

  void Run() {
    if (lag_ != nullptr) {
      awake_ns_ = uv_hrtime();
      slept_ns_ = uv_metrics_idle_time(&loop_);
    }
    uv_run(&loop_, UV_RUN_DEFAULT);
  }

  void Post(std::function<void()> task) {
    bool wake;
    {
      std::lock_guard lock(mutex_);
      wake = posted_.empty();
      posted_.push_back(std::move(task));
    }
    if (wake) Wake();
  }

  void Wake() {
    if (state_.exchange(State::kCalled) != State::kAsleep) return;
    wakes_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t one = 1;
    // It cannot be full: nobody else writes until the loop has read it.
    CHECK(write(wake_fd_, &one, sizeof one) == sizeof one);
  }

  void Linger(int64_t us, int64_t away_most_us) {
    linger_until_ns_ = us > 0 ? uv_hrtime() + static_cast<uint64_t>(us) * 1000 : 0;
    if (us > 0) away_us_ = 0;
    away_most_us_ = away_most_us;
  }

  int64_t away_us() const { return away_us_; }

  uint64_t wakes() const { return wakes_.load(std::memory_order_relaxed); }

  void Aside(std::function<void()> work, std::function<void()> then) {
    struct Job {
      uv_work_t request;
      std::function<void()> work, then;
    };
    auto* job = new Job{{}, std::move(work), std::move(then)};
    job->request.data = job;
    auto run = [](uv_work_t* request) { static_cast<Job*>(request->data)->work(); };
    auto done = [](uv_work_t* request, int) {
      std::unique_ptr<Job> ended(static_cast<Job*>(request->data));
      ended->work = nullptr;
      ended->then();
    };
    CHECK(uv_queue_work(&loop_, &job->request, run, done) == 0);
  }

  void Stop() {
    Post([this] { uv_stop(&loop_); });
  }

  void OnTurn(std::function<void()> turn) { turn_ = std::move(turn); }

  void MeasureTurns(Histogram* lag) {
    CHECK(uv_loop_configure(&loop_, UV_METRICS_IDLE_TIME) == 0);
    lag_ = lag;
  }

  void SetTimer(int number, int64_t delay_ms, std::function<void()> task) {
    CHECK(number >= 0 && number < 1024);
    if (timers_.size() <= static_cast<size_t>(number)) timers_.resize(static_cast<size_t>(number) + 1);
    std::unique_ptr<Timer>& timer = timers_[static_cast<size_t>(number)];
    if (delay_ms < 0) {
      if (timer) uv_timer_stop(&timer->handle);
      return;
    }
    if (!timer) {
      timer = std::make_unique<Timer>();
      CHECK(uv_timer_init(&loop_, &timer->handle) == 0);
      timer->handle.data = timer.get();
    }
    timer->task = std::move(task);
    uv_update_time(&loop_);
    CHECK(uv_timer_start(&timer->handle, Fire, static_cast<uint64_t>(delay_ms), 0) == 0);
  }

  uv_loop_t* raw() { return &loop_; }

  static int64_t NowMs(const uv_loop_t* loop) {
    const auto* ahead_ms = static_cast<const Impl*>(loop->data)->ahead_ms_;
    return static_cast<int64_t>(uv_now(loop)) + (ahead_ms != nullptr ? ahead_ms->load(std::memory_order_relaxed) : 0);
  }

 private:
  struct Timer {
    uv_timer_t handle;
    std::function<void()> task;
  };

  enum class State : uint8_t {
    kAtWork,  // posts will be seen
    kAsleep,  // ... or about to be: whoever posts must wake it
    kCalled,  // somebody posted since it began to look
  };

  void TakeWake() {
    uint64_t count;
    CHECK(read(wake_fd_, &count, sizeof count) == sizeof count);
  }

  void EndTurn() {
    state_.exchange(State::kAtWork);
    RunPosted();
    if (turn_) turn_();
    State at_work = State::kAtWork;
    const bool lingers = Lingers();
    const bool sleeps = !lingers && state_.compare_exchange_strong(at_work, State::kAsleep);
    // Otherwise somebody posted meanwhile: sockets have their say, and the next turn comes at once.
    if (sleeps == stays_) Stay(!sleeps);
    MeasureTurn(lingers);
  }

  bool Lingers() {
    if (linger_until_ns_ == 0) return false;
    if (uv_hrtime() < linger_until_ns_) away_us_ = std::max(away_us_, GiveWayUs());
    if (uv_hrtime() >= linger_until_ns_ || away_us_ > away_most_us_) linger_until_ns_ = 0;
    return linger_until_ns_ != 0;
  }

  /// An idle handle that is active is what keeps libuv from sleeping.
  void Stay(bool on) {
    stays_ = on;
    if (on) uv_idle_start(&stay_, [](uv_idle_t*) {});
    else uv_idle_stop(&stay_);
  }

  void MeasureTurn(bool lingers) {
    if (lag_ == nullptr) return;
    uint64_t now = uv_hrtime();
    uint64_t slept = uv_metrics_idle_time(&loop_);
    if (!lingers || now - awake_ns_ > kEmptyTurnNs)
      lag_->Observe((static_cast<int64_t>(now - awake_ns_) - static_cast<int64_t>(slept - slept_ns_)) / 1000);
    awake_ns_ = now;
    slept_ns_ = slept;
  }

  static void Fire(uv_timer_t* handle) {
    // Taken out first: the task may arm its own number again.
    std::function<void()> task = std::move(static_cast<Timer*>(handle->data)->task);
    task();
  }

  void RunPosted() {
    {
      std::lock_guard lock(mutex_);
      if (posted_.empty()) return;
      running_.swap(posted_);
    }
    for (std::function<void()>& task : running_) task();
    running_.clear();
  }

  uv_loop_t loop_;
  const std::atomic<int64_t>* const ahead_ms_;
  int wake_fd_ = -1;
  uv_poll_t wake_;
  uv_prepare_t prepare_;
  uv_idle_t stay_;
  bool stays_ = false;
  std::atomic<State> state_{State::kAtWork};
  std::atomic<uint64_t> wakes_{0};
  int64_t away_us_ = 0;           // while it lingered last, at the longest
  int64_t away_most_us_ = 0;
  uint64_t linger_until_ns_ = 0;  // 0: it sleeps where nothing is to be done
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;   // guarded by mutex_
  std::vector<std::function<void()>> running_;  // kept for its capacity
  std::function<void()> turn_;
  Histogram* lag_ = nullptr;                    // measured where there is one
  uint64_t awake_ns_ = 0;                       // when the last turn ended
  uint64_t slept_ns_ = 0;                       // in all, until then
  std::vector<std::unique_ptr<Timer>> timers_;  // by number
};

Loop::Loop(const std::atomic<int64_t>* ahead_ms) : impl_(std::make_unique<Impl>(ahead_ms)) {}
Loop::~Loop() = default;
void Loop::Run() {
  impl_->Run();
}
void Loop::Stop() {
  impl_->Stop();
}
void Loop::Post(std::function<void()> task) {
  impl_->Post(std::move(task));
}
void Loop::Wake() {
  impl_->Wake();
}
void Loop::Linger(int64_t us, int64_t away_most_us) {
  impl_->Linger(us, away_most_us);
}
int64_t Loop::away_us() const {
  return impl_->away_us();
}
uint64_t Loop::wakes() const {
  return impl_->wakes();
}
void Loop::Aside(std::function<void()> work, std::function<void()> then) {
  impl_->Aside(std::move(work), std::move(then));
}
void Loop::OnTurn(std::function<void()> turn) {
  impl_->OnTurn(std::move(turn));
}
void Loop::MeasureTurns(Histogram* lag) {
  impl_->MeasureTurns(lag);
}
void Loop::SetTimer(int number, int64_t delay_ms, std::function<void()> task) {
  impl_->SetTimer(number, delay_ms, std::move(task));
}
uv_loop_s* Loop::raw() {
  return impl_->raw();
}
int64_t Loop::NowMs(const uv_loop_s* raw) {
  return Impl::NowMs(raw);
}

}  // namespace notifyd
