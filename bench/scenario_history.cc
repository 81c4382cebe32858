// history: what GETs and lists take over a long history of settled notifies, of all kinds that settle: delivered, failed, cancelled, expired.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "base/random.h"
#include "base/standard_output.h"
#include "bench/session.h"

namespace notifyd::bench {
namespace {

constexpr uint64_t kSlice = 250'000;  // delivered before more are submitted, so that the queue stays short
constexpr uint64_t kFailEvery = 50;
constexpr std::string_view kList = "/v1/notifies?limit=100";

/// One kept-alive connection that asks, times, and looks at what came.
class Asker {
 public:
  explicit Asker(Caller* caller) : caller_(caller) {}

  /// Error: kUnavailable where it is not 200, or no JSON.
  Result<simdjson::dom::element> Get(std::string target, Distribution* took = nullptr) { return Ask("GET", std::move(target), {}, took); }
  Result<simdjson::dom::element> Ask(std::string_view method, std::string target, std::string_view body, Distribution* took = nullptr) {
    const int64_t begin_ns = MonoNanos();
    Result<HttpAnswer> answer = caller_->Call(method, target, body);
    if (!answer.ok()) return std::move(answer).status();
    if (took) took->Add((MonoNanos() - begin_ns) / 1000);
    simdjson::dom::element root;
    if (answer->status != 200 || parser_.parse(answer->body).get(root))
      return Status(Code::kUnavailable, fmt::format("{} {} was answered {} {}", method, target, answer->status, answer->body.substr(0, 500)));
    return root;
  }
  /// Of the newest one created before `before_ms`, its `field`; empty: there is none.
  Result<std::string> NewestBefore(int64_t before_ms, const char* field) {
    Result<simdjson::dom::element> page = Get(fmt::format("/v1/notifies?limit=1&created_before={}", before_ms));
    if (!page.ok()) return std::move(page).status();
    std::string_view text;
    if ((*page)["items"].at(0)[field].get(text)) return std::string();
    return std::string(text);
  }

