// AnswerParser: the bytes of one connection to a member, to its answers. llhttp does the grammar. No socket, no clock.
//
// I1  What is held of an answer is its head, kMaxHeadBytes at most; a body is handed out as it comes.
// I2  After Take or TakeEof said that it broke nothing more is fed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

struct llhttp__internal_s;

namespace notifyd {

class AnswerParser {
 public:
  static constexpr size_t kMaxHeadBytes = 64 << 10;

  class Reader {
   public:
    virtual ~Reader() = default;
    /// 100: the body is wanted.
    virtual void OnContinue() = 0;
    /// `head` has no body, and what frames one, or is of the connection alone, is not among its headers. `length`: of the body, where it is said.
    virtual void OnAnswerHead(HttpResponse head, std::optional<uint64_t> length) = 0;
    /// `piece` is never empty, and valid for the call.
    virtual void OnAnswerBody(std::string_view piece) = 0;
    /// `keeps`: the connection may serve another request.
    virtual void OnAnswerEnd(bool keeps) = 0;
  };

  /// `reader` is borrowed. It may call Stop from inside.
  explicit AnswerParser(Reader* reader);
  ~AnswerParser();
  AnswerParser(const AnswerParser&) = delete;

  /// An answer is to come. `to_head`: to a HEAD request.
  void Begin(bool to_head);
  /// False: it is none, or something follows that nobody asked for.
  bool Take(std::string_view bytes);
  /// The member sends no more, and said so. True: that was the answer's end.
  bool TakeEof();
  /// Nothing more is handed out.
  void Stop() { stopped_ = true; }

 private:
  friend struct AnswerParserCallbacks;
  int HeadersComplete();
  int MessageComplete();
  bool Count(size_t bytes);

  Reader* const reader_;
  const std::unique_ptr<llhttp__internal_s> parser_;
  HttpResponse head_;
  size_t head_bytes_ = 0;
  bool new_header_ = true;
  bool to_head_ = false;
  bool provisional_ = false;
  bool in_body_ = false;
  bool waits_ = false;  // for an answer, or for the rest of one
  bool stopped_ = false;
};

}  // namespace notifyd
