// The readers of requests about namespaces, their signing keys, tokens, the audit and the store, and of lists over all namespaces. As in requests.h.
// Contract sections 7, 8 and 10.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadNamespaces(const Asking& asking);
Result<Asked> ReadNamespace(const Asking& asking);
Result<Asked> ReadNamespacePut(const Asking& asking);
Result<Asked> ReadNamespaceChange(const Asking& asking);
Result<Asked> ReadNamespaceRemoval(const Asking& asking);
Result<Asked> ReadKeyMaking(const Asking& asking);
Result<Asked> ReadKeyRemoval(const Asking& asking);
Result<Asked> ReadJwks(const Asking& asking);

Result<Asked> ReadTokens(const Asking& asking);
Result<Asked> ReadToken(const Asking& asking);
Result<Asked> ReadTokenMaking(const Asking& asking);
Result<Asked> ReadTokenChange(const Asking& asking);
Result<Asked> ReadTokenRemoval(const Asking& asking);
Result<Asked> ReadTokenRotation(const Asking& asking);

Result<Asked> ReadAudit(const Asking& asking);

Result<Asked> ReadRekey(const Asking& asking);
Result<Asked> ReadRekeyBeginning(const Asking& asking);

}  // namespace notifyd
