// access: what it costs to know who asks. Three brokers side by side take turns at the same work, so that what else the machine does falls on all:
// one that asks nobody, one that is shown a token with each request, and one that is shown it over TLS.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "bench/session.h"

extern char** environ;

namespace notifyd::bench {
namespace {

/// Runs a program to its end; its standard output. Error: kUnavailable where it fails.
Result<std::string> OutputOf(const std::vector<std::string>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Status(Code::kIo, "no pipe");
  Fd read_end(ends[0]), write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  write_end = Fd();
  if (failed != 0) return Status(Code::kUnavailable, fmt::format("cannot run {}", words[0]));
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(read_end.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return Status(Code::kUnavailable, fmt::format("{} failed", fmt::join(words, " ")));
}

/// A certificate of its own for 127.0.0.1, and a configuration that listens with it at `address` beside the plain listener. Its path.
Result<std::string> WriteTls(const std::string& dir, const Address& address) {
  const std::string key = dir + "/key.pem", certificate = dir + "/cert.pem", path = dir + "/notifyd.toml";
  Result<std::string> made = OutputOf({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                                       "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate});
  if (!made.ok()) return std::move(made).status();
  std::ofstream(path) << fmt::format("[[listener]]\naddress = \"{}\"\ntls.cert = \"{}\"\ntls.key = \"{}\"\n", address.ToString(), certificate, key);
  return path;
}

/// A broker that asks for tokens, and where `tls_dir` is not empty listens with TLS, too, with files in it. It is asked so.
Result<std::unique_ptr<Session>> OpenAsking(const CommonOptions& common, const std::string& tls_dir) {
  CommonOptions own = common;
  own.broker_arguments.push_back("--auth-mode=token");
  Address tls;
  if (!tls_dir.empty()) {
    if (Result<Fd> taken = tls.Listen(); !taken.ok()) return std::move(taken).status();  // a port that is free
    Result<std::string> config = WriteTls(tls_dir, tls);
    if (!config.ok()) return std::move(config).status();
    own.broker_arguments.push_back("--config=" + *config);
  }
  Result<std::unique_ptr<Session>> session = Session::Open(own);
  if (!session.ok()) return session;
  Result<std::string> token = OutputOf({common.notifyd, "token", "create", "--data-dir", (*session)->data_dir(), "--scopes", "admin"});
  if (!token.ok()) return std::move(token).status();
  Target target = tls_dir.empty() ? (*session)->broker().address() : tls;
  target.token = token->substr(0, token->find('\n'));
  if (!tls_dir.empty()) target.ca_file = tls_dir + "/cert.pem";
  (*session)->broker().AskAs(std::move(target));
  return session;
}

}  // namespace

Status RunAccess(const CommonOptions& common, const LoadOptions& options) {
  Result<std::unique_ptr<TempDir>> tls_dir = TempDir::Make(common.dir);
  if (!tls_dir.ok()) return std::move(tls_dir).status();
  Result<std::unique_ptr<Session>> plain = Session::Open(common);
  if (!plain.ok()) return std::move(plain).status();
  Result<std::unique_ptr<Session>> token = OpenAsking(common, "");
  if (!token.ok()) return std::move(token).status();
  Result<std::unique_ptr<Session>> tls = OpenAsking(common, (*tls_dir)->path());
  if (!tls.ok()) return std::move(tls).status();
  WorkloadPlan plan;
  plan.count = options.count;
  plan.payload_bytes = options.payload_bytes;
  plan.connections = options.connections;
  const std::vector<BrokerProcess*> brokers = {&(*plain)->broker(), &(*token)->broker(), &(*tls)->broker()};
  if (Result<std::vector<Delivery>> warm = TakeTurns(0, brokers, plan, common); !warm.ok()) return std::move(warm).status();
  std::string title = fmt::format("access: {} notifies of {} bytes over {} connections, without a token, with one, and with one over TLS",
                                  Grouped(static_cast<double>(options.count), 0), options.payload_bytes, options.connections);
  const std::vector<Goal> goals = {AtMost("broker CPU with a token to without", "token_cpu_ratio", 1.03),
                                   AtMost("broker CPU of TLS, microseconds a request", "tls_more_us", 15)};
  return RunAndReport(common, title, goals, [&](int round) -> Result<Record> {
    Result<std::vector<Delivery>> deliveries = TakeTurns(round, brokers, plan, common);
    if (!deliveries.ok()) return std::move(deliveries).status();
    Record record;
    record.Text("scenario", "access").Int("run", round).Int("count", static_cast<int64_t>(options.count));
    double cpu[3];
    for (size_t i = 0; i < brokers.size(); ++i) {
      const std::string name = i == 0 ? "plain" : i == 1 ? "token" : "tls";
      const Delivery& delivery = (*deliveries)[i];
      cpu[i] = delivery.broker_cpu_s_per_1000();
      record.Real(name + "_per_s", delivery.per_s, 0).Real(name + "_cpu_s_per_1000", cpu[i], 4).Percentiles(name + "_ack", delivery.load.ack_latency);
    }
    // A second for a thousand is a thousand microseconds for one.
    return record.Real("token_cpu_ratio", cpu[1] / cpu[0], 3).Real("tls_more_us", (cpu[2] - cpu[1]) * 1000, 1);
  });
}

}  // namespace notifyd::bench
