// Names in the character sets of the world: stored as they came, matched as text, answered in a
// character set that holds them and that the answer names.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dicom/network/status.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;

struct Case {
  std::string what;
  std::string character_set;  ///< (0008,0005) of the object and of the peer's question
  std::string name;           ///< the bytes in it
  std::string utf8;           ///< the same text
  std::string key;            ///< what the peer asks, in its character set
};

/// Bytes from PS3.5 H.3.1, I.2.1 and J.3 where the standard has an example.
const std::vector<Case> kCases = {
    {"Latin-1", "ISO_IR 100", "M\xFCller^J\xF6rg", "Müller^Jörg", "M\xFCller^J*"},
    {"Cyrillic", "ISO_IR 144",
     "\xBB\xEE\xDA\x63\x65\xDC\xD1\xE3\xE0\xD3"
     "^Test",
     "Люкceмбург^Test",
     "\xBB\xEE\xDA\x63\x65\xDC\xD1\xE3\xE0\xD3"
     "*"},
    {"UTF-8", "ISO_IR 192", "Wang^XiaoDong=王^小東=", "Wang^XiaoDong=王^小東=", "*=王^小東*"},
    {"GB18030", "GB18030", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB=", "Wang^XiaoDong=王^小东=",
     "*=\xCD\xF5^\xD0\xA1\xB6\xAB*"},
    {"Japanese", "\\ISO 2022 IR 87",
     "Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B",
     "Yamada^Tarou=山田^太郎=やまだ^たろう", "*=\x1B$B;3ED\x1B(B^*"},
    {"Korean", "\\ISO 2022 IR 149",
     "Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7=\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF",
     "Hong^Gildong=洪^吉洞=홍^길동", "Hong^Gildong*"},
};

std::string without_trailing_groups(std::string name) {
  while (!name.empty() && (name.back() == '=' || name.back() == ' ')) name.pop_back();
  return name;
}

TEST(CharacterSets, NamesAreFoundByPeersInTheirOwnAndAnsweredInOneThatHoldsThem) {
  ArchiveProcess archive;
  const DicomPeer peer(archive.port());
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const Case& one = kCases[i];
    SCOPED_TRACE(one.what);
    const std::string n = std::to_string(i);
    const DicomObject object = make_object("2.25.3" + n, "2.25.4" + n, "2.25.5" + n,
                                           {{tags::kSpecificCharacterSet, one.character_set},
                                            {tags::kPatientName, one.name},
                                            {tags::kPatientId, "CS" + n}});
    ASSERT_TRUE(peer.store(object).is_stored());
  }
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const Case& one = kCases[i];
    SCOPED_TRACE(one.what);
    const auto found = peer.find(Root::study, {{tags::kSpecificCharacterSet, one.character_set},
                                               {tags::kQueryRetrieveLevel, "STUDY"},
                                               {tags::kPatientName, one.key},
                                               {tags::kPatientId, ""},
                                               {tags::kStudyInstanceUid, ""}});
    EXPECT_EQ(found.status, dicom::network::status::kSuccess) << found.comment;
    ASSERT_EQ(found.matches.size(), 1u);
    const Attributes& answer = found.matches.front();
    EXPECT_EQ(value_of(answer, tags::kPatientId), "CS" + std::to_string(i));
    // Either in the object's own character set or in UTF-8; never unnamed.
    const std::string named = value_of(answer, tags::kSpecificCharacterSet);
    const std::string name = without_trailing_groups(value_of(answer, tags::kPatientName));
    if (named == "ISO_IR 192") {
      EXPECT_EQ(name, without_trailing_groups(one.utf8));
    } else {
      EXPECT_EQ(named, one.character_set);
      EXPECT_EQ(name, without_trailing_groups(one.name));
    }
  }
}

TEST(CharacterSets, OnePeerFindsByTextWhatAnotherStoredInOtherBytes) {
  ArchiveProcess archive;
  const DicomPeer peer(archive.port());
  ASSERT_TRUE(peer.store(make_object("2.25.1", "2.25.2", "2.25.3",
                                     {{tags::kSpecificCharacterSet, "ISO_IR 100"},
                                      {tags::kPatientName, "M\xFCller^J\xF6rg"}}))
                  .is_stored());
  const auto matches = [&](const std::string& character_set, const std::string& name,
                           DicomPeer::Names names) {
    return peer
        .find(Root::study,
              {{tags::kSpecificCharacterSet, character_set},
               {tags::kQueryRetrieveLevel, "STUDY"},
               {tags::kPatientName, name}},
              names)
        .matches.size();
  };
  EXPECT_EQ(matches("ISO_IR 192", "Müller*", DicomPeer::Names::exact), 1u);
  EXPECT_EQ(matches("ISO_IR 192", "MÜLLER^JÖRG", DicomPeer::Names::exact), 1u);
  EXPECT_EQ(matches("ISO_IR 192", "Möller*", DicomPeer::Names::exact), 0u);
  // Without accents and in another order only where fuzzy matching was negotiated.
  EXPECT_EQ(matches("", "jorg muller", DicomPeer::Names::fuzzy), 1u);
  EXPECT_EQ(matches("", "jorg maller", DicomPeer::Names::fuzzy), 0u);
}

}  // namespace
}  // namespace latent::test
