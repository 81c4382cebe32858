// The contract suite over a namespace that lies in a cell of a store in PostgreSQL.
#include "storage/cells_harness.h"

#define STORE_HARNESS CellHarness
#include "contract/store_contract.h"
