#include "cli/bridge/amqp_link.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/clocks.h"

namespace notifyd {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr int kFrameBytes = 128 << 10;  // what RabbitMQ offers
constexpr timeval kPatience{10, 0};     // for connecting, logging in, and each question
constexpr int64_t kConfirmMs = 15'000;
constexpr timeval kNoWait{0, 0};
constexpr size_t kReserveBytes = 1 << 20;
/// So much of headers is handed on: all of them must fit into a frame, with what is added.
constexpr size_t kMostHandedOn = 64 << 10;
constexpr size_t kTableLengthBytes = 4;  // in front of a table

std::string_view View(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}
std::string Text(amqp_bytes_t bytes) {
  return std::string(View(bytes));
}
amqp_bytes_t Bytes(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

/// A table's memory.
class Pool {
 public:
  Pool() { init_amqp_pool(&pool_, 4096); }
  ~Pool() { empty_amqp_pool(&pool_); }
  Pool(const Pool&) = delete;
  amqp_pool_t* get() { return &pool_; }

 private:
  amqp_pool_t pool_;
};

Status FaultOfServer(int code, std::string_view text, const std::string& what) {
  std::string detail = what + ": " + std::string(text.empty() ? "not told why" : text);
  const bool in_use = text.find("exclusive use") != std::string_view::npos;
  if (code == AMQP_RESOURCE_LOCKED || (code == AMQP_ACCESS_REFUSED && in_use)) return Status(Code::kConflict, std::move(detail));
  if (code == AMQP_ACCESS_REFUSED || code == AMQP_NOT_ALLOWED) return Status(Code::kForbidden, std::move(detail));
  return Status(code == AMQP_NOT_FOUND ? Code::kNotFound : Code::kUnavailable, std::move(detail));
}

Status FaultOfMethod(const amqp_method_t& method, const std::string& what) {
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
    return FaultOfServer(close->reply_code, View(close->reply_text), what);
  }
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    return FaultOfServer(close->reply_code, View(close->reply_text), what);
  }
  return Status(Code::kUnavailable, what + ": the server sent something else");
}

Status FaultOfLibrary(int code, const std::string& what) {
  const bool untrusted = code == AMQP_STATUS_SSL_PEER_VERIFY_FAILED || code == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED;
  return Status(untrusted ? Code::kForbidden : Code::kUnavailable, what + ": " + amqp_error_string2(code));
}

Status Judge(const amqp_rpc_reply_t& reply, const std::string& what) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
      return Status::Ok();
    case AMQP_RESPONSE_SERVER_EXCEPTION:
      return FaultOfMethod(reply.reply, what);
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
      return FaultOfLibrary(reply.library_error, what);
    default:
      return Status(Code::kUnavailable, what + ": the server closed the connection");
  }
}

amqp_table_entry_t Entry(const char* key, amqp_field_value_t value) {
  return {amqp_cstring_bytes(key), value};
}
amqp_field_value_t TextValue(std::string_view text) {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_UTF8;
  value.value.bytes = Bytes(text);
  return value;
}

AmqpHeader HeaderOf(const amqp_table_entry_t& entry) {
  const amqp_field_value_t& from = entry.value;
  auto number = [&](auto value) { return AmqpHeader{Text(entry.key), AmqpHeader::Kind::kNumber, std::to_string(value)}; };
  switch (from.kind) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
      return {Text(entry.key), AmqpHeader::Kind::kText, Text(from.value.bytes)};
    case AMQP_FIELD_KIND_I8:
      return number(from.value.i8);
    case AMQP_FIELD_KIND_U8:
      return number(from.value.u8);
    case AMQP_FIELD_KIND_I16:
      return number(from.value.i16);
    case AMQP_FIELD_KIND_U16:
      return number(from.value.u16);
    case AMQP_FIELD_KIND_I32:
      return number(from.value.i32);
    case AMQP_FIELD_KIND_U32:
      return number(from.value.u32);
    case AMQP_FIELD_KIND_I64:
      return number(from.value.i64);
    case AMQP_FIELD_KIND_U64:
      return number(from.value.u64);
    default:
      return {Text(entry.key), AmqpHeader::Kind::kOther, {}};
  }
}

