// A sampler over a board and a switchboard that a test scripts.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/access_table.h"
#include "cli/daemon/alert_sampler.h"
#include "net/loop.h"

namespace notifyd::test {

using FiguresPointer = std::shared_ptr<const AlertFigures>;

/// Two brokers: this one is "a".
struct Crew : Places {
  std::map<NamespaceNumber, Place> places;
  Place Of(NamespaceNumber number) const override {
    auto found = places.find(number);
    return found == places.end() ? Place{Place::Kind::kThere, "b", "b:1"} : found->second;
  }
  Place OfRegistry() const override { return {}; }
  std::vector<Member> Members() const override {
    std::vector<Member> members(2);
    members[0].name = "a";
    members[0].self = true;
    members[1].name = "b";
    return members;
  }
  void Await(NamespaceNumber, int64_t, std::function<void()>) override {}
  void LookAnew(std::function<void()>) override {}
};

struct Rig : Switchboard, NamespaceBoard {
  Loop loop;
  PublishedTable tables;
  std::map<NamespaceNumber, NamespaceFigures> figures;
  mutable size_t looks = 0;  // at these
  std::function<void()> at_first_look = [] {};
  std::vector<std::pair<NamespaceNumber, Event>> posted;
  std::vector<FiguresPointer> judged;
  std::vector<AlertUnstored> unstored;
  std::vector<AlertReport> told;  // to whoever judges
  size_t wanted = SIZE_MAX;       // of judged, or of told, until the loop stops
  std::unique_ptr<AlertSampler> sampler;

  explicit Rig(const Places* places = nullptr) {
    AccessTable table;
    for (const auto& [name, number] : {std::pair("default", 0), {"system", 1}, {"orders", 2}, {"asleep", 3}, {"opening", 4}}) {
      auto row = std::make_shared<NamespaceRow>();
      row->name = name;
      row->number = static_cast<NamespaceNumber>(number);
      if (number == 2) row->settings.max_pending = 200;
      table.PutNamespace(name, std::move(row));
    }
    tables.Set(std::make_shared<const AccessTable>(std::move(table)));
    for (NamespaceNumber number : {0, 1, 2}) figures[number].awake = true;
    figures[2].totals.by_index[Index::kDue] = 100;
    figures[3].totals.by_index[Index::kDue] = figures[3].totals.accepted = 7;
    figures[4] = {};
    AlertSampler::Setup setup;
    setup.loop = &loop;
    setup.switchboard = this;
    setup.tables = &tables;
    setup.board = this;
    setup.wall = [] { return WallTime{1'000'000}; };
    setup.add_process = [](AlertFigures* out) { out->disk_free_bytes = 5; };
    setup.send_unstored = [this](AlertUnstored message) { unstored.push_back(std::move(message)); };
    setup.member = places ? "a" : "";
    setup.places = places;
    setup.tell = [this](AlertReport report) {
      told.push_back(std::move(report));
      if (told.size() >= wanted) loop.Stop();
    };
    sampler = std::make_unique<AlertSampler>(std::move(setup));
  }
  void Post(NamespaceNumber to, Event event) override {
    if (const auto* alert = std::get_if<AlertRequest>(&event)) {
      CHECK(to == kSystemNumber);
      judged.push_back(std::get<FiguresPointer>(alert->ask->what));
      if (judged.size() >= wanted) loop.Stop();
    }
    posted.emplace_back(to, std::move(event));
  }
  void Post(RegistryEvent) override {}
  void Audit(AuditEntry, std::function<void()>) override {}
  NamespaceFigures Figures(NamespaceNumber number) const override {
    if (++looks == 1) at_first_look();
    return figures.at(number);
  }
  NamespaceFigures Sum() const override { return {}; }

  void Set(std::vector<AlertWhen> kinds, std::vector<std::string> namespaces = {}) {
    AlertSettings settings;
    for (AlertWhen when : kinds) {
      AlertRule& rule = settings.rules.emplace_back();
      rule.name = std::string(KindOf(when).word);
      rule.when = when;
      rule.threshold = KindOf(when).threshold.value_or(0);
      rule.namespaces = namespaces;
    }
    sampler->SetSettings(std::make_shared<const AlertSettings>(std::move(settings)), 1'000);
  }
  /// Until figures were handed over once more.
  const AlertFigures& Next() {
    wanted = judged.size() + 1;
    loop.Run();
    wanted = SIZE_MAX;
    return *judged.back();
  }
  /// Until another one was told once more.
  const AlertReport& NextTold() {
    wanted = told.size() + 1;
    loop.Run();
    wanted = SIZE_MAX;
    return told.back();
  }
  template <class Request>
  std::vector<NamespaceNumber> AskedOf() const {
    std::vector<NamespaceNumber> of;
    for (const auto& [to, event] : posted)
      if (std::holds_alternative<Request>(event)) of.push_back(to);
    return of;
  }
  /// Answers all that asked so.
  template <class Request, class Body>
  void Answer(const Body& body) {
    std::vector<RequestId> asked;
    for (const auto& [to, event] : posted)
      if (const auto* request = std::get_if<Request>(&event)) asked.push_back(request->request);
    for (RequestId request : asked) sampler->OnReply({request, body});
  }
};

inline const AlertSpace& Space(const AlertFigures& figures, const std::string& name) {
  for (const AlertSpace& space : figures.spaces)
    if (space.name == name) return space;
  FAIL("no such namespace");
  return figures.spaces[0];
}

}  // namespace notifyd::test
