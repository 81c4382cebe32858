#include "cli/amqp_server.h"

#include <signal.h>

#include <filesystem>
#include <stdexcept>
#include <vector>

#include "support/certificates.h"
#include "support/sockets.h"

namespace notifyd::test {
namespace {

/// On a machine that has much else to do a start takes longer than all that is asked of the server later.
constexpr int kStartSeconds = 3 * kDeadlineSeconds;

/// Debian's /usr/sbin/rabbitmq-server becomes the user of the system's service: what it calls is run as it is.
std::string Script(const std::string& name) {
  const std::string root = "/usr/lib/rabbitmq/lib";
  if (std::filesystem::exists(root))
    for (const auto& entry : std::filesystem::directory_iterator(root))
      if (std::string script = entry.path().string() + "/sbin/" + name; std::filesystem::exists(script)) return script;
  throw std::runtime_error("there is no RabbitMQ server: scripts/install-packages tests");
}

std::string Erlang(const std::string& text) {
  return "\"" + text + "\"";
}

}  // namespace

AmqpServer::AmqpServer() {
  {
    const DeafPort ports[5];  // all at once: each another one
    port_ = ports[0].port();
    tls_port_ = ports[1].port();
    node_port_ = ports[2].port();
    mapper_port_ = ports[3].port();
    admin_port_ = ports[4].port();
  }
  for (const char* name : {"home", "mnesia", "log"}) std::filesystem::create_directory(dir_.At(name));
  const CertificateAuthority authority;
  const Pair pair = authority.Issue("DNS:localhost");
  dir_.Write("ca.pem", authority.certificate());
  dir_.Write("cert.pem", pair.certificate);
  dir_.Write("key.pem", pair.key);
  dir_.Write("plugins", "[rabbitmq_management].\n");
  dir_.Write("home/.rabbitmqadmin.conf", "[default]\nhostname = 127.0.0.1\nport = " + std::to_string(admin_port_) + "\n");
  dir_.Write("server.config", "[{rabbit, [{ssl_listeners, [{\"127.0.0.1\", " + std::to_string(tls_port_) + "}]}, {ssl_options, [{cacertfile, " +
                                  Erlang(dir_.At("ca.pem")) + "}, {certfile, " + Erlang(dir_.At("cert.pem")) + "}, {keyfile, " +
                                  Erlang(dir_.At("key.pem")) +
                                  "}]}, {disk_free_limit, 1000000}]}, {rabbitmq_management, [{tcp_config, [{ip, \"127.0.0.1\"}, {port, " +
                                  std::to_string(admin_port_) + "}]}]}].\n");
  // Started by Erlang itself it would outlive everybody.
  mapper_ = std::make_unique<Process>("epmd", Process::Input{{"-port", std::to_string(mapper_port_), "-address", "127.0.0.1"}, {}});
  Start();
}

AmqpServer::~AmqpServer() {
  if (server_) Kill();
}

void AmqpServer::Kill() {
  server_->Signal(SIGKILL);
  server_->Wait();
  server_.reset();
}

void AmqpServer::Start() {
  const std::string node_port = std::to_string(node_port_);
  std::vector<std::string> arguments = {
      "HOME=" + dir_.At("home"),
      "ERL_EPMD_PORT=" + std::to_string(mapper_port_),
      "ERL_EPMD_ADDRESS=127.0.0.1",
      "RABBITMQ_NODENAME=test" + node_port + "@localhost",
      "RABBITMQ_MNESIA_BASE=" + dir_.At("mnesia"),
      "RABBITMQ_LOG_BASE=" + dir_.At("log"),
      "RABBITMQ_LOGS=-",
      "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
      "RABBITMQ_NODE_PORT=" + std::to_string(port_),
      "RABBITMQ_DIST_PORT=" + node_port,
      "RABBITMQ_CONFIG_FILE=" + dir_.At("none"),
      "RABBITMQ_ADVANCED_CONFIG_FILE=" + dir_.At("server.config"),
      "RABBITMQ_ENABLED_PLUGINS_FILE=" + dir_.At("plugins"),
      "RABBITMQ_PID_FILE=" + dir_.At("pid"),
      "RABBITMQ_CONF_ENV_FILE=" + dir_.At("none"),
      "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false -noinput",
      "RABBITMQ_ALLOW_INPUT=1",  // the script becomes the server, and is not its parent
      Script("rabbitmq-server"),
  };
  server_ = std::make_unique<Process>("env", Process::Input{arguments, {}});
  if (!server_->WaitForOutput("Server startup complete", kStartSeconds))
    throw std::runtime_error("RabbitMQ does not start:\n" + server_->output() + server_->error());
}

void AmqpServer::SetShortOfMemory(bool is_short) {
  Control({"set_vm_memory_high_watermark", is_short ? "0.00001" : "0.4"});
}

void AmqpServer::SyncQueues() {
  Control({"eval", "ok = mnesia:sync_log()."});
}

void AmqpServer::Control(const std::vector<std::string>& command) {
  std::vector<std::string> arguments = {"HOME=" + dir_.At("home"), "ERL_EPMD_PORT=" + std::to_string(mapper_port_),
                                        "RABBITMQ_NODENAME=test" + std::to_string(node_port_) + "@localhost",
                                        "RABBITMQ_CONF_ENV_FILE=" + dir_.At("none"), Script("rabbitmqctl")};
  arguments.insert(arguments.end(), command.begin(), command.end());
  Process control("env", Process::Input{arguments, {}});
  if (control.Wait() != 0) throw std::runtime_error("rabbitmqctl: " + control.output() + control.error());
}

AmqpServer& SharedAmqpServer() {
  static AmqpServer server;
  return server;
}

}  // namespace notifyd::test
