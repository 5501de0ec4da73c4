// Runs the measurements that are named, or all.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmarks/benchmarks.h"

int main(int argc, char** argv) {
  using namespace latent::benchmarks;
  std::int64_t studies = 1'000'000;
  unsigned associations = 2'000;
  const std::vector<std::pair<std::string, std::function<void()>>> all = {
      {"bytes", [] { measure_bytes(); }},
      {"inserts", [] { measure_inserts(); }},
      {"queries", [&] { measure_queries(studies); }},
      {"idle", [&] { measure_idle_associations(associations); }}};
  std::vector<std::string> names;
  for (const auto& one : all) names.push_back(one.first);

  CLI::App app("Measurements of single parts of Latent, as markdown tables.");
  std::vector<std::string> wanted;
  app.add_option("what", wanted, "what to measure; nothing = all")->check(CLI::IsMember(names));
  app.add_option("--studies", studies, "invented studies of `queries`")
      ->capture_default_str()
      ->check(CLI::Range(1'000, 100'000'000));
  app.add_option("--associations", associations, "of `idle`")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    for (const auto& [name, measure] : all)
      if (wanted.empty() || std::ranges::find(wanted, name) != wanted.end()) measure();
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "benchmarks: %s\n", exception.what());
    return 1;
  }
  return 0;
}