 private:
  Caller* caller_;
  simdjson::dom::parser parser_;
};

/// Cancels all that is scheduled, a call after the other.
Status CancelScheduled(Asker* asker) {
  std::string cursor;
  do {
    std::string body = R"({"filter":{"state":"scheduled"})" + (cursor.empty() ? "" : fmt::format(R"(,"cursor":{})", JsonText(cursor))) + "}";
    Result<simdjson::dom::element> done = asker->Ask("POST", "/v1/notifies/cancel", body);
    if (!done.ok()) return std::move(done).status();
    std::string_view next;
    cursor = (*done)["next"].get(next) ? "" : std::string(next);
  } while (!cursor.empty());
  return Status::Ok();
}

/// `options.count` in all: a fiftieth each are cancelled and expire, and of the others, which are delivered, one in fifty fails.
Status FillHistory(BrokerProcess& broker, Asker* asker, const CommonOptions& common, const HistoryOptions& options) {
  WorkloadPlan plan = FarOffPlan(common.seed, kHourMs, 24 * kHourMs);
  plan.payload_bytes = options.payload_bytes;
  plan.lanes = options.lanes;
  plan.count = options.count / 50;
  if (plan.count > 0) {
    if (Status filled = Fill(broker, plan); !filled.ok()) return filled;
    if (Status cancelled = CancelScheduled(asker); !cancelled.ok()) return cancelled;
    plan.more_fields = R"(,"ttl_ms":1)";
    if (Status filled = Fill(broker, plan); !filled.ok()) return filled;
  }
  uint64_t left = options.count - 2 * plan.count;
  plan.due_ms = nullptr;
  plan.more_fields = R"(,"retry":{"max_attempts":1})";
  plan.batch = 100;
  plan.connections = 8;
  ReceiverOptions receiver_options;
  receiver_options.fail_every = kFailEvery;
  for (; left > 0; left -= plan.count) {
    plan.count = std::min(left, kSlice);
    Result<Delivery> delivery = DeliverAll(broker, plan, common, receiver_options);
    if (!delivery.ok()) return std::move(delivery).status();
  }
  return AwaitSettled(broker, common.stall_s);
}

/// When the oldest of them was created, to a second: found by halving.
Result<int64_t> OldestMs(Asker* asker, int64_t newest_ms) {
  int64_t none_ms = newest_ms - 60 * 24 * kHourMs, some_ms = newest_ms + 1;
  while (some_ms - none_ms > 1000) {
    const int64_t middle_ms = none_ms + (some_ms - none_ms) / 2;
    Result<std::string> id = asker->NewestBefore(middle_ms, "id");
    if (!id.ok()) return std::move(id).status();
    (id->empty() ? none_ms : some_ms) = middle_ms;
  }
  return some_ms;
}

struct Kind {
  std::string name;
  Distribution took;
};

/// Every kind of request `options.samples` times, in turn, so that what else happens falls on all alike.
Result<std::vector<Kind>> Measure(Asker* asker, const CommonOptions& common, const HistoryOptions& options) {
  const int64_t now_ms = WallNanos() / 1'000'000;
  Result<int64_t> oldest_ms = OldestMs(asker, now_ms);
  if (!oldest_ms.ok()) return std::move(oldest_ms).status();
  Random random(common.seed);
  const auto any_ms = [&] {
    return *oldest_ms + static_cast<int64_t>(random.Below(static_cast<uint64_t>(std::max<int64_t>(1, now_ms - *oldest_ms))));
  };
  std::vector<Kind> kinds;
  auto time = [&](size_t at, const char* name, std::string target) -> Result<simdjson::dom::element> {
    if (kinds.size() <= at) kinds.push_back({name, {}});
    return asker->Get(std::move(target), &kinds[at].took);
  };
  std::string walk;  // a cursor that goes page by page through what succeeded
  Progress progress("measured", static_cast<uint64_t>(options.samples));
  for (int i = 0; i < options.samples; ++i) {
    progress.Show(static_cast<uint64_t>(i));
    if (SleepInterrupted(0)) return Interrupted();
    const auto deep = [&] { return fmt::format("&created_before={}", any_ms()); };
    const std::string lane = fmt::format("&lane=bench-{}", random.Below(options.lanes));
    Result<std::string> id = asker->NewestBefore(any_ms() + 1, "id");
    if (!id.ok()) return std::move(id).status();
    if (id->empty()) continue;
    const std::string list(kList);
    const std::pair<const char*, std::string> requests[] = {
        {"get by id", "/v1/notifies/" + *id},
        {"newest", list},
        {"newest, succeeded", list + "&state=succeeded"},
        {"newest, failed", list + "&state=failed"},
        {"newest, cancelled", list + "&state=cancelled"},
        {"newest, expired", list + "&state=expired"},
        {"newest, one lane", list + lane},
        {"newest, one lane, failed", list + lane + "&state=failed"},
        {"deep", list + deep()},
        {"deep, succeeded", list + "&state=succeeded" + deep()},
        {"deep, failed", list + "&state=failed" + deep()},
        {"deep, one lane", list + lane + deep()},
        {"a filter that nothing matches", list + "&caller=nobody" + deep()},
    };
    size_t at = 0;
    for (const auto& [name, target] : requests)
      if (Result<simdjson::dom::element> answer = time(at++, name, target); !answer.ok()) return std::move(answer).status();
    Result<simdjson::dom::element> page = time(at, "page after page, succeeded", list + "&state=succeeded" + (walk.empty() ? "" : "&cursor=" + walk));
    if (!page.ok()) return std::move(page).status();
    std::string_view next;
    walk = (*page)["next"].get(next) ? "" : std::string(next);
  }
  if (kinds.empty()) return Status(Code::kUnavailable, "the store shows none of its history: retention has taken it; remove the store");
  return kinds;
}

}  // namespace

Status RunHistory(const CommonOptions& common, const HistoryOptions& options) {
  if (Status room = CheckRoom(common, options.count, options.payload_bytes); !room.ok()) return room;
  Result<std::unique_ptr<Session>> session = Session::Open(common);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  Asker asker(caller->get());
  Result<BrokerStats> stats = broker.Stats();
  if (!stats.ok()) return std::move(stats).status();
  const int64_t accepted = stats->totals["accepted"];
  if (accepted != 0 && accepted != static_cast<int64_t>(options.count))
    return Status(Code::kUnavailable,
                  fmt::format("the store {} has had {} notifies, not {}: name another, or remove it", (*session)->dir(), accepted, options.count));
  const int64_t began_ns = MonoNanos();
  if (accepted == 0)
    if (Status filled = FillHistory(broker, &asker, common, options); !filled.ok()) return filled;
  const double fill_s = static_cast<double>(MonoNanos() - began_ns) / 1e9;
  // A connection that has been idle while the store was filled may be gone.
  caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  asker = Asker(caller->get());
  Result<std::vector<Kind>> kinds = Measure(&asker, common, options);
  if (!kinds.ok()) return std::move(kinds).status();
  std::vector<Record> rows;
  double worst_ms = 0;
  for (const Kind& kind : *kinds) {
    Record row;
    row.Text("request", kind.name).Int("samples", static_cast<int64_t>(kind.took.count())).Percentiles("took", kind.took);
    if (rows.size() > 0) worst_ms = std::max(worst_ms, row.Number("took_p99_ms").value_or(0));
    rows.push_back(std::move(row));
  }
  Record record;
  record.Text("scenario", "history").Int("settled", static_cast<int64_t>(options.count)).Real("fill_s", fill_s, 0);
  record.Real("disk_bytes_each", static_cast<double>(DiskBytes((*session)->data_dir())) / static_cast<double>(options.count), 0);
  record.Real("resident_mib", Mebibytes(broker.memory().resident_bytes));
  record.Real("get_p99_ms", rows[0].Number("took_p99_ms").value_or(0), 3).Real("list_p99_ms", worst_ms, 3);
  const std::vector<Goal> goals = {AtMost("GET by id, p99, ms", "get_p99_ms", 20), AtMost("the slowest kind of list, p99, ms", "list_p99_ms", 20)};
  Record line = record;
  PrintJson(common, std::move(line.Rows("requests", rows)), goals);
  std::string title = fmt::format("history: requests over {} settled ones of {} bytes in {} lanes", Grouped(static_cast<double>(options.count), 0),
                                  options.payload_bytes, Grouped(static_cast<double>(options.lanes), 0));
  if (!common.json) PrintOut(TableOfRows(title, rows) + TableOfRuns("the store", {record}) + TableOfVerdicts(goals, {record}));
  return (*session)->Close();
}

}  // namespace notifyd::bench
