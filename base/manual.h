// Manual: a page in the man(7) macros, built section by section, for notifyctl(1) and notifyd(8). Pure. Text is escaped: it cannot become a macro.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace notifyd {

/// Roff text with escapes, for heads and synopses; all other text is plain.
class RoffText {
 public:
  RoffText& Bold(std::string_view text) { return Font('B', text); }
  RoffText& Italic(std::string_view text) { return Font('I', text); }
  RoffText& Plain(std::string_view text);
  const std::string& roff() const { return roff_; }

  /// Escapes whatever roff would read as something else than text.
  static std::string Escape(std::string_view text);

 private:
  RoffText& Font(char font, std::string_view text);
  std::string roff_;
};

class ManualPage {
 public:
  /// `name` "notifyctl", `section` 1, `version` "0.1.0", `summary` one line without a full stop.
  ManualPage(const std::string& name, int section, const std::string& version, const std::string& summary);

  ManualPage& Section(const std::string& title);
  ManualPage& Subsection(const std::string& title);
  ManualPage& Paragraph(std::string_view text);
  /// Adds a line each: a command and what follows it, indented where it is too long for one line.
  ManualPage& Synopsis(const std::vector<std::pair<RoffText, RoffText>>& lines);
  /// Adds a head, and what it means indented below.
  ManualPage& Item(const RoffText& head, std::string_view text);
  /// Adds text as it stands, line by line.
  ManualPage& Example(std::string_view text);
  /// Adds "notifyd(8), ...": each a name and a section.
  ManualPage& SeeAlso(const std::vector<std::pair<std::string, int>>& pages);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace notifyd
