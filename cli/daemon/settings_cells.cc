#include "cli/daemon/settings_cells.h"

#include <utility>

#include "broker/grant.h"
#include "broker/namespace.h"
#include "cli/daemon/settings_tables.h"

namespace notifyd {
namespace {

constexpr size_t kCellsMost = 64;

}  // namespace

Result<std::map<std::string, std::string>> ReadCells(const toml::node& node, const std::string& file) {
  auto blame = [&](const std::string& name, const toml::node& at, const std::string& what) {
    return Status(Code::kUnacceptable, "store.postgres.cells" + (name.empty() ? "" : "." + name) + " (" + PlaceOf(file, at) + "): " + what,
                  "/store/postgres/cells" + (name.empty() ? "" : "/" + name));
  };
  const toml::table* table = node.as_table();
  if (!table) return blame("", node, "must be a table: NAME = \"dsn\"");
  if (table->size() > kCellsMost) return blame("", node, "more than " + std::to_string(kCellsMost) + " cells");
  std::map<std::string, std::string> cells;
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    if (!IsNamespaceName(name)) return blame(name, value, "a name has 1 to 63 of a-z, 0-9 and \"-\", and does not begin with one");
    if (name == kHomeCell) return blame(name, value, "the home cell is where store.postgres.dsn is");
    Result<std::string> dsn = TextOf(value);
    if (!dsn.ok()) return blame(name, value, dsn.status().detail());
    if (dsn->empty()) return blame(name, value, "must say where it is, as store.postgres.dsn does");
    cells.emplace(name, *std::move(dsn));
  }
  return cells;
}

std::string CellsAsToml() {
  return R"(

# Cells: further PostgreSQL clusters of a store of engine postgres, each with some of its namespaces, so that more is carried than one primary does
# (docs/cluster.md). A namespace is made in one by its setting `cell`; all else, and namespaces without that setting, are where store.postgres.dsn is.
# Each is a name and a DSN; schema, connections and require_standby are those of the store. In this file only; all members have the same.
#
# [store.postgres.cells]
# east = "host=db-east dbname=notifyd user=notifyd"
)";
}

}  // namespace notifyd
