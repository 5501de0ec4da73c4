#include "retrieval/query/detail/identifier_reader.h"

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
  LATENT_TRY_VOID(reader.feed(identifier));
  LATENT_TRY_VOID(reader.finish());
  return sink.take();
}

}  // namespace latent::retrieval::query::detail
