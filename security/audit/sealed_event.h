// An AuditEvent as it is kept: two canonical JSON texts, each hidden behind a salted commitment,
// and the leaf that stands for them in the tree (formats.md §5). `core` names no patient; `subject`
// holds all that does, and may be erased later without breaking the tree.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "security/audit/event.h"
#include "security/base/bytes.h"
#include "security/base/clock.h"
#include "security/base/identifiers.h"
#include "security/crypto/secret.h"

namespace latent::security::audit {

using Salt = std::array<std::byte, 32>;
using Leaf = std::array<std::byte, 96>;

/// Where and when an event happened, beside what it says of itself.
struct EventStamp {
  EventId id = {};
  TimeUs time_us = 0;
  std::string node;            ///< the process, 8 hexadecimal digits
  std::uint64_t sequence = 0;  ///< of this node, from 0; a gap hints at a lost or rolled-back event
};

struct SealedEvent {
  EventStamp stamp;
  std::string core;
  Salt core_salt = {};
  std::optional<std::string> subject;
  std::optional<Salt> subject_salt;  ///< exactly when there is a subject
};

/// The JSON texts alone. Keys of core: action actor actor_ip code counts id n node outcome time_us
/// v what. Keys of subject: those of AuditEvent::Subject that hold something.
std::string core_json(const AuditEvent& event, const EventStamp& stamp);
std::string subject_json(const AuditEvent::Subject& subject);

SealedEvent seal_event(const AuditEvent& event, EventStamp stamp,
                       crypto::Random random = crypto::random_bytes);

/// HMAC-SHA256(salt, JSON).
Digest commitment(const Salt& salt, std::string_view json);

/// 96 bytes, big-endian: u16 version 1, u32 code, u64 time_us, id, commitment of core, commitment
/// of subject (zeros without one), u16 0.
Leaf leaf_of(EventCode code, const SealedEvent& event);

}  // namespace latent::security::audit
