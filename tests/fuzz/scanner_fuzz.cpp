// Arbitrary bytes to everything that reads data sets. The first byte chooses what reads them (low
// four bits) and how they are cut into pieces (high four bits); the rest is the input.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/attribute_set.h"
#include "dicom/scanner/canonical.h"
#include "dicom/scanner/dataset_index.h"
#include "dicom/scanner/element_reader.h"
#include "dicom/scanner/part10.h"
#include "dicom/writer/convert_native.h"
#include "tests/fuzz/fuzz_check.h"

using namespace latent;
using namespace latent::dicom;
using namespace latent::dicom::scanner;
using latent::fuzz::fuzz_check;

namespace {

namespace syntaxes = model::transfer_syntaxes;

/// Small bounds, so that the fuzzer meets them.
Limits small_limits() {
  Limits limits;
  limits.sequence_depth_max = 8;
  limits.elements_max = 20'000;
  limits.sequence_items_max = 1'000;
  limits.value_held_bytes_max = 4'096;
  limits.inflated_bytes_max = 1u << 20;
  limits.head_bytes_max = 8'192;
  return limits;
}

/// Checks what element_reader.h promises of the calls, and hashes them.
class CheckingSink final : public ElementSink {
 public:
  void on_element(const ElementHead& head) override {
    fuzz_check(!in_value_ && (levels_.empty() || levels_.back() == 'i'), "elements stand in items");
    begin_value(head);
  }
  void on_value(ByteSpan piece) override {
    fuzz_check(in_value_, "values belong to an element or fragment");
    fuzz_check(!piece.empty() && piece.size() <= left_, "a value is as long as its head says");
    left_ -= piece.size();
    for (const std::byte one : piece) mix(std::to_integer<unsigned>(one));
  }
  void on_element_end() override { end_value(); }
  void on_sequence(const ElementHead& head) override {
    fuzz_check(!in_value_ && (levels_.empty() || levels_.back() == 'i'),
               "sequences stand in items");
    fuzz_check(head.depth == sequences_, "depth counts sequences");
    open('s');
    fuzz_check(++sequences_ <= small_limits().sequence_depth_max, "depth is bounded");
  }
  void on_item(const ElementHead& head) override {
    fuzz_check(!levels_.empty() && levels_.back() == 's', "items stand in sequences");
    fuzz_check(head.depth == sequences_, "an item lies one deeper than its sequence");
    open('i');
  }
  void on_item_end() override { close('i'); }
  void on_sequence_end() override {
    close('s');
    --sequences_;
  }
  void on_fragments(const ElementHead&) override { open('f'); }
  void on_fragment(const ElementHead& item) override {
    fuzz_check(!levels_.empty() && levels_.back() == 'f', "fragments stand in fragments");
    begin_value(item);
  }
  void on_fragment_end() override { end_value(); }
  void on_fragments_end() override { close('f'); }

  bool is_balanced() const { return levels_.empty() && !in_value_; }
  std::uint64_t hash() const { return hash_; }

 private:
  void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001B3; }
  void begin_value(const ElementHead& head) {
    fuzz_check(!in_value_, "values do not nest");
    fuzz_check(head.length != kUndefinedLength, "a value has a length");
    in_value_ = true;
    left_ = head.length;
    mix(head.tag.value());
    mix(head.length);
  }
  void end_value() {
    fuzz_check(in_value_ && left_ == 0, "a value ends when all of it came");
    in_value_ = false;
  }
  void open(char kind) {
    levels_.push_back(kind);
    mix(static_cast<unsigned char>(kind));
  }
  void close(char kind) {
    fuzz_check(!in_value_ && !levels_.empty() && levels_.back() == kind, "calls are balanced");
    levels_.pop_back();
    mix(0x100);
  }

  std::vector<char> levels_;
  std::uint32_t sequences_ = 0;
  bool in_value_ = false;
  std::uint64_t left_ = 0;
  std::uint64_t hash_ = 0xCBF29CE484222325;
};

template <class Feed>
Result<void> in_pieces(ByteSpan bytes, std::size_t piece, Feed&& feed) {
  while (!bytes.empty()) {
    const ByteSpan now = bytes.first(std::min(piece, bytes.size()));
    LATENT_TRY_VOID(feed(now));
    bytes = bytes.subspan(now.size());
  }
  return {};
}

struct Seen {
  bool accepted = false;
  std::uint64_t hash = 0;
  std::uint64_t bytes = 0;
  std::size_t notes = 0;
};
Seen read(ByteSpan bytes, model::Encoding encoding, UnValues un_values, std::size_t piece) {
  CheckingSink sink;
  ElementReader reader(encoding, small_limits(), sink, un_values);
  auto verdict = in_pieces(bytes, piece, [&](ByteSpan now) { return reader.feed(now); });
  if (verdict) verdict = reader.finish();
  if (verdict)
    fuzz_check(sink.is_balanced(), "an accepted data set is balanced");
  else
    fuzz_check(!verdict.error().text.empty(), "a refusal has a sentence");
  return {verdict.has_value(), sink.hash(), reader.bytes_read(), reader.notes().size()};
}

void read_twice(ByteSpan bytes, model::Encoding encoding, UnValues un_values, std::size_t piece) {
  const Seen whole = read(bytes, encoding, un_values, bytes.size());
  const Seen split = read(bytes, encoding, un_values, piece);
  fuzz_check(whole.accepted == split.accepted, "the verdict does not depend on the pieces");
  if (!whole.accepted) return;
  fuzz_check(whole.hash == split.hash, "the calls do not depend on the pieces");
  fuzz_check(whole.bytes == split.bytes, "the count does not depend on the pieces");
  fuzz_check(whole.notes == split.notes, "the notes do not depend on the pieces");
}

