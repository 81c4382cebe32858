// A namespace as JSON: the table of its settings, and what is shown of one. Pure. Contract section 7.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/cell_move.h"
#include "broker/namespace.h"
#include "broker/ports.h"
#include "net/api/json_fields.h"

namespace notifyd {

using SpaceField = JsonField<NamespaceSettings>;
/// In the order in which they are shown.
std::span<const SpaceField> SpaceFields();
/// Of "destinations", a field of its own kind: an object.
std::span<const JsonField<NamespaceDestinations>> DestinationFields();

/// The body of a PUT. Errors: kMalformed, kUnacceptable with a field (CheckSettings included).
Result<NamespaceSettings> ReadSpaceSettings(JsonReader* reader, const std::string& body);
/// The document that makes these settings: {"max_pending":...}, null for what is the broker's.
std::string SpaceSettingsDocument(const NamespaceSettings& settings);
/// What is known here of a namespace beside its settings.
struct SpaceSight {
  std::optional<NamespaceFigures> figures;  // nothing: another member of the cluster has them
  bool of_cluster = false;                  // several brokers share the store
  std::string member = {};                  // whose it is, of these; empty: nobody's for the moment
  std::optional<CellMoveReport> move = {};  // to another cell; nothing: it does not go, or another member moves it
};
/// One namespace: its name, state, figures, settings and signing keys, without their secrets.
void WriteSpace(const NamespaceRow& row, const SpaceSight& sight, JsonWriter* json);
/// Is the member of that name of what WriteSpace writes a figure, which whoever serves the namespace knows alone?
bool IsSpaceFigure(std::string_view name);
const char* ToString(SigningKind kind);
std::optional<SigningKind> ParseSigningKind(std::string_view text);

}  // namespace notifyd
