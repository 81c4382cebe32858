#include "net/api/passing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "net/api/live.h"
#include "net/api/passing_figures.h"
#include "net/api/stranded.h"
#include "net/api/waits.h"
#include "net/cluster/passed_peer.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

/// An answer that is no longer is kept until it is whole: it gets its length, and may still be asked for again.
constexpr uint64_t kGatheredBytes = 64 << 10;
/// For whoever cannot be answered in pieces.
constexpr size_t kMostGatheredBytes = 32 << 20;
/// So much waits for a client, or for a member, before its source is held up.
constexpr size_t kMostUnsentBytes = 256 << 10;
constexpr int64_t kAnswerMs = 60'000;
constexpr int64_t kFirstPauseMs = 50, kMostPauseMs = 800;
/// What was asked for so long before it broke has had its wait: the next one is another.
constexpr int64_t kCalmMs = 1'000;
constexpr size_t kMostLineBytes = 1 << 20;
constexpr int kMostLogLines = 20;  // of a kind, a minute

constexpr const char* kMoving = "what this request is about is on its way from one broker to another, or the broker that had it is gone; try again";
constexpr const char* kLinesUnknown = "the connection to the broker that serves this broke: lines that are not answered may have been taken, or not";

}  // namespace

/// One request.
class Passing::Pass : public MemberCall {
 public:
  Pass(Passing* passing, uint64_t token, HttpRequest request, const Subject& subject, Underway underway)
      : passing_(*passing),
        client_(*passing->setup_.client),
        token_(token),
        subject_(subject),
        request_(std::move(request)),
        underway_(std::move(underway)),
        wait_ms_(AskedWaitMs(request_)),
        began_ms_(client_.NowMs() - underway_.progress.waited_ms) {
    if (!request_.body.empty()) body_ = std::make_shared<const std::string>(std::move(request_.body));
    request_.body = std::string();
  }
  ~Pass() override {
    if (call_ != 0) client_.Drop(call_);
  }

  void BeginPieces() {
    in_pieces_ = body_open_ = true;
    SetPaused(true);
    Look();
  }
  void Look();

  void OnBody(std::string_view piece);
  void OnBodyEnd();
  bool OnBodyBroken();
  void OnWritable() {
    if (std::exchange(answer_held_, false)) client_.Resume(call_);
  }
  /// Its client may have gone. To the member an end of what is sent says that this broker leaves: only where both come to the same it is passed on.
  void OnHalfClose() {
    if (call_ != 0 && subject_.hurries) client_.EndSending(call_);
  }
  void Leave(Leaving why);
  void Cut();
  void Tick(int64_t now_ms);

