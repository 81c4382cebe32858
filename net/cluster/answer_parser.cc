#include "net/cluster/answer_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"

namespace notifyd {
namespace {

/// Headers of one connection alone, and what AppendResponseHead says by itself.
bool IsOfConnection(std::string_view name) {
  for (std::string_view each : {"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "X-Content-Type-Options"})
    if (EqualsIgnoringCase(name, each)) return true;
  return false;
}

}  // namespace

struct AnswerParserCallbacks {
  static AnswerParser* Self(llhttp_t* parser) { return static_cast<AnswerParser*>(parser->data); }

  static int Name(llhttp_t* parser, const char* text, size_t size) {
    AnswerParser* self = Self(parser);
    if (!self->Count(size)) return -1;
    if (!self->waits_ || self->in_body_) return 0;
    if (self->new_header_) self->head_.headers.emplace_back();
    self->new_header_ = false;
    self->head_.headers.back().first.append(text, size);
    return 0;
  }
  static int Value(llhttp_t* parser, const char* text, size_t size) {
    AnswerParser* self = Self(parser);
    if (!self->Count(size)) return -1;
    if (!self->in_body_ && !self->new_header_) self->head_.headers.back().second.append(text, size);
    return 0;
  }
  static int ValueComplete(llhttp_t* parser) {
    Self(parser)->new_header_ = true;
    return 0;
  }
  static int HeadersComplete(llhttp_t* parser) { return Self(parser)->HeadersComplete(); }
  static int Body(llhttp_t* parser, const char* text, size_t size) {
    AnswerParser* self = Self(parser);
    if (size > 0 && !self->stopped_) self->reader_->OnAnswerBody({text, size});
    return self->stopped_ ? -1 : 0;
  }
  static int MessageComplete(llhttp_t* parser) { return Self(parser)->MessageComplete(); }

  static const llhttp_settings_t* Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_header_field = Name;
      s.on_header_value = Value;
      s.on_header_value_complete = ValueComplete;
      s.on_headers_complete = HeadersComplete;
      s.on_body = Body;
      s.on_message_complete = MessageComplete;
      return s;
    }();
    return &settings;
  }
};

AnswerParser::AnswerParser(Reader* reader) : reader_(reader), parser_(std::make_unique<llhttp__internal_s>()) {}
AnswerParser::~AnswerParser() = default;

void AnswerParser::Begin(bool to_head) {
  llhttp_init(parser_.get(), HTTP_RESPONSE, AnswerParserCallbacks::Settings());
  parser_->data = this;
  head_ = HttpResponse();
  head_bytes_ = 0;
  new_header_ = true;
  to_head_ = to_head;
  waits_ = true;
  in_body_ = false;
}

bool AnswerParser::Count(size_t bytes) {
  head_bytes_ += bytes;
  return head_bytes_ <= kMaxHeadBytes;
}

int AnswerParser::HeadersComplete() {
  // To llhttp what is below 100 has a body, as a final answer; it is none.
  if (parser_->status_code < 100) return -1;
  provisional_ = parser_->status_code < 200;
  if (provisional_) return 1;  // it has no body, whatever its headers say (RFC 9112 section 6.3)
  head_.status = parser_->status_code;
  std::optional<uint64_t> length;
  if ((parser_->flags & F_CONTENT_LENGTH) != 0) length = parser_->content_length;
  head_.content_type.clear();
  for (auto& [name, value] : head_.headers) {
    value = std::string(TrimBlanks(value));
    if (EqualsIgnoringCase(name, "Content-Type")) head_.content_type = value;
  }
  std::erase_if(head_.headers, [](const auto& header) { return IsOfConnection(header.first) || EqualsIgnoringCase(header.first, "Content-Type"); });
  in_body_ = true;
  reader_->OnAnswerHead(std::exchange(head_, {}), length);
  if (stopped_) return -1;
  return to_head_ ? 1 : 0;
}

int AnswerParser::MessageComplete() {
  if (std::exchange(provisional_, false)) {
    head_ = HttpResponse();
    new_header_ = true;
    if (parser_->status_code == 100) reader_->OnContinue();
    return stopped_ ? -1 : 0;
  }
  waits_ = false;
  return HPE_PAUSED;
}

bool AnswerParser::Take(std::string_view bytes) {
  if (!waits_) return false;
  const llhttp_errno_t error = llhttp_execute(parser_.get(), bytes.data(), bytes.size());
  if (stopped_) return true;
  if (error == HPE_OK) return true;
  if (error != HPE_PAUSED || waits_) return false;
  const bool rest = llhttp_get_error_pos(parser_.get()) != bytes.data() + bytes.size();
  reader_->OnAnswerEnd(!rest && llhttp_should_keep_alive(parser_.get()) != 0);
  return true;
}

bool AnswerParser::TakeEof() {
  if (!waits_ || !in_body_ || stopped_) return false;
  if (llhttp_message_needs_eof(parser_.get()) == 0) return false;
  waits_ = false;
  reader_->OnAnswerEnd(false);
  return true;
}

}  // namespace notifyd
