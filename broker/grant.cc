#include "broker/grant.h"

#include <algorithm>

#include "base/utf8.h"

namespace notifyd {
namespace {

constexpr const char* kScopeWords[] = {"submit", "read", "read_bodies", "register", "operate", "admin", "metrics"};
static_assert(std::size(kScopeWords) == kAllScopes.size());

constexpr size_t kMostItems = 256;  // of each list
constexpr size_t kMostCallerBytes = 100;
constexpr size_t kMostPrefixBytes = 255;
constexpr double kLeastRate = 0.001, kMostRate = 1'000'000;
// The caller of who names none (contract section 3): nobody can have it for himself.
constexpr std::string_view kNobody = "unknown";

Status Bad(std::string field, std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), std::move(field));
}

std::string At(const char* list, size_t i) {
  return list + ("/" + std::to_string(i));
}

Status CheckCount(const char* list, size_t count) {
  return count <= kMostItems ? Status::Ok() : Bad(list, "there are more than " + std::to_string(kMostItems));
}

Status CheckPrefixes(const char* list, const std::vector<std::string>& prefixes) {
  if (Status status = CheckCount(list, prefixes.size()); !status.ok()) return status;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    if (prefixes[i].empty() || prefixes[i].size() > kMostPrefixBytes || !IsValidUtf8(prefixes[i]))
      return Bad(At(list, i), "a prefix has 1 to " + std::to_string(kMostPrefixBytes) + " bytes");
  }
  return Status::Ok();
}

Status Beyond(std::string field, std::string detail) {
  return Status(Code::kForbidden, std::move(detail), std::move(field));
}

/// Each of `inner` within one of `outer`; an empty list is everything.
template <class T, class Covers>
Status EachWithin(const char* list, const std::vector<T>& inner, const std::vector<T>& outer, Covers covers) {
  if (outer.empty()) return Status::Ok();
  if (inner.empty()) return Beyond(list, "it needs a limit, since your own token has one");
  for (size_t i = 0; i < inner.size(); ++i) {
    if (std::none_of(outer.begin(), outer.end(), [&](const T& each) { return covers(each, inner[i]); }))
      return Beyond(At(list, i), "it is beyond what your own token has");
  }
  return Status::Ok();
}

bool PrefixCovers(const std::string& outer, const std::string& inner) {
  return inner.starts_with(outer);
}

}  // namespace

const char* ToString(Scope scope) {
  return kScopeWords[static_cast<size_t>(scope)];
}

std::optional<Scope> ParseScope(std::string_view text) {
  for (Scope scope : kAllScopes)
    if (text == ToString(scope)) return scope;
  return std::nullopt;
}

std::string ScopeSet::ToString(std::string_view between) const {
  std::string out;
  for (Scope scope : kAllScopes) {
    if (!Has(scope)) continue;
    if (!out.empty()) out += between;
    out += notifyd::ToString(scope);
  }
  return out;
}

NamespaceSet NamespaceSet::Of(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return {false, std::move(names)};
}

bool NamespaceSet::Has(std::string_view name) const {
  return all || std::binary_search(names.begin(), names.end(), name);
}

bool IsNamespaceName(std::string_view text) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 63 || !plain(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-'; });
}

bool MatchesPrefix(const std::vector<std::string>& prefixes, std::string_view name) {
  return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) { return name.starts_with(prefix); });
}

Status CheckGrant(const Grant& grant) {
  if (!grant.namespaces.all && grant.namespaces.names.empty()) return Bad("/namespaces", "it names no namespace");
  if (Status status = CheckCount("/namespaces", grant.namespaces.names.size()); !status.ok()) return status;
  for (size_t i = 0; i < grant.namespaces.names.size(); ++i) {
    if (!IsNamespaceName(grant.namespaces.names[i])) return Bad(At("/namespaces", i), "it is no name of a namespace");
  }
  if (grant.scopes.empty()) return Bad("/scopes", "it names no scope");
  if (grant.caller) {
    const std::string& caller = *grant.caller;
    if (caller.empty() || caller.size() > kMostCallerBytes || !IsValidUtf8(caller))
      return Bad("/caller", "a caller has 1 to " + std::to_string(kMostCallerBytes) + " bytes");
    if (HasControl(caller)) return Bad("/caller", "a caller has no control characters");
    if (caller == kNobody) return Bad("/caller", "this is what all are called who name none: it can be bound to nobody");
  }
  if (Status status = CheckCount("/cidrs", grant.cidrs.size()); !status.ok()) return status;
  if (Status status = CheckPrefixes("/lanes", grant.lanes); !status.ok()) return status;
  if (Status status = CheckPrefixes("/fkeys", grant.fkeys); !status.ok()) return status;
  if (Status status = CheckPrefixes("/services", grant.services); !status.ok()) return status;
  // Written so that what is no number fails.
  if (grant.submits_per_s && !(*grant.submits_per_s >= kLeastRate && *grant.submits_per_s <= kMostRate))
    return Bad("/submits_per_s", "a rate is 0.001 to 1,000,000");
  return Status::Ok();
}

Status LiesWithin(const Grant& inner, const Grant& outer) {
  if (!outer.namespaces.all) {
    if (inner.namespaces.all) return Beyond("/namespaces", "your own token is not one of all namespaces");
    for (size_t i = 0; i < inner.namespaces.names.size(); ++i) {
      const std::string& name = inner.namespaces.names[i];
      if (!outer.namespaces.Has(name)) return Beyond(At("/namespaces", i), "your own token is not one of \"" + name + "\"");
    }
  }
  if (!outer.scopes.HasAll(inner.scopes)) {
    const ScopeSet missing = ScopeSet::FromBits(inner.scopes.bits() & ~outer.scopes.bits());
    return Beyond("/scopes", "your own token does not have the scope " + missing.ToString(" and "));
  }
  if (outer.caller && inner.caller != outer.caller) return Beyond("/caller", "your own token is bound to the caller \"" + *outer.caller + "\"");
  auto covers = [](const Cidr& outer_range, const Cidr& inner_range) { return outer_range.Contains(inner_range); };
  if (Status status = EachWithin("/cidrs", inner.cidrs, outer.cidrs, covers); !status.ok()) return status;
  if (Status status = EachWithin("/lanes", inner.lanes, outer.lanes, PrefixCovers); !status.ok()) return status;
  if (Status status = EachWithin("/fkeys", inner.fkeys, outer.fkeys, PrefixCovers); !status.ok()) return status;
  if (Status status = EachWithin("/services", inner.services, outer.services, PrefixCovers); !status.ok()) return status;
  if (outer.submits_per_s && (!inner.submits_per_s || *inner.submits_per_s > *outer.submits_per_s))
    return Beyond("/submits_per_s", "your own token has a lower rate");
  if (outer.expires_at && (!inner.expires_at || *inner.expires_at > *outer.expires_at)) return Beyond("/expires_at", "your own token expires before");
  return Status::Ok();
}

}  // namespace notifyd
