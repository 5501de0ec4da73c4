// Names of people (PS3.5 6.2 PN, 6.2.1) and the keys by which text is searched.
//
// Input is UTF-8 (see character_set.h). A collation key is compared byte by byte: two texts with
// one key are "the same" for a search. Keys are stored in the catalog, so a change of the rules
// here asks for a migration that computes them anew: kCollationVersion.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace latent::dicom::text {

/// Family, given, middle, prefix, suffix; for animals and things the first two only.
struct NameGroup {
  std::array<std::string, 5> components;
  bool empty() const;
  /// "Yamada^Tarou", trailing empty components left out.
  std::string text() const;
};

struct PersonName {
  NameGroup alphabetic;
  NameGroup ideographic;
  NameGroup phonetic;
  bool empty() const { return alphabetic.empty() && ideographic.empty() && phonetic.empty(); }
  /// "Yamada^Tarou=山田^太郎=やまだ^たろう", trailing empty groups left out.
  std::string text() const;
};

/// Never fails: spaces around components go, what stands behind the fifth component or the third
/// group is joined to the last with a space.
PersonName parse_person_name(std::string_view utf8);

/// parse and text() in one: how a name is stored for display.
std::string normalised_name(std::string_view utf8);

inline constexpr int kCollationVersion = 1;

/// The text as search sees it: case folded, accents dropped (é → e, ё → е), ligatures and strokes
/// spelled out (ß → ss, ø → o, æ → ae), full and half width made one, runs of white space made one
/// space, none at the ends and around ^ and =. Marks that make another letter (kana voicing, Thai
/// and Indic vowels) stay. Wild cards pass through, so a pattern gets its key the same way. Keys
/// end at 4096 bytes. Invalid UTF-8 is read as U+FFFD.
std::string collation_key(std::string_view utf8);

/// The words of a name in any group and order, keyed, sorted, each once, at most 32: two names
/// whose words are the same are likely one person's ("Müller^Hans", "hans muller").
std::vector<std::string> name_words(std::string_view utf8);

}  // namespace latent::dicom::text
