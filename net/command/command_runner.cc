#include "net/command/command_runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clocks.h"
#include "base/json_tree.h"
#include "broker/flow.h"
#include "broker/grant.h"
#include "broker/response.h"
#include "broker/spec.h"
#include "net/command/child_process.h"
#include "net/sender/capture_room.h"
#include "net/sender/judging.h"

namespace notifyd {
namespace {

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr size_t kMostDataBytes = 4 << 10;  // of a value in the environment
constexpr int kTemporaryExit = 75;          // EX_TEMPFAIL of sysexits.h
constexpr size_t kReadBytes = 64 << 10;
constexpr int kMostReads = 16;  // of one program's output in a turn, so that one that floods holds up no other

int64_t NowMs() {
  return ReadClockMs(CLOCK_MONOTONIC);
}

/// One key of data as the environment has it. Nothing: it is not there, or null. Error: it cannot be there.
Result<std::optional<std::string>> DataValue(JsonTree::Value data, const std::string& key) {
  std::optional<JsonTree::Value> found;
  if (data.kind() == JsonTree::Kind::kObject) {
    data.ForEach([&](JsonTree::Value name, JsonTree::Value value) {
      if (name.text() == key) found = value;
    });
  }
  if (!found || found->kind() == JsonTree::Kind::kNull) return std::optional<std::string>();
  const bool scalar = found->kind() != JsonTree::Kind::kArray && found->kind() != JsonTree::Kind::kObject;
  std::string text(found->kind() == JsonTree::Kind::kString ? found->text() : found->raw());
  if (!scalar || text.size() > kMostDataBytes || text.find('\0') != std::string::npos)
    return Status(Code::kUnacceptable, "data." + key + " goes into the environment: it must be a scalar of at most 4096 bytes, without NUL");
  return std::optional<std::string>(std::move(text));
}

Result<std::vector<std::string>> EnvironmentOf(const CommandRule& rule, const StartAttempt& attempt, const NotifySpec& spec) {
  std::vector<std::string> environment{kPath};
  for (const auto& [name, value] : rule.environment) {
    if (name == "PATH") environment.erase(environment.begin());
    environment.push_back(name + "=" + value);
  }
  environment.push_back("NOTIFY_ID=" + attempt.id.ToString());
  environment.push_back("NOTIFY_ATTEMPT=" + std::to_string(attempt.number));
  if (rule.env.empty() || spec.payload_kind != PayloadKind::kData) return environment;
  Result<JsonTree> data = JsonTree::Parse(spec.payload);
  if (!data.ok()) return environment;
  for (const std::string& key : rule.env) {
    Result<std::optional<std::string>> value = DataValue(data->root(), key);
    if (!value.ok()) return std::move(value).status();
    if (*value) environment.push_back("NOTIFY_DATA_" + key + "=" + **value);
  }
  return environment;
}

/// What of an answer is read and recorded at most.
struct Kept {
  size_t max_response_bytes, recorded_failure_bytes, recorded_success_bytes;
  std::shared_ptr<CaptureLedger> captured;
  size_t max_captured_bytes;
};

Kept KeptBy(const SenderOptions& options) {
  return {options.max_response_bytes, options.recorded_failure_bytes, options.recorded_success_bytes, options.captured, options.max_captured_bytes};
}

/// A run, or one that is yet to begin.
struct Run {
  StartAttempt attempt;
  NotifySpec spec;
  CommandRule rule;  // as it was when it began
  Kept kept{};
  std::optional<ChildProcess> child;
  int64_t started_ms = 0, deadline_ms = 0;
  int64_t kill_ms = 0;  // 0: it was not told to end
  bool timed_out = false;
  std::string output;
  bool cut = false;  // there was more of it
};

}  // namespace

class CommandRunner::Impl {
 public:
  Impl(EventSink* sink, std::shared_ptr<const CommandRules> rules, const SenderOptions& options)
      : sink_(sink), rules_(std::move(rules)), kept_(KeptBy(options)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    NOTIFYD_CHECK(wake_ >= 0);
  }

