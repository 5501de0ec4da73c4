#include "dicom/scanner/part10.h"

#include <fmt/format.h>

#include <array>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/detail/element_head.h"

namespace latent::dicom::scanner {
namespace {

using detail::DecodedHead;
using detail::Syntax;
using model::Tag;
namespace tags = model::tags;
namespace syntaxes = model::transfer_syntaxes;

constexpr std::size_t kPreambleBytes = 128;
constexpr std::string_view kMagic = "DICM";
constexpr std::size_t kGuessBytes = 12;  ///< what must be there before anything is decided

constexpr Tag kMetaGroupLength{0x0002, 0x0000};
constexpr Tag kMediaStorageSopClassUid{0x0002, 0x0002};
constexpr Tag kMediaStorageSopInstanceUid{0x0002, 0x0003};
constexpr Tag kImplementationClassUid{0x0002, 0x0012};
constexpr Tag kImplementationVersionName{0x0002, 0x0013};
constexpr Tag kSourceApplicationEntityTitle{0x0002, 0x0016};

tl::unexpected<Error> bad(std::string text) {
  return fail(ErrorCode::invalid_input, std::move(text), "part10");
}

bool stands_at(ByteSpan bytes, std::size_t at, std::string_view word) {
  return bytes.size() >= at + word.size() && as_text(bytes.subspan(at, word.size())) == word;
}

std::string text_without_padding(ByteSpan value) {
  std::string_view text = as_text(value);
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.remove_suffix(1);
  return std::string(text);
}

/// Reads group 0002 element by element up to the first element of another group; the group length
/// is only compared, because it lies too often to steer by.
class MetaWalk {
 public:
  MetaWalk(ByteSpan head, std::size_t begin, FileMeta& meta)
      : head_(head), at_(begin), meta_(meta) {}

  /// True: the data set begins at `position()`. False: more bytes are needed.
  Result<bool> walk(bool at_end) {
    while (true) {
      const ByteSpan rest = head_.subspan(at_);
      if (rest.size() < detail::kHeadBytesMin) return at_end ? ends(rest) : Result<bool>(false);
      if (load_le<std::uint16_t>(rest) != 0x0002) return ends(rest);
      const DecodedHead head = detail::decode_head(rest, Syntax{});
      if (head.status == DecodedHead::Status::bad)
        return bad(fmt::format("file meta information: no element stands at byte {}", at_));
      const bool cut = head.status == DecodedHead::Status::need_more ||
                       rest.size() - head.head_bytes < head.length;
      if (cut && !at_end) return false;
      if (cut)
        return bad(fmt::format("cut: the file ends inside its file meta information, in {}",
                               model::to_string(head.tag)));
      take(head, rest.subspan(head.head_bytes, head.length));
      at_ += head.head_bytes + head.length;
    }
  }
  std::size_t position() const { return at_; }

 private:
  Result<bool> ends(ByteSpan rest) {
    if (rest.empty() && !any_) return bad("a preamble and nothing behind it");
    if (rest.size() >= 2 && load_le<std::uint16_t>(rest) == 0x0002)
      return bad(fmt::format("cut: the file ends inside its file meta information, at byte {}",
                             at_ + rest.size()));
    if (claimed_end_ && *claimed_end_ != at_) note(kMetaGroupLength, "group length is wrong");
    if (any_ && !claimed_end_) note(kMetaGroupLength, "group length is missing");
    return true;
  }

  void take(const DecodedHead& head, ByteSpan value) {
    any_ = true;
    if (head.note) note(head.tag, head.note);
    if (head.length % 2 != 0) note(head.tag, "odd length");
    if (head.tag == kMetaGroupLength && value.size() == 4)
      claimed_end_ = at_ + head.head_bytes + 4 + std::uint64_t{load_le<std::uint32_t>(value)};
    if (head.tag == kMediaStorageSopClassUid) meta_.sop_class = text_without_padding(value);
    if (head.tag == kMediaStorageSopInstanceUid) meta_.sop_instance = text_without_padding(value);
    if (head.tag == tags::kTransferSyntaxUid) meta_.transfer_syntax = text_without_padding(value);
    if (head.tag == kImplementationClassUid)
      meta_.implementation_class = text_without_padding(value);
    if (head.tag == kImplementationVersionName)
      meta_.implementation_version = text_without_padding(value);
    if (head.tag == kSourceApplicationEntityTitle)
      meta_.source_ae_title = text_without_padding(value);
  }

  void note(Tag tag, std::string_view text) {
    constexpr std::size_t kNotesMax = 16;
    if (meta_.notes.size() < kNotesMax) meta_.notes.push_back({tag, at_, std::string(text)});
  }

