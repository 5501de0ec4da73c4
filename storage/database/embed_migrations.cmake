# cmake -D OUTPUT=migrations.cpp -D FOLDER=…/migrations -P embed_migrations.cmake
# Writes NNNN_name.sql files as one C++ table, so that the binary needs no files beside it.
file(GLOB files "${FOLDER}/[0-9][0-9][0-9][0-9]_*.sql")
list(SORT files)
set(table "")
foreach(file IN LISTS files)
  get_filename_component(base "${file}" NAME_WE)
  string(REGEX MATCH "^0*([0-9]+)_(.+)$" matched "${base}")
  set(number "${CMAKE_MATCH_1}")
  set(name "${CMAKE_MATCH_2}")
  file(READ "${file}" sql)
  string(APPEND table "    {${number}, \"${name}\", R\"latent_sql(${sql})latent_sql\"},\n")
endforeach()
file(WRITE "${OUTPUT}.new" "// Made by embed_migrations.cmake; do not edit.
#include \"storage/database/migrate.h\"

namespace latent::storage::database {
namespace {
constexpr Migration kMigrations[] = {
${table}};
}  // namespace
std::span<const Migration> embedded_migrations() { return kMigrations; }
}  // namespace latent::storage::database
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
