#include "storage/ingest/store_outcome.h"

namespace latent::storage::ingest {

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "none";
    case Reason::not_understood:
      return "not_understood";
    case Reason::class_mismatch:
      return "class_mismatch";
    case Reason::instance_mismatch:
      return "instance_mismatch";
    case Reason::differs:
      return "differs";
    case Reason::no_room:
      return "no_room";
    case Reason::unavailable:
      return "unavailable";
    case Reason::cancelled:
      return "cancelled";
  }
  return "none";
}

}  // namespace latent::storage::ingest
