#include "cli/daemon/profiler.h"

#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/clocks.h"
#include "base/protobuf_writer.h"
#include "base/quiet_thread.h"
#include "cli/daemon/symbols.h"

namespace notifyd {
namespace {

constexpr int kDepth = 64;
/// Not a divisor of what is done each so many milliseconds, so that it is not always the same that is seen.
constexpr int64_t kPeriodUs = 10'100;
/// Some 10 MiB: a minute of two cores, or some seconds of many.
constexpr size_t kMostLooks = 20'000;

struct Look {
  int depth;
  void* at[kDepth];
};

std::atomic_flag taken = ATOMIC_FLAG_INIT;
std::atomic<Look*> looks{nullptr};  // null: nobody wants any
std::atomic<size_t> looked{0};
std::atomic<int> inside{0};  // handlers that run

void* ProgramCounter(void* context) {
#if defined(__x86_64__)
  return reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.pc);
#else
  (void)context;
  return nullptr;
#endif
}

/// Where the unwinder is to come back to, should what it reads lead nowhere: in the middle of an exception, say, a stack is not described whole.
thread_local sigjmp_buf way_out;
thread_local volatile sig_atomic_t unwinding = 0;
struct sigaction fault_before;  // what SIGSEGV did

void OnFault(int number, siginfo_t*, void*) {
  if (unwinding) siglongjmp(way_out, 1);
  sigaction(number, &fault_before, nullptr);  // it happens again, to whom it is for
}

/// How many addresses; 0: none could be found.
int Unwind(void** frames) {
  int count = 0;
  unwinding = 1;
  if (sigsetjmp(way_out, /*savemask=*/1) == 0) count = backtrace(frames, kDepth);
  unwinding = 0;
  return count;
}

void OnSignal(int, siginfo_t*, void* context) {
  const int saved = errno;
  inside.fetch_add(1);
  if (Look* table = looks.load()) {
    const size_t place = looked.fetch_add(1);
    if (place < kMostLooks) {
      void* frames[kDepth];
      const int count = Unwind(frames);
      // The handler's own frames, and the kernel's, come first.
      void* counter = ProgramCounter(context);
      int from = 0;
      while (from < count && frames[from] != counter) ++from;
      Look& look = table[place];
      look.depth = std::max(count - from, 1);
      if (from == count) look.at[0] = counter;
      else std::copy(frames + from, frames + count, look.at);
    }
  }
  inside.fetch_sub(1);
  errno = saved;
}

void SetTimer(int64_t period_us) {
  itimerval timer{};
  timer.it_interval.tv_usec = timer.it_value.tv_usec = static_cast<suseconds_t>(period_us);
  setitimer(ITIMER_PROF, &timer, nullptr);
}

Profile Gather(const Look* table) {
  Profile profile;
  const size_t count = looked.load();
  profile.lost = count - std::min(count, kMostLooks);
  for (size_t i = 0; i < std::min(count, kMostLooks); ++i) {
    Stack& stack = profile.stacks.emplace_back();
    for (int at = 0; at < table[i].depth; ++at) stack.push_back(reinterpret_cast<uint64_t>(table[i].at[at]));
  }
  return profile;
}

}  // namespace

Profile TakeProfile(const std::function<void()>& wait) {
  CHECK(!taken.test_and_set());
  // The first call loads the unwinder, which allocates.
  void* warm[4];
  backtrace(warm, 4);
  auto table = std::make_unique_for_overwrite<Look[]>(kMostLooks);
  looked = 0;
  looks = table.get();
  sigset_t own, before;
  sigemptyset(&own);
  sigaddset(&own, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &own, &before);
  // It stays: a signal that is late finds it, and nothing to do.
  struct sigaction action {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGPROF, &action, nullptr);
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &fault_before);
  const int64_t begin_us = ReadClockUs(CLOCK_REALTIME), since_us = ReadClockUs(CLOCK_MONOTONIC);
  SetTimer(kPeriodUs);
  wait();
  SetTimer(0);
  looks = nullptr;
  while (inside.load() > 0) std::this_thread::yield();
  sigaction(SIGSEGV, &fault_before, nullptr);
  Profile profile = Gather(table.get());
  profile.begin_ns = begin_us * 1000;
  profile.duration_ns = (ReadClockUs(CLOCK_MONOTONIC) - since_us) * 1000;
  profile.period_ns = kPeriodUs * 1000;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  taken.clear();
  return profile;
}

namespace {

/// Makes the tables that samples point into.
class ProfileWriter {
 public:
  ProfileWriter() { TextOf(""); }

