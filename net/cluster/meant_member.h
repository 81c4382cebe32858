// Meant members: for which member of which store something is that one member sends to another, and who it is that answers. An address alone does not
// say that: it may lead to another member, to one of another store, or to a listener for clients, and what is done there is lost to the store that is
// meant. Pure. Contract section 23.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "broker/ownership.h"
#include "net/http.h"

namespace notifyd {

class JsonWriter;

/// Of an answer to a member: who gives it, where whoever asked meant another one, or wants proof of who is there: EncodeMember's text.
inline constexpr std::string_view kMemberHeader = "Notify-Member";
/// Of an answer to a member: nothing was done. "1": what the request is about is not served here; kForClients: this listener is none for members;
/// kForAnother: another member is meant.
inline constexpr std::string_view kNotHereHeader = "Notify-Not-Here";
inline constexpr std::string_view kForClients = "clients", kForAnother = "another";

/// One of the brokers that share a store, as the store has it.
struct MeantMember {
  std::string store = {};        // the name that its brokers have in Notify-Via; empty: it is not said who is meant, as by a release of before
  std::string name = {};         // among the members
  Incarnation incarnation = {};  // under which it has its lease; 0: not said. A copy of a store has its name, and names of members, too
  bool operator==(const MeantMember&) const = default;
};

/// A member as it knows itself.
struct OwnMember {
  MeantMember now = {};
  Incarnation before = {};  // of the process whose place this one took, which others may still mean
  /// Is it for this one, or is it not said for whom it is?
  bool IsMeant(const MeantMember& meant) const;
};

/// A key "to" of the object that is being written; nothing where it is not said who is meant.
inline constexpr std::string_view kToKey = "to";
void WriteTo(const MeantMember& meant, JsonWriter* json);
/// Reads its value. False: it is none.
bool ReadMember(const JsonTree::Value& value, MeantMember* member);

std::string EncodeMember(const MeantMember& member);
/// Nothing: it is none. What a later release says besides is passed over.
std::optional<MeantMember> DecodeMember(std::string_view text);

/// Whoever asked meant another member: says so, and who this one is.
void MarkForAnother(const OwnMember& self, HttpResponse* response);
/// Does the answer say that nothing was done?
bool IsNotHere(const HttpResponse& answer);
/// Who answered in place of the one that was meant, for people: "at 192.0.2.1:7400 is member b of another store". Empty: that one, or one that does
/// not say who it is.
std::string StrangerAt(std::string_view address, const HttpResponse& answer, const MeantMember& meant);

}  // namespace notifyd
