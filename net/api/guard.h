// Guard: what a request about one notify goes through where the asker may not see, or not steer, all of its namespace: the notify is looked at first,
// and what he may not is answered as one that is not there. Contract section 8: a token that submits sees its own caller's, and lanes and fkeys bound
// a token.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

/// What a request of the row is refused with where there is nothing, and where the asker may not see what there is.
Status NothingThere(const RouteRow& row);

/// May he see the notify, by its caller, its lane and its fkey? `route_is_own`: whoever submitted it may, without the scope read.
bool MaySee(const Asker& asker, const Envelope& envelope, bool route_is_own);

/// May he see what was answered to a notify that he may see: with read_bodies, or as who submitted it?
bool MaySeeAnswer(const Asker& asker, std::string_view caller);

/// Is he bound to some lanes or fkeys of the namespace?
bool IsBoundToNames(const Asker& asker);
/// What he is refused with, who is bound to lanes or fkeys, for a change that reaches beyond any of them. Error: kForbidden.
Status RefuseBound(const Asker& asker, std::string_view what);

/// Whoever is bound to lanes or fkeys names some of them in a filter. `at`: before its fields' names. Error: kForbidden.
Status CheckFilter(const Asker& asker, const ListQuery& query, const std::string& at);

/// What changes the namespace `system` are refused with that make something of a user's there: it is the broker's own. Error: kForbidden.
Status RefuseSystem(const Asker& asker);

/// Does an answer that shows a notify have to be judged by MaySee?
bool IsBounded(const Asker& asker, const RouteRow& row);

/// `asked`, of a row that names a notify, behind a look at the notify; as it is where it need not be.
Asked Guard(const Asking& asking, Asked asked);

}  // namespace notifyd
