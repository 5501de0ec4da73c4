#include <algorithm>

#include "security/base/log.h"
#include "server/control/detail/verbs.h"

namespace latent::server::control::detail {
namespace {

using retrieval::instances::Form;
using retrieval::instances::RetrieveCounts;
using retrieval::instances::StoredInstance;

nlohmann::json describe(const StoredInstance& instance) {
  return {{"study", instance.study.text()},
          {"series", instance.series.text()},
          {"instance", instance.sop_instance.text()},
          {"sop_class", instance.sop_class.text()},
          {"transfer_syntax", instance.transfer_syntax.text()}};
}

/// Sends one whole file. Errors: cancelled when the client is gone; what is wrong with the object
/// itself is told to the client, which then drops what it has of it.
Result<void> send_file(Conversation& conversation, const StoredInstance& instance,
                       RetrieveCounts& counts) {
  Channel& channel = conversation.channel;
  const auto tell_failure = [&](const Error& error) {
    ++counts.failed;
    log::error("an instance could not be exported", "blob", instance.blob.hex(), "error",
               error.text);
    return channel.send_json(
        {{"failed", {{"instance", instance.sop_instance.text()}, {"text", error.text}}}});
  };
  const Form form = conversation.request.value("verbatim", false) ? Form::verbatim : Form::part10;
  auto stream =
      conversation.archive.retrieve().open(instance, instance.transfer_syntax.text(), form);
  if (!stream) return tell_failure(stream.error());
  LATENT_TRY_VOID(channel.send_json({{"file", describe(instance)}}));
  Bytes piece;
  while (true) {
    piece.clear();
    const auto more = (*stream)->next(piece);
    if (!more) return tell_failure(more.error());
    if (!*more) break;
    counts.bytes += piece.size();
    LATENT_TRY_VOID(channel.send_data(piece));
  }
  ++counts.completed;
  return channel.send_end();
}

}  // namespace

Result<nlohmann::json> export_instances(Conversation& conversation) {
  const nlohmann::json& request = conversation.request;
  retrieval::instances::Selection selection;
  if (std::string id = text_member(request, "patient_id"); !id.empty())
    selection.patient_id = std::move(id);
  LATENT_TRY(selection.studies, uid_list<StudyUid>(request, "studies"));
  LATENT_TRY(selection.series, uid_list<SeriesUid>(request, "series"));
  LATENT_TRY(selection.instances, uid_list<InstanceUid>(request, "instances"));
  const auto& retrieve = conversation.archive.retrieve();
  LATENT_TRY(const auto plan, retrieve.plan(conversation.authorisation, selection, "export"));
  LATENT_TRY_VOID(
      conversation.channel.send_json({{"plan", {{"instances", plan.instances.size()}}}}));

  RetrieveCounts counts;
  Result<void> sent;
  for (const StoredInstance& instance : plan.instances) {
    sent = send_file(conversation, instance, counts);
    if (!sent || conversation.stop.stop_requested()) break;
  }
  counts.failed = plan.instances.size() - counts.completed;
  LATENT_TRY_VOID(retrieve.finish(plan, counts));
  if (!sent) return fail(sent.error());
  return nlohmann::json{
      {"instances", counts.completed}, {"failed", counts.failed}, {"bytes", counts.bytes}};
}

}  // namespace latent::server::control::detail
