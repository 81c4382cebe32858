// A connection to PostgreSQL, and what comes back over it. TLS, authentication and finding the server that takes writes are libpq's. One thread at a
// time.
//
// I1 no error says anything of the DSN: it may hold a password.
// I2 a session is READ COMMITTED, has the store's schema as its search path, no time limit of somebody else's, and says where a COMMIT did not wait.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/free_with.h"
#include "base/status.h"
#include "storage/options.h"

namespace notifyd {

/// The parameters of one statement, in binary. What is added by view is copied.
class PgParams {
 public:
  PgParams& Int(int64_t value);  // of SQL's bigint
  PgParams& Bool(bool value);
  PgParams& Bytes(std::string_view value);  // bytea, text
  PgParams& Null();
  PgParams& Ints(const std::vector<int64_t>& values);  // bigint[]
  /// bytea[]; `values` may be std::string or std::string_view.
  template <class Text>
  PgParams& BytesArray(const std::vector<Text>& values) {
    std::string array;
    BeginArray(kByteaOid, values.size(), &array);
    for (const Text& value : values) AddElement(value, &array);
    return Bytes(array);
  }

  int count() const { return static_cast<int>(values_.size()); }
  size_t bytes() const { return bytes_; }
  const char* const* values() const;
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  static constexpr uint32_t kByteaOid = 17, kBigintOid = 20;
  static void BeginArray(uint32_t type, size_t count, std::string* out);
  static void AddElement(std::string_view value, std::string* out);

  std::vector<std::optional<std::string>> values_;
  std::vector<int> lengths_, formats_;
  size_t bytes_ = 0;
  mutable std::vector<const char*> pointers_;
};

using PgAnswer = std::unique_ptr<PGresult, FreeWith<PQclear>>;

/// Of a smallint, integer, bigint or boolean in a result in binary.
int64_t PgInt(const PGresult* result, int row, int column);

/// Rows in binary. What it gives by view is valid as long as it lives.
class PgRows {
 public:
  explicit PgRows(PgAnswer result) : result_(std::move(result)) {}
  int size() const { return result_ ? PQntuples(result_.get()) : 0; }
  bool IsNull(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  std::string_view Bytes(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column), static_cast<size_t>(PQgetlength(result_.get(), row, column))};
  }
  std::optional<std::string_view> BytesOrNull(int row, int column) const {
    return IsNull(row, column) ? std::nullopt : std::optional(Bytes(row, column));
  }
  const PGresult* raw() const { return result_.get(); }
  int64_t Int(int row, int column) const { return PgInt(result_.get(), row, column); }

 private:
  PgAnswer result_;
};

/// Why a server is not to be used, by the first row of `rows`, of which NOTIFYD_PG_FIT are the last columns; empty: it may be.
std::string PgUnfit(const PgRows& rows);

/// SQLSTATEs that somebody acts upon.
inline constexpr std::string_view kPgFenced = "ND001";     // another one owns it by now (storage/postgres/pg_schema.cc)
inline constexpr std::string_view kPgGap = "ND002";        // the batch before is not there
inline constexpr std::string_view kPgNoRight = "42501";    // of the server: the role lacks it
inline constexpr std::string_view kPgNoStandby = "ND003";  // require_standby, and there is none
inline constexpr std::string_view kPgHeld = "ND004";       // another member has it

/// Of one that runs so: what it takes is not acknowledged.
inline constexpr const char* kPgNoFsync = "PostgreSQL runs with fsync = off: nothing in it would outlive a power cut";

/// Two columns of SQL, by which PgUnfit says whether a server may be used: whether fsync is on, and a table, or sequence, of the session's schema
/// that is not logged, or ''. They cost no more than some look-ups in indexes: what is in a schema depends on it.
#define NOTIFYD_PG_FIT                                                                                                                    \
  "current_setting('fsync') = 'on', coalesce((SELECT c.relname::text FROM pg_depend d JOIN pg_class c ON c.oid = d.objid "                \
  "WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = current_schema()) " \
  "AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'S') AND c.relpersistence <> 'p' LIMIT 1), '')"

/// Begins what is said of a server that was put back to a copy, or took another one's place without what that had.
inline constexpr const char* kPgLostSome = "the database has not what it had confirmed to be durable: ";

/// Of one that is given up, as it answers neither what it was asked nor anybody else.
inline constexpr const char* kPgSilent = "PostgreSQL does not answer";

/// What of an error a caller acts upon. kUnavailable: the server is not reached, stops, recovers or has no place left, and may be better soon;
/// kDiskFull; kConflict: kPgFenced; kCorrupt: kPgGap, of a pipeline whose first error it is; kIo: all else.
Status PgStatus(std::string_view sqlstate, std::string detail);

