// Api: tokens, and what each of them waits for. What requests say is in requests.h, what replies look like in replies.h.
// I1: every request gets one answer, from inside OnRequest or from a reply, but for a bulk submit whose body broke. A token in posted_ has one
//     event under way; a token in streams_ has one where its `under_way` is set; any other token has none.
// I2: once a client is gone its token is in neither: replies to it are dropped, and nothing further is posted for it but Disconnected.
#include "net/api/api.h"

#include <chrono>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/secrets.h"
#include "broker/via.h"
#include "net/api/change.h"
#include "net/api/ndjson.h"
#include "net/api/problem.h"
#include "net/api/render.h"
#include "net/api/replies.h"
#include "net/api/requests.h"
#include "net/api/router.h"
#include "net/api/steps.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

constexpr const char* kNdjson = "application/x-ndjson";
constexpr const char* kPatchTypes = "application/merge-patch+json, application/json";
/// Each may have 16 MiB of lines in memory (one of the longest, what is gathered, what is under way), which the server does not count: together
/// as much as it buffers in all.
constexpr size_t kMaxBulkSubmits = 16;

int64_t MonotonicUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

class Api::Impl {
 public:
  Impl(const ApiOptions& options, EventSink* sink)
      : options_(options),
        sink_(sink),
        parser_(options.max_body_bytes, options.max_batch_items),
        reader_(&parser_),
        secrets_(options.secret_headers),
        changes_(&parser_, &secrets_),
        replies_(&options_, &secrets_) {}

  void SetResponder(Responder* responder) { responder_ = responder; }
  void SetVia(std::string name) { via_ = std::move(name); }
  void SetSecretHeaders(std::vector<std::string> names) { secrets_ = SecretNames(std::move(names)); }

  void OnRequest(uint64_t token, HttpRequest request) {
    int64_t since_us = MonotonicUs();
    Status status = Dispatch(token, request, since_us);
    if (!status.ok()) responder_->Respond(token, Refusal(status, request.method));
  }

  bool OnHead(uint64_t token, const HttpRequest& head) {
    if (!IsNdjson(head)) return false;
    Result<Route> route = FindRoute(head.method, head.target);
    if (!route.ok() || !IsBulkSubmit(head, *route)) return false;
    Status status = CheckOrigin(head);
    if (status.ok()) status = CheckVia(head);
    if (status.ok()) status = CheckBulkHead(head, *route);
    if (status.ok() && leaving_) {
      RefuseLeaving(token);
      return true;
    }
    if (status.ok()) status = CheckRoom();
    if (status.ok()) {
      OpenStream(token, head);
    } else {
      HttpResponse response = ProblemResponse(status);
      response.close = true;  // the body is not wanted
      responder_->Respond(token, std::move(response));
    }
    return true;
  }

