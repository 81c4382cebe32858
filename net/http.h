// HTTP values and the server's face. Transport only: knows nothing of notifies. One server a loop; all calls on its loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "net/peer.h"

namespace notifyd {

class Loop;
class RequestParser;
class TlsFiles;

struct HttpRequest {
  std::string method;  // as sent: "GET", ...
  std::string target;  // as sent: path and query
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // whole, chunked coding undone; kPaddingBytes of spare capacity behind it, for the JSON parser
  static constexpr size_t kPaddingBytes = 64;
  std::shared_ptr<const Peer> peer;  // who sent it; never null where it comes from a server

  /// The first header of that name (any case), or null.
  const std::string* Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool close = false;  // close the connection after it
  /// Of a HEAD request's answer, where the body that GET would get is not here: how long that is. Nothing: it is `body`.
  std::optional<uint64_t> length = {};
};

/// What the server has to know of a request before it hands it over.
struct HttpDemand {
  bool probe = false;       // answered on the connections beyond max_connections, too, and whatever is buffered
  size_t answer_bytes = 0;  // what its answer may take in memory: reserved before OnRequest. 0: too little to matter
  bool waits = false;       // a request for which there is no room waits for some, head_timeout_ms at most; else it is refused with 429
};

/// What the server calls. `token` names one request until it is responded to or closed; never 0, never used twice.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Respond(token, ...) may be called from inside, or later. Requests of one connection come one at a time: the next of a pipeline comes
  /// once this one was responded to.
  virtual void OnRequest(uint64_t token, HttpRequest request) = 0;

  /// Of a request that is complete. Called at most once each, before OnRequest; decides nothing. Not of one whose body comes in pieces.
  virtual HttpDemand Demand(const HttpRequest& /*request*/) { return {}; }

  /// A head is there, its body is not (`head.body` is empty; no head without a body comes here). False: the request comes whole, by OnRequest. True:
  /// OnHead comes next, then the body in pieces of any length, by OnBody and OnBodyEnd. Neither max_body_bytes nor the time for a whole request bound
  /// it then; what bounds it is that each piece comes within request_timeout_ms of the one before, pauses not counted. Decides nothing.
  virtual bool TakesPieces(const HttpRequest& /*head*/) { return false; }
  /// Respond or the stream functions answer it, at any time, also from inside and before the body's end: the token is void then, and the rest of the
  /// body thrown away. A body that breaks off or is malformed before that ends in OnBodyBroken, or in OnClose where nothing of it was handed out.
  virtual void OnHead(uint64_t /*token*/, const HttpRequest& /*head*/) {}
  /// `piece` is never empty, and valid during the call only.
  virtual void OnBody(uint64_t /*token*/, std::string_view /*piece*/) {}
  virtual void OnBodyEnd(uint64_t /*token*/) {}
  /// In place of OnBodyEnd: the body breaks off, is malformed, or did not come in time, after pieces of it were handed out. As these may have taken
  /// effect the server refuses nothing any more. True: the token stays, and is answered as any other; the connection is closed behind it, and a
  /// streamed response has no end (no last chunk), so that its client knows that it was cut. False: OnClose follows, and the connection is closed
  /// behind what was streamed so far.
  virtual bool OnBodyBroken(uint64_t /*token*/) { return false; }
  /// Of a response being streamed, less than HttpServer::kStreamLowBytes wait to be taken by the client, where before it was more.
  virtual void OnWritable(uint64_t /*token*/) {}

  /// The client has ended its side, and its request is complete: maybe it has gone, maybe it only sends nothing more. The token stays.
  virtual void OnHalfClose(uint64_t /*token*/) {}
  /// The client went away before the response, or its body broke: the token is void.
  virtual void OnClose(uint64_t token) = 0;
  /// The answer to a request that is refused before OnRequest (400, 408, 413, 414, 417, 429, 431, 501, 503, 505): the body in the handler's format.
  virtual HttpResponse OnRefused(int status, std::string_view detail) = 0;
};

