// What is answered of topics, subscriptions and events. Pure. Contract section 12.
#pragma once

#include "broker/topic_events.h"
#include "net/api/asker.h"
#include "net/api/render.h"
#include "net/http.h"

namespace notifyd {

/// Of one event that was published: id, matched, duplicate; without the braces.
void WritePublished(const Published::Item& item, JsonWriter* json);

/// Without the scope read_bodies in `sight`: events without payload, templates without header values.
HttpResponse TopicResponse(const TopicAnswer& answer, const Renderer& renderer, const Sight& sight);

}  // namespace notifyd
