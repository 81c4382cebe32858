// Stage: a receiver that plays a part, step by step, over TCP or TLS, in HTTP/1.1 or HTTP/2: what it reads, the bytes that it sends, how it ends the
// connection. The steps are for its first connection; whatever comes after them, and every other connection, is served well: each request gets 200
// and "good". No step sleeps: what has to come after something waits for that.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/identity.h"
#include "support/threaded_server.h"

namespace notifyd {

struct Step {
  enum class Kind : uint8_t {
    kRead,      // one whole request
    kReadSome,  // a byte or more; the rest stays unread
    kSend,
    kDrip,   // byte by byte
    kFlood,  // again and again, until the client is gone
    kFin,    // says that nothing more comes, and goes once the client did
    kCut,    // the same over TLS without its close_notify
    kReset,  // RST
    kEnded,  // waits until the attempt has ended
    kGone,   // waits until the client closed
  } kind;
  std::string bytes = {};
};

inline Step Read() {
  return {Step::Kind::kRead};
}
inline Step ReadSome() {
  return {Step::Kind::kReadSome};
}
inline Step Send(std::string bytes) {
  return {Step::Kind::kSend, std::move(bytes)};
}
inline Step Drip(std::string bytes) {
  return {Step::Kind::kDrip, std::move(bytes)};
}
inline Step Flood(std::string bytes) {
  return {Step::Kind::kFlood, std::move(bytes)};
}
inline Step Fin() {
  return {Step::Kind::kFin};
}
inline Step Cut() {
  return {Step::Kind::kCut};
}
inline Step Reset() {
  return {Step::Kind::kReset};
}
inline Step Ended() {
  return {Step::Kind::kEnded};
}
inline Step Gone() {
  return {Step::Kind::kGone};
}

class Stage {
 public:
  /// `tls`: null for TCP.
  explicit Stage(std::vector<Step> steps, SSL_CTX* tls = nullptr) : Stage(std::move(steps), tls, tls) {}
  /// `first`: in place of `tls` on the first connection.
  Stage(std::vector<Step> steps, SSL_CTX* tls, SSL_CTX* first);
  /// What `later` says is sent on every connection but the first before it is served; over HTTP/2 it is the settings.
  void SetGreeting(std::string later) { greeting_ = std::move(later); }
  ~Stage();

  std::string Url(const std::string& target) const;
  /// The attempt has ended: kEnded goes on.
  void NoteEnded();
  /// Waits until all steps were played, or could not be. False: the client has not closed where it should long have.
  bool WaitPlayed();
  int connections() const { return server_.accepted(); }
  /// Heads of the requests that were read whole.
  std::vector<std::string> requests() const;

 private:
  struct Channel;
  void Serve(Channel* channel, bool first);
  bool Play(Channel* channel, const Step& step);
  bool ReadRequest(Channel* channel);
  bool ReadCall(Channel* channel, bool whole);
  bool AnswerCall(Channel* channel);

  std::vector<Step> steps_;
  SSL_CTX* tls_;
  SSL_CTX* first_tls_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string greeting_;
  bool ended_ = false, played_ = false, stopping_ = false;
  std::vector<std::string> requests_;
  ThreadedServer server_;
};

}  // namespace notifyd