/// The properties that are texts, in both directions.
struct TextProperty {
  amqp_flags_t flag;
  amqp_bytes_t amqp_basic_properties_t::*theirs;
  std::string AmqpMessage::*ours;
};
constexpr TextProperty kTextProperties[] = {
    {AMQP_BASIC_CONTENT_TYPE_FLAG, &amqp_basic_properties_t::content_type, &AmqpMessage::content_type},
    {AMQP_BASIC_CONTENT_ENCODING_FLAG, &amqp_basic_properties_t::content_encoding, &AmqpMessage::content_encoding},
    {AMQP_BASIC_CORRELATION_ID_FLAG, &amqp_basic_properties_t::correlation_id, &AmqpMessage::correlation_id},
    {AMQP_BASIC_REPLY_TO_FLAG, &amqp_basic_properties_t::reply_to, &AmqpMessage::reply_to},
    {AMQP_BASIC_EXPIRATION_FLAG, &amqp_basic_properties_t::expiration, &AmqpMessage::expiration},
    {AMQP_BASIC_MESSAGE_ID_FLAG, &amqp_basic_properties_t::message_id, &AmqpMessage::message_id},
    {AMQP_BASIC_TYPE_FLAG, &amqp_basic_properties_t::type, &AmqpMessage::type},
    {AMQP_BASIC_APP_ID_FLAG, &amqp_basic_properties_t::app_id, &AmqpMessage::app_id},
    {AMQP_BASIC_USER_ID_FLAG, &amqp_basic_properties_t::user_id, &AmqpMessage::user_id},
};

/// A dead letter that expired would be gone, RabbitMQ takes no expiration that is no number, and no user but the one who publishes.
bool StaysBehind(const TextProperty& property) {
  return property.ours == &AmqpMessage::expiration || property.ours == &AmqpMessage::user_id;
}

std::string WithLength(const std::string& entries) {
  std::string table;
  for (int shift = 24; shift >= 0; shift -= 8) table += static_cast<char>(entries.size() >> shift & 0xFF);
  return table + entries;
}

/// A table of one entry, without its length; empty where the library cannot write it.
std::string Encoded(const amqp_table_entry_t& entry, std::string* room) {
  amqp_table_entry_t only = entry;
  amqp_table_t table{1, &only};
  size_t size = 0;
  if (amqp_encode_table(Bytes(*room), &table, &size) != AMQP_STATUS_OK) return {};
  return room->substr(kTableLengthBytes, size - kTableLengthBytes);
}

void CopyHeaders(const amqp_table_t& from, AmqpMessage* to) {
  std::string room(static_cast<size_t>(2 * kFrameBytes), '\0'), entries;
  for (int i = 0; i < from.num_entries; ++i) {
    const std::string wire = Encoded(from.entries[i], &room);
    to->headers.push_back(HeaderOf(from.entries[i]));
    to->headers.back().wire_bytes = wire.size();
    entries += wire;
  }
  to->raw_headers = WithLength(entries);
}

/// The table of what is handed on. Cut before it is decoded: whoever decodes nested tables needs stack for each level.
std::string HandedOn(const AmqpMessage& message) {
  std::string entries;
  size_t at = kTableLengthBytes;
  for (const AmqpHeader& header : message.headers) {
    // RabbitMQ would deliver a copy to each queue that CC or BCC names: to the one that it came from, too.
    const bool steers = header.name == "CC" || header.name == "BCC" || header.name.starts_with("notifyd-");
    if (!steers && entries.size() + header.wire_bytes <= kMostHandedOn) entries.append(message.raw_headers, at, header.wire_bytes);
    at += header.wire_bytes;
  }
  return WithLength(entries);
}

void CopyProperties(const amqp_basic_properties_t& from, AmqpMessage* to) {
  for (const TextProperty& each : kTextProperties)
    if (from._flags & each.flag) to->*each.ours = Text(from.*each.theirs);
  if (from._flags & AMQP_BASIC_TIMESTAMP_FLAG) to->timestamp_s = from.timestamp;
  if (from._flags & AMQP_BASIC_PRIORITY_FLAG) to->priority = from.priority;
  if (from._flags & AMQP_BASIC_HEADERS_FLAG) CopyHeaders(from.headers, to);
}

}  // namespace

class AmqpLink::Impl {
 public:
  Impl() : state_(amqp_new_connection()) { NOTIFYD_CHECK(state_ != nullptr); }
  ~Impl() { amqp_destroy_connection(state_); }

