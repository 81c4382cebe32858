// beanstalkd: what its door takes. The same jobs, put over the door, submitted over HTTP, and put into a real beanstalkd that syncs each write
// (-b DIR -f0), in turn, over the same connections by the same loader, so that what else the machine does falls on all. Nothing is delivered: the
// lane is paused, and beanstalkd has no consumer.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <functional>

#include "bench/session.h"

extern char** environ;

namespace notifyd::bench {
namespace {

constexpr const char* kTube = "bench";

/// One way to hand a job in: what is sent for each, once in front of all, and how an answer is read.
struct Wire {
  std::string name;
  Address address;
  std::string hello, hello_answer;  // empty: none
  std::string request;
  /// How many bytes the first answer has; 0: it is not whole.
  std::function<size_t(std::string_view bytes)> whole;
  std::string_view good;  // how an answer begins that took the job
};

size_t LineAnswer(std::string_view bytes) {
  const size_t end = bytes.find("\r\n");
  return end == std::string_view::npos ? 0 : end + 2;
}

size_t HttpAnswerBytes(std::string_view bytes) {
  constexpr std::string_view kLength = "Content-Length: ";
  const size_t head = bytes.find("\r\n\r\n"), at = bytes.find(kLength);
  if (head == std::string_view::npos || at > head) return 0;
  size_t length = 0;
  std::from_chars(bytes.data() + at + kLength.size(), bytes.data() + head, length);
  return bytes.size() < head + 4 + length ? 0 : head + 4 + length;
}

/// A connection with one job under way.
struct Producer {
  Fd socket;
  std::string in;
  bool greeted = false;
  int64_t sent_ns = 0;
};

Status Write(const Fd& socket, std::string_view bytes) {
  // One job at a time: the socket always takes it.
  return write(socket.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) ? Status::Ok()
                                                                                               : Status(Code::kIo, "a job was not sent whole");
}

/// Puts `count` jobs; the distribution of how long each took.
class Load {
 public:
  Load(const Wire& wire, uint64_t count) : wire_(wire), left_(count), open_(count) {}

  Status Run(int connections) {
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    std::vector<Producer> all(static_cast<size_t>(connections));
    begun_ns_ = MonoNanos();
    for (Producer& each : all) {
      Result<Fd> socket = wire_.address.Connect();
      if (!socket.ok()) return std::move(socket).status();
      each.socket = *std::move(socket);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &each}};
      if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, each.socket.get(), &event) != 0) return Status(Code::kIo, "epoll_ctl");
      each.greeted = wire_.hello.empty();
      NOTIFYD_TRY(each.greeted ? Next(&each) : Write(each.socket, wire_.hello));
    }
    while (open_ > 0) {
      epoll_event events[64];
      const int count = epoll_wait(epoll.get(), events, 64, 30'000);
      if (count <= 0 && errno != EINTR) return Status(Code::kUnavailable, wire_.name + " does not answer");
      for (int i = 0; i < count; ++i) NOTIFYD_TRY(Read(static_cast<Producer*>(events[i].data.ptr)));
    }
    ended_ns_ = MonoNanos();
    return Status::Ok();
  }

  double per_s(uint64_t count) const { return static_cast<double>(count) * 1e9 / static_cast<double>(ended_ns_ - begun_ns_); }
  const Distribution& answers() const { return answers_; }

 private:
  Status Next(Producer* connection) {
    if (left_ == 0) return Status::Ok();
    --left_;
    connection->sent_ns = MonoNanos();
    return Write(connection->socket, wire_.request);
  }

  Status Read(Producer* connection) {
    char buffer[16 << 10];
    const ssize_t size = read(connection->socket.get(), buffer, sizeof buffer);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return Status(Code::kUnavailable, wire_.name + " closed a connection");
    if (size < 0) return Status::Ok();
    connection->in.append(buffer, static_cast<size_t>(size));
    const size_t whole = wire_.whole(connection->in);
    if (whole == 0) return Status::Ok();
    const std::string answer = connection->in.substr(0, whole);
    connection->in.erase(0, whole);
    if (!connection->greeted) {
      connection->greeted = true;
      return answer == wire_.hello_answer ? Next(connection) : Status(Code::kUnavailable, wire_.name + ": " + answer);
    }
    if (!answer.starts_with(wire_.good)) return Status(Code::kUnavailable, wire_.name + ": " + answer);
    answers_.Add((MonoNanos() - connection->sent_ns) / 1000);
    --open_;
    return Next(connection);
  }

  const Wire& wire_;
  uint64_t left_, open_;  // to be sent, to be answered
  int64_t begun_ns_ = 0, ended_ns_ = 0;
  Distribution answers_;
};

