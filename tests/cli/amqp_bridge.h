// notifyctl bridge amqp as a process of the test, at the shared RabbitMQ server: its queues, messages, and brokers that answer as a test says.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/amqp_queues.h"
#include "cli/amqp_server.h"
#include "support/process.h"
#include "support/scripted_server.h"

namespace notifyd::test {

/// `broker`: its URL. `arguments`: beside --queue. Dead letters go to the queue QUEUE.dead, unless `arguments` say a file.
inline std::unique_ptr<Process> StartBridge(const std::string& broker, const std::string& queue, std::vector<std::string> arguments = {},
                                            std::string amqp_url = "") {
  bool file = false;
  for (const std::string& argument : arguments) file = file || argument == "--dead-letter-file";
  if (!file) arguments.insert(arguments.begin(), {"--dead-letter-queue", queue + ".dead"});
  arguments.insert(arguments.begin(), {"--server", broker, "bridge", "amqp", "--queue", queue});
  if (amqp_url.empty()) amqp_url = SharedAmqpServer().url();
  return std::make_unique<Process>(NOTIFYCTL_BINARY, Process::Input{arguments, {"NOTIFYD_AMQP_URL=" + amqp_url}});
}

/// Queues of a case, both there and empty.
class Queues : public AmqpQueues {
 public:
  explicit Queues(std::string name) : AmqpQueues(SharedAmqpServer().port()), name_(std::move(name)) {
    Declare(name_);
    Declare(name_ + ".dead");
  }
  const std::string& name() const { return name_; }
  uint32_t ready() { return Look(name_).ready; }
  uint32_t dead() { return Look(name_ + ".dead").ready; }

 private:
  const std::string name_;
};

/// SIGTERM; its exit code.
inline int End(Process* bridge) {
  bridge->Signal(SIGTERM);
  return bridge->Wait();
}

inline PublishedMessage Message(const std::string& body, const std::string& id = "") {
  PublishedMessage message;
  message.body = body;
  message.message_id = id;
  return message;
}

inline std::string Callback(const std::string& url) {
  return R"({"requests":[{"url":")" + url + R"(","method":"POST","options":{"json":{}}}]})";
}

/// How many notifies a batch has, by the braces at its top level.
inline size_t ItemsIn(const std::string& batch) {
  size_t items = 0, depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i] == '"' && batch[i - 1] != '\\') in_string = !in_string;
    if (in_string) continue;
    if (batch[i] == '{' && depth++ == 0) ++items;
    if (batch[i] == '}') --depth;
  }
  return items;
}

/// A broker that accepts all.
inline ScriptedAnswer Accepted(const SeenRequest& request) {
  if (request.target == "/v1/whoami") return {200, "{}"};
  std::string items;
  for (size_t i = ItemsIn(request.body); i > 0; --i) items += std::string(items.empty() ? "" : ",") + R"({"id":"n1","state":"ready"})";
  return {201, R"({"items":[)" + items + "]}"};
}

inline ScriptedAnswer Problem(int status, const std::string& detail) {
  return {status, R"({"title":"x","status":)" + std::to_string(status) + R"(,"detail":")" + detail + "\"}", "application/problem+json"};
}

}  // namespace notifyd::test
