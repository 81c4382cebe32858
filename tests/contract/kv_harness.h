// KvHarness: what the contract suite of an OrderedKv needs around it.
#pragma once

#include <functional>

#include "storage/ordered_kv.h"

namespace notifyd {

class KvHarness {
 public:
  virtual ~KvHarness() = default;
  virtual const OrderedKv& kv() = 0;
  /// All of it at once.
  virtual void Write(const std::function<void(KvWrites&)>& fill) = 0;
};

}  // namespace notifyd
