// conformance/statement.md holds tables that come from the code. This test makes them anew and
// compares; LATENT_UPDATE=1 writes them instead.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "dicom/model/dictionary.h"
#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/network/implementation.h"
#include "storage/catalog/attributes.h"
#include "tests/support/source_directory.h"

namespace latent {
namespace {

std::string storage_classes() {
  std::string table = "| SOP Class | UID | |\n|---|---|---|\n";
  for (const auto& sop_class : dicom::model::storage_sop_classes())
    table += fmt::format("| {} | {} | {} |\n", sop_class.name, sop_class.uid,
                         sop_class.retired ? "retired" : "");
  return table;
}

std::string transfer_syntaxes() {
  std::string table =
      "| Transfer Syntax | UID | Stored and returned | Converted on retrieve "
      "|\n|---|---|---|---|\n";
  for (const auto& syntax : dicom::model::all_transfer_syntaxes())
    table += fmt::format("| {} | {} | bit for bit | {} |\n", syntax.name, syntax.uid,
                         syntax.is_native() ? "to any other native one" : "no");
  return table;
}

std::string query_attributes() {
  std::string table = "| Level | Attribute | Tag | VR |\n|---|---|---|---|\n";
  for (const auto level : {storage::catalog::Level::patient, storage::catalog::Level::study,
                           storage::catalog::Level::series, storage::catalog::Level::image})
    for (const auto& attribute : storage::catalog::attributes()) {
      if (attribute.level != level) continue;
      const auto entry = dicom::model::find(attribute.tag);
      table += fmt::format("| {} | {} | {} | {} |\n", storage::catalog::name_of(level),
                           entry ? entry->keyword : "", dicom::model::to_string(attribute.tag),
                           std::string_view(dicom::model::text_of(attribute.vr)));
    }
  return table;
}

std::string implementation() {
  return fmt::format(
      "| Implementation Class UID | {} |\n|---|---|\n| Implementation Version Name | {} |\n",
      dicom::network::kImplementationClassUid, dicom::network::kImplementationVersionName);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Puts `table` between `<!-- name -->` and `<!-- end -->`.
std::string with_table(const std::string& text, const std::string& name, const std::string& table) {
  const std::string open = "<!-- " + name + " -->\n", close = "<!-- end -->";
  const auto begin = text.find(open);
  if (begin == std::string::npos) return "no marker for " + name;
  const auto end = text.find(close, begin);
  if (end == std::string::npos) return "no end for " + name;
  return text.substr(0, begin + open.size()) + table + text.substr(end);
}

TEST(ConformanceStatement, ItsTablesAreThoseOfTheCode) {
  const auto path = test::source_directory() / "conformance/statement.md";
  const std::string text = read(path);
  ASSERT_FALSE(text.empty()) << path;
  std::string expected = with_table(text, "implementation", implementation());
  expected = with_table(expected, "storage classes", storage_classes());
  expected = with_table(expected, "transfer syntaxes", transfer_syntaxes());
  expected = with_table(expected, "query attributes", query_attributes());

  if (std::getenv("LATENT_UPDATE") != nullptr) std::ofstream(path) << expected;

  EXPECT_EQ(read(path), expected)
      << "run test_conformance with LATENT_UPDATE=1 and look at the change";
}

}  // namespace
}  // namespace latent
