// What NotifyAgent runs on, as processes of a test: a MariaDB server with its table, and a beanstalkd. Each has a directory and a free port of its
// own, and goes with whoever started it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/scripted_server.h"
#include "support/sockets.h"

namespace notifyd::test {

class MariadbServer {
 public:
  /// Waits until it answers. `arguments`: more of mariadbd's.
  explicit MariadbServer(std::vector<std::string> arguments = {});
  MariadbServer(const MariadbServer&) = delete;

  /// One for all cases of a test binary, for it takes seconds to make one.
  static MariadbServer& Shared();

  uint16_t port() const { return port_; }
  /// "mysql://root@127.0.0.1:PORT/DATABASE".
  std::string Url(const std::string& database) const;
  std::string socket() const { return dir_.At("mysqld.sock"); }
  /// SIGKILL.
  void Kill();
  /// Again, at the same port.
  void Start();

 private:
  bool Answers() const;
  TempDir dir_;
  const std::vector<std::string> arguments_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

/// A connection to the server's root. Throws where a statement fails.
class Sql {
 public:
  explicit Sql(const MariadbServer& server, const std::string& database = "");
  ~Sql();
  Sql(const Sql&) = delete;
  /// How many rows it has changed.
  uint64_t Run(const std::string& statement);
  /// The first value of the first row; empty where there is none, and where it is NULL.
  std::string Ask(const std::string& query);

 private:
  void* connection_;
};

/// A database with an empty table Notify, as NotifyAgent's doc/db/notifyagent.sql makes it; gone when this is. `database` empty: one that is unused.
class NotifyTable {
 public:
  explicit NotifyTable(MariadbServer& server = MariadbServer::Shared(), const std::string& database = "");
  ~NotifyTable();
  NotifyTable(const NotifyTable&) = delete;

  const std::string& database() const { return database_; }
  std::string url() const { return server_.Url(database_); }
  MariadbServer& server() { return server_; }
  Sql& sql() { return *sql_; }
  /// Connects again: the server was started anew.
  void Reconnect() { sql_ = std::make_unique<Sql>(server_, database_); }
  /// A row, as Notify::add() makes it of what a producer says: "url = 'http://…', timeDelayedSend = '…'". Its id.
  uint64_t Add(const std::string& columns);
  uint64_t count() { return std::stoull(sql_->Ask("SELECT COUNT(*) FROM Notify")); }

 private:
  MariadbServer& server_;
  const std::string database_;
  std::unique_ptr<Sql> sql_;
};

class BeanstalkServer {
 public:
  /// Waits until it listens. With a binlog, so that it comes back with what it had.
  BeanstalkServer();
  BeanstalkServer(const BeanstalkServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }
  /// SIGKILL, and again at the same port.
  void Restart();

 private:
  void Start();
  TempDir dir_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

/// A producer's or consumer's connection to a beanstalkd.
class BeanstalkPeer {
 public:
  explicit BeanstalkPeer(const BeanstalkServer& server);
  ~BeanstalkPeer();
  BeanstalkPeer(const BeanstalkPeer&) = delete;
  /// The first line of the answer.
  std::string Ask(const std::string& command);
  /// The job's id.
  uint64_t Put(const std::string& tube, const std::string& body, int delay_s = 0, int ttr_s = 60);
  /// A number of a tube: "current-jobs-ready"; 0 where there is no such tube.
  uint64_t Count(const std::string& tube, const std::string& name);

 private:
  const int fd_;
  Stream stream_;
};

/// What NotifyMessage makes with its defaults; `members`: JSON members in place of its own, for the last of a name counts.
std::string AgentJob(const std::string& members, const std::string& queue = "Q_0123456789ABCDEF0123456789ABCDEF");

/// The URLs of an array that is submitted, in its order.
std::vector<std::string> SubmittedUrls(const SeenRequest& request);
/// As a broker answers that has taken so many; their ids are n0, n1, and so on.
ScriptedAnswer AcceptedArray(size_t count);

}  // namespace notifyd::test
