// nghttp2's client side on a connection.
#include "net/sender/http2_session.h"

#include <nghttp2/nghttp2.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"
#include "net/sender/plain_pool.h"

namespace notifyd {
namespace {

/// Written at one.
constexpr size_t kBurstBytes = 256 << 10;
/// Memory that a connection keeps between two writes.
constexpr size_t kKeptBytes = 32 << 10;
constexpr uint64_t kFreeFrameBytes = 256 << 10;
constexpr uint64_t kFrameBytesAByte = 16;
// Of heads that nobody wants any more, inflated.
constexpr uint64_t kMaxWastedBytes = 1 << 20;
/// What a call's frames may take beyond what they carry.
constexpr uint64_t kCallBytes = 4 << 10;

constexpr const char* kBroken = "the answer breaks the rules of HTTP/2";

std::string_view Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* Bytes(std::string_view text) {
  return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
}

nghttp2_nv Field(std::string_view name, std::string_view value, bool secret = false) {
  return {Bytes(name), Bytes(value), name.size(), value.size(), static_cast<uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
}

/// The next line off the front of `head`, without its end.
std::string_view NextLine(std::string_view* head) {
  const size_t end = head->find("\r\n");
  const std::string_view line = head->substr(0, end);
  head->remove_prefix(std::min(head->size(), end + 2));
  return line;
}

}  // namespace

struct Http2Session::Callbacks {
  static Http2Session* Self(void* self) { return static_cast<Http2Session*>(self); }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size,
                      uint8_t, void* self) {
    Http2Session* session = Self(self);
    Http2Stream* call = session->Touch(frame->hd.stream_id);
    if (call != nullptr) session->TakeField(call, Text(name, name_size), Text(value, value_size));
    // The rest of a head that nobody wants has to be inflated all the same, as long as the connection lives, and a few KiB may become many MiB.
    if (call == nullptr || call->spoiled_) session->wasted_ += name_size + value_size;
    return session->wasted_ > kMaxWastedBytes ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* self) {
    // An answer for which there is no room holds up no other: what came of it is taken in all the same, and its own receiver waits.
    nghttp2_session_consume_connection(session, size);
    Http2Stream* call = Self(self)->Touch(id);
    if (call != nullptr && !call->spoiled_ && size > 0) {
      Self(self)->useful_ += size;
      call->reader_->TakeBody(Text(bytes, size));
      if (call->reader_->capture_left() > 0) {
        call->held_back_ += size;
        return 0;
      }
    }
    nghttp2_session_consume_stream(session, id, size);
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* context) {
    Http2Session* self = Self(context);
    Http2Stream* call = frame->hd.stream_id != 0 ? self->Touch(frame->hd.stream_id) : nullptr;
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        self->ready_ |= (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
        return 0;
      case NGHTTP2_GOAWAY:
        self->retired_ = true;
        self->refused_from_ = frame->goaway.last_stream_id;
        return 0;
      case NGHTTP2_RST_STREAM:
        if (call != nullptr) call->reset_by_peer_ = true;
        return 0;
      case NGHTTP2_HEADERS:
        if (call != nullptr) self->TakeHeadEnd(call);
        break;
      case NGHTTP2_DATA:
        break;
      default:
        return 0;
    }
    if (call != nullptr && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) self->TakeEnd(call);
    return 0;
  }

  static int OnClosed(nghttp2_session*, int32_t id, uint32_t error, void* self) {
    Http2Stream* call = Self(self)->Touch(id);
    if (call == nullptr) return 0;
    call->closed_ = true;
    call->error_ = error;
    return 0;
  }

  static int OnSent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    const bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (last) Self(self)->sent_.push_back(frame->hd.stream_id);
    return 0;
  }

  static ssize_t ReadBody(nghttp2_session*, int32_t id, uint8_t* into, size_t size, uint32_t* flags, nghttp2_data_source*, void* self) {
    Http2Stream* call = Self(self)->Find(id);
    if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const size_t count = std::min(size, call->body_.size());
    std::memcpy(into, call->body_.data(), count);
    call->body_.remove_prefix(count);
    Self(self)->useful_ += count;  // which its receiver may acknowledge in small steps
    if (call->body_.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  /// Made once a process.
  static const nghttp2_session_callbacks* All() {
    static const nghttp2_session_callbacks* all = [] {
      nghttp2_session_callbacks* made = nullptr;
      CHECK(nghttp2_session_callbacks_new(&made) == 0);
      nghttp2_session_callbacks_set_on_header_callback(made, &OnHeader);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &OnData);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, &OnFrame);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, &OnClosed);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, &OnSent);
      return made;
    }();
    return all;
  }
  static const nghttp2_option* Options() {
    static const nghttp2_option* options = [] {
      nghttp2_option* made = nullptr;
      CHECK(nghttp2_option_new(&made) == 0);
      nghttp2_option_set_no_closed_streams(made, 1);
      nghttp2_option_set_no_auto_window_update(made, 1);
      return made;
    }();
    return options;
  }
};

