#include "dicom/model/dictionary.h"
#include "retrieval/query/query_service.h"
#include "server/control/detail/verbs.h"

namespace latent::server::control::detail {
namespace {

namespace query = retrieval::query;

Result<query::Level> level_named(std::string_view name) {
  if (name == "patient") return query::Level::patient;
  if (name == "study" || name.empty()) return query::Level::study;
  if (name == "series") return query::Level::series;
  if (name == "image" || name == "instance") return query::Level::image;
  return fail(ErrorCode::invalid_input, "--level takes patient, study, series or instance", "find");
}

std::string name_of(dicom::model::Tag tag) {
  const auto entry = dicom::model::find(tag);
  return entry ? std::string(entry->keyword) : dicom::model::to_string(tag);
}

nlohmann::json as_json(const std::vector<query::AnswerAttribute>& attributes) {
  nlohmann::json row = nlohmann::json::object();
  for (const query::AnswerAttribute& attribute : attributes) {
    nlohmann::json& member = row[name_of(attribute.tag)];
    if (attribute.vr == dicom::model::vrs::kSQ) {
      member = nlohmann::json::array();
      for (const auto& item : attribute.items) member.push_back(as_json(item));
    } else if (attribute.values.size() == 1) {
      member = attribute.values.front();
    } else {
      member = attribute.values;
    }
  }
  return row;
}

}  // namespace

Result<nlohmann::json> find(Conversation& conversation) {
  const nlohmann::json& request = conversation.request;
  LATENT_TRY(const auto level, level_named(text_member(request, "level")));
  std::vector<std::string> parameters;
  if (const auto keys = request.find("keys"); keys != request.end() && keys->is_array())
    for (const nlohmann::json& key : *keys)
      if (key.is_string()) parameters.push_back(key.get<std::string>());
  LATENT_TRY(auto wanted, query::parse_parameters(level, parameters));
  wanted.options.fuzzy_names = request.value("fuzzy", false);
  if (const auto limit = request.value("limit", std::uint64_t{0}); limit > 0) wanted.limit = limit;

  LATENT_TRY(const auto cursor,
             conversation.archive.query().open(conversation.authorisation, std::move(wanted),
                                               conversation.stop));
  std::uint64_t matches = 0;
  while (true) {
    LATENT_TRY(const auto answer, cursor->next());
    if (!answer) break;
    ++matches;
    LATENT_TRY_VOID(conversation.channel.send_json({{"row", as_json(answer->attributes)}}));
  }
  nlohmann::json done{{"matches", matches}};
  for (const dicom::model::Tag tag : cursor->unsupported())
    done["unsupported"].push_back(name_of(tag));
  return done;
}

}  // namespace latent::server::control::detail
