// The project's own C++ files, read once, for the tests of the code itself.
#pragma once

#include <string>
#include <vector>

namespace latent::structure {

struct SourceFile {
  std::string path;                ///< from the source root, "storage/blobs/segment.h"
  std::vector<std::string> lines;  ///< as they stand in the file
  std::vector<std::string> code;   ///< the same lines with comments blanked; literals stay
};

/// Every .h and .cpp below the five floors and tests/.
const std::vector<SourceFile>& source_files();

bool is_product(const SourceFile& file);      ///< below one of the five floors
std::string floor_of(std::string_view path);  ///< "storage", or "" when it is none
std::string room_of(std::string_view path);   ///< "storage/blobs"

/// Blanks // and /* */ comments; text and character literals are kept whole. Raw string literals
/// are recognised.
std::vector<std::string> without_comments(const std::vector<std::string>& lines);

}  // namespace latent::structure
