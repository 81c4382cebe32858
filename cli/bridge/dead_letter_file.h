// DeadLetterFile: what was refused, a JSON object a line, synced to disk line by line. Each line goes to the file that has the path then: one that
// was moved away, or removed, is followed by a new one.
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
  /// Opens the path as Open does where it is no longer the open file's. Errors: kUnavailable, where it cannot be opened.
  Status FollowPath();
  /// Adds a line, durably, while no other bridge does. Errors: kUnavailable: there was no room, and nothing of it is left; kIo.
  Status Append(const std::string& line);

  const std::string path_;
  int fd_;
};

/// The line, without its end: at, queue, status, reason, field, and the message with its properties, its headers that are text or numbers, and its
/// body. What is no UTF-8 is NAME_base64; where that, or anything else that JSON has no word for, is a header, headers_base64 is their whole table.
std::string DeadLetterLine(const RefusedMessage& refused);

}  // namespace notifyd
