// Takes the broker's calls (over cpp-httplib, as over any other server): only those that it signed, and each once.
#include <httplib.h>
#include <notifyd/receiver.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

int main() {
  // docs: begin
  const notifyd::Verifier verifier({std::getenv("WEBHOOK_KEY")});  // whsec_...; while keys are rotated, both
  notifyd::Dedup dedup;
  httplib::Server server;
  server.Post("/orders", [&](const httplib::Request& request, httplib::Response& response) {
    std::string id;
    try {
      id = verifier.Verify(request.headers, request.body).id;
    } catch (const notifyd::VerifyError& error) {
      response.status = 401;
      response.set_content(error.what(), "text/plain");  // the broker records it
      return;
    }
    const notifyd::Claim claim = dedup.Claim(id);
    if (claim == notifyd::Claim::kBusy) response.status = 503;
    if (claim != notifyd::Claim::kNew) return;
    try {
      std::cout << "order " << nlohmann::json::parse(request.body).at("order") << std::endl;
      dedup.Finish(id);
    } catch (const nlohmann::json::exception& error) {
      dedup.Release(id);
      response.status = 400;  // signed, and no order all the same
      response.set_content(error.what(), "text/plain");
    } catch (const std::exception&) {
      dedup.Release(id);  // it comes again
      response.status = 500;
    }
  });
  // docs: end
  server.listen("127.0.0.1", std::atoi(std::getenv("PORT")));
}
