// Where the frames of an instance lie, packed for its catalog row (column pixel_layout): about
// 10 bytes for native pixel data, about 3 bytes a fragment for encapsulated ones.
//
//   u8 version = 1 | u8 kind (1 native, 2 encapsulated) | u8 attribute (0 Pixel Data, 1 Float, 2
//   Double Float) | varints: value offset, value bytes
//   encapsulated goes on with varints: number of fragments; for each the bytes skipped since the
//   end of the one before (8 for an item header) and its length; then how frames begin:
//   0 unknown, 1 one fragment a frame, 2 a list: number of frames, steps between first fragments
// A varint is LEB128, least significant group first, at most 10 bytes.
#pragma once

#include "dicom/scanner/dataset_index.h"
#include "security/base/bytes.h"
#include "security/base/result.h"

namespace latent::storage::catalog {

/// Empty when there is no pixel data.
Bytes pack_pixel_layout(const dicom::scanner::PixelLayout& layout);
/// Errors: corrupt, when the bytes are not what pack_pixel_layout() writes.
Result<dicom::scanner::PixelLayout> unpack_pixel_layout(ByteSpan packed);

}  // namespace latent::storage::catalog
