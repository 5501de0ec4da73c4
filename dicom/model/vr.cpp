#include "dicom/model/vr.h"

namespace latent::dicom::model {

using namespace vrs;

bool is_known(Vr vr) {
  switch (vr) {
    case kAE:
    case kAS:
    case kAT:
    case kCS:
    case kDA:
    case kDS:
    case kDT:
    case kFD:
    case kFL:
    case kIS:
    case kLO:
    case kLT:
    case kOB:
    case kOD:
    case kOF:
    case kOL:
    case kOV:
    case kOW:
    case kPN:
    case kSH:
    case kSL:
    case kSQ:
    case kSS:
    case kST:
    case kSV:
    case kTM:
    case kUC:
    case kUI:
    case kUL:
    case kUN:
    case kUR:
    case kUS:
    case kUT:
    case kUV:
      return true;
  }
  return false;
}

bool has_long_length(Vr vr) {
  switch (vr) {
    case kOB:
    case kOD:
    case kOF:
    case kOL:
    case kOV:
    case kOW:
    case kSQ:
    case kSV:
    case kUC:
    case kUN:
    case kUR:
    case kUT:
    case kUV:
      return true;
    default:
      return false;
  }
}

unsigned swap_unit(Vr vr) {
  switch (vr) {
    case kAT:
    case kOW:
    case kSS:
    case kUS:
      return 2;
    case kFL:
    case kOF:
    case kOL:
    case kSL:
    case kUL:
      return 4;
    case kFD:
    case kOD:
    case kOV:
    case kSV:
    case kUV:
      return 8;
    default:
      return 1;
  }
}

bool uses_character_set(Vr vr) {
  switch (vr) {
    case kLO:
    case kLT:
    case kPN:
    case kSH:
    case kST:
    case kUC:
    case kUT:
      return true;
    default:
      return false;
  }
}

char padding_of(Vr vr) {
  switch (vr) {
    case kAE:
    case kAS:
    case kCS:
    case kDA:
    case kDS:
    case kDT:
    case kIS:
    case kLO:
    case kLT:
    case kPN:
    case kSH:
    case kST:
    case kTM:
    case kUC:
    case kUR:
    case kUT:
      return ' ';
    default:
      return '\0';
  }
}

}  // namespace latent::dicom::model
