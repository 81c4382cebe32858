// DeadLetterFile: what was refused, a JSON object a line, synced to disk line by line.
#pragma once

#include <memory>
#include <string>

#include "cli/bridge/ports.h"

namespace notifyd {

class DeadLetterFile : public DeadLetterPort {
 public:
  /// Opens the file, or makes one that its owner alone may read. A last line that a crash cut short is ended. Error: kIo.
  static Result<std::unique_ptr<DeadLetterFile>> Open(const std::string& path);
  ~DeadLetterFile() override;

  Status Keep(const RefusedMessage& refused) override;

 private:
  DeadLetterFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

/// The line, without its end: at, queue, status, reason, field, and the message with its properties, its headers that are text or numbers, and its
/// body (body_base64 where it is no UTF-8).
std::string DeadLetterLine(const RefusedMessage& refused);

}  // namespace notifyd
