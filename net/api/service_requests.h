// The readers of requests about services and their instances. As in requests.h. Contract section 11.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadServices(const Asking& asking);
Result<Asked> ReadService(const Asking& asking);
Result<Asked> ReadServicePut(const Asking& asking);
Result<Asked> ReadServiceRemoval(const Asking& asking);
Result<Asked> ReadInstances(const Asking& asking);
Result<Asked> ReadInstance(const Asking& asking);
Result<Asked> ReadInstancePut(const Asking& asking);
Result<Asked> ReadInstanceRemoval(const Asking& asking);

}  // namespace notifyd
