#include "cli/client/bridge_command_line.h"

namespace notifyd {

void BridgeCommandLine::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("bridge", "Bridges: what comes into another queue is submitted to the broker.");
  CLI::App* amqp = AddCommand(group, "amqp", "Submit the messages of an AMQP 0-9-1 queue (RabbitMQ), and acknowledge each once it is accepted.",
                              [this](const Context& context, const CLI::App*) {
                                if (std::string fault = FaultOf(amqp_); !fault.empty()) return Misused(context, fault);
                                return BridgeAmqp(context, amqp_);
                              });
  AddServer(amqp);
  AddMapping(amqp);
  amqp->footer(
      "It runs until SIGTERM or SIGINT. A second bridge on a queue loses its order: see --exclusive. docs/bridge-amqp.md tells what becomes of "
      "a message.");
}

void BridgeCommandLine::AddServer(CLI::App* command) {
  auto add_text = [&](const char* flag, std::string* text, const char* type, const char* help) {
    return command->add_option(flag, *text, help)->type_name(type)->check(NotEmpty());
  };
  auto add_file = [&](const char* flag, std::string* file, const char* help) {
    CLI::Option* option = add_text(flag, file, "FILE", help);
    hints()[option].file = true;
    return option;
  };
  add_text("--url", &amqp_.url, "URL", "Where the queue is: amqp://USER@HOST:PORT/VHOST, or amqps; with a password only in the variable.")
      ->envname("NOTIFYD_AMQP_URL");
  add_file("--url-file", &amqp_.url_file, "A file with that URL, password and all, that its owner alone may read.")->envname("NOTIFYD_AMQP_URL_FILE");
  add_file("--amqp-ca-file", &amqp_.ca_file, "Of amqps: the authorities that the server's certificate is checked by, in place of the system's.");
  add_file("--amqp-cert-file", &amqp_.cert_file, "Of amqps: the certificate to show to a server that asks for one.");
  add_file("--amqp-key-file", &amqp_.key_file, "The key of that certificate.");
  add_text("--queue,-q", &amqp_.queue, "QUEUE", "The queue that messages are taken from.")->required();
  add_text("--dead-letter-queue", &amqp_.dead_letter_queue, "QUEUE", "Where messages go that the broker refuses for good; it must be there.");
  add_file("--dead-letter-file", &amqp_.dead_letter_file, "The same as a file, a JSON object a line.");
  command->add_option("--prefetch", amqp_.prefetch, "How many messages are taken and not acknowledged, at most.")
      ->check(Quiet(CLI::Range(uint32_t{1}, uint32_t{10'000})))
      ->type_name("N")
      ->default_str("200");
  command->add_option("--buffer-bytes", amqp_.buffer_bytes, "No more are kept while those take so much memory; a single message may have more.")
      ->check(Quiet(CLI::Range(uint64_t{64} << 10, uint64_t{8} << 30)))
      ->type_name("BYTES")
      ->default_str("67108864");
  command->add_flag("--exclusive", amqp_.exclusive, "Take messages only while nobody else does; until then wait.");
  command->add_flag("--until-empty", amqp_.until_empty, "End once the queue is empty, and all that was in it is acknowledged.");
  add_text("--metrics", &amqp_.metrics, "ADDRESS:PORT", "Answer GET /metrics there, for Prometheus; port 0 takes a free one.");
}

void BridgeCommandLine::AddMapping(CLI::App* command) {
  auto add_text = [&](const char* flag, std::string* text, const char* type, const char* help) {
    return command->add_option(flag, *text, help)->type_name(type)->check(NotEmpty());
  };
  AddWord(
      command, "--shape", &amqp_.shape,
      "What a body is: callback (requests and control), deliver-by (url and data), template (anything). Without it: template where one has a url, "
      "else one of the two others, by what stands in it.",
      ShapeWords());
  add_text("--url-template", &amqp_.url_template, "URL",
           "Where messages go: a URL with places such as {routing_key}, {header:NAME}, {body:/POINTER}.");
  hints()[add_text("--template", &amqp_.template_file, "FILE", "Fields of each notify as a JSON object, with the same places in its strings.")].file =
      true;
  add_text("--key", &amqp_.key, "WHERE", "What tells a repeat, before message_id: header:NAME or body:/POINTER.");
  add_text("--deliver-by", &amqp_.deliver_by, "NAME", "The member of data by whose value order is kept, for messages without a deliverBy.");
  command
      ->add_option("--headers", amqp_.header_prefix, "Send text headers as headers of HTTP, with this in front of their names, instead of as labels.")
      ->type_name("PREFIX")
      ->check(NotEmpty());
}

}  // namespace notifyd
