#include "bench/client.h"

#include <errno.h>
#include <fmt/format.h>
#include <llhttp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <iterator>
#include <thread>
#include <vector>

namespace notifyd::bench {
namespace {

constexpr size_t kErrorBodyKept = 2048;

/// One answer after the other out of the bytes of a connection.
class AnswerParser {
 public:
  AnswerParser() {
    llhttp_init(&parser_, HTTP_RESPONSE, Settings());
    parser_.data = this;
  }
  AnswerParser(const AnswerParser&) = delete;
  AnswerParser& operator=(const AnswerParser&) = delete;

  /// False where the bytes are not HTTP.
  bool Feed(const char* data, size_t size) { return llhttp_execute(&parser_, data, size) == HPE_OK; }
  /// The other side closed, which may be what ends an answer.
  void Finish() { llhttp_finish(&parser_); }
  /// Takes the answer that is complete: true once for each.
  bool Take() { return std::exchange(complete_, false); }
  int status() const { return parser_.status_code; }
  const std::string& body() const { return body_; }
  /// Bodies of 2xx answers are dropped unless asked for.
  void KeepAllBodies() { keep_all_ = true; }

 private:
  static AnswerParser& Of(llhttp_t* parser) { return *static_cast<AnswerParser*>(parser->data); }
  static const llhttp_settings_t* Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_message_begin = [](llhttp_t* p) {
        Of(p).body_.clear();
        return 0;
      };
      s.on_body = [](llhttp_t* p, const char* at, size_t n) {
        AnswerParser& self = Of(p);
        bool wanted = self.keep_all_ || (p->status_code >= 300 && self.body_.size() < kErrorBodyKept);
        if (wanted) self.body_.append(at, n);
        return 0;
      };
      s.on_message_complete = [](llhttp_t* p) {
        if (p->status_code >= 200) Of(p).complete_ = true;
        return 0;
      };
      return s;
    }();
    return &settings;
  }

  llhttp_t parser_{};
  std::string body_;
  bool complete_ = false;
  bool keep_all_ = false;
};

struct Connection {
  std::unique_ptr<Stream> stream;
  AnswerParser parser;
  std::string out;
  size_t out_sent = 0;
  size_t in_flight = 0;  // notifies in the request that waits for its answer; 0: idle, for good
  int64_t sent_ns = 0;
  bool wants_write = false;
};

class Client final : public LoadClient {
 public:
  Client(const Target& server, RequestSource* source, bool goes_on) : source_(source), goes_on_(goes_on) {
    std::vector<std::string> spaces = server.spaces;
    if (spaces.empty()) spaces.push_back(server.space);
    for (std::string& space : spaces) {
      Target in = server;
      in.space = std::move(space);
      lines_.push_back("POST " + in.Path("/v1/notifies"));
    }
    head_ = fmt::format(" HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: ", server.HeadLines());
  }
  ~Client() override {
    Cancel();
    if (thread_.joinable()) thread_.join();
  }

