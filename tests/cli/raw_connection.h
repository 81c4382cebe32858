// One connection to the broker, by hand: nothing is sent twice, and every break of it shows. Blocking.
#pragma once

#include <optional>
#include <string>

namespace notifyd::test {

class RawConnection {
 public:
  /// `address`: "127.0.0.1:PORT". Throws where the connection is refused.
  explicit RawConnection(const std::string& address);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  struct Answer {
    int status = 0;
    std::string body;
    bool closes = false;  // it says that the connection ends
  };
  /// Throws where the connection breaks before the whole answer, or nothing comes until the deadline.
  Answer Call(const std::string& method, const std::string& path, const std::string& body = "");
  void Send(const std::string& method, const std::string& path, const std::string& body = "");
  /// By Content-Length or in chunks.
  Answer Receive();
  /// As it is. TrySendRaw: false where the connection is broken.
  void SendRaw(const std::string& text);
  bool TrySendRaw(const std::string& text);

 private:
  void More();
  std::string TakeChunks(size_t at);
  int fd_ = -1;
  std::string unread_;
};

}  // namespace notifyd::test
