// Every scope, against every endpoint's scope, for own, foreign and unknown namespaces, by every credential: what comes of it is worked out here a
// second time, from the contract's words.
#include "net/access/admission.h"

#include <catch2/catch.hpp>

#include "net/access/access_fixture.h"

namespace notifyd {
namespace {

enum class Shown { kNone, kWrong, kExpired, kRight };
enum class Target { kPlain, kOwn, kForeign, kUnknown, kOwnId, kForeignId, kUnknownId, kOwnWithForeignId };

struct Expected {
  int status;
  std::string space;
};

/// `held`: what the token says. The order of the contract, read line by line.
Expected Work(Shown shown, ScopeSet scopes, const std::vector<std::string>& held, const Need& need, Target target) {
  const bool all = held.front() == "*";
  auto holds = [&](const std::string& name) { return all || std::find(held.begin(), held.end(), name) != held.end(); };
  if (need.open) return {200, ""};
  if (shown != Shown::kRight) return {401, ""};
  if (!need.known) return {200, ""};
  if (!scopes.HasAny(need.scopes)) return {403, ""};
  if (need.sphere == Need::Sphere::kNone) return {200, ""};
  if (need.sphere == Need::Sphere::kAll) return {all ? 200 : 403, ""};
  switch (target) {
    case Target::kPlain:
      if (!all && held.size() == 1) return {200, held.front()};
      return holds("default") ? Expected{200, "default"} : Expected{422, ""};
    case Target::kOwn:
      return holds("one") ? Expected{200, "one"} : Expected{403, ""};
    case Target::kForeign:
      return holds("two") ? Expected{200, "two"} : Expected{403, ""};
    case Target::kUnknown:
      return {holds("none") ? 404 : 403, ""};
    case Target::kOwnId:
      return holds("one") ? Expected{200, "one"} : Expected{404, ""};
    case Target::kForeignId:
      return holds("two") ? Expected{200, "two"} : Expected{404, ""};
    case Target::kUnknownId:
      return {404, ""};
    case Target::kOwnWithForeignId:
      return {holds("one") ? 404 : 403, ""};
  }
  return {0, ""};
}

void Aim(Target target, Need* need) {
  if (target == Target::kOwn || target == Target::kOwnWithForeignId) need->named = "one";
  if (target == Target::kForeign) need->named = "two";
  if (target == Target::kUnknown) need->named = "none";
  if (target == Target::kOwnId) need->id_number = NamespaceNumber{1};
  if (target == Target::kForeignId || target == Target::kOwnWithForeignId) need->id_number = NamespaceNumber{2};
  if (target == Target::kUnknownId) need->id_number = NamespaceNumber{9};
}

TEST_CASE("access: credential, then scope, then namespace, then object, for every one of each") {
  AccessStage stage;
  std::vector<ScopeSet> scope_sets = {ScopeSet::All()};
  for (Scope scope : kAllScopes) scope_sets.push_back({scope});
  std::vector<Need> needs;
  for (Scope scope : kAllScopes) needs.push_back({.scopes = {scope}});
  needs.push_back({.scopes = {Scope::kSubmit, Scope::kRead}});
  needs.push_back({.scopes = {Scope::kRead}, .sphere = Need::Sphere::kAll});
  needs.push_back({.scopes = {Scope::kAdmin}, .sphere = Need::Sphere::kNone});
  needs.push_back({.open = true});
  needs.push_back({.known = false});
  const std::vector<std::vector<std::string>> holdings = {{"one"}, {"default", "one"}, {"one", "two"}, {"*"}};
  const Target targets[] = {Target::kPlain, Target::kOwn,       Target::kForeign,   Target::kUnknown,
                            Target::kOwnId, Target::kForeignId, Target::kUnknownId, Target::kOwnWithForeignId};
  size_t cases = 0;
  for (const std::vector<std::string>& held : holdings) {
    for (ScopeSet scopes : scope_sets) {
      const std::string text = stage.Give(AccessStage::Of(held, scopes));
      TokenRow expired = stage.NewRow(AccessStage::Of(held, scopes));
      expired.grant.expires_at = kStart;
      const std::string expired_text = stage.last.Text();
      stage.Put(expired);
      Admission admission = stage.Make();
      for (Shown shown : {Shown::kNone, Shown::kWrong, Shown::kExpired, Shown::kRight}) {
        const std::string wrong = text.substr(0, text.size() - 1) + (text.back() == 'x' ? "y" : "x");
        const std::string credential = shown == Shown::kNone ? ""
                                                             : "Bearer " + (shown == Shown::kWrong     ? wrong
                                                                            : shown == Shown::kExpired ? expired_text
                                                                                                       : text);
        for (const Need& bare : needs) {
          for (Target target : targets) {
            Need need = bare;
            Aim(target, &need);
            const Expected expected = Work(shown, scopes, held, need, target);
            const auto answer = admission.Admit(AccessStage::From("10.0.0.1"), AccessStage::Request(credential), need, kLater);
            ++cases;
            CAPTURE(held, scopes.ToString(), need.scopes.ToString(), static_cast<int>(shown), static_cast<int>(target));
            REQUIRE(StatusOf(answer) == expected.status);
            if (const Admitted* admitted = std::get_if<Admitted>(&answer)) {
              REQUIRE((admitted->space ? admitted->space->name : "") == expected.space);
            } else {
              const NotAdmitted& refused = std::get<NotAdmitted>(answer);
              REQUIRE(refused.authenticate.empty() == (refused.status != 401));
              // Nothing tells whether a foreign namespace exists.
              if (refused.status == 403) REQUIRE(refused.detail.find("two") == std::string::npos);
              if (refused.status == 403 && !scopes.HasAny(need.scopes)) REQUIRE(refused.detail == "this needs the scope " + need.scopes.ToString());
            }
          }
        }
      }
    }
  }
  CHECK(cases == 4 * 8 * 4 * 12 * 8);
}

TEST_CASE("access: of a foreign and of an unknown thing the answers are the same") {
  AccessStage stage;
  const std::string text = "Bearer " + stage.Give(AccessStage::Of({"one"}, ScopeSet::All()));
  auto detail = [&](Target target) {
    Need need{.scopes = {Scope::kRead}};
    Aim(target, &need);
    const auto answer = stage.Ask(AccessStage::Request(text), need);
    return std::to_string(std::get<NotAdmitted>(answer).status) + std::get<NotAdmitted>(answer).detail;
  };
  CHECK(detail(Target::kForeign) == detail(Target::kUnknown));
  CHECK(detail(Target::kForeignId) == detail(Target::kUnknownId));
  CHECK(detail(Target::kForeignId) == detail(Target::kOwnWithForeignId));
}

}  // namespace
}  // namespace notifyd