Http2Session::Http2Session(PlainConnection* connection, PlainPool* pool) : connection_(connection), pool_(pool) {
  CHECK(nghttp2_session_client_new2(&session_, Callbacks::All(), this, Callbacks::Options()) == 0);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeadBytes}};
  CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  connection->SetUser(this);
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

// ---- calls

size_t Http2Session::limit() const {
  return ready_ ? nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) : 1;
}

bool Http2Session::HasRoom() const {
  return !retired_ && !connection_->closing() && !connection_->broken() && calls_.size() < limit() &&
         nghttp2_session_check_request_allowed(session_) != 0;
}

bool Http2Session::Open(Http2Stream* call, std::string_view head, std::string_view body, const SecretNames& secrets,
                        const SecretValues::Headers* also_secret, AnswerReader* reader) {
  const auto is_secret = [&](std::string_view name) {
    if (secrets.Contains(name)) return true;
    return also_secret != nullptr &&
           std::any_of(also_secret->begin(), also_secret->end(), [&](const auto& each) { return EqualsIgnoringCase(each.first, name); });
  };
  std::string_view first = NextLine(&head), host;
  const size_t method_end = first.find(' ');
  const std::string_view method = first.substr(0, method_end);
  const std::string_view target = first.substr(method_end + 1, first.rfind(' ') - method_end - 1);
  std::vector<nghttp2_nv> fields{Field(":method", method), Field(":scheme", "https"), {}, Field(":path", target)};
  // Names are in lower case there; views of them must stay.
  names_.clear();
  names_.reserve(head.size());
  for (std::string_view line; !(line = NextLine(&head)).empty();) {
    const size_t colon = line.find(':');
    const size_t begin = names_.size();
    for (char c : line.substr(0, colon)) names_.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    const std::string_view name = std::string_view(names_).substr(begin);
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (name == "host") host = value;
    else if (name != "keep-alive" && name != "proxy-connection") fields.push_back(Field(name, value, is_secret(name)));
  }
  fields[2] = Field(":authority", host);
  call->Begin(reader, body);
  nghttp2_data_provider provider{};
  provider.read_callback = &Callbacks::ReadBody;
  const int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), body.empty() ? nullptr : &provider, nullptr);
  if (id < 0) {
    // Its numbers are used up.
    retired_ = true;
    if (calls_.empty()) pool_->OnCallLeft(this);
    return false;
  }
  call->id_ = id;
  calls_.emplace(id, call);
  ++served_;
  Flush();
  return true;
}

void Http2Session::LetMore(Http2Stream* call) {
  if (call->held_back_ == 0) return;
  nghttp2_session_consume_stream(session_, call->id_, std::exchange(call->held_back_, 0));
  Flush();
}

void Http2Session::Leave(Http2Stream* call, bool healthy) {
  if (call->id_ == 0) return;
  calls_.erase(call->id_);
  if (!call->closed_) nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call->id_, NGHTTP2_CANCEL);
  call->id_ = 0;
  retired_ |= !healthy;
  useful_ += kCallBytes / kFrameBytesAByte;
  Flush();
  if (!connection_->closing()) pool_->OnCallLeft(this);
}

// ---- what comes in