  // Of the call.
  void OnContinue() override;
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t> length) override;
  void OnAnswerBody(std::string_view piece) override;
  void OnAnswerEnd(bool keeps) override;
  void OnLost(const MemberLoss& loss) override;
  void OnSent() override {
    if (in_pieces_ && taken_) SetPaused(false);
  }

 private:
  HttpResponder* responder() const { return passing_.responder_; }
  bool gathers() const { return request_.peer && request_.peer->asker; }
  bool chunked() const { return request_.Header("Content-Length") == nullptr; }
  /// Once this broker leaves nothing waits any longer.
  int64_t waited_ms() const { return wait_ms_ == 0 || leaving_ ? wait_ms_ : std::min(wait_ms_, client_.NowMs() - began_ms_); }
  int64_t rest_ms() const { return wait_ms_ - waited_ms(); }
  bool looks() const { return request_.method == "GET" || request_.method == "HEAD"; }
  bool carried_out() const { return underway_.progress.carried_out.has_value(); }
  /// May it be asked once more? Where this broker leaves, one that waited to look is: whoever serves it answers at once.
  bool goes_on() const { return !leaving_ || (looks() && wait_ms_ > 0); }
  void SetPaused(bool paused) {
    if (!body_open_ || std::exchange(paused_, paused) == paused) return;
    paused ? responder()->PauseBody(token_) : responder()->ResumeBody(token_);
  }
  void BeginBudget();
  void Wait(int64_t pause_ms);
  void Ask(const Place& place);
  std::string Head() const;
  bool Repeatable() const;
  void NoteLines(std::string_view piece);
  void PassLines(std::string_view piece);
  void StreamOut(std::string_view piece);
  void Bounce();
  void GoOnWaiting();
  void RespondSoFar(PassingFigures::Outcome outcome);
  int64_t NextPause();
  void AskAgain(int64_t pause_ms, bool was_asked);
  void Respond(HttpResponse response, PassingFigures::Outcome outcome);
  void EndStream(PassingFigures::Outcome outcome);
  void Break(const MemberLoss& loss);

  Passing& passing_;
  MemberClient& client_;
  const uint64_t token_;
  const Subject subject_;
  HttpRequest request_;  // without its body
  std::shared_ptr<const std::string> body_;
  Underway underway_;  // but for the time, which is counted from began_ms_
  const int64_t wait_ms_;
  const int64_t began_ms_;
  int64_t gives_up_ms_ = 0;  // while it waits for a place, or to reach whoever is there; 0: it has not waited yet
  int64_t again_ms_ = 0;     // not before
  int64_t pause_ms_ = kFirstPauseMs;
  std::string unreached_;  // why whoever serves it was not reached the last time; empty: it was
  int64_t asked_ms_ = 0;
  int64_t asked_us_ = 0;
  int64_t misplaced_ms_ = 0;  // since when whoever was asked is not the one any more; 0: he is
  std::string asked_;         // at which address
  MeantMember meant_;         // whom
  uint64_t call_ = 0;         // under way
  uint64_t awaits_ = 0;       // the newest Await: of those before nothing is wanted
  bool in_pieces_ = false;
  bool body_open_ = false;  // there may come more of it
  bool paused_ = false;     // the body
  bool taken_ = false;      // the member asked for the body
  bool cut_ = false;        // the body broke
  bool bounced_ = false;    // the answer under way says that it is not served there
  bool refused_ = false;    // the answer under way is none to what waits on
  std::optional<CarriedOut> waits_on_;            // as the answer under way says
  bool line_begun_ = false, line_ended_ = false;  // of the body, as far as it was passed on
  bool streaming_ = false;  // the answer goes out in pieces
  bool answer_held_ = false;
  std::optional<Leaving> leaving_;
  HttpResponse gathered_;
  std::string line_;    // of the answer, without its end
  uint64_t lines_ = 0;  // of the answer, that went out
};

// ---- where to

void Passing::Pass::Look() {
  const Place place = passing_.PlaceOf(subject_);
  if (place.kind == Place::Kind::kThere) return Ask(place);
  if (place.kind == Place::Kind::kMoving && !passing_.LeadsNowhere(subject_)) return Wait(0);
  passing_.setup_.figures->Count(place.kind == Place::Kind::kHere ? PassingFigures::kServedHere : PassingFigures::kNoPlace);
  std::unique_ptr<Pass> self = passing_.Take(token_);
  if (in_pieces_) {
    passing_.setup_.here_in_pieces(token_, request_);
    // Whoever has it now knows of no pause; unless it is on its way again.
    if (paused_ && passing_.Find(token_) == nullptr) responder()->ResumeBody(token_);
    return;
  }
  if (body_) {
    request_.body.reserve(body_->size() + HttpRequest::kPaddingBytes);
    request_.body = *body_;
  }
  underway_.progress.waited_ms = waited_ms();
  passing_.setup_.here(token_, std::move(request_), std::move(underway_));
}

void Passing::Pass::BeginBudget() {
  // What was carried out loses nothing by it, as long as its client waits.
  if (gives_up_ms_ == 0) gives_up_ms_ = client_.NowMs() + (carried_out() ? rest_ms() : kMostWaitMs);
}

void Passing::Pass::Wait(int64_t pause_ms) {
  const int64_t now_ms = client_.NowMs();
  BeginBudget();
  again_ms_ = now_ms + pause_ms;
  client_.WakeTick();
  if (pause_ms > 0 || subject_.registry) return;
  const uint64_t number = ++awaits_;
  auto look = [passing = &passing_, token = token_, number, alive = std::weak_ptr<bool>(passing_.alive_)] {
    Pass* pass = alive.expired() ? nullptr : passing->Find(token);
    if (pass != nullptr && pass->awaits_ == number && pass->call_ == 0) pass->Tick(pass->client_.NowMs());
  };
  passing_.setup_.places->Await(subject_.number, gives_up_ms_ - now_ms, [client = &client_, look] { client->Post(look); });
}

