// The contract suite over RocksStore, of a namespace that is not `default`.
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

class RocksNamespaceHarness : public RocksHarness {
 public:
  RocksNamespaceHarness() : RocksHarness(nullptr, StoreOptions().memtable_bytes, 0x0101) {}
};

}  // namespace
}  // namespace notifyd

#define STORE_HARNESS RocksNamespaceHarness
#include "contract/store_contract.h"
