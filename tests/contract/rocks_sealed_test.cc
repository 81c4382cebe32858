// The contract suite over a RocksStore that seals.
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

class SealedRocksHarness : public RocksHarness {
 public:
  SealedRocksHarness() : RocksHarness(nullptr, StoreOptions().memtable_bytes, 0x0101, std::string(64, 'a')) {}
};

}  // namespace
}  // namespace notifyd

#define STORE_HARNESS SealedRocksHarness
#include "contract/store_contract.h"
