#include "storage/care/verify.h"
#include "server/control/detail/verbs.h"

namespace latent::server::control::detail {
namespace {

nlohmann::json as_json(const storage::care::VerifyReport& report) {
  return {{"instances", report.instances},         {"bytes", report.bytes},
          {"findings", report.findings},           {"segments", report.segments},
          {"unowned_blobs", report.unowned_blobs}, {"unowned_bytes", report.unowned_bytes},
          {"tombstones", report.tombstones}};
}

}  // namespace

Result<nlohmann::json> verify(Conversation& conversation) {
  archive::Archive& archive = conversation.archive;
  Channel& channel = conversation.channel;
  std::stop_source gone;
  const std::stop_callback stopped(conversation.stop, [&gone] { gone.request_stop(); });
  const auto tell = [&](const nlohmann::json& object) {
    if (!channel.send_json(object)) gone.request_stop();
  };
  const storage::care::VerifyCalls calls{.on_finding =
                                             [&](const storage::care::Finding& finding) {
                                               tell({{"finding",
                                                      {{"word", finding.word},
                                                       {"segment", finding.segment},
                                                       {"offset", finding.offset},
                                                       {"blob", finding.blob},
                                                       {"text", finding.text}}}});
                                             },
                                         .on_progress =
                                             [&](const storage::care::VerifyReport& report) {
                                               tell({{"progress", as_json(report)}});
                                             }};
  LATENT_TRY(const auto report,
             storage::care::verify(archive.pool(), archive.blobs(), archive.keys(),
                                   archive.store_id(), calls, gone.get_token()));
  return as_json(report);
}

}  // namespace latent::server::control::detail
