// DSNs that libpq cannot read: what is said of them, and what is not.
#include "storage/postgres/pg_dsn.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("postgres dsn: what libpq reads is taken, whether it is there or not") {
  for (const char* dsn : {"notifyd", "host=/nope", "host=db1,db2 port=5432,5433 dbname=notifyd user=notifyd password='my secret' sslmode=verify-full",
                          "postgres://notifyd:a%40b@db1:5432,db2:5433/notifyd?sslmode=require", "postgresql:///notifyd?host=/run/postgresql",
                          "service=notifyd", "postgres://[::1]:5432/notifyd"}) {
    INFO(dsn);
    CHECK(CheckPgDsn(dsn).ok());
  }
}

TEST_CASE("postgres dsn: what libpq cannot read is refused in its words") {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"host=/nope nonsense=1", "invalid connection option \"nonsense\""},
      {"host=/nope nonsense", "\"nonsense\""},
      {"postgres://db/notifyd?nonsense=1", "\"nonsense\""},
      {"postgres://user:good@db/notifyd?nonsense=1", "\"nonsense\""},
      {"port=no", "the port is no number"},
      {"host='unterminated", "unterminated"},
      {"host=/nope sslmode=verify-ful", "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full"},
      {"postgres://db/notifyd?channel_binding=yes", "channel_binding is one of disable, prefer, require"},
  };
  for (const auto& [dsn, words] : refused) {
    INFO(dsn);
    const Status read = CheckPgDsn(dsn);
    CHECK(read.code() == Code::kUnacceptable);
    CHECK_THAT(read.detail(), Catch::Contains(words));
  }
}

TEST_CASE("postgres dsn: nothing is said of a password, however it is written wrongly") {
  for (const char* dsn :
       {"host=db password=my hunter2", "password=my hunter2=1 host=db", "password='hunter2", "host=db password=my hunter2 nonsense=1",
        "postgres://user:hunter2", "postgres://user:my/hunter2@db/notifyd", "postgres://user:my/x?hunter2=1@db/notifyd",
        "postgres://user:a@hunter2@db/notifyd", "postgres://user:%zzhunter2@db/notifyd", "postgres://user@db/notifyd?password=my&hunter2=1",
        "postgres://user:x\"hunter2%zz\"@db/notifyd"}) {
    const Status read = CheckPgDsn(dsn);
    INFO(dsn << ": " << read.detail());
    CHECK(read.code() == Code::kUnacceptable);
    CHECK(read.detail().find("hunter2") == std::string::npos);
  }
  CHECK(PgWords("could not translate host name \"hunter2@db\" to address: no such\n\tname\n") ==
        "could not translate host name \"...\" to address: no such name");
  CHECK(PgWords("FATAL:  role \"nobody\" does not exist") == "FATAL: role \"nobody\" does not exist");
}

TEST_CASE("postgres dsn: whose it is is named") {
  PostgresOptions options;
  CHECK(CheckPgPlaces(options).field() == "/store/postgres/dsn");
  options.dsn = "host=db";
  options.cells["east"] = "nonsense=1";
  CHECK(CheckPgPlaces(options).field() == "/store/postgres/cells/east");
  CHECK_THAT(CheckPgPlaces(options).detail(), Catch::StartsWith("store.postgres.cells.east: "));
  options.cells["east"] = "host=east";
  CHECK(CheckPgPlaces(options).ok());
}
