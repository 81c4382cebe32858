// `notify-bench receive`: a receiver to watch. Requests are printed one by one while they are few, and counted always.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <mutex>
#include <string>

#include "base/standard_output.h"
#include "base/terminal_text.h"
#include "bench/receiver.h"
#include "bench/report.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr uint64_t kShownPerSecond = 20;
constexpr size_t kBodyShown = 160;

/// A set of hashes with open addressing: eight bytes an entry, since a long run sees millions.
class HashSet {
 public:
  /// False where it was there already. Two texts of one hash (one in 2^64 a pair) are taken for one.
  bool Add(uint64_t hash) {
    if (hash == 0) hash = 1;
    if ((count_ + 1) * 10 > slots_.size() * 7) Grow();
    if (!Put(hash)) return false;
    ++count_;
    return true;
  }

 private:
  bool Put(uint64_t hash) {
    size_t mask = slots_.size() - 1;
    size_t at = (hash * 0x9E3779B97F4A7C15ull >> 20) & mask;
    for (; slots_[at]; at = (at + 1) & mask) {
      if (slots_[at] == hash) return false;
    }
    slots_[at] = hash;
    return true;
  }
  void Grow() {
    std::vector<uint64_t> old(slots_.size() * 2, 0);
    old.swap(slots_);
    for (uint64_t hash : old) {
      if (hash) Put(hash);
    }
  }
  std::vector<uint64_t> slots_ = std::vector<uint64_t>(1024, 0);
  size_t count_ = 0;
};

struct Totals {
  uint64_t requests = 0;
  uint64_t succeeded = 0;   // answered 2xx
  uint64_t notifies = 0;    // distinct Notify-Ids, or bodies where none came
  uint64_t repeats = 0;     // a Notify-Id and Notify-Attempt seen before
  uint64_t duplicates = 0;  // a Notify-Id that got its 2xx before
  uint64_t bytes = 0;
  int64_t last_arrival_ns = 0;  // wall clock, of the newest that was not seen before
};

/// Printable, on one line, and not longer than a line.
std::string Beginning(std::string_view body) {
  return EscapeForTerminal(body.substr(0, kBodyShown)) + (body.size() > kBodyShown ? "..." : "");
}

/// On the receiver's thread; Take from the main thread.
class Watcher final : public RequestObserver {
 public:
  Watcher(bool verbose, bool json) : verbose_(verbose), json_(json) {}

  void OnRequest(const ReceivedRequest& request) override {
    std::lock_guard lock(mutex_);
    Count(request);
    bool shown = verbose_ || (!json_ && this_second_ < kShownPerSecond);
    ++this_second_;
    if (!shown) return;
    if (json_) {
      Record record;
      record.Text("method", std::string(request.method)).Text("path", std::string(request.target)).Text("id", std::string(request.notify_id));
      record.Int("attempt", request.attempt).Int("status", request.status).Int("body_bytes", static_cast<int64_t>(request.body_size));
      PrintOut(record.Text("body", std::string(request.body)).Json() + "\n");
    } else {
      PrintOut(fmt::format("{} {}  {} attempt {} -> {}  {}\n", request.method, Beginning(request.target),
                           request.notify_id.empty() ? "-" : Beginning(request.notify_id), request.attempt,
                           request.status ? fmt::format("{}", request.status) : "no answer", Beginning(request.body)));
    }
    FlushOut();
  }

  uint64_t notifies() {
    std::lock_guard lock(mutex_);
    return totals_.notifies;
  }
  /// What came so far, and how much of it since the last call.
  Totals Take(uint64_t* recent) {
    std::lock_guard lock(mutex_);
    *recent = this_second_;
    this_second_ = 0;
    return totals_;
  }

 private:
  void Count(const ReceivedRequest& request) {
    ++totals_.requests;
    totals_.bytes += request.body_size;
    bool good = request.status >= 200 && request.status < 300;
    if (good) ++totals_.succeeded;
    uint64_t id = std::hash<std::string_view>()(request.notify_id.empty() ? request.body : request.notify_id);
    if (ids_.Add(id)) {
      ++totals_.notifies;
      totals_.last_arrival_ns = request.arrived_wall_ns;
    }
    if (request.notify_id.empty()) return;
    if (!attempts_.Add(id ^ (request.attempt + 1) * 0xD6E8FEB86659FD93ull)) ++totals_.repeats;
    if (good && !succeeded_.Add(id)) ++totals_.duplicates;
  }

  bool verbose_, json_;
  std::mutex mutex_;
  Totals totals_;
  uint64_t this_second_ = 0;
  HashSet ids_, attempts_, succeeded_;
};

/// `moments`: with those of the clock, which say something to programs only.
Record RecordOf(const Totals& totals, bool moments) {
  Record record;
  record.Int("requests", static_cast<int64_t>(totals.requests)).Int("succeeded", static_cast<int64_t>(totals.succeeded));
  record.Int("notifies", static_cast<int64_t>(totals.notifies)).Int("repeated_attempts", static_cast<int64_t>(totals.repeats));
  record.Int("duplicates", static_cast<int64_t>(totals.duplicates)).Int("body_bytes", static_cast<int64_t>(totals.bytes));
  if (moments) record.Int("last_arrival_ns", totals.last_arrival_ns);
  return record;
}

/// Until a signal, or until `until` notifies came where that is not 0. What comes in the next moments still counts.
bool Ended(Watcher* watcher, uint64_t until) {
  constexpr int64_t kGraceMs = 300;
  if (until == 0) return SleepInterrupted(1000);
  for (int i = 0; i < 50; ++i) {
    if (SleepInterrupted(20)) return true;
    if (watcher->notifies() >= until) return SleepInterrupted(kGraceMs), true;
  }
  return false;
}

}  // namespace

Status RunReceive(const ReceiveOptions& options) {
  Watcher watcher(options.verbose, options.json);
  ReceiverOptions receiver_options;
  receiver_options.listen = options.listen;
  receiver_options.delay_ms = options.delay_ms;
  receiver_options.fail_every = options.fail_every;
  // A status goes to those that fail where some do, else to all.
  if (options.status) (options.fail_every ? receiver_options.fail_status : receiver_options.status) = *options.status;
  receiver_options.hang = options.hang;
  receiver_options.close = options.close;
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start(receiver_options, &watcher);
  if (!receiver.ok()) return std::move(receiver).status();
  fmt::print(stderr, "receiving on {}\n", (*receiver)->address().Url());
  bool terminal = isatty(STDOUT_FILENO) == 1 && !options.json;
  uint64_t recent = 0;
  while (!Ended(&watcher, options.until)) {
    Totals totals = watcher.Take(&recent);
    if (!terminal || recent == 0 || (recent <= kShownPerSecond && !options.verbose)) continue;
    PrintOut(fmt::format("{}/s, {} in all, {} notifies, {} duplicates, {} repeated attempts\n", Grouped(static_cast<double>(recent), 0),
                         Grouped(static_cast<double>(totals.requests), 0), Grouped(static_cast<double>(totals.notifies), 0), totals.duplicates,
                         totals.repeats));
    FlushOut();
  }
  (*receiver)->Stop();
  Record record = RecordOf(watcher.Take(&recent), options.json);
  if (options.json) {
    PrintOut(record.Json() + "\n");
  } else {
    PrintOut(TableOfRuns("received", {record}));
  }
  return Status::Ok();
}

}  // namespace notifyd::bench
