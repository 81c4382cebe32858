#include "cli/import/beanstalk_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <sstream>

namespace notifyd {
namespace {

constexpr int kConnectMs = 10'000, kAnswerMs = 60'000;
constexpr size_t kReadBytes = 64 << 10, kLineMost = 4096;
constexpr size_t kBodyMost = 1 << 30;  // no server takes jobs that large
constexpr const char* kProbeTube = "notifyctl-import";

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

bool ReadNumber(std::string_view text, uint64_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool HasBody(const std::string& word) {
  return word == "OK" || word == "RESERVED" || word == "FOUND";
}

bool Waits(int fd, short events, int ms) {
  pollfd entry{fd, events, 0};
  int ready;
  do ready = poll(&entry, 1, ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/// A socket that is connected to that address, or -1 with errno.
int ConnectTo(const addrinfo& address) {
  const int fd = socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol);
  if (fd < 0) return -1;
  int error = connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    socklen_t size = sizeof error;
    if (!Waits(fd, POLLOUT, kConnectMs)) error = ETIMEDOUT;
    else getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  close(fd);
  errno = error;
  return -1;
}

/// "name: value", one a line behind "---".
BeanstalkClient::Figures FiguresOf(const std::string& text) {
  BeanstalkClient::Figures figures;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string value = line.substr(colon + 2);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    figures[line.substr(0, colon)] = value;
  }
  return figures;
}

}  // namespace

std::string BeanstalkAddress::Text() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<BeanstalkAddress> ParseBeanstalkAddress(std::string_view text) {
  BeanstalkAddress address;
  std::string_view port;
  const Status bad(Code::kUnacceptable, "\"" + std::string(text) + "\" is not HOST:PORT, such as 127.0.0.1:11300");
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':')) return bad;
    address.host = text.substr(1, end - 1);
    if (address.host.find(':') == std::string::npos) return bad;  // nothing else stands in brackets but an address of IPv6
    if (end + 1 < text.size()) port = text.substr(end + 2);
    if (end + 2 == text.size()) return bad;
  } else {
    const size_t colon = text.find(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos && (port = text.substr(colon + 1)).empty()) return bad;
  }
  uint64_t number = address.port;
  if (address.host.empty() || (!port.empty() && !ReadNumber(port, &number)) || number == 0 || number > 65'535) return bad;
  address.port = static_cast<uint16_t>(number);
  return address;
}

Status BeanstalkClient::Connect() {
  Close();
  ++session_;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int error = getaddrinfo(address_.host.c_str(), std::to_string(address_.port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  if (error != 0) return Fail(Code::kUnavailable, gai_strerror(error));
  for (const addrinfo* each = list.get(); each && fd_ < 0; each = each->ai_next) fd_ = ConnectTo(*each);
  return fd_ >= 0 ? Status::Ok() : Fail(Code::kUnavailable, std::string("cannot connect: ") + std::strerror(errno));
}

void BeanstalkClient::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  unread_.clear();
  watched_.clear();
  used_.clear();
}

Status BeanstalkClient::Fail(Code code, const std::string& what) {
  Close();
  return Status(code, "beanstalkd at " + address_.Text() + ": " + what);
}

Status BeanstalkClient::Send(std::string_view bytes) {
  if (fd_ < 0) return Fail(Code::kUnavailable, "not connected");
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    else if (errno == EAGAIN && !Waits(fd_, POLLOUT, kAnswerMs)) return Fail(Code::kUnavailable, "it takes nothing");
    else if (errno != EAGAIN && errno != EINTR) return Fail(Code::kUnavailable, std::strerror(errno));
  }
  return Status::Ok();
}

Status BeanstalkClient::More() {
  for (;;) {
    const size_t before = unread_.size();
    unread_.resize(before + kReadBytes);
    const ssize_t got = recv(fd_, unread_.data() + before, kReadBytes, 0);
    const int error = errno;
    unread_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) return Status::Ok();
    if (got == 0) return Fail(Code::kUnavailable, "it closed the connection");
    if (error == EAGAIN && !Waits(fd_, POLLIN, kAnswerMs)) return Fail(Code::kUnavailable, "no answer came");
    if (error != EAGAIN && error != EINTR) return Fail(Code::kUnavailable, std::strerror(error));
  }
}

