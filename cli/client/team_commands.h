// What manages teams: tokens, namespaces and their keys, hosts and callers that are held back by hand, the audit. Each is one request, printed as a
// table or as JSON. Contract part 2, sections 7, 8 and 10.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/client/context.h"
#include "cli/client/field_flags.h"

namespace notifyd {

/// Something that the API has a list of, under one path.
struct Collection {
  struct Column {
    const char* head;
    const char* pointer;     // into an item
    bool where_any = false;  // only where some item has it
  };
  std::string path;  // "/v1/tokens"
  std::vector<Column> columns;
};
const Collection& Tokens();
const Collection& Namespaces();
const Collection& Hosts();
const Collection& Callers();
const Collection& Audit();

/// Asks for page after page until `limit` are there or the list is complete. `filters`: by the name of the query parameter.
Exit ListOf(const Context& context, const Collection& of, const std::map<std::string, std::string>& filters, uint64_t limit);
Exit ShowOf(const Context& context, const Collection& of, const std::string& name);

struct Sending {
  std::string method, path;
  const std::vector<FieldFlag>* flags = nullptr;  // null: no body
  FieldValues values = {};
  std::string if_match = {};
  bool only_new = false;
};
/// Prints what it became.
Exit SendTo(const Context& context, const Sending& sending);
/// The same of what makes a token: without --json that alone is printed, and what is to be known of it goes to standard error.
Exit SendForToken(const Context& context, const Sending& sending);
/// The same of what makes a signing key: what is printed alone is what receivers verify by, of an Ed25519 key its public half.
Exit SendForKey(const Context& context, const Sending& sending);
/// Prints what the broker says of what is gone; where that is nothing, nothing.
Exit RemoveFrom(const Context& context, const std::string& path);

/// A path below a collection's, encoded.
std::string PathIn(const Collection& of, const std::string& name, const std::string& below = {});

}  // namespace notifyd
