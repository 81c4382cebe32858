// The real notifyd as a process, on a free port and a directory of the test.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/client/http_client.h"
#include "support/process.h"

namespace notifyd::test {

class Broker {
 public:
  /// Waits until it listens; throws where it does not. `directory` holds its data and outlives it.
  explicit Broker(const std::string& directory, std::vector<std::string> arguments = {}, const std::string& binary = NOTIFYD_BINARY,
                  std::vector<std::string> environment = {});

  Process& process() { return *process_; }
  const std::string& url() const { return url_; }
  const std::string& address() const { return address_; }

  HttpAnswer Call(const std::string& method, const std::string& path, const std::string& body = "");
  /// Submits one; its id. Throws unless the answer is 201.
  std::string Submit(const std::string& notify);
  /// The notify as JSON, once it is settled.
  std::string Settled(const std::string& id);
  /// A number of /v1/stats, by JSON Pointer.
  uint64_t Stat(const std::string& pointer);
  /// accepted + revived == pending + settled.
  bool BooksBalance();

 private:
  std::unique_ptr<Process> process_;
  std::string address_, url_;
  std::unique_ptr<HttpClient> client_;
};

/// Runs notifyd until it ends: its exit code, and what it printed.
int ExitOf(const std::vector<std::string>& arguments, std::string* error = nullptr, std::string* output = nullptr);

/// The lines of a JSON log whose event is `event`.
std::vector<std::string> LinesOf(const std::string& log, const std::string& event);

/// The text at a JSON Pointer: a string without quotes, all else as it stands; "" where there is nothing.
std::string JsonAt(const std::string& json, const std::string& pointer);

}  // namespace notifyd::test
