// Api: HTTP requests to core events, core replies to HTTP responses. One a loop, on its thread. Decides nothing: parses, validates, renders.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/ports.h"
#include "net/access/admission.h"
#include "net/api/api_options.h"
#include "net/api/problem.h"
#include "net/cluster/meant_member.h"
#include "net/http.h"

namespace notifyd {

class Api : public HttpHandler {
 public:
  /// `switchboard` takes the events, each for the namespace that its request is of; borrowed. SetResponder (borrowed, too) must follow before the
  /// first request.
  Api(const ApiOptions& options, Switchboard* switchboard);
  ~Api() override;
  void SetResponder(HttpResponder* responder);
  /// Who this broker is; `self.now.store` is its name in Notify-Via, by which requests that it has made itself are refused from now on. What members
  /// pass on is taken where it is for this one. Loop thread, or before it runs.
  void SetSelf(const OwnMember& self);
  /// In place of ApiOptions::secret_headers: the settings were read anew. Loop thread.
  void SetSecretHeaders(std::vector<std::string> names);
  /// ApiOptions::hosts, anew. Loop thread.
  void SetHosts(const std::vector<std::string>& hosts);

  /// Who is asked who he is, and what of it counts; at first nobody is. Loop thread.
  void SetAuth(std::shared_ptr<const AuthSettings> settings);
  /// Namespaces and tokens, as they are by now: what the registry published. At first there are the two namespaces alone that always are. What a token
  /// began that does not hold any more ends. Loop thread.
  void SetTable(std::shared_ptr<const AccessTable> table);

  HttpDemand Demand(const HttpRequest& request) override;
  void OnHalfClose(uint64_t token) override;
  bool TakesPieces(const HttpRequest& head) override;
  void OnHead(uint64_t token, const HttpRequest& head) override;
  void OnBody(uint64_t token, std::string_view piece) override;
  void OnBodyEnd(uint64_t token) override;
  bool OnBodyBroken(uint64_t token) override;
  void OnWritable(uint64_t token) override;
  void OnRequest(uint64_t token, HttpRequest request) override;
  void OnClose(uint64_t token) override;
  HttpResponse OnRefused(int status, std::string_view detail) override;
  /// From now on no bulk submit is taken. Those under way end in order: each is answered for the lines that were taken, and told where they end.
  /// Before the core hears of the stop. Loop thread.
  void EndBulkSubmits(Leaving why);
  /// This broker is at its end: what it passed on, asked other members for, or keeps until it has looked at the cluster, and has no answer to by now,
  /// is answered as far as it is known, from inside. Returns whether there was any. After EndBulkSubmits. Loop thread.
  bool CutPassed();
  /// The namespace is about to be served by another member, which `places` says already, and its core here to go: bulk submits of it end in order, as
  /// above, who listens comes again, and what waits for an end is asked again where that namespace is then. Before its core goes; other requests of
  /// it are that core's to answer. Loop thread.
  void LeaveNamespace(NamespaceNumber number);
  /// Its core is gone: what that did not answer by now (it was not waited for any longer) is answered, as what may have been carried out, or not.
  /// After all of its replies. Loop thread.
  void EndNamespace(NamespaceNumber number);
  /// This broker stops, or restarts, and nobody waits any longer for the store in which the namespace lies: what its core did not answer by now is
  /// answered as by EndNamespace. Nothing: all of them, and the registry. What they answer later goes to nobody. Returns whether there was any. Loop
  /// thread.
  bool GiveUp(std::optional<NamespaceNumber> number);
  /// The core's answer to what OnRequest posted. Loop thread.
  void OnReply(Reply reply);
  /// The registry's. Loop thread.
  void OnRegistryReply(RegistryReply reply);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
