// Several real brokers on one real PostgreSQL, for tests of a cluster.
#pragma once

#include <signal.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "support/certificates.h"
#include "support/postgres_server.h"
#include "support/sockets.h"

#include <catch2/catch.hpp>

namespace notifyd::test {

struct Answer {
  int status = 0;
  std::string body;
};

inline uint16_t PortOfUrl(const std::string& url) {
  return static_cast<uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

/// Brokers by name, on one database.
class Cluster {
 public:
  explicit Cluster(const std::vector<std::string>& names) {
    for (const std::string& name : names) Add(name);
  }
  Cluster() = default;
  /// `more`: arguments; `trusts`: whose certificate it shows and takes, null: none. `key`: what the test calls it.
  void Add(const std::string& name, const std::vector<std::string>& more = {}, const CertificateAuthority* trusts = nullptr, std::string key = {}) {
    if (key.empty()) key = name;
    places_[key] = std::make_unique<TempDir>();
    std::vector<std::string> arguments = {"--store-engine",
                                          "postgres",
                                          "--store-postgres-dsn",
                                          server_.dsn(),
                                          "--store-postgres-connections",
                                          "1",
                                          "--cluster-advertise",
                                          "127.0.0.1:" + std::to_string(ClosedPort()),
                                          "--cluster-name",
                                          name};
    if (trusts) {
      const TempDir& place = *places_[key];
      const Pair pair = trusts->Issue("IP:127.0.0.1", name, certificates_hold_s);
      for (const std::string& each : {std::string("--cluster-cert-file"), place.Write("cert", pair.certificate), std::string("--cluster-key-file"),
                                      place.Write("key", pair.key), std::string("--cluster-ca-file"), place.Write("ca", trusts->certificate())})
        arguments.push_back(each);
    } else {
      arguments.insert(arguments.end(), {"--cluster-insecure", "true"});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    members_[key] = std::make_unique<Broker>(places_[key]->path(), arguments);
  }
  PostgresServer& server() { return server_; }
  std::string token;                     // that is shown; empty: none
  long certificates_hold_s = 24 * 3600;  // of those that are added from now on
  Broker& At(const std::string& name) { return *members_.at(name); }
  void Kill(const std::string& name) {
    At(name).process().Signal(SIGKILL);
    At(name).process().Wait();
    members_.erase(name);
  }
  /// Returns its log, once it has ended as it should.
  std::string Stop(const std::string& name) {
    At(name).process().Signal(SIGTERM);
    CHECK(At(name).process().Wait() == 0);
    std::string log = At(name).process().error();
    members_.erase(name);
    return log;
  }
  /// One that lives.
  std::string any() const { return members_.begin()->first; }

  Answer Ask(const std::string& member, const std::string& method, const std::string& path, const std::string& body = "") {
    HttpTarget target{At(member).url()};
    target.credential.token = token;
    HttpClient client(std::move(target));
    Result<HttpAnswer> answer = client.Call(method, path, body.empty() ? nullptr : &body);
    if (!answer.ok()) return {};
    return {answer->status, answer->body};
  }
  /// Whichever is asked answers, in the end.
  Answer AskUntil(int status, const std::string& method, const std::string& path, const std::string& body = "") {
    Answer answer;
    const bool came = Await([&] {
      answer = Ask(any(), method, path, body);
      return answer.status == status;
    });
    INFO(method << " " << path << ": " << answer.status << " " << answer.body);
    REQUIRE(came);
    return answer;
  }
  void Make(const std::string& space) {
    const bool made =
        Await([&] { return Ask(any(), "PUT", "/v1/namespaces/" + space, R"({"destinations":{"allow":["127.0.0.0/8"]}})").status / 100 == 2; });
    REQUIRE(made);
  }
  /// The id that was acknowledged.
  std::string Submit(const std::string& space, const std::string& notify) {
    return JsonAt(AskUntil(201, "POST", "/v1/namespaces/" + space + "/notifies", notify).body, "/id");
  }
  /// By the report: who serves it, or "null".
  std::string OwnerOf(const std::string& space) {
    const std::string report = AskUntil(200, "GET", "/v1/cluster").body;
    for (int i = 0;; ++i) {
      const std::string at = "/namespaces/" + std::to_string(i);
      const std::string name = JsonAt(report, at + "/name");
      if (name.empty()) return "null";
      if (name == space) return JsonAt(report, at + "/owner");
    }
  }
  /// A member's field, by the report.
  std::string Of(const std::string& member, const std::string& field) {
    const std::string report = AskUntil(200, "GET", "/v1/cluster").body;
    for (int i = 0;; ++i) {
      const std::string at = "/members/" + std::to_string(i);
      const std::string name = JsonAt(report, at + "/name");
      if (name.empty() || name == member) return JsonAt(report, at + "/" + field);
    }
  }
  std::string Leader() {
    std::string leader;
    const bool leads = Await([&] {
      for (const auto& [name, broker] : members_)
        if (Of(name, "leading") == "true") leader = name;
      return !leader.empty();
    });
    REQUIRE(leads);
    return leader;
  }

 private:
  PostgresServer server_;
  std::map<std::string, std::unique_ptr<TempDir>> places_;
  std::map<std::string, std::unique_ptr<Broker>> members_;
};

}  // namespace notifyd::test