  Status Open(const Target& server, int connections) {
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (epoll_.get() < 0 || wake_.get() < 0) return Status(Code::kIo, "no epoll for the client");
    for (int i = 0; i < connections; ++i) {
      Result<std::unique_ptr<Stream>> stream = Stream::Open(server);
      if (!stream.ok()) return std::move(stream).status();
      connections_.push_back(std::make_unique<Connection>());
      connections_.back()->stream = *std::move(stream);
      Watch(EPOLL_CTL_ADD, i, EPOLLIN);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = kWake;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
    thread_ = std::thread([this] { Run(); });
    return Status::Ok();
  }

  uint64_t acknowledged() const override { return acknowledged_.load(std::memory_order_relaxed); }
  bool finished() const override { return finished_; }

  void Cancel() override {
    cancelled_ = true;
    uint64_t one = 1;
    [[maybe_unused]] ssize_t n = write(wake_.get(), &one, sizeof one);
  }

  Result<LoadResult> Join() override {
    thread_.join();
    if (!failure_.ok()) return failure_;
    return result_;
  }

 private:
  static constexpr uint32_t kWake = ~uint32_t{0};

  void Watch(int operation, int index, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = static_cast<uint32_t>(index);
    epoll_ctl(epoll_.get(), operation, connections_[static_cast<size_t>(index)]->stream->fd(), &event);
  }

  void Fail(std::string detail) {
    if (failure_.ok()) failure_ = Status(Code::kUnavailable, std::move(detail));
  }

  void Run() {
    result_.first_sent_ns = MonoNanos();
    for (size_t i = 0; i < connections_.size(); ++i) Send(static_cast<int>(i), MonoNanos());
    std::vector<epoll_event> events(connections_.size() + 1);
    while (busy_ > 0 && failure_.ok() && !cancelled_) {
      int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < n && failure_.ok(); ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.u32 == kWake) continue;
        if (event.events & EPOLLOUT) Flush(static_cast<int>(event.data.u32));
        if (event.events & ~static_cast<uint32_t>(EPOLLOUT)) Receive(static_cast<int>(event.data.u32));
      }
    }
    if (cancelled_) Fail("interrupted");
    result_.acknowledged = acknowledged();
    result_.cpu_s = static_cast<double>(ClockNanos(CLOCK_THREAD_CPUTIME_ID)) / 1e9;
    finished_ = true;
  }

  void Send(int index, int64_t now_ns) {
    Connection& c = *connections_[static_cast<size_t>(index)];
    body_.clear();
    c.in_flight = source_->Next(index, now_ns, &body_);
    if (c.in_flight == 0) return;
    ++busy_;
    c.sent_ns = now_ns;
    const std::string_view line = source_->Line();
    c.out.assign(line.empty() ? lines_[static_cast<size_t>(index) % lines_.size()] : line).append(head_);
    fmt::format_to(std::back_inserter(c.out), "{}\r\n\r\n", body_.size());
    c.out.append(body_);
    c.out_sent = 0;
    Flush(index);
  }

  void Flush(int index) {
    Connection& c = *connections_[static_cast<size_t>(index)];
    while (c.out_sent < c.out.size()) {
      ssize_t n = c.stream->Send(c.out.data() + c.out_sent, c.out.size() - c.out_sent);
      if (n < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return Fail(fmt::format("the broker closed a connection during a request: {}", strerror(errno)));
        if (!c.wants_write) Watch(EPOLL_CTL_MOD, index, EPOLLIN | EPOLLOUT);
        c.wants_write = true;
        return;
      }
      c.out_sent += static_cast<size_t>(n);
    }
    if (c.wants_write) Watch(EPOLL_CTL_MOD, index, EPOLLIN);
    c.wants_write = false;
  }

  void Receive(int index) {
    do {
      ReceiveOnce(index);
    } while (failure_.ok() && connections_[static_cast<size_t>(index)]->stream->has_more());
  }

  void ReceiveOnce(int index) {
    Connection& c = *connections_[static_cast<size_t>(index)];
    ssize_t n = c.stream->Receive(buffer_, sizeof buffer_);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      if (c.in_flight) return Fail("the broker closed a connection instead of answering");
      Watch(EPOLL_CTL_DEL, index, 0);
      return;
    }
    if (!c.parser.Feed(buffer_, static_cast<size_t>(n))) return Fail("the broker's answer is not HTTP");
    if (!c.parser.Take()) return;
    if (c.in_flight == 0) return Fail("the broker answered what was not asked");
    int64_t now = MonoNanos();
    const bool refused = c.parser.status() < 200 || c.parser.status() > 299;
    if (refused && !goes_on_) {
      return Fail(fmt::format("the broker refused a submit: {} {}", c.parser.status(), c.parser.body()));
    }
    result_.ack_latency.Add((now - c.sent_ns) / 1000);
    result_.last_answered_ns = now;
    ++result_.requests;
    if (refused) result_.refused += c.in_flight;
    else acknowledged_.fetch_add(c.in_flight, std::memory_order_relaxed);
    --busy_;
    Send(index, now);
  }

  RequestSource* source_;
  const bool goes_on_;
  std::vector<std::string> lines_;  // those of the connections, in turn
  std::string head_;
  std::string body_;
  Fd epoll_, wake_;
  std::vector<std::unique_ptr<Connection>> connections_;
  size_t busy_ = 0;
  LoadResult result_;
  Status failure_;
  char buffer_[64 * 1024];
  std::atomic<uint64_t> acknowledged_{0};
  std::atomic<bool> finished_{false};
  std::atomic<bool> cancelled_{false};
  std::thread thread_;
};

