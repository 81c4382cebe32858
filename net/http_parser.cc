#include "net/http_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "base/authority.h"

namespace notifyd {
namespace {

// Beside the target, a request line holds a method and a version.
constexpr size_t kLineSlack = 64;
// Longest honest frame of a chunk: 16 digits and two line ends.
constexpr int64_t kChunkFrameBytes = 20;
constexpr size_t kFirstReserveBytes = 64 << 10;
constexpr size_t kFirstChunkedBytes = 1 << 10;
constexpr size_t kBelievedBytes = 8 << 20;

// RFC 9110 section 5.5: a tab is the one control character that may stand in a field.
bool HasControl(const char* text, size_t size) {
  bool found = false;
  for (size_t i = 0; i < size; ++i) {
    uint8_t c = static_cast<uint8_t>(text[i]);
    found |= (c < 0x20 && c != '\t') || c == 0x7f;
  }
  return found;
}

void TrimEnd(std::string* text) {
  while (!text->empty() && (text->back() == ' ' || text->back() == '\t')) text->pop_back();
}

bool IsHostText(std::string_view text) {
  return text.find_first_of(" \t/?#@,\\\"<>") == std::string_view::npos;
}

}  // namespace

struct HttpParserCallbacks {
  static HttpParser* Self(llhttp_t* parser) { return static_cast<HttpParser*>(parser->data); }

  static int Name(llhttp_t* parser, const char* text, size_t size) {
    HttpParser* self = Self(parser);
    if (self->phase_ != HttpParser::Phase::kHead) return 0;  // trailers are discarded
    if (self->new_header_) self->request_.headers.emplace_back();
    self->new_header_ = false;
    self->request_.headers.back().first.append(text, size);
    return 0;
  }
  static int Value(llhttp_t* parser, const char* text, size_t size) {
    HttpParser* self = Self(parser);
    // llhttp takes ": value" for a header without a name.
    if (self->phase_ == HttpParser::Phase::kHead && !self->new_header_) self->request_.headers.back().second.append(text, size);
    return 0;
  }
  static int ValueComplete(llhttp_t* parser) {
    Self(parser)->new_header_ = true;
    return 0;
  }
  static int HeadersComplete(llhttp_t* parser) { return Self(parser)->HeadersComplete(parser) ? 0 : -1; }
  static int ChunkHeader(llhttp_t* parser) {
    if (!Self(parser)->ChunkHeader(parser->content_length)) return -1;
    // Behind the last chunk come the trailers, whose lines are checked before llhttp sees them.
    return parser->content_length == 0 ? HPE_PAUSED : 0;
  }
  static int Body(llhttp_t* parser, const char* text, size_t size) {
    if (size == 0) return 0;
    Self(parser)->Body(std::string_view(text, size));
    return Self(parser)->in_pieces_ ? HPE_PAUSED : 0;
  }

  static const llhttp_settings_t* Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_header_field = Name;
      s.on_header_value = Value;
      s.on_header_value_complete = ValueComplete;
      s.on_headers_complete = HeadersComplete;
      s.on_chunk_header = ChunkHeader;
      s.on_body = Body;
      return s;
    }();
    return &settings;
  }
};

const std::string* HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return &value;
  }
  return nullptr;
}

HttpParser::HttpParser(const HttpLimits* limits) : limits_(limits) {}
HttpParser::~HttpParser() = default;

size_t HttpParser::held_bytes() const {
  size_t size = head_.size();
  if (phase_ == Phase::kHead) return size;
  // What was reserved at once counts at once.
  const std::string& body = request_.body;
  return size + head_held_ + (body.size() > kBelievedBytes ? body.capacity() : body.size());
}

HttpParser::Step HttpParser::Feed(std::string_view in, size_t* used) {
  *used = 0;
  CHECK(refusal_status_ == 0);
  switch (phase_) {
    case Phase::kHead:
      return FeedHead(in, used);
    case Phase::kIdentity:
      return FeedIdentity(in, used);
    case Phase::kChunked:
      return FeedChunked(in, used);
    case Phase::kTrailers:
      return FeedTrailers(in, used);
    case Phase::kUndecided:
    case Phase::kComplete:
      break;
  }
  CHECK(false);
  return Step::kMore;
}

