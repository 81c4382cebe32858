#include "cli/import/mysql_table.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <utility>

#include "cli/import/mysql_row.h"

namespace notifyd {
namespace {

/// A large table may take long to be counted, or looked through: whether the server is still there the connection itself finds out meanwhile.
constexpr unsigned kConnectS = 10, kAnswerS = 600;
constexpr int kAskAfterS = 10, kAskTimes = 5;
/// So long a server may take to notice that an import before this one was killed.
constexpr unsigned kLockS = 5;
/// How a server may ask for the password. Left out is what would tell it in plain text.
constexpr const char* kAuthentication = "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519";
constexpr const char* kNeeded[] = {"id",          "fKey", "queueName",    "caller",         "url",     "method",
                                   "contentType", "data", "needResponse", "expectResponse", "runOnce", "timeDelayedSend"};

/// Can it be asked again?
bool IsPassing(unsigned error) {
  switch (error) {
    case CR_SOCKET_CREATE_ERROR:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_IPSOCK_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case CR_ERR_NET_READ:
    case CR_ERR_NET_WRITE:
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case ER_QUERY_INTERRUPTED:
    case ER_CONNECTION_KILLED:
      return true;
    default:
      return false;
  }
}

struct FreeRows {
  void operator()(MYSQL_RES* rows) const { mysql_free_result(rows); }
};

std::string JoinedIds(const std::vector<uint64_t>& ids) {
  std::string text;
  for (uint64_t id : ids) text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

}  // namespace

class MysqlTable::Connection {
 public:
  explicit Connection(const MysqlAddress& address) : address_(address), mysql_(mysql_init(nullptr)) { CHECK(mysql_ != nullptr); }
  ~Connection() { mysql_close(mysql_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Status Connect() {
    SetUp();
    const char* host = address_.socket.empty() ? address_.host.c_str() : nullptr;
    const char* socket = address_.socket.empty() ? nullptr : address_.socket.c_str();
    const char* user = address_.user.empty() ? nullptr : address_.user.c_str();
    if (!mysql_real_connect(mysql_, host, user, address_.password.c_str(), address_.database.c_str(), address_.port, socket, 0)) return Fault();
    for (const auto& [option, value] : {std::pair{TCP_KEEPIDLE, kAskAfterS}, {TCP_KEEPINTVL, kAskAfterS}, {TCP_KEEPCNT, kAskTimes}})
      setsockopt(mysql_get_socket(mysql_), IPPROTO_TCP, option, &value, sizeof value);
    const int on = 1, unread_ms = kAskAfterS * kAskTimes * 1000;
    setsockopt(mysql_get_socket(mysql_), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(mysql_get_socket(mysql_), IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, sizeof unread_ms);
    // Each read sees what was committed before it, and each change is one of its own. The isolation stays the server's default: with a stricter or a
    // looser one some refuse to log changes.
    return Run("SET SESSION autocommit = 1");
  }

  Status Run(const std::string& statement) { return mysql_real_query(mysql_, statement.data(), statement.size()) == 0 ? Status::Ok() : Fault(); }

  /// `take` gets each row, which has a column at least; false: the rest is not wanted.
  using Take = std::function<bool(const MysqlColumns& columns)>;
  Status Ask(const std::string& statement, const Take& take) {
    NOTIFYD_TRY(Run(statement));
    std::unique_ptr<MYSQL_RES, FreeRows> rows(mysql_use_result(mysql_));
    if (!rows) return Fault();
    bool wanted = true;
    MysqlColumns columns(mysql_num_fields(rows.get()));
    const MYSQL_FIELD* fields = mysql_fetch_fields(rows.get());
    while (char** values = mysql_fetch_row(rows.get())) {
      if (!wanted || columns.empty()) continue;
      const unsigned long* sizes = mysql_fetch_lengths(rows.get());
      for (size_t i = 0; i < columns.size(); ++i)
        columns[i] = {{fields[i].name, fields[i].name_length}, values[i] ? MysqlValue(std::string_view(values[i], sizes[i])) : std::nullopt};
      wanted = take(columns);
    }
    return mysql_errno(mysql_) == 0 ? Status::Ok() : Fault();
  }

  /// The first value of the first row as a number; 0 where there is none.
  Result<uint64_t> AskNumber(const std::string& statement) {
    uint64_t number = 0;
    NOTIFYD_TRY(Ask(statement, [&](const MysqlColumns& columns) {
      number = MysqlNumber(columns[0].second).value_or(0);
      return false;
    }));
    return number;
  }

  std::string Quoted(const std::string& text) {
    std::string out(2 * text.size() + 1, '\0');
    out.resize(mysql_real_escape_string(mysql_, out.data(), text.data(), text.size()));
    return "'" + out + "'";
  }

 private:
  void SetUp() {
    using Tls = MysqlAddress::Tls;
    const unsigned none = 0;
    const my_bool on = 1, off = 0;
    mysql_options(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &kConnectS);
    mysql_options(mysql_, MYSQL_OPT_READ_TIMEOUT, &kAnswerS);
    mysql_options(mysql_, MYSQL_OPT_WRITE_TIMEOUT, &kAnswerS);
    mysql_options(mysql_, MYSQL_OPT_LOCAL_INFILE, &none);  // a server could ask for any file of this machine
    mysql_options(mysql_, MYSQL_OPT_RECONNECT, &off);
    mysql_options(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql_, MARIADB_OPT_RESTRICTED_AUTH, kAuthentication);
    const unsigned protocol = address_.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
    mysql_options(mysql_, MYSQL_OPT_PROTOCOL, &protocol);
    if (address_.tls == Tls::kOff) return;
    mysql_options(mysql_, MYSQL_OPT_SSL_ENFORCE, &on);
    if (!address_.ca_file.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_CA, address_.ca_file.c_str());
    if (!address_.cert_file.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_CERT, address_.cert_file.c_str());
    if (!address_.key_file.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_KEY, address_.key_file.c_str());
    mysql_options(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, address_.tls == Tls::kVerified ? &on : &off);
  }

  Status Fault() {
    const unsigned error = mysql_errno(mysql_);
    std::string text = address_.Text() + ": " + mysql_error(mysql_) + " (" + std::to_string(error) + ")";
    if (error == ER_ACCESS_DENIED_ERROR && address_.password.empty())
      text += "; no password was said: --mysql-file, NOTIFYD_MYSQL or NOTIFYD_MYSQL_PASSWORD holds it";
    return Status(IsPassing(error) ? Code::kUnavailable : Code::kUnacceptable, std::move(text));
  }

  const MysqlAddress& address_;
  MYSQL* const mysql_;
};

MysqlTable::MysqlTable(MysqlAddress address) : address_(std::move(address)) {}
MysqlTable::~MysqlTable() = default;

bool MysqlTable::open() const {
  return connection_ != nullptr;
}

Status MysqlTable::Judge(Status status) {
  if (!status.ok()) connection_.reset();
  return status;
}

Status MysqlTable::Open() {
  connection_ = std::make_unique<Connection>(address_);
  ++session_;
  Status status = connection_->Connect();
  if (status.ok()) status = Lock();
  if (status.ok()) status = CheckColumns();
  return Judge(std::move(status));
}

Status MysqlTable::Lock() {
  // A name of a lock has 64 characters at most.
  const std::string name = "SHA1(" + connection_->Quoted("notifyctl import " + address_.database + "." + address_.table) + ")";
  const Result<uint64_t> taken = connection_->AskNumber("SELECT GET_LOCK(" + name + ", " + std::to_string(kLockS) + ")");
  if (!taken.ok()) return taken.status();
  return *taken == 1 ? Status::Ok() : Status(Code::kConflict, address_.Text() + ": another import of this table runs");
}

Status MysqlTable::CheckColumns() {
  std::set<std::string> there;
  NOTIFYD_TRY(connection_->Ask("SHOW COLUMNS FROM " + From(), [&](const MysqlColumns& columns) {
    there.emplace(columns[0].second.value_or(""));
    return true;
  }));
  for (const char* needed : kNeeded)
    if (!there.contains(needed))
      return Status(Code::kUnacceptable, address_.Text() + ": it is no table of NotifyAgent's: it has no column " + needed);
  return Status::Ok();
}

Status MysqlTable::CheckRemoval() {
  return Judge(connection_->Run("DELETE FROM " + From() + " WHERE id = 0 AND 1 = 0"));
}

Result<RowCounts> MysqlTable::Count() {
  RowCounts counts;
  for (auto [number, condition] : {std::pair{&counts.with_time, "IS NOT NULL"}, {&counts.without_time, "IS NULL"}}) {
    Result<uint64_t> read = connection_->AskNumber("SELECT COUNT(*) FROM " + From() + " WHERE timeDelayedSend " + condition);
    if (!read.ok()) return Judge(std::move(read).status());
    *number = *read;
  }
  return counts;
}

Result<std::vector<OldRow>> MysqlTable::Read(const RowQuery& query) {
  std::string when = query.due.empty() ? "timeDelayedSend IS NOT NULL" : "timeDelayedSend <= " + connection_->Quoted(query.due);
  if (query.held) when = "(" + when + " OR timeDelayedSend IS NULL)";
  const std::string statement =
      "SELECT * FROM " + From() + " WHERE id > " + std::to_string(query.above) + " AND " + when + " ORDER BY id LIMIT " + std::to_string(query.limit);
  std::vector<OldRow> rows;
  size_t bytes = 0;
  Status fault;
  Status status = connection_->Ask(statement, [&](const MysqlColumns& columns) {
    Result<OldRow> row = MysqlRow(columns, rows.empty() ? query.above : rows.back().id);
    if (!row.ok()) {
      fault = Status(row.status().code(), address_.Text() + ": " + row.status().detail());
      return false;
    }
    for (const auto& [name, value] : columns) bytes += value ? value->size() : 0;
    rows.push_back(*std::move(row));
    return bytes < kReadBytes;
  });
  if (status.ok()) status = std::move(fault);
  if (!status.ok()) return Judge(std::move(status));
  return rows;
}

Result<std::vector<uint64_t>> MysqlTable::Remove(const std::vector<uint64_t>& ids) {
  std::vector<uint64_t> there;
  const std::string which = " FROM " + From() + " WHERE id IN (" + JoinedIds(ids) + ")";
  Status status = connection_->Run("START TRANSACTION");
  if (status.ok())
    status = connection_->Ask("SELECT id" + which + " ORDER BY id FOR UPDATE", [&](const MysqlColumns& columns) {
      there.push_back(MysqlNumber(columns[0].second).value_or(0));
      return true;
    });
  if (status.ok() && !there.empty()) status = connection_->Run("DELETE" + which);
  if (status.ok()) status = connection_->Run("COMMIT");
  if (!status.ok()) return Judge(std::move(status));
  return there;
}

}  // namespace notifyd
