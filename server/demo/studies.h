// The demo studies: invented patients, pictures computed from formulas, so that a person can try
// the archive without foreign pictures. CT and MR show one head phantom made of ellipsoids (after
// Shepp and Logan, with believable Hounsfield units and signals), ultrasound a beating chamber in a
// speckled sector. The same call gives the same bytes on every run: loading them again changes
// nothing in an archive.
#pragma once

#include <cstddef>
#include <string>

#include "security/base/bytes.h"

namespace latent::server::demo {

struct DemoObject {
  std::string name;  ///< of a file below a folder, "ct-head/0001.dcm"; says nothing of a patient
  Bytes file;        ///< a DICOM file (PS3.10), explicit little endian, at most 16 MiB
};

std::size_t demo_object_count();
/// `index` < demo_object_count(); ascending order is study by study. Takes up to about 0.2 s.
/// Stateless: any thread, any order.
DemoObject demo_object(std::size_t index);

}  // namespace latent::server::demo
