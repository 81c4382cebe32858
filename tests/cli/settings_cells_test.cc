// Cells in the configuration.
#include "cli/daemon/settings.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "support/process.h"

using namespace notifyd;
using notifyd::test::TempDir;

TEST_CASE("settings: a cell has a name of its own and a DSN, of which nothing is said") {
  TempDir dir;
  const auto fault = [&](const std::string& line) {
    const Invocation read =
        ReadCommandLine({"--config", dir.Write("n.toml", "[store]\npostgres.dsn = \"host=h\"\n[store.postgres.cells]\n" + line + "\n")}, {});
    CHECK(read.action == Invocation::Action::kExit);
    CHECK(read.error.find("s3cret") == std::string::npos);
    return read.field;
  };
  CHECK(fault("East = \"password=s3cret\"") == "/store/postgres/cells/East");
  CHECK(fault("home = \"password=s3cret\"") == "/store/postgres/cells/home");
  CHECK(fault("east = \"\"") == "/store/postgres/cells/east");
  CHECK(fault("east = 7") == "/store/postgres/cells/east");
  const std::string config =
      dir.Write("n.toml", "[store]\nengine = \"postgres\"\npostgres.dsn = \"host=h\"\n[store.postgres.cells]\neast = \"host=e\"\n");
  const Invocation read = ReadCommandLine({"--config", config}, {});
  INFO(read.error);
  CHECK(read.options.store.postgres.cells.count("east") == 1);
  CHECK(read.options.api.cells == std::vector<std::string>{"east"});
}

TEST_CASE("settings: the schema of a store has a name that PostgreSQL takes as it is") {
  const auto read = [](const std::string& name) { return ReadCommandLine({"--store-postgres-schema", name}, {}); };
  for (const std::string& name : {std::string(), std::string(64, 'n'), std::string("pg_notifyd"), std::string("not\xff")}) {
    CAPTURE(name);
    CHECK(read(name).action == Invocation::Action::kExit);
    CHECK(read(name).exit_code == 2);
    CHECK(read(name).field == "/store/postgres/schema");
  }
  for (const std::string& name : {std::string(63, 'n'), std::string("my pg_notifyd")}) CHECK(read(name).options.store.postgres.schema == name);
}
