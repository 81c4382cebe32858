// Joins: answers of several members of a cluster, put together into one. A member that gave none is named in it ("missing"), not hidden. Pure.
// Contract section 23.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace notifyd {

/// What members said to the same request.
struct Gathered {
  struct Answer {
    std::string member;
    std::string body;
  };
  std::vector<Answer> answers;       // whose counts most first; never empty
  std::vector<std::string> missing;  // the names of those that did not answer
};

/// Each returns nothing where one of the answers is none of its kind.

/// Sums over namespaces; all else is as the first one has it.
std::optional<std::string> JoinStats(const Gathered& gathered);
/// Pages of lists of notifies, newest first; `limit` of a page.
std::optional<std::string> JoinLists(const Gathered& gathered, size_t limit);
/// Pages of the list of namespaces, by name: as the first one has them, with the figures of whoever serves each. Those that nobody who answered
/// serves have null in their place.
std::optional<std::string> JoinNamespaces(const Gathered& gathered);
/// The same of one namespace.
std::optional<std::string> JoinNamespace(const Gathered& gathered);
/// What the first one says of the cluster, with `leader`'s moves; null in their place where that did not answer.
std::optional<std::string> JoinCluster(const Gathered& gathered, const std::string& leader);
/// Prometheus' text format: each line with a label "member", and who answered as notifyd_cluster_member_answered.
std::optional<std::string> JoinMetrics(const Gathered& gathered);

}  // namespace notifyd