Result<std::optional<BeanstalkAnswer>> TakeBeanstalkAnswer(std::string* unread) {
  const Status other_protocol(Code::kUnacceptable, "what answers there speaks another protocol");
  const size_t end = unread->find("\r\n");
  if (end == std::string::npos && unread->size() > kLineMost) return other_protocol;
  if (end == std::string::npos) return std::optional<BeanstalkAnswer>();
  BeanstalkAnswer answer;
  std::istringstream words(unread->substr(0, end));
  words >> answer.word;
  for (std::string word; words >> word;) answer.rest.push_back(word);
  size_t taken = end + 2;
  if (HasBody(answer.word)) {
    uint64_t size = 0;
    if (answer.rest.empty() || !ReadNumber(answer.rest.back(), &size) || size > kBodyMost) return other_protocol;
    if (unread->size() < taken + size + 2) return std::optional<BeanstalkAnswer>();
    // A body that goes on would be cut, and its rest read as the next answer.
    if (unread->compare(taken + size, 2, "\r\n") != 0) return other_protocol;
    answer.body = unread->substr(taken, size);
    taken += size + 2;
  }
  unread->erase(0, taken);
  return std::optional(std::move(answer));
}

Result<BeanstalkClient::Answer> BeanstalkClient::Receive() {
  for (;;) {
    Result<std::optional<Answer>> answer = TakeBeanstalkAnswer(&unread_);
    if (!answer.ok()) return Fail(answer.status().code(), answer.status().detail());
    if (*answer) return std::move(**answer);
    NOTIFYD_TRY(More());
  }
}

Result<BeanstalkClient::Answer> BeanstalkClient::Ask(const std::string& command) {
  NOTIFYD_TRY(Send(command + "\r\n"));
  return Receive();
}

Status BeanstalkClient::Unexpected(const std::string& command, const Answer& answer) {
  const std::string verb = command.substr(0, command.find(' '));
  std::string what = "it answered " + verb + " with \"" + answer.word + "\"";
  // A door of a broker, which makes the calls itself, has no consumers.
  if (answer.word == "UNKNOWN_COMMAND") what += ": is it a beanstalkd, and not notifyd's own door?";
  return Fail(Code::kUnacceptable, what);
}

Result<BeanstalkClient::Figures> BeanstalkClient::Stats() {
  Result<Answer> answer = Ask("stats");
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word != "OK") return Unexpected("stats", *answer);
  return FiguresOf(answer->body);
}

Result<std::optional<BeanstalkClient::Figures>> BeanstalkClient::StatsOfTube(const std::string& tube) {
  Result<Answer> answer = Ask("stats-tube " + tube);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word == "NOT_FOUND") return std::optional<Figures>();
  if (answer->word != "OK") return Unexpected("stats-tube", *answer);
  return std::optional<Figures>(FiguresOf(answer->body));
}

Result<std::vector<std::optional<BeanstalkClient::Figures>>> BeanstalkClient::StatsOfJobs(const std::vector<uint64_t>& ids) {
  std::string commands;
  for (uint64_t id : ids) commands += "stats-job " + std::to_string(id) + "\r\n";
  NOTIFYD_TRY(Send(commands));
  std::vector<std::optional<Figures>> all;
  for (size_t i = 0; i < ids.size(); ++i) {
    Result<Answer> answer = Receive();
    if (!answer.ok()) return std::move(answer).status();
    if (answer->word != "OK" && answer->word != "NOT_FOUND") return Unexpected("stats-job", *answer);
    all.push_back(answer->word == "OK" ? std::optional<Figures>(FiguresOf(answer->body)) : std::nullopt);
  }
  return all;
}

Result<std::vector<std::string>> BeanstalkClient::Tubes() {
  Result<Answer> answer = Ask("list-tubes");
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word != "OK") return Unexpected("list-tubes", *answer);
  std::vector<std::string> tubes;
  std::istringstream lines(answer->body);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("- ")) tubes.push_back(line.substr(2));
  return tubes;
}