  Status Open(const AmqpAddress& address, const std::string& name) {
    const std::string what = address.ToString();
    amqp_socket_t* socket = address.tls ? amqp_ssl_socket_new(state_) : amqp_tcp_socket_new(state_);
    if (socket == nullptr) return Status(Code::kUnavailable, what + ": out of memory");
    if (address.tls) NOTIFYD_TRY(SetUpTls(address, socket));
    timeval patience = kPatience;
    amqp_set_handshake_timeout(state_, &patience);
    amqp_set_rpc_timeout(state_, &patience);
    if (int code = amqp_socket_open_noblock(socket, address.host.c_str(), address.port, &patience); code != AMQP_STATUS_OK)
      return FaultOfLibrary(code, what);
    // Who publishes is not read from while the server is short of memory or disk, and the library sends for as long as that takes.
    const unsigned unread_ms = static_cast<unsigned>(kPatience.tv_sec) * 1000;
    setsockopt(amqp_get_sockfd(state_), IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, sizeof unread_ms);
    amqp_field_value_t yes{}, capabilities{};
    yes.kind = AMQP_FIELD_KIND_BOOLEAN;
    yes.value.boolean = 1;
    amqp_table_entry_t told[] = {Entry("consumer_cancel_notify", yes)};
    capabilities.kind = AMQP_FIELD_KIND_TABLE;
    capabilities.value.table = {1, told};
    amqp_table_entry_t entries[] = {Entry("connection_name", TextValue(name)), Entry("capabilities", capabilities)};
    amqp_table_t properties{2, entries};
    NOTIFYD_TRY(Judge(amqp_login_with_properties(state_, address.vhost.c_str(), 0, kFrameBytes, kHeartbeatS, &properties, AMQP_SASL_METHOD_PLAIN,
                                                 address.user.c_str(), address.password.c_str()),
                      what));
    amqp_channel_open(state_, kChannel);
    return Asked(what);
  }

  Result<Counts> LookAt(const std::string& queue) {
    const amqp_queue_declare_ok_t* found = amqp_queue_declare(state_, kChannel, Bytes(queue), /*passive=*/1, 0, 0, 0, amqp_empty_table);
    const Counts counts = found != nullptr ? Counts{found->message_count, found->consumer_count} : Counts();
    NOTIFYD_TRY(Asked("the queue " + queue));
    return counts;
  }

  Status Consume(const std::string& queue, uint16_t prefetch, bool exclusive) {
    if (Result<Counts> there = LookAt(queue); !there.ok()) return std::move(there).status();
    amqp_basic_qos(state_, kChannel, 0, prefetch, /*global=*/0);
    NOTIFYD_TRY(Asked("the queue " + queue));
    amqp_basic_consume(state_, kChannel, Bytes(queue), amqp_empty_bytes, 0, /*no_ack=*/0, exclusive ? 1 : 0, amqp_empty_table);
    return Asked("the queue " + queue);
  }

  Result<bool> Next(AmqpDelivery* delivery) {
    for (;;) {
      amqp_frame_t frame{};
      if (int code = amqp_simple_wait_frame_noblock(state_, &frame, &kNoWait); code == AMQP_STATUS_TIMEOUT) return false;
      else if (code != AMQP_STATUS_OK) return FaultOfLibrary(code, "the connection");
      Status taken = Take(frame);
      GiveBack();
      if (!taken.ok()) return taken;
      if (!under_way_ || left_ != 0) continue;
      *delivery = std::move(*under_way_);
      under_way_.reset();
      return true;
    }
  }

  int fd() const { return amqp_get_sockfd(state_); }

  Status Beat() {
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_HEARTBEAT;
    return Sent(amqp_send_frame(state_, &frame));
  }

  Status Acknowledge(uint64_t tag) { return Sent(amqp_basic_ack(state_, kChannel, tag, /*multiple=*/1)); }

  Status Publish(const std::string& queue, const AmqpMessage& message, const std::vector<std::pair<std::string, std::string>>& more) {
    if (!confirms_) {
      amqp_confirm_select(state_, kChannel);
      NOTIFYD_TRY(Asked("the queue " + queue));
      confirms_ = true;
    }
    Pool pool;
    amqp_basic_properties_t properties{};
    for (const TextProperty& each : kTextProperties) {
      if ((message.*each.ours).empty() || StaysBehind(each)) continue;
      properties._flags |= each.flag;
      properties.*each.theirs = Bytes(message.*each.ours);
    }
    properties._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    if (message.timestamp_s) {
      properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
      properties.timestamp = *message.timestamp_s;
    }
    if (message.priority) {
      properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
      properties.priority = *message.priority;
    }
    const std::string raw = HandedOn(message);
    amqp_table_t table{};
    size_t at = 0;
    if (amqp_decode_table(Bytes(raw), pool.get(), &table, &at) != AMQP_STATUS_OK) table.num_entries = 0;
    std::vector<amqp_table_entry_t> entries(table.entries, table.entries + table.num_entries);
    for (const auto& [name, text] : more) entries.push_back(Entry(name.c_str(), TextValue(text)));
    properties.headers = {static_cast<int>(entries.size()), entries.data()};
    NOTIFYD_TRY(Sent(amqp_basic_publish(state_, kChannel, amqp_empty_bytes, Bytes(queue), /*mandatory=*/1, 0, &properties, Bytes(message.body))));
    return WaitForConfirm(queue);
  }

