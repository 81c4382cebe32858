// Terms: what a namespace's calls are made under, at one moment, and the book of them. One a loop; loop thread only.
//
// I1  Another `era` of a namespace: what was opened under the one before serves no call any more. Eras never come back.
// I2  A namespace that the table does not know is as closed as one can be, and signs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/access_table.h"
#include "net/sender/destinations.h"
#include "net/sender/sender_config.h"

namespace notifyd {

/// Immutable.
struct NamespaceTerms {
  NamespaceNumber number = kDefaultNumber;
  std::string name;
  DestinationPolicy policy;
  std::shared_ptr<const NamespaceRow> row;  // for its keys; null: none
  uint64_t era = 0;
};

class TermsBook {
 public:
  /// A namespace that is called for again under another era.
  using Renewed = std::vector<std::pair<NamespaceNumber, uint64_t>>;

  explicit TermsBook(std::shared_ptr<const SenderConfig> config) : config_(std::move(config)) {}

  const std::shared_ptr<const SenderConfig>& config() const { return config_; }
  /// Made at its first call.
  const std::shared_ptr<const NamespaceTerms>& Of(NamespaceNumber number);
  /// `others`: its destinations or its rules are others than before.
  Renewed SetConfig(std::shared_ptr<const SenderConfig> config, bool others);
  /// Those of whom the destinations are others. Keys may have changed without that.
  Renewed SetTable(std::shared_ptr<const AccessTable> table);
  /// Lets go of what nobody uses, where there is much of it.
  void Shrink();

 private:
  using Terms = std::shared_ptr<const NamespaceTerms>;
  Terms Make(NamespaceNumber number, uint64_t era) const;
  AccessTable::NamespacePointer Row(NamespaceNumber number) const;

  std::shared_ptr<const SenderConfig> config_;
  std::shared_ptr<const AccessTable> table_;  // null: before the first one
  std::unordered_map<NamespaceNumber, Terms> terms_;
  uint64_t last_era_ = 0;
};

}  // namespace notifyd
