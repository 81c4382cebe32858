// A sink that sends log events to Elasticsearch or OpenSearch, in bulk requests (_bulk, NDJSON) over a thread of its own. Nobody waits for it: 8 MiB
// of lines wait at most, and what comes beyond that, or is refused for good, is dropped and counted.
//
// A document has @timestamp, log.level, message and service.name by the Elastic Common Schema, trace.id where there is one, and the event's fields
// below "notifyd". Each has an id of its own, so that a request that is sent again makes no second one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log_sink.h"

namespace notifyd {

struct ElasticOptions {
  std::string url;                   // of the cluster, or with a path of the index or data stream; without one that is notifyd-logs
  std::vector<std::string> headers;  // "Name: value": an API key, say
  std::string ca_file;               // as PostTarget
};

std::unique_ptr<LogSink> MakeElasticSink(const ElasticOptions& options);

}  // namespace notifyd