  /// Not by the library's function, which keeps all that comes before the answer.
  void Close() {
    amqp_connection_close_t close{};
    close.reply_code = AMQP_REPLY_SUCCESS;
    close.reply_text = amqp_cstring_bytes("over");
    if (amqp_send_method(state_, 0, AMQP_CONNECTION_CLOSE_METHOD, &close) != AMQP_STATUS_OK) return;
    const int64_t until_ms = ReadClockMs(CLOCK_MONOTONIC) + kPatience.tv_sec * 1000;
    for (bool over = false; !over && ReadClockMs(CLOCK_MONOTONIC) < until_ms;) {
      const timeval wait{1, 0};
      amqp_frame_t frame{};
      const int code = amqp_simple_wait_frame_noblock(state_, &frame, &wait);
      if (code != AMQP_STATUS_OK && code != AMQP_STATUS_TIMEOUT) return;
      over = code == AMQP_STATUS_OK && frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_CONNECTION_CLOSE_OK_METHOD;
      GiveBack();
    }
  }

 private:
  static Status SetUpTls(const AmqpAddress& address, amqp_socket_t* socket) {
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    if (address.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket)));
    } else if (amqp_ssl_socket_set_cacert(socket, address.ca_file.c_str()) != AMQP_STATUS_OK) {
      return Status(Code::kForbidden, address.ca_file + " holds no certificates of authorities");
    }
    if (!address.cert_file.empty() && amqp_ssl_socket_set_key(socket, address.cert_file.c_str(), address.key_file.c_str()) != AMQP_STATUS_OK)
      return Status(Code::kForbidden, address.cert_file + " and " + address.key_file + " are no certificate and its key");
    return Status::Ok();
  }

  /// What the library's last question came to.
  Status Asked(const std::string& what) {
    Status status = Judge(amqp_get_rpc_reply(state_), what);
    GiveBack();
    return status;
  }
  static Status Sent(int code) { return code == AMQP_STATUS_OK ? Status::Ok() : FaultOfLibrary(code, "the connection"); }

  /// Nothing of what was received is borrowed by anybody when this is called.
  void GiveBack() {
    amqp_maybe_release_buffers_on_channel(state_, kChannel);
    amqp_maybe_release_buffers_on_channel(state_, 0);
  }

  Status Take(const amqp_frame_t& frame) {
    switch (frame.frame_type) {
      case AMQP_FRAME_METHOD:
        return TakeMethod(frame.payload.method);
      case AMQP_FRAME_HEADER:
        if (!under_way_) return Status::Ok();  // of a message that was returned
        CopyProperties(*static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded), &under_way_->message);
        left_ = frame.payload.properties.body_size;
        under_way_->message.body.reserve(static_cast<size_t>(std::min<uint64_t>(left_, kReserveBytes)));
        return Status::Ok();
      case AMQP_FRAME_BODY:
        if (!under_way_) return Status::Ok();
        if (frame.payload.body_fragment.len > left_) return Status(Code::kUnavailable, "the server sent more of a message than it had announced");
        under_way_->message.body += View(frame.payload.body_fragment);
        left_ -= frame.payload.body_fragment.len;
        return Status::Ok();
      default:
        return Status::Ok();
    }
  }

  Status TakeMethod(const amqp_method_t& method) {
    switch (method.id) {
      case AMQP_BASIC_DELIVER_METHOD: {
        const auto* deliver = static_cast<const amqp_basic_deliver_t*>(method.decoded);
        under_way_.emplace();
        under_way_->tag = deliver->delivery_tag;
        under_way_->message.exchange = Text(deliver->exchange);
        under_way_->message.routing_key = Text(deliver->routing_key);
        left_ = UINT64_MAX;  // until the header tells
        return Status::Ok();
      }
      case AMQP_BASIC_CANCEL_METHOD:
        return Status(Code::kNotFound, "the server ended the consumer: its queue was deleted, or moved");
      case AMQP_BASIC_RETURN_METHOD:
        returned_ = true;
        return Status::Ok();
      case AMQP_BASIC_ACK_METHOD:
        confirmed_ = true;
        return Status::Ok();
      case AMQP_BASIC_NACK_METHOD:
        return Status(Code::kUnavailable, "the server could not keep what was published");
      case AMQP_CHANNEL_CLOSE_METHOD:
      case AMQP_CONNECTION_CLOSE_METHOD:
        return FaultOfMethod(method, "the server ended the connection");
      default:
        return Status::Ok();
    }
  }

  Status WaitForConfirm(const std::string& queue) {
    confirmed_ = returned_ = false;
    const int64_t until_ms = ReadClockMs(CLOCK_MONOTONIC) + kConfirmMs;
    while (!confirmed_) {
      const int64_t left_ms = until_ms - ReadClockMs(CLOCK_MONOTONIC);
      if (left_ms <= 0) return Status(Code::kUnavailable, "the queue " + queue + ": no confirm came");
      const timeval wait{left_ms / 1000, (left_ms % 1000) * 1000};
      amqp_frame_t frame{};
      if (int code = amqp_simple_wait_frame_noblock(state_, &frame, &wait); code != AMQP_STATUS_OK) return FaultOfLibrary(code, "the queue " + queue);
      Status taken = Take(frame);
      GiveBack();
      if (!taken.ok()) return taken;
    }
    // It is confirmed although it went nowhere: the word that it did comes first.
    return returned_ ? Status(Code::kNotFound, "there is no queue " + queue) : Status::Ok();
  }

  amqp_connection_state_t state_;
  std::optional<AmqpDelivery> under_way_;
  uint64_t left_ = 0;  // of the body of what is under way
  bool confirms_ = false, confirmed_ = false, returned_ = false;
};

