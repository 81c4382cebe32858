// The readers of requests about topics, subscriptions and events. As in requests.h. Contract section 12.
#pragma once

#include <cstddef>
#include <optional>

#include "net/api/ndjson.h"
#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadTopics(const Asking& asking);
Result<Asked> ReadTopic(const Asking& asking);
Result<Asked> ReadTopicPut(const Asking& asking);
Result<Asked> ReadTopicRemoval(const Asking& asking);
Result<Asked> ReadEvents(const Asking& asking);
Result<Asked> ReadPublish(const Asking& asking);
Result<Asked> ReadPublishOfMany(const Asking& asking);
Result<Asked> ReadEvent(const Asking& asking);
Result<Asked> ReadEventReplay(const Asking& asking);

Result<Asked> ReadSubscriptions(const Asking& asking);
Result<Asked> ReadSubscription(const Asking& asking);
Result<Asked> ReadSubscriptionPut(const Asking& asking);
Result<Asked> ReadSubscriptionRemoval(const Asking& asking);
Result<Asked> ReadSubscriptionReplay(const Asking& asking);
Result<Asked> ReadSubscriptionApply(const Asking& asking);

/// Where lines of a bulk submit go that are events; nothing: they are notifies.
std::optional<BulkTopic> BulkTopicOf(const Route& route, const ApiOptions& options);
/// How many notifies it submits, or events it publishes; 0: it is another request.
size_t NotifiesIn(const Event& event);

}  // namespace notifyd