Http2Stream* Http2Session::Find(int32_t id) const {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

Http2Stream* Http2Session::Touch(int32_t id) {
  Http2Stream* call = Find(id);
  if (call != nullptr && !call->touched_) {
    call->touched_ = true;
    touched_.push_back(id);
  }
  return call;
}

void Http2Session::TakeField(Http2Stream* call, std::string_view name, std::string_view value) {
  if (call->spoiled_) return;
  AnswerReader& reader = *call->reader_;
  call->begun_ = true;
  call->head_bytes_ += name.size() + value.size() + 4;
  if (call->head_bytes_ > kMaxHeadBytes) {
    call->spoiled_ = true;
    if (!reader.head_done()) reader.Fail(kHeadTooLarge);
    return;
  }
  useful_ += name.size() + value.size();
  if (reader.head_done()) return;  // trailers mean nothing here
  if (name == ":status") line_.assign("HTTP/1.1 ").append(value);
  else line_.assign(name).append(": ").append(value);
  call->spoiled_ = !reader.TakeLine(line_);
}

void Http2Session::TakeHeadEnd(Http2Stream* call) {
  if (!call->spoiled_ && !call->reader_->head_done()) call->spoiled_ = !call->reader_->TakeLine({});
}

void Http2Session::TakeEnd(Http2Stream* call) {
  if (call->spoiled_ || !call->reader_->head_done()) return;
  call->ended_ = true;
  call->reader_->TakeBodyEnd();
}

void Http2Session::OnBytes(PlainConnection*, std::string_view bytes) {
  taken_ += bytes.size();
  inside_ = true;
  const ssize_t took = nghttp2_session_mem_recv(session_, Bytes(bytes), bytes.size());
  inside_ = false;
  retired_ |= took < 0;
  // Before any call is told of its end: what comes of that depends on whether the pool counts this one as still being opened.
  if (ready_ && !told_ready_) {
    told_ready_ = true;
    pool_->OnSessionReady(this);
    if (connection_->closing()) return;
  }
  Flush();
  Tell();
  if (connection_->closing()) return;
  const bool over = took < 0 || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
  if (over || taken_ > kFreeFrameBytes + kFrameBytesAByte * useful_) {
    // It left, and was waited for; or broke the rules.
    for (auto& [id, call] : calls_) {
      call->reader_->Fail(over ? kBroken : "the frames of the connection carry next to nothing");
      call->spoiled_ = true;
      Touch(id);
    }
    retired_ = true;
    Tell();
    if (!connection_->closing()) pool_->OnCallLeft(this);
    return;
  }
}

/// Whoever is told may leave, and others with it.
void Http2Session::Tell() {
  while (!touched_.empty()) {
    std::vector<int32_t> ids;
    ids.swap(touched_);
    for (int32_t id : ids) {
      Http2Stream* call = Find(id);
      if (call == nullptr) continue;
      call->touched_ = false;
      Tell(call);
    }
  }
}

void Http2Session::Tell(Http2Stream* call) {
  const int32_t id = call->id_;
  const bool refused = call->closed_ && (call->error_ == NGHTTP2_REFUSED_STREAM || id > refused_from_);
  if (call->closed_ && !call->ended_ && !call->reset_by_peer_ && !refused && !call->spoiled_) {
    // Closed by nghttp2, because of what came.
    call->spoiled_ = true;
    if (call->reader_->head_done() && call->reader_->framing() == BodyFraming::kNone) call->reader_->Contradict(kBroken);
    else call->reader_->Fail(kBroken);
  }
  if (call->begun_ || call->spoiled_) {
    call->OnStreamAnswer(!call->spoiled_ && !call->ended_);
    if (Find(id) != call) return;
  }
  if (!call->closed_) return;
  const Http2Stream::Loss loss = refused                                     ? Http2Stream::Loss::kRefused
                                 : call->error_ == NGHTTP2_HTTP_1_1_REQUIRED ? Http2Stream::Loss::kHttp1
                                                                             : Http2Stream::Loss::kReset;
  call->OnStreamLost(loss, refused ? "the receiver refused the call, or left before it"
                                   : std::string("the receiver reset the call: ") + nghttp2_http2_strerror(call->error_));
}

void Http2Session::OnLost(PlainConnection* connection, int status) {
  if (calls_.empty()) return pool_->OnLost(connection, status);
  retired_ = true;
  LoseAll(Http2Stream::Loss::kConnection, "the connection was lost");
  if (!connection->closing()) pool_->Close(connection);
}

void Http2Session::LoseAll(Http2Stream::Loss loss, const std::string& detail) {
  std::vector<int32_t> ids;
  for (const auto& [id, call] : calls_) ids.push_back(id);
  for (int32_t id : ids) {
    Http2Stream* call = Find(id);
    if (call == nullptr) continue;
    call->closed_ = true;
    call->OnStreamLost(loss, detail);
  }
}

// ---- what goes out

void Http2Session::Flush() {
  while (!inside_ && !connection_->closing() && !connection_->writing() && !connection_->broken()) {
    if (out_.capacity() > kKeptBytes) std::string().swap(out_);
    else out_.clear();
    const uint8_t* bytes = nullptr;
    ssize_t size = 0;
    inside_ = true;
    while (out_.size() < kBurstBytes && (size = nghttp2_session_mem_send(session_, &bytes)) > 0) out_.append(Text(bytes, static_cast<size_t>(size)));
    inside_ = false;
    if (out_.empty() || !connection_->Write(out_, {})) return;
    TellWritten();
  }
}

void Http2Session::OnWritten(PlainConnection*) {
  TellWritten();
  Flush();
  Tell();
}

void Http2Session::TellWritten() {
  std::vector<int32_t> ids;
  ids.swap(sent_);
  for (int32_t id : ids) {
    if (Http2Stream* call = Find(id)) call->OnStreamWritten();
  }
}

}  // namespace notifyd