std::string AmqpAddress::ToString() const {
  const bool literal = host.find(':') != std::string::npos;
  return (tls ? "amqps://" : "amqp://") + (literal ? "[" + host + "]" : host) + ":" + std::to_string(port) + (vhost == "/" ? "" : "/" + vhost);
}

Result<AmqpAddress> ParseAmqpUrl(const std::string& url) {
  std::string text = url;  // the parser writes into it
  amqp_connection_info info;
  amqp_default_connection_info(&info);
  const bool clean = text.find_first_of(std::string_view(" \t\r\n\0", 5)) == std::string::npos;
  if (!clean || amqp_parse_url(text.data(), &info) != AMQP_STATUS_OK)
    return Status(Code::kUnacceptable, "not of the form amqp://USER:PASSWORD@HOST:PORT/VHOST");
  AmqpAddress address{info.host, info.user, info.password, info.vhost, info.port, info.ssl != 0};
  if (address.host.empty()) return Status(Code::kUnacceptable, "names no host");
  if (address.port < 1 || address.port > 65'535) return Status(Code::kUnacceptable, "its port is none from 1 to 65535");
  return address;
}

AmqpLink::AmqpLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AmqpLink::~AmqpLink() = default;

Result<std::unique_ptr<AmqpLink>> AmqpLink::Open(const AmqpAddress& address, const std::string& name) {
  auto impl = std::make_unique<Impl>();
  NOTIFYD_TRY(impl->Open(address, name));
  return std::unique_ptr<AmqpLink>(new AmqpLink(std::move(impl)));
}

Result<AmqpLink::Counts> AmqpLink::LookAt(const std::string& queue) {
  return impl_->LookAt(queue);
}

Status AmqpLink::Consume(const std::string& queue, uint16_t prefetch, bool exclusive) {
  return impl_->Consume(queue, prefetch, exclusive);
}

Result<bool> AmqpLink::Next(AmqpDelivery* delivery) {
  return impl_->Next(delivery);
}

int AmqpLink::fd() const {
  return impl_->fd();
}

Status AmqpLink::Beat() {
  return impl_->Beat();
}

Status AmqpLink::Acknowledge(uint64_t tag) {
  return impl_->Acknowledge(tag);
}

Status AmqpLink::Publish(const std::string& queue, const AmqpMessage& message, const std::vector<std::pair<std::string, std::string>>& more) {
  return impl_->Publish(queue, message, more);
}

void AmqpLink::Close() {
  impl_->Close();
}

}  // namespace notifyd
