#include "dicom/writer/file_meta.h"

#include <array>

#include "dicom/writer/element_writer.h"

namespace latent::dicom::writer {
namespace {

using model::Tag;
namespace vrs = model::vrs;

constexpr std::size_t kPreambleBytes = 128;
static_assert(is_uid(kImplementationClassUid));
static_assert(kImplementationVersionName.size() <= 16);  // VR SH

}  // namespace

Bytes file_head(const FileIdentity& identity) {
  Bytes meta;
  ElementWriter writer(model::Encoding::explicit_little, meta);
  constexpr std::array<std::byte, 2> kVersion = {std::byte{0}, std::byte{1}};
  writer.element(Tag{0x0002, 0x0001}, vrs::kOB, kVersion);
  writer.text(Tag{0x0002, 0x0002}, vrs::kUI, identity.sop_class);
  writer.text(Tag{0x0002, 0x0003}, vrs::kUI, identity.sop_instance);
  writer.text(Tag{0x0002, 0x0010}, vrs::kUI, identity.transfer_syntax);
  writer.text(Tag{0x0002, 0x0012}, vrs::kUI, kImplementationClassUid);
  writer.text(Tag{0x0002, 0x0013}, vrs::kSH, kImplementationVersionName);
  if (!identity.source_ae_title.empty())
    writer.text(Tag{0x0002, 0x0016}, vrs::kAE, identity.source_ae_title);

  Bytes head(kPreambleBytes);
  append(head, as_bytes("DICM"));
  ElementWriter(model::Encoding::explicit_little, head)
      .ul(Tag{0x0002, 0x0000}, static_cast<std::uint32_t>(meta.size()));
  append(head, meta);
  return head;
}

}  // namespace latent::dicom::writer
