#include "cli/old_servers.h"

#include <mysql.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "base/json_tree.h"

namespace notifyd::test {
namespace {

constexpr int kTries = 10;
constexpr auto kAnswerPause = std::chrono::milliseconds(20);

constexpr const char* kTable = R"sql(CREATE TABLE `Notify` (
  `id` bigint(10) unsigned NOT NULL AUTO_INCREMENT,
  `fKey` varchar(150) DEFAULT NULL,
  `queueName` varchar(100) NOT NULL DEFAULT '',
  `caller` varchar(100) NOT NULL DEFAULT '',
  `url` varchar(254) NOT NULL DEFAULT '',
  `method` varchar(10) NOT NULL DEFAULT '',
  `contentType` varchar(100) NOT NULL DEFAULT '',
  `data` text NOT NULL,
  `needResponse` tinyint(3) unsigned NOT NULL DEFAULT '1',
  `expectResponse` varchar(100) NOT NULL DEFAULT '',
  `actualResponse` varchar(100) NOT NULL DEFAULT '',
  `runOnce` tinyint(3) unsigned NOT NULL DEFAULT '1',
  `retryTimes` tinyint(3) unsigned NOT NULL DEFAULT '0',
  `timeStartSend` datetime DEFAULT NULL,
  `timeDelayedSend` datetime DEFAULT NULL,
  `timeCreated` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `timeModified` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uk_fkey` (`fKey`),
  KEY `idx_timeDelayedSend` (`timeDelayedSend`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4)sql";

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what);
}

bool Listens(uint16_t port) {
  const int fd = Connect(port);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/// Until it listens; false where it ended.
bool WaitForPort(const Process& process, uint16_t port) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (std::chrono::steady_clock::now() < until && process.running()) {
    if (Listens(port)) return true;
    std::this_thread::sleep_for(kAnswerPause);
  }
  return false;
}

}  // namespace

MariadbServer::MariadbServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  Process install("mariadb-install-db", {{"--no-defaults", "--auth-root-authentication-method=normal", "--user=root", "--skip-test-db",
                                          "--datadir=" + dir_.At("data"), "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"},
                                         {}});
  if (install.Wait() != 0) Fail("mariadb-install-db: " + install.output() + install.error());
  for (int i = 0; i < kTries && !process_; ++i) {
    port_ = ClosedPort();
    try {
      Start();
    } catch (const std::runtime_error&) {  // somebody else took the port
      if (i + 1 == kTries) throw;
    }
  }
}

void MariadbServer::Start() {
  std::vector<std::string> arguments = {"--no-defaults",
                                        "--user=root",
                                        "--datadir=" + dir_.At("data"),
                                        "--socket=" + socket(),
                                        "--pid-file=" + dir_.At("mysqld.pid"),
                                        "--bind-address=127.0.0.1",
                                        "--port=" + std::to_string(port_),
                                        "--skip-log-bin",
                                        "--innodb-buffer-pool-size=16M",
                                        "--innodb-log-file-size=8M",
                                        "--key-buffer-size=1M",
                                        "--max-connections=20",
                                        "--performance-schema=OFF"};
  arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
  auto process = std::make_unique<Process>("mariadbd", Process::Input{arguments, {}});
  if (!WaitForPort(*process, port_) || !Answers()) Fail("mariadbd: " + process->error());
  process_ = std::move(process);
}

/// The socket that a killed one left behind is there before the new one listens at it.
bool MariadbServer::Answers() const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (std::chrono::steady_clock::now() < until) {
    try {
      const Sql sql(*this);
      return true;
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(kAnswerPause);
    }
  }
  return false;
}

MariadbServer& MariadbServer::Shared() {
  static MariadbServer server;
  return server;
}

std::string MariadbServer::Url(const std::string& database) const {
  return "mysql://root@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

void MariadbServer::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
}

Sql::Sql(const MariadbServer& server, const std::string& database) : connection_(mysql_init(nullptr)) {
  auto* mysql = static_cast<MYSQL*>(connection_);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (!mysql_real_connect(mysql, nullptr, "root", "", database.empty() ? nullptr : database.c_str(), 0, server.socket().c_str(), 0))
    Fail(mysql_error(mysql));
}

Sql::~Sql() {
  mysql_close(static_cast<MYSQL*>(connection_));
}

uint64_t Sql::Run(const std::string& statement) {
  auto* mysql = static_cast<MYSQL*>(connection_);
  if (mysql_real_query(mysql, statement.data(), statement.size()) != 0) Fail(std::string(mysql_error(mysql)) + ": " + statement);
  return mysql_affected_rows(mysql);
}

std::string Sql::Ask(const std::string& query) {
  Run(query);
  MYSQL_RES* rows = mysql_store_result(static_cast<MYSQL*>(connection_));
  MYSQL_ROW row = rows ? mysql_fetch_row(rows) : nullptr;
  std::string text = row && row[0] ? row[0] : "";
  mysql_free_result(rows);
  return text;
}

NotifyTable::NotifyTable(MariadbServer& server, const std::string& database)
    : server_(server), database_([&] {
        static std::atomic<int> number{0};
        return database.empty() ? "notifyagent" + std::to_string(++number) : database;
      }()) {
  Sql(server_).Run("CREATE DATABASE " + database_ + " CHARACTER SET utf8mb4");
  Reconnect();
  sql_->Run(kTable);
}

NotifyTable::~NotifyTable() {
  try {
    Sql(server_).Run("DROP DATABASE " + database_);
  } catch (const std::runtime_error&) {  // the server was killed
  }
}

uint64_t NotifyTable::Add(const std::string& columns) {
  sql_->Run("START TRANSACTION");
  sql_->Run(
      "INSERT INTO Notify SET queueName = 'Q_0123456789ABCDEF0123456789ABCDEF', caller = 'shop', method = 'POST', contentType = "
      "'application/json', expectResponse = 'success', data = '{}'");
  const std::string id = sql_->Ask("SELECT LAST_INSERT_ID()");
  sql_->Run("UPDATE Notify SET " + columns + " WHERE id = " + id);
  sql_->Run("COMMIT");
  return std::stoull(id);
}

BeanstalkServer::BeanstalkServer() {
  for (int i = 0; i < kTries && !process_; ++i) {
    port_ = ClosedPort();
    try {
      Start();
    } catch (const std::runtime_error&) {
      if (i + 1 == kTries) throw;
    }
  }
}

void BeanstalkServer::Start() {
  std::filesystem::create_directories(dir_.At("log"));
  auto process =
      std::make_unique<Process>("beanstalkd", Process::Input{{"-l", "127.0.0.1", "-p", std::to_string(port_), "-b", dir_.At("log"), "-f0"}, {}});
  if (!WaitForPort(*process, port_)) Fail("beanstalkd: " + process->error());
  process_ = std::move(process);
}

void BeanstalkServer::Restart() {
  process_->Signal(SIGKILL);
  process_->Wait();
  Start();
}

BeanstalkPeer::BeanstalkPeer(const BeanstalkServer& server) : fd_(Connect(server.port())), stream_(fd_) {
  if (fd_ < 0) Fail("no beanstalkd");
}

BeanstalkPeer::~BeanstalkPeer() {
  close(fd_);
}

std::string BeanstalkPeer::Ask(const std::string& command) {
  std::string line;
  if (!stream_.Send(command + "\r\n") || !stream_.ReadTo("\r\n", &line)) Fail("beanstalkd is gone");
  return line;
}

uint64_t BeanstalkPeer::Put(const std::string& tube, const std::string& body, int delay_s, int ttr_s) {
  Ask("use " + tube);
  const std::string line = Ask("put 2 " + std::to_string(delay_s) + " " + std::to_string(ttr_s) + " " + std::to_string(body.size()) + "\r\n" + body);
  if (!line.starts_with("INSERTED ")) Fail(line);
  return std::stoull(line.substr(9));
}

uint64_t BeanstalkPeer::Count(const std::string& tube, const std::string& name) {
  const std::string line = Ask("stats-tube " + tube);
  if (!line.starts_with("OK ")) return 0;
  std::string text;
  stream_.ReadBytes(std::stoull(line.substr(3)) + 2, &text);
  const size_t at = text.find("\n" + name + ": ");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size() + 3));
}

std::string AgentJob(const std::string& members, const std::string& queue) {
  return R"({"caller":"unknown","url":"http:\/\/127.0.0.1:9\/","method":"POST","contentType":"application\/json","data":"{\"id\":1}",)"
         R"("timeDelayedSend":null,"needResponse":1,"expectResponse":"success","runOnce":1,"queueName":")" +
         queue + "\",\"fKey\":\"\"" + (members.empty() ? "" : "," + members) + "}";
}

std::vector<std::string> SubmittedUrls(const SeenRequest& request) {
  std::vector<std::string> urls;
  const Result<JsonTree> tree = JsonTree::Parse(request.body);
  if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kArray) return urls;
  tree->root().ForEach([&](JsonTree::Value, JsonTree::Value notify) { urls.emplace_back(notify.At("/url")->text()); });
  return urls;
}

ScriptedAnswer AcceptedArray(size_t count) {
  std::string items;
  for (size_t i = 0; i < count; ++i) items += std::string(i > 0 ? "," : "") + "{\"id\":\"n" + std::to_string(i) + "\"}";
  return {201, "{\"items\":[" + items + "]}"};
}

}  // namespace notifyd::test
