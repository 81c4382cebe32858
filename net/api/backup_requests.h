// The readers of requests about backups. As in requests.h. Contract section 19.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadBackups(const Asking& asking);
Result<Asked> ReadBackup(const Asking& asking);
Result<Asked> ReadBackupMaking(const Asking& asking);
Result<Asked> ReadBackupRemoval(const Asking& asking);

}  // namespace notifyd
