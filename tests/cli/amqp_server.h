// A real RabbitMQ server as a process of the test: a data directory, node name, port mapper and ports of its own, on loopback alone. A start takes
// some seconds, so the cases of a test program share one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"

namespace notifyd::test {

class AmqpServer {
 public:
  /// Starts it, and waits until it takes connections; throws where it does not.
  AmqpServer();
  ~AmqpServer();
  AmqpServer(const AmqpServer&) = delete;

  /// "amqp://127.0.0.1:PORT"; user and password are guest.
  std::string url() const { return "amqp://127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }
  /// For amqps at "localhost", by a certificate of this authority.
  uint16_t tls_port() const { return tls_port_; }
  std::string ca_file() const { return dir_.At("ca.pem"); }
  /// Where rabbitmqadmin finds its address: the home directory of whoever runs it.
  std::string admin_home() const { return dir_.At("home"); }

  /// kill -9.
  void Kill();
  /// Again, with the same data.
  void Start();
  /// Lets it believe so: then it reads nothing of who publishes.
  void SetShortOfMemory(bool is_short);
  /// Waits until the queues that were declared are on its disk: it writes them behind its answer, and `kill -9` a moment later would lose them.
  void SyncQueues();

 private:
  /// Runs rabbitmqctl; throws where it fails.
  void Control(const std::vector<std::string>& command);

  TempDir dir_;
  uint16_t port_ = 0, tls_port_ = 0, node_port_ = 0, mapper_port_ = 0, admin_port_ = 0;
  std::unique_ptr<Process> mapper_, server_;
};

/// The one that the cases of this program share, started by whoever asks first, and again where a case killed it.
AmqpServer& SharedAmqpServer();

}  // namespace notifyd::test
