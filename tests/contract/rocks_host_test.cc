// The contract of a StoreHost over RocksStore.
#include "storage/rocks_host_harness.h"

#define HOST_HARNESS RocksHostHarness
#include "contract/host_contract.h"
