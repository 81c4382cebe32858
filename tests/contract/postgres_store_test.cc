// The contract suite over PgStore.
#include "storage/postgres_harness.h"

#define STORE_HARNESS PostgresHarness
#include "contract/store_contract.h"
