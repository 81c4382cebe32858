// Where the log goes besides, and who is sent spans, as the settings say (log.*, otlp.*).
#pragma once

#include <string>
#include <vector>

namespace notifyd {

struct LogOptions {
  bool standard_error = true;
  std::string file;  // empty: none, as the others
  bool journald = false;
  std::string syslog;  // path of its socket
  std::string elasticsearch;
  std::vector<std::string> elasticsearch_headers;
};

struct OtlpOptions {
  std::string endpoint;  // empty: no spans
  std::string encoding = "protobuf";
  std::vector<std::string> headers;
  double ratio = 0.01;
};

}  // namespace notifyd
