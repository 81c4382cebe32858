// A store's keys and values as they are, between two openings of it.
#pragma once

#include "storage/rocks_harness.h"
#include "storage/store_tool.h"

namespace notifyd {

/// Runs `use(tool)` on the store's raw keys while it is closed.
template <class Use>
void Raw(RocksHarness& store, Use use) {
  store.Close();
  {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    use(**tool);
  }
  store.Open();
}
inline bool Has(StoreTool& tool, const std::string& key) {
  auto value = tool.Get(key);
  REQUIRE(value.ok());
  return value->has_value();
}

}  // namespace notifyd
