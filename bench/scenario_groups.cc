// groups: how long one takes until its callback, some of its notifies failing; one after another over a kill; and what answers that are kept take of
// memory. Contract section 13.
#include <fmt/format.h>

#include <algorithm>

#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

std::string GroupBody(uint64_t members, bool sequential, const std::string& url, const std::string& callback_url) {
  std::string body = fmt::format(R"({{"sequential":{},"callback_url":"{}","notifies":[)", sequential, callback_url);
  for (uint64_t n = 0; n < members; ++n)
    fmt::format_to(std::back_inserter(body), R"({}{{"url":"{}","retry":{{"max_attempts":{}}},"data":{{"n":{}}}}})", n > 0 ? "," : "", url,
                   sequential ? 5 : 1, n);
  return body + "]}";
}

/// The group as the broker shows it, once all of it are settled and the callback came: it has to say so many failed, and be told once.
Status CheckSettled(BrokerProcess& broker, const std::string& id, uint64_t failed, const Counter& callbacks, int stall_s) {
  const int64_t until_ns = MonoNanos() + stall_s * kSecondNs;
  while (callbacks.count() == 0) {
    if (SleepInterrupted(1)) return Interrupted();
    if (Status alive = broker.CheckAlive(); !alive.ok()) return alive;
    if (MonoNanos() > until_ns) return Status(Code::kUnavailable, "the callback of a group is missing");
  }
  if (Status settled = AwaitSettled(broker, stall_s); !settled.ok()) return settled;
  if (SleepInterrupted(300)) return Interrupted();
  if (callbacks.count() != 1) return Status(Code::kUnavailable, fmt::format("a group was told of {} times", callbacks.count()));
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  Result<HttpAnswer> group = Ask(**caller, "GET", "/v1/groups/" + id);
  if (!group.ok()) return std::move(group).status();
  const std::string wanted = fmt::format(R"("failed":{})", failed);
  if (group->body.find(R"("state":"settled")") != std::string::npos && group->body.find(wanted) != std::string::npos) return Status::Ok();
  return Status(Code::kUnavailable, fmt::format("a group is not settled with {}: {}", wanted, group->body.substr(0, 500)));
}

/// Submits the group; its id.
Result<std::string> SubmitGroup(const BrokerProcess& broker, const std::string& body) {
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  Result<HttpAnswer> made = Ask(**caller, "POST", "/v1/groups", body);
  if (!made.ok()) return std::move(made).status();
  constexpr std::string_view kName = R"("id":")";
  const size_t at = made->body.find(kName);
  if (at == std::string::npos) return Status(Code::kUnavailable, "a group without an id: " + made->body.substr(0, 500));
  return made->body.substr(at + kName.size(), 17);
}

double Seconds(int64_t from_ns, int64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) / 1e9;
}

/// Side by side, with failures.
Status Together(const CommonOptions& common, const GroupsOptions& options, Record* record) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  Counter members, callbacks;
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({.fail_every = options.fail_every}, &members);
  Result<std::unique_ptr<Receiver>> told = Receiver::Start({}, &callbacks);
  if (!receiver.ok()) return std::move(receiver).status();
  if (!told.ok()) return std::move(told).status();
  const std::string body = GroupBody(options.members, false, (*receiver)->address().Url() + "/n", (*told)->address().Url() + "/told");
  const int64_t begun_ns = MonoNanos();
  Result<std::string> id = SubmitGroup(broker, body);
  if (!id.ok()) return std::move(id).status();
  const int64_t taken_ns = MonoNanos();
  const uint64_t failed = options.fail_every > 0 ? options.members / options.fail_every : 0;
  if (Status settled = CheckSettled(broker, *id, failed, callbacks, common.stall_s); !settled.ok()) return settled;
  record->Int("failed", static_cast<int64_t>(failed)).Int("callbacks", static_cast<int64_t>(callbacks.count()));
  record->Real("ack_s", Seconds(begun_ns, taken_ns), 4).Real("told_s", Seconds(begun_ns, callbacks.last_arrival_ns()), 3);
  return (*session)->Close();
}

