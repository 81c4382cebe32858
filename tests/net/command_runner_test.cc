// Programs as destinations: real ones, of scripts that do what scripts should not.
#include "net/command/command_runner.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "broker/grant.h"
#include "broker/response.h"
#include "broker/spec.h"
#include "support/must.h"
#include "support/slowness.h"
#include "support/temp_dir.h"

using namespace notifyd;
using notifyd::test::TempDir;

namespace {

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Waits for what will come; a minute at most.
template <class Ready>
bool Eventually(Ready ready) {
  for (int i = 0; i < 6000; ++i) {
    if (ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool IsGone(pid_t pid) {
  return kill(pid, 0) != 0 && errno == ESRCH;
}

class Runner : public EventSink {
 public:
  explicit Runner(SenderOptions options = {}) : options_(std::move(options)) {}
  ~Runner() override { runner_.reset(); }

  /// A rule that runs `script` by sh.
  CommandRule& Script(const std::string& name, const std::string& script) {
    CommandRule rule;
    rule.name = name;
    rule.exec = {"/bin/sh", "-c", script};
    rules_.push_back(std::move(rule));
    return rules_.back();
  }

  CommandRunner& runner() {
    if (!runner_) runner_ = std::make_unique<CommandRunner>(this, std::make_shared<const CommandRules>(rules_), options_);
    return *runner_;
  }

  NotifyId Start(const std::string& name, NotifySpec spec = {}, uint32_t capture_bytes = 0) {
    StartAttempt attempt;
    spec.url = "command:" + name;
    Envelope envelope;
    envelope.host = spec.url;
    attempt.id = NotifyId::Of(kDefaultNumber, ++last_id_);
    attempt.number = 3;
    attempt.envelope = std::make_shared<const Envelope>(std::move(envelope));
    attempt.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    attempt.capture_bytes = capture_bytes;
    attempt.tell_reached = tell_reached;
    const NotifyId id = attempt.id;
    runner().Start(std::move(attempt));
    return id;
  }

  AttemptResult Wait(NotifyId id) {
    std::unique_lock lock(mutex_);
    Must(changed_.wait_for(lock, test::AtMostSeconds(60), [&] { return ended_.contains(id.value); }), "no end within a minute");
    return ended_[id.value];
  }
  AttemptResult Run(const std::string& name, NotifySpec spec = {}) { return Wait(Start(name, std::move(spec))); }

  void Post(Event event) override {
    if (const auto* reached = std::get_if<AttemptReached>(&event)) {
      std::lock_guard lock(mutex_);
      Must(!ended_.contains(reached->id.value), "a run began after its end");
      reached_.push_back(reached->id);
      return;
    }
    auto& ended = std::get<AttemptEnded>(event);
    std::lock_guard lock(mutex_);
    order_.push_back(ended.id);
    Must(ended_.emplace(ended.id.value, std::move(ended.result)).second, "an attempt ended twice");
    changed_.notify_all();
  }
  bool tell_reached = false;
  std::vector<NotifyId> reached() {
    std::lock_guard lock(mutex_);
    return reached_;
  }
  std::vector<NotifyId> order() {
    std::lock_guard lock(mutex_);
    return order_;
  }
  CommandFigures FiguresOf(const std::string& name) {
    for (const CommandFigures& each : runner().Figures())
      if (each.name == name) return each;
    return {};
  }
  /// For good; returns once nothing runs.
  void Abort() {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    runner().Abort([&] {
      std::lock_guard lock(mutex);
      ended = true;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    Must(changed.wait_for(lock, test::AtMostSeconds(60), [&] { return ended; }), "it did not end within a minute");
  }

 private:
  SenderOptions options_;
  std::vector<CommandRule> rules_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, AttemptResult> ended_;
  std::vector<NotifyId> reached_;
  std::vector<NotifyId> order_;
  uint64_t last_id_ = 0;
  std::unique_ptr<CommandRunner> runner_;
};

NotifySpec WithData(std::string data) {
  NotifySpec spec;
  spec.payload_kind = PayloadKind::kData;
  spec.payload = std::move(data);
  return spec;
}

NotifySpec WithTimeout(int64_t timeout_ms) {
  NotifySpec spec;
  spec.timeout_ms = timeout_ms;
  return spec;
}

}  // namespace

TEST_CASE("command: its exit is the answer's status, and its two outputs are the body") {
  Runner run;
  run.Script("well", "echo out; echo err >&2");
  run.Script("busy", "echo later; exit 75");
  run.Script("bad", "echo no; exit 1");
  run.Script("dies", "kill -9 $$");
  AttemptResult well = run.Run("well");
  CHECK(well.verdict == Verdict::kSuccess);
  CHECK(well.record.status == 200);
  CHECK(well.record.number == 3);
  CHECK(well.record.response_body == "out\nerr\n");
  AttemptResult busy = run.Run("busy");
  CHECK(busy.verdict == Verdict::kFailure);
  CHECK(busy.record.status == 503);
  CHECK(busy.record.response_body == "later\n");
  AttemptResult bad = run.Run("bad");
  CHECK(bad.record.status == 500);
  CHECK(bad.record.error == "unexpected_answer");
  AttemptResult dies = run.Run("dies");
  CHECK(dies.record.status == 500);
  CHECK(dies.record.response_body == "killed by signal Killed\n");
  CHECK(run.FiguresOf("well").succeeded == 1);
  CHECK(run.FiguresOf("busy").temporary == 1);
  CHECK(run.FiguresOf("bad").failed == 1);
  CHECK(run.FiguresOf("dies").failed == 1);
  CHECK(run.FiguresOf("dies").running == 0);
}

TEST_CASE("command: the body comes on standard input, however large, and whoever does not read it is not held up") {
  Runner run;
  run.Script("count", "wc -c");
  run.Script("echo", "cat");
  run.Script("deaf", "exec sleep 0");
  const std::string large = "{\"a\":\"" + std::string(900'000, 'x') + "\"}";
  CHECK(std::stoul(run.Run("count", WithData(large)).record.response_body) == large.size());
  NotifySpec raw;
  raw.payload_kind = PayloadKind::kBody;
  raw.payload = "a body";
  CHECK(run.Run("echo", raw).record.response_body == "a body");
  CHECK(run.Run("echo").record.response_body == "");
  CHECK(run.Run("deaf", WithData(large)).record.status == 200);
}

TEST_CASE("command: knows its notify and what of data it was to get, and nothing of the broker's environment") {
  Runner run;
  setenv("NOTIFYD_SECRET", "s3cret", 1);
  CommandRule& rule = run.Script("env", "env | sort");
  rule.env = {"name", "count", "flag", "none", "gone"};
  rule.environment = {{"LANG", "C.UTF-8"}, {"PATH", "/bin:/usr/bin"}};
  rule.directory = "/usr";
  CommandRule& other = run.Script("wrong", "exit 0");
  other.env = {"list", "long", "nul"};
  const NotifyId id = run.Start("env", WithData(R"({"name":"a b\u00e4","count":1.50,"flag":true,"none":null,"other":"x"})"));
  const AttemptResult ended = run.Wait(id);
  unsetenv("NOTIFYD_SECRET");
  std::istringstream lines(ended.record.response_body);
  std::map<std::string, std::string> environment;
  for (std::string line; std::getline(lines, line);) environment[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  environment.erase("_");
  environment.erase("SHLVL");
  environment.erase("OLDPWD");
  CHECK(environment == std::map<std::string, std::string>{{"LANG", "C.UTF-8"},
                                                          {"NOTIFY_ATTEMPT", "3"},
                                                          {"NOTIFY_DATA_count", "1.50"},
                                                          {"NOTIFY_DATA_flag", "true"},
                                                          {"NOTIFY_DATA_name", "a b\xC3\xA4"},
                                                          {"NOTIFY_ID", id.ToString()},
                                                          {"PATH", "/bin:/usr/bin"},
                                                          {"PWD", "/usr"}});
  for (const std::string& data :
       {std::string(R"({"list":[1]})"), "{\"long\":\"" + std::string(4097, 'x') + "\"}", std::string(R"({"nul":"a\u0000b"})")}) {
    const AttemptResult refused = run.Run("wrong", WithData(data));
    CHECK(refused.verdict == Verdict::kFatal);
    CHECK(refused.record.error == "invalid_request");
  }
  CHECK(run.Run("wrong", WithData("{\"long\":\"" + std::string(4096, 'x') + "\"}")).verdict == Verdict::kSuccess);
}

TEST_CASE("command: inherits no descriptor, no ignored signal and no blocked one, and is alone in its group") {
  Runner run;
  int leaked[2];
  REQUIRE(pipe(leaked) == 0);  // without close-on-exec
  // 32 and 33 belong to the library, whose own functions refuse them; whoever starts a broker may ignore them none the less.
  const auto take_all = [](void (*how)(int)) {
    struct {  // the kernel's, in its beginning; the rest is zero
      void (*handler)(int);
      unsigned long rest[7];
    } action{how, {}};
    for (int number : {SIGPIPE, SIGHUP, SIGALRM, SIGTSTP, SIGXFSZ, 32, 33, SIGRTMIN + 3, SIGRTMAX}) {
      REQUIRE(syscall(SYS_rt_sigaction, number, &action, nullptr, 8) == 0);
    }
  };
  take_all(SIG_IGN);
  run.Script("look",
             "ls /proc/self/fd | wc -l; grep -E '^Sig(Ign|Blk)' /proc/self/status; grep -c . /dev/null; cut -d' ' -f5 /proc/$$/stat; echo $$");
  std::istringstream lines(run.Run("look").record.response_body);
  take_all(SIG_DFL);
  close(leaked[0]);
  close(leaked[1]);
  std::string descriptors, blocked, ignored, nothing, group, pid;
  std::getline(lines, descriptors);
  std::getline(lines, blocked);
  std::getline(lines, ignored);
  std::getline(lines, nothing);
  std::getline(lines, group);
  std::getline(lines, pid);
  CHECK(std::stoi(descriptors) == 4);  // the three, and the one by which ls reads the directory
  CHECK(blocked == "SigBlk:\t0000000000000000");
  CHECK(ignored == "SigIgn:\t0000000000000000");
  CHECK(group == pid);
}

TEST_CASE("command: one that floods its output ends, and no more of it is kept than of any answer") {
  SenderOptions options;
  options.max_response_bytes = 100'000;
  Runner run(options);
  run.Script("flood", "head -c 30000000 /dev/zero | tr '\\0' 'x'");
  run.Script("fails", "head -c 30000000 /dev/zero | tr '\\0' 'x'; exit 3");
  const AttemptResult ended = run.Wait(run.Start("flood", {}, 50'000));
  CHECK(ended.verdict == Verdict::kSuccess);
  CHECK(ended.record.response_body == std::string(options.recorded_success_bytes, 'x'));
  REQUIRE(ended.response != nullptr);
  CHECK(ended.response->body == std::string(50'000, 'x'));
  CHECK(ended.response->truncated);
  CHECK(run.Run("fails").record.response_body == std::string(options.recorded_failure_bytes, 'x'));
}

TEST_CASE("command: what is kept of outputs takes its room among all answers, and is cut to what there is") {
  SenderOptions options;
  options.max_captured_bytes = 1 << 20;
  Runner run(options);
  run.Script("much", "head -c 50000 /dev/zero | tr '\\0' x");
  CaptureRoom other(options.captured, kDefaultNumber, "other", options.max_captured_bytes);
  REQUIRE(other.Extend(1 << 20, 1 << 20, 1 << 20));
  AttemptResult ended = run.Wait(run.Start("much", {}, 50'000));
  CHECK(ended.verdict == Verdict::kSuccess);
  REQUIRE(ended.response != nullptr);
  CHECK(ended.response->body.empty());
  CHECK(ended.response->truncated);
  CHECK(options.captured->cut() == 1);
  other = {};
  ended = run.Wait(run.Start("much", {}, 50'000));
  REQUIRE(ended.response != nullptr);
  CHECK(ended.response->body == std::string(50'000, 'x'));
  CHECK_FALSE(ended.response->truncated);
  CHECK(options.captured->used() == 50'000);
}

TEST_CASE("command: one that hangs and ignores SIGTERM is killed at its timeout, with what it started") {
  Runner run;
  TempDir dir;
  const std::string pids = dir.path() + "/pids";
  run.Script("hangs", "trap '' TERM; (trap '' TERM; sleep 1000) & echo $! $$ > " + pids + ".new; mv " + pids + ".new " + pids +
                          "; while :; do sleep 1000; done");
  CommandRule& bounded = run.Script("bounded", "exec sleep 1000");
  bounded.timeout_ms = 50;
  const AttemptResult ended = run.Run("hangs", WithTimeout(1'000));
  CHECK(ended.verdict == Verdict::kFailure);
  CHECK(ended.record.error == "timeout");
  CHECK(ended.record.status == 0);
  std::istringstream two(FileText(pids));
  pid_t child = 0, grandchild = 0;
  two >> grandchild >> child;
  REQUIRE(child > 0);
  CHECK(IsGone(child));
  CHECK(Eventually([&] { return IsGone(grandchild); }));
  CHECK(run.FiguresOf("hangs").timed_out == 1);
  // The rule's own time counts, whatever the notify says.
  CHECK(run.Run("bounded", WithTimeout(3'000'000)).record.error == "timeout");
}

TEST_CASE("command: what it leaves behind in its group ends with it, and holds up nothing") {
  Runner run;
  TempDir dir;
  const std::string pid = dir.path() + "/pid";
  run.Script("forks", "sleep 1000 & echo $! > " + pid + "; echo done");
  const AttemptResult ended = run.Run("forks");
  CHECK(ended.verdict == Verdict::kSuccess);
  CHECK(ended.record.response_body == "done\n");
  CHECK(Eventually([&] { return IsGone(std::stoi(FileText(pid))); }));
}

TEST_CASE("command: no more than max_running at once, the others in order") {
  Runner run;
  TempDir dir;
  const std::string gate = dir.path() + "/gate";
  REQUIRE(mkfifo(gate.c_str(), 0600) == 0);
  run.Script("one", "read line < " + gate + "; exit 0").max_running = 1;
  std::vector<NotifyId> ids;
  run.tell_reached = true;
  for (int i = 0; i < 3; ++i) ids.push_back(run.Start("one"));
  // A run counts once it has begun, a moment after it waited.
  REQUIRE(Eventually([&] { return run.FiguresOf("one").waiting == 2 && run.FiguresOf("one").running == 1; }));
  CHECK(run.FiguresOf("one").started == 1);
  for (const NotifyId& id : ids) {
    std::ofstream(gate) << "go\n";
    CHECK(run.Wait(id).verdict == Verdict::kSuccess);
  }
  CHECK(run.order() == ids);
  CHECK(run.reached() == ids);  // each before its end
  CHECK(run.FiguresOf("one").started == 3);
}

TEST_CASE("command: what cannot be started says so, and what is not allowed is refused") {
  Runner run;
  TempDir dir;
  CommandRule& gone = run.Script("gone", "");
  gone.exec = {dir.path() + "/none"};
  CommandRule& nowhere = run.Script("nowhere", "exit 0");
  nowhere.directory = dir.path() + "/none";
  run.Script("other", "exit 0").namespaces = {"sales"};
  run.Script("theirs", "exit 0").callers = {"shop"};
  run.tell_reached = true;
  for (const char* name : {"gone", "nowhere"}) {
    const AttemptResult ended = run.Run(name);
    INFO(ended.record.detail);
    CHECK(ended.verdict == Verdict::kFailure);
    CHECK(ended.record.error == "command_not_started");
    CHECK(ended.unsent);
    CHECK(run.FiguresOf(name).not_started == 1);
  }
  for (const char* name : {"other", "theirs", "unknown"}) {
    const AttemptResult ended = run.Run(name);
    CHECK(ended.verdict == Verdict::kFatal);
    CHECK(ended.record.error == "destination_refused");
  }
  CHECK(run.reached().empty());
  // As the settings have it from now on.
  run.runner().SetRules(std::make_shared<const CommandRules>(), {});
  CHECK(run.Run("gone").record.error == "destination_refused");
}

TEST_CASE("command: memory is bounded, and so are the files that it opens") {
  Runner run;
  run.Script("bounds", "ulimit -v; ulimit -S -n; ulimit -c").memory_bytes = 256 << 20;
  const std::string said = run.Run("bounds").record.response_body;
  CHECK(said.starts_with("262144\n"));
  CHECK(said.ends_with("\n0\n"));
}

TEST_CASE("command: another user's, where the broker may") {
  if (geteuid() != 0) {
    WARN("needs root");
    return;
  }
  Runner run;
  run.Script("who", "id -u; id -g; id -G; cat /proc/self/status | grep -c 'Uid:.*65534.*65534.*65534.*65534'").identity = Identity{65534, 65534, {}};
  CHECK(run.Run("who").record.response_body == "65534\n65534\n65534\n1\n");
}

TEST_CASE("command: Abort ends what runs, by SIGTERM where that is enough, and nothing is told of it") {
  Runner run;
  TempDir dir;
  const std::string said = dir.path() + "/said", up = dir.path() + "/up", deaf = dir.path() + "/deaf";
  run.Script("polite", "trap 'echo bye > " + said + "; exit 0' TERM; touch " + up + "; while :; do sleep 0.05; done");
  run.Script("deaf", "trap '' TERM; echo $$ > " + deaf + "; while :; do sleep 1000; done");
  run.Script("one", "sleep 1000").max_running = 1;
  run.Start("polite");
  run.Start("deaf");
  run.Start("one");
  run.Start("one");
  REQUIRE(Eventually([&] { return access(up.c_str(), F_OK) == 0 && !FileText(deaf).empty() && run.FiguresOf("one").waiting == 1; }));
  run.Abort();
  CHECK(FileText(said) == "bye\n");
  CHECK(IsGone(std::stoi(FileText(deaf))));
  run.Start("one");
  run.Abort();  // at once
  CHECK(run.order().empty());
  for (const CommandFigures& each : run.runner().Figures()) CHECK(each.running + each.waiting == 0);
}

TEST_CASE("command: dies with the process that runs it") {
  TempDir dir;
  const std::string file = dir.path() + "/pid";
  const pid_t broker = fork();
  if (broker == 0) {
    Runner run;
    run.Script("long", "echo $$ > " + file + ".new; mv " + file + ".new " + file + "; exec sleep 1000");
    run.Start("long");
    for (;;) pause();
  }
  REQUIRE(Eventually([&] { return access(file.c_str(), F_OK) == 0; }));
  const pid_t child = std::stoi(FileText(file));
  CHECK_FALSE(IsGone(child));
  kill(broker, SIGKILL);
  REQUIRE(waitpid(broker, nullptr, 0) == broker);
  // Whoever adopts it may take a while to bury it.
  CHECK(Eventually([&] { return IsGone(child) || FileText("/proc/" + std::to_string(child) + "/stat").find(") Z ") != std::string::npos; }));
}