void play_set(ByteSpan set) {
  CheckingSink sink;
  const auto played = read_attribute_set(set, small_limits(), sink,
                                         [](const ElementHead&, const BulkReference&) {});
  fuzz_check(played ? sink.is_balanced() : played.error().code == ErrorCode::corrupt,
             "a set plays back whole or is corrupt");
}

void index(ByteSpan bytes, std::string_view syntax, std::size_t piece) {
  static constexpr std::array<model::Tag, 4> kWanted = {
      model::Tag{0x0008, 0x0018}, model::Tag{0x0008, 0x1140}, model::Tag{0x0010, 0x0010},
      model::Tag{0x0040, 0xA043}};
  DatasetScanner scanner(syntax, small_limits(), kWanted);
  if (!in_pieces(bytes, piece, [&](ByteSpan now) { return scanner.feed(now); })) return;
  const auto study = scanner.study();
  const auto index = scanner.finish();
  if (!index) return;
  fuzz_check(study && *study && **study == index->study, "the study is known before the end");
  play_set(index->attribute_set);
  for (std::size_t frame = 0; frame < index->pixels.frame_first_fragment.size(); ++frame)
    fuzz_check(index->pixels.frame_first_fragment[frame] < index->pixels.fragments.size(),
               "a frame begins at a fragment");
  for (const auto& fragment : index->pixels.fragments)
    fuzz_check(fragment.offset + fragment.bytes <= index->dataset_bytes, "fragments lie inside");
}

void convert(ByteSpan bytes, std::string_view from, std::string_view to, std::size_t piece) {
  const auto run = [&](std::size_t size, Bytes& out) -> Result<void> {
    writer::NativeConverter converter(from, to, small_limits());
    LATENT_TRY_VOID(in_pieces(bytes, size, [&](ByteSpan now) { return converter.feed(now, out); }));
    return converter.finish(out);
  };
  Bytes whole, split;
  const bool converts = run(bytes.size(), whole).has_value();
  fuzz_check(converts == run(piece, split).has_value(), "a rewrite does not depend on the pieces");
  if (converts && to != syntaxes::kDeflated)
    fuzz_check(whole == split, "what is written does not depend on the pieces");
}

void read_file(ByteSpan bytes, std::size_t piece) {
  Part10Reader reader(small_limits());
  bool done = false;
  const auto fed = in_pieces(bytes, piece, [&](ByteSpan now) -> Result<void> {
    LATENT_TRY(done, reader.feed(now));
    return {};
  });
  if (!fed || !reader.finish()) return;
  fuzz_check(!reader.meta().transfer_syntax.empty(), "a head names or shows a transfer syntax");
  fuzz_check(reader.meta().data_set_offset <= bytes.size(), "the data set lies inside");
  index(reader.rest(), reader.meta().transfer_syntax, piece);
}

void digest(ByteSpan bytes, std::string_view syntax, std::size_t piece) {
  const auto content = [&](std::size_t size) -> Result<CanonicalContent> {
    CanonicalDigest made(syntax, small_limits());
    LATENT_TRY_VOID(in_pieces(bytes, size, [&](ByteSpan now) { return made.feed(now); }));
    return made.finish();
  };
  const auto whole = content(bytes.size());
  const auto split = content(piece);
  fuzz_check(whole.has_value() == split.has_value(), "a digest does not depend on the pieces");
  if (whole) fuzz_check(compare(*whole, *split).same, "an object has its own content");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const std::size_t piece = 1 + (data[0] >> 4);
  using model::Encoding;
  switch (data[0] & 0x0F) {
    case 0:
      read_twice(bytes, Encoding::explicit_little, UnValues::opaque, piece);
      break;
    case 1:
      read_twice(bytes, Encoding::implicit_little, UnValues::opaque, piece);
      break;
    case 2:
      read_twice(bytes, Encoding::explicit_big, UnValues::opaque, piece);
      break;
    case 3:
      read_twice(bytes, Encoding::deflated_explicit_little, UnValues::opaque, piece);
      break;
    case 4:
      read_twice(bytes, Encoding::explicit_little, UnValues::opened, piece);
      break;
    case 5:
      read_twice(bytes, Encoding::implicit_little, UnValues::opened, piece);
      break;
    case 6:
      index(bytes, syntaxes::kExplicitLittle, piece);
      break;
    case 7:
      index(bytes, syntaxes::kImplicitLittle, piece);
      break;
    case 8:
      index(bytes, "1.2.840.10008.1.2.4.50", piece);
      break;
    case 9:
      play_set(bytes);
      break;
    case 10:
      convert(bytes, syntaxes::kExplicitLittle, syntaxes::kImplicitLittle, piece);
      break;
    case 11:
      convert(bytes, syntaxes::kImplicitLittle, syntaxes::kExplicitBig, piece);
      break;
    case 12:
      convert(bytes, syntaxes::kExplicitBig, syntaxes::kDeflated, piece);
      break;
    case 13:
      read_file(bytes, piece);
      break;
    case 14:
      digest(bytes, syntaxes::kExplicitLittle, piece);
      break;
    default:
      digest(bytes, syntaxes::kImplicitLittle, piece);
      break;
  }
  return 0;
}