HttpParser::Step HttpParser::KeepBody() {
  CHECK(phase_ == Phase::kUndecided);
  if (content_length_ > limits_->max_body_bytes) return RefuseLength();
  phase_ = chunked_ ? Phase::kChunked : Phase::kIdentity;
  return Step::kMore;
}

void HttpParser::StreamBody() {
  CHECK(phase_ == Phase::kUndecided);
  in_pieces_ = true;
  phase_ = chunked_ ? Phase::kChunked : Phase::kIdentity;
}

void HttpParser::Drop() {
  request_ = HttpRequest();
  head_held_ = 0;
  head_ = std::string();
}

HttpRequest HttpParser::Take() {
  CHECK(phase_ == Phase::kComplete);
  phase_ = Phase::kHead;
  head_held_ = 0;
  HttpRequest request = std::move(request_);
  request_ = HttpRequest();
  return request;
}

HttpParser::Step HttpParser::FeedHead(std::string_view in, size_t* used) {
  size_t skipped = 0;
  if (head_.empty()) {
    is_head_ = false;
    // RFC 9112 section 2.2: old clients send an empty line behind a body.
    while (in.substr(skipped, 2) == "\r\n") skipped += 2;
    in.remove_prefix(skipped);
    *used = skipped;
    if (in.empty()) return Step::kMore;
  }
  std::string_view head;
  size_t lines_used = 0;
  Step step = FeedLines(in, &lines_used, &head);
  *used = skipped + lines_used;
  if (step != Step::kHead) return step;
  head.remove_prefix(scan_.begin);
  step = ParseHead(head);
  scan_ = LineScan();
  // An idle connection keeps no buffer.
  if (head_.capacity() > 64) head_ = std::string();
  head_.clear();
  return step;
}

HttpParser::Step HttpParser::FeedLines(std::string_view in, size_t* used, std::string_view* section) {
  // One byte beyond the limit tells that it was passed.
  size_t window = limits_->max_head_bytes + 1;
  size_t held = head_.size();
  std::string_view text = in.substr(0, window);
  if (held > 0) {
    head_.append(in.substr(0, window - held));
    text = head_;
  }
  Step step = ScanLines(text);
  if (step == Step::kRefused) return step;
  size_t size = step == Step::kHead ? scan_.end : text.size();
  if (size > limits_->max_head_bytes) {
    return Refuse(431, "the request's head is longer than " + std::to_string(limits_->max_head_bytes) + " bytes");
  }
  *used = size - held;
  *section = text.substr(0, size);
  if (step == Step::kMore && held == 0) head_.assign(text);
  return step;
}

HttpParser::Step HttpParser::ScanLines(std::string_view text) {
  for (;;) {
    const void* found = std::memchr(text.data() + scan_.checked, '\n', text.size() - scan_.checked);
    size_t end = found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : text.size();
    bool ends_in_cr = end > scan_.line_start && text[end - 1] == '\r';
    if (found && !ends_in_cr) return Refuse(400, "a line feed without a carriage return");
    size_t content_end = ends_in_cr ? end - 1 : end;
    if (content_end > scan_.checked && HasControl(text.data() + scan_.checked, content_end - scan_.checked)) {
      return Refuse(400, "a control character in the request's head");
    }
    if (scan_.lines == 0 && phase_ == Phase::kHead && content_end - scan_.line_start > limits_->max_target_bytes + kLineSlack) {
      return Refuse(414, "the request's target is longer than " + std::to_string(limits_->max_target_bytes) + " bytes");
    }
    if (!found) {
      // A carriage return at the end is looked at again, with what follows it.
      scan_.checked = content_end;
      return Step::kMore;
    }
    if (!EndLine(text, content_end)) return Step::kRefused;
    scan_.checked = scan_.line_start = end + 1;
    if (scan_.end != 0) return Step::kHead;
  }
}

