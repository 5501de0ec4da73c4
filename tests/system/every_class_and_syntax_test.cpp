// Every storage SOP class and every transfer syntax of the standard, and some of nobody's: taken
// in, kept and given back as they are, by whichever of the two ways.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/network/status.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;
namespace syntaxes = dicom::model::transfer_syntaxes;

std::string uid(const std::string& root, std::size_t number) {
  return root + "." + std::to_string(number);
}

void expect_same(const std::vector<DicomObject>& sent, const Deliveries& came) {
  EXPECT_EQ(came.size(), sent.size());
  for (const DicomObject& object : sent) {
    const auto found = came.find(object.sop_instance);
    ASSERT_NE(found, came.end()) << object.sop_class << " " << object.transfer_syntax;
    EXPECT_EQ(found->second.sop_class, object.sop_class);
    EXPECT_EQ(found->second.transfer_syntax, object.transfer_syntax);
    EXPECT_TRUE(found->second.data_set == object.data_set)
        << object.sop_class << " " << object.transfer_syntax << " came back changed";
  }
}

/// Stores the objects, which stand in one study each hundred, and brings them back.
void expect_journey(const std::vector<DicomObject>& objects) {
  StoreSink sink;
  ArchiveProcess archive({.arguments = {"--remote", sink.remote("SINK")}});
  const DicomPeer peer(archive.port());
  const auto answers = peer.store(objects);
  for (std::size_t i = 0; i < objects.size(); ++i)
    EXPECT_TRUE(answers[i].is_stored())
        << objects[i].sop_class << " " << objects[i].transfer_syntax << " "
        << dicom::network::to_string(answers[i].status) << " " << answers[i].comment;

  for (std::size_t begin = 0; begin < objects.size(); begin += 100) {
    const std::vector<DicomObject> hundred(
        objects.begin() + static_cast<std::ptrdiff_t>(begin),
        objects.begin() + static_cast<std::ptrdiff_t>(std::min(begin + 100, objects.size())));
    const Attributes keys{{tags::kQueryRetrieveLevel, "STUDY"},
                          {tags::kStudyInstanceUid, hundred.front().study}};
    const auto got = peer.get(Root::study, keys, hundred);
    EXPECT_EQ(got.completed, hundred.size()) << got.comment;
    expect_same(hundred, got.delivered);
    const auto moved = peer.move(Root::study, keys, "SINK");
    EXPECT_EQ(moved.completed, hundred.size()) << moved.comment;
    expect_same(hundred, sink.take());
  }
}

TEST(EveryClass, OfTheStandardAndPrivateOnesAreStoredAndBroughtBack) {
  std::vector<std::string> classes{"1.2.276.0.7230010.3.1.0.1", "2.25.123456789"};
  for (const auto& known : dicom::model::storage_sop_classes()) classes.emplace_back(known.uid);
  EXPECT_GT(classes.size(), 150u);
  std::vector<DicomObject> objects;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string study = uid("2.25.6", i / 100);
    objects.push_back(
        make_object(study, study + ".1", uid(study + ".1", i), {{tags::kSopClassUid, classes[i]}}));
  }
  expect_journey(objects);
}

TEST(EverySyntax, OfTheStandardAndPrivateOnesIsStoredAndBroughtBack) {
  std::vector<DicomObject> objects;
  const auto add = [&](const dicom::model::TransferSyntax& syntax) {
    const DicomObject native =
        make_object("2.25.8", "2.25.8.1", uid("2.25.8.1", objects.size()), {});
    if (syntax.encapsulated) {
      objects.push_back(encapsulate(native, syntax.uid));
    } else {
      objects.push_back(convert_native(
          native, syntax.is_native() ? syntax.uid
                  : syntax.encoding == dicom::model::Encoding::deflated_explicit_little
                      ? syntaxes::kDeflated
                      : syntaxes::kExplicitLittle));
      objects.back().transfer_syntax = syntax.uid;
    }
  };
  for (const auto& syntax : dicom::model::all_transfer_syntaxes()) add(syntax);
  EXPECT_GT(objects.size(), 30u);
  add({.uid = "1.2.276.0.99.1", .name = "nobody's", .section = "", .encapsulated = true});
  expect_journey(objects);
}

}  // namespace
}  // namespace latent::test
