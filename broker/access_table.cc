#include "broker/access_table.h"

#include <algorithm>

#include "base/check.h"

namespace notifyd {

bool SeesToken(const Grant& admin, const TokenRow& row) {
  if (!admin.scopes.Has(Scope::kAdmin)) return false;
  const NamespaceSet& mine = admin.namespaces;
  if (row.grant.namespaces.all) return mine.all;
  return std::all_of(row.grant.namespaces.names.begin(), row.grant.namespaces.names.end(), [&](const std::string& name) { return mine.Has(name); });
}

bool IsTokenId(std::string_view text) {
  return text.size() >= 8 && text.size() <= 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

AccessTable::NamespacePointer AccessTable::FindNamespace(NamespaceNumber number) const {
  return numbers_.Find(number);
}

bool AccessTable::IsBoundCaller(std::string_view namespace_name, std::string_view caller) const {
  const std::shared_ptr<const Binding> binding = callers_.Find(caller);
  return binding != nullptr && (binding->everywhere != 0 || binding->by_namespace.contains(namespace_name));
}

bool AccessTable::HasAdminOfAll(WallTime now) const {
  return std::any_of(admins_.begin(), admins_.end(), [&](const auto& each) { return each.second->ValidAt(now); });
}

std::vector<AccessTable::NamespacePointer> AccessTable::AllNamespaces() const {
  std::vector<NamespacePointer> out;
  namespaces_.ForEach([&](const NamespacePointer& row) { out.push_back(row); });
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return out;
}

std::vector<AccessTable::TokenPointer> AccessTable::SelectTokens(const std::function<bool(const TokenRow&)>& wanted, size_t most) const {
  std::vector<TokenPointer> out;
  tokens_.ForEach([&](const TokenPointer& row) {
    if (wanted(*row)) out.push_back(row);
  });
  const size_t kept = std::min(most, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(kept), out.end(),
                    [](const auto& a, const auto& b) { return a->id < b->id; });
  out.resize(kept);
  return out;
}

size_t AccessTable::CountTokens(const std::function<bool(const TokenRow&)>& counts) const {
  size_t count = 0;
  tokens_.ForEach([&](const TokenPointer& row) { count += counts(*row) ? 1 : 0; });
  return count;
}

void AccessTable::PutNamespace(std::string_view name, NamespacePointer row) {
  if (NamespacePointer old = namespaces_.Find(name)) numbers_.Put(old->number, nullptr);
  if (row) {
    CHECK(row->name == name);
    CHECK(!FindNamespace(row->number));
    numbers_.Put(row->number, row);
  }
  namespaces_.Put(name, std::move(row));
}

void AccessTable::Bind(const Grant& grant, int change) {
  if (!grant.caller) return;
  const std::shared_ptr<const Binding> before = callers_.Find(*grant.caller);
  auto after = before ? std::make_shared<Binding>(*before) : std::make_shared<Binding>();
  auto add = [&](uint32_t* count) { *count = static_cast<uint32_t>(static_cast<int64_t>(*count) + change); };
  if (grant.namespaces.all) add(&after->everywhere);
  for (const std::string& name : grant.namespaces.names) {
    uint32_t& count = after->by_namespace[name];
    add(&count);
    if (count == 0) after->by_namespace.erase(name);
  }
  const bool gone = after->everywhere == 0 && after->by_namespace.empty();
  callers_.Put(*grant.caller, gone ? nullptr : std::move(after));
}

void AccessTable::PutToken(std::string_view id, TokenPointer row) {
  if (TokenPointer old = tokens_.Find(id)) {
    Bind(old->grant, -1);
    admins_.erase(old->id);
  }
  if (row) {
    CHECK(row->id == id);
    Bind(row->grant, 1);
    if (row->grant.IsAdminOfAll()) admins_.emplace(row->id, row);
  }
  tokens_.Put(id, std::move(row));
}

}  // namespace notifyd
