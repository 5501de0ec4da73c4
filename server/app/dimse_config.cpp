#include "server/app/dimse_config.h"

#include <algorithm>

#include "security/base/log.h"

namespace latent::server::app {
namespace {

dimse::PeerConfig peer_config(const settings::Peer& peer) {
  dimse::PeerConfig known;
  known.aet = peer.aet;
  if (peer.address) {
    known.host = peer.address->host;
    known.port = peer.address->port;
  }
  known.plain = peer.plain;
  known.assumed_character_set = peer.assumed_character_set;
  known.issuer_of_patient_id = peer.issuer_of_patient_id;
  known.associations_max = peer.associations_max;
  known.answers_max = peer.answers_max;
  known.idle_timeout = peer.idle_timeout;
  known.dimse_timeout = peer.dimse_timeout;
  return known;
}

/// Half of the descriptors, or 512, are for files, the database and C-MOVE destinations. So who
/// comes too many is told so (A-ASSOCIATE-RJ 2/3/2) instead of waiting for an accept() that fails.
void limit_to(std::uint64_t descriptors, dimse::Config& face) {
  const std::uint64_t left = descriptors - std::min<std::uint64_t>(descriptors / 2, 512);
  if (left >= face.connections_max) return;
  face.connections_max = static_cast<std::uint32_t>(std::max<std::uint64_t>(left, 8));
  const std::uint32_t associations_max = face.connections_max - face.connections_max / 4;
  if (associations_max >= face.associations_max) return;
  log::warn("fewer associations at a time than configured: the process may open too few files",
            "associations_max", associations_max, "configured", face.associations_max,
            "open_files_max", descriptors);
  face.associations_max = associations_max;
}

}  // namespace

dimse::Config dimse_config(const settings::Config& config, std::uint64_t descriptors) {
  dimse::Config face;
  face.aet = config.dimse.aet;
  face.addresses = config.dimse.listener.addresses;
  face.addresses_are_default = config.dimse.listener.addresses_are_default;
  face.port = config.dimse.listener.port;
  face.accept_any_called = !config.dimse.check_called_aet;
  face.private_sop_classes = config.store.private_sop_classes;
  face.assumed_character_set = config.store.assumed_character_set;
  face.associations_max = config.dimse.associations_max;
  face.answers_max = config.query.answers_max;
  face.artim_timeout = config.dimse.artim_timeout;
  face.idle_timeout = config.dimse.idle_timeout;
  face.dimse_timeout = config.dimse.dimse_timeout;
  face.connect_timeout = config.dimse.connect_timeout;
  face.limits = config.limits;
  for (const settings::Peer& peer : config.peers) face.peers.push_back(peer_config(peer));
  limit_to(descriptors, face);
  return face;
}

}  // namespace latent::server::app
