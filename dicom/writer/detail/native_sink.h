// The sink behind NativeConverter: writes what a reader calls into the form asked for.
#pragma once

#include <string>
#include <vector>

#include "dicom/scanner/byte_order.h"
#include "dicom/scanner/element_reader.h"
#include "dicom/writer/element_writer.h"

namespace latent::dicom::writer::detail {

class NativeSink final : public scanner::ElementSink {
 public:
  explicit NativeSink(Form form) : form_(form) {}

  void on_element(const scanner::ElementHead& head) override;
  void on_value(ByteSpan piece) override;
  void on_element_end() override;
  void on_sequence(const scanner::ElementHead& head) override;
  void on_item(const scanner::ElementHead& item) override;
  void on_item_end() override;
  void on_sequence_end() override;
  void on_fragments(const scanner::ElementHead& head) override;
  void on_fragment(const scanner::ElementHead&) override {}
  void on_fragment_end() override {}
  void on_fragments_end() override {}

  /// Where the calls write to until the next set_out.
  void set_out(Bytes& out) { out_ = &out; }
  bool met_fragments() const { return met_fragments_; }
  std::vector<scanner::Note>& notes() { return notes_; }

 private:
  model::Vr chosen_vr(const scanner::ElementHead& head) const;
  void note(const scanner::ElementHead& head, std::string_view text);

  Form form_;                      ///< changes inside a UN sequence
  std::vector<Form> outer_forms_;  ///< one a sequence; bounded by the reader's depth
  Bytes* out_ = nullptr;
  scanner::ElementHead element_;
  bool skipping_ = false;
  bool reads_pixel_sign_ = false;
  bool pixels_signed_ = false;
  scanner::NumberStream numbers_;
  bool met_fragments_ = false;
  std::vector<scanner::Note> notes_;
};

}  // namespace latent::dicom::writer::detail