class PgConnection {
 public:
  /// What connecting takes at most, at each address of a server, where the DSN does not say otherwise.
  static constexpr std::chrono::seconds kConnectMost{2};
  /// Blocks until it is there, some seconds at most. Errors: kUnavailable: not reached, or not yet, or not let in; kUnacceptable: reached, but not to
  /// be used (too old, CheckFit's, a pooler that changes sessions between transactions).
  /// `most_ms`: of a statement, and of a server that is gone without a word; 0: a statement takes as long as it does.
  static Result<std::unique_ptr<PgConnection>> Open(const PostgresOptions& options, int most_ms = 0);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  /// Blocks. It stays prepared. Errors: PgStatus's, of which lost() tells whether the connection went.
  Result<PgRows> Run(const char* sql, const PgParams& params = {});
  /// As Run, of a statement of whose rows nobody wants any.
  Status Execute(const char* sql, const PgParams& params);
  /// As Run, of a statement without parameters that is not kept; gives up after `most_ms`: kUnavailable, and the connection is of no use any more.
  /// For the first one of a connection, which a pooler may take without having a session of the server's for it.
  Result<PgRows> RunWithin(int most_ms, const char* sql);
  /// Several statements at once, without parameters; no rows.
  Status RunScript(const std::string& sql);
  /// Rows times width of a query, in bytes, as the planner estimates it.
  Result<uint64_t> Estimate(const std::string& query);
  /// The SQLSTATE of the error that Run or RunScript gave last; empty where Run went well since.
  const std::string& sqlstate() const { return sqlstate_; }
  /// Whether its server may be used still, whatever was changed there since. Error: kUnacceptable: its fsync is off, or a table is not logged.
  Status CheckFit();
  /// Whoever waits for an answer over it finds it lost, at once: the server is not waited for. Any thread.
  void BreakOff() const;
  bool lost() const { return PQstatus(raw_.get()) != CONNECTION_OK; }
  /// The next result of what was sent, as PQgetResult; blocks. A server that says nothing for some seconds, and answers nobody else either, is given
  /// up: the connection is lost.
  PgAnswer Next();
  /// Takes what has come, as PQconsumeInput. False: the connection is lost.
  bool TakeInput();
  /// Whether TLS holds bytes of the server's that the socket does not show: libpq takes what it has room for at a time, and TLS a whole record.
  bool HoldsInput() const;
  /// Whether its server answers whoever comes to it anew, if only by refusing him. Blocks, some seconds at most.
  bool Answers() const;
  /// Error: kUnavailable: the server warned since this was asked last. A COMMIT that did not wait for its standby says it by no other means. Warnings
  /// of ids that run out do not count.
  Status TakeWarning();

  PGconn* raw() const { return raw_.get(); }
  /// What the server said of `result`, in one line; null: of the connection. In a cell a role that lacks a right is kUnavailable: it may be given
  /// again, and concerns the namespaces there alone.
  Status StatusOf(const PGresult* result);
  /// The name under which `sql` is prepared here, after it was prepared; blocks. Not in pipeline mode.
  Result<std::string> Prepare(const char* sql);

 private:
  PgConnection(PGconn* raw, std::string cell);
  Status SetUp(const PostgresOptions& options, int most_ms);
  PgAnswer Last(int sent);
  void GiveUp();
  static void TakeNotice(void* self, const PGresult* notice);

  std::unique_ptr<PGconn, FreeWith<PQfinish>> raw_;
  const std::string cell_;  // to whose server it goes; empty: to the store's own
  const int socket_;  // a second descriptor of it: libpq closes its own where it finds it lost, and then that number may be another file's
  std::string sqlstate_;
  std::map<std::string, std::string, std::less<>> prepared_;  // names by the statements' texts, which need not live as long
  bool warned_ = false, silent_ = false;
};

/// What is between BEGIN and COMMIT; where `body` fails, nothing is done. Not `synced`: its commit waits for no disk.
Status InPgTransaction(PgConnection* connection, bool synced, const std::function<Status()>& body);
/// `name` as an identifier in SQL.
std::string PgQuoted(std::string_view name);
/// `bytes` as a bytea in SQL.
std::string PgLiteral(std::string_view bytes);
/// Is `synchronous_standby_names` empty? Error: PgConnection::Run's.
Result<bool> NamesNoStandby(PgConnection* connection);
/// Nothing where each connection has a session of its own, directly or by a pooler that keeps them. Error: kUnacceptable: one that changes them
/// between transactions, in which nothing prepared and nothing set would last; PgConnection::Open's.
Status CheckPgSessions(const PostgresOptions& options, PgConnection* connection);

}  // namespace notifyd