/// Waits for each answer in poll.
class BlockingCaller final : public Caller {
 public:
  BlockingCaller(const Target& server, std::unique_ptr<Stream> stream) : server_(server), stream_(std::move(stream)) { parser_.KeepAllBodies(); }

  Result<HttpAnswer> Call(std::string_view method, std::string_view path, std::string_view body, int timeout_ms) override {
    std::string request = fmt::format("{} {} HTTP/1.1\r\n{}", method, server_.Path(path), server_.HeadLines());
    if (!body.empty()) fmt::format_to(std::back_inserter(request), "Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    request.append("\r\n").append(body);
    const std::string name = fmt::format("{} {}", method, path);
    const int64_t until_ns = MonoNanos() + int64_t{timeout_ms} * 1'000'000;
    for (size_t sent = 0; sent < request.size();) {
      ssize_t n = stream_->Send(request.data() + sent, request.size() - sent);
      if (n > 0) sent += static_cast<size_t>(n);
      else if (n < 0 && errno != EAGAIN && errno != EINTR) return Status(Code::kIo, fmt::format("{}: cannot be written: {}", name, strerror(errno)));
      else if (!Await(POLLOUT, until_ns)) return Status(Code::kIo, fmt::format("{}: not taken within {} ms", name, timeout_ms));
    }
    for (;;) {
      if (!stream_->has_more() && !Await(POLLIN, until_ns)) return Status(Code::kIo, fmt::format("{}: no answer within {} ms", name, timeout_ms));
      ssize_t n = stream_->Receive(buffer_, sizeof buffer_);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n <= 0) parser_.Finish();
      else if (!parser_.Feed(buffer_, static_cast<size_t>(n))) return Status(Code::kIo, fmt::format("{}: the answer is not HTTP", name));
      if (parser_.Take()) return HttpAnswer{parser_.status(), parser_.body()};
      if (n <= 0) return Status(Code::kIo, fmt::format("{}: the connection was closed without an answer", name));
    }
  }

 private:
  bool Await(short events, int64_t until_ns) {
    for (;;) {
      const int64_t left_ms = (until_ns - MonoNanos()) / 1'000'000;
      pollfd wait{stream_->fd(), events, 0};
      if (left_ms < 0) return false;
      int ready = poll(&wait, 1, static_cast<int>(left_ms));
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

  const Target server_;
  std::unique_ptr<Stream> stream_;
  AnswerParser parser_;
  char buffer_[64 * 1024];
};

}  // namespace

Result<std::unique_ptr<LoadClient>> LoadClient::Start(const Target& server, int connections, RequestSource* source, bool goes_on) {
  auto client = std::make_unique<Client>(server, source, goes_on);
  Status opened = client->Open(server, connections);
  if (!opened.ok()) return opened;
  return std::unique_ptr<LoadClient>(std::move(client));
}

Result<std::unique_ptr<Caller>> Caller::Open(const Target& server) {
  Result<std::unique_ptr<Stream>> stream = Stream::Open(server);
  if (!stream.ok()) return std::move(stream).status();
  return std::unique_ptr<Caller>(std::make_unique<BlockingCaller>(server, *std::move(stream)));
}

Result<HttpAnswer> Ask(Caller& caller, std::string_view method, std::string_view path, std::string_view body) {
  Result<HttpAnswer> answer = caller.Call(method, path, body);
  if (!answer.ok() || answer->status / 100 == 2) return answer;
  return Status(Code::kUnavailable, fmt::format("{} {} was answered {} {}", method, path, answer->status, answer->body));
}

Result<HttpAnswer> Fetch(const Target& server, std::string_view method, std::string_view path, int timeout_ms) {
  Result<std::unique_ptr<Caller>> caller = Caller::Open(server);
  if (!caller.ok()) return std::move(caller).status();
  return (*caller)->Call(method, path, {}, timeout_ms);
}

}  // namespace notifyd::bench