bool HttpParser::EndLine(std::string_view text, size_t end) {
  bool empty = end == scan_.line_start;
  bool first = scan_.lines == 0 && phase_ == Phase::kHead;
  if (first && empty) {
    scan_.begin = end + 2;
    return true;
  }
  if (empty) {
    scan_.end = end + 2;
    return true;
  }
  if (!first && (text[scan_.line_start] == ' ' || text[scan_.line_start] == '\t')) {
    return Refuse(400, "a header that is folded over several lines"), false;
  }
  if (!first && text[scan_.line_start] == ':') return Refuse(400, "a header without a name"), false;
  ++scan_.lines;
  size_t headers = scan_.lines - (phase_ == Phase::kHead ? 1 : 0);
  if (headers > limits_->max_headers) return Refuse(431, "more than " + std::to_string(limits_->max_headers) + " headers"), false;
  return true;
}

HttpParser::Step HttpParser::ParseHead(std::string_view head) {
  keep_alive_ = expects_continue_ = chunked_ = in_pieces_ = false;
  content_length_ = 0;
  piece_ = {};
  new_header_ = true;
  if (!ParseRequestLine(head.substr(0, head.find("\r\n")))) return Step::kRefused;
  request_.headers.reserve(scan_.lines - 1);
  request_.peer = peer_;

  // llhttp knows a closed list of methods, and protocols that begin with some of them. Which methods there are is the router's to say, so
  // llhttp is shown GET for all; only CONNECT has a target of its own form.
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, HttpParserCallbacks::Settings());
  parser.data = this;
  std::string_view shown = request_.method == "CONNECT" ? "CONNECT " : "GET ";
  std::string_view rest = head.substr(request_.method.size() + 1);
  llhttp_errno_t error = llhttp_execute(&parser, shown.data(), shown.size());
  if (error == HPE_OK) error = llhttp_execute(&parser, rest.data(), rest.size());
  if (refusal_status_ != 0) return Step::kRefused;
  if (error != HPE_OK) {
    if (error == HPE_INVALID_TRANSFER_ENCODING) return Refuse(501, "a transfer coding other than chunked");
    if (error == HPE_INVALID_CONTENT_LENGTH && std::strstr(parser.reason, "overflow") != nullptr) {
      return RefuseLength();
    }
    return Refuse(400, std::string("malformed HTTP: ") + (parser.reason != nullptr ? parser.reason : llhttp_errno_name(error)));
  }
  head_held_ = head.size() + request_.headers.size() * sizeof(request_.headers[0]);
  if (chunked_) {
    chunk_parser_ = std::make_unique<llhttp_t>(parser);
    chunk_overhead_ = 0;
  } else if (content_length_ == 0) {
    return Complete();
  }
  body_left_ = content_length_;
  phase_ = Phase::kUndecided;
  return Step::kHead;
}

bool HttpParser::ParseRequestLine(std::string_view line) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Refuse(400, "the request line is not a method, a target and a version"), false;
  std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  std::string_view version = line.substr(last + 1);
  is_head_ = method == "HEAD";
  if (!IsToken(method)) return Refuse(400, "the method is not a token"), false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    bool other = version.size() > 5 && version.starts_with("HTTP/") && version.find_first_not_of("0123456789.", 5) == std::string_view::npos;
    return other ? Refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here") : Refuse(400, "malformed HTTP version"), false;
  }
  http_1_0_ = version == "HTTP/1.0";
  if (target.size() > limits_->max_target_bytes) {
    return Refuse(414, "the request's target is longer than " + std::to_string(limits_->max_target_bytes) + " bytes"), false;
  }
  auto bad = [](char c) { return static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7f || c == '#'; };
  if (target.empty() || std::any_of(target.begin(), target.end(), bad)) {
    return Refuse(400, "a character in the target that has no place there"), false;
  }
  request_.method.assign(method);
  request_.target.assign(target);
  return true;
}

