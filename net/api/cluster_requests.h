// The readers of requests about the brokers that share a store. As in requests.h. Contract section 23.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadCluster(const Asking& asking);
Result<Asked> ReadMemberDrain(const Asking& asking);
Result<Asked> ReadMemberDrainEnd(const Asking& asking);

}  // namespace notifyd
