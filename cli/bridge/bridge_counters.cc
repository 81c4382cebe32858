#include "cli/bridge/bridge_counters.h"

#include <string_view>

namespace notifyd {
namespace {

struct Row {
  std::atomic<uint64_t> BridgeCounters::*value;
  std::string_view name;  // behind "notifyctl_bridge_"
  bool gauge;
  std::string_view help;
};
// The table in docs/bridge-amqp.md is held to it by a test.
constexpr Row kRows[] = {
    {&BridgeCounters::received, "received_messages_total", false, "Messages that came from the queue, repeats counted."},
    {&BridgeCounters::accepted, "accepted_messages_total", false, "Messages that the broker accepted."},
    {&BridgeCounters::notifies, "notifies_total", false, "Notifies that the broker answered for, known ones counted."},
    {&BridgeCounters::duplicates, "duplicate_notifies_total", false, "Of these: known to the broker already, by their idempotency key."},
    {&BridgeCounters::dead_letters, "dead_letters_total", false, "Messages that were refused, and kept as dead letters."},
    {&BridgeCounters::failed_submits, "failed_submits_total", false,
     "Submits that were not answered, or with 408, 429 or 5xx; they are tried again."},
    {&BridgeCounters::connections, "connections_total", false, "Connections to the AMQP server that took messages."},
    {&BridgeCounters::unkeyed, "unkeyed_messages_total", false, "Messages without anything to make an idempotency key of."},
    {&BridgeCounters::labels_left_out, "labels_left_out_total", false, "Headers that were too many to become labels, or whose names cannot."},
    {&BridgeCounters::held, "held_messages", true, "Messages taken and not acknowledged yet."},
    {&BridgeCounters::held_bytes, "held_bytes", true, "What they take in memory, about."},
    {&BridgeCounters::connected, "connected", true, "1 while there is a connection to the AMQP server."},
    {&BridgeCounters::broker_there, "broker_there", true, "1 while the broker takes submits, as far as is known."},
};

std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

}  // namespace

std::string MetricsText(const BridgeCounters& counters, const std::string& queue) {
  std::string out;
  const std::string labels = "{queue=\"" + Escaped(queue) + "\"} ";
  for (const Row& row : kRows) {
    const std::string name = "notifyctl_bridge_" + std::string(row.name);
    out += "# HELP " + name + " " + std::string(row.help) + "\n# TYPE " + name + (row.gauge ? " gauge\n" : " counter\n");
    out += name + labels + std::to_string((counters.*row.value).load()) + "\n";
  }
  return out;
}

}  // namespace notifyd
