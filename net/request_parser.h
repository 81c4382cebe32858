// RequestParser: the bytes of one connection to requests, whatever the protocol of its listener: HTTP (HttpParser), or what a listener's
// MakeParser makes. No socket, no clock. One a connection, on its thread.
// I1: what comes out does not depend on how the bytes were cut into pieces.
// I2: what it holds is bounded, and told.
// I3: after kRefused the connection is out of step: nothing may be fed any more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/http.h"

namespace notifyd {

class RequestParser {
 public:
  enum class Step {
    kMore,     // all bytes are used up; the request is not complete
    kHead,     // the head is complete and a body is to follow: KeepBody or StreamBody, then feed the rest
    kPiece,    // of a body in pieces: piece() has some of it
    kRequest,  // complete: Take it before feeding the rest; piece() may have the last of a body in pieces
    kRefused,  // refusal_status and refusal_detail say why
  };

  virtual ~RequestParser() = default;
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Whose requests the next ones are: HttpRequest::peer.
  void SetPeer(std::shared_ptr<const Peer> peer) { peer_ = std::move(peer); }
  const Peer& peer() const { return *peer_; }

  /// `used`: how many bytes of `in` were consumed; all of them at kMore.
  virtual Step Feed(std::string_view in, size_t* used) = 0;
  /// After kHead: the body is gathered in the request. kMore, or kRefused where it is announced to be longer than may be.
  virtual Step KeepBody() = 0;
  /// After kHead: the body, of any length, comes out in pieces, and the request at its end without it.
  virtual void StreamBody() = 0;
  /// After kHead: the request as far as it is known. Valid until the body's end.
  const HttpRequest& head() const { return request_; }
  /// What that takes in memory, of a protocol whose clients say how long it is: from kHead or kRequest until it is taken or dropped. In held_bytes().
  size_t head_held_bytes() const { return head_held_; }
  /// Part of what was fed, never empty at kPiece.
  std::string_view piece() const { return piece_; }
  /// After kRequest, once. The parser is then at the beginning of the next request; what the head said stays readable until its first byte.
  virtual HttpRequest Take() = 0;

  /// Between two requests: no byte of the next one was seen.
  virtual bool idle() const = 0;
  /// The head is complete, the body is not.
  virtual bool in_body() const = 0;
  /// Bytes held for the request under way.
  virtual size_t held_bytes() const = 0;
  /// Nothing is fed any more: lets go of what is held.
  virtual void Drop() = 0;
  /// How much of the body is to come yet, as far as that is known: 0 where it is chunked. Of a body in pieces.
  uint64_t body_left() const { return body_left_; }

  int refusal_status() const { return refusal_status_; }
  const std::string& refusal_detail() const { return refusal_detail_; }

  // What the head says.
  bool is_head() const { return is_head_; }  // the method is HEAD
  bool http_1_0() const { return http_1_0_; }
  bool keep_alive() const { return keep_alive_; }
  bool expects_continue() const { return expects_continue_; }
  uint64_t content_length() const { return content_length_; }  // 0 where the body is chunked

  // What is not HTTP.
  /// Of an answer the body alone is sent, as it stands.
  virtual bool bare_answers() const { return false; }
  /// Where the server itself refuses what comes, with that status of HTTP: what is sent before the connection is closed. With bare_answers().
  virtual std::string_view RefusalOf(int /*status*/) const { return {}; }
  /// A client may be silent between two requests for as long as it likes.
  virtual bool may_rest() const { return false; }
  /// Nothing is known that the parser of another process would not know: the connection may go on there.
  virtual bool forgetful() const { return true; }

 protected:
  RequestParser() = default;

  bool is_head_ = false;
  bool http_1_0_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  int refusal_status_ = 0;
  std::shared_ptr<const Peer> peer_;
  HttpRequest request_;
  std::string_view piece_;
  uint64_t content_length_ = 0;
  uint64_t body_left_ = 0;
  size_t head_held_ = 0;
  std::string refusal_detail_;
};

}  // namespace notifyd