/// Contract section 5.
struct HttpLimits {
  size_t max_connections = 10'000;
  size_t max_head_bytes = 16 << 10;
  size_t max_headers = 100;
  size_t max_target_bytes = 8 << 10;
  size_t max_body_bytes = 64 << 20;
  size_t max_probe_connections = 64;  // a server: beyond max_connections, for probes alone; the oldest gives way to the next
  /// Requests and responses of all servers that share a budget. Answers that were reserved take half of it at most, and bodies beyond 1 MiB leave a
  /// quarter, so that small requests find room whatever others do.
  size_t max_buffered_bytes = 256 << 20;
  /// A client that takes its answer more slowly, looked at after idle_timeout_ms or 10 s, whichever is less, is cut off. Where others wait for room
  /// it is looked at after half a second already, and so is one that sends its body more slowly.
  size_t least_bytes_per_s = 16 << 10;
  int64_t head_timeout_ms = 10'000;
  int64_t request_timeout_ms = 60'000;
  int64_t idle_timeout_ms = 75'000;
};

/// What is the same for all who connect at one address: the servers of all loops that listen there share it. Outlives them.
struct HttpListener {
  ServedParts serves = {};
  const TlsFiles* tls = nullptr;  // whose context new connections get; null: plain HTTP. Borrowed
  size_t max_connections = 10'000;
  std::atomic<size_t> connections{0};
  /// What reads the requests of a new connection, where its protocol is another than HTTP; empty: HTTP. Any loop's thread.
  std::function<std::unique_ptr<RequestParser>()> make_parser = {};
  std::vector<Cidr> cidrs = {};                       // who may connect; empty: anybody
  std::shared_ptr<const FixedAsker> asker = nullptr;  // Peer::asker of all who do
  /// A response with its head, written to a connection that this side ends between two requests: to its client it answers the request that it may be
  /// sending at that moment, of which nothing is read here any more. Empty: nothing is said.
  std::string farewell = {};
};

/// Where answers go. Loop thread; a token whose client went away is ignored.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  /// A HEAD request's response is sent without its body.
  virtual void Respond(uint64_t token, HttpResponse response) = 0;
  /// Before an answer is built whose size Demand did not tell. False: there is no room for so much. True for a token whose client went away.
  virtual bool Reserve(uint64_t token, size_t bytes) = 0;

  // A response in pieces: Begin, any number of Stream, End. Chunked (RFC 9112), or until the connection closes for an HTTP/1.0 client.
  // A client that takes nothing of it for request_timeout_ms is cut off. Pieces are written at the end of the loop's turn, those of one turn in
  // one go. The handler is not called from inside any of these functions, and they may be called from inside any of its own.
  /// The body of `head`, where it has one, is the first piece. A HEAD request gets the head only.
  virtual void BeginStream(uint64_t token, HttpResponse head) = 0;
  /// Returns how many bytes wait to be taken by the client, these included; 0 for a token whose client went away.
  virtual size_t Stream(uint64_t token, std::string_view piece) = 0;
  /// `close`: the connection ends with it, though there may be more of the request's body.
  virtual void EndStream(uint64_t token, bool close = false) = 0;
  /// In place of EndStream where the rest cannot be had: the connection is closed behind what was streamed so far, without its end (no last chunk).
  virtual void BreakStream(uint64_t token) = 0;
  /// Of a body that comes in pieces: no OnBody and no OnBodyEnd from now on, until Resume. Its client has to wait with what it sends.
  virtual void PauseBody(uint64_t token) = 0;
  virtual void ResumeBody(uint64_t token) = 0;
};

class HttpServer : public HttpResponder {
 public:
  /// What is buffered in all; shared by the servers of one process.
  struct Budget {
    std::atomic<size_t> bytes{0};
    std::atomic<size_t> answers{0};      // of `bytes`: reserved for answers, or answers that are not written yet
    std::atomic<size_t> connections{0};  // of all listeners, beside those that are there for a probe alone
    std::atomic<size_t> peak{0};         // most bytes since it was last relieved
    /// Called on the loop of a server once little is left of much: memory may go back to the system. Set before the servers are made; may be empty.
    std::function<void()> relieved;
  };
  /// All are borrowed and must outlive the server.
  HttpServer(Loop* loop, const HttpLimits& limits, Budget* budget, HttpHandler* handler);
  ~HttpServer() override;

