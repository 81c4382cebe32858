// The receivers' vectors (clients/vectors.json) by the C++ client.
#include <notifyd/receiver.h>
#include <openssl/evp.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;

Json Vectors() {
  std::ifstream file(CLIENTS "/vectors.json");
  return Json::parse(file);
}

std::string BodyOf(const Json& one) {
  if (one.contains("body")) return one["body"];
  const std::string text = one.at("body_base64");
  std::string bytes(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(bytes.size() - (text.size() - std::min(text.find('='), text.size())));
  return bytes;
}

/// The word for what came of it, or the id and the time.
Json Verify(const Json& one) {
  const int64_t now_s = one.at("now_s");
  try {
    const notifyd::Verifier verifier(one.at("keys").get<std::vector<std::string>>(), std::chrono::seconds(one.value("tolerance_s", 300)),
                                     [now_s] { return now_s; });
    const notifyd::Verified verified = verifier.Verify(one.at("headers").get<std::map<std::string, std::string>>(), BodyOf(one));
    return {{"id", verified.id}, {"timestamp_s", verified.timestamp_s}};
  } catch (const std::invalid_argument&) {
    return "bad_key";
  } catch (const notifyd::VerifyError& error) {
    return notifyd::NameOf(error.fault);
  }
}

}  // namespace

TEST_CASE("receiver: calls are verified as the vectors say") {
  const Json vectors = Vectors();
  for (const Json& one : vectors.at("verify")) {
    INFO(one.at("name"));
    CHECK(Verify(one) == (one.contains("error") ? one["error"] : one["result"]));
  }
}

TEST_CASE("receiver: a repeat is told as the vectors say") {
  const std::map<std::string, notifyd::Claim> claims = {
      {"new", notifyd::Claim::kNew}, {"busy", notifyd::Claim::kBusy}, {"done", notifyd::Claim::kDone}};
  const Json vectors = Vectors();
  for (const Json& one : vectors.at("dedup")) {
    INFO(one.at("name"));
    notifyd::Dedup::Time now{0};
    const std::size_t answer_bytes = one.value("answer_bytes", std::size_t{16} << 20);
    notifyd::Dedup dedup(
        one.at("capacity"), notifyd::Dedup::Time(one.at("ttl_ms").get<int>()), [&] { return now; }, answer_bytes);
    for (const Json& step : one.at("steps")) {
      now = notifyd::Dedup::Time(step.at("at_ms").get<int>());
      const std::string what = step.at("do"), id = step.at("id");
      if (what == "claim") CHECK(dedup.Claim(id) == claims.at(step.at("result")));
      if (what == "finish") dedup.Finish(id, step.value("answer", ""));
      if (what == "answer") CHECK(dedup.Answer(id) == step.at("result"));
      if (what == "release") dedup.Release(id);
    }
  }
}

TEST_CASE("receiver: without keys of one's own the clock is the system's") {
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"webhook-id", "n000000000000001f"}, {"webhook-timestamp", "1614265330"}, {"webhook-signature", "v1,AAAA"}};
  try {
    notifyd::Verify(headers, "", {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    FAIL("it is of 2021");
  } catch (const notifyd::VerifyError& error) {
    CHECK(error.fault == notifyd::Fault::kTooOld);
  }
}
