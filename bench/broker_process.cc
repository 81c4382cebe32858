#include "bench/broker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <simdjson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/client.h"

namespace notifyd::bench {
namespace {

constexpr int64_t kReadyWithinNs = 120'000'000'000;

void Pause(int64_t ms) {
  timespec t{ms / 1000, ms % 1000 * 1'000'000};
  nanosleep(&t, nullptr);
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The address behind "listening on " once its whole line is there.
std::string ListeningAddress(const std::string& log) {
  constexpr std::string_view kMark = "listening on ";
  size_t at = log.find(kMark);
  if (at == std::string::npos || log.find('\n', at) == std::string::npos) return "";
  at += kMark.size();
  size_t end = log.find_first_not_of("0123456789.:[]abcdef", at);
  return log.substr(at, end - at);
}

/// In the child. Signals are blocked in this process, and must not be in the broker; a broker does not outlive its bench.
[[noreturn]] void Become(const std::vector<char*>& arguments, int log) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  execv(arguments[0], arguments.data());
  dprintf(STDERR_FILENO, "cannot run %s: %s\n", arguments[0], strerror(errno));
  _exit(127);
}

}  // namespace

Result<std::unique_ptr<TempDir>> TempDir::Make(const std::string& parent) {
  std::string path = parent + "/notify-bench-XXXXXX";
  if (!mkdtemp(path.data())) return Status(Code::kIo, fmt::format("no directory in {}: {}", parent, strerror(errno)));
  return std::make_unique<TempDir>(path);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

int64_t BrokerStats::pending() const {
  int64_t sum = 0;
  for (const auto& [state, count] : states) sum += count;
  return sum;
}

Result<std::unique_ptr<BrokerProcess>> BrokerProcess::Start(const BrokerOptions& options) {
  std::unique_ptr<BrokerProcess> broker(new BrokerProcess);
  broker->log_ = options.dir + "/broker.log";
  std::vector<std::string> words = {options.binary, "--listen", "127.0.0.1:0", "--data-dir", options.dir + "/data"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  Fd log(open(broker->log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (log.get() < 0) return Status(Code::kIo, fmt::format("cannot write {}: {}", broker->log_, strerror(errno)));
  int64_t started_ns = MonoNanos();
  broker->pid_ = fork();
  if (broker->pid_ < 0) return Status(Code::kIo, "no process for the broker");
  if (broker->pid_ == 0) Become(arguments, log.get());
  broker->started_ = true;
  Status ready = broker->WaitUntilReady(started_ns);
  if (!ready.ok()) return ready;
  return broker;
}

Result<std::unique_ptr<BrokerProcess>> BrokerProcess::Attach(const Address& address) {
  std::unique_ptr<BrokerProcess> broker(new BrokerProcess);
  broker->target_.address = address;
  Result<BrokerStats> stats = broker->Stats();
  if (!stats.ok()) return std::move(stats).status();
  if (stats->pid <= 0) return Status(Code::kUnavailable, fmt::format("{} does not tell its pid in /v1/stats", address.Url()));
  broker->pid_ = static_cast<pid_t>(stats->pid);
  return broker;
}

BrokerProcess::~BrokerProcess() {
  if (started_) Kill();
}

Status BrokerProcess::WaitUntilReady(int64_t started_ns) {
  bool listening = false;
  while (MonoNanos() - started_ns < kReadyWithinNs) {
    Status alive = CheckAlive();
    if (!alive.ok()) return alive;
    if (!listening) {
      std::string text = ListeningAddress(ReadAll(log_));
      if (!text.empty()) {
        Result<Address> address = Address::Parse(text);
        if (!address.ok()) return std::move(address).status();
        target_.address = *address;
        listening = true;
      }
    }
    if (listening) {
      Result<HttpAnswer> answer = Fetch(target_.address, "GET", "/readyz", 1000);
      if (answer.ok() && answer->status == 200) {
        ready_ms_ = static_cast<double>(MonoNanos() - started_ns) / 1e6;
        return Status::Ok();
      }
    }
    Pause(2);
  }
  return Status(Code::kUnavailable, fmt::format("the broker was not ready after {} s\n{}", kReadyWithinNs / 1'000'000'000, LogTail()));
}

std::string BrokerProcess::Log() const {
  return log_.empty() ? "" : ReadAll(log_);
}

std::string BrokerProcess::LogTail() const {
  constexpr size_t kTail = 2000;
  std::string log = Log();
  return log.size() > kTail ? log.substr(log.size() - kTail) : log;
}

Status BrokerProcess::CheckAlive() {
  if (!started_) {
    if (pid_ > 0 && kill(pid_, 0) != 0 && errno == ESRCH) return Status(Code::kUnavailable, "the broker is gone");
    return Status::Ok();
  }
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return Status::Ok();
  started_ = false;
  std::string how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : fmt::format("exit code {}", WEXITSTATUS(status));
  return Status(Code::kUnavailable, fmt::format("the broker ended by itself ({})\n{}", how, LogTail()));
}

void BrokerProcess::Kill() {
  if (!started_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  started_ = false;
}

Status BrokerProcess::Stop() {
  if (!started_) return Status::Ok();
  kill(pid_, SIGTERM);
  int64_t until = MonoNanos() + 30'000'000'000;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) != pid_) {
    if (MonoNanos() > until) {
      Kill();
      return Status(Code::kUnavailable, "the broker had not stopped 30 s after SIGTERM");
    }
    Pause(5);
  }
  started_ = false;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Status::Ok();
  return Status(Code::kUnavailable, fmt::format("the broker did not end with exit code 0 after SIGTERM\n{}", LogTail()));
}

double BrokerProcess::cpu_s() const {
  // Fields 14 and 15 of proc(5)'s stat, counted from behind the command's name, which may hold blanks.
  std::string stat = ReadAll(fmt::format("/proc/{}/stat", pid_));
  size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// The number behind `name` in a file of lines such as "VmRSS:   1234 kB"; 0: there is none.
int64_t BrokerProcess::NumberIn(const char* file, std::string_view name) const {
  std::ifstream in(fmt::format("/proc/{}/{}", pid_, file));
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with(name)) return std::atoll(line.c_str() + name.size());
  return 0;
}

MemoryUse BrokerProcess::memory() const {
  return {NumberIn("status", "VmRSS:") * 1024, NumberIn("status", "VmHWM:") * 1024};
}

int64_t BrokerProcess::written_bytes() const {
  return NumberIn("io", "write_bytes:");
}

MemoryUse BrokerProcess::SettledMemory(int most_s) const {
  MemoryUse before = memory();
  for (int waited_s = 0; waited_s < most_s; waited_s += 2) {
    Pause(2000);
    MemoryUse now = memory();
    int64_t moved = std::abs(now.resident_bytes - before.resident_bytes);
    before = now;
    if (moved * 100 < now.resident_bytes) break;
  }
  return before;
}

Result<BrokerStats> BrokerProcess::Stats() const {
  Result<HttpAnswer> answer = Fetch(target_, "GET", "/v1/stats");
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status != 200) return Status(Code::kUnavailable, fmt::format("/v1/stats answered {}", answer->status));
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(answer->body).get(root)) return Status(Code::kUnavailable, "/v1/stats is not JSON");
  BrokerStats stats;
  if (root["pid"].get(stats.pid)) stats.pid = 0;
  auto fill = [&](const char* name, std::map<std::string, int64_t>* out) {
    simdjson::dom::object object;
    if (root[name].get(object)) return;
    for (auto [key, value] : object) {
      int64_t number = 0;
      if (!value.get(number)) out->emplace(std::string(key), number);
    }
  };
  fill("states", &stats.states);
  fill("totals", &stats.totals);
  return stats;
}

int64_t DiskBytes(const std::string& path) {
  int64_t sum = 0;
  std::error_code error;
  // Files come and go under a running broker: what is gone by the time it is asked counts nothing.
  for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    struct stat s {};
    if (lstat(it->path().c_str(), &s) == 0) sum += s.st_blocks * 512;
  }
  return sum;
}

}  // namespace notifyd::bench
