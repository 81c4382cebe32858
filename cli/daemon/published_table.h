// PublishedTable: the newest table of namespaces and tokens, for whoever looks something up in it now and then. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "broker/access_table.h"

namespace notifyd {

class PublishedTable {
 public:
  void Set(std::shared_ptr<const AccessTable> table) {
    std::lock_guard<std::mutex> lock(mutex_);
    table_ = std::move(table);
  }
  /// Never null once one was set.
  std::shared_ptr<const AccessTable> Get() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return table_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const AccessTable> table_;
};

}  // namespace notifyd
