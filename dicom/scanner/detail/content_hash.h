// SHA-256 as this room needs it: one running hash that is finished many times into short marks.
#pragma once

#include <algorithm>

#include "dicom/scanner/canonical.h"
#include "security/base/bytes.h"
#include "security/crypto/sha256.h"

namespace latent::dicom::scanner::detail {

class ContentHash {
 public:
  void add(ByteSpan bytes) { hash_.update(bytes); }
  void add_byte(char letter) { hash_.update(as_bytes({&letter, 1})); }
  /// The first 16 bytes of the SHA-256; the hash begins anew.
  ContentMark finish() {
    const Digest whole = hash_.finish();
    ContentMark mark{};
    std::copy_n(whole.bytes.begin(), mark.size(), mark.begin());
    return mark;
  }

 private:
  security::crypto::Sha256 hash_;
};

}  // namespace latent::dicom::scanner::detail
