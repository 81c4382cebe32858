// wait: submit and wait beside what it stands in for. In turn: the receiver is called directly and a sync of the disk follows, and a notify to the
// same receiver is submitted and waited for. Contract section 13, "submit and wait".
#include <fmt/format.h>

#include "bench/session.h"
#include "bench/sync_probe.h"

namespace notifyd::bench {
namespace {

struct Times {
  Distribution direct, sync, both, waited;
};

/// The same body by both ways, one after the other.
class Pair {
 public:
  Pair(const CommonOptions& common, const WaitOptions& options) : options_(options), payloads_(common.seed, options.payload_bytes) {}

  Status Open(Session& session) {
    Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({}, nullptr);
    if (!receiver.ok()) return std::move(receiver).status();
    receiver_ = *std::move(receiver);
    Result<std::unique_ptr<Caller>> direct = Caller::Open(receiver_->address()), broker = Caller::Open(session.broker().target());
    if (!direct.ok()) return std::move(direct).status();
    if (!broker.ok()) return std::move(broker).status();
    direct_ = *std::move(direct);
    broker_ = *std::move(broker);
    return probe_.Open(session.dir());
  }

  Status Run(uint64_t number, Times* times) {
    std::string data;
    payloads_.Append(number, &data);
    if (Status called = Directly(data, times); !called.ok()) return called;
    return Waited(data, times);
  }

 private:
  Status Pause() const { return SleepInterrupted(options_.pause_ms) ? Interrupted() : Status::Ok(); }

  Status Directly(const std::string& data, Times* times) {
    if (Status paused = Pause(); !paused.ok()) return paused;
    const int64_t begun_ns = MonoNanos();
    Result<HttpAnswer> answer = Ask(*direct_, "POST", "/n", data);
    if (!answer.ok()) return std::move(answer).status();
    times->direct.Add((MonoNanos() - begun_ns) / 1000);
    if (Status synced = probe_.Over(&times->sync); !synced.ok()) return synced;
    times->both.Add((MonoNanos() - begun_ns) / 1000);
    return Status::Ok();
  }

  Status Waited(const std::string& data, Times* times) {
    const std::string body = fmt::format(R"({{"url":"{}/n","data":{}}})", receiver_->address().Url(), data);
    if (Status paused = Pause(); !paused.ok()) return paused;
    const int64_t begun_ns = MonoNanos();
    Result<HttpAnswer> answer = Ask(*broker_, "POST", "/v1/notifies?wait_ms=20000", body);
    if (!answer.ok()) return std::move(answer).status();
    times->waited.Add((MonoNanos() - begun_ns) / 1000);
    if (answer->status == 200 && answer->body.find(R"("succeeded")") != std::string::npos) return Status::Ok();
    return Status(Code::kUnavailable, fmt::format("who waited was answered {} {}", answer->status, answer->body));
  }

  const WaitOptions& options_;
  Payloads payloads_;
  SyncProbe probe_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<Caller> direct_, broker_;
};

Result<Record> WaitOnce(const CommonOptions& common, const WaitOptions& options, int run) {
  constexpr uint64_t kWarm = 20;  // the first ones connect, and do not count
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  Pair pair(common, options);
  if (Status opened = pair.Open(**session); !opened.ok()) return opened;
  Times times, ignored;
  Progress progress("waited for", options.count);
  for (uint64_t i = 0; i < kWarm + options.count; ++i) {
    if (Status done = pair.Run(i, i < kWarm ? &ignored : &times); !done.ok()) return done;
    progress.Show(i);
  }
  Record record;
  record.Text("scenario", "wait").Int("run", run).Int("count", static_cast<int64_t>(options.count)).Int("pause_ms", options.pause_ms);
  record.Percentiles("direct", times.direct).Percentiles("sync", times.sync).Percentiles("direct_and_sync", times.both);
  record.Percentiles("wait", times.waited);
  for (const char* share : {"p50", "p99"}) {
    const double beside = record.Number(fmt::format("direct_and_sync_{}_ms", share)).value_or(0);
    record.Real(fmt::format("{}_ratio", share), record.Number(fmt::format("wait_{}_ms", share)).value_or(0) / std::max(beside, 0.001), 3);
  }
  if (Status closed = (*session)->Close(); !closed.ok()) return closed;
  return record;
}

}  // namespace

Status RunWait(const CommonOptions& common, const WaitOptions& options) {
  std::string title = fmt::format("wait: {} notifies of {} bytes submitted and waited for, in turn with a direct call and one sync, pauses of {} ms",
                                  Grouped(static_cast<double>(options.count), 0), options.payload_bytes, options.pause_ms);
  const std::vector<Goal> goals = {AtMost("submit and wait p50 to a direct call and one fdatasync", "p50_ratio", 1.2)};
  return RunAndReport(common, title, goals, [&](int run) { return WaitOnce(common, options, run); });
}

}  // namespace notifyd::bench
