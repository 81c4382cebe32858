#include "storage/postgres/pg_connection.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "storage/postgres/pg_dsn.h"

namespace notifyd {
namespace {

constexpr int64_t kOldestVersion = 150'000;
constexpr int kSilentMs = 5'000;
constexpr int kAskAnewMs = 3'000;  // what takes longer may be asked of a server that stands still
constexpr const char* kNoFile = "/dev/null/none";
constexpr const char* kNoSessions =
    "PostgreSQL is behind a pooler that gives sessions away between transactions, or with what their last client left in them: it must pool "
    "sessions (pool_mode = session) and clear each before the next client has it (server_reset_query = DISCARD ALL), or be left out";

struct Setting {
  const char *name, *value;
  int64_t since = kOldestVersion;
};
/// What the broker rests on, whatever role, database, server or DSN say: whether a COMMIT waits, and tells where it did not; what a transaction sees,
/// and that it may write; that no time limit of somebody else's ends it; and that its plans do not depend on what the statistics say of the moment,
/// since each statement here is meant to be few look-ups in an index, whatever else there is. Nothing is here of how the server writes values, or in
/// which language it speaks: results come in binary, and no text of it is compared.
constexpr Setting kSettings[] = {
    {"client_min_messages", "warning"},
    {"synchronous_commit", "on"},
    {"default_transaction_isolation", "'read committed'"},
    {"default_transaction_read_only", "off"},
    {"lock_timeout", "0"},
    {"idle_in_transaction_session_timeout", "0"},
    {"idle_session_timeout", "0"},
    {"transaction_timeout", "0", 170'000},
    {"jit", "off"},
    {"plan_cache_mode", "force_generic_plan"},
    {"enable_indexscan", "on"},
    {"enable_indexonlyscan", "on"},
    {"enable_tidscan", "on"},
    {"enable_nestloop", "on"},
    {"enable_seqscan", "off"},
    {"enable_bitmapscan", "off"},
    {"enable_sort", "off"},
    {"enable_hashjoin", "off"},
    {"enable_mergejoin", "off"},
};

/// Functions of the server's that warn where the ids of transactions, or of rows that several lock at once, run out: at each new one, long before
/// there is none any more, and then fail until somebody vacuums. Only by them are these told from other warnings: the SQLSTATE is one that those
/// have, too, and the words may be of any language.
constexpr std::array<std::string_view, 4> kCountIds = {"GetNewTransactionId", "SetTransactionIdLimit", "GetNewMultiXactId", "SetMultiXactIdLimit"};

bool IsOfIds(const PGresult* result) {
  const char* function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
  return function && std::find(kCountIds.begin(), kCountIds.end(), std::string_view(function)) != kCountIds.end();
}

/// Is it what a server says to a role that may not use a table or a function, or the schema, of which it then sees nothing: no such table, function
/// or schema?
bool IsLackOfRight(std::string_view sqlstate) {
  constexpr std::array<std::string_view, 4> kStates = {kPgNoRight, "42P01", "42883", "3F000"};
  return std::find(kStates.begin(), kStates.end(), sqlstate) != kStates.end();
}

/// One line, as a log or a problem shows it.
std::string OneLine(const char* text) {
  std::string line = text ? text : "";
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

/// Is a byte of the server's there, that nobody has read yet? Nothing: not yet. Under TLS what the other end of that says by itself is none.
std::optional<bool> HasByte(PGconn* fresh) {
  char byte = 0;
  auto* tls = PQsslInUse(fresh) != 0 ? static_cast<SSL*>(PQsslStruct(fresh, "OpenSSL")) : nullptr;
  if (!tls) return recv(PQsocket(fresh), &byte, 1, MSG_PEEK) == 1;
  ERR_clear_error();
  const int read = SSL_peek(tls, &byte, 1);
  if (read != 1 && SSL_get_error(tls, read) == SSL_ERROR_WANT_READ) return std::nullopt;
  return read == 1;
}

/// Does its server say anything to the connection, which was begun and asks for no more than that? Waits for kConnectMost at most.
bool IsAnswered(PGconn* fresh) {
  const auto until = std::chrono::steady_clock::now() + PgConnection::kConnectMost;
  bool tls = false;  // it takes TLS: what goes wrong with that from then on is no silence
  for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_FAILED && PQstatus(fresh) != CONNECTION_BAD;) {
    const bool asked = PQstatus(fresh) == CONNECTION_AWAITING_RESPONSE;
    pollfd there{PQsocket(fresh), static_cast<short>(next == PGRES_POLLING_WRITING && !asked ? POLLOUT : POLLIN), 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    const int ready = left > 0 ? poll(&there, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    // Libpq would answer what it is asked for now. What ends the connection without a word is something in front of a server that is not there.
    if (asked) {
      if (const std::optional<bool> byte = HasByte(fresh)) return *byte;
      continue;
    }
    tls = tls || (PQstatus(fresh) == CONNECTION_SSL_STARTUP && HasByte(fresh).value_or(false));
    next = PQconnectPoll(fresh);
  }
  return tls;
}

/// The file of passwords that libpq would look into, where others may read it, so that it does not: it says so on standard error, at each connection.
/// Else empty, as where a service may name another.
std::string OpenPassfileOf(const std::string& dsn) {
  std::string path;
  bool of_service = std::getenv("PGSERVICE") != nullptr;
  const std::unique_ptr<PQconninfoOption, FreeWith<PQconninfoFree>> options(PQconninfoParse(dsn.c_str(), nullptr));
  for (const PQconninfoOption* each = options.get(); each && each->keyword; ++each) {
    if (each->val && std::string_view(each->keyword) == "passfile") path = each->val;
    of_service = of_service || (each->val && std::string_view(each->keyword) == "service");
  }
  if (path.empty() && of_service) return "";
  const char *of_environment = std::getenv("PGPASSFILE"), *home = std::getenv("HOME");
  if (path.empty() && of_environment) path = of_environment;
  if (path.empty() && home) path = std::string(home) + "/.pgpass";
  struct stat found;
  const bool open = !path.empty() && stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  return open ? path : "";
}

Status Unacceptable(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

}  // namespace

// ---- parameters and rows

PgParams& PgParams::Int(int64_t value) {
  std::string bytes;
  Encoder(&bytes).Big64(static_cast<uint64_t>(value));
  return Bytes(bytes);
}

PgParams& PgParams::Bool(bool value) {
  return Bytes(std::string_view(value ? "\1" : "\0", 1));
}

PgParams& PgParams::Bytes(std::string_view value) {
  lengths_.push_back(static_cast<int>(value.size()));
  formats_.push_back(1);
  bytes_ += value.size();
  values_.emplace_back(std::string(value));
  return *this;
}

PgParams& PgParams::Null() {
  lengths_.push_back(0);
  formats_.push_back(1);
  values_.emplace_back(std::nullopt);
  return *this;
}

PgParams& PgParams::Ints(const std::vector<int64_t>& values) {
  std::string array;
  BeginArray(kBigintOid, values.size(), &array);
  for (int64_t value : values) {
    Encoder(&array).Big32(8);
    Encoder(&array).Big64(static_cast<uint64_t>(value));
  }
  return Bytes(array);
}

/// As array_recv of PostgreSQL reads it: dimensions, whether there are nulls, the elements' type, then length and lower bound of the one dimension.
void PgParams::BeginArray(uint32_t type, size_t count, std::string* out) {
  Encoder in(out);
  in.Big32(count == 0 ? 0 : 1);
  in.Big32(0);
  in.Big32(type);
  if (count == 0) return;
  in.Big32(static_cast<uint32_t>(count));
  in.Big32(1);
}

void PgParams::AddElement(std::string_view value, std::string* out) {
  Encoder in(out);
  in.Big32(static_cast<uint32_t>(value.size()));
  in.Raw(value);
}

const char* const* PgParams::values() const {
  pointers_.clear();
  for (const auto& value : values_) pointers_.push_back(value ? value->data() : nullptr);
  return pointers_.data();
}

int64_t PgInt(const PGresult* result, int row, int column) {
  const std::string_view bytes(PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column)));
  int64_t value = !bytes.empty() && (bytes[0] & 0x80) ? -1 : 0;
  for (char byte : bytes) value = static_cast<int64_t>(static_cast<uint64_t>(value) << 8 | static_cast<uint8_t>(byte));
  return value;
}

std::string PgUnfit(const PgRows& rows) {
  const int unlogged = PQnfields(rows.raw()) - 1;
  if (rows.Int(0, unlogged - 1) == 0) return kPgNoFsync;
  const std::string table(rows.Bytes(0, unlogged));
  if (table.empty()) return table;
  return table + " of the store is UNLOGGED: a crash of PostgreSQL would empty it. Make it durable again (ALTER TABLE " + PgQuoted(table) +
         " SET LOGGED)";
}

// ---- errors

Status PgStatus(std::string_view sqlstate, std::string detail) {
  if (sqlstate == kPgFenced) return Status(Code::kConflict, std::move(detail));
  // Of whoever owns the unit: it sends none before the one before was committed, or stands in front of it on its way, whose error comes first then.
  if (sqlstate == kPgGap) return Status(Code::kCorrupt, kPgLostSome + std::move(detail));
  // Nobody but a pooler's next client prepares it twice, or has it gone.
  if (sqlstate == "42P05" || sqlstate == "26000") return Status(Code::kUnacceptable, std::move(detail) + ". " + kNoSessions);
  if (sqlstate == "53100") return Status(Code::kDiskFull, std::move(detail));
  // What may be better soon: a connection's end (08), no room (53), another transaction in the way (40, 55), the server's own end and begin (57),
  // its disk and its files (58), a server that does not take writes any more (25006).
  const std::string_view kind = sqlstate.substr(0, 2);
  constexpr std::array<std::string_view, 7> kSoon = {"", "08", "40", "53", "55", "57", "58"};
  const bool soon = std::find(kSoon.begin(), kSoon.end(), kind) != kSoon.end() || sqlstate == "25006" || sqlstate == kPgNoStandby;
  return Status(soon ? Code::kUnavailable : Code::kIo, std::move(detail));
}

// ---- the connection

PgConnection::PgConnection(PGconn* raw, std::string cell) : raw_(raw), cell_(std::move(cell)), socket_(fcntl(PQsocket(raw), F_DUPFD_CLOEXEC, 0)) {
  PQsetNoticeReceiver(raw, &PgConnection::TakeNotice, this);
}

PgConnection::~PgConnection() {
  if (socket_ >= 0) close(socket_);
}

void PgConnection::BreakOff() const {
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

void PgConnection::TakeNotice(void* self, const PGresult* notice) {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (!severity || std::string_view(severity) != "WARNING") return;
  const bool of_ids = IsOfIds(notice);
  if (!of_ids) static_cast<PgConnection*>(self)->warned_ = true;
  static LogLimit ids(1), others(20);
  uint64_t left_out = 0;
  if (!(of_ids ? ids : others).Admit(&left_out)) return;
  Log(LogLevel::kWarn, "PostgreSQL warns",
      {{"detail", OneLine(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY))},
       {"hint", OneLine(PQresultErrorField(notice, PG_DIAG_MESSAGE_HINT))},
       {"left_out", left_out}});
}

Status PgConnection::TakeWarning() {
  if (!std::exchange(warned_, false)) return Status::Ok();
  return Status(Code::kUnavailable, "PostgreSQL warned at a commit: it may not have reached the standby");
}

Result<std::unique_ptr<PgConnection>> PgConnection::Open(const PostgresOptions& options, int most_ms) {
  const std::string connect_s = std::to_string(kConnectMost.count()), silent_ms = std::to_string(most_ms > 0 ? most_ms : kSilentMs);
  // What stands before the DSN it may change, what stands behind it not. A server that is gone without a word is noticed within some seconds.
  std::vector<const char*> keywords = {"connect_timeout",           "keepalives_idle", "keepalives_interval",  "keepalives_count", "tcp_user_timeout",
                                       "fallback_application_name", "dbname",          "target_session_attrs", "client_encoding"};
  std::vector<const char*> values = {connect_s.c_str(), "2", "1", "3", silent_ms.c_str(), "notifyd", options.dsn.c_str(), "read-write", "UTF8"};
  const std::string passfile = OpenPassfileOf(options.dsn);
  if (!passfile.empty()) {
    keywords.push_back("passfile");
    values.push_back(kNoFile);
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* raw = PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1);
  if (!raw) return Status(Code::kUnavailable, "no memory for a connection to PostgreSQL");
  std::unique_ptr<PgConnection> connection(new PgConnection(raw, options.cell));
  if (PQstatus(raw) != CONNECTION_OK) {
    // Whatever it was may be better soon, a password, too, which is changed at two places one after the other: and that one was sent says nothing of
    // why none of several servers was taken.
    const std::string left_out = passfile.empty() ? "" : "; " + passfile + " is left out, as others may read it: it needs the mode 0600";
    return Status(Code::kUnavailable, "PostgreSQL is not reached: " + PgWords(PQerrorMessage(raw)) + left_out);
  }
  // Nobody could break it off, or give it up.
  if (connection->socket_ < 0) return Status(Code::kUnavailable, "PostgreSQL is not reached: no open file is left");
  // What its end does not take yet waits as answers do.
  if (PQsetnonblocking(raw, 1) != 0) return connection->StatusOf(nullptr);
  if (Status status = connection->SetUp(options, most_ms); !status.ok()) return status;
  connection->warned_ = false;
  return connection;
}

Status PgConnection::SetUp(const PostgresOptions& options, int most_ms) {
  auto server = RunWithin(kSilentMs, "SELECT current_setting('server_version_num')::int8, current_setting('server_version')");
  if (!server.ok()) return std::move(server).status();
  const int64_t version = server->Int(0, 0);
  if (version < kOldestVersion) return Unacceptable("PostgreSQL " + std::string(server->Bytes(0, 1)) + " is too old: 15 or later is needed");
  std::string script = "SET statement_timeout = " + std::to_string(most_ms) + "; SET search_path = " + PgQuoted(options.schema);
  for (const Setting& each : kSettings)
    if (version >= each.since) script += std::string("; SET ") + each.name + " = " + each.value;
  NOTIFYD_TRY(RunScript(script));
  return CheckFit();
}

Status PgConnection::CheckFit() {
  auto fit = RunWithin(kSilentMs, "SELECT " NOTIFYD_PG_FIT);
  if (!fit.ok()) return std::move(fit).status();
  std::string unfit = PgUnfit(*fit);
  return unfit.empty() ? Status::Ok() : Unacceptable(std::move(unfit));
}

Status PgConnection::StatusOf(const PGresult* result) {
  if (silent_) {
    sqlstate_.clear();
    return Status(Code::kUnavailable, kPgSilent);
  }
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  sqlstate_ = state ? state : "";
  const char* primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
  std::string detail = primary ? OneLine(primary) : OneLine(PQerrorMessage(raw_.get()));
  detail = "PostgreSQL: " + detail + (sqlstate_.empty() ? "" : " (" + sqlstate_ + ")");
  // Somebody may give it back, or put it back.
  if (IsLackOfRight(sqlstate_))
    return Status(Code::kUnavailable, std::move(detail) + ": the role lacks a right in the schema" + (cell_.empty() ? "" : " of the cell " + cell_) +
                                          ", or what is in it is gone");
  // It takes writes again once somebody vacuumed.
  if (result && IsOfIds(result)) return Status(Code::kUnavailable, std::move(detail));
  return PgStatus(sqlstate_, std::move(detail));
}

bool PgConnection::HoldsInput() const {
  const auto* tls = static_cast<const SSL*>(PQsslStruct(raw_.get(), "OpenSSL"));
  return tls && SSL_pending(tls) > 0;
}

bool PgConnection::TakeInput() {
  // GSSAPI holds a packet as TLS does a record, and does not say so: of its 16 KiB libpq takes 8 at least.
  return PQconsumeInput(raw_.get()) != 0 && (PQgssEncInUse(raw_.get()) == 0 || PQconsumeInput(raw_.get()) != 0);
}

PgAnswer PgConnection::Next() {
  PGconn* raw = raw_.get();
  while (PQisBusy(raw) != 0) {
    const int unsent = PQflush(raw);
    if (unsent < 0) break;
    pollfd there{PQsocket(raw), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), 0};
    if (!HoldsInput() && poll(&there, 1, kAskAnewMs) == 0 && !Answers()) GiveUp();
    if (!TakeInput()) break;
  }
  return PgAnswer(PQgetResult(raw));
}

/// Of what was sent, where it was: the result of the last statement, or the first error. Nothing is under way afterwards.
PgAnswer PgConnection::Last(int sent) {
  PgAnswer last;
  if (sent != 1) return last;
  while (PgAnswer next = Next())
    if (!last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) last = std::move(next);
  return last;
}

/// A server that stands still, or the machine that it runs on, ends no connection, and the system at its end goes on confirming what comes. It is
/// asked as this connection was made, by TLS and with its certificate: who comes otherwise may be sent away without an answer. But whoever it is, it
/// is not what it shows that counts: a certificate that is over, or was replaced, ends no session. So it is told who asks, and nothing more: no
/// password. By one of several that the DSN names nobody is meant but the one at the other end.
bool PgConnection::Answers() const {
  PGconn* raw = raw_.get();
  constexpr std::array<std::string_view, 8> kOwn = {"host",     "hostaddr", "port",        "target_session_attrs",
                                                    "password", "passfile", "sslrootcert", "sslmode"};
  // With a password that is said, and never sent, no file of them is looked into.
  std::vector<const char*> keywords = {"host", "hostaddr", "port", "password", "sslrootcert", "sslmode"};
  std::vector<const char*> values = {PQhost(raw), PQhostaddr(raw), PQport(raw), "-", kNoFile, nullptr};
  const std::unique_ptr<PQconninfoOption, FreeWith<PQconninfoFree>> settings(PQconninfo(raw));
  for (const PQconninfoOption* each = settings.get(); each && each->keyword; ++each) {
    const std::string_view keyword = each->keyword;
    if (keyword == "sslmode") values[5] = each->val && std::string_view(each->val).starts_with("verify-") ? "require" : each->val;
    if (!each->val || std::find(kOwn.begin(), kOwn.end(), keyword) != kOwn.end()) continue;
    keywords.push_back(each->keyword);
    values.push_back(each->val);
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  const std::unique_ptr<PGconn, FreeWith<PQfinish>> fresh(PQconnectStartParams(keywords.data(), values.data(), /*expand_dbname=*/0));
  return fresh && IsAnswered(fresh.get());
}

/// As if its server had ended it.
void PgConnection::GiveUp() {
  silent_ = true;
  BreakOff();
}

Result<std::string> PgConnection::Prepare(const char* sql) {
  if (const auto found = prepared_.find(std::string_view(sql)); found != prepared_.end()) return found->second;
  std::string name = "s" + std::to_string(prepared_.size());
  const PgAnswer result = Last(PQsendPrepare(raw_.get(), name.c_str(), sql, 0, nullptr));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return StatusOf(result.get());
  return prepared_.emplace(sql, std::move(name)).first->second;
}

Result<PgRows> PgConnection::Run(const char* sql, const PgParams& params) {
  sqlstate_.clear();
  auto name = Prepare(sql);
  if (!name.ok()) return std::move(name).status();
  PgRows rows(
      Last(PQsendQueryPrepared(raw_.get(), name->c_str(), params.count(), params.values(), params.lengths(), params.formats(), /*resultFormat=*/1)));
  const ExecStatusType status = PQresultStatus(rows.raw());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return StatusOf(rows.raw());
  return rows;
}

Status PgConnection::Execute(const char* sql, const PgParams& params) {
  auto rows = Run(sql, params);
  return rows.ok() ? Status::Ok() : std::move(rows).status();
}

Result<PgRows> PgConnection::RunWithin(int most_ms, const char* sql) {
  using std::chrono::steady_clock;
  if (PQsendQueryParams(raw_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, /*resultFormat=*/1) != 1) return StatusOf(nullptr);
  const steady_clock::time_point end = steady_clock::now() + std::chrono::milliseconds(most_ms);
  while (PQisBusy(raw_.get()) != 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    if (left <= 0) return Status(Code::kUnavailable, "PostgreSQL, or the pooler before it, took the connection and does not answer on it");
    pollfd answer{PQsocket(raw_.get()), POLLIN, 0};
    if (!HoldsInput()) poll(&answer, 1, static_cast<int>(left));
    if (!TakeInput()) return StatusOf(nullptr);
  }
  PgRows rows(Next());
  if (PQresultStatus(rows.raw()) != PGRES_TUPLES_OK) return StatusOf(rows.raw());
  const PgAnswer end_of_it = Next();
  return rows;
}

Status PgConnection::RunScript(const std::string& sql) {
  const PgAnswer result = Last(PQsendQuery(raw_.get(), sql.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? Status::Ok() : StatusOf(result.get());
}

Result<uint64_t> PgConnection::Estimate(const std::string& query) {
  const PgAnswer result = Last(PQsendQuery(raw_.get(), ("EXPLAIN " + query).c_str()));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return StatusOf(result.get());
  // "Index Scan ... (cost=0.29..8.31 rows=17 width=44)", in every language.
  const std::string line = PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  uint64_t product = 1;
  for (const char* name : {"rows=", "width="}) {
    const size_t at = line.find(name);
    product *= at == line.npos ? 0 : std::strtoull(line.c_str() + at + std::strlen(name), nullptr, 10);
  }
  return product;
}

std::string PgLiteral(std::string_view bytes) {
  return "decode('" + HexOf(bytes) + "', 'hex')";
}

Result<bool> NamesNoStandby(PgConnection* connection) {
  auto empty = connection->Run("SELECT current_setting('synchronous_standby_names') = ''");
  if (!empty.ok()) return std::move(empty).status();
  return empty->Int(0, 0) != 0;
}

Status CheckPgSessions(const PostgresOptions& options, PgConnection* connection) {
  constexpr const char* kPid = "SELECT pg_backend_pid()";
  auto own = connection->Run(kPid);
  if (!own.ok()) return std::move(own).status();
  // A pooler makes up the process number that it gives at the start, so that it may give the server's to no one.
  if (own->Int(0, 0) == PQbackendPID(connection->raw())) return Status::Ok();
  // Between transactions of one client the next one gets its session, unless it keeps them.
  auto second = PgConnection::Open(options);
  if (!second.ok()) return std::move(second).status();
  auto other = (*second)->Run(kPid);
  auto again = connection->Run(kPid);
  if (other.ok() && again.ok() && own->Int(0, 0) == again->Int(0, 0) && own->Int(0, 0) != other->Int(0, 0)) return Status::Ok();
  return Unacceptable(kNoSessions);
}

Status InPgTransaction(PgConnection* connection, bool synced, const std::function<Status()>& body) {
  NOTIFYD_TRY(connection->RunScript(synced ? "BEGIN" : "BEGIN; SET LOCAL synchronous_commit = off"));
  Status done = body();
  if (!done.ok()) {
    Status ignored = connection->RunScript("ROLLBACK");
    return done;
  }
  NOTIFYD_TRY(connection->RunScript("COMMIT"));
  Status warned = connection->TakeWarning();
  return synced ? warned : Status::Ok();
}

std::string PgQuoted(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace notifyd
