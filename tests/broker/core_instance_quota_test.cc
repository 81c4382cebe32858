// What instances and services add, as quotas and the disk have room for it.
#include "broker/service_rig.h"

using namespace notifyd;

TEST_CASE("services: who says of an instance what is so already changes nothing; what the audit keeps of a change counts") {
  CoreLimits limits;
  limits.max_stored_bytes = 10'000;
  ServiceRig f(limits);
  PutInstance put{"billing", "a", {}, {}};
  put.settings.url = "http://a:80";
  put.audit_bytes = 300;
  const auto unchanged = [&] { return f.replies.at(f.Begin(put)).unchanged; };
  CHECK_FALSE(unchanged());
  CHECK(unchanged());
  f.Post(StoredBytes{9'900});
  CHECK(f.Refusal(put) == Code::kOk);  // it says that it is there
  put.settings.url = "http://b:80";
  CHECK(f.Refusal(put) == Code::kDiskFull);
  put.audit_bytes = 0;
  CHECK(f.Refusal(put) == Code::kOk);
  const PutService service{"billing", {}, {}};
  CHECK(f.replies.at(f.Begin(service)).unchanged);
  f.Post(StoredBytes{0});
  f.Post(DiskSpace{true});
  put.settings.url = "http://c:80";
  CHECK(f.Refusal(put) == Code::kOk);
  put.id = "b";
  CHECK(f.Refusal(put) == Code::kDiskFull);
  CHECK(f.Refusal(PutService{"another", {}, {}}) == Code::kDiskFull);
}
