// ResponseSide: what a connection's client is sent. Whole responses, streamed ones, and what the socket does not take at once. Internal to the
// server; loop thread.
// A whole response goes out at once, or with others of the same read. Of a streamed one the pieces are gathered until the turn's end, and while
// an earlier part is still being written; so many small pieces are one write, and libuv holds one buffer of it at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace notifyd {

class HttpConnection;

class ResponseSide {
 public:
  /// `connection`: whose side it is; it outlives it.
  explicit ResponseSide(HttpConnection* connection) : connection_(connection) {}

  // As HttpServer's functions of the same names, in kPending.
  void Respond(HttpResponse response);
  void BeginStream(HttpResponse head);
  size_t Stream(std::string_view piece);
  void EndStream(bool close);
  void BreakStream();

  /// Of a response being streamed: writes what was gathered, and tells where the client took enough.
  void GoOn();
  /// There will be no more of it.
  void Discard() { stream_.reset(); }
  /// A whole response, in no token's name.
  void Send(HttpResponse response, bool head_only, bool close);
  /// What was gathered while several requests of one read are answered.
  void FlushBatch();
  /// Puts all that was gathered on its way.
  void Flush();
  /// Encrypts where there is TLS, and writes. What `body` holds then is not told.
  void Write(std::string_view head, std::string* body);
  /// `body` is taken only where the socket does not take it at once.
  void WriteToSocket(std::string_view head, std::string* body);

  bool streaming() const { return stream_.has_value(); }
  size_t unsent_bytes() const { return unsent_; }
  /// All that is held for it.
  size_t held_bytes() const { return out_.size() + unsent_; }
  /// When it is to be looked at whether the client takes it fast enough; while unsent_bytes() > 0.
  int64_t deadline_ms() const { return deadline_ms_; }
  /// That time has come. False: it does not.
  bool TakesEnough();
  /// Others wait for room: it is looked at sooner. False: the client takes it too slowly.
  bool Press(int64_t now_ms);

 private:
  struct WriteOp;
  /// Of a response that was begun by BeginStream, and is not ended.
  struct Streamed {
    bool chunks;        // it is chunked
    bool body;          // it has a body
    bool close;         // the connection ends with it
    bool high = false;  // OnWritable is to be called once it has drained
  };

  void OnWritten(size_t size, int status);
  void WriteOut();
  void Encrypt(std::string_view plain);
  void TellWritable();
  void BeginWindow();
  uint64_t taken() const { return handed_ - untaken(); }
  size_t waiting() const;
  size_t untaken() const;

  HttpConnection* const connection_;
  std::string out_;            // of a streamed response: gathered until the turn's end, and while an earlier part is being written
  size_t unsent_ = 0;          // with libuv
  uint64_t handed_ = 0;        // to the socket or libuv, ever
  uint64_t window_taken_ = 0;  // taken(), when the window began
  int64_t window_ms_ = 0;      // when the time began after which the client must have taken enough; while unsent_ > 0
  int64_t deadline_ms_ = 0;
  std::optional<Streamed> stream_;
  bool streamed_ = false;  // the last response was begun by BeginStream
};

}  // namespace notifyd