Status BeanstalkClient::WatchOnly(const std::string& tube) {
  if (watched_ == tube) return Status::Ok();
  const std::string before = watched_.empty() ? "default" : watched_;
  for (const std::string& command : {"watch " + tube, "ignore " + before}) {
    if (command == "ignore " + tube) continue;
    Result<Answer> answer = Ask(command);
    if (!answer.ok()) return std::move(answer).status();
    if (answer->word != "WATCHING") return Unexpected(command, *answer);
  }
  watched_ = tube;
  return Status::Ok();
}

Result<std::optional<BeanstalkJob>> BeanstalkClient::JobOf(const std::string& command, const Answer& answer, const char* word) {
  BeanstalkJob job;
  if (answer.word != word || answer.rest.size() != 2 || !ReadNumber(answer.rest.front(), &job.id)) return Unexpected(command, answer);
  job.body = answer.body;
  return std::optional<BeanstalkJob>(std::move(job));
}

Result<std::optional<BeanstalkJob>> BeanstalkClient::Reserve() {
  Result<Answer> answer = Ask("reserve-with-timeout 0");
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word == "TIMED_OUT" || answer->word == "DEADLINE_SOON") return std::optional<BeanstalkJob>();
  return JobOf("reserve-with-timeout", *answer, "RESERVED");
}

Result<std::optional<BeanstalkJob>> BeanstalkClient::PeekAt(const std::string& tube, const char* state) {
  if (used_ != tube) {
    Result<Answer> answer = Ask("use " + tube);
    if (!answer.ok()) return std::move(answer).status();
    if (answer->word != "USING") return Unexpected("use", *answer);
    used_ = tube;
  }
  const std::string command = std::string("peek-") + state;
  Result<Answer> answer = Ask(command);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word == "NOT_FOUND") return std::optional<BeanstalkJob>();
  return JobOf(command, *answer, "FOUND");
}

Result<std::optional<BeanstalkJob>> BeanstalkClient::Peek(uint64_t id) {
  Result<Answer> answer = Ask("peek " + std::to_string(id));
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word == "NOT_FOUND") return std::optional<BeanstalkJob>();
  return JobOf("peek", *answer, "FOUND");
}

Result<bool> BeanstalkClient::AskAbout(const std::string& verb, const std::string& command, const char* done) {
  Result<Answer> answer = Ask(command);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word != done && answer->word != "NOT_FOUND") return Unexpected(verb, *answer);
  return answer->word == done;
}

Result<bool> BeanstalkClient::Delete(uint64_t id) {
  return AskAbout("delete", "delete " + std::to_string(id), "DELETED");
}

Result<bool> BeanstalkClient::Touch(uint64_t id) {
  return AskAbout("touch", "touch " + std::to_string(id), "TOUCHED");
}

Result<bool> BeanstalkClient::KickJob(uint64_t id) {
  return AskAbout("kick-job", "kick-job " + std::to_string(id), "KICKED");
}

Result<bool> BeanstalkClient::Bury(uint64_t id) {
  Result<std::vector<std::optional<Figures>>> figures = StatsOfJobs({id});
  if (!figures.ok()) return std::move(figures).status();
  if (!figures->front()) return false;
  return AskAbout("bury", "bury " + std::to_string(id) + " " + (*figures->front())["pri"], "BURIED");
}

Result<uint64_t> BeanstalkClient::NewestId() {
  constexpr const char* kPut = "put 4294967295 0 60 0\r\n";
  used_ = kProbeTube;
  uint64_t id = 0;
  for (const std::string& command : {std::string("use ") + kProbeTube, std::string(kPut)}) {
    Result<Answer> answer = Ask(command);
    if (!answer.ok()) return std::move(answer).status();
    const bool put = command == kPut;
    if (answer->word != (put ? "INSERTED" : "USING")) return Unexpected(command, *answer);
    if (put && (answer->rest.empty() || !ReadNumber(answer->rest.front(), &id))) return Unexpected(command, *answer);
  }
  Result<bool> deleted = Delete(id);
  if (!deleted.ok()) return std::move(deleted).status();
  return id;
}

}  // namespace notifyd
