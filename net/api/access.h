// Access: which requests are this broker's to answer at all; the one gate that all of them pass, plain and streamed. Pure. Contract section 5. Host
// and Origin are checked against DNS rebinding: a page of http://evil.example whose name turns into this machine's address has the browser send its
// own name as Host, and a matching Origin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/api/router.h"
#include "net/http.h"

namespace notifyd {

/// Is it what `http.hosts` may name: a name of letters, digits, "-", "_" and ".", without a port? Error: kUnacceptable.
Status CheckHostName(const std::string& name);

class Access {
 public:
  /// `hosts`: names (any case) under which the broker may be reached, beside localhost and address literals.
  explicit Access(const std::vector<std::string>& hosts) { SetHosts(hosts); }
  void SetHosts(const std::vector<std::string>& hosts);

  /// The name that this broker has in Notify-Via: requests that it has made itself are refused from now on.
  void SetVia(std::string name) { via_ = std::move(name); }

  /// What a request is refused for, judged by its head alone; nothing where it may be answered, and `route` has a row then. In this order: it was
  /// sent to another name (421), or by a page of another origin (403); this broker has made it itself (508); there is no such path (404, 400), or the
  /// path does not take the method (405). The server has seen to it that there is at most one Host, and that an absolute target's authority stands in
  /// its place. HTTP/1.0 without a Host, which no browser sends, passes.
  std::optional<HttpResponse> Admit(const HttpRequest& head, const Result<Route>& route) const;

 private:
  bool Knows(std::string_view authority) const;
  std::optional<HttpResponse> RefuseForeign(const HttpRequest& head) const;
  Status CheckVia(const HttpRequest& head) const;

  std::vector<std::string> hosts_;  // in lower case, without a dot at the end
  std::string via_;
};

}  // namespace notifyd
