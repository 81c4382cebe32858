// Asker: for whom a request is read and answered. Values of a few pointers, kept with what goes on later or on another thread.
#pragma once

#include <memory>
#include <string>

#include "broker/access_table.h"
#include "broker/registry_events.h"
#include "net/access/principal.h"

namespace notifyd {

struct Asker {
  Principal principal;
  std::shared_ptr<const NamespaceRow> space;  // whose core is asked; null where the route is of none
  std::shared_ptr<const AccessTable> table;   // by which he was admitted
  std::string from;                           // Peer::Name; empty where nobody is asked who he is
  std::string said;                           // by a change: AuditEntry::said

  NamespaceNumber number() const { return space ? space->number : kDefaultNumber; }
  /// Nobody is asked who he is.
  bool anybody() const { return principal.anybody(); }
  Actor ToActor() const { return {principal.name(), *principal.grant(), from, said}; }
  /// May he see what that caller submitted?
  bool Sees(const std::string& caller) const { return anybody() || principal.SubmittedBy(caller, space->name, *table); }
};

/// How much an answer shows.
struct Sight {
  bool bodies = true;   // of a notify: those of requests and answers, and the values of headers (the scope read_bodies)
  bool process = true;  // of figures: the store's and the memory's, which are of all namespaces (admin of all)
  NamespaceNumber number = kDefaultNumber;  // the namespace whose core answers
};
inline Sight SightOf(const Asker& asker) {
  return {.bodies = asker.principal.Has(Scope::kReadBodies),
          .process = asker.anybody() || asker.principal.grant()->IsAdminOfAll(),
          .number = asker.number()};
}

}  // namespace notifyd
