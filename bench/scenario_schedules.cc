// schedules: what many of them take, and how late are the runs of those that are due. Contract section 15.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "base/random.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

/// A PUT for each number: of schedules of half a year ahead, or of those whose first run is at their time. On the client's thread.
class Puts final : public RequestSource {
 public:
  Puts(std::string url, uint64_t count, const std::vector<int64_t>* due_ms) : url_(std::move(url)), count_(count), due_ms_(due_ms) {
    const time_t now = time(nullptr);
    tm utc{};
    gmtime_r(&now, &utc);
    month_ = (utc.tm_mon + 6) % 12 + 1;
  }

  size_t Next(int, int64_t, std::string* body) override {
    if (next_ == count_) return 0;
    const uint64_t n = next_++;
    line_ = fmt::format("PUT /v1/schedules/{}-{}", due_ms_ ? "due" : "far", n);
    const std::string when = due_ms_ ? fmt::format(R"("every_ms":31536000000,"start_at":{})", (*due_ms_)[n])
                                     : fmt::format(R"("cron":"{} {} {} {} *")", n % 60, n / 60 % 24, n / 1440 % 28 + 1, month_);
    *body = fmt::format(R"({{{},"notify":{{"url":"{}","data":{{"n":{},"at":"{{{{scheduled_at}}}}"}}}}}})", when, url_, n);
    return 1;
  }
  std::string_view Line() const override { return line_; }

 private:
  const std::string url_;
  const uint64_t count_;
  const std::vector<int64_t>* due_ms_;
  uint64_t next_ = 0;
  int month_ = 1;
  std::string line_;
};

struct Lateness {
  Distribution late;
  double put_s = 0;
};

/// Schedules that begin at random moments, and how late their first runs arrive.
Result<Lateness> RunDueOnes(BrokerProcess& broker, const CommonOptions& common, const SchedulesOptions& options, int run) {
  const int64_t begin_ms = WallNanos() / 1'000'000 + int64_t{options.ahead_s} * 1000;
  Random random(common.seed + static_cast<uint64_t>(run));
  std::vector<int64_t> due_ms(options.due);
  for (int64_t& due : due_ms) due = begin_ms + static_cast<int64_t>(random.Below(static_cast<uint64_t>(options.spread_s) * 1000));
  Arrivals arrivals({options.due, 1, false, nullptr, &due_ms});
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({}, &arrivals);
  if (!receiver.ok()) return std::move(receiver).status();
  Puts puts((*receiver)->address().Url() + "/n", options.due, &due_ms);
  Result<LoadResult> load = Submit(broker, options.connections, options.due, &puts);
  if (!load.ok()) return std::move(load).status();
  if (WallNanos() / 1'000'000 >= begin_ms)
    return Status(Code::kUnavailable, fmt::format("the PUTs took longer than the {} s ahead of the first run: raise --ahead-s", options.ahead_s));
  const int64_t end_ms = begin_ms + int64_t{options.spread_s} * 1000;
  if (Status arrived = AwaitArrivals(broker, arrivals, options.due, common.stall_s, end_ms); !arrived.ok()) return arrived;
  (*receiver)->Stop();
  if (arrivals.early() + arrivals.duplicates() + arrivals.strangers() > 0)
    return Status(Code::kUnavailable, fmt::format("{} runs early, {} made twice, {} that nobody asked for", arrivals.early(), arrivals.duplicates(),
                                                  arrivals.strangers()));
  return Lateness{arrivals.lateness(), static_cast<double>(load->last_answered_ns - load->first_sent_ns) / 1e9};
}

Result<Record> SchedulesOnce(const CommonOptions& common, const SchedulesOptions& options, int run) {
  constexpr int kSettleS = 20;
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  const MemoryUse empty = (*session)->broker().memory();
  Puts puts("http://127.0.0.1:9/n", options.count, nullptr);
  Result<LoadResult> load = Submit((*session)->broker(), options.connections, options.count, &puts);
  if (!load.ok()) return std::move(load).status();
  const MemoryUse filled = (*session)->broker().SettledMemory(kSettleS);
  const int64_t disk_bytes = DiskBytes((*session)->data_dir());
  if (Status restarted = (*session)->KillAndRestart(); !restarted.ok()) return restarted;
  BrokerProcess& broker = (*session)->broker();
  const MemoryUse after = broker.SettledMemory(kSettleS);
  Result<Lateness> due = RunDueOnes(broker, common, options, run);
  if (!due.ok()) return std::move(due).status();
  const auto count = static_cast<double>(options.count);
  Record record;
  record.Text("scenario", "schedules").Int("run", run).Int("count", static_cast<int64_t>(options.count));
  record.Real("put_s", count / std::max(load->per_s(), 1.0)).Real("puts_per_s", load->per_s(), 0);
  record.Real("empty_mib", Mebibytes(empty.resident_bytes)).Real("filled_mib", Mebibytes(filled.resident_bytes));
  record.Real("peak_mib", Mebibytes(filled.peak_bytes)).Real("restarted_mib", Mebibytes(after.resident_bytes));
  record.Real("ready_ms", broker.ready_ms()).Real("disk_bytes_each", static_cast<double>(disk_bytes) / count, 0);
  record.Int("due", static_cast<int64_t>(options.due)).Int("spread_s", options.spread_s).Percentiles("late", due->late);
  record.Real("due_mib", Mebibytes(broker.memory().resident_bytes));
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

}  // namespace

Status RunSchedules(const CommonOptions& common, const SchedulesOptions& options) {
  if (Status room = CheckRoom(common, options.count, 300); !room.ok()) return room;
  std::string title = fmt::format("schedules: {} of half a year ahead, and {} that are due over {} s", Grouped(static_cast<double>(options.count), 0),
                                  Grouped(static_cast<double>(options.due), 0), options.spread_s);
  const std::vector<Goal> goals = {AtMost("late p99, ms", "late_p99_ms", 10), AtMost("resident with all of them, MiB", "filled_mib", 130),
                                   AtMost("resident after a restart, MiB", "restarted_mib", 130)};
  return RunAndReport(common, title, goals, [&](int run) { return SchedulesOnce(common, options, run); });
}

}  // namespace notifyd::bench
