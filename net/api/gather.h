// Gather: what goes over all namespaces, asked of each member of the cluster for those that it serves, this one's own included, and put together. A
// member that does not answer is named in the answer ("missing"), not hidden. One a loop, on its thread. Contract section 23.
//
// I1  Each member is asked as for a request that is passed on: it says what it serves itself, and asks nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/places.h"
#include "net/cluster/member_client.h"
#include "net/http.h"

namespace notifyd {

/// Puts together sums over namespaces, or pages of lists of notifies (newest first; `limit` of a page): the answers of members, of which the first is
/// this one's own. `missing`: the names of those that did not answer. Nothing: one of them is no such answer.
std::optional<std::string> JoinStats(const std::vector<std::string>& answers, const std::vector<std::string>& missing);
std::optional<std::string> JoinLists(const std::vector<std::string>& answers, size_t limit, const std::vector<std::string>& missing);

class Gather {
 public:
  static constexpr int64_t kMostMs = 5'000;

  /// All are borrowed.
  Gather(Places* places, MemberClient* client);
  ~Gather();
  void SetResponder(HttpResponder* responder) { responder_ = responder; }

  /// `limit`: of the page; nothing: they are sums.
  void Begin(uint64_t token, HttpRequest request, std::optional<size_t> limit);
  /// Returns whether the token was one of these.
  bool OnClose(uint64_t token);

 private:
  struct Asked;
  class Part;
  void PartEnded(uint64_t token);
  void Answer(uint64_t token);

  Places& places_;
  MemberClient& client_;
  HttpResponder* responder_ = nullptr;
  std::unordered_map<uint64_t, std::unique_ptr<Asked>> asked_;
};

}  // namespace notifyd