void Passing::Pass::Tick(int64_t now_ms) {
  const Place place = passing_.PlaceOf(subject_);
  if (call_ != 0) {
    const bool right = place.kind == Place::Kind::kThere && place.address == asked_;
    // Who hands over may still wait for what is in flight, of which the next one hears nothing.
    if (right || (wait_ms_ > 0 && place.kind == Place::Kind::kMoving)) misplaced_ms_ = 0;
    else if (misplaced_ms_ == 0) misplaced_ms_ = now_ms;
    if (misplaced_ms_ != 0 && now_ms - misplaced_ms_ > kLeavingMs) {
      client_.Drop(std::exchange(call_, 0));
      Break({true, false, asked_ + ": it is not the broker that serves this any more"});
    }
    return;
  }
  std::optional<HttpResponse> stranded = StrandedResponse(place);
  if (now_ms >= gives_up_ms_ || (stranded && !carried_out())) {
    static LogLimit limit(kMostLogLines);  // one member that is away may concern any number of requests
    if (uint64_t left_out = 0; !unreached_.empty() && limit.Admit(&left_out))
      Log(LogLevel::kWarn, "a member is not reached", {{"method", request_.method}, {"detail", unreached_}, {"left_out", left_out}});
    if (carried_out()) return RespondSoFar(PassingFigures::kNoPlace);
    if (underway_.in_doubt) return Respond(OutcomeUnknown(), PassingFigures::kUnknown);
    return Respond(stranded ? *std::move(stranded) : ProblemResponse(Status(Code::kUnavailable, kMoving)), PassingFigures::kNoPlace);
  }
  if (place.kind == Place::Kind::kMoving && !passing_.LeadsNowhere(subject_)) return;
  if (now_ms >= again_ms_ || place.address != asked_) Look();
}

/// Whoever was asked says that nothing was done of it there.
void Passing::Pass::Bounce() {
  if (leaving_ && carried_out()) return RespondSoFar(PassingFigures::kBroken);
  if (!goes_on()) return Respond(LeavingResponse(*leaving_), PassingFigures::kBroken);
  AskAgain(NextPause(), /*was_asked=*/true);
}

int64_t Passing::Pass::NextPause() {
  return std::exchange(pause_ms_, std::min(pause_ms_ * 2, kMostPauseMs));
}

/// `was_asked`: some of it may have arrived.
void Passing::Pass::AskAgain(int64_t pause_ms, bool was_asked) {
  // It was under way for long: what comes now is another move. One that nobody was reached with was not, however long that took.
  if (was_asked && client_.NowMs() - asked_ms_ > kCalmMs) {
    gives_up_ms_ = 0;
    pause_ms_ = kFirstPauseMs;
  }
  passing_.setup_.figures->repeated.fetch_add(1, std::memory_order_relaxed);
  taken_ = bounced_ = refused_ = false;
  gathered_ = {};
  misplaced_ms_ = 0;
  if (passing_.PlaceOf(subject_).kind == Place::Kind::kMoving) pause_ms = 0;
  Wait(pause_ms);
}

// ---- the request

void Passing::Pass::Ask(const Place& place) {
  asked_ = place.address;
  meant_ = {passing_.store_, place.member, place.incarnation};
  asked_ms_ = client_.NowMs();
  asked_us_ = passing_.setup_.now_us();
  MemberRequest request;
  request.head = Head();
  request.body = body_;
  request.to_head = request_.method == "HEAD";
  request.answer_ms = kAnswerMs + rest_ms();
  BeginBudget();
  request.open_ms = std::clamp<int64_t>(gives_up_ms_ - asked_ms_, 1, MemberRequest::kMostOpenMs);
  call_ = client_.Begin(asked_, std::move(request), this);
}

std::string Passing::Pass::Head() const {
  std::string head = PassedOnHead(request_, {waited_ms(), underway_.progress.carried_out}, meant_);
  if (in_pieces_) {
    if (const std::string* length = request_.Header("Content-Length")) head.append("Content-Length: ").append(*length).append("\r\n");
    else head += "Transfer-Encoding: chunked\r\n";
    // Nothing of it is sent before it is known that the member takes it: until then it may be asked for elsewhere.
    head += "Expect: 100-continue\r\n";
  } else if (body_ || request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH") {
    head += "Content-Length: " + std::to_string(body_ ? body_->size() : 0) + "\r\n";
  }
  return head + "\r\n";
}

