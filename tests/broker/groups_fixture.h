// Groups over the core: they are made, seen and asked to end.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "broker/core_fixture.h"
#include "broker/group_events.h"

namespace notifyd {

struct GroupFixture : CoreFixture {
  using CoreFixture::CoreFixture;
  using Fields = CoreFixture::Fields;

  static GroupPost PostOf(const std::vector<Fields>& members) {
    GroupPost post;
    post.submit.batch = true;
    for (const Fields& f : members) post.submit.items.push_back(Item(f));
    post.caller = "shop";
    return post;
  }
  static GroupPost WithCallback(GroupPost post) {
    post.callback = Callback{"http://back:80/cb", "http://back:80/cb", "back:80", ""};
    return post;
  }
  template <class What>
  uint64_t AskGroup(What what, int64_t wait_ms = 0) {
    GroupRequest r;
    r.ask = std::make_shared<const GroupAsk>(GroupAsk{std::move(what), wait_ms});
    return Ask(std::move(r));
  }
  template <class What>
  const Reply& DoGroup(What what, int64_t wait_ms = 0) {
    const uint64_t token = AskGroup(std::move(what), wait_ms);
    Run();
    if (!replies.count(token)) CheckFailed(__FILE__, __LINE__, "no reply");
    return replies.at(token);
  }
  static GroupView ViewOf(const Reply& reply) { return std::get<GroupView>(std::get<GroupAnswered>(reply.body).answer->what); }
  GroupView Make(GroupPost post) { return ViewOf(DoGroup(std::move(post))); }
  GroupView See(NotifyId id) { return ViewOf(DoGroup(GroupGet{id})); }
  uint32_t Count(NotifyId group, State state) { return See(group).counts[static_cast<size_t>(state)]; }
  /// Those under way whose host is that.
  size_t CallbacksSent() const {
    size_t count = 0;
    for (const StartAttempt& start : sent) count += start.envelope->host == "back:80";
    return count;
  }
  std::set<NotifyId> CallbacksMade() const {
    std::set<NotifyId> ids;
    for (const auto& [id, record] : image().notifies) ids.insert(id);
    std::erase_if(ids, [&](NotifyId id) { return image().notifies.at(id)->envelope->host != "back:80"; });
    return ids;
  }
};

}  // namespace notifyd