  std::string Write(const Profile& profile) {
    std::map<Stack, uint64_t> counts;
    for (const Stack& stack : profile.stacks) ++counts[stack];
    ProtobufWriter out(&out_);
    ValueType(1, "samples", "count", &out);
    ValueType(1, "cpu", "nanoseconds", &out);
    for (const auto& [stack, count] : counts) {
      std::vector<uint64_t> places;
      for (size_t i = 0; i < stack.size(); ++i) places.push_back(LocationOf(i == 0 ? stack[i] : stack[i] - 1));  // of the call, not behind it
      std::string sample;
      ProtobufWriter writer(&sample);
      writer.Numbers(1, places);
      writer.Numbers(2, {count, count * static_cast<uint64_t>(profile.period_ns)});
      out.Bytes(2, sample);
    }
    Mappings(&out);
    out_ += locations_ + functions_;
    out.Number(9, static_cast<uint64_t>(profile.begin_ns));
    out.Number(10, static_cast<uint64_t>(profile.duration_ns));
    ValueType(11, "cpu", "nanoseconds", &out);
    out.Number(12, static_cast<uint64_t>(profile.period_ns));
    if (profile.lost > 0) out.Number(13, TextOf(std::to_string(profile.lost) + " samples were lost: there was no room"));
    for (const std::string& text : texts_in_order_) out.Bytes(6, text);
    return std::move(out_);
  }

 private:
  uint64_t TextOf(const std::string& text) {
    auto [found, made] = texts_.try_emplace(text, texts_.size());
    if (made) texts_in_order_.push_back(text);
    return found->second;
  }

  void ValueType(uint32_t field, const char* type, const char* unit, ProtobufWriter* out) {
    std::string value;
    ProtobufWriter writer(&value);
    writer.Number(1, TextOf(type));
    writer.Number(2, TextOf(unit));
    out->Bytes(field, value);
  }

  uint64_t LocationOf(uint64_t address) {
    auto [found, made] = locations_by_address_.try_emplace(address, locations_by_address_.size() + 1);
    if (!made) return found->second;
    std::string location;
    ProtobufWriter writer(&location);
    writer.Number(1, found->second);
    if (const int mapping = symbols_.MappingOf(address); mapping >= 0) writer.Number(2, static_cast<uint64_t>(mapping) + 1);
    writer.Number(3, address);
    if (const std::string function = symbols_.FunctionAt(address); !function.empty()) {
      std::string line;
      ProtobufWriter(&line).Number(1, FunctionOf(function));
      writer.Bytes(4, line);
    }
    ProtobufWriter(&locations_).Bytes(4, location);
    return found->second;
  }

  uint64_t FunctionOf(const std::string& name) {
    auto [found, made] = functions_by_name_.try_emplace(name, functions_by_name_.size() + 1);
    if (!made) return found->second;
    std::string function;
    ProtobufWriter writer(&function);
    writer.Number(1, found->second);
    writer.Number(2, TextOf(Symbols::Readable(name)));
    writer.Number(3, TextOf(name));
    ProtobufWriter(&functions_).Bytes(5, function);
    return found->second;
  }

  void Mappings(ProtobufWriter* out) {
    uint64_t number = 0;
    for (const CodeMapping& mapping : symbols_.mappings()) {
      std::string bytes;
      ProtobufWriter writer(&bytes);
      writer.Number(1, ++number);
      writer.Number(2, mapping.begin);
      writer.Number(3, mapping.end);
      writer.Number(4, mapping.offset);
      writer.Number(5, TextOf(mapping.file));
      if (!mapping.build_id.empty()) writer.Number(6, TextOf(mapping.build_id));
      writer.Number(7, 1);  // functions are named
      out->Bytes(3, bytes);
    }
  }

  const Symbols symbols_;
  std::string out_, locations_, functions_;
  std::unordered_map<std::string, uint64_t> texts_, functions_by_name_;
  std::vector<std::string> texts_in_order_;
  std::unordered_map<uint64_t, uint64_t> locations_by_address_;
};

}  // namespace

void ProfileThread::Cut() {
  std::lock_guard<std::mutex> lock(mutex_);
  cut_ = true;
  stop_.notify_all();
}

void ProfileThread::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    stop_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Status ProfileThread::Begin(int64_t duration_ms, std::function<void(std::string)> then) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return Status(Code::kUnavailable, "the broker stops");
  if (std::exchange(busy_, true)) return Status(Code::kConflict, "a profile is being taken");
  if (thread_.joinable()) thread_.join();  // it has nothing left to do
  cut_ = false;
  thread_ = StartQuietThread([this, duration_ms, then = std::move(then)] {
    const Profile profile = TakeProfile([this, duration_ms] {
      std::unique_lock<std::mutex> waiting(mutex_);
      stop_.wait_for(waiting, std::chrono::milliseconds(duration_ms), [this] { return stopping_ || cut_; });
    });
    then(EncodeProfile(profile));
    std::lock_guard<std::mutex> done(mutex_);
    busy_ = false;
  });
  return Status::Ok();
}

std::string EncodeProfile(const Profile& profile) {
  return ProfileWriter().Write(profile);
}

}  // namespace notifyd
