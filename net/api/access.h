// Access: which requests are this broker's to answer at all. Pure. Contract section 5; DNS rebinding is what it is for: a page of
// http://evil.example whose name turns into this machine's address has the browser send its own name as Host, and a matching Origin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/http.h"

namespace notifyd {

/// Is it what `http.hosts` may name: a name of letters, digits, "-", "_" and ".", without a port? Error: kUnacceptable.
Status CheckHostName(const std::string& name);

class Access {
 public:
  /// `hosts`: names (any case) under which the broker may be reached, beside localhost and address literals.
  explicit Access(const std::vector<std::string>& hosts) { SetHosts(hosts); }
  void SetHosts(const std::vector<std::string>& hosts);

  /// The refusal of a request that was sent to another name (421) or by a page of another origin (403); nothing where it may be answered. The
  /// server has seen to it that there is at most one Host, and that an absolute target's authority stands in its place. HTTP/1.0 without a Host,
  /// which no browser sends, passes.
  std::optional<HttpResponse> Refuse(const HttpRequest& request) const;

 private:
  bool Knows(std::string_view authority) const;

  std::vector<std::string> hosts_;  // in lower case, without a dot at the end
};

}  // namespace notifyd