  void OnBody(uint64_t token, std::string_view piece) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream || !stream->body_open) return;
    stream->bulk.Take(piece);
    Pump(token, stream);
  }

  void OnBodyEnd(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream || !stream->body_open) return;
    stream->body_open = false;
    stream->bulk.TakeEnd();
    Pump(token, stream);
  }

  bool OnBodyBroken(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream) return false;
    if (std::exchange(stream->body_open, false)) stream->bulk.TakeBreak();
    return !stream->bulk.done();
  }

  void OnWritable(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream) return;
    stream->bulk.OnUnsent(0);
    Pump(token, stream);
  }

  void OnClose(uint64_t token) {
    bool under_way = posted_.erase(token) > 0;
    if (auto stream = streams_.find(token); stream != streams_.end()) {
      under_way = stream->second->under_way;
      stream->second->gone = true;
      streams_.erase(stream);
    }
    if (under_way) sink_->Post(Disconnected{Id(token)});
  }

  void EndBulkSubmits(Leaving why) {
    leaving_ = why;
    // Each may go, or another with it, while it is pumped.
    std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> all(streams_.begin(), streams_.end());
    for (auto& [token, stream] : all) {
      if (stream->gone) continue;
      stream->body_open = false;
      stream->bulk.TakeStop(why);
      Pump(token, stream);
    }
  }

  void OnReply(Reply reply) {
    uint64_t token = reply.request.token;
    if (std::shared_ptr<Stream> stream = FindStream(token)) return OnStreamReply(token, stream, reply);
    auto found = posted_.find(token);
    if (found == posted_.end()) return;  // the client went away
    Posted posted = std::move(found->second);
    posted_.erase(found);
    if (posted.steps) {
      std::variant<Event, HttpResponse> next = posted.steps->Next(std::move(reply.body));
      if (std::holds_alternative<Event>(next)) return Post(token, std::get<Event>(std::move(next)), std::move(posted));
      return responder_->Respond(token, std::get<HttpResponse>(std::move(next)));
    }
    bool acknowledged = std::holds_alternative<Submitted>(reply.body);
    responder_->Respond(token, replies_.Render(reply.body));
    if (acknowledged) Acknowledged(posted.since_us);
  }

 private:
  /// What a token waits for, in posted_.
  struct Posted {
    int64_t since_us = 0;          // when its request came
    std::unique_ptr<Steps> steps;  // null: its reply is its answer
  };
  /// A bulk submit.
  struct Stream {
    Stream(const BulkLimits& limits, RequestId request, TraceContext trace, SubmitParser* parser) : bulk(limits, request, std::move(trace), parser) {}
    BulkSubmit bulk;
    bool body_open = true;   // there may come more of it
    bool paused = false;     // the body
    bool begun = false;      // the response
    bool under_way = false;  // an event
    int64_t posted_us = 0;   // when that was
    bool gone = false;       // the client
  };

  RequestId Id(uint64_t token) const { return {options_.thread, token}; }

  /// `event` carries Id(token).
  void Post(uint64_t token, Event event, Posted posted) {
    CHECK(posted_.emplace(token, std::move(posted)).second);
    sink_->Post(std::move(event));
  }
  Status Begin(uint64_t token, std::unique_ptr<Steps> steps) {
    Event first = steps->First();
    Post(token, std::move(first), {0, std::move(steps)});
    return Status::Ok();
  }

  void Acknowledged(int64_t since_us) {
    if (options_.acknowledgement) options_.acknowledgement->Observe(MonotonicUs() - since_us);
  }

  static Status CheckOrigin(const HttpRequest& request) {
    const std::string* origin = request.Header("Origin");
    if (!origin || !IsForeignOrigin(*origin, request.Header("Host"))) return Status::Ok();
    return Status(Code::kForbidden, "requests from another origin are refused");
  }

  /// Contract section 5: a request that this broker has made itself, by way of others, would go round for ever.
  Status CheckVia(const HttpRequest& request) const {
    std::string chain = ViaOf(request.headers);
    if (chain.empty()) return Status::Ok();
    if (!via_.empty() && ViaNames(chain, via_))
      return Status(Code::kLoop, "this broker has made the request itself, by way of others: Notify-Via names it");
    if (chain.size() > kMaxViaBytes) return Status(Code::kLoop, "the request has gone through too many brokers: Notify-Via is too long");
    return Status::Ok();
  }

  static HttpResponse Refusal(const Status& status, std::string_view method) {
    HttpResponse response = ProblemResponse(status);
    // RFC 5789 section 2.2.
    if (status.code() == Code::kUnsupportedMedia && method == "PATCH") response.headers.emplace_back("Accept-Patch", kPatchTypes);
    return response;
  }

  /// Answers, posts, or fails with what is to be answered.
  Status Dispatch(uint64_t token, HttpRequest& request, int64_t since_us) {
    if (Status status = CheckOrigin(request); !status.ok()) return status;
    if (Status status = CheckVia(request); !status.ok()) return status;
    Result<Route> route = FindRoute(request.method, request.target);
    if (!route.ok()) return std::move(route).status();
    if (!route->offered) {
      HttpResponse response = ProblemResponse(405, "this path takes " + std::string(route->allow));
      response.headers.emplace_back("Allow", route->allow);
      return Answer(token, std::move(response));
    }
    // Probes and scrapers may put anything behind the question mark.
    if (route->endpoint == Endpoint::kHealthz) return Answer(token, JsonResponse(200, R"({"status":"ok"})"));
    if (route->endpoint == Endpoint::kReadyz) return Readyz(token);
    if (route->endpoint == Endpoint::kMetrics) return Begin(token, MakeMetricsSteps(Id(token), &replies_, &options_));
    if (route->endpoint == Endpoint::kNotify && route->verb == Verb::kPatch) return Change(token, *route, request);
    if (IsBulkSubmit(request, *route)) return WholeBulkSubmit(token, *route, request);
    Result<Event> event = reader_.Read(Id(token), *route, &request);
    if (!event.ok()) return std::move(event).status();
    Post(token, *std::move(event), {since_us, nullptr});
    return Status::Ok();
  }

  Status Answer(uint64_t token, HttpResponse response) {
    responder_->Respond(token, std::move(response));
    return Status::Ok();
  }

  Status Readyz(uint64_t token) {
    if (options_.ready && !options_.ready())
      return Status(Code::kUnavailable, "submits are not taken: the broker starts or stops, or the store refuses writes");
    return Answer(token, JsonResponse(200, R"({"status":"ready"})"));
  }

  Status Change(uint64_t token, const Route& route, HttpRequest& request) {
    if (Status status = CheckNoParameters(route); !status.ok()) return status;
    Result<NotifyId> id = FindId(route.argument);
    if (!id.ok()) return std::move(id).status();
    if (Status status = CheckBody(request, BodyType::kPatch); !status.ok()) return status;
    Result<std::unique_ptr<Steps>> steps = MakeChangeSteps(Id(token), *id, std::move(request), &changes_, &replies_, &options_);
    if (!steps.ok()) return std::move(steps).status();
    return Begin(token, *std::move(steps));
  }

  // ---- bulk submits

  static bool IsBulkSubmit(const HttpRequest& request, const Route& route) {
    return route.endpoint == Endpoint::kNotifies && route.verb == Verb::kPost && IsNdjson(request);
  }
  void RefuseLeaving(uint64_t token) {
    HttpResponse response = LeavingResponse(*leaving_);
    response.close = true;  // the body is not wanted
    responder_->Respond(token, std::move(response));
  }
  Status CheckRoom() const {
    if (streams_.size() < kMaxBulkSubmits) return Status::Ok();
    return Status(Code::kTooMany, "too many bulk submits are under way");
  }
  std::shared_ptr<Stream> OpenStream(uint64_t token, const HttpRequest& head) {
    BulkLimits limits;
    limits.max_line_bytes = options_.max_line_bytes;
    auto stream = std::make_shared<Stream>(limits, Id(token), ContextOf(head.headers), &parser_);
    CHECK(streams_.emplace(token, stream).second);
    return stream;
  }
  std::shared_ptr<Stream> FindStream(uint64_t token) const {
    auto found = streams_.find(token);
    return found == streams_.end() ? nullptr : found->second;
  }

  /// One whose body is there already: none at all.
  Status WholeBulkSubmit(uint64_t token, const Route& route, const HttpRequest& request) {
    if (Status status = CheckBulkHead(request, route); !status.ok()) return status;
    if (leaving_) {
      RefuseLeaving(token);
      return Status::Ok();
    }
    if (Status status = CheckRoom(); !status.ok()) return status;
    std::shared_ptr<Stream> stream = OpenStream(token, request);
    stream->body_open = false;
    stream->bulk.Take(request.body);
    stream->bulk.TakeEnd();
    Pump(token, stream);
    return Status::Ok();
  }

  void OnStreamReply(uint64_t token, const std::shared_ptr<Stream>& stream, const Reply& reply) {
    CHECK(std::exchange(stream->under_way, false));
    if (auto* submitted = std::get_if<Submitted>(&reply.body)) {
      stream->bulk.OnReply(*submitted);
      Acknowledged(stream->posted_us);
    } else {
      stream->bulk.OnReply(std::get<Refused>(reply.body));
    }
    Pump(token, stream);
  }

  /// Moves on whatever can: see ndjson.h. The client may go away inside of any call of the responder.
  void Pump(uint64_t token, const std::shared_ptr<Stream>& stream) {
    for (bool more = true; std::exchange(more, false);) {
      if (std::optional<SubmitRequest> request = stream->bulk.NextRequest()) {
        CHECK(!std::exchange(stream->under_way, true));
        stream->posted_us = MonotonicUs();
        sink_->Post(*std::move(request));
      }
      std::string answers = stream->bulk.TakeAnswers();
      if (answers.empty()) break;
      if (!std::exchange(stream->begun, true)) {
        HttpResponse head;
        head.content_type = kNdjson;
        responder_->BeginStream(token, std::move(head));
      }
      if (stream->gone) return;
      size_t unsent = responder_->Stream(token, answers);
      if (stream->gone) return;
      stream->bulk.OnUnsent(unsent);
      more = true;
    }
    if (stream->bulk.done()) return FinishStream(token, *stream);
    if (!stream->body_open) return;
    bool pause = !stream->bulk.wants_body();
    if (std::exchange(stream->paused, pause) == pause) return;
    pause ? responder_->PauseBody(token) : responder_->ResumeBody(token);
  }

  void FinishStream(uint64_t token, const Stream& stream) {
    bool begun = stream.begun, stopped = stream.bulk.stopped();
    streams_.erase(token);
    if (begun) return responder_->EndStream(token, /*close=*/stopped);
    HttpResponse empty;
    empty.content_type = kNdjson;
    responder_->Respond(token, std::move(empty));
  }

  const ApiOptions options_;
  EventSink* const sink_;
  Responder* responder_ = nullptr;
  std::string via_;
  SubmitParser parser_;
  RequestReader reader_;
  SecretNames secrets_;
  ChangeParser changes_;
  const Replies replies_;
  std::unordered_map<uint64_t, Posted> posted_;
  std::unordered_map<uint64_t, std::shared_ptr<Stream>> streams_;
  std::optional<Leaving> leaving_;
};

