#include "base/log_sockets.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/batch_queue.h"
#include "base/quiet_thread.h"
#include "base/system_error.h"

namespace notifyd {
namespace {

constexpr const char* kIdentifier = "notifyd";
constexpr int64_t kFirstPauseMs = 10, kMostPauseMs = 1000;

int PriorityOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return LOG_DEBUG;
    case LogLevel::kWarn:
      return LOG_WARNING;
    case LogLevel::kError:
      return LOG_ERR;
    case LogLevel::kInfo:
    case LogLevel::kAlways:
      break;
  }
  return LOG_INFO;
}

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return Status(Code::kUnacceptable, path + ": too long for a socket's path");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Datagrams to one socket, which may come and go. On the queue's thread.
class Datagrams {
 public:
  Datagrams(sockaddr_un address, BatchQueue* queue) : address_(address), queue_(queue) {}
  ~Datagrams() {
    if (fd_ >= 0) close(fd_);
  }
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  /// False: it is lost.
  bool Send(const std::string& text) {
    Backoff backoff(kFirstPauseMs, kMostPauseMs);
    for (;;) {
      const int fault = Try(text);
      if (fault == 0) return true;
      if (fault == EMSGSIZE) return SendAsFile(text);
      if (fault == EAGAIN || fault == ENOBUFS) {
        if (!AwaitRoom()) return false;
        continue;
      }
      if (fault == EINTR) continue;
      // Nobody is there: it may be on its way up again, with a socket of its own.
      close(std::exchange(fd_, -1));
      if (!queue_->Pause(backoff.Next())) return false;
    }
  }

 private:
  /// 0, or an errno.
  int Try(const std::string& text) {
    if (fd_ < 0) fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return ENOBUFS;
    const auto* to = reinterpret_cast<const sockaddr*>(&address_);
    return sendto(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to, sizeof address_) < 0 ? errno : 0;
  }

  /// What a datagram does not take goes as a sealed file in memory, which the journal reads (sd_journal_sendv does the same).
  bool SendAsFile(const std::string& text) {
    const int file = memfd_create("notifyd-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return false;
    bool sent = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
    if (sent) {
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
      msghdr message{};
      message.msg_name = &address_;
      message.msg_namelen = sizeof address_;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(head), &file, sizeof file);
      sent = sendmsg(fd_, &message, MSG_NOSIGNAL) >= 0;
    }
    close(file);
    return sent;
  }

  /// Until the daemon may take another one. An unconnected socket cannot be waited for (unix(7)), so that one is connected for it.
  bool AwaitRoom() {
    const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return queue_->Pause(kLookMs);
    const bool connected = connect(probe, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0;
    pollfd entry{probe, POLLOUT, 0};
    while (connected && !queue_->stopping() && poll(&entry, 1, kLookMs) == 0) continue;
    close(probe);
    return connected ? !queue_->stopping() : queue_->Pause(kLookMs);
  }

  sockaddr_un address_;
  BatchQueue* const queue_;
  int fd_ = -1;
};

/// `Format`: makes an event a datagram.
class DatagramSink : public LogSink {
 public:
  using Format = std::string (*)(const LogEvent& event);
  DatagramSink(const char* sink_name, sockaddr_un address, Format format)
      : name_(sink_name),
        format_(format),
        datagrams_(address, &queue_),
        queue_({}, [this](const BatchQueue::Batch& batch) { return Deliver(batch); }) {}
  const char* name() const override { return name_; }
  void Take(const LogEvent& event) override { queue_.Add(format_(event)); }
  bool Finish(int64_t most_ms) override { return queue_.Finish(most_ms); }
  void Stop() override { queue_.Stop(); }
  uint64_t dropped() const override { return queue_.dropped(); }

 private:
  size_t Deliver(const BatchQueue::Batch& batch) {
    size_t lost = 0;
    for (const std::string& text : batch) lost += datagrams_.Send(text) ? 0 : 1;
    return lost;
  }

  const char* const name_;
  const Format format_;
  Datagrams datagrams_;  // outlives the thread of the queue
  BatchQueue queue_;
};

/// As the journal takes a field: a value of several lines is told by its length.
void AppendField(std::string_view name, std::string_view value, std::string* out) {
  out->append(name);
  if (value.find('\n') == value.npos) {
    out->append("=");
  } else {
    out->append("\n");
    for (size_t shift = 0; shift < 64; shift += 8) out->push_back(static_cast<char>(value.size() >> shift & 0xFF));
  }
  out->append(value).append("\n");
}

/// The journal's names are of A-Z, 0-9 and _.
std::string JournalName(std::string_view field) {
  std::string name = "NOTIFYD_";
  for (char c : field) {
    if (c >= 'a' && c <= 'z') name += static_cast<char>(c - 'a' + 'A');
    else name += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
  }
  return name;
}

std::string JournalEntry(const LogEvent& event) {
  std::string out, value;
  AppendLogText(event, &value);
  AppendField("MESSAGE", value, &out);
  AppendField("PRIORITY", std::to_string(PriorityOf(event.level)), &out);
  AppendField("SYSLOG_IDENTIFIER", kIdentifier, &out);
  AppendField("NOTIFYD_EVENT", event.event, &out);
  for (const LogField* field = event.fields; field != event.fields + event.count; ++field) {
    if (IsLeftOut(*field)) continue;
    value.clear();
    if (const auto* text = std::get_if<std::string_view>(&field->value)) value = *text;
    else AppendLogValue(*field, /*plain_words=*/true, &value);
    AppendField(JournalName(field->name), value, &out);
  }
  return out;
}

/// In local time, and with English names of months, as syslog(3) does.
std::string SyslogLine(const LogEvent& event) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = static_cast<time_t>(event.time.ms / 1000);
  tm local{};
  localtime_r(&seconds, &local);
  char head[80];
  std::snprintf(head, sizeof head, "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", LOG_DAEMON | PriorityOf(event.level), kMonths[local.tm_mon], local.tm_mday,
                local.tm_hour, local.tm_min, local.tm_sec, kIdentifier, static_cast<int>(getpid()));
  std::string out = head;
  AppendLogText(event, &out);
  return out;
}

Result<std::unique_ptr<LogSink>> OpenDatagramSink(const char* name, const std::string& path, DatagramSink::Format format) {
  Result<sockaddr_un> address = AddressOf(path);
  if (!address.ok()) return std::move(address).status();
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return SystemError(path);
  if (!S_ISSOCK(about.st_mode)) return Status(Code::kIo, path + ": is not a socket");
  return std::unique_ptr<LogSink>(new DatagramSink(name, *address, format));
}

}  // namespace

Result<std::unique_ptr<LogSink>> OpenJournalSink(const std::string& socket) {
  return OpenDatagramSink("journald", socket, JournalEntry);
}

Result<std::unique_ptr<LogSink>> OpenSyslogSink(const std::string& socket) {
  return OpenDatagramSink("syslog", socket, SyslogLine);
}

bool IsJournalStream(int fd) {
  const char* said = std::getenv("JOURNAL_STREAM");
  unsigned long long device = 0, inode = 0;
  if (!said || std::sscanf(said, "%llu:%llu", &device, &inode) != 2) return false;
  struct stat about {};
  return fstat(fd, &about) == 0 && about.st_dev == device && about.st_ino == inode;
}

}  // namespace notifyd
