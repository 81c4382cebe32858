// Passing: requests for what another member of the cluster serves, passed on to that one, and its answers passed back as they come. One a loop, on
// its thread; only where there are members. Contract section 23.
//
// I1  A token is here from Begin or BeginPieces until it is answered, closed, or handed back since what it is about is served here by now.
// I2  What may have been carried out is asked again only where it does no harm: a GET, one with an idempotency key, a trigger. A member that says
//     that it does not serve it, or is not meant (meant_member.h), has carried out nothing, and neither has one that did not ask for the body.
// I3  Of NDJSON whole lines are passed back alone, also where the answer breaks.
// I4  A submit that was carried out, and waits for an end, is not begun again, whatever becomes of whoever serves it: it waits on where its namespace
//     is, and is answered as it was carried out where that cannot be. One that is asked again after it broke is not answered as refused (in_doubt).
// I5  What waits here of an answer is bounded: whoever does not read it holds up the member's connection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/places.h"
#include "net/access/nonce_memory.h"
#include "net/api/problem.h"
#include "net/api/routes.h"
#include "net/cluster/member_client.h"
#include "net/cluster/passed_peer.h"
#include "net/http.h"

namespace notifyd {

struct PassingFigures;

/// What a request is about, as far as that decides where it goes.
struct Subject {
  NamespaceNumber number = kDefaultNumber;
  bool registry = false;  // of no namespace alone
  bool lines = false;     // its answer is NDJSON
  bool trigger = false;
  bool takes_key = false;  // a key makes its repeat one that does nothing more
  bool hurries = false;    // where it waits it is answered at once as soon as its client ends its side

  static Subject Of(const RouteRow& row, NamespaceNumber number, bool lines);
};

/// How far a request has come that was begun here, or at another member.
struct Underway {
  PassedProgress progress = {};
  bool admitted = false;                      // it was let in here: one that is signed is no repeat of itself
  std::shared_ptr<HttpResponse> so_far = {};  // with progress.carried_out: the answer where it cannot wait on
  bool in_doubt = false;                      // a member was asked that never answered: it may have been carried out there
  std::optional<NonceMemory::Taken> nonce = {};  // of one that is signed, and was let in here
  bool begun = false;                            // something of it was asked of a core, of the registry, or of whoever else carries it out
};

/// The answer where a member was asked that never answered (504).
HttpResponse OutcomeUnknown();
/// What to answer of one that is in doubt, asked again and answered so. What is refused by what is looked at before it is known whether it was
/// carried out, the first time, has no known outcome.
HttpResponse AnswerInDoubt(HttpResponse answer);

/// Does each notify of the body, which is read once something broke, bear a key of its own?
bool BearsKeys(std::string_view body);

/// The head of a request as it is passed on to the member `to`, without what says how long its body is, and without the empty line.
std::string PassedOnHead(const HttpRequest& request, const PassedProgress& progress = {}, const MeantMember& to = {});
/// Takes out what an answer says of a request that was carried out, and waits on elsewhere; nothing where it says none of that.
std::optional<CarriedOut> TakeCarriedOut(HttpResponse* head);
/// The answer to a member that passed on what is not served here.
HttpResponse NotHereResponse();
/// The same as HttpListener::farewell of the listener for members: what a request that it did not read is answered.
std::string NotHereFarewell();

class Passing {
 public:
  /// While what a request is about moves it waits for so long.
  static constexpr int64_t kMostWaitMs = 5'000;
  /// A member that is not the one any more is given so long to end an answer.
  static constexpr int64_t kLeavingMs = 3'000;

  struct Setup {
    Places* places = nullptr;  // borrowed, like all of these
    MemberClient* client = nullptr;
    PassingFigures* figures = nullptr;
    std::function<int64_t()> now_us;
    /// A namespace that is being removed, or is gone: no broker will serve it.
    std::function<bool(NamespaceNumber)> is_removed;
    /// What was passed on is served here by now: begins it anew. Of one whose body comes in pieces nothing was taken, and its body is paused.
    std::function<void(uint64_t token, HttpRequest request, Underway underway)> here;
    std::function<void(uint64_t token, const HttpRequest& head)> here_in_pieces;
    /// Answers it, by what is known of it.
    std::function<void(uint64_t token, const Underway& underway, HttpResponse response)> conclude;
  };
  explicit Passing(Setup setup);
  ~Passing();
  void SetResponder(HttpResponder* responder) { responder_ = responder; }
  /// MeantMember::store of all that are asked.
  void SetStore(std::string name) { store_ = std::move(name); }

  bool ServedHere(const Subject& subject) const { return PlaceOf(subject).kind == Place::Kind::kHere; }
  /// Where it moves to is nowhere: whatever waits for that is judged here, where it is refused.
  bool LeadsNowhere(const Subject& subject) const { return !subject.registry && setup_.is_removed(subject.number); }
  Place PlaceOf(const Subject& subject) const { return subject.registry ? setup_.places->OfRegistry() : setup_.places->Of(subject.number); }
  void Begin(uint64_t token, HttpRequest request, const Subject& subject, Underway underway = {});
  /// Its body follows, as the server hands it out.
  void BeginPieces(uint64_t token, const HttpRequest& head, const Subject& subject);

  bool Has(uint64_t token) const { return Find(token) != nullptr; }

  // As HttpHandler has them. Each returns whether the token is one of these.
  bool OnBody(uint64_t token, std::string_view piece);
  bool OnBodyEnd(uint64_t token);
  /// `stays`: what OnBodyBroken is to return.
  bool OnBodyBroken(uint64_t token, bool* stays);
  bool OnWritable(uint64_t token);
  bool OnHalfClose(uint64_t token);
  bool OnClose(uint64_t token);

  /// This broker stops: submits in lines end behind those that were taken, what only waits or listens is answered, soon.
  void EndAll(Leaving why);
  /// It is at its end: what has not been answered by now is answered as far as it is known, from inside. Returns whether there was any.
  bool CutAll();

 private:
  class Pass;
  Pass* Find(uint64_t token) const;
  Pass* Add(uint64_t token, HttpRequest request, const Subject& subject, Underway underway);
  std::unique_ptr<Pass> Take(uint64_t token);
  /// Each that is there now, and not gone by its turn.
  void ForEach(const std::function<void(Pass*)>& what);
  bool Tick(int64_t now_ms);

  const Setup setup_;
  HttpResponder* responder_ = nullptr;
  std::string store_;
  std::unordered_map<uint64_t, std::unique_ptr<Pass>> passes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what comes from Places looks at it first
};

}  // namespace notifyd
