#include "base/manual.h"

#include <cctype>

namespace notifyd {
namespace {

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Lines of text: a dot at the start of one would make it a macro. (So would a quote, but that is escaped everywhere.)
std::string Lines(std::string_view text) {
  std::string out;
  bool start = true;
  for (char c : RoffText::Escape(text)) {
    if (start && c == '.') out += "\\&";
    out += c;
    start = c == '\n';
  }
  if (out.empty() || out.back() != '\n') out += '\n';
  return out;
}

}  // namespace

std::string RoffText::Escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";  // a hyphen may become another character, and what is copied must work
    else if (c == '"') out += "\\(dq";
    else if (c == '\'') out += "\\(aq";
    else if (c == '^') out += "\\(ha";
    else if (c == '~') out += "\\(ti";
    else if (c == '`') out += "\\(ga";
    else out += c;
  }
  return out;
}

RoffText& RoffText::Plain(std::string_view text) {
  roff_ += Escape(text);
  return *this;
}

RoffText& RoffText::Font(char font, std::string_view text) {
  roff_ += std::string("\\f") + font + Escape(text) + "\\fR";
  return *this;
}

ManualPage::ManualPage(const std::string& name, int section, const std::string& version, const std::string& summary) {
  text_ = ".\\\" Made from the definitions of the command line; not to be edited.\n";
  // No date: the same sources make the same page.
  text_ += ".TH " + Upper(name) + " " + std::to_string(section) + " \"\" \"notifyd " + version + "\" \"notifyd manual\"\n";
  text_ += ".nh\n.ad l\n";
  Section("NAME");
  text_ += name + " \\- " + RoffText::Escape(summary) + "\n";
}

ManualPage& ManualPage::Section(const std::string& title) {
  text_ += ".SH " + RoffText::Escape(Upper(title)) + "\n";
  return *this;
}

ManualPage& ManualPage::Subsection(const std::string& title) {
  text_ += ".SS " + RoffText::Escape(title) + "\n";
  return *this;
}

ManualPage& ManualPage::Paragraph(std::string_view text) {
  text_ += ".PP\n" + Lines(text);
  return *this;
}

ManualPage& ManualPage::Synopsis(const std::vector<std::pair<RoffText, RoffText>>& lines) {
  text_ += ".PD 0\n";
  for (const auto& [command, rest] : lines) text_ += ".HP\n" + command.roff() + (rest.roff().empty() ? "" : " ") + rest.roff() + "\n";
  text_ += ".PD\n";
  return *this;
}

ManualPage& ManualPage::Item(const RoffText& head, std::string_view text) {
  text_ += ".TP\n" + head.roff() + "\n" + Lines(text);
  return *this;
}

ManualPage& ManualPage::Example(std::string_view text) {
  text_ += ".PP\n.RS 4\n.nf\n" + Lines(text) + ".fi\n.RE\n";
  return *this;
}

ManualPage& ManualPage::SeeAlso(const std::vector<std::pair<std::string, int>>& pages) {
  Section("SEE ALSO");
  for (size_t i = 0; i < pages.size(); ++i)
    text_ += ".BR " + pages[i].first + " (" + std::to_string(pages[i].second) + ")" + (i + 1 < pages.size() ? ",\n" : "\n");
  return *this;
}

}  // namespace notifyd
