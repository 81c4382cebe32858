// AMQP 0-9-1 from a server's side, for servers that do what a real one does now and then, or after a while: frames, and what every client is
// answered.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/sockets.h"

namespace notifyd::test {

inline std::string BigEndian(uint64_t number, size_t bytes) {
  std::string text;
  while (bytes > 0) text += static_cast<char>(number >> (8 * --bytes));
  return text;
}
inline uint64_t NumberOf(std::string_view text) {
  uint64_t number = 0;
  for (const char c : text) number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

/// What a client sent.
struct AmqpFrame {
  uint16_t channel = 0;
  amqp_method_number_t method = 0;  // 0: it is no method
  std::string fields;               // the method's, as they are on the wire
};

/// One connection. What it sends is false where the peer is gone, or takes nothing for as long as the socket is told to wait.
class AmqpScript {
 public:
  explicit AmqpScript(Stream* stream) : stream_(*stream) {}

  /// Up to where the client says who it is.
  bool Begin() {
    std::string name;  // of the protocol
    return stream_.ReadBytes(8, &name) &&
           SendMethod(0, AMQP_CONNECTION_START_METHOD,
                      amqp_connection_start_t{0, 9, amqp_empty_table, amqp_cstring_bytes("PLAIN"), amqp_cstring_bytes("en_US")});
  }
  /// Waits for the next one; false at the end.
  bool Read(AmqpFrame* frame) {
    std::string head, payload;
    if (!stream_.ReadBytes(7, &head) || !stream_.ReadBytes(NumberOf(head.substr(3, 4)) + 1, &payload)) return false;
    *frame = {static_cast<uint16_t>(NumberOf(head.substr(1, 2))), 0, {}};
    if (head[0] != kMethodFrame) return true;
    frame->method = static_cast<amqp_method_number_t>(NumberOf(payload.substr(0, 4)));
    frame->fields = payload.substr(4);
    return true;
  }
  /// As of one queue, which is empty but for what is out.
  bool Answer(const AmqpFrame& frame) {
    const amqp_bytes_t tag = amqp_cstring_bytes("one");
    const uint16_t channel = frame.channel;
    switch (frame.method) {
      case AMQP_CONNECTION_START_OK_METHOD:
        return SendMethod(channel, AMQP_CONNECTION_TUNE_METHOD, amqp_connection_tune_t{1, kMostFrame, 0});
      case AMQP_CONNECTION_OPEN_METHOD:
        return SendMethod(channel, AMQP_CONNECTION_OPEN_OK_METHOD, amqp_connection_open_ok_t{});
      case AMQP_CHANNEL_OPEN_METHOD:
        return SendMethod(channel, AMQP_CHANNEL_OPEN_OK_METHOD, amqp_channel_open_ok_t{});
      case AMQP_QUEUE_DECLARE_METHOD:
        return SendMethod(channel, AMQP_QUEUE_DECLARE_OK_METHOD, amqp_queue_declare_ok_t{tag, 0, 0});
      case AMQP_BASIC_QOS_METHOD:
        return SendMethod(channel, AMQP_BASIC_QOS_OK_METHOD, amqp_basic_qos_ok_t{});
      case AMQP_BASIC_CONSUME_METHOD:
        return SendMethod(channel, AMQP_BASIC_CONSUME_OK_METHOD, amqp_basic_consume_ok_t{tag});
      case AMQP_CHANNEL_CLOSE_METHOD:
        return SendMethod(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t{});
      case AMQP_CONNECTION_CLOSE_METHOD:
        return SendMethod(channel, AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t{});
      default:
        return true;
    }
  }
  bool Deliver(uint16_t channel, uint64_t tag, std::string_view body) {
    bool sent = SendMethod(channel, AMQP_BASIC_DELIVER_METHOD,
                           amqp_basic_deliver_t{amqp_cstring_bytes("one"), tag, 0, amqp_empty_bytes, amqp_cstring_bytes("queue")}) &&
                SendFrame(kHeaderFrame, channel, BigEndian(AMQP_BASIC_CLASS, 2) + BigEndian(0, 2) + BigEndian(body.size(), 8) + BigEndian(0, 2));
    for (; sent && !body.empty(); body.remove_prefix(std::min(body.size(), kMostPayload)))
      sent = SendFrame(kBodyFrame, channel, std::string(body.substr(0, kMostPayload)));
    return sent;
  }

 private:
  static constexpr uint8_t kMethodFrame = 1, kHeaderFrame = 2, kBodyFrame = 3, kFrameEnd = 0xce;
  static constexpr uint32_t kMostFrame = 128 << 10;
  static constexpr size_t kMostPayload = kMostFrame - 8;

  bool SendFrame(uint8_t type, uint16_t channel, const std::string& payload) {
    return stream_.Send(BigEndian(type, 1) + BigEndian(channel, 2) + BigEndian(payload.size(), 4) + payload + static_cast<char>(kFrameEnd));
  }
  template <typename Method>
  bool SendMethod(uint16_t channel, amqp_method_number_t number, Method method) {
    std::string fields(4096, '\0');
    fields.resize(static_cast<size_t>(amqp_encode_method(number, &method, {fields.size(), fields.data()})));
    return SendFrame(kMethodFrame, channel, BigEndian(number, 4) + fields);
  }

  Stream& stream_;
};

}  // namespace notifyd::test
