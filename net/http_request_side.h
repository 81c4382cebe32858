// RequestSide: what the client of a connection sends. Input that is not parsed yet, the request under way, its body, the one that waits for room,
// and how far the handler's has come. Internal to the server; loop thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/http.h"
#include "net/request_parser.h"

namespace notifyd {

class HttpConnection;

class RequestSide {
 public:
  /// `connection`: whose side it is; it outlives it.
  RequestSide(HttpConnection* connection, const HttpListener& listener, std::shared_ptr<const Peer> peer);

  // What comes.
  /// `fresh` came behind what waits; parses as much as may be parsed now.
  void Process(std::string_view fresh);
  /// The client has ended its side.
  void End();
  /// Something that held it up has passed: goes on with what waits. False: nothing does, or it may not yet.
  bool GoOn();
  /// As GoOn, after a response was written to its end: what was lost or ended meanwhile is told now.
  void GoOnBehindResponse();
  /// Nothing that comes is for anybody any more.
  void Discard();

  // As HttpServer's functions of the same names.
  bool Reserve(size_t bytes);
  void PauseBody();
  void ResumeBody();

  /// Of a parked one: is there room for its answer? Admit hands the request over, Unpark forgets it.
  bool Fits() const;
  void Admit();
  void Unpark();
  bool parked() const { return parked_ != nullptr; }

  /// The response is given. Whether the connection has to end with it because of what is left of the request's body.
  bool EndRequest();
  /// The rest of a request cannot be had. It is refused, but for a body of which the handler has some already: lines of it may have been taken.
  void BreakBody(int status, std::string_view detail);
  /// What the budget had no room for while a response was under way is refused now.
  void RefuseLost();
  /// Others wait for room: a body that comes too slowly is refused.
  void Press(int64_t now_ms);
  /// A deadline has come, in kReading or kPending.
  void Expire();
  /// When the next one does, in kReading with a request on its way, or in kPending.
  int64_t deadline_ms() const;

  /// Whose requests they are, once that is known better than at first.
  void SetPeer(std::shared_ptr<const Peer> peer) { parser_->SetPeer(std::move(peer)); }
  const Peer& peer() const { return parser_->peer(); }
  /// The client waits to be told to go on, and was not. Forgets it.
  bool TakeContinueOwed() { return std::exchange(continue_owed_, false); }

  /// In the middle of parsing: responses are gathered, and what follows is seen to at its end.
  bool processing() const { return processing_; }
  bool ended() const { return ended_; }
  bool has_input() const { return input_at_ < input_.size(); }
  bool input_lost() const { return input_lost_; }
  /// Nothing was seen of a next request by the parser.
  bool between() const { return parser_->idle(); }
  /// All that was read belongs to requests that are handed over: what would be read now begins the next one.
  bool AtNextRequest() const { return body_ == Body::kNone && parser_->idle() && !has_input(); }
  /// The client has ended its side, and all that it sent is handed over.
  bool NothingFollows() const { return ended_ && !has_input() && !input_lost_; }
  /// The handler takes the body in pieces, and has not been told of its end.
  bool in_pieces() const { return body_ == Body::kPieces; }
  /// The response is out, and the rest of the body is thrown away.
  bool discards() const { return body_ == Body::kDiscard; }
  /// The body will never be complete, and the handler answers what it had of it.
  bool broken() const { return pieces_.broken; }
  /// There is room for what the client may send.
  bool HasRoom() const;
  /// How much may be read at once, at most `most`.
  size_t ReadBytes(size_t most) const;
  /// Since when its head, or body, has been coming.
  int64_t begun_ms() const { return begun_ms_; }
  size_t held_bytes() const { return input_.size() + parser_->held_bytes() + pending_bytes_; }
  size_t reserved_bytes() const { return parked_ ? 0 : reserved_; }

  // What the last head said.
  bool is_head() const { return parser_->is_head(); }
  bool http_1_0() const { return parser_->http_1_0(); }
  bool keep_alive() const { return parser_->keep_alive(); }

  /// As its listener's protocol has it.
  const RequestParser& protocol() const { return *parser_; }

  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

 private:
  /// Of the request's body, where it is not gathered whole.
  enum class Body : uint8_t {
    kNone,
    kPieces,   // in kPending: the handler takes it, and has not been told of its end, a good one or not
    kDiscard,  // in kReading: the response is out, the rest of the body is thrown away
  };
  /// Of a body in pieces.
  struct Pieces {
    bool paused = false;
    bool end_due = false;     // the body is complete, and its end is told after the pause
    bool handed_out = false;  // some of it
    bool broken = false;      // in kPending: nothing more is read
  };

  std::string_view ParseAll(std::string_view rest);
  bool MayParse() const;
  void HeadDone(bool body_waits);
  void Deliver();
  void Park(HttpRequest request);
  void HandOutPiece();
  void HandOutEnd();
  void Stash(std::string_view bytes);
  void DropInput();
  void EndOfInput();
  bool OverBudget(uint64_t more, uint64_t held = 0) const;
  bool HoldsTooMuch() const;
  int64_t now_ms() const;

  HttpConnection* const connection_;
  const std::unique_ptr<RequestParser> parser_;
  std::string input_;  // read but not parsed; from input_at_ on
  size_t input_at_ = 0;
  std::unique_ptr<HttpRequest> parked_;  // kPending without a token: waits for room
  size_t pending_bytes_ = 0;             // of the request that the handler has
  size_t reserved_ = 0;                  // for the answer to it; of a parked one: what it waits for
  uint64_t drained_ = 0;                 // bytes thrown away as Body::kDiscard
  int64_t begun_ms_ = 0;                 // first byte of the request under way, or begin of what is discarded
  int64_t heard_ms_ = 0;                 // of a body in pieces the last one, moved on by pauses; since when it is parked
  int64_t paused_ms_ = 0;                // when the pause under way began
  int64_t press_spared_ms_ = -1;         // the `pressed_ms_` at which the kernel had more
  int64_t pressed_ms_ = 0;               // when it was last looked at how fast the body comes, and what there was of it
  size_t pressed_bytes_ = 0;
  Body body_ = Body::kNone;
  Pieces pieces_;
  bool processing_ = false;
  bool ended_ = false;
  bool input_lost_ = false;     // the budget had no room for what the client sent ahead
  bool continue_owed_ = false;  // the client waits for 100 Continue, and the handler has not yet said whether it takes the body
};

}  // namespace notifyd