bool Passing::Pass::Repeatable() const {
  if (in_pieces_) return false;
  if (carried_out()) return true;
  if (looks() || subject_.trigger) return true;
  if (!subject_.takes_key) return false;
  return request_.Header("Idempotency-Key") != nullptr || (body_ && !subject_.lines && BearsKeys(*body_));
}

void Passing::Pass::OnContinue() {
  if (!in_pieces_ || std::exchange(taken_, true)) return;
  SetPaused(false);
}

void Passing::Pass::OnBody(std::string_view piece) {
  NoteLines(piece);
  if (!chunked()) {
    SetPaused(client_.Send(call_, piece) > kMostUnsentBytes);
    return;
  }
  std::string chunk;
  AppendChunk(piece, &chunk);
  SetPaused(client_.Send(call_, chunk) > kMostUnsentBytes);
}

void Passing::Pass::OnBodyEnd() {
  body_open_ = false;
  if (chunked()) client_.Send(call_, kLastChunk);
}

/// Whether a line was passed on to its end: before that nothing can have been taken.
void Passing::Pass::NoteLines(std::string_view piece) {
  if (line_ended_) return;
  // What is packed shows no lines.
  line_ended_ = request_.Header("Content-Encoding") != nullptr;
  for (size_t i = 0; i < piece.size() && !line_ended_; ++i) {
    line_ended_ = line_begun_ && piece[i] == '\n';
    line_begun_ = line_begun_ || std::string_view(" \t\r\n").find(piece[i]) == std::string_view::npos;
  }
}

bool Passing::Pass::OnBodyBroken() {
  body_open_ = false;
  cut_ = true;
  if (call_ == 0 || !line_ended_) return false;
  // The member sees the same, and answers for what it has taken.
  client_.EndSending(call_);
  return true;
}

// ---- the answer

void Passing::Pass::OnAnswerHead(HttpResponse head, std::optional<uint64_t> length) {
  if (IsNotHere(head)) {
    bounced_ = true;
    unreached_ = StrangerAt(asked_, head, meant_);
    return;
  }
  if (carried_out() && head.status != 200 && head.status != 202) {
    refused_ = true;
    return;
  }
  passing_.setup_.figures->took.histogram.Observe(passing_.setup_.now_us() - asked_us_);
  waits_on_ = TakeCarriedOut(&head);
  const bool to_head = request_.method == "HEAD";
  if (!waits_on_) streaming_ = to_head ? !length : !gathers() && (!length || *length > kGatheredBytes);
  if (!streaming_) {
    gathered_ = std::move(head);
    if (to_head) gathered_.length = length;
    return;
  }
  const bool listens = head.content_type == kEventStream;
  responder()->BeginStream(token_, std::move(head));
  if (leaving_ && listens) Leave(*leaving_);
}

void Passing::Pass::OnAnswerBody(std::string_view piece) {
  if (bounced_ || refused_) return;
  if (!streaming_) {
    if (gathered_.body.size() + piece.size() > kMostGatheredBytes) return Respond(OutcomeUnknown(), PassingFigures::kBroken);
    gathered_.body.append(piece);
    return;
  }
  if (subject_.lines) return PassLines(piece);
  StreamOut(piece);
}

void Passing::Pass::StreamOut(std::string_view piece) {
  if (responder()->Stream(token_, piece) <= kMostUnsentBytes || std::exchange(answer_held_, true)) return;
  client_.Pause(call_);
}

void Passing::Pass::PassLines(std::string_view piece) {
  const size_t end = piece.rfind('\n');
  if (end == std::string_view::npos) {
    line_.append(piece.substr(0, kMostLineBytes - std::min(kMostLineBytes, line_.size())));
    return;
  }
  const std::string_view whole = piece.substr(0, end + 1);
  lines_ += static_cast<uint64_t>(std::count(whole.begin(), whole.end(), '\n'));
  line_.append(whole);
  StreamOut(std::exchange(line_, std::string(piece.substr(end + 1))));
}

