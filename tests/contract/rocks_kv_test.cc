// The contract of an OrderedKv over RocksKv.
#include "contract/kv_harness.h"
#include "storage/rocks_harness.h"
#include "storage/store_tool.h"

namespace notifyd {
namespace {

class RocksKvHarness : public KvHarness {
 public:
  RocksKvHarness() {
    store_.Close();
    auto tool = StoreTool::Open(store_.Options());
    if (!tool.ok()) FAIL(tool.status().detail());
    tool_ = std::move(*tool);
  }
  const OrderedKv& kv() override { return tool_->kv(); }
  void Write(const std::function<void(KvWrites&)>& fill) override { REQUIRE(tool_->Write(fill).detail() == ""); }

 private:
  RocksHarness store_;
  std::unique_ptr<StoreTool> tool_;
};

}  // namespace
}  // namespace notifyd

#define KV_HARNESS RocksKvHarness
#include "contract/kv_contract.h"
