// Our commitments and leaves against formats/vectors/audit, made by an independent writer.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "security/audit/sealed_event.h"
#include "tests/support/shared_data.h"

namespace latent::security::audit {
namespace {

/// What stands between `before` and the next `after`.
std::string between(const std::string& line, const std::string& before, const std::string& after) {
  const std::size_t from = line.find(before) + before.size();
  return line.substr(from, line.find(after, from) - from);
}

Salt salt_of(const std::string& hex) {
  Salt salt{};
  const Bytes bytes = from_hex(hex).value();
  std::copy(bytes.begin(), bytes.end(), salt.begin());
  return salt;
}

/// Entry bundles of tlog-tiles: big-endian u16 length, then the entry.
std::vector<std::string> entries_of(const std::filesystem::path& bundle) {
  std::ifstream in(bundle, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::string> entries;
  for (std::size_t at = 0; at < all.size();) {
    const auto length = load_be<std::uint16_t>(as_bytes(all), at);
    entries.push_back(all.substr(at + 2, length));
    at += 2 + std::size_t{length};
  }
  return entries;
}

TEST(AuditVectors, EveryEventOfTheFirstBundleGivesItsLeaf) {
  const auto folder = test::shared_file("formats/vectors/audit");
  if (!folder) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  const std::vector<std::string> entries = entries_of(*folder / "tile/entries/000");
  std::ifstream lines(*folder / "events.jsonl");
  ASSERT_EQ(entries.size(), 256u);

  for (const std::string& entry : entries) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    SealedEvent event;
    event.core = between(line, "{\"core\":", ",\"core_salt\":");
    event.core_salt = salt_of(between(line, "\"core_salt\":\"", "\""));
    if (line.find("\"subject\":null") == std::string::npos) {
      event.subject = between(line, "\"subject\":", ",\"subject_salt\":");
      event.subject_salt = salt_of(between(line, "\"subject_salt\":\"", "\""));
    }
    event.stamp.id = *EventId::from(*from_hex(between(event.core, "\"id\":\"", "\"")));
    event.stamp.time_us = std::stoll(between(event.core, "\"time_us\":", ","));
    const int code = std::stoi(between(event.core, "\"code\":", ","));

    const Leaf leaf = leaf_of(static_cast<EventCode>(code), event);

    // An erased subject leaves its commitment in the tree: only the rest can be compared then.
    const std::size_t compared = event.subject ? leaf.size() : 62;
    EXPECT_EQ(to_hex(ByteSpan(leaf).first(compared)), to_hex(as_bytes(entry).first(compared)))
        << line;
  }
}

}  // namespace
}  // namespace latent::security::audit