Api::Api(const ApiOptions& options, EventSink* sink) : impl_(std::make_unique<Impl>(options, sink)) {}
Api::~Api() = default;
void Api::SetResponder(Responder* responder) {
  impl_->SetResponder(responder);
}
void Api::SetVia(std::string name) {
  impl_->SetVia(std::move(name));
}
void Api::SetSecretHeaders(std::vector<std::string> names) {
  impl_->SetSecretHeaders(std::move(names));
}
bool Api::OnHead(uint64_t token, const HttpRequest& head) {
  return impl_->OnHead(token, head);
}
void Api::OnBody(uint64_t token, std::string_view piece) {
  impl_->OnBody(token, piece);
}
void Api::OnBodyEnd(uint64_t token) {
  impl_->OnBodyEnd(token);
}
bool Api::OnBodyBroken(uint64_t token) {
  return impl_->OnBodyBroken(token);
}
void Api::OnWritable(uint64_t token) {
  impl_->OnWritable(token);
}
void Api::OnRequest(uint64_t token, HttpRequest request) {
  impl_->OnRequest(token, std::move(request));
}
void Api::OnClose(uint64_t token) {
  impl_->OnClose(token);
}
void Api::EndBulkSubmits(Leaving why) {
  impl_->EndBulkSubmits(why);
}
void Api::OnReply(Reply reply) {
  impl_->OnReply(std::move(reply));
}

HttpResponse Api::OnRefused(int status, std::string_view detail) {
  HttpResponse response = ProblemResponse(status, detail);
  response.close = true;
  return response;
}

}  // namespace notifyd
