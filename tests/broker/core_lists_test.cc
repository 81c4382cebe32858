// Lists whose rows are large: what a page of them holds is bounded, and page after page nothing is left out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "broker/schedule_fixture.h"
#include "broker/topics_fixture.h"

namespace notifyd {

namespace {

/// The names that a list has, page after page. What each page takes, without its last row, is below kListPageBytes.
template <class Listed, class Ask>
std::vector<std::string> NamesOf(Topics* f, size_t* pages) {
  std::vector<std::string> names;
  ResourcesQuery query{.limit = 1000};
  for (*pages = 1;; ++*pages) {
    const auto listed = std::get<Listed>(f->Tell({Ask{query}}).what);
    REQUIRE_FALSE(listed.items.empty());
    size_t bytes = 0;
    for (const auto& item : listed.items) {
      bytes += item.bytes.size();
      if constexpr (requires { item.topic; }) names.push_back(item.topic);
      else names.push_back(item.name);
    }
    CHECK(bytes <= kListPageBytes);
    if (!listed.next) return names;
    CHECK(*listed.next == names.back());
    query.after = *listed.next;
  }
}

}  // namespace

TEST_CASE("topics: pages of topics and subscriptions end where these are large, and leave nothing out") {
  Topics f;
  std::vector<std::string> put;
  for (int i = 10; i < 40; ++i) {
    put.push_back("t" + std::to_string(i));
    TopicRecord said;
    said.description = std::string(60'000, 'x');
    f.Tell({TopicPut{put.back(), said, {}}});
    f.Subscribe(put.back(), {.filter = R"({"data":{"a":")" + std::string(60'000, 'x') + "\"}}"});
  }
  size_t pages = 0;
  CHECK(NamesOf<TopicsListed, TopicList>(&f, &pages) == put);
  CHECK(pages == 4);
  CHECK(NamesOf<SubscriptionsListed, SubscriptionList>(&f, &pages) == put);
  CHECK(pages == 4);
  // One that is beyond all that a page may hold stands on its own.
  TopicRecord vast;
  vast.description = std::string(kListPageBytes, 'x');
  f.Tell({TopicPut{"a", vast, {}}});
  const auto first = std::get<TopicsListed>(f.Tell({TopicList{{.limit = 10}}}).what);
  CHECK(first.items.size() == 1);
  CHECK(first.next == "a");
}

TEST_CASE("topics: a list of events holds none of their payloads, and ends where the rest of them is large") {
  Topics f;
  std::vector<NotifyId> made;
  for (int i = 0; i < 30; ++i) made.insert(made.begin(), f.Emit(Topics::Item("a.b", R"({"x":")" + std::string(300'000, 'x') + "\"}")).id);
  const auto all = std::get<EventsListed>(f.Tell({EventList{"a.b", 1000, {}}}).what);
  REQUIRE(all.items.size() == made.size());
  CHECK(all.next.value == 0);
  for (const EventView& item : all.items) CHECK(item.record->payload.capacity() < 100);
  made.clear();
  for (int i = 0; i < 30; ++i) made.insert(made.begin(), f.Emit(Topics::Item("a.c", "{}", std::string(60'000, 'k'))).id);
  std::vector<NotifyId> listed;
  NotifyId below;
  do {
    const auto page = std::get<EventsListed>(f.Tell({EventList{"a.c", 1000, below}}).what);
    REQUIRE_FALSE(page.items.empty());
    CHECK(page.items.size() <= kListPageBytes / 60'000 + 1);
    for (const EventView& item : page.items) listed.push_back(item.id);
    below = page.next;
  } while (below.value != 0);
  CHECK(listed == made);
}

TEST_CASE("topics: notifies of an event are read a few at a time where its payload is large, for each brings all of it") {
  Topics f;
  for (int i = 0; i < 20; ++i) f.Subscribe("s" + std::to_string(i));
  const bool large = GENERATE(false, true);
  const NotifyId event = f.Emit(Topics::Item("a.b", R"({"x":")" + std::string(large ? 300'000 : 300, 'x') + "\"}")).id;
  f.ServeAll();
  f.Restart();
  REQUIRE(f.reads().most_notifies() == 0);
  const EventViewed seen = f.Event(event);
  REQUIRE(seen.notifies.size() == 20);
  CHECK(std::is_sorted(seen.notifies.begin(), seen.notifies.end(), [](const auto& a, const auto& b) { return a.id < b.id; }));
  CHECK(seen.notifies.at(19).state == State::kSucceeded);
  CHECK(seen.next.value == 0);
  CHECK(f.reads().most_notifies() == (large ? 1 : 20));
  const auto page = std::get<EventViewed>(f.Tell({EventGet{event, 5, seen.notifies.at(2).id}}).what);
  REQUIRE(page.notifies.size() == 5);
  CHECK(page.notifies.at(0).id == seen.notifies.at(3).id);
  CHECK(page.next == seen.notifies.at(7).id);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: pages of them end where they are large, and leave none out") {
  std::vector<std::string> put, listed;
  for (int i = 10; i < 40; ++i) {
    put.push_back("s" + std::to_string(i));
    Put(put.back(), Publishing(Every(kHour), "a", '"' + std::string(60'000, 'x') + '"'));
  }
  ResourcesQuery query{.limit = 1000};
  for (bool more = true; more;) {
    const SchedulesListed page = std::get<SchedulesListed>(std::get<ScheduleAnswered>(Ask(ScheduleList{query}).body).answer->what);
    REQUIRE_FALSE(page.items.empty());
    CHECK(page.items.size() <= kListPageBytes / 60'000 + 1);
    for (const ScheduleView& view : page.items) listed.push_back(view.name);
    more = page.next.has_value();
    if (more) query.after = *page.next;
  }
  CHECK(listed == put);
}

}  // namespace notifyd
