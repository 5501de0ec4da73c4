// What the tests of the writer ask the scanner about bytes that were written.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dicom/scanner/canonical.h"
#include "dicom/writer/convert_native.h"
#include "tests/dicom/scanner/recording_sink.h"

namespace latent::dicom::writer {

inline scanner::CanonicalContent canonical_content(ByteSpan bytes, std::string_view syntax) {
  scanner::CanonicalDigest digest(syntax, {});
  const auto fed = digest.feed(bytes);
  EXPECT_TRUE(fed) << fed.error().text;
  auto content = digest.finish();
  EXPECT_TRUE(content) << content.error().text;
  return content ? std::move(*content) : scanner::CanonicalContent();
}

inline void expect_same_content(ByteSpan a, std::string_view a_syntax, ByteSpan b,
                                std::string_view b_syntax, std::string_view what) {
  const auto difference = compare(canonical_content(a, a_syntax), canonical_content(b, b_syntax));
  EXPECT_FALSE(difference.pixels_differ) << what;
  for (const model::Tag tag : difference.header_differs)
    ADD_FAILURE() << what << ": " << model::to_string(tag) << " differs";
}

/// Converts in pieces of at most `piece` bytes.
inline Result<Bytes> converted(ByteSpan bytes, std::string_view from, std::string_view to,
                               std::size_t piece = ~std::size_t{0},
                               std::vector<scanner::Note>* notes = nullptr) {
  NativeConverter converter(from, to, {});
  Bytes out;
  while (!bytes.empty()) {
    const ByteSpan now = bytes.first(std::min(piece, bytes.size()));
    LATENT_TRY_VOID(converter.feed(now, out));
    bytes = bytes.subspan(now.size());
  }
  LATENT_TRY_VOID(converter.finish(out));
  if (notes) *notes = converter.notes();
  return out;
}

}  // namespace latent::dicom::writer
