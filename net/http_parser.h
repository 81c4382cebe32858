// HttpParser: bytes of one connection to HTTP requests. Pure: no socket, no clock. llhttp does the grammar; what it lets through and the
// contract does not (sections 3 and 5) is refused here. llhttp sees each head whole, after the head's lines were checked.
// It never holds more than max_head_bytes of a head, nor more body than max_body_bytes, and nothing of a body in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/http.h"
#include "net/request_parser.h"

struct llhttp__internal_s;

namespace notifyd {

class HttpParser : public RequestParser {
 public:
  /// `limits` is borrowed.
  explicit HttpParser(const HttpLimits* limits);
  ~HttpParser() override;

  Step Feed(std::string_view in, size_t* used) override;
  Step KeepBody() override;
  void StreamBody() override;
  HttpRequest Take() override;
  bool idle() const override { return phase_ == Phase::kHead && head_.empty(); }
  bool in_body() const override { return phase_ != Phase::kHead && phase_ != Phase::kComplete; }
  size_t held_bytes() const override;
  void Drop() override;

 private:
  friend struct HttpParserCallbacks;
  enum class Phase : uint8_t { kHead, kUndecided, kIdentity, kChunked, kTrailers, kComplete };

  /// Where the check of a section of lines (head or trailers) stands. Offsets from the section's first byte.
  struct LineScan {
    size_t checked = 0;     // everything before it is fine
    size_t line_start = 0;  // of the line under way
    size_t lines = 0;       // complete ones
    size_t begin = 0;       // behind empty lines before a request
    size_t end = 0;         // once found: behind the empty line that ends the section
  };

  Step FeedHead(std::string_view in, size_t* used);
  Step FeedIdentity(std::string_view in, size_t* used);
  Step FeedChunked(std::string_view in, size_t* used);
  Step FeedTrailers(std::string_view in, size_t* used);
  /// The lines of `in` behind what head_ holds. kMore, kHead (found: `section` is all of it) or kRefused.
  Step FeedLines(std::string_view in, size_t* used, std::string_view* section);
  Step ScanLines(std::string_view text);
  bool EndLine(std::string_view text, size_t end);
  Step ParseHead(std::string_view head);
  bool ParseRequestLine(std::string_view line);
  bool ReduceTarget();
  bool CheckHeaders();
  void ReserveBody(size_t size);
  Step Complete();
  Step Refuse(int status, std::string detail);
  Step RefuseLength();

  // llhttp's callbacks; false stops it, with a refusal set.
  bool HeadersComplete(llhttp__internal_s* parser);
  bool ChunkHeader(uint64_t size);
  void Body(std::string_view bytes);

  const HttpLimits* limits_;
  Phase phase_ = Phase::kHead;
  bool chunked_ = false;
  bool in_pieces_ = false;
  bool new_header_ = true;  // the next name begins another header
  LineScan scan_;
  std::string head_;                                  // an incomplete head or trailer section
  int64_t chunk_overhead_ = 0;                        // bytes of chunked coding that are not body, less a fair share a chunk
  std::unique_ptr<llhttp__internal_s> chunk_parser_;  // only while a chunked body is read
};

}  // namespace notifyd
