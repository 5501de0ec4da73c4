#include "security/audit/sealed_event.h"

#include <algorithm>
#include <utility>

#include "security/audit/canonical_json.h"
#include "security/crypto/sha256.h"

namespace latent::security::audit {
namespace {

constexpr std::uint16_t kLeafVersion = 1;
constexpr std::int64_t kCoreVersion = 1;

}  // namespace

std::string core_json(const AuditEvent& event, const EventStamp& stamp) {
  CanonicalObject counts;
  for (const auto& [name, count] : event.counts) counts.integer(name, count);
  CanonicalObject core;
  core.integer("v", kCoreVersion)
      .text("id", stamp.id.hex())
      .integer("code", static_cast<int>(event.code))
      .text("action", std::string(1, static_cast<char>(event.action)))
      .integer("outcome", static_cast<int>(event.outcome))
      .integer("time_us", stamp.time_us)
      .text("node", stamp.node)
      .integer("n", static_cast<std::int64_t>(stamp.sequence))
      .text("what", event.what)
      .text("actor", event.actor)
      .object("counts", counts);
  if (event.actor_ip) {
    core.text("actor_ip", *event.actor_ip);
  } else {
    core.null("actor_ip");
  }
  return core.str();
}

std::string subject_json(const AuditEvent::Subject& subject) {
  CanonicalObject json;
  const auto text = [&](std::string_view key, const std::optional<std::string>& value) {
    if (value) json.text(key, *value);
  };
  const auto texts = [&](std::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) json.texts(key, values);
  };
  text("patient_id", subject.patient_id);
  text("patient_name", subject.patient_name);
  text("accession_number", subject.accession_number);
  text("study_uid", subject.study_uid);
  texts("series_uids", subject.series_uids);
  texts("instance_uids", subject.instance_uids);
  text("query", subject.query);
  texts("file_names", subject.file_names);
  text("detail", subject.detail);
  return json.str();
}

SealedEvent seal_event(const AuditEvent& event, EventStamp stamp, crypto::Random random) {
  SealedEvent sealed;
  sealed.core = core_json(event, stamp);
  random(sealed.core_salt);
  if (event.subject) {
    sealed.subject = subject_json(*event.subject);
    random(sealed.subject_salt.emplace());
  }
  sealed.stamp = std::move(stamp);
  return sealed;
}

Digest commitment(const Salt& salt, std::string_view json) {
  return crypto::hmac_sha256(salt, as_bytes(json));
}

Leaf leaf_of(EventCode code, const SealedEvent& event) {
  Bytes bytes;
  bytes.reserve(sizeof(Leaf));
  append_be(bytes, kLeafVersion);
  append_be(bytes, static_cast<std::uint32_t>(code));
  append_be(bytes, static_cast<std::uint64_t>(event.stamp.time_us));
  append(bytes, event.stamp.id.span());
  append(bytes, commitment(event.core_salt, event.core).span());
  append(bytes,
         event.subject ? commitment(*event.subject_salt, *event.subject).span() : Digest{}.span());
  append_be(bytes, std::uint16_t{0});
  Leaf leaf{};
  std::copy(bytes.begin(), bytes.end(), leaf.begin());
  return leaf;
}

}  // namespace latent::security::audit
