// A collector of OpenTelemetry for tests: takes OTLP/HTTP requests in both encodings.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/scripted_server.h"

namespace notifyd::test {

struct SeenSpan {
  std::string trace_id, id, parent_id, name;  // ids as hex; parent_id empty: none
  int64_t kind = 0, begin_ns = 0, end_ns = 0, status = 0;
  std::string message;
  std::map<std::string, std::string> attributes, resource;
  std::string scope_version;
};

/// The spans of one request, by its Content-Type. Throws where it does not read.
std::vector<SeenSpan> SpansOf(const SeenRequest& request);

class Collector {
 public:
  Collector();
  std::string url() const { return server_.url(); }
  /// All spans that came so far, once there is one for which `last` is true, or at the deadline.
  std::vector<SeenSpan> Until(const std::function<bool(const SeenSpan&)>& last);
  std::vector<SeenSpan> spans() const;
  std::vector<SeenRequest> requests() const { return server_.seen(); }

 private:
  ScriptedServer server_;
};

}  // namespace notifyd::test
