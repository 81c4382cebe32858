// A client of beanstalkd's protocol for tests: sends what it is told to, reads one answer at a time.
#pragma once

#include <string>
#include <string_view>

#include "support/raw_client.h"

namespace notifyd::test {

class BeanstalkdClient : public RawClient {
 public:
  /// A loaded machine, or a sync, may take long.
  explicit BeanstalkdClient(uint16_t port) : RawClient(port, 0, 60) {}
  /// The same over TLS: where the handshake fails nothing is answered.
  BeanstalkdClient(uint16_t port, SSL_CTX* context) : BeanstalkdClient(port) { stream().Connect(context); }

  /// The next answer: its line with CR-LF, and the data behind it where it has such. Empty where the connection ended first.
  std::string ReadAnswer() {
    std::string line;
    if (!stream().ReadTo("\r\n", &line)) return {};
    std::string answer = line + "\r\n";
    const bool data = line.starts_with("OK ") || line.starts_with("FOUND ") || line.starts_with("RESERVED ");
    if (!data) return answer;
    std::string bytes;
    if (!stream().ReadBytes(std::stoul(line.substr(line.rfind(' ') + 1)) + 2, &bytes)) return {};
    return answer + bytes;
  }
  /// A command and its answer. `command`: without its last CR-LF.
  std::string Do(std::string_view command) { return Send(std::string(command) + "\r\n") ? ReadAnswer() : std::string(); }
  /// The answer to a put.
  std::string Put(std::string_view job, const std::string& numbers = "1024 0 60") {
    return Do("put " + numbers + " " + std::to_string(job.size()) + "\r\n" + std::string(job));
  }
};

/// The number of "INSERTED 12\r\n"; empty for any other answer.
inline std::string JobIn(const std::string& answer) {
  constexpr std::string_view kInserted = "INSERTED ";
  return answer.starts_with(kInserted) ? answer.substr(kInserted.size(), answer.size() - kInserted.size() - 2) : std::string();
}

}  // namespace notifyd::test
