// The DIMSE messages (PS3.7 chapters 9 and 10) as a table, with builders and readers for those
// that the archive speaks. A message here is its command set; data sets travel beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/network/command_set.h"
#include "dicom/network/status.h"
#include "security/base/identifiers.h"

namespace latent::dicom::network {

/// Command Field (0000,0100), PS3.7 E.1.
enum class CommandField : std::uint16_t {
  c_store_rq = 0x0001,
  c_store_rsp = 0x8001,
  c_get_rq = 0x0010,
  c_get_rsp = 0x8010,
  c_find_rq = 0x0020,
  c_find_rsp = 0x8020,
  c_move_rq = 0x0021,
  c_move_rsp = 0x8021,
  c_echo_rq = 0x0030,
  c_echo_rsp = 0x8030,
  n_event_report_rq = 0x0100,
  n_event_report_rsp = 0x8100,
  n_get_rq = 0x0110,
  n_get_rsp = 0x8110,
  n_set_rq = 0x0120,
  n_set_rsp = 0x8120,
  n_action_rq = 0x0130,
  n_action_rsp = 0x8130,
  n_create_rq = 0x0140,
  n_create_rsp = 0x8140,
  n_delete_rq = 0x0150,
  n_delete_rsp = 0x8150,
  c_cancel_rq = 0x0FFF,
};

enum class DataSetRule { forbidden, required, optional };

struct MessageRule {
  CommandField field{};
  std::string_view name;                    ///< "C-STORE-RQ"
  std::string_view section;                 ///< "PS3.7 9.3.1.1"
  std::span<const std::uint16_t> required;  ///< elements, besides field and data set type
  DataSetRule data_set = DataSetRule::forbidden;
};

std::span<const MessageRule> all_messages();
/// Null when the standard has no such message.
const MessageRule* find_message(std::uint16_t command_field);

/// What is wrong with a command, ready for an answer.
struct Fault {
  Status status = status::kProcessingFailure;
  std::vector<model::Tag> offending{};
  std::string comment{};  ///< for (0000,0902); no value of the peer in it
};
/// Checks an incoming command against the table: 0211H for an unknown operation, 0212H for a
/// required element that is missing or not of its type, or a data set where none may be (or none
/// where one must be).
std::optional<Fault> check(const CommandSet& command);

enum class Priority : std::uint16_t { medium = 0, high = 1, low = 2 };

// Requests. `from` expects a command that passed check(); it fails with invalid_input otherwise.
// `to_command` leaves (0000,0800) to Association::send_command.

struct CStoreRq {
  std::uint16_t message_id = 0;
  std::string sop_class{};
  std::string sop_instance{};
  Priority priority = Priority::medium;
  std::optional<AeTitle> move_originator{};  ///< of the C-MOVE that causes this store
  std::optional<std::uint16_t> move_message_id{};

  static Result<CStoreRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct CFindRq {
  std::uint16_t message_id = 0;
  std::string sop_class{};
  Priority priority = Priority::medium;

  static Result<CFindRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct CGetRq {
  std::uint16_t message_id = 0;
  std::string sop_class{};
  Priority priority = Priority::medium;

  static Result<CGetRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct CMoveRq {
  std::uint16_t message_id = 0;
  std::string sop_class{};
  /// As sent, at most 16 characters: what cannot be an AE title is an unknown destination, A801H.
  std::string destination{};
  Priority priority = Priority::medium;

  static Result<CMoveRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct CEchoRq {
  std::uint16_t message_id = 0;

  static Result<CEchoRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct CCancelRq {
  std::uint16_t message_id = 0;  ///< of the request to be cancelled

  static Result<CCancelRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct NActionRq {
  std::uint16_t message_id = 0;
  std::string sop_class{};
  std::string sop_instance{};
  std::uint16_t action_type = 0;

  static Result<NActionRq> from(const CommandSet& command);
  CommandSet to_command() const;
};
struct NEventReportRq {
  std::uint16_t message_id = 0;
  std::string sop_class{};
  std::string sop_instance{};
  std::uint16_t event_type = 0;

  static Result<NEventReportRq> from(const CommandSet& command);
  CommandSet to_command() const;
};

/// (0000,1020)–(0000,1023). `remaining` is sent with Pending and Cancel only (PS3.7 9.1.4.1.7).
struct SuboperationCounters {
  std::uint16_t remaining = 0;
  std::uint16_t completed = 0;
  std::uint16_t failed = 0;
  std::uint16_t warning = 0;
  friend bool operator==(const SuboperationCounters&, const SuboperationCounters&) = default;
};
struct Answer {
  Status status = status::kSuccess;
  std::string comment{};  ///< cut to 64 printable ASCII characters, VR LO
  std::vector<model::Tag> offending{};
  std::optional<SuboperationCounters> counters{};
};
/// The response to `request`: command field with bit 15, message ID, and what the table wants
/// repeated (SOP class and instance as Affected …, action or event type).
CommandSet respond_to(const CommandSet& request, const Answer& answer);
inline CommandSet respond_to(const CommandSet& request, const Fault& fault) {
  return respond_to(request, Answer{fault.status, fault.comment, fault.offending, std::nullopt});
}

/// A response read.
struct Response {
  std::uint16_t message_id = 0;  ///< of the request
  Answer answer{};

  static Result<Response> from(const CommandSet& command);
};

}  // namespace latent::dicom::network
