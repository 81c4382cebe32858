// What a start reads of the registry, and of one namespace. Blocks on the disk.
#pragma once

#include "base/status.h"
#include "broker/ports.h"
#include "storage/ordered_kv.h"
#include "storage/retention.h"
#include "storage/sealing.h"

namespace notifyd {

/// One scan over the registry's rows. Error: kCorrupt, kIo.
Result<RegistryImage> ReadRegistry(const OrderedKv& kv, const Sealing& sealing);

/// What its namespaces keep for how long. `general`: where they say nothing. Error: as ReadRegistry's.
Result<RetentionRules> ReadRetentionRules(const OrderedKv& kv, const Sealing& sealing, const Retention& general);

/// What a namespace begins with.
struct NamespaceBeginning {
  Totals totals;
  bool awake = false;  // the store does not say that it sleeps
};
/// A few point look-ups. A namespace without totals has none yet; `default` must have some. Error: kCorrupt, kIo.
Result<NamespaceBeginning> ReadBeginning(const OrderedKv& kv, NamespaceNumber number);

}  // namespace notifyd
