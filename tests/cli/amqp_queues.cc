#include "cli/amqp_queues.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "support/process.h"

namespace notifyd::test {
namespace {

constexpr amqp_channel_t kChannel = 1;

amqp_bytes_t Bytes(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}
std::string Text(amqp_bytes_t bytes) {
  return std::string(static_cast<const char*>(bytes.bytes), bytes.len);
}

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error("the AMQP server: " + what);
}

void Must(const amqp_rpc_reply_t& reply, const std::string& what) {
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) Fail(what);
}

}  // namespace

struct AmqpQueues::Impl {
  amqp_connection_state_t state = amqp_new_connection();
  uint64_t published = 0, confirmed = 0;

  ~Impl() { amqp_destroy_connection(state); }
  void Asked(const std::string& what) {
    Must(amqp_get_rpc_reply(state), what);
    amqp_maybe_release_buffers(state);
  }
  void Declare(const std::string& queue, amqp_table_t arguments) {
    amqp_queue_declare(state, kChannel, Bytes(queue), 0, /*durable=*/1, 0, 0, arguments);
    Asked("declare " + queue);
  }
  void WaitForConfirms() {
    while (confirmed < published) {
      const timeval patience{kDeadlineSeconds, 0};
      amqp_frame_t frame{};
      if (amqp_simple_wait_frame_noblock(state, &frame, &patience) != AMQP_STATUS_OK) Fail("no confirm");
      if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) Fail("no confirm, but something else");
      const auto* ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
      confirmed = ack->multiple ? ack->delivery_tag : confirmed + 1;
      amqp_maybe_release_buffers(state);
    }
  }
};

AmqpQueues::AmqpQueues(uint16_t port) : impl_(std::make_unique<Impl>()) {
  amqp_socket_t* socket = amqp_tcp_socket_new(impl_->state);
  if (amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK) Fail("cannot be reached");
  Must(amqp_login(impl_->state, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
  amqp_channel_open(impl_->state, kChannel);
  impl_->Asked("channel");
  amqp_confirm_select(impl_->state, kChannel);
  impl_->Asked("confirms");
}

AmqpQueues::~AmqpQueues() = default;

void AmqpQueues::Declare(const std::string& queue, bool single_active_consumer) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes("x-single-active-consumer");
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  impl_->Declare(queue, {single_active_consumer ? 1 : 0, &entry});
}

void AmqpQueues::DeclareStream(const std::string& stream) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes("x-queue-type");
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = amqp_cstring_bytes("stream");
  impl_->Declare(stream, {1, &entry});
}

