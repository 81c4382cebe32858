// AccessTable: all namespaces and tokens at one moment. A value: the registry keeps one that it changes, and shares copies of it, which stay as they
// are, with those who judge requests. Copies are cheap (shared_map.h). Contract sections 7 and 8.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/namespace.h"
#include "broker/shared_map.h"

namespace notifyd {

class AccessTable {
 public:
  using NamespacePointer = std::shared_ptr<const NamespaceRow>;
  using TokenPointer = std::shared_ptr<const TokenRow>;

  /// Null where there is none. Those being deleted are among them.
  NamespacePointer FindNamespace(std::string_view name) const { return namespaces_.Find(name); }
  NamespacePointer FindNamespace(NamespaceNumber number) const;
  TokenPointer FindToken(std::string_view id) const { return tokens_.Find(id); }
  /// Is the caller one that some token is bound to in that namespace? Also one that has expired: its name is not free because of that.
  bool IsBoundCaller(std::string_view namespace_name, std::string_view caller) const;
  /// Is there a valid admin token of all namespaces? (auth.bootstrap_token_file counts while there is none.)
  bool HasAdminOfAll(WallTime now) const;

  size_t namespaces() const { return namespaces_.size(); }
  size_t tokens() const { return tokens_.size(); }
  /// By name.
  std::vector<NamespacePointer> AllNamespaces() const;
  /// The first `most` of those that `wanted` takes, by id. Time O(all of them), and of sorting these.
  std::vector<TokenPointer> SelectTokens(const std::function<bool(const TokenRow&)>& wanted, size_t most) const;

  /// How many `counts` takes. Time O(all of them).
  size_t CountTokens(const std::function<bool(const TokenRow&)>& counts) const;

  /// In place of the one of that name; null: takes it out.
  void PutNamespace(std::string_view name, NamespacePointer row);
  /// In place of the one of that id; null: takes it out.
  void PutToken(std::string_view id, TokenPointer row);

 private:
  /// In how many tokens a caller is bound, by namespace.
  struct Binding {
    uint32_t everywhere = 0;
    std::map<std::string, uint32_t, std::less<>> by_namespace;
  };
  void Bind(const Grant& grant, int change);

  SharedMap<NamespaceRow> namespaces_;
  SharedMap<NamespaceRow, NamespaceNumber> numbers_;
  SharedMap<TokenRow> tokens_;
  SharedMap<Binding> callers_;
  std::map<std::string, TokenPointer, std::less<>> admins_;  // of all namespaces
};

}  // namespace notifyd
