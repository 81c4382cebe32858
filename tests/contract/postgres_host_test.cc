// The contract of a StoreHost over PgStore.
#include "storage/postgres_harness.h"

#define HOST_HARNESS PostgresHostHarness
#include "contract/host_contract.h"
