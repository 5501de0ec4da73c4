#include "dicom/scanner/canonical.h"

#include <algorithm>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/detail/canonical_sink.h"

namespace latent::dicom::scanner {

using detail::CanonicalSink;
using Marks = std::map<model::Tag, ContentMark>;

namespace {

ContentMark mark_over(const Marks& marks) {
  detail::ContentHash hash;
  for (const auto& [tag, mark] : marks) {
    Bytes name;
    append_be(name, tag.value());
    hash.add(name);
    hash.add(mark);
  }
  return hash.finish();
}

std::vector<model::Tag> differing_tags(const Marks& a, const Marks& b) {
  std::vector<model::Tag> differing;
  for (const auto& [tag, mark] : a) {
    const auto other = b.find(tag);
    if (other == b.end() || other->second != mark) differing.push_back(tag);
  }
  for (const auto& [tag, mark] : b)
    if (!a.contains(tag)) differing.push_back(tag);
  std::sort(differing.begin(), differing.end());
  return differing;
}

}  // namespace

struct CanonicalDigest::State {
  State(model::Encoding encoding, const Limits& limits)
      : plain_reader(encoding, limits, plain),
        opened_reader(encoding, limits, opened, UnValues::opened) {}

  CanonicalSink plain{CanonicalSink::Pixels::hashed};
  CanonicalSink opened{CanonicalSink::Pixels::skipped};
  ElementReader plain_reader;
  ElementReader opened_reader;
  bool opens = true;  ///< no UN value has turned out to be something else
};

CanonicalDigest::CanonicalDigest(std::string_view transfer_syntax, const Limits& limits)
    : state_(std::make_unique<State>(model::assumed_encoding(transfer_syntax), limits)) {}
CanonicalDigest::~CanonicalDigest() = default;
CanonicalDigest::CanonicalDigest(CanonicalDigest&&) noexcept = default;

Result<void> CanonicalDigest::feed(ByteSpan bytes) {
  LATENT_TRY_VOID(state_->plain_reader.feed(bytes));
  if (state_->opens) state_->opens = state_->opened_reader.feed(bytes).has_value();
  return {};
}

Result<CanonicalContent> CanonicalDigest::finish() {
  State& s = *state_;
  LATENT_TRY_VOID(s.plain_reader.finish());
  CanonicalContent content;
  if (s.opens && s.opened_reader.finish()) content.opened_elements = std::move(s.opened.elements());
  content.header = mark_over(s.plain.elements());
  content.pixels = mark_over(s.plain.pixels());
  content.elements = std::move(s.plain.elements());
  return content;
}

ContentComparison compare(const CanonicalContent& a, const CanonicalContent& b) {
  ContentComparison result;
  result.pixels_differ = a.pixels != b.pixels;
  if (a.header != b.header)
    result.header_differs = a.opened_elements && b.opened_elements
                                ? differing_tags(*a.opened_elements, *b.opened_elements)
                                : differing_tags(a.elements, b.elements);
  result.same = !result.pixels_differ && result.header_differs.empty();
  return result;
}

}  // namespace latent::dicom::scanner