/// A real beanstalkd that syncs each write, where there is one.
class Beanstalkd {
 public:
  static std::unique_ptr<Beanstalkd> Start(const std::string& dir) {
    Address address;
    if (Result<Fd> taken = address.Listen(); !taken.ok()) return nullptr;  // a port that is free
    const std::string at = address.ToString(), port = at.substr(at.rfind(':') + 1);
    std::vector<std::string> words = {"beanstalkd", "-l", "127.0.0.1", "-p", port, "-b", dir, "-f0"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = -1;
    if (posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return nullptr;
    std::unique_ptr<Beanstalkd> started(new Beanstalkd(address, pid));
    for (int tries = 0; tries < 500; ++tries) {
      if (address.Connect().ok()) return started;
      if (waitpid(pid, nullptr, WNOHANG) == pid) break;
      usleep(10'000);
    }
    return nullptr;
  }
  ~Beanstalkd() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  const Address& address() const { return address_; }

 private:
  Beanstalkd(const Address& address, pid_t pid) : address_(address), pid_(pid) {}

  Address address_;
  pid_t pid_;
};

Wire PutWire(std::string name, const Address& address, const std::string& job) {
  Wire wire{std::move(name), address, fmt::format("use {}\r\n", kTube), fmt::format("USING {}\r\n", kTube), {}, LineAnswer, "INSERTED "};
  wire.request = fmt::format("put 1024 0 60 {}\r\n{}\r\n", job.size(), job);
  return wire;
}

Wire HttpWire(const Address& address, const std::string& job) {
  Wire wire{"HTTP", address, {}, {}, {}, HttpAnswerBytes, "HTTP/1.1 201 "};
  const std::string body = fmt::format(R"({{"url":"http://127.0.0.1:9/","lane":"{}","content_type":"text/plain","body":{}}})", kTube, JsonText(job));
  wire.request = fmt::format("POST /v1/notifies HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                             address.ToString(), body.size(), body);
  return wire;
}

}  // namespace

Status RunBeanstalkd(const CommonOptions& common, const LoadOptions& options) {
  Result<std::unique_ptr<TempDir>> dir = TempDir::Make(common.dir);
  if (!dir.ok()) return std::move(dir).status();
  Address door;
  if (Result<Fd> taken = door.Listen(); !taken.ok()) return std::move(taken).status();  // a port that is free
  const std::string config = (*dir)->path() + "/notifyd.toml";
  std::ofstream(config) << fmt::format(
      "[[listener]]\naddress = \"{}\"\nprotocol = \"beanstalkd\"\n\n[[tube]]\nname = \"{}\"\nurl = \"http://127.0.0.1:9/\"\ncontent_type = "
      "\"text/plain\"\n",
      door.ToString(), kTube);
  CommonOptions own = common;
  own.broker_arguments.push_back("--config=" + config);
  Result<std::unique_ptr<Session>> session = Session::Open(own);
  if (!session.ok()) return std::move(session).status();
  BrokerProcess& broker = (*session)->broker();
  Result<std::unique_ptr<Caller>> caller = Caller::Open(broker.target());
  if (!caller.ok()) return std::move(caller).status();
  Result<HttpAnswer> paused = Ask(**caller, "PATCH", fmt::format("/v1/lanes/concurrent/{}", kTube), R"({"paused":true})");
  if (!paused.ok()) return std::move(paused).status();

  const std::string job(options.payload_bytes, 'j');
  std::vector<Wire> wires = {HttpWire(broker.address(), job), PutWire("door", door, job)};
  const std::unique_ptr<Beanstalkd> real = Beanstalkd::Start((*dir)->path());
  if (real) wires.push_back(PutWire("beanstalkd", real->address(), job));
  std::string title =
      fmt::format("beanstalkd: {} jobs of {} bytes over {} connections each, over HTTP, the door{}", Grouped(static_cast<double>(options.count), 0),
                  options.payload_bytes, options.connections, real ? ", and into a beanstalkd that syncs each" : "");
  std::vector<Goal> goals = {AtLeast("the door's rate to HTTP's", "door_to_http", 0.9)};
  if (real) goals.push_back(AtLeast("the door's rate to that of beanstalkd -f0", "door_to_beanstalkd", 5));
  return RunAndReport(common, title, goals, [&](int round) -> Result<Record> {
    Record record;
    record.Text("scenario", "beanstalkd").Int("run", round).Int("count", static_cast<int64_t>(options.count)).Int("connections", options.connections);
    std::vector<double> rates(wires.size());
    for (size_t i = 0; i < wires.size(); ++i) {
      const size_t turn = (i + static_cast<size_t>(round)) % wires.size();
      const double cpu = broker.cpu_s();
      Load load(wires[turn], options.count);
      if (Status status = load.Run(options.connections); !status.ok()) return status;
      rates[turn] = load.per_s(options.count);
      std::string name = turn == 0 ? "http" : turn == 1 ? "door" : "beanstalkd";
      record.Real(name + "_per_s", rates[turn], 0).Percentiles(name + "_ack", load.answers());
      if (turn < 2) record.Real(name + "_broker_cpu_s_per_1000", (broker.cpu_s() - cpu) * 1000 / static_cast<double>(options.count), 4);
    }
    record.Real("door_to_http", rates[1] / rates[0], 2);
    if (real) record.Real("door_to_beanstalkd", rates[1] / rates[2], 2);
    return record;
  });
}

}  // namespace notifyd::bench
