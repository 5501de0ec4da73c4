#include "retrieval/query/detail/identifier_reader.h"

#include <algorithm>

#include "dicom/model/transfer_syntaxes.h"
#include "dicom/scanner/byte_order.h"
#include "dicom/scanner/element_reader.h"

namespace latent::retrieval::query::detail {
namespace {

using dicom::scanner::ElementHead;

class KeySink final : public dicom::scanner::ElementSink {
 public:
  void on_element(const ElementHead& head) override {
    taking_ = begin(head);
    big_endian_ = head.big_endian;
  }
  void on_value(ByteSpan piece) override {
    if (taking_) append(keys_.back().value, piece);
  }
  void on_element_end() override {
    if (taking_ && big_endian_)
      dicom::scanner::swap_numbers(keys_.back().value, dicom::model::swap_unit(keys_.back().vr));
    taking_ = false;
  }
  void on_sequence(const ElementHead& head) override {
    if (begin(head)) keys_.back().is_sequence = true;
    if (head.depth == 0) sequence_ = head.tag;
  }
  void on_item(const ElementHead&) override {}
  void on_item_end() override {}
  void on_sequence_end() override {}
  void on_fragments(const ElementHead& head) override { begin(head); }
  void on_fragment(const ElementHead&) override {}
  void on_fragment_end() override {}
  void on_fragments_end() override {}

  std::vector<RawKey> take() { return std::move(keys_); }

 private:
  bool begin(const ElementHead& head) {
    if (head.depth > 1 || head.tag.is_group_length()) return false;
    keys_.push_back({.tag = head.tag, .vr = head.vr});
    if (head.depth == 1) keys_.back().sequence = sequence_;
    return true;
  }

  std::vector<RawKey> keys_;
  dicom::model::Tag sequence_;
  bool taking_ = false;
  bool big_endian_ = false;
};

/// PS3.5 7.1: an element stands once in its data set, and the sequence of a query has one item
/// (PS3.4 C.2.2.2.6). Taking one of several would answer another question than was asked, and
/// taking all would let a peer make the SQL as long as it likes.
Result<void> check_single(const std::vector<RawKey>& keys) {
  std::vector<std::pair<std::optional<dicom::model::Tag>, dicom::model::Tag>> places;
  places.reserve(keys.size());
  for (const RawKey& key : keys) places.emplace_back(key.sequence, key.tag);
  std::ranges::sort(places);
  const auto twice = std::ranges::adjacent_find(places);
  if (twice == places.end()) return {};
  return fail(ErrorCode::invalid_input,
              "the key " + dicom::model::to_string(twice->second) + " stands more than once",
              "query");
}

}  // namespace

Result<std::vector<RawKey>> read_identifier(ByteSpan identifier, std::string_view transfer_syntax,
                                            const Limits& limits) {
  if (identifier.size() > limits.identifier_bytes_max)
    return fail(
        ErrorCode::invalid_input,
        "the identifier is longer than " + std::to_string(limits.identifier_bytes_max) + " bytes",
        "query");
  Limits tighter = limits;
  tighter.inflated_bytes_max = limits.identifier_bytes_max;
  KeySink sink;
  dicom::scanner::ElementReader reader(dicom::model::assumed_encoding(transfer_syntax), tighter,
                                       sink);
  const auto read = [&]() -> Result<void> {
    LATENT_TRY_VOID(reader.feed(identifier));
    return reader.finish();
  }();
  // Whatever limit it breaks, sending it again would not help.
  if (!read) return fail(ErrorCode::invalid_input, read.error().text, "query");
  auto keys = sink.take();
  LATENT_TRY_VOID(check_single(keys));
  return keys;
}

}  // namespace latent::retrieval::query::detail
