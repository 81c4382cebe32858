// The contract suite over RocksStore.
#include "storage/rocks_harness.h"

#define STORE_HARNESS RocksHarness
#include "contract/store_contract.h"
