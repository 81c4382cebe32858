// HttpPost: posts bodies to one URL until they are taken: what a queue's thread does with its batches (base/batch_queue.h). On that thread alone.
//
// Tried again, with waits of 0.5 to 30 s, or as Retry-After says: where no answer comes, and answers of 408, 429, 502, 503 and 504 (OTLP
// says the same). Any other answer is final, by its head, whatever becomes of its body. Where the queue is to finish waits begin with 0.2 s, and
// are still no shorter than Retry-After says.
// An outage is one log event at its beginning, and one at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/batch_queue.h"
#include "base/status.h"

namespace notifyd {

struct PostTarget {
  std::string url;  // http or https; user and password in it are for Basic authentication
  std::string content_type;
  std::vector<std::string> headers;  // "Name: value", besides
  std::string ca_file;               // PEM; empty: the system's authorities
};

/// Is it a URL that can be posted to? Error: kUnacceptable, without a field.
Status CheckPostUrl(const std::string& url);
/// Is it "Name: value", in one line? Error: as above.
Status CheckPostHeader(const std::string& line);
/// Takes what stands behind the URL's path: its query, with the "?". A fragment goes nowhere.
std::string TakeQuery(std::string* url);
/// The URL without user, password and query: for logs.
std::string ShownUrl(const std::string& url);

class HttpPost {
 public:
  /// `what`: "log lines" or "spans", for logs. `queue` is borrowed, and need not be made yet.
  HttpPost(PostTarget target, std::string what, BatchQueue* queue);
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  /// False: it is lost, since it was refused for good or the queue is to stop. `answer` (may be null): the body of the answer that took it, 4 MiB
  /// of it at most, or less where it broke off.
  bool Send(const std::string& body, std::string* answer = nullptr);
  /// For who finds in the answer that a part was not taken: waits as after so many failures in a row (from 1). False: the queue is to stop.
  bool AwaitRetry(int failures);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
