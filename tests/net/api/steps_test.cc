// What requests to the registry are named by: whoever asked is found again, however many requests there were before.
#include "net/api/steps.h"

#include <catch2/catch.hpp>

#include "net/http_context.h"

using namespace notifyd;

TEST_CASE("registry requests: thread and token come back, behind billions of requests too") {
  for (uint64_t sequence : {uint64_t{1}, (uint64_t{1} << 28) + 5, (uint64_t{1} << 38) - 1, uint64_t{1} << 38, (uint64_t{1} << 44) + 3}) {
    for (uint64_t slot : {uint64_t{0}, uint64_t{7}, (uint64_t{1} << HttpContext::kSlotBits) - 1}) {
      const uint64_t token = HttpContext::TokenOf(sequence, slot);
      CHECK(token >> HttpContext::kSlotBits != 0);
      CHECK(token % (uint64_t{1} << HttpContext::kSlotBits) == slot);
      for (uint32_t thread : {0u, 63u}) {
        const uint64_t request = RegistryRequestOf({thread, token});
        CHECK(ThreadOfRegistryRequest(request) == thread);
        CHECK(TokenOfRegistryRequest(request) == token);
      }
    }
  }
}
