// HttpParser: bytes of one connection to HTTP requests. Pure: no socket, no clock. llhttp does the grammar; what it lets through and the
// contract does not (sections 3 and 5) is refused here. llhttp sees each head whole, after the head's lines were checked.
// I1: what comes out does not depend on how the bytes were cut into pieces.
// I2: it never holds more than max_head_bytes of a head, nor more body than max_body_bytes, and nothing of a body in pieces.
// I3: after kRefused the connection is out of step: nothing may be fed any more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/http.h"

struct llhttp__internal_s;

namespace notifyd {

class HttpParser {
 public:
  enum class Step {
    kMore,     // all bytes are used up; the request is not complete
    kHead,     // the head is complete and a body is to follow: KeepBody or StreamBody, then feed the rest
    kPiece,    // of a body in pieces: piece() has some of it
    kRequest,  // complete: Take it before feeding the rest; piece() may have the last of a body in pieces
    kRefused,  // refusal_status and refusal_detail say why
  };

  /// `limits` is borrowed.
  explicit HttpParser(const HttpLimits* limits);
  /// Whose requests the next ones are: HttpRequest::peer.
  void SetPeer(std::shared_ptr<const Peer> peer) { peer_ = std::move(peer); }
  const Peer& peer() const { return *peer_; }
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  /// `used`: how many bytes of `in` were consumed; all of them at kMore.
  Step Feed(std::string_view in, size_t* used);
  /// After kHead: the body is gathered in the request. kMore, or kRefused where it is announced to be longer than max_body_bytes.
  Step KeepBody();
  /// After kHead: the body, of any length, comes out in pieces, and the request at its end without it.
  void StreamBody();
  /// After kHead: the request as far as it is known. Valid until the body's end.
  const HttpRequest& head() const { return request_; }
  /// Part of what was fed, never empty at kPiece.
  std::string_view piece() const { return piece_; }
  /// After kRequest, once. The parser is then at the beginning of the next request; what the head said stays readable until its first byte.
  HttpRequest Take();

  /// Between two requests: no byte of the next one was seen.
  bool idle() const { return phase_ == Phase::kHead && head_.empty(); }
  /// The head is complete, the body is not.
  bool in_body() const { return phase_ != Phase::kHead && phase_ != Phase::kComplete; }
  /// How much of the body is to come yet, as far as that is known: 0 where it is chunked. Of a body in pieces.
  uint64_t body_left() const { return body_left_; }
  /// Bytes held for the request under way.
  size_t held_bytes() const;
  /// Nothing is fed any more: lets go of what is held.
  void Drop();

  int refusal_status() const { return refusal_status_; }
  const std::string& refusal_detail() const { return refusal_detail_; }

  // What the head says.
  bool is_head() const { return is_head_; }  // the method is HEAD
  bool http_1_0() const { return http_1_0_; }
  bool keep_alive() const { return keep_alive_; }
  bool expects_continue() const { return expects_continue_; }
  uint64_t content_length() const { return content_length_; }  // 0 where the body is chunked

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
  std::shared_ptr<const Peer> peer_;
  Phase phase_ = Phase::kHead;
  bool is_head_ = false;
  bool http_1_0_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  bool chunked_ = false;
  bool in_pieces_ = false;
  bool new_header_ = true;  // the next name begins another header
  int refusal_status_ = 0;
  LineScan scan_;
  std::string head_;  // an incomplete head or trailer section
  HttpRequest request_;
  std::string_view piece_;
  uint64_t content_length_ = 0;
  uint64_t body_left_ = 0;
  int64_t chunk_overhead_ = 0;                        // bytes of chunked coding that are not body, less a fair share a chunk
  std::unique_ptr<llhttp__internal_s> chunk_parser_;  // only while a chunked body is read
  std::string refusal_detail_;
};

}  // namespace notifyd