bool HttpParser::HeadersComplete(llhttp_t* parser) {
  // Upgrades are not followed: the request is an ordinary one.
  parser->upgrade = 0;
  keep_alive_ = llhttp_should_keep_alive(parser) != 0;
  content_length_ = parser->content_length;
  return CheckHeaders() && ReduceTarget();
}

bool HttpParser::CheckHeaders() {
  size_t hosts = 0, encodings = 0, types = 0;
  const std::string* expect = nullptr;
  for (auto& [name, value] : request_.headers) {
    TrimEnd(&value);
    switch (name.size()) {
      case 4:
        if (!EqualsIgnoringCase(name, "host")) break;
        ++hosts;
        if (!IsHostText(value)) return Refuse(400, "malformed Host"), false;
        break;
      case 6:
        if (EqualsIgnoringCase(name, "expect")) expect = &value;
        break;
      case 12:
        if (EqualsIgnoringCase(name, "content-type")) ++types;
        break;
      case 17:
        if (!EqualsIgnoringCase(name, "transfer-encoding")) break;
        ++encodings;
        if (!EqualsIgnoringCase(value, "chunked")) return Refuse(501, "a transfer coding other than chunked"), false;
        break;
      default:
        break;
    }
  }
  if (hosts > 1) return Refuse(400, "more than one Host"), false;
  if (hosts == 0 && !http_1_0_) return Refuse(400, "no Host"), false;
  if (encodings > 1) return Refuse(400, "more than one Transfer-Encoding"), false;
  if (types > 1) return Refuse(400, "more than one Content-Type"), false;  // each reader would take another one for what it says
  if (encodings > 0 && http_1_0_) return Refuse(400, "Transfer-Encoding in HTTP/1.0"), false;
  chunked_ = encodings > 0;
  if (expect != nullptr && !http_1_0_) {
    if (!EqualsIgnoringCase(*expect, "100-continue")) return Refuse(417, "an expectation other than 100-continue"), false;
    expects_continue_ = true;
  }
  return true;
}

bool HttpParser::ReduceTarget() {
  std::string& target = request_.target;
  if (target[0] == '/' || request_.method == "CONNECT") return true;
  if (target == "*") {
    if (request_.method == "OPTIONS") return true;
    return Refuse(400, "the target * goes with OPTIONS only"), false;
  }
  std::optional<UrlParts> parts = PartsOfUrl(target, "/?");
  if (!parts) return Refuse(400, "the target is neither a path nor an http URL"), false;
  std::string host(parts->authority);
  host.erase(0, host.rfind('@') + 1);
  if (host.empty()) return Refuse(400, "the target has no host"), false;
  std::string rest(parts->rest);
  if (rest.empty()) {
    rest = request_.method == "OPTIONS" ? "*" : "/";
  } else if (rest[0] == '?') {
    rest.insert(0, "/");
  }
  target = std::move(rest);
  // RFC 9112 section 3.2.2: the target's authority counts, not Host.
  for (auto& [key, value] : request_.headers) {
    if (!EqualsIgnoringCase(key, "host")) continue;
    value = std::move(host);
    return true;
  }
  request_.headers.emplace_back("Host", std::move(host));
  return true;
}

HttpParser::Step HttpParser::FeedIdentity(std::string_view in, size_t* used) {
  if (in_pieces_) {
    piece_ = in.substr(0, static_cast<size_t>(std::min<uint64_t>(in.size(), body_left_)));
    *used = piece_.size();
    body_left_ -= piece_.size();
    return body_left_ == 0 ? Complete() : Step::kPiece;
  }
  size_t size = static_cast<size_t>(std::min<uint64_t>(in.size(), content_length_ - request_.body.size()));
  ReserveBody(request_.body.size() + size);
  request_.body.append(in.data(), size);
  *used = size;
  return request_.body.size() == content_length_ ? Complete() : Step::kMore;
}

