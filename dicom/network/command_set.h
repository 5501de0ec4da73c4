// A DIMSE command set: the elements (0000,eeee) of a message, always implicit VR little endian
// (PS3.7 6.3.1), whatever transfer syntax its context has.
//
// Values live in one buffer beside a sorted list, so that a command costs two allocations.
// Not thread safe; views that getters return die with the next setter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/model/tag.h"
#include "security/base/bytes.h"
#include "security/base/result.h"

namespace latent::dicom::network {

/// Element numbers of group 0000 (PS3.7 E.1).
namespace command {
inline constexpr std::uint16_t kGroupLength = 0x0000;
inline constexpr std::uint16_t kAffectedSopClassUid = 0x0002;
inline constexpr std::uint16_t kRequestedSopClassUid = 0x0003;
inline constexpr std::uint16_t kCommandField = 0x0100;
inline constexpr std::uint16_t kMessageId = 0x0110;
inline constexpr std::uint16_t kMessageIdBeingRespondedTo = 0x0120;
inline constexpr std::uint16_t kMoveDestination = 0x0600;
inline constexpr std::uint16_t kPriority = 0x0700;
inline constexpr std::uint16_t kCommandDataSetType = 0x0800;
inline constexpr std::uint16_t kStatus = 0x0900;
inline constexpr std::uint16_t kOffendingElement = 0x0901;
inline constexpr std::uint16_t kErrorComment = 0x0902;
inline constexpr std::uint16_t kErrorId = 0x0903;
inline constexpr std::uint16_t kAffectedSopInstanceUid = 0x1000;
inline constexpr std::uint16_t kRequestedSopInstanceUid = 0x1001;
inline constexpr std::uint16_t kEventTypeId = 0x1002;
inline constexpr std::uint16_t kAttributeIdentifierList = 0x1005;
inline constexpr std::uint16_t kActionTypeId = 0x1008;
inline constexpr std::uint16_t kNumberOfRemainingSuboperations = 0x1020;
inline constexpr std::uint16_t kNumberOfCompletedSuboperations = 0x1021;
inline constexpr std::uint16_t kNumberOfFailedSuboperations = 0x1022;
inline constexpr std::uint16_t kNumberOfWarningSuboperations = 0x1023;
inline constexpr std::uint16_t kMoveOriginatorAeTitle = 0x1030;
inline constexpr std::uint16_t kMoveOriginatorMessageId = 0x1031;

/// (0000,0800): this value says that no data set follows, every other that one does.
inline constexpr std::uint16_t kNoDataSet = 0x0101;
inline constexpr std::uint16_t kSomeDataSet = 0x0001;
}  // namespace command

class CommandSet {
 public:
  /// Reads a whole command set of at most `command_set_bytes_max`. Elements in the wrong order are
  /// put in order and a wrong group length is ignored, since old equipment sends both; an element
  /// twice, one of another group or a length beyond the end is invalid_input.
  static Result<CommandSet> parse(ByteSpan bytes);

  bool contains(std::uint16_t element) const { return find(element) != nullptr; }
  /// The value as it stands; empty span when absent.
  ByteSpan bytes(std::uint16_t element) const;
  /// Nothing when absent or not exactly 2 (4) bytes.
  std::optional<std::uint16_t> u16(std::uint16_t element) const;
  std::optional<std::uint32_t> u32(std::uint16_t element) const;
  /// Text without padding (NUL, spaces behind); nothing when absent or empty.
  std::optional<std::string_view> text(std::uint16_t element) const;
  /// The same, and only if it is a UID.
  std::optional<std::string_view> uid(std::uint16_t element) const;
  /// A list of tags (VR AT); a broken rest of fewer than 4 bytes is left out.
  std::vector<model::Tag> tags(std::uint16_t element) const;

  /// 0 when absent (no message has it).
  std::uint16_t command_field() const { return u16(command::kCommandField).value_or(0); }
  /// True for the responses: bit 15 of the command field.
  bool is_response() const { return (command_field() & 0x8000) != 0; }
  bool has_data_set() const {
    return u16(command::kCommandDataSetType).value_or(command::kNoDataSet) != command::kNoDataSet;
  }

  /// Setters replace. Values are at most 64 KiB.
  void set_u16(std::uint16_t element, std::uint16_t value);
  void set_u32(std::uint16_t element, std::uint32_t value);
  /// Padded to even length with NUL (UI) or a space (text).
  void set_uid(std::uint16_t element, std::string_view uid);
  void set_text(std::uint16_t element, std::string_view text);
  void set_tags(std::uint16_t element, const std::vector<model::Tag>& tags);
  void set_bytes(std::uint16_t element, ByteSpan value);
  void erase(std::uint16_t element);

  /// The wire form with (0000,0000) in front.
  Bytes encode() const;
  std::size_t size() const { return entries_.size(); }
  friend bool operator==(const CommandSet& a, const CommandSet& b) {
    return a.encode() == b.encode();
  }

 private:
  struct Entry {
    std::uint16_t element = 0;
    std::uint32_t offset = 0;  ///< in values_
    std::uint32_t length = 0;
  };
  const Entry* find(std::uint16_t element) const;

  std::vector<Entry> entries_;  ///< ascending, no element twice, never the group length
  Bytes values_;
};

}  // namespace latent::dicom::network
