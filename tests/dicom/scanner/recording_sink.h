// Writes what a reader calls as lines of text, so that a test compares structure at a glance.
#pragma once

#include <fmt/format.h>

#include <string>

#include "dicom/scanner/element_reader.h"

namespace latent::dicom::scanner {

class RecordingSink final : public ElementSink {
 public:
  /// One line a call: "E(0010,0010)PN d0 =4D61", items "[", "]", sequences "S(…", "s", fragments
  /// "F(…", "f=…", "x". Values in hexadecimal, as they came.
  std::string text;
  std::uint64_t value_bytes = 0;
  std::uint64_t calls = 0;
  std::uint32_t depth_max = 0;
  /// Long tests count only.
  bool silent = false;

  void on_element(const ElementHead& head) override {
    line('E', head);
    if (!silent) text += " =";
  }
  void on_value(ByteSpan piece) override {
    value_bytes += piece.size();
    if (!silent) text += to_hex(piece);
  }
  void on_element_end() override { add("\n"); }
  void on_sequence(const ElementHead& head) override {
    line('S', head);
    add("\n");
  }
  void on_item(const ElementHead& head) override {
    depth_max = std::max(depth_max, head.depth);
    add("[\n");
  }
  void on_item_end() override { add("]\n"); }
  void on_sequence_end() override { add("s\n"); }
  void on_fragments(const ElementHead& head) override {
    line('F', head);
    add("\n");
  }
  void on_fragment(const ElementHead&) override { add("f="); }
  void on_fragment_end() override { add("\n"); }
  void on_fragments_end() override { add("x\n"); }

 private:
  void add(std::string_view more) {
    ++calls;
    if (!silent) text += more;
  }
  void line(char kind, const ElementHead& head) {
    ++calls;
    if (silent) return;
    text += fmt::format("{}{}{} d{}", kind, model::to_string(head.tag),
                        std::string_view(model::text_of(head.vr)), head.depth);
  }
};

struct Reading {
  Result<void> verdict;
  std::string calls;
  std::vector<Note> notes;
  std::uint64_t bytes_read = 0;

  std::string error() const { return verdict ? std::string() : verdict.error().text; }
  bool noted(std::string_view text) const {
    for (const Note& note : notes)
      if (note.text == text) return true;
    return false;
  }
};

/// Reads `bytes` in pieces of at most `piece` bytes.
inline Reading read(ByteSpan bytes, model::Encoding encoding = model::Encoding::explicit_little,
                    std::size_t piece = ~std::size_t{0}, const Limits& limits = {},
                    UnValues un_values = UnValues::opaque) {
  RecordingSink sink;
  ElementReader reader(encoding, limits, sink, un_values);
  Reading reading{{}, {}, {}, 0};
  while (!bytes.empty() && reading.verdict) {
    const ByteSpan now = bytes.first(std::min(piece, bytes.size()));
    reading.verdict = reader.feed(now);
    bytes = bytes.subspan(now.size());
  }
  if (reading.verdict) reading.verdict = reader.finish();
  reading.calls = sink.text;
  reading.notes = reader.notes();
  reading.bytes_read = reader.bytes_read();
  return reading;
}

}  // namespace latent::dicom::scanner
