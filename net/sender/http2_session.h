// Http2Session: HTTP/2 over one connection of the client, several calls at a time (RFC 9113). nghttp2 makes and reads the frames; what an answer
// counts as is the AnswerReader of each call. Loop thread only.
//
// I1  One Open is one request on the wire, or none: what its receiver refuses, or has not got to when it leaves, is a loss of that call, and is never
//     sent again from here.
// I2  The end of a call's stream ends that call alone; the end of the connection all of them.
// I3  Nobody is told anything from inside nghttp2: what came is taken in first, and told then.
// I4  Bytes that bring nothing forward are bounded: a head with its provisional ones and trailers by kMaxHeadBytes, and all frames of the connection
//     by a multiple of what they carry.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/secrets.h"
#include "net/sender/answer.h"
#include "net/sender/plain_connection.h"

struct nghttp2_session;

namespace notifyd {

/// One call over a session, from Open to Leave.
class Http2Stream {
 public:
  enum class Loss : uint8_t {
    kConnection,
    kReset,    // of this call, by its receiver
    kRefused,  // or by its receiver's leave: it has not looked at the request
    kHttp1,    // it is to come over HTTP/1.1
  };

 protected:
  ~Http2Stream() = default;
  /// Something of the answer came: it is in the reader. `usable`: false: nothing more can come of it.
  virtual void OnStreamAnswer(bool usable) = 0;
  /// The stream is gone, and its answer not whole.
  virtual void OnStreamLost(Loss loss, const std::string& detail) = 0;
  /// All of the request is with the system.
  virtual void OnStreamWritten() = 0;
  /// Something of an answer came.
  bool stream_begun() const { return begun_; }
  /// Something came for which its receiver was not yet told that as much may follow (Http2Session::LetMore): what is captured of the answer needs
  /// room.
  bool held_back() const { return held_back_ > 0; }

 private:
  friend class Http2Session;
  void Begin(AnswerReader* reader, std::string_view body) {
    reader_ = reader;
    body_ = body;
    head_bytes_ = 0;
    begun_ = ended_ = spoiled_ = closed_ = touched_ = reset_by_peer_ = false;
    error_ = 0;
    held_back_ = 0;
  }

  AnswerReader* reader_ = nullptr;
  int32_t id_ = 0;  // 0: none
  std::string_view body_;
  size_t head_bytes_ = 0;
  bool begun_ = false, ended_ = false, spoiled_ = false, closed_ = false, touched_ = false, reset_by_peer_ = false;
  uint32_t error_ = 0;
  size_t held_back_ = 0;
};

class Http2Session : public PlainConnection::User {
 public:
  /// So much of an answer may always come before its receiver waits for LetMore (RFC 9113 section 6.9.2).
  static constexpr size_t kStreamBytes = 65'535;
  /// Over a connection that is secured, whose user it becomes; the connection is to own it. `pool` is told (PlainPool) once there is room for more
  /// calls, and once there are none left; borrowed.
  Http2Session(PlainConnection* connection, PlainPool* pool);
  ~Http2Session() override;

  /// Is there room for another call? Until the receiver has said how many it takes, for one.
  bool HasRoom() const;
  /// It has said so.
  bool ready() const { return ready_; }
  /// How many calls it may have.
  size_t limit() const;
  size_t calls() const { return calls_.size(); }
  /// How many it ever had.
  uint64_t served() const { return served_; }
  PlainConnection* connection() const { return connection_; }

  /// Begins a request, which is that of HTTP/1.1 (PlainRequest) in other words; `body` and `reader` are borrowed until Leave. False: it cannot.
  /// `secrets`, and the names of `also_secret`, where that is not null: headers whose values no table of the connection is to remember.
  bool Open(Http2Stream* call, std::string_view head, std::string_view body, const SecretNames& secrets, const SecretValues::Headers* also_secret,
            AnswerReader* reader);
  /// As much may follow of its answer as came: there is room for kStreamBytes more. Tells nobody anything.
  void LetMore(Http2Stream* call);
  /// The call is over, however far it came. `healthy`: the connection may serve others.
  void Leave(Http2Stream* call, bool healthy);
  /// No further call is to begin.
  void Retire() { retired_ = true; }
  bool retired() const { return retired_; }

  void OnConnected(PlainConnection*, int) override {}
  void OnBytes(PlainConnection* connection, std::string_view bytes) override;
  void OnLost(PlainConnection* connection, int status) override;
  void OnWritten(PlainConnection* connection) override;

 private:
  struct Callbacks;
  Http2Stream* Find(int32_t id) const;
  Http2Stream* Touch(int32_t id);
  void TakeField(Http2Stream* call, std::string_view name, std::string_view value);
  void TakeHeadEnd(Http2Stream* call);
  void TakeEnd(Http2Stream* call);
  void Tell();
  void Tell(Http2Stream* call);
  void Flush();
  void TellWritten();
  void LoseAll(Http2Stream::Loss loss, const std::string& detail);

  PlainConnection* connection_;
  PlainPool* pool_;
  nghttp2_session* session_;
  std::map<int32_t, Http2Stream*> calls_;
  std::vector<int32_t> touched_, sent_;
  std::string out_, line_, names_;
  uint64_t served_ = 0, taken_ = 0, useful_ = 0, wasted_ = 0;
  int64_t refused_from_ = INT32_MAX;  // streams behind it were not looked at
  bool ready_ = false, told_ready_ = false, retired_ = false, inside_ = false;
};

}  // namespace notifyd