  ~Impl() {
    {
      std::lock_guard lock(mutex_);
      aborting_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
    close(wake_);
  }

  void Start(StartAttempt attempt) {
    std::lock_guard lock(mutex_);
    if (aborting_) return;
    inbox_.push_back(std::move(attempt));
    if (!thread_.joinable()) thread_ = std::thread([this] { Serve(); });
    Wake();
  }

  void SetRules(std::shared_ptr<const CommandRules> rules, const SenderOptions& options) {
    std::lock_guard lock(mutex_);
    rules_ = std::move(rules);
    Kept kept = KeptBy(options);
    kept.captured = kept_.captured;
    kept.max_captured_bytes = kept_.max_captured_bytes;
    kept_ = std::move(kept);
    Wake();  // more may run now
  }

  void SetTable(std::shared_ptr<const AccessTable> table) {
    std::lock_guard lock(mutex_);
    table_ = std::move(table);
  }

  std::shared_ptr<const CommandRules> rules() const {
    std::lock_guard lock(mutex_);
    return rules_;
  }

  void Abort(std::function<void()> ended) {
    {
      std::lock_guard lock(mutex_);
      aborting_ = true;
      if (thread_.joinable() && !ended_for_good_) {
        when_ended_.push_back(std::move(ended));
        Wake();
        return;
      }
    }
    ended();
  }

  std::vector<CommandFigures> Figures() const {
    std::lock_guard lock(mutex_);
    std::vector<CommandFigures> all;
    for (const CommandRule& rule : rules_->all()) {
      auto found = figures_.find(rule.name);
      all.push_back(found == figures_.end() ? CommandFigures{} : found->second);
      all.back().name = rule.name;
    }
    return all;
  }

 private:
  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  }

  /// Changes a command's figures.
  template <class Change>
  void Count(const std::string& name, Change change) {
    std::lock_guard lock(mutex_);
    change(&figures_[name]);
  }

  // ---- the thread

  void Serve() {
    for (;;) {
      Wait();
      std::vector<StartAttempt> started;
      bool aborting;
      {
        std::lock_guard lock(mutex_);
        started.swap(inbox_);
        aborting = aborting_;
      }
      for (StartAttempt& attempt : started) {
        const std::string name(CommandOf(attempt.envelope->host));
        waiting_[name].push_back(std::move(attempt));
        Count(name, [](CommandFigures* figures) { ++figures->waiting; });
      }
      if (aborting) DropWaiting();
      const int64_t now_ms = NowMs();
      std::erase_if(running_, [&](Run& run) { return Ended(&run, aborting); });
      for (Run& run : running_) Look(now_ms, aborting, &run);
      if (!aborting) BeginWaiting();
      if (aborting && running_.empty()) return EndForGood();
    }
  }

