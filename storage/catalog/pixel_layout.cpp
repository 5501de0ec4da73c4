#include "storage/catalog/pixel_layout.h"

#include <algorithm>
#include <array>
#include <optional>

namespace latent::storage::catalog {
namespace {

using dicom::model::Tag;
using dicom::scanner::PixelLayout;

constexpr std::byte kVersion{1};
constexpr std::array<Tag, 3> kPixelTags = {dicom::model::tags::kPixelData,
                                           dicom::model::tags::kFloatPixelData,
                                           dicom::model::tags::kDoubleFloatPixelData};
enum FrameStarts : std::uint64_t { unknown = 0, one_fragment_each = 1, listed = 2 };

void put(Bytes& to, std::uint64_t value) {
  while (value >= 0x80) {
    to.push_back(static_cast<std::byte>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  to.push_back(static_cast<std::byte>(value));
}

/// Reads varints; once something does not fit, it stays failed and gives zeros.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}
  std::uint64_t next() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) break;
      const auto group = std::to_integer<std::uint64_t>(bytes_[at_++]);
      value |= (group & 0x7F) << shift;
      if (group < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  /// A count of things of which each takes at least one byte here, so it cannot exceed the rest.
  std::uint64_t next_count() {
    const std::uint64_t count = next();
    if (count > bytes_.size() - at_) failed_ = true;
    return failed_ ? 0 : count;
  }
  bool failed() const { return failed_; }
  bool whole() const { return !failed_ && at_ == bytes_.size(); }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

bool is_one_fragment_each(const PixelLayout& layout) {
  const auto& firsts = layout.frame_first_fragment;
  if (firsts.size() != layout.fragments.size()) return false;
  for (std::size_t i = 0; i < firsts.size(); ++i)
    if (firsts[i] != i) return false;
  return true;
}

void put_frame_starts(Bytes& to, const PixelLayout& layout) {
  const auto& firsts = layout.frame_first_fragment;
  if (firsts.empty()) return put(to, unknown);
  if (is_one_fragment_each(layout)) return put(to, one_fragment_each);
  put(to, listed);
  put(to, firsts.size());
  std::uint64_t before = 0;
  for (const std::uint32_t first : firsts) {
    put(to, first - before);  // ascending, so never negative
    before = first;
  }
}

void read_frame_starts(Reader& from, PixelLayout& layout) {
  const std::uint64_t how = from.next();
  std::uint64_t count = 0;
  if (how == one_fragment_each) count = layout.fragments.size();
  if (how == listed) count = from.next_count();
  layout.frame_first_fragment.reserve(count);
  std::uint64_t first = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    first = how == listed ? first + from.next() : i;
    layout.frame_first_fragment.push_back(static_cast<std::uint32_t>(first));
  }
}

}  // namespace

Bytes pack_pixel_layout(const PixelLayout& layout) {
  Bytes packed;
  if (layout.kind == PixelLayout::Kind::none) return packed;
  packed.push_back(kVersion);
  const bool encapsulated = layout.kind == PixelLayout::Kind::encapsulated;
  packed.push_back(std::byte{encapsulated ? std::uint8_t{2} : std::uint8_t{1}});
  const auto tag = std::ranges::find(kPixelTags, layout.tag);
  packed.push_back(static_cast<std::byte>(tag - kPixelTags.begin()));
  put(packed, layout.value_offset);
  put(packed, layout.value_bytes);
  if (!encapsulated) return packed;
  put(packed, layout.fragments.size());
  std::uint64_t end = layout.value_offset;
  for (const PixelLayout::Fragment& fragment : layout.fragments) {
    put(packed, fragment.offset - end);
    put(packed, fragment.bytes);
    end = fragment.offset + fragment.bytes;
  }
  put_frame_starts(packed, layout);
  return packed;
}

Result<PixelLayout> unpack_pixel_layout(ByteSpan packed) {
  PixelLayout layout;
  if (packed.empty()) return layout;
  const auto bad = [] {
    return fail(ErrorCode::corrupt, "the frame table of a catalog row cannot be read", "catalog");
  };
  if (packed.size() < 3 || packed[0] != kVersion) return bad();
  const auto kind = std::to_integer<unsigned>(packed[1]);
  const auto tag = std::to_integer<std::size_t>(packed[2]);
  if (kind < 1 || kind > 2 || tag >= kPixelTags.size()) return bad();
  layout.kind = kind == 2 ? PixelLayout::Kind::encapsulated : PixelLayout::Kind::native;
  layout.tag = kPixelTags[tag];
  Reader from(packed.subspan(3));
  layout.value_offset = from.next();
  layout.value_bytes = from.next();
  if (kind == 2) {
    const std::uint64_t count = from.next_count();
    layout.fragments.reserve(count);
    std::uint64_t end = layout.value_offset;
    for (std::uint64_t i = 0; i < count; ++i) {
      PixelLayout::Fragment fragment;
      fragment.offset = end + from.next();
      fragment.bytes = static_cast<std::uint32_t>(from.next());
      end = fragment.offset + fragment.bytes;
      layout.fragments.push_back(fragment);
    }
    read_frame_starts(from, layout);
  }
  if (!from.whole()) return bad();
  return layout;
}

}  // namespace latent::storage::catalog
