// The examples of docs/import-notifyagent.md come out as the page says: a table and a beanstalkd as it speaks of them.
#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include "cli/doc_examples.h"
#include "cli/old_servers.h"

namespace notifyd::test {

TEST_CASE("documents: each example of docs/import-notifyagent.md comes out as the page says") {
  NotifyTable table(MariadbServer::Shared(), "notifyagent");
  table.sql().Run("CREATE OR REPLACE USER 'walle'@'%' IDENTIFIED BY '123456'");
  table.sql().Run("GRANT SELECT, DELETE ON notifyagent.* TO 'walle'@'%'");
  // Nobody is called by the rehearsal, and on the day whoever answers does.
  const std::string url = "expectResponse = '', url = 'http://127.0.0.1:9";
  table.Add(url + "/march', queueName = 'a', timeDelayedSend = '2026-03-01 08:00:00'");
  table.Add(url + "/april', queueName = 'b', timeDelayedSend = '2034-04-01 08:00:00'");
  table.Add(url + "/order', queueName = 'c', fKey = 'order-7'");
  BeanstalkServer beanstalkd;
  BeanstalkPeer producer(beanstalkd);
  producer.Put("notify", AgentJob("", "a"));
  producer.Put("notify", AgentJob("", "d"), 600);

  std::ifstream file(NOTIFYD_SOURCE_DIR "/docs/import-notifyagent.md");
  std::ostringstream text;
  text << file.rdbuf();
  const DocPage page = ParseDocPage(text.str());
  REQUIRE(page.examples.size() > 10);
  DocSurroundings surroundings;
  surroundings.places = {{"db.internal:3306", "127.0.0.1:" + std::to_string(table.server().port())}, {"queue.internal:11300", beanstalkd.address()}};
  CHECK(RunDocPage(page, surroundings) == "");
  CHECK(table.count() == 0);
}

}  // namespace notifyd::test