void AmqpQueues::Publish(const std::string& queue, const std::vector<PublishedMessage>& messages) {
  for (const PublishedMessage& message : messages) {
    amqp_basic_properties_t properties{};
    auto set = [&](amqp_flags_t flag, amqp_bytes_t amqp_basic_properties_t::*member, const std::string& text) {
      if (text.empty()) return;
      properties._flags |= flag;
      properties.*member = Bytes(text);
    };
    set(AMQP_BASIC_MESSAGE_ID_FLAG, &amqp_basic_properties_t::message_id, message.message_id);
    set(AMQP_BASIC_APP_ID_FLAG, &amqp_basic_properties_t::app_id, message.app_id);
    set(AMQP_BASIC_CORRELATION_ID_FLAG, &amqp_basic_properties_t::correlation_id, message.correlation_id);
    set(AMQP_BASIC_REPLY_TO_FLAG, &amqp_basic_properties_t::reply_to, message.reply_to);
    set(AMQP_BASIC_CONTENT_TYPE_FLAG, &amqp_basic_properties_t::content_type, message.content_type);
    set(AMQP_BASIC_EXPIRATION_FLAG, &amqp_basic_properties_t::expiration, message.expiration);
    set(AMQP_BASIC_USER_ID_FLAG, &amqp_basic_properties_t::user_id, message.user_id);
    properties._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    if (message.priority) {
      properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
      properties.priority = *message.priority;
    }
    if (message.timestamp_s) {
      properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
      properties.timestamp = *message.timestamp_s;
    }
    std::vector<amqp_table_entry_t> headers;
    for (const auto& [name, text] : message.headers) {
      amqp_table_entry_t& entry = headers.emplace_back();
      entry.key = Bytes(name);
      entry.value.kind = AMQP_FIELD_KIND_UTF8;
      entry.value.value.bytes = Bytes(text);
    }
    if (!message.bytes_header.empty()) {
      amqp_table_entry_t& entry = headers.emplace_back();
      entry.key = amqp_cstring_bytes("bytes");
      entry.value.kind = AMQP_FIELD_KIND_BYTES;
      entry.value.value.bytes = Bytes(message.bytes_header);
    }
    std::vector<amqp_table_entry_t> levels(static_cast<size_t>(message.nested_tables));
    for (size_t i = 0; i < levels.size(); ++i) {
      levels[i].key = amqp_cstring_bytes("t");
      levels[i].value.kind = AMQP_FIELD_KIND_TABLE;
      levels[i].value.value.table = i + 1 < levels.size() ? amqp_table_t{1, &levels[i + 1]} : amqp_empty_table;
    }
    if (!levels.empty()) headers.push_back(levels[0]);
    amqp_field_value_t copy{};
    copy.kind = AMQP_FIELD_KIND_UTF8;
    copy.value.bytes = Bytes(message.copy_to);
    if (!message.copy_to.empty()) {
      amqp_table_entry_t& entry = headers.emplace_back();
      entry.key = amqp_cstring_bytes("CC");
      entry.value.kind = AMQP_FIELD_KIND_ARRAY;
      entry.value.value.array = {1, &copy};
    }
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {static_cast<int>(headers.size()), headers.data()};
    if (amqp_basic_publish(impl_->state, kChannel, amqp_empty_bytes, Bytes(queue), 0, 0, &properties, Bytes(message.body)) != AMQP_STATUS_OK)
      Fail("publish");
    // A window, so that neither side's socket is full of what the other one does not read.
    if (++impl_->published - impl_->confirmed > 500) impl_->WaitForConfirms();
  }
  impl_->WaitForConfirms();
}

AmqpQueues::Counts AmqpQueues::Look(const std::string& queue) {
  const amqp_queue_declare_ok_t* found = amqp_queue_declare(impl_->state, kChannel, Bytes(queue), /*passive=*/1, 0, 0, 0, amqp_empty_table);
  Must(amqp_get_rpc_reply(impl_->state), "look at " + queue);
  const Counts counts{found->message_count, found->consumer_count};
  amqp_maybe_release_buffers(impl_->state);
  return counts;
}

std::optional<TakenMessage> AmqpQueues::Take(const std::string& queue) {
  amqp_rpc_reply_t reply = amqp_basic_get(impl_->state, kChannel, Bytes(queue), /*no_ack=*/1);
  Must(reply, "get");
  if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return std::nullopt;
  amqp_message_t message;
  Must(amqp_read_message(impl_->state, kChannel, &message, 0), "read");
  TakenMessage taken{Text(message.body), {}, {}, message.properties.delivery_mode == AMQP_DELIVERY_PERSISTENT};
  if (message.properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) taken.message_id = Text(message.properties.message_id);
  for (int i = 0; i < message.properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = message.properties.headers.entries[i];
    if (entry.value.kind == AMQP_FIELD_KIND_ARRAY) taken.headers[Text(entry.key)] = "an array";
    if (entry.value.kind == AMQP_FIELD_KIND_UTF8) taken.headers[Text(entry.key)] = Text(entry.value.value.bytes);
  }
  amqp_destroy_message(&message);
  amqp_maybe_release_buffers(impl_->state);
  return taken;
}

void AmqpQueues::Delete(const std::string& queue) {
  amqp_queue_delete(impl_->state, kChannel, Bytes(queue), 0, 0);
  impl_->Asked("delete " + queue);
}

bool Eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace notifyd::test
