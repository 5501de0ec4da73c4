#include <algorithm>
#include <array>

#include "dicom/model/sop_classes.h"
#include "dicom/network/negotiate.h"
#include "server/dimse/services/services.h"

namespace latent::server::dimse {

using dicom::network::CommandField;
using dicom::network::ContextUse;
using security::access::Action;
namespace classes = dicom::model::sop_classes;

namespace {

bool is_verification(std::string_view sop_class) { return sop_class == classes::kVerification; }
/// A class that no table knows can only have come through negotiation as a storage class.
bool is_storage(std::string_view sop_class) {
  return dicom::network::standard_use(sop_class) != ContextUse::service;
}
bool is_find(std::string_view sop_class) {
  return sop_class == classes::kPatientRootFind || sop_class == classes::kStudyRootFind ||
         sop_class == classes::kPatientStudyOnlyFind;
}
bool is_get(std::string_view sop_class) {
  return sop_class == classes::kPatientRootGet || sop_class == classes::kStudyRootGet ||
         sop_class == classes::kPatientStudyOnlyGet;
}
bool is_move(std::string_view sop_class) {
  return sop_class == classes::kPatientRootMove || sop_class == classes::kStudyRootMove ||
         sop_class == classes::kPatientStudyOnlyMove;
}

constexpr std::array kServices = {
    Service{CommandField::c_echo_rq, Action::echo, is_verification, make_echo},
    Service{CommandField::c_store_rq, Action::store, is_storage, make_store},
    Service{CommandField::c_find_rq, Action::query, is_find, make_find},
    Service{CommandField::c_get_rq, Action::retrieve, is_get, make_get},
    Service{CommandField::c_move_rq, Action::move, is_move, make_move},
};

}  // namespace

std::span<const Service> all_services() { return kServices; }

const Service* find_service(std::uint16_t command_field) {
  const auto found = std::find_if(kServices.begin(), kServices.end(), [&](const Service& service) {
    return static_cast<std::uint16_t>(service.request) == command_field;
  });
  return found == kServices.end() ? nullptr : &*found;
}

}  // namespace latent::server::dimse