  /// `address`: an IPv4 or IPv6 literal. Port 0 takes a free one. `reuse_port`: several servers on one port. `as`: borrowed; null: plain, serves all,
  /// up to the limits' max_connections, of this server's own count. Returns the port. Error: kIo.
  Result<uint16_t> Listen(const std::string& address, uint16_t port, bool reuse_port, HttpListener* as = nullptr);
  /// Could Listen bind it now? Binds it, and lets it go again: nobody who connects notices. Errors: kConflict where it is in use (that may be by this
  /// process), else kIo.
  static Status CheckListen(const std::string& address, uint16_t port, bool reuse_port);
  void Respond(uint64_t token, HttpResponse response) override;
  bool Reserve(uint64_t token, size_t bytes) override;
  void BeginStream(uint64_t token, HttpResponse head) override;
  size_t Stream(uint64_t token, std::string_view piece) override;
  void EndStream(uint64_t token, bool close = false) override;
  void BreakStream(uint64_t token) override;
  static constexpr size_t kStreamLowBytes = 64 << 10;
  void PauseBody(uint64_t token) override;
  void ResumeBody(uint64_t token) override;

  /// Looked at directly before anything is written to a client. False: nothing is, and its connection is closed (contract section 22, "Lease").
  void AnswerOnlyWhile(std::function<bool()> may);

  /// Accept no more; idle connections are closed, others after their response.
  void Drain();

  // Restart in place: sockets go from one process to the next over exec, so that no client notices.
  /// Accepts no more, but leaves the listening socket open: who connects waits in its queue. Connections go on.
  void StopAccepting();
  /// No connection reads a further request: what is under way goes on, what a client sends next waits for whoever gets the socket. From then on
  /// connections only become idle. After StopAccepting.
  void HoldRequests();
  /// Answers 503 to whoever's request is not complete, and closes behind it: nothing was done of it. What is taken in pieces is the handler's to end.
  void RefuseUnfinished();
  /// Gives away the listening sockets and every connection that is between two requests with nothing read of the next, or that has only to see its
  /// client close it; the others are closed after their response, or at once. Keys are not handed over: a TLS connection is ended (close_notify), and
  /// is then one that has to see its client close it. All of them are open over exec (no FD_CLOEXEC) and belong to the caller. After StopAccepting.
  struct Sockets {
    int listening = -1;
    std::vector<int> connections;  // any further listening socket stands among them, too
  };
  Sockets Release();
  /// In place of Listen, for the sockets of one listener (TCP, or Unix sockets). Owns them from then on; those that are none any more are skipped. A
  /// connection counts as accepted now, and is given the time of an idle one; where `as` has TLS one that is not ended is closed, for what it speaks
  /// is not known. A server may take back what it released itself, and goes on as before. Returns the port, 0 for a Unix socket. Error: kIo where
  /// `listening` does not listen; all of them are the caller's then.
  Result<uint16_t> Adopt(const Sockets& sockets, HttpListener* as = nullptr);
  /// Connections with a request under way, or a response that is not written yet.
  size_t busy() const;

  // Waiting for clients. Each calls `then` once, on the loop, not from inside; a later call takes the place of one that still waits.
  /// Once no connection has a request under way, or a response that is not written yet; but for one whose request has been coming for `slow_ms` and
  /// is not complete, or is what is left of one that was answered.
  void OnIdle(int64_t slow_ms, std::function<void()> then);
  /// Once each request that has been coming for `age_ms` by now is complete, or its connection gone.
  void OnReceived(int64_t age_ms, std::function<void()> then);
  /// Once no connection is open.
  void OnClosed(std::function<void()> then);
  size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