  /// Until something happens, or is due.
  void Wait() {
    polled_.assign(1, {wake_, POLLIN, 0});
    int64_t next_ms = INT64_MAX;
    for (const Run& run : running_) {
      polled_.push_back({run.child->ended(), POLLIN, 0});
      polled_.push_back({run.child->output(), POLLIN, 0});
      next_ms = std::min(next_ms, run.kill_ms != 0 ? run.kill_ms : run.deadline_ms);
    }
    const int64_t wait_ms = next_ms == INT64_MAX ? -1 : std::clamp<int64_t>(next_ms - NowMs(), 0, 60'000);
    poll(polled_.data(), polled_.size(), static_cast<int>(wait_ms));
    uint64_t woken;
    [[maybe_unused]] const ssize_t got = read(wake_, &woken, sizeof woken);
  }

  void Look(int64_t now_ms, bool aborting, Run* run) {
    Read(run);
    if (run->kill_ms != 0) {
      if (now_ms < run->kill_ms) return;
      run->child->Signal(SIGKILL);
      run->kill_ms = INT64_MAX - 1;
      return;
    }
    run->timed_out = now_ms >= run->deadline_ms;
    if (!run->timed_out && !aborting) return;
    run->child->Signal(SIGTERM);
    run->kill_ms = now_ms + kTerminateMs;
  }

  /// Takes what is there of the output.
  static void Read(Run* run) {
    char buffer[kReadBytes];
    for (int i = 0; i < kMostReads && run->child->output() >= 0; ++i) {
      const ssize_t got = read(run->child->output(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return run->child->CloseOutput();
      const size_t room = run->kept.max_response_bytes - std::min(run->kept.max_response_bytes, run->output.size());
      run->output.append(buffer, std::min(room, static_cast<size_t>(got)));
      run->cut = run->cut || static_cast<size_t>(got) > room;
    }
  }

  /// Has the program ended? Then its attempt has.
  bool Ended(Run* run, bool aborting) {
    pollfd ended{run->child->ended(), POLLIN, 0};
    if (poll(&ended, 1, 0) != 1) return false;
    // What it left behind in its group is killed before, so that the output comes to an end.
    const ChildProcess::End end = run->child->Take();
    Read(run);
    Count(run->rule.name, [&](CommandFigures* figures) {
      --figures->running;
      if (run->timed_out) ++figures->timed_out;
      else if (end.signal != 0 || (end.exit_code != 0 && end.exit_code != kTemporaryExit)) ++figures->failed;
      else ++(end.exit_code == 0 ? figures->succeeded : figures->temporary);
    });
    --running_of_[run->rule.name];
    if (!aborting) sink_->Post(Judge(JudgedBy(run, end)));
    return true;
  }

  static Unjudged JudgedBy(Run* run, const ChildProcess::End& end) {
    Unjudged unjudged = Begun(run->attempt, run->spec);
    AttemptResult& result = unjudged.ended.result;
    result.record.duration_ms = NowMs() - run->started_ms;
    unjudged.recorded_failure_bytes = run->kept.recorded_failure_bytes;
    unjudged.recorded_success_bytes = run->kept.recorded_success_bytes;
    unjudged.body = std::move(run->output);
    unjudged.whole = !run->cut;
    unjudged.cut = run->cut;
    if (run->timed_out) {
      unjudged.decided = true;
      result.verdict = Verdict::kFailure;
      result.record.error = "timeout";
      result.record.detail = "the command had not ended after " + std::to_string(run->deadline_ms - run->started_ms) + " ms";
      return unjudged;
    }
    if (end.signal != 0 && unjudged.body.empty()) unjudged.body = std::string("killed by signal ") + strsignal(end.signal) + "\n";
    result.record.status = end.signal != 0 ? 500 : end.exit_code == 0 ? 200 : end.exit_code == kTemporaryExit ? 503 : 500;
    if (run->attempt.capture_bytes > 0) {
      auto response = std::make_shared<Response>();
      response->status = result.record.status;
      // The program has ended: room is not waited for.
      const size_t wanted = std::min<size_t>(run->attempt.capture_bytes, unjudged.body.size());
      CaptureRoom room(run->kept.captured, run->attempt.id.number(), run->attempt.envelope->host, run->kept.max_captured_bytes);
      const bool some = room.Extend(0, wanted, wanted);
      response->body = unjudged.body.substr(0, some ? room.bytes() : 0);
      if (response->body.size() < wanted) run->kept.captured->NoteCut();
      response->truncated = run->cut || response->body.size() < unjudged.body.size();
      response->received_at = ReadWall();
      result.response = CaptureRoom::Held(std::move(response), std::move(room));
    }
    return unjudged;
  }

  static Unjudged Begun(const StartAttempt& attempt, const NotifySpec& spec) {
    Unjudged unjudged;
    unjudged.envelope = attempt.envelope;
    unjudged.expect = spec.expect;
    unjudged.ended.id = attempt.id;
    unjudged.ended.result.record.number = attempt.number;
    unjudged.ended.result.record.started_at = attempt.at;
    unjudged.ended.result.via = spec.via;
    return unjudged;
  }

  void BeginWaiting() {
    const std::shared_ptr<const CommandRules> rules = this->rules();
    for (auto row = waiting_.begin(); row != waiting_.end();) {
      auto& [name, attempts] = *row;
      const CommandRule* rule = rules->Find(name);
      // Of one that is not there any more none is held up: they are refused.
      while (!attempts.empty() && (rule == nullptr || running_of_[name] < rule->max_running)) {
        StartAttempt attempt = std::move(attempts.front());
        attempts.pop_front();
        Count(name, [](CommandFigures* figures) { --figures->waiting; });
        Begin(*rules, name, std::move(attempt));
      }
      row = attempts.empty() ? waiting_.erase(row) : std::next(row);
    }
  }

  /// A run, or the end of its attempt.
  void Begin(const CommandRules& rules, const std::string& name, StartAttempt attempt) {
    Run run;
    run.attempt = std::move(attempt);
    run.started_ms = NowMs();
    if (Status status = DecodeSpecInto(*run.attempt.spec, &run.spec); !status.ok()) return Fail(run, Verdict::kFatal, "invalid_request", status);
    if (run.attempt.payload != nullptr) run.spec.payload = *run.attempt.payload;
    if (Status status = rules.Check(SpaceOf(run.attempt.id.number()), run.attempt.envelope->caller, name); !status.ok())
      return Fail(run, Verdict::kFatal, "destination_refused", status);
    run.rule = *rules.Find(name);
    const CommandRule* rule = &run.rule;
    Result<std::vector<std::string>> environment = EnvironmentOf(*rule, run.attempt, run.spec);
    if (!environment.ok()) return Fail(run, Verdict::kFatal, "invalid_request", environment.status());
    ChildSetup setup{.arguments = rule->exec,
                     .environment = *std::move(environment),
                     .directory = rule->directory,
                     .identity = rule->identity,
                     .memory_bytes = rule->memory_bytes,
                     .input = std::move(run.spec.payload)};
    Result<ChildProcess> child = ChildProcess::Start(setup);
    if (!child.ok()) {
      Count(name, [](CommandFigures* figures) { ++figures->not_started; });
      return Fail(run, Verdict::kFailure, "command_not_started", child.status());
    }
    {
      std::lock_guard lock(mutex_);
      run.kept = kept_;
      CommandFigures& figures = figures_[name];
      ++figures.running;
      ++figures.started;
    }
    if (run.attempt.tell_reached) sink_->Post(AttemptReached{run.attempt.id, run.attempt.number});
    ++running_of_[name];
    run.deadline_ms = run.started_ms + (rule->timeout_ms > 0 ? rule->timeout_ms : std::max<int64_t>(1, run.spec.timeout_ms));
    run.child.emplace(*std::move(child));
    running_.push_back(std::move(run));
  }

  std::string SpaceOf(NamespaceNumber number) const {
    std::lock_guard lock(mutex_);
    const AccessTable::NamespacePointer row = table_ != nullptr ? table_->FindNamespace(number) : nullptr;
    return row != nullptr ? row->name : number == kDefaultNumber ? std::string(kDefaultNamespace) : std::string();
  }

  void Fail(const Run& run, Verdict verdict, const char* error, const Status& why) {
    Unjudged unjudged = Begun(run.attempt, run.spec);
    unjudged.decided = true;
    AttemptResult& result = unjudged.ended.result;
    result.verdict = verdict;
    result.record.error = error;
    result.record.detail = why.detail();
    result.unsent = verdict == Verdict::kFailure;
    sink_->Post(Judge(std::move(unjudged)));
  }

  void DropWaiting() {
    // Not by a structured binding: clang, which make fuzz builds with, has no lambda capture one.
    for (const auto& queue : waiting_) Count(queue.first, [&](CommandFigures* figures) { figures->waiting -= queue.second.size(); });
    waiting_.clear();
  }

  /// Nothing runs any more, nor will.
  void EndForGood() {
    std::vector<std::function<void()>> ended;
    {
      std::lock_guard lock(mutex_);
      ended.swap(when_ended_);
      ended_for_good_ = true;
    }
    for (const std::function<void()>& each : ended) each();
  }

  EventSink* const sink_;
  mutable std::mutex mutex_;
  // Under the mutex.
  std::shared_ptr<const CommandRules> rules_;
  Kept kept_;
  std::shared_ptr<const AccessTable> table_;
  std::vector<StartAttempt> inbox_;
  std::map<std::string, CommandFigures> figures_;
  std::vector<std::function<void()>> when_ended_;
  bool aborting_ = false, ended_for_good_ = false;
  const int wake_;
  std::thread thread_;  // under the mutex until it is joined

  // The thread's own.
  std::map<std::string, std::deque<StartAttempt>> waiting_;
  std::map<std::string, uint32_t> running_of_;
  std::list<Run> running_;
  std::vector<pollfd> polled_;
};

CommandRunner::CommandRunner(EventSink* sink, std::shared_ptr<const CommandRules> rules, const SenderOptions& options)
    : impl_(std::make_unique<Impl>(sink, std::move(rules), options)) {}
CommandRunner::~CommandRunner() = default;
void CommandRunner::Start(StartAttempt attempt) {
  impl_->Start(std::move(attempt));
}
void CommandRunner::SetRules(std::shared_ptr<const CommandRules> rules, const SenderOptions& options) {
  impl_->SetRules(std::move(rules), options);
}
void CommandRunner::SetTable(std::shared_ptr<const AccessTable> table) {
  impl_->SetTable(std::move(table));
}
Status CommandRunner::Check(std::string_view space, std::string_view caller, std::string_view name) const {
  return impl_->rules()->Check(space, caller, name);
}
void CommandRunner::Abort(std::function<void()> ended) {
  impl_->Abort(std::move(ended));
}
std::vector<CommandFigures> CommandRunner::Figures() const {
  return impl_->Figures();
}

}  // namespace notifyd
