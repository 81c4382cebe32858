// Access: which requests are this broker's to answer at all, and who may ask for what; the one gate that all of them pass, plain and streamed. One a
// loop. Contract sections 5 and 8. Host and Origin are checked against DNS rebinding: a page of http://evil.example whose name turns into this
// machine's address has the browser send its own name as Host, and a matching Origin.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "net/access/admission.h"
#include "net/api/asker.h"
#include "net/api/router.h"
#include "net/cluster/passed_peer.h"
#include "net/http.h"

namespace notifyd {

/// Is it what `http.hosts` may name: a name of letters, digits, "-", "_" and ".", without a port? Error: kUnacceptable.
Status CheckHostName(const std::string& name);

/// A request that is refused by its head.
struct Refusal {
  HttpResponse response;
  /// Of a failed attempt to show who one is: for the log, as NotAdmitted has it; empty where it was none.
  const char* reason = "";
  std::string token_id = {};
  bool may_be_new = false;  // as NotAdmitted has it
};

/// One that may go on.
struct Granted {
  Asker asker;
  std::optional<std::string> content_digest;  // as Admitted has it
  bool first_use = false;                     // as Admitted has it
  std::optional<NonceMemory::Taken> nonce;    // as Admitted has it
  bool passed_on = false;                     // by another member of the cluster
  PassedProgress progress = {};               // as that one says
};

class Access {
 public:
  /// `hosts`: names (any case) under which the broker may be reached, beside localhost and address literals. Until it hears otherwise nobody is asked
  /// who he is, and there are the two namespaces alone that always are.
  Access(const std::vector<std::string>& hosts, NonceMemory* nonces, WallTime started);
  void SetHosts(const std::vector<std::string>& hosts);
  void SetTable(std::shared_ptr<const AccessTable> table);
  void SetAuth(std::shared_ptr<const AuthSettings> settings);
  /// As Admission::Holds.
  bool Holds(const Principal& principal, const Needed& needed, WallTime now) const { return admission_.Holds(principal, needed, now); }
  bool asks() const { return settings_->tokens; }
  const std::shared_ptr<const AccessTable>& table() const { return table_; }

  /// Who this broker is: by its store's name, which stands in Notify-Via, requests that it has made itself are refused from now on.
  void SetSelf(OwnMember self) { self_ = std::move(self); }

  /// Whose request it is, judged by its head alone; `route` has a row then. Or what it is refused for, in this order: another member of the cluster
  /// passed it on, and it is for another one than this, or came to a listener for clients (421); or none did, at members' (403); it was sent to
  /// another name (421), or by a page of another origin (403); whoever asks is not known, or may not (net/access/admission.h); this broker has made
  /// it itself (508); there is no such path (404, 400), or the path does not take the method (405); its namespace is being removed (409). What the
  /// listener does not serve is not there. The server has seen to it that there is at most one Host, and that an absolute target's authority stands
  /// in its place. HTTP/1.0 without a Host, which no browser sends, passes. `served_since`: as Need has it; a signed change of before is refused
  /// (503).
  std::variant<Granted, Refusal> Admit(const HttpRequest& head, const Result<Route>& route, WallTime now, WallTime served_since = {});
  /// The same, but a signed change is not remembered: for what is judged once more before anything is done for it.
  std::variant<Granted, Refusal> Look(const HttpRequest& head, const Result<Route>& route, WallTime now);
  /// Of a signed change that was let in, and of which nothing was begun.
  void GiveBack(const NonceMemory::Taken& nonce) { admission_.GiveBack(nonce); }

 private:
  std::variant<Granted, Refusal> Judge(const HttpRequest& head, const Result<Route>& route, bool only_looks, WallTime now, WallTime served_since);
  bool Knows(std::string_view authority) const;
  std::optional<HttpResponse> ReadPassedOn(const HttpRequest& head, std::optional<Peer>* passed, PassedProgress* progress) const;
  std::optional<HttpResponse> RefuseForeign(const HttpRequest& head, bool page) const;
  std::optional<HttpResponse> RefuseAdmitted(const HttpRequest& head, const Result<Route>& route, bool served, const Admitted& admitted) const;
  std::optional<HttpResponse> RefuseRoute(const HttpRequest& head, const Result<Route>& route, bool served) const;
  Status CheckVia(const HttpRequest& head) const;

  std::vector<std::string> hosts_;  // in lower case, without a dot at the end
  OwnMember self_;
  std::shared_ptr<const AuthSettings> settings_;
  std::shared_ptr<const AccessTable> table_;
  Admission admission_;
};

}  // namespace notifyd
