// notifyctl bridge amqp as a process of the test, at the shared RabbitMQ server.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/amqp_server.h"
#include "support/process.h"

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

}  // namespace notifyd::test
