#include "support/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace notifyd::test {
namespace {

constexpr int kOldest = 15;

std::string Programs() {
  if (const char* given = std::getenv("NOTIFYD_TEST_POSTGRES")) return given;
  int newest = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
    newest = std::max(newest, std::atoi(entry.path().filename().c_str()));
  if (newest < kOldest) throw std::runtime_error("there is no PostgreSQL 15 or later: scripts/install-packages tests");
  return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
}

}  // namespace

PostgresServer::PostgresServer(std::vector<std::string> settings) : settings_(std::move(settings)), programs_(Programs()) {
  if (geteuid() == 0) {
    for (const char* name : {"postgres", "nobody"}) {
      if (!getpwnam(name)) continue;
      user_ = name;
      break;
    }
  }
  GiveAway(directory_.path());
  // What initdb made for the first of this process is copied for the others, which takes a tenth as long. They all have one system identifier, by
  // which nothing here tells them apart.
  static const TempDir made;
  static std::once_flag once;
  std::call_once(once, [&] {
    GiveAway(made.path());
    Run({programs_ + "/initdb", "-D", made.At("data"), "-U", "notifyd", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"});
  });
  Run({"cp", "-a", made.At("data"), "data"});
  Start();
}

PostgresServer::~PostgresServer() {
  if (!process_) return;
  Signal(SIGCONT);
  process_->Signal(SIGQUIT);
  process_->Wait();
}

void PostgresServer::GiveAway(const std::string& path) const {
  const passwd* user = user_.empty() ? nullptr : getpwnam(user_.c_str());
  if (user && chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown " + path);
}

/// setpriv's arguments that run it as who may, in the directory, for as long as this process lives.
std::vector<std::string> PostgresServer::Command(const std::vector<std::string>& words) const {
  std::vector<std::string> command = {"--pdeathsig=QUIT"};
  if (!user_.empty()) {
    command.push_back("--reuid=" + user_);
    command.push_back("--regid=" + std::to_string(getpwnam(user_.c_str())->pw_gid));
    command.push_back("--clear-groups");
  }
  for (const std::string& part : {std::string("env"), "--chdir=" + directory_.path()}) command.push_back(part);
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

void PostgresServer::Run(const std::vector<std::string>& words) const {
  Process::Input input;
  input.arguments = Command(words);
  Process run("setpriv", input);
  if (run.Wait() != 0) throw std::runtime_error(words[0] + ": " + run.error());
}

void PostgresServer::Start() {
  Process::Input input;
  input.arguments = Command({programs_ + "/postgres", "-D", "data"});
  std::vector<std::string> settings = {"listen_addresses=", "unix_socket_directories=" + directory_.path()};
  settings.insert(settings.end(), settings_.begin(), settings_.end());
  for (const std::string& setting : settings) {
    input.arguments.push_back("-c");
    input.arguments.push_back(setting);
  }
  // The sessions of one that was killed end by themselves, and until then another one does not begin on their memory.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  for (;;) {
    process_ = std::make_unique<Process>("setpriv", input);
    if (process_->WaitForError("database system is ready to accept connections")) return;
    if (process_->running() || std::chrono::steady_clock::now() > deadline) throw std::runtime_error("postgres: " + process_->error());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void PostgresServer::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
  process_.reset();
}

bool PostgresServer::SkipTo(uint32_t transaction) {
  if (!std::filesystem::exists(programs_ + "/pg_resetwal")) return false;
  process_->Signal(SIGINT);
  process_->Wait();
  Run({programs_ + "/pg_resetwal", "-D", "data", "-x", std::to_string(transaction)});
  // The part of its record of what was committed that begins there: of two bits each.
  constexpr uint32_t kPart = 32 * 8192 * 4;
  char name[9];
  std::snprintf(name, sizeof name, "%04X", transaction / kPart);
  const std::string part = directory_.path() + "/data/pg_xact/" + name;
  if (!std::filesystem::exists(part)) std::ofstream(part, std::ios::binary) << std::string(kPart / 4, '\0');
  GiveAway(part);
  Start();
  return true;
}

void PostgresServer::Signal(int number) const {
  process_->Signal(number);
  // Each is in a process group of its own.
  const std::string pid = std::to_string(process_->pid());
  std::ifstream sessions("/proc/" + pid + "/task/" + pid + "/children");
  for (pid_t session = 0; sessions >> session;) kill(session, number);
}

std::string PostgresServer::dsn() const {
  return "host=" + directory_.path() + " user=notifyd dbname=postgres";
}

}  // namespace notifyd::test
