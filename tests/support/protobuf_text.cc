#include "support/protobuf_text.h"

#include <cctype>
#include <sstream>
#include <stdexcept>

#include "support/process.h"
#include "support/temp_dir.h"

namespace notifyd::test {
namespace {

/// Of a quoted text in protobuf's text format: C escapes.
std::string Unescaped(const std::string& quoted) {
  std::string out;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      out += quoted[i];
      continue;
    }
    const char c = quoted[++i];
    if (c >= '0' && c <= '7') {
      out += static_cast<char>(std::stoi(quoted.substr(i, 3), nullptr, 8));
      i += 2;
    } else {
      out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

void Read(std::istream& lines, ProtoNode* node) {
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line == "}") return;
    const size_t open = line.find(" {"), colon = line.find(": ");
    const bool message = open != std::string::npos && open + 2 == line.size() && open < colon;
    const std::string name = line.substr(0, message ? open : colon);
    if (std::isdigit(static_cast<unsigned char>(name[0]))) throw std::runtime_error("a field that is not known: " + line);
    ProtoNode& field = node->fields.emplace_back(name, ProtoNode()).second;
    if (message) {
      Read(lines, &field);
      continue;
    }
    const std::string value = line.substr(colon + 2);
    field.text = value[0] == '"' ? Unescaped(value) : value;
  }
}

}  // namespace

std::vector<const ProtoNode*> ProtoNode::All(const std::string& name) const {
  std::vector<const ProtoNode*> found;
  for (const auto& [key, node] : fields)
    if (key == name) found.push_back(&node);
  return found;
}

std::string ProtoNode::Text(const std::string& name) const {
  const auto found = All(name);
  return found.empty() ? "" : found[0]->text;
}

ProtoNode DecodeProtobuf(const std::string& proto_file, const std::string& message, const std::string& bytes) {
  TempDir dir;
  const size_t slash = proto_file.rfind('/');
  Process protoc("protoc", {{"--proto_path=" + proto_file.substr(0, slash), "--decode=" + message, proto_file}, {}, dir.Write("bytes", bytes)});
  if (protoc.Wait() != 0) throw std::runtime_error("protoc: " + protoc.error());
  std::istringstream lines(protoc.output());
  ProtoNode root;
  Read(lines, &root);
  return root;
}

}  // namespace notifyd::test
