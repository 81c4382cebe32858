#include "cli/bridge/dead_letter_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/base64.h"
#include "base/json.h"
#include "base/time.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

std::string Why(const std::string& path, const char* what) {
  return path + " cannot be " + what + ": " + std::strerror(errno);
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool EndsWithLine(int fd, off_t size) {
  char last = 0;
  return size == 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

/// So that the file itself is still there after a power cut.
bool SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced;
}

/// Does the path lead to this file?
bool IsAt(const std::string& path, int fd) {
  struct stat open_one {};
  struct stat named_one {};
  return fstat(fd, &open_one) == 0 && stat(path.c_str(), &named_one) == 0 && named_one.st_dev == open_one.st_dev &&
         named_one.st_ino == open_one.st_ino;
}

/// Has it no name any more?
bool IsGone(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && status.st_nlink == 0;
}

/// A number is one in JSON, too.
bool IsText(const AmqpHeader& header) {
  return header.kind != AmqpHeader::Kind::kOther && IsValidUtf8(header.name) && IsValidUtf8(header.text);
}

/// JSON has texts alone: what is none goes by another name.
void WriteBytes(const std::string& name, const std::string& bytes, JsonWriter* json) {
  const bool text = IsValidUtf8(bytes);
  json->Key(text ? name : name + "_base64");
  json->String(text ? bytes : EncodeBase64(bytes));
}

void WriteMessage(const AmqpMessage& message, JsonWriter* json) {
  json->BeginObject();
  const std::pair<const char*, const std::string*> texts[] = {
      {"exchange", &message.exchange},
      {"routing_key", &message.routing_key},
      {"message_id", &message.message_id},
      {"app_id", &message.app_id},
      {"user_id", &message.user_id},
      {"reply_to", &message.reply_to},
      {"correlation_id", &message.correlation_id},
      {"content_type", &message.content_type},
      {"type", &message.type},
      {"content_encoding", &message.content_encoding},
      {"expiration", &message.expiration},
  };
  for (const auto& [name, text] : texts) {
    if (!text->empty()) WriteBytes(name, *text, json);
  }
  if (message.timestamp_s) {
    json->Key("timestamp");
    json->Uint(*message.timestamp_s);
  }
  if (message.priority) {
    json->Key("priority");
    json->Uint(*message.priority);
  }
  if (!message.headers.empty()) {
    json->Key("headers");
    json->BeginObject();
    for (const AmqpHeader& header : message.headers) {
      if (!IsText(header)) continue;
      json->Key(header.name);
      if (header.kind == AmqpHeader::Kind::kNumber) json->Raw(header.text);
      else json->String(header.text);
    }
    json->EndObject();
  }
  if (!std::all_of(message.headers.begin(), message.headers.end(), IsText) && !message.raw_headers.empty()) {
    json->Key("headers_base64");
    json->String(EncodeBase64(message.raw_headers));
  }
  WriteBytes("body", message.body, json);
  json->EndObject();
}

}  // namespace

std::string DeadLetterLine(const RefusedMessage& refused) {
  std::string line;
  JsonWriter json(&line);
  json.BeginObject();
  json.Key("at");
  json.String(FormatRfc3339(WallTime{refused.at_ms}));
  json.Key("queue");
  json.String(refused.queue);
  json.Key("status");
  json.Int(refused.status);
  json.Key("reason");
  json.String(refused.reason);
  if (!refused.field.empty()) {
    json.Key("field");
    json.String(refused.field);
  }
  json.Key("message");
  WriteMessage(*refused.message, &json);
  json.EndObject();
  return line;
}

Result<std::unique_ptr<DeadLetterFile>> DeadLetterFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return Status(Code::kIo, Why(path, "opened"));
  std::unique_ptr<DeadLetterFile> file(new DeadLetterFile(path, fd));
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return Status(Code::kIo, path + " is not a regular file");
  if (!EndsWithLine(fd, status.st_size) && !WriteAll(fd, "\n")) return Status(Code::kIo, Why(path, "written"));
  if (fsync(fd) != 0 || !SyncDirectoryOf(path)) return Status(Code::kIo, Why(path, "synced"));
  return file;
}

DeadLetterFile::~DeadLetterFile() {
  close(fd_);
}

Status DeadLetterFile::FollowPath() {
  if (IsAt(path_, fd_)) return Status::Ok();
  Result<std::unique_ptr<DeadLetterFile>> anew = Open(path_);
  // What was kept is where the file went, and this one is not kept yet: it waits until the path can be opened.
  if (!anew.ok()) return Status(Code::kUnavailable, anew.status().detail());
  std::swap(fd_, (*anew)->fd_);
  return Status::Ok();
}

Status DeadLetterFile::Keep(const RefusedMessage& refused) {
  NOTIFYD_TRY(FollowPath());
  NOTIFYD_TRY(Append(DeadLetterLine(refused) + "\n"));
  // One that was removed in between has taken the line along.
  return IsGone(fd_) && !IsAt(path_, fd_) ? Keep(refused) : Status::Ok();
}

Status DeadLetterFile::Append(const std::string& line) {
  // Other bridges may write to it: what they add is not to be cut off with what this one could not. Where the file system has no locks it goes
  // without.
  while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) continue;
  struct Unlock {
    int fd;
    ~Unlock() { flock(fd, LOCK_UN); }
  };
  const Unlock unlock{fd_};
  struct stat before {};
  if (fstat(fd_, &before) != 0) return Status(Code::kIo, Why(path_, "looked at"));
  if (!WriteAll(fd_, line)) {
    const std::string why = Why(path_, "written");
    // A full disk may get room again; half a line must not stay in front of the next one.
    if (ftruncate(fd_, before.st_size) != 0) return Status(Code::kIo, why);
    return Status(Code::kUnavailable, why);
  }
  // A sync that failed says nothing of what is on disk, and the next one may say that all is well.
  return fdatasync(fd_) == 0 ? Status::Ok() : Status(Code::kIo, Why(path_, "synced"));
}

}  // namespace notifyd
