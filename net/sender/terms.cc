#include "net/sender/terms.h"

namespace notifyd {
namespace {

constexpr size_t kMostKept = 1024;
constexpr char kDefaultName[] = "default";

const NamespaceDestinations& DestinationsOf(const std::shared_ptr<const NamespaceRow>& row) {
  static const NamespaceDestinations none;
  return row ? row->settings.destinations : none;
}

}  // namespace

AccessTable::NamespacePointer TermsBook::Row(NamespaceNumber number) const {
  return table_ ? table_->FindNamespace(number) : nullptr;
}

TermsBook::Terms TermsBook::Make(NamespaceNumber number, uint64_t era) const {
  auto made = std::make_shared<NamespaceTerms>();
  made->number = number;
  made->row = Row(number);
  made->name = made->row ? made->row->name : number == kDefaultNumber ? kDefaultName : std::string();
  // What `system` calls, the file alone says: as in `default`, that may be this machine or its neighbours.
  made->policy = config_->policy.ForNamespace(DestinationsOf(made->row), number == kDefaultNumber || number == kSystemNumber);
  made->era = era;
  return made;
}

const std::shared_ptr<const NamespaceTerms>& TermsBook::Of(NamespaceNumber number) {
  Terms& terms = terms_[number];
  if (terms == nullptr) terms = Make(number, ++last_era_);
  return terms;
}

TermsBook::Renewed TermsBook::SetConfig(std::shared_ptr<const SenderConfig> config, bool others) {
  config_ = std::move(config);
  Renewed renewed;
  for (auto& [number, terms] : terms_) {
    terms = Make(number, others ? ++last_era_ : terms->era);
    if (others) renewed.emplace_back(number, terms->era);
  }
  return renewed;
}

TermsBook::Renewed TermsBook::SetTable(std::shared_ptr<const AccessTable> table) {
  table_ = std::move(table);
  Renewed renewed;
  for (auto& [number, terms] : terms_) {
    const AccessTable::NamespacePointer row = Row(number);
    if (row == terms->row) continue;
    const bool others =
        DestinationsOf(row) != DestinationsOf(terms->row) || (number != kDefaultNumber && (row == nullptr) != (terms->row == nullptr));
    // What a rule's `namespaces` say goes by the name, which a namespace keeps for its life.
    terms = Make(number, others ? ++last_era_ : terms->era);
    if (others) renewed.emplace_back(number, terms->era);
  }
  return renewed;
}

void TermsBook::Shrink() {
  if (terms_.size() > kMostKept) std::erase_if(terms_, [](const auto& each) { return each.second.use_count() == 1; });
}

}  // namespace notifyd