void Passing::Pass::OnAnswerEnd(bool /*keeps*/) {
  call_ = 0;
  if (bounced_) return Bounce();
  if (refused_) return RespondSoFar(PassingFigures::kAnswered);
  if (streaming_) return EndStream(PassingFigures::kAnswered);
  if (waits_on_) return GoOnWaiting();
  Respond(std::move(gathered_), PassingFigures::kAnswered);
}

/// It was carried out, and is answered so if nothing better comes.
void Passing::Pass::GoOnWaiting() {
  underway_.progress.carried_out = std::exchange(waits_on_, std::nullopt);
  underway_.so_far = std::make_shared<HttpResponse>(std::move(gathered_));
  body_ = nullptr;
  if (leaving_ || rest_ms() == 0) return RespondSoFar(PassingFigures::kAnswered);
  gives_up_ms_ = 0;
  AskAgain(NextPause(), /*was_asked=*/true);
}

void Passing::Pass::RespondSoFar(PassingFigures::Outcome outcome) {
  const std::shared_ptr<HttpResponse> so_far = std::exchange(underway_.so_far, nullptr);
  Respond(std::move(*so_far), outcome);
}

void Passing::Pass::OnLost(const MemberLoss& loss) {
  call_ = 0;
  Break(loss);
}

void Passing::Pass::Break(const MemberLoss& loss) {
  if (bounced_) return Bounce();
  if (waits_on_) {
    gathered_ = OutcomeUnknown();
    return GoOnWaiting();
  }
  if (carried_out() && !streaming_ && (leaving_ || refused_ || rest_ms() == 0)) return RespondSoFar(PassingFigures::kBroken);
  if (!streaming_) {
    const bool asked_for_nothing = !loss.sent || (in_pieces_ && !taken_);
    if (goes_on() && !cut_ && (asked_for_nothing || Repeatable())) {
      unreached_ = loss.detail;
      underway_.in_doubt = underway_.in_doubt || !(asked_for_nothing || looks() || carried_out());
      return AskAgain(NextPause(), loss.sent);
    }
    if (leaving_ && (asked_for_nothing || looks() || (in_pieces_ && loss.ended))) return Respond(LeavingResponse(*leaving_), PassingFigures::kBroken);
  }
  static LogLimit limit(kMostLogLines);
  if (uint64_t left_out = 0; !cut_ && !leaving_ && limit.Admit(&left_out))
    Log(LogLevel::kWarn, "request lost on its way", {{"method", request_.method}, {"detail", loss.detail}, {"left_out", left_out}});
  if (!streaming_) return Respond(OutcomeUnknown(), PassingFigures::kUnknown);
  if (!subject_.lines || cut_) {
    responder()->BreakStream(token_);
    passing_.setup_.figures->Count(PassingFigures::kBroken);
    passing_.Take(token_);
    return;
  }
  std::string last = leaving_ && loss.ended ? LeavingResponse(*leaving_, lines_).body : ProblemResponse(504, kLinesUnknown).body;
  last.push_back('\n');
  line_.clear();
  responder()->Stream(token_, last);
  EndStream(PassingFigures::kBroken);
}

void Passing::Pass::Leave(Leaving why) {
  leaving_ = why;
  if (in_pieces_ && taken_) {
    // As at a body that breaks; what was taken is answered, and the last line says so.
    body_open_ = false;
    return client_.EndSending(call_);
  }
  if (carried_out() && !streaming_) {
    client_.Drop(std::exchange(call_, 0));
    return RespondSoFar(PassingFigures::kAnswered);
  }
  if (call_ == 0 && goes_on()) {
    again_ms_ = 0;
    return Tick(client_.NowMs());
  }
  if (call_ == 0 || in_pieces_) return Respond(LeavingResponse(why), PassingFigures::kBroken);
  if (streaming_ && !subject_.lines) {
    client_.Drop(std::exchange(call_, 0));
    return EndStream(PassingFigures::kAnswered);
  }
  if (wait_ms_ > 0) client_.EndSending(call_);
}