/// One after another, the broker killed when half of them came.
Status InTurn(const CommonOptions& common, const GroupsOptions& options, Record* record) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  Arrivals members({options.sequential, 1, true, nullptr, nullptr});
  Counter callbacks;
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({}, &members), told = Receiver::Start({}, &callbacks);
  if (!receiver.ok()) return std::move(receiver).status();
  if (!told.ok()) return std::move(told).status();
  const std::string body = GroupBody(options.sequential, true, (*receiver)->address().Url() + "/n", (*told)->address().Url() + "/told");
  const int64_t begun_ns = MonoNanos();
  Result<std::string> id = SubmitGroup((*session)->broker(), body);
  if (!id.ok()) return std::move(id).status();
  const int64_t until_ns = begun_ns + common.stall_s * kSecondNs;
  while (members.unique() * 2 < options.sequential) {
    if (SleepInterrupted(1)) return Interrupted();
    if (MonoNanos() > until_ns) return Status(Code::kUnavailable, fmt::format("{} of a sequential group came", members.unique()));
  }
  if (Status restarted = (*session)->KillAndRestart(); !restarted.ok()) return restarted;
  if (Status settled = CheckSettled((*session)->broker(), *id, 0, callbacks, common.stall_s); !settled.ok()) return settled;
  (*receiver)->Stop();
  if (members.unique() != options.sequential || members.order_violations() > 0 || members.duplicates() > 1)
    return Status(Code::kUnavailable, fmt::format("of a sequential group {} came, {} out of order, {} again", members.unique(),
                                                  members.order_violations(), members.duplicates()));
  record->Int("sequential", static_cast<int64_t>(options.sequential)).Int("sequential_repeats", static_cast<int64_t>(members.duplicates()));
  record->Int("sequential_callbacks", static_cast<int64_t>(callbacks.count()));
  record->Real("sequential_told_s", Seconds(begun_ns, callbacks.last_arrival_ns()), 3);
  return (*session)->Close();
}

/// Answers that are kept, as many at a time as the broker lets there be.
Status Responses(const CommonOptions& common, const GroupsOptions& options, Record* record) {
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  Result<std::unique_ptr<Receiver>> receiver = Receiver::Start({.delay_ms = 50, .body_bytes = options.response_bytes}, nullptr);
  if (!receiver.ok()) return std::move(receiver).status();
  const MemoryUse before = broker.memory();
  WorkloadPlan plan;
  plan.url = (*receiver)->address().Url() + "/n";
  plan.count = options.responses;
  plan.batch = options.responses;
  plan.lanes = options.responses;
  plan.more_fields = fmt::format(R"(,"keep_response_bytes":{})", options.response_bytes);
  const int64_t begun_ns = MonoNanos();
  if (Status filled = Fill(broker, plan); !filled.ok()) return filled;
  if (Status settled = AwaitSettled(broker, common.stall_s); !settled.ok()) return settled;
  const double took_s = Seconds(begun_ns, MonoNanos());
  Result<BrokerStats> stats = broker.Stats();
  if (!stats.ok()) return std::move(stats).status();
  if (stats->totals["succeeded"] != static_cast<int64_t>(options.responses))
    return Status(Code::kUnavailable, fmt::format("{} of {} with a kept answer succeeded", stats->totals["succeeded"], options.responses));
  record->Int("responses", static_cast<int64_t>(options.responses)).Int("response_bytes", static_cast<int64_t>(options.response_bytes));
  record->Real("responses_s", took_s, 3).Real("responses_before_mib", Mebibytes(before.resident_bytes));
  record->Real("responses_peak_mib", Mebibytes(broker.memory().peak_bytes));
  record->Real("responses_disk_mib", Mebibytes(DiskBytes((*session)->data_dir())));
  return (*session)->Close();
}

}  // namespace

Status RunGroups(const CommonOptions& common, const GroupsOptions& options) {
  std::string title = fmt::format("groups: one of {}, every {}th failing; one of {} in turn over a kill; {} answers of {} bytes kept",
                                  options.members, options.fail_every, options.sequential, options.responses, options.response_bytes);
  const std::vector<Goal> goals = {AtMost("callbacks of a group", "callbacks", 1), AtMost("callbacks of one over a kill", "sequential_callbacks", 1),
                                   AtMost("peak with answers kept, MiB", "responses_peak_mib", 256)};
  return RunAndReport(common, title, goals, [&](int run) -> Result<Record> {
    Record record;
    record.Text("scenario", "groups").Int("run", run).Int("members", static_cast<int64_t>(options.members));
    for (auto* part : {Together, InTurn, Responses})
      if (Status done = part(common, options, &record); !done.ok()) return done;
    return record;
  });
}

}  // namespace notifyd::bench
