// Gather: what one member of a cluster does not know alone, asked of others and put together with joins.h. A member that does not answer is named,
// not hidden. One a loop, on its thread. Contract section 23.
//
// I1  Each member is asked as for a request that is passed on: it says what it serves itself, and asks nobody.
// I2  A token is here from Begin until it is answered or closed.
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
#include "net/api/joins.h"
#include "net/cluster/member_client.h"
#include "net/http.h"

namespace notifyd {

class Gather {
 public:
  static constexpr int64_t kMostMs = 5'000;

  struct Plan {
    /// Who is asked, whose answer counts most first, this one where it is to be asked like others. Those that are not alive are named as missing.
    std::vector<Member> members;
    /// This one's answer, where it is there already: 200.
    std::optional<HttpResponse> own;
    std::string own_name;
    bool own_first = true;  // it counts most
    std::function<std::optional<std::string>(const Gathered&)> join;
  };

  /// `client` is borrowed.
  explicit Gather(MemberClient* client);
  ~Gather();
  void SetResponder(HttpResponder* responder) { responder_ = responder; }
  /// MeantMember::store of all that are asked.
  void SetStore(std::string name) { store_ = std::move(name); }

  /// What the first of them refuses is the answer, unless this one's counts more. A header ETag is that of whose answer counts most.
  void Begin(uint64_t token, HttpRequest request, Plan plan);
  /// Returns whether the token was one of these.
  bool OnClose(uint64_t token);
  /// This broker is at its end: who has not answered by now is named as missing. Returns whether anything was under way.
  bool CutAll();

 private:
  struct Asked;
  class Part;
  void PartEnded(uint64_t token);
  void Answer(uint64_t token);

  MemberClient& client_;
  HttpResponder* responder_ = nullptr;
  std::string store_;
  std::unordered_map<uint64_t, std::unique_ptr<Asked>> asked_;
};

}  // namespace notifyd
