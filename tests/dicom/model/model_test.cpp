#include <gtest/gtest.h>

#include "dicom/model/tag.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/model/vr.h"

namespace latent::dicom::model {
namespace {

TEST(Tag, IsWrittenAsTheStandardWritesIt) {
  EXPECT_EQ(to_string(tags::kPixelData), "(7FE0,0010)");
  EXPECT_EQ(to_string(Tag::from(0x0010002A)), "(0010,002A)");
}

TEST(Vr, LengthFieldAndByteSwapFollowTheTablesOfPart5) {
  EXPECT_TRUE(has_long_length(vrs::kUT));
  EXPECT_TRUE(has_long_length(vrs::kSV));
  EXPECT_FALSE(has_long_length(vrs::kLT));
  EXPECT_FALSE(has_long_length(make_vr('X', 'Q')));
  EXPECT_EQ(swap_unit(vrs::kAT), 2u);
  EXPECT_EQ(swap_unit(vrs::kOL), 4u);
  EXPECT_EQ(swap_unit(vrs::kOV), 8u);
  EXPECT_EQ(swap_unit(vrs::kUN), 1u);
  EXPECT_EQ(swap_unit(vrs::kOB), 1u);
}

TEST(Vr, PaddingIsNulForUidsAndBinaryAndSpaceForText) {
  EXPECT_EQ(padding_of(vrs::kUI), '\0');
  EXPECT_EQ(padding_of(vrs::kOB), '\0');
  EXPECT_EQ(padding_of(vrs::kDS), ' ');
  EXPECT_EQ(padding_of(vrs::kUR), ' ');
}

TEST(Vr, AnyPairOfLettersIsCarriedButOnlyTheStandardsAreKnown) {
  EXPECT_EQ(std::string_view(text_of(make_vr('Z', 'Z'))), "ZZ");
  EXPECT_FALSE(is_known(make_vr('Z', 'Z')));
  EXPECT_FALSE(is_known(make_vr('\0', '\0')));
  EXPECT_TRUE(is_known(vrs::kUV));
  EXPECT_TRUE(uses_character_set(vrs::kUC));
  EXPECT_FALSE(uses_character_set(vrs::kUR));
  EXPECT_FALSE(uses_character_set(vrs::kCS));
}

TEST(TransferSyntaxes, EncodingAndEncapsulationAreRight) {
  const auto check = [](std::string_view uid, Encoding encoding, bool encapsulated, bool retired) {
    const TransferSyntax* found = find_transfer_syntax(uid);
    ASSERT_NE(found, nullptr) << uid;
    EXPECT_EQ(found->encoding, encoding) << uid;
    EXPECT_EQ(found->encapsulated, encapsulated) << uid;
    EXPECT_EQ(found->retired, retired) << uid;
  };

  check("1.2.840.10008.1.2", Encoding::implicit_little, false, false);
  check("1.2.840.10008.1.2.1", Encoding::explicit_little, false, false);
  check("1.2.840.10008.1.2.1.98", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.2.1.99", Encoding::deflated_explicit_little, false, false);
  check("1.2.840.10008.1.2.2", Encoding::explicit_big, false, true);
  check("1.2.840.10008.1.2.4.50", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.2.4.66", Encoding::explicit_little, true, true);
  check("1.2.840.10008.1.2.4.94", Encoding::explicit_little, false, false);
  check("1.2.840.10008.1.2.4.95", Encoding::deflated_explicit_little, false, false);
  check("1.2.840.10008.1.2.4.106.1", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.2.4.112", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.2.4.203", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.2.5", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.2.8.1", Encoding::explicit_little, true, false);
  check("1.2.840.10008.1.20", Encoding::implicit_little, false, true);
  check("1.2.840.113619.5.2", Encoding::implicit_little, false, false);
}

TEST(TransferSyntaxes, OnlyTheFourNativeOnesAreConvertedIntoOneAnother) {
  unsigned native = 0;
  for (const TransferSyntax& syntax : all_transfer_syntaxes()) native += syntax.is_native() ? 1 : 0;
  EXPECT_EQ(native, 4u);
  EXPECT_FALSE(find_transfer_syntax("1.2.840.113619.5.2")->is_native());
}

TEST(TransferSyntaxes, UnknownOnesAreTakenAsExplicitLittleEndian) {
  EXPECT_EQ(find_transfer_syntax("1.2.3"), nullptr);
  EXPECT_EQ(assumed_encoding("1.2.3"), Encoding::explicit_little);
  EXPECT_EQ(assumed_encoding(transfer_syntaxes::kImplicitLittle), Encoding::implicit_little);
}

}  // namespace
}  // namespace latent::dicom::model
