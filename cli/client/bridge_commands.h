// notifyctl bridge: what a bridge needs of the command line, of the terminal and of the broker. Contract section 20, "AMQP".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/client/context.h"

namespace notifyd {

/// As given; empty: not given.
struct AmqpBridgeArguments {
  std::string url, url_file, ca_file, cert_file, key_file, queue;
  std::string dead_letter_queue, dead_letter_file;
  uint32_t prefetch = 200;
  uint64_t buffer_bytes = 64 << 20;
  bool exclusive = false, until_empty = false;
  std::string metrics;
  std::string shape, url_template, template_file, key, deliver_by, header_prefix;
};

/// The words of --shape.
std::vector<std::string> ShapeWords();
/// What is wrong about them together, or nothing.
std::string FaultOf(const AmqpBridgeArguments& arguments);

/// Runs until SIGTERM or SIGINT (kDone), or until something is wrong that time does not mend (kRefused; kUsage where a file is).
Exit BridgeAmqp(const Context& context, const AmqpBridgeArguments& arguments);

}  // namespace notifyd
