// What an association costs that says nothing, and whether others notice.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "dicom/model/sop_classes.h"
#include "dicom/model/transfer_syntaxes.h"
#include "tests/benchmarks/benchmarks.h"
#include "tests/benchmarks/measure.h"
#include "tests/server/dimse/test_peer.h"
#include "tests/support/archive_process.h"
#include "tests/support/dicom_peer.h"

namespace latent::benchmarks {
namespace {

namespace network = dicom::network;

/// Of the process alone, without its database, in MB.
double proportional_megabytes(int process) {
  std::ifstream in(fmt::format("/proc/{}/smaps_rollup", process));
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("Pss:")) continue;
    double kilobytes = 0;
    const std::size_t at = line.find_first_of("0123456789");
    std::from_chars(line.data() + at, line.data() + line.size(), kilobytes);
    return kilobytes / 1e3;
  }
  throw std::runtime_error("the kernel does not tell the memory of a process");
}

network::RequestOptions request() {
  const std::vector<network::ContextWish> contexts = {
      {std::string(dicom::model::sop_classes::kVerification),
       {std::string(dicom::model::transfer_syntaxes::kImplicitLittle)}}};
  return {.calling = *AeTitle::parse("SILENT"),
          .called = *AeTitle::parse("LATENT"),
          .contexts = contexts,
          .roles = {},
          .extended = {}};
}

}  // namespace

void measure_idle_associations(unsigned associations) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const test::ArchiveProcess archive(
      {.configuration = fmt::format("[dimse]\nassociations_max = {}\n", associations + 10)});
  const test::DicomPeer known(archive.port());
  const auto echo = [&] {
    if (known.echo() != network::status::kSuccess) throw std::runtime_error("no echo");
  };
  echo();

  const double before = proportional_megabytes(archive.process_id());
  std::vector<std::unique_ptr<test::TestPeer>> peers;
  const Seconds opening = time_of([&] {
    while (peers.size() < associations) {
      peers.push_back(std::make_unique<test::TestPeer>(archive.port()));
      const auto event = peers.back()->associate(request());
      if (!event || !std::holds_alternative<network::Associated>(*event))
        throw std::runtime_error(fmt::format("association {} was refused", peers.size()));
    }
  });
  const double after = proportional_megabytes(archive.process_id());
  const auto echoes = times_of(echo, Seconds(1));

  Table table("benchmark-idle", "Associations that say nothing",
              {"associations", "opened a second", "MB before", "MB with them", "KB each",
               "echo of another peer, p50 / p95 ms"});
  table.row({std::to_string(associations), number(associations / opening.count()), number(before),
             number(after), number((after - before) * 1e3 / associations),
             milliseconds(quantile(echoes, 0.5)) + " / " + milliseconds(quantile(echoes, 0.95))});
  table.print();
}

}  // namespace latent::benchmarks
