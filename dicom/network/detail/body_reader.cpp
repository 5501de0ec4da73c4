#include "dicom/network/detail/body_reader.h"

#include <fmt/format.h>

namespace latent::dicom::network::detail {

Result<BodyReader> BodyReader::take(std::size_t count, std::string_view what) {
  if (count > left()) {
    return fail(ErrorCode::invalid_input,
                fmt::format("{}: {} at byte {} needs {} bytes, {} are left", pdu_, what, offset(),
                            count, left()),
                "network");
  }
  BodyReader part(pdu_, bytes_.subspan(read_, count), offset());
  read_ += count;
  return part;
}

Result<std::uint8_t> BodyReader::u8(std::string_view what) {
  LATENT_TRY(BodyReader part, take(1, what));
  return std::to_integer<std::uint8_t>(part.bytes_[0]);
}
Result<std::uint16_t> BodyReader::u16(std::string_view what) {
  LATENT_TRY(BodyReader part, take(2, what));
  return load_be<std::uint16_t>(part.bytes_);
}
Result<std::uint32_t> BodyReader::u32(std::string_view what) {
  LATENT_TRY(BodyReader part, take(4, what));
  return load_be<std::uint32_t>(part.bytes_);
}
Result<BodyReader> BodyReader::counted(std::string_view what) {
  LATENT_TRY(const std::uint16_t count, u16(what));
  return take(count, what);
}

ByteSpan BodyReader::rest() {
  const ByteSpan bytes = bytes_.subspan(read_);
  read_ = bytes_.size();
  return bytes;
}

Result<Item> next_item(BodyReader& reader) {
  LATENT_TRY(BodyReader head, reader.take(2, "item header"));
  const std::uint8_t type = std::to_integer<std::uint8_t>(head.rest()[0]);
  LATENT_TRY(BodyReader value, reader.counted(fmt::format("item {:02X}H", type)));
  return Item{type, value};
}

}  // namespace latent::dicom::network::detail
