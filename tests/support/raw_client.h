// RawClient: a blocking connection that sends exactly the bytes it is told to, on the test's thread: nothing is sent twice, and every break shows. A
// time limit stands for "never": it ends a test that would hang, and decides nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/sockets.h"

namespace notifyd {

struct RawResponse {
  int status = 0;    // 0: the connection ended before a response
  std::string head;  // status line and headers, with the empty line
  std::string body;
  bool whole = false;   // all of the body came
  bool closes = false;  // it says that the connection ends behind it

  /// The value of a header (any case), or "" where there is none.
  std::string Header(std::string name) const;
};

class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer_bytes = 0, int deadline_s = 10);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  /// Whether all was sent.
  bool Send(std::string_view bytes) { return stream_->Send(bytes); }
  /// How many of these bytes the socket takes without blocking.
  size_t TrySend(std::string_view bytes);
  void ShutdownWrite();
  /// Closes with a reset instead of a regular end.
  void Reset();

  /// The next response; with `no_body` nothing is read behind its head. A chunked body is put together.
  RawResponse ReadResponse(bool no_body = false);
  /// What comes up to the next CRLF, which is left out.
  bool ReadLine(std::string* line) { return stream_->ReadTo("\r\n", line); }
  /// The next chunk of a chunked body, empty for the last one; false where the connection ended before its end.
  bool ReadChunk(std::string* chunk) { return stream_->ReadChunk(chunk); }
  /// Everything up to the end of the connection.
  std::string ReadAll();
  /// True once the server has ended the connection, with nothing more to read; false on a reset or if it stays open.
  bool ReadEnd();

 protected:
  Stream& stream() { return *stream_; }

 private:
  int fd_;
  std::optional<Stream> stream_;
};

namespace test {

/// A connection to a broker: whole requests and their answers. Throws where it is refused or breaks before the whole answer, or where nothing comes
/// for a minute.
class RawConnection : public RawClient {
 public:
  using Answer = RawResponse;
  /// `address`: "127.0.0.1:PORT".
  explicit RawConnection(const std::string& address);

  RawResponse Call(const std::string& method, const std::string& path, const std::string& body = "");
  void Send(const std::string& method, const std::string& path, const std::string& body = "");
  /// By Content-Length or in chunks.
  RawResponse Receive();
  /// As it is. TrySendRaw: false where the connection is broken.
  void SendRaw(std::string_view text);
  bool TrySendRaw(std::string_view text) { return RawClient::Send(text); }
};

}  // namespace test
}  // namespace notifyd