  ByteSpan head_;
  std::size_t at_;
  FileMeta& meta_;
  bool any_ = false;
  std::optional<std::uint64_t> claimed_end_;
};

/// The native transfer syntax in which `bytes` begin with a sure element; empty when none.
std::string_view guessed_syntax(ByteSpan bytes) {
  struct Guess {
    Syntax syntax;
    std::string_view uid;
  };
  constexpr std::array<Guess, 3> kGuesses = {Guess{{true, false}, syntaxes::kExplicitLittle},
                                             Guess{{false, false}, syntaxes::kImplicitLittle},
                                             Guess{{true, true}, syntaxes::kExplicitBig}};
  for (const Guess& guess : kGuesses)
    if (detail::is_certain_head(bytes, guess.syntax)) return guess.uid;
  return {};
}

/// A data set without any head begins in group 0004 (directory) or 0008, with a short value: strict
/// enough that pages, pictures and random bytes are not taken for one.
bool begins_bare_data_set(ByteSpan bytes) {
  const std::string_view uid = guessed_syntax(bytes);
  if (uid.empty()) return false;
  const bool big = uid == syntaxes::kExplicitBig;
  const std::uint16_t group = big ? load_be<std::uint16_t>(bytes) : load_le<std::uint16_t>(bytes);
  return group == 0x0004 || group == 0x0008;
}

bool begins_meta(ByteSpan bytes) {
  return load_le<std::uint16_t>(bytes) == 0x0002 &&
         (detail::is_certain_head(bytes, Syntax{true, false}) ||
          detail::is_certain_head(bytes, Syntax{false, false}));
}

}  // namespace

Part10Reader::Part10Reader(const Limits& limits) : limits_(limits) {}

ByteSpan Part10Reader::rest() const {
  const auto at = static_cast<std::size_t>(meta_.data_set_offset);
  return at <= head_.size() ? ByteSpan(head_).subspan(at) : ByteSpan();
}

Result<bool> Part10Reader::feed(ByteSpan bytes) {
  append(head_, bytes);
  if (complete_) return true;
  LATENT_TRY(const bool done, advance(false));
  if (!done && head_.size() > limits_.head_bytes_max)
    return fail(ErrorCode::exhausted,
                fmt::format("the file meta information is longer than head_bytes_max, {} bytes",
                            limits_.head_bytes_max),
                "part10");
  return done;
}

Result<void> Part10Reader::finish() {
  if (complete_) return {};
  LATENT_TRY(const bool done, advance(true));
  return done ? Result<void>() : bad("cut: the file ends inside its head");
}

Result<bool> Part10Reader::advance(bool at_end) {
  const ByteSpan head(head_);
  meta_ = {};
  std::size_t begin = 0;
  bool has_meta = true;
  const bool enough_to_guess = head.size() >= kGuessBytes;
  // The letters at byte 128 prove little when an element stands at byte 0: values hold any letters.
  const bool bare = enough_to_guess && begins_bare_data_set(head);
  if (stands_at(head, kPreambleBytes, kMagic) && !bare) {
    begin = kPreambleBytes + kMagic.size();
  } else if (stands_at(head, 0, kMagic)) {
    begin = kMagic.size();
    meta_.notes.push_back({{}, 0, "no preamble"});
  } else if (enough_to_guess && (bare || begins_meta(head))) {
    has_meta = begins_meta(head);
    meta_.notes.push_back({{}, 0, has_meta ? "no preamble" : "no file meta information"});
  } else if (at_end || head.size() >= kPreambleBytes + kMagic.size()) {
    return bad("not a DICOM file: neither \"DICM\" nor a data set stands at its begin");
  } else {
    return false;
  }
  if (has_meta) {
    MetaWalk walk(head, begin, meta_);
    LATENT_TRY(const bool whole, walk.walk(at_end));
    if (!whole) return false;
    begin = walk.position();
  }
  const ByteSpan data_set = head.subspan(begin);
  if (data_set.size() < detail::kHeadBytesMin && !at_end) return false;
  if (meta_.transfer_syntax.empty()) {
    meta_.transfer_syntax_guessed = true;
    const auto guess = guessed_syntax(data_set);
    meta_.transfer_syntax = guess.empty() ? syntaxes::kImplicitLittle : guess;
    if (has_meta)
      meta_.notes.push_back({tags::kTransferSyntaxUid, begin, "transfer syntax is missing"});
  }
  meta_.is_directory = meta_.sop_class == model::sop_classes::kMediaStorageDirectory;
  meta_.data_set_offset = begin;
  complete_ = true;
  return true;
}

}  // namespace latent::dicom::scanner