/// This broker is at its end: what has not come by now is not waited for.
void Passing::Pass::Cut() {
  if (!leaving_) leaving_ = Leaving::kStopping;
  const bool sent = client_.Drop(std::exchange(call_, 0));
  if (looks() && !streaming_) return Respond(LeavingResponse(*leaving_), PassingFigures::kBroken);
  Break({sent, false, asked_ + ": this broker ends"});
}

/// The rest of the request's body is not wanted any more. The last that is done.
void Passing::Pass::Respond(HttpResponse response, PassingFigures::Outcome outcome) {
  if (in_pieces_ && body_open_) response.close = true;
  std::unique_ptr<Pass> self = passing_.Take(token_);
  passing_.setup_.figures->Count(outcome);
  passing_.setup_.conclude(token_, underway_, std::move(response));
}

void Passing::Pass::EndStream(PassingFigures::Outcome outcome) {
  if (!line_.empty()) responder()->Stream(token_, line_);
  const bool close = in_pieces_ && (body_open_ || cut_ || leaving_);
  std::unique_ptr<Pass> self = passing_.Take(token_);
  passing_.setup_.figures->Count(outcome);
  responder()->EndStream(token_, close);
}

// ---- all of them

Passing::Passing(Setup setup) : setup_(std::move(setup)) {
  setup_.client->OnTick([this](int64_t now_ms) { return Tick(now_ms); });
}

Passing::~Passing() {
  setup_.client->OnTick(nullptr);
}

Passing::Pass* Passing::Find(uint64_t token) const {
  auto found = passes_.find(token);
  return found == passes_.end() ? nullptr : found->second.get();
}

std::unique_ptr<Passing::Pass> Passing::Take(uint64_t token) {
  auto taken = passes_.extract(token);
  return taken.empty() ? nullptr : std::move(taken.mapped());
}

Passing::Pass* Passing::Add(uint64_t token, HttpRequest request, const Subject& subject, Underway underway) {
  auto [at, is_new] = passes_.emplace(token, std::make_unique<Pass>(this, token, std::move(request), subject, std::move(underway)));
  CHECK(is_new);
  setup_.client->WakeTick();
  return at->second.get();
}

void Passing::Begin(uint64_t token, HttpRequest request, const Subject& subject, Underway underway) {
  Add(token, std::move(request), subject, std::move(underway))->Look();
}

void Passing::BeginPieces(uint64_t token, const HttpRequest& head, const Subject& subject) {
  Add(token, head, subject, {})->BeginPieces();
}

bool Passing::OnBody(uint64_t token, std::string_view piece) {
  Pass* pass = Find(token);
  if (pass != nullptr) pass->OnBody(piece);
  return pass != nullptr;
}

bool Passing::OnBodyEnd(uint64_t token) {
  Pass* pass = Find(token);
  if (pass != nullptr) pass->OnBodyEnd();
  return pass != nullptr;
}

bool Passing::OnBodyBroken(uint64_t token, bool* stays) {
  Pass* pass = Find(token);
  if (pass == nullptr) return false;
  *stays = pass->OnBodyBroken();
  return true;
}

bool Passing::OnWritable(uint64_t token) {
  Pass* pass = Find(token);
  if (pass != nullptr) pass->OnWritable();
  return pass != nullptr;
}

bool Passing::OnHalfClose(uint64_t token) {
  Pass* pass = Find(token);
  if (pass != nullptr) pass->OnHalfClose();
  return pass != nullptr;
}

bool Passing::OnClose(uint64_t token) {
  if (Take(token) == nullptr) return false;
  setup_.figures->Count(PassingFigures::kClientLeft);
  return true;
}

void Passing::ForEach(const std::function<void(Pass*)>& what) {
  std::vector<uint64_t> tokens;
  for (const auto& [token, pass] : passes_) tokens.push_back(token);
  for (uint64_t token : tokens)
    if (Pass* pass = Find(token)) what(pass);
}

void Passing::EndAll(Leaving why) {
  ForEach([why](Pass* pass) { pass->Leave(why); });
}

bool Passing::CutAll() {
  const bool any = !passes_.empty();
  ForEach([](Pass* pass) { pass->Cut(); });
  return any;
}

bool Passing::Tick(int64_t now_ms) {
  ForEach([now_ms](Pass* pass) { pass->Tick(now_ms); });
  return !passes_.empty();
}

}  // namespace notifyd
