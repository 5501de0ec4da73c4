// What the DICOM face has to be told: who we are, where we listen, whom we know, how long we wait.
// Plain values with safe defaults; server/app/config fills them from the configuration file. Who
// may do what is not said here: that is the table of security/access (caller name "dimse:<AE
// title>").
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "security/base/identifiers.h"
#include "security/base/limits.h"

namespace latent::server::dimse {

/// Another application entity.
struct PeerConfig {
  AeTitle aet = *AeTitle::parse("ANY");
  std::string host{};      ///< numeric address or name; empty: only known by its title
  std::uint16_t port = 0;  ///< where it listens; 0: it is no C-MOVE destination
  /// Its unencrypted calls from `host` are taken. Without it only calls from this machine are.
  bool plain = false;
  std::string
      assumed_character_set{};         ///< of objects and keys that name none; empty: the archive's
  std::string issuer_of_patient_id{};  ///< of objects that name none
  /// Nothing: four fifths of all, so that others find a place too.
  std::optional<std::uint32_t> associations_max{};
  std::optional<std::uint64_t> answers_max{};
  std::optional<std::chrono::milliseconds> idle_timeout{};
  std::optional<std::chrono::milliseconds> dimse_timeout{};
};

struct Config {
  AeTitle aet = *AeTitle::parse("LATENT");
  std::vector<std::string> addresses = {"127.0.0.1", "::1"};  ///< numeric, IPv4 or IPv6
  /// An address family that this machine does not have is then passed over (one must remain).
  bool addresses_are_default = true;
  std::uint16_t port = 11112;       ///< 0: any free one, see Listener::endpoints()
  bool accept_any_called = false;   ///< otherwise another called AE title is rejected 1/1/7
  bool let_local_in = true;         ///< callers from this machine need no row in `peers`
  bool private_sop_classes = true;  ///< keep objects of storage classes that no table knows
  std::string assumed_character_set{};

  std::uint32_t associations_max = 500;  ///< open at one time; beyond: A-ASSOCIATE-RJ 2/3/2
  /// Sockets, associated or not. Beyond it the oldest one that has not sent its request yet goes.
  std::uint32_t connections_max = 4000;
  std::uint64_t answers_max = 100'000;  ///< of one C-FIND, 0 = no limit; beyond: A700H, never a cut

  std::chrono::milliseconds artim_timeout{
      10'000};  ///< connect to whole A-ASSOCIATE-RQ, PS3.8 9.1.5
  std::chrono::milliseconds idle_timeout{300'000};  ///< an association between two messages
  std::chrono::milliseconds dimse_timeout{
      60'000};  ///< a message or sub-operation that stands still
  std::chrono::milliseconds connect_timeout{10'000};  ///< when we call a C-MOVE destination

  unsigned io_threads = 2;
  unsigned workers = 0;  ///< threads for what blocks (queries, reading objects); 0: 4 × cores
  Limits limits{};
  std::vector<PeerConfig> peers{};
};

}  // namespace latent::server::dimse
