// The contract suite over PgStore, of a namespace that is not `default`.
#include "storage/postgres_harness.h"

namespace notifyd {
namespace {

class PostgresNamespaceHarness : public PostgresHarness {
 public:
  PostgresNamespaceHarness() : PostgresHarness(0x0101) {}
};

}  // namespace
}  // namespace notifyd

#define STORE_HARNESS PostgresNamespaceHarness
#include "contract/store_contract.h"