void HttpParser::ReserveBody(size_t size) {
  std::string& body = request_.body;
  size_t needed = size + HttpRequest::kPaddingBytes;
  if (needed <= body.capacity()) return;
  // What is announced is believed only step by step: memory is committed as the bytes come.
  size_t most = static_cast<size_t>(content_length_ > 0 ? content_length_ : limits_->max_body_bytes) + HttpRequest::kPaddingBytes;
  // Of one that has come so far the rest is believed, for each step copies what is there.
  if (content_length_ > 0 && size > kBelievedBytes) return body.reserve(most);
  size_t least = content_length_ > 0 ? kFirstReserveBytes : kFirstChunkedBytes;
  body.reserve(std::max(needed, std::min(most, std::max(least, 2 * body.capacity()))));
}

HttpParser::Step HttpParser::FeedChunked(std::string_view in, size_t* used) {
  llhttp_t* parser = chunk_parser_.get();
  size_t before = request_.body.size();
  piece_ = {};
  llhttp_errno_t error = llhttp_execute(parser, in.data(), in.size());
  if (refusal_status_ != 0) return Step::kRefused;
  if (error != HPE_OK && error != HPE_PAUSED) {
    return Refuse(400, std::string("malformed chunk: ") + (parser->reason != nullptr ? parser->reason : llhttp_errno_name(error)));
  }
  *used = error == HPE_PAUSED ? static_cast<size_t>(llhttp_get_error_pos(parser) - in.data()) : in.size();
  chunk_overhead_ += static_cast<int64_t>(*used - (request_.body.size() - before) - piece_.size());
  if (chunk_overhead_ > static_cast<int64_t>(limits_->max_head_bytes)) {
    return Refuse(400, "chunk extensions are longer than " + std::to_string(limits_->max_head_bytes) + " bytes");
  }
  if (error == HPE_OK) return Step::kMore;
  llhttp_resume(parser);
  if (!piece_.empty()) return Step::kPiece;
  phase_ = Phase::kTrailers;
  scan_ = LineScan();
  std::string_view rest = in.substr(*used);
  if (rest.empty()) return Step::kMore;
  size_t more = 0;
  Step step = FeedTrailers(rest, &more);
  *used += more;
  return step;
}

HttpParser::Step HttpParser::FeedTrailers(std::string_view in, size_t* used) {
  std::string_view trailers;
  Step step = FeedLines(in, used, &trailers);
  if (step != Step::kHead) return step;
  llhttp_errno_t error = llhttp_execute(chunk_parser_.get(), trailers.data(), trailers.size());
  scan_ = LineScan();
  head_ = std::string();
  if (error != HPE_OK) return Refuse(400, "malformed trailers");
  chunk_parser_.reset();
  return Complete();
}

bool HttpParser::ChunkHeader(uint64_t size) {
  chunk_overhead_ -= kChunkFrameBytes;
  if (in_pieces_) return true;
  size_t held = request_.body.size();
  if (size <= limits_->max_body_bytes && held + size <= limits_->max_body_bytes) return true;
  return RefuseLength(), false;
}

void HttpParser::Body(std::string_view bytes) {
  if (in_pieces_) {
    piece_ = bytes;
    return;
  }
  ReserveBody(request_.body.size() + bytes.size());
  request_.body.append(bytes);
}

HttpParser::Step HttpParser::Complete() {
  std::string& body = request_.body;
  if (!in_pieces_ && body.capacity() - body.size() < HttpRequest::kPaddingBytes) body.reserve(body.size() + HttpRequest::kPaddingBytes);
  phase_ = Phase::kComplete;
  return Step::kRequest;
}

HttpParser::Step HttpParser::RefuseLength() {
  return Refuse(413, "the request's body is longer than " + std::to_string(limits_->max_body_bytes) + " bytes");
}

HttpParser::Step HttpParser::Refuse(int status, std::string detail) {
  refusal_status_ = status;
  refusal_detail_ = std::move(detail);
  return Step::kRefused;
}

}  // namespace notifyd
